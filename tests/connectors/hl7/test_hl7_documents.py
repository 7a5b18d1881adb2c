"""The document that a message encloses: its identifier, and its bytes in whatever dress they come."""

from __future__ import annotations

import pytest
from hl7_build import (
    CDA,
    FLAGS,
    b64,
    codes,
    document_mdm,
    document_oru,
    documents,
    ed,
    encode,
    first,
    flags,
    msh,
    read_all,
)

from connectors.base import Message, RawId, Refusal
from connectors.hl7.ids import same_document


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("1.2.3.4^Organisation-Y", RawId("1.2.3.4")),
        ("A12^^1.2.3^ISO", RawId("1.2.3", "A12", "ISO")),
        ("^^1.2.3^ISO", RawId("1.2.3", "", "ISO")),
        ("1.2.3.A12", RawId("1.2.3", "A12")),
        ("1.2.3.4-5.6", RawId("1.2.3", "4-5.6")),
        ("1.2.3^^ISO", RawId("1.2.3")),
        ("local-7", RawId("", "local-7")),
        ("", None),
    ],
)
def test_document_ids_in_all_their_spellings(field: str, expected: RawId | None) -> None:
    lines = [line.replace("1.2.250.9999.1^Organisation|", f"{field}|") for line in document_mdm()]
    assert first(lines).document_id == expected


def test_ids_that_were_joined_name_the_same_document() -> None:
    assert same_document(RawId("1.2.3.4711"), RawId("1.2.3", "4711"))
    assert same_document(RawId("1.2.3", "A.B"), RawId("1.2.3", "A.B", "ISO"))
    assert not same_document(RawId("1.2.3.4711"), RawId("1.2.3.4712"))


NAMESPACED = CDA.replace("<ClinicalDocument xmlns", "<n:ClinicalDocument xmlns:n").replace("</Cl", "</n:Cl")
WRAPPED = "\n".join(b64(CDA)[i : i + 76] for i in range(0, len(b64(CDA)), 76))


@pytest.mark.parametrize(
    "payload",
    [
        ed(b64(CDA)),
        ed(b64(CDA).rstrip("=")),
        ed(b64(CDA + " ").rstrip("=")),
        ed(b64(CDA + "  ").rstrip("=")),
        ed(b64("\ufeff" + CDA)),
        ed(b64(CDA.encode("utf-16"))),
        ed(b64(NAMESPACED)),
        ed(WRAPPED),
        ed(WRAPPED.replace("\n", "\\.br\\")),
        ed(WRAPPED.replace("\n", "\\X0D0A\\")),
        ed(" " + b64(CDA) + " "),
        ed(b64(CDA), head="^text^xml^BASE64^"),
        ed(b64(CDA), head="^application^x-hl7-cda^Base64^"),
        ed(b64(CDA), head="^TEXT^^Base64^"),
        ed(b64(CDA), head="^TEXT^XML^"),
        ed(b64(CDA)).removesuffix("||||||F|"),
        ed(b64(CDA)).replace("|ED|", "|ST|"),
        ed(CDA, head="^TEXT^XML^^"),
        ed(CDA, head=""),
        ed(CDA, head="").replace("|ED|", "|FT|"),
        ed(CDA.replace("analyses", "a|b"), head="^TEXT^XML^A^"),
        ed(CDA.replace("&", "\\T\\").replace("\n", "\\.br\\"), head="").replace("|ED|", "|TX|"),
        ed(CDA.replace("<", "&lt;").replace(">", "&gt;"), head="").replace("|ED|", "|TX|"),
        ed(CDA.replace("<", "\\T\\lt;").replace(">", "\\T\\gt;"), head=""),
    ],
)
@pytest.mark.parametrize("mdm", [False, True])
def test_a_document_is_found_in_whatever_dress(payload: str, mdm: bool) -> None:
    lines = document_oru(payload)
    if mdm:
        lines = [*document_mdm()[:-11], payload, *flags()]
    message = first(lines)
    assert (message.encloses, codes(lines)) == (1, [])
    (found,) = documents(lines)
    text = found.decode("utf-16" if found[:2] == b"\xff\xfe" else "utf-8-sig")
    assert "ClinicalDocument" in text and ("d’analyses à Évry" in text or "d’a|b à Évry" in text)
    assert len(message.flags) == len(FLAGS)


def test_raw_xml_takes_the_charset_of_the_message_not_the_one_it_declares() -> None:
    xml = CDA.replace("’", "'")
    lines = document_oru(ed(xml, head=""))
    lines[0] = msh(charset="8859/15", profile="2.1^CISIS_CDA_HL7_V2")
    (found,) = documents(encode(lines, charset="iso8859-15"))
    assert "encoding" not in found.decode() and "à Évry" in found.decode()
    status = first(document_oru(ed(CDA.replace("analyses", "a|b"), head="", status="C"))).result_status
    assert status == "C"


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ("[base64]", "PAYLOAD_NOT_A_DOCUMENT"),
        ("[Contenu du document CDA encodé en base 64]", "PAYLOAD_NOT_A_DOCUMENT"),
        ("Document", "PAYLOAD_NOT_A_DOCUMENT"),
        ("x", "PAYLOAD_NOT_A_DOCUMENT"),
        ("", "PAYLOAD_NOT_A_DOCUMENT"),
        ("====", "PAYLOAD_NOT_A_DOCUMENT"),
        (b64("Voici un texte, pas un CDA"), "PAYLOAD_NOT_A_DOCUMENT"),
        (b64(b"%PDF-1.7"), "PAYLOAD_NOT_A_DOCUMENT"),
        (b64("<Bundle/>"), "PAYLOAD_NOT_A_DOCUMENT"),
        ("<Bundle/>", "PAYLOAD_NOT_A_DOCUMENT"),
        (b64(CDA)[:-40], "PAYLOAD_TRUNCATED"),
        (b64(CDA)[:-41], "PAYLOAD_TRUNCATED"),
        (b64(CDA)[:-42], "PAYLOAD_TRUNCATED"),
        (b64(CDA)[:-43], "PAYLOAD_TRUNCATED"),
        (b64(CDA + " ").rstrip("=") + "AA", "PAYLOAD_TRUNCATED"),
        (CDA[:-5], "PAYLOAD_TRUNCATED"),
        (b64(CDA)[:200] + "*" + b64(CDA)[200:], "PAYLOAD_UNDECODABLE"),
        (b64(CDA)[:200] + "é" + b64(CDA)[200:], "PAYLOAD_UNDECODABLE"),
    ],
)
def test_a_payload_that_is_no_document_is_refused_and_counted(payload: str, code: str) -> None:
    message, refusal = read_all(encode(document_oru(ed(payload))))
    assert isinstance(message, Message) and isinstance(refusal, Refusal)
    assert (message.encloses, refusal.code, refusal.counted) == (1, code, True)
    assert "Voici" not in refusal.came and str(refusal.locator) == "message 1, document 1, OBX 1"


def test_several_documents_each_come_or_are_refused() -> None:
    lines = document_oru(ed(b64(CDA)), ed("[base64]", 2), ed(b64(NAMESPACED), 3))
    assert [type(y).__name__ for y in read_all(encode(lines))] == ["Message", "Enclosed", "Refusal", "Enclosed"]
    assert first(lines).encloses == 3
