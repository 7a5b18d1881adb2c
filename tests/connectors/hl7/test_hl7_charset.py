"""A message is decoded as what it is, whatever MSH-18 says; a lie is a finding; nothing is garbled."""

from __future__ import annotations

import pytest
from hl7_build import encode, first, results_oru
from hypothesis import given
from hypothesis import strategies as st

from connectors.hl7.charset import declared, decode

FRENCH = "Hémoglobine à l’œil : 5 € – « CAFÉ »\xa0ÇÀ"
LATIN = FRENCH.replace("’", "'").replace("–", "-")


@pytest.mark.parametrize(
    ("data", "msh18", "text", "finding"),
    [
        (FRENCH.encode(), "UNICODE UTF-8", FRENCH, ""),
        (FRENCH.encode(), "utf8", FRENCH, ""),
        (FRENCH.encode(), "8859/15", FRENCH, "CHARSET_MISMATCH"),
        (FRENCH.encode(), "8859/1", FRENCH, "CHARSET_MISMATCH"),
        (FRENCH.encode(), "ASCII", FRENCH, "CHARSET_MISMATCH"),
        (FRENCH.encode(), "", FRENCH, "CHARSET_UNDECLARED"),
        (FRENCH.encode(), "KLINGON", FRENCH, "CHARSET_UNDECLARED"),
        (LATIN.encode("iso8859-15"), "8859/15", LATIN, ""),
        (LATIN.encode("iso8859-15"), "ISO-8859-15", LATIN, ""),
        (LATIN.encode("iso8859-15"), "UNICODE UTF-8", LATIN, "CHARSET_MISMATCH"),
        (LATIN.encode("iso8859-15"), "ASCII", LATIN, "CHARSET_MISMATCH"),
        (LATIN.encode("iso8859-15"), "", LATIN, "CHARSET_UNDECLARED"),
        ("déjà ½".encode("iso8859-1"), "8859/1", "déjà ½", ""),
        (FRENCH.encode("cp1252"), "8859/1", FRENCH, "CHARSET_MISMATCH"),
        (FRENCH.encode("cp1252"), "UNICODE UTF-8", FRENCH, "CHARSET_MISMATCH"),
        ("« CAFÉ»".encode("iso8859-15"), "8859/15", "« CAFÉ»", ""),
        ("CAFÉ» RÉÉQUILIBRÉ\xa0".encode("iso8859-15"), "8859/15", "CAFÉ» RÉÉQUILIBRÉ\xa0", ""),
        ("CAFÉ»".encode("iso8859-15"), "8859/15", "CAFÉ»", ""),
        ("Ł ą".encode("iso8859-2"), "8859/2", "Ł ą", ""),
        (b"plain", "8859/15", "plain", ""),
        ("é".encode() * 9 + b"\xe9", "UNICODE UTF-8", "é" * 9 + "\ufffd", "BYTES_UNDECODABLE"),
        ("αβ".encode("iso8859-7") + b"\xff", "8859/7", "αβ\ufffd", "BYTES_UNDECODABLE"),
    ],
)
def test_the_bytes_decide_and_the_declaration_is_held_against_them(
    data: bytes, msh18: str, text: str, finding: str
) -> None:
    decoded = decode(data, msh18)
    assert (decoded.text, decoded.finding) == (text, finding)


@given(st.binary(max_size=60), st.sampled_from(["UNICODE UTF-8", "8859/1", "8859/15", "8859/7", "ASCII", "", "?"]))
def test_no_bytes_raise(data: bytes, msh18: str) -> None:
    assert isinstance(decode(data, msh18).text, str)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["Cs"])))
def test_what_is_honest_is_read_without_a_finding(text: str) -> None:
    decoded = decode(text.encode(), "UNICODE UTF-8")
    assert (decoded.text, decoded.finding) == (text, "")


def test_msh_18_is_read_from_the_first_line_only() -> None:
    assert declared(b"MSH|^~\\&|A\rPID" + b"|" * 20, b"|") == ""
    assert declared(encode(results_oru(charset="8859/15~ASCII"), "\n"), b"|") == "8859/15~ASCII"


@pytest.mark.parametrize("codec", ["utf-8", "iso8859-15"])
@pytest.mark.parametrize("msh18", ["UNICODE UTF-8", "8859/15"])
def test_a_lie_reaches_the_findings_and_the_text_is_right(codec: str, msh18: str) -> None:
    message = first(encode(results_oru(charset=msh18), charset=codec))
    assert message.patient is not None and message.patient.birth_givens == "Zoé Inès"
    assert message.orders[0].observations[0].code.display == "Hémoglobine"
    assert message.charset == msh18
    honest = (codec == "utf-8") == (msh18 == "UNICODE UTF-8")
    assert message.findings == (() if honest else ("CHARSET_MISMATCH",))
