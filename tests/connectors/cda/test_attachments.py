"""Attachments: found in their places, decoded, typed by content, hashed; what is wrong with them is told."""

from __future__ import annotations

import base64
import hashlib
import random
import re
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.attachments import Attachment
from connectors.base import Document, Source
from connectors.cda.attachments import content, decoded
from connectors.cda.reader import read
from tests.cda import cda
from tests.connectors.cda.documents import b64, level_1, level_3, section
from tests.connectors.cda.test_anchors import sample_documents
from tests.connectors.test_media import JPEG, PDF, PNG


def document(data: bytes) -> Document:
    (found,) = read(Source.of_bytes("a.xml", data))
    assert isinstance(found, Document)
    return found


def attached(data: bytes) -> tuple[Attachment, ...]:
    return document(data).attached


# Base64


@given(data=st.binary(min_size=1, max_size=300), seed=st.integers(0, 9))
def test_base64_is_decoded_whatever_its_white_space_and_padding(data: bytes, seed: int) -> None:
    text = base64.b64encode(data).decode()
    spaced = "\n\t ".join(text[i : i + 1 + seed] for i in range(0, len(text), 1 + seed))
    assert decoded(f"\r\n  {spaced}  ") == data
    assert decoded(spaced.rstrip("=\n\t ")) == data


@pytest.mark.parametrize(
    "said", ["", "   ", "A", "QUJDR", "QUJD!A==", "QUJDéA==", "Q=JD", "====", "QUJD====", "<b>QUJD"]
)
def test_what_is_no_whole_base64_is_not_repaired(said: str) -> None:
    assert decoded(said) is None


# Bodies of level 1


@pytest.mark.parametrize(
    ("said", "data", "found"),
    [
        ("application/pdf", PDF, "application/pdf"),
        ("text/plain", b"Compte rendu", "text/plain"),
        ("text/rtf", rb"{\rtf1 Compte rendu}", "text/rtf"),
        ("image/jpeg", JPEG, "image/jpeg"),
        ("image/tiff", b"II*\x00\x08\x00", "image/tiff"),
    ],
)
def test_a_level_1_body_of_any_admitted_type_is_taken(said: str, data: bytes, found: str) -> None:
    raw = level_1(b64(data), said)
    (body,) = attached(raw)
    assert (body.number, body.kind, body.place) == (1, "body", "component/nonXMLBody/text")
    assert (body.media_type, body.declared, body.size) == (found, said, len(data))
    assert body.sha256 == hashlib.sha256(data).hexdigest()
    assert (body.state, body.active, body.integrity) == ("", (), "")
    assert content(raw, 1) == data
    assert document(raw).findings == {}
    assert document(raw).attachments == 1


def test_a_level_1_body_may_be_plain_text_without_base64() -> None:
    raw = level_1("Compte rendu : été\n", "text/plain", representation="")
    (body,) = attached(raw)
    assert (body.media_type, content(raw, 1)) == ("text/plain", "Compte rendu : été\n".encode())


@pytest.mark.parametrize("said", ["", b64(PDF)[:-3], b64(PDF) + "é", "&#233;"])
def test_a_level_1_document_without_a_readable_body_is_told(said: str) -> None:
    raw = level_1(said)
    (body,) = attached(raw)
    assert (body.state, body.size, body.sha256) == ("unreadable", 0, "")
    assert document(raw).findings == {"BODY_UNREADABLE": ("component/nonXMLBody/text",)}
    assert content(raw, 1) is None


def test_a_level_1_body_that_lies_elsewhere_is_no_body_and_is_not_fetched() -> None:
    raw = level_1("<reference value='https://exemple.fr/cr.pdf'/>", representation="")
    (body,) = attached(raw)
    assert (body.kind, body.address, body.state) == ("body", "https://exemple.fr/cr.pdf", "unreadable")
    assert "BODY_UNREADABLE" in document(raw).findings


@pytest.mark.parametrize(
    ("data", "said", "codes"),
    [
        (PNG, "image/jpeg", ["MEDIA_TYPE_DIFFERS", "BODY_TYPE_NOT_ADMITTED"]),
        (PDF[:-10], "application/pdf", ["ATTACHMENT_INCOMPLETE"]),
        (b"<html><script>alert(1)</script>", "text/html", ["BODY_TYPE_NOT_ADMITTED", "ATTACHMENT_ACTIVE"]),
        (b"<svg/>", "application/pdf", ["MEDIA_TYPE_DIFFERS", "BODY_TYPE_NOT_ADMITTED", "ATTACHMENT_ACTIVE"]),
        (PDF + b"<< /S /JavaScript >>%%EOF", "application/pdf", ["ATTACHMENT_ACTIVE"]),
        (PDF + b"<< /Encrypt 1 0 R >>%%EOF", "application/pdf", ["ATTACHMENT_UNEXAMINED"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_body_is_told_and_the_body_kept(data: bytes, said: str, codes: list[str]) -> None:
    raw = level_1(b64(data), said)
    assert list(document(raw).findings) == codes
    assert content(raw, 1) == data


@pytest.mark.parametrize(
    ("algorithm", "check", "integrity"),
    [
        ("", base64.b64encode(hashlib.sha1(PDF).digest()).decode(), "verified"),
        ("SHA-1", hashlib.sha1(PDF).hexdigest().upper(), "verified"),
        ("SHA-256", base64.b64encode(hashlib.sha256(PDF).digest()).decode(), "verified"),
        ("SHA-256", base64.b64encode(hashlib.sha256(PDF + b" ").digest()).decode(), "failed"),
        ("SHA-256", "n'importe quoi", "failed"),
        ("MD5", "d41d8cd98f00b204e9800998ecf8427e", "unknown"),
    ],
)
def test_a_declared_digest_is_checked(algorithm: str, check: str, integrity: str) -> None:
    said = f'integrityCheck="{check}"' + (f' integrityCheckAlgorithm="{algorithm}"' if algorithm else "")
    raw = level_1(b64(PDF), attributes=said)
    assert attached(raw)[0].integrity == integrity
    assert ("INTEGRITY_CHECK_FAILED" in document(raw).findings) == (integrity == "failed")


# Attachments of level 3

MEDIA = """<observationMedia classCode="OBS" moodCode="EVN" ID="{id}">
<value mediaType="{said}" representation="B64">{data}</value></observationMedia>"""
TYPED = """<organizer classCode="CLUSTER" moodCode="EVN"><component><observation classCode="OBS" moodCode="EVN">
<code code="69764-9" codeSystem="2.16.840.1.113883.6.1"/><text><reference value="#t"/></text>
<value {type}><originalText><reference value="titre"/></originalText></value></observation></component>
<component>{media}</component></organizer>"""


def medium(data: bytes = PDF, said: str = "application/pdf", id_: str = "doc-1") -> str:
    return MEDIA.format(id=id_, said=said, data=b64(data))


def typed(media: str) -> str:
    return TYPED.format(type='code="55108-5" codeSystem="2.16.840.1.113883.6.1" displayName="Copie"', media=media)


INLINE = 'mediaType="application/pdf" representation="B64"'


def region(inner: str) -> str:
    around = f'<entryRelationship typeCode="SUBJ">{inner}</entryRelationship>'
    return f'<regionOfInterest classCode="ROIOVL" moodCode="EVN" ID="roi">{around}</regionOfInterest>'


@pytest.mark.parametrize(
    ("code", "entry", "kind"),
    [
        ("55108-5", typed(medium()), "copy"),
        ("101792-0", typed(medium()), "second-intention"),
        ("55107-7", typed(medium()), "attached"),
        ("42348-3", medium(), "attached"),
        ("18748-4", medium(PNG, "image/png"), "image"),
        ("55107-7", region(medium(PNG, "image/png")), "image"),
        ("18748-4", f"<observation><value {INLINE}>{b64(PDF)}</value></observation>", "inline"),
        ("18748-4", f"<act><text {INLINE}>{b64(PDF)}</text></act>", "inline"),
    ],
)
def test_an_attachment_is_of_the_kind_that_its_place_says(code: str, entry: str, kind: str) -> None:
    raw = level_3(section("<paragraph>x</paragraph>", f"<entry>{entry}</entry>", code=code))
    (found,) = attached(raw)
    assert found.kind == kind
    assert (found.section.code, found.section_title) == (code, "Titre")
    assert found.place.startswith("component/structuredBody/component/section/entry/")
    assert content(raw, 1) in (PDF, PNG)
    assert document(raw).attachments == 1


def test_the_type_and_the_words_of_an_attachment_come_from_the_observation_beside_it() -> None:
    narrative = "<content ID='titre'>Copie du compte rendu</content>"
    (found,) = attached(level_3(section(narrative, f"<entry>{typed(medium())}</entry>", code="55108-5")))
    assert (found.type.code, found.type.display) == ("55108-5", "Copie")
    assert found.label == "Copie du compte rendu"
    assert found.ids == ("doc-1",)


def test_attachments_are_numbered_in_the_order_of_the_document_and_placed() -> None:
    one = section("a", f"<entry>{medium(PNG, 'image/png', 'i')}</entry><entry>{medium()}</entry>")
    other = section("b", f"<entry>{medium(JPEG, 'image/jpeg', 'j')}</entry>")
    raw = level_3(one + other)
    assert [(a.number, a.media_type, a.place) for a in attached(raw)] == [
        (1, "image/png", "component/structuredBody/component[1]/section/entry[1]/observationMedia/value"),
        (2, "application/pdf", "component/structuredBody/component[1]/section/entry[2]/observationMedia/value"),
        (3, "image/jpeg", "component/structuredBody/component[2]/section/entry/observationMedia/value"),
    ]
    assert [content(raw, number) for number in (0, 1, 2, 3, 4)] == [None, PNG, PDF, JPEG, None]


def test_the_narrative_names_the_attachment_that_it_shows() -> None:
    image = region(medium(PNG, "image/png", "img"))
    shows = "<renderMultiMedia referencedObject='roi'/><renderMultiMedia referencedObject='img absent'/>"
    found = document(level_3(section(shows, f"<entry>{image}</entry>")))
    assert found.attached[0].ids == ("img", "roi")
    assert found.narrative[0].html.count("[pièce jointe 1 : image/png]") == 2
    assert "[pièce jointe introuvable]" in found.narrative[0].html


ELSEWHERE = "<reference value='https://exemple.fr/a.pdf'/>"


@pytest.mark.parametrize(
    "entry",
    [
        f"<observation><text>{ELSEWHERE}</text></observation>",
        f"<act><reference><externalDocument><text>{ELSEWHERE}</text></externalDocument></reference></act>",
        f"<observationMedia><value mediaType='image/png'>{ELSEWHERE}</value></observationMedia>",
    ],
)
def test_content_that_lies_elsewhere_is_kept_as_an_address(entry: str) -> None:
    found = document(level_3(section("x", f"<entry>{entry}</entry>")))
    (one,) = found.attached
    assert (one.kind, one.address, one.size) == ("external", "https://exemple.fr/a.pdf", 0)
    assert found.attachments == 0
    assert found.findings == {}


@pytest.mark.parametrize(
    "entry",
    [
        "<act><text><reference value='#x'/></text></act>",
        "<observationMedia><value nullFlavor='NA'/></observationMedia>",
    ],
)
def test_a_reference_to_the_narrative_and_a_null_are_no_attachments(entry: str) -> None:
    assert attached(level_3(section("<content ID='x'>x</content>", f"<entry>{entry}</entry>"))) == ()


@pytest.mark.parametrize("said", ["", "QUJDR", "é"])
def test_an_attachment_that_cannot_be_read_flags_the_document_and_no_more(said: str) -> None:
    entry = MEDIA.format(id="d", said="application/pdf", data=said)
    found = document(level_3(section("texte", f"<entry>{entry}</entry>")))
    place = "component/structuredBody/component/section/entry/observationMedia/value"
    assert found.findings == {"ATTACHMENT_UNREADABLE": (place,)}
    assert found.narrative[0].narrative == "texte"


def test_places_of_a_fault_are_told_for_the_first_ten() -> None:
    entries = "".join(f"<entry>{MEDIA.format(id=i, said='image/png', data='A')}</entry>" for i in range(30))
    assert len(document(level_3(section("x", entries))).findings["ATTACHMENT_UNREADABLE"]) == 10


def test_many_attachments_are_placed_in_linear_time() -> None:
    entries = "".join("<observation><value representation='B64'>QUJD</value></observation>" for _ in range(20_000))
    begun = time.process_time()
    assert len(attached(level_3(section("x", f"<entry>{entries}</entry>")))) == 20_000
    assert time.process_time() - begun < 10


def test_content_of_what_is_no_document_is_nothing() -> None:
    assert content(b"<a/>", 1) is None
    assert content(b"<a", 1) is None


def test_the_builder_of_the_other_tests_makes_a_sound_body() -> None:
    assert document(cda("1", level=1)).findings == {}


# Real documents


def test_every_attachment_of_the_samples_is_readable_typed_and_given_back(samples: Path) -> None:
    kinds: Counter[tuple[str, str]] = Counter()
    wrong: Counter[str] = Counter()
    for data in sample_documents(samples):
        found = document(data)
        wrong.update(code for code in found.findings if code != "REFERENCE_DANGLING")
        for one in found.attached:
            kinds[one.kind, one.media_type] += 1
            if one.embedded:
                again = content(data, one.number)
                assert again is not None and hashlib.sha256(again).hexdigest() == one.sha256
                assert one.state == "" and one.active == ()
    assert kinds == {
        ("body", "application/pdf"): 21,
        ("copy", "application/pdf"): 12,
        ("attached", "application/pdf"): 12,
        ("attached", "image/jpeg"): 2,
        ("second-intention", "application/pdf"): 2,
        ("image", "image/png"): 15,
        ("external", ""): 8,
    }
    assert wrong == {"MEDIA_TYPE_DIFFERS": 4}


def test_no_mutant_of_a_document_full_of_attachments_and_references_raises() -> None:
    rng = random.Random(11)
    narrative = "<table ID='t'><tbody><tr><td ID='titre'>x</td></tr></tbody></table><linkHtml href='#t'>y</linkHtml>"
    entries = f"<entry>{typed(medium())}</entry><entry>{region(medium(PNG, 'image/png', 'i'))}</entry>"
    good = level_3(section(f"{narrative}<renderMultiMedia referencedObject='roi'/>", entries, code="55107-7"))
    words = [
        b"representation",
        b"B64",
        b"<text>",
        b"</text>",
        b"ID=",
        b"#titre",
        b"value",
        b"observationMedia",
        b"table",
    ]
    taken = 0
    for _ in range(400):
        data = bytearray(good)
        for _ in range(rng.randint(1, 3)):
            word = rng.choice(words)
            places = [found.start() for found in re.finditer(re.escape(word), bytes(data))]
            if places:
                at = rng.choice(places)
                data[at : at + len(word)] = rng.choice([b"", b"x", word * 2, rng.choice(words)])
        (found,) = read(Source.of_bytes("a.xml", bytes(data)))
        taken += isinstance(found, Document)
    assert 40 < taken < 400
