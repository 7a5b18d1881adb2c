"""Delimiters are those of the message, escapes are decoded once, segments survive any line break."""

from __future__ import annotations

import pytest
from hl7_build import PID, codes, encode, first, msh, results_oru
from hypothesis import given
from hypothesis import strategies as st

from connectors.hl7.tokens import Delimiters, delimiters, escape, segments, unescape

USUAL = Delimiters("|", "^", "~", "\\", "&")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"MSH|^~\\&|A", USUAL),
        (b"MSH|^~\\&#|A", Delimiters("|", "^", "~", "\\", "&", "#")),
        (b"MSH|^~\\}|A", Delimiters("|", "^", "~", "\\", "}")),
        (b"MSH$*:?!$A", Delimiters("$", "*", ":", "?", "!")),
        (b"MSH|&&&&|A", None),
        ("MSH|^˜\\&|A".encode(), None),
        (b"MSH|^~&|A", None),
        (b"MSH||A", None),
        (b"MSH|^~\\|", None),
        (b"MSH|ABCD|", None),
        (b"MSH|^~\\& |", None),
        (b"MSH|^.\\&|", None),
        (b"MSH|^~\\&#%|", None),
        (b"MSH", None),
        (b"MSH|", None),
        (b"MSH|^~\\&", USUAL),
    ],
)
def test_delimiters_are_read_or_refused(head: bytes, expected: Delimiters | None) -> None:
    assert delimiters(head) == expected


def test_unusable_delimiters_refuse_one_message_and_not_its_neighbours() -> None:
    broken = [results_oru()[0].replace("^~\\&", "&&&&"), *results_oru()[1:]]
    assert codes(encode(results_oru()) + encode(broken) + encode(results_oru())) == ["DELIMITERS_UNUSABLE"]


@pytest.mark.parametrize(
    ("escaped", "text", "unknown"),
    [
        ("a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f", "a|b^c&d~e\\f", 0),
        ("one\\.br\\two", "one\ntwo", 0),
        ("\\X0D0A\\", "\r\n", 0),
        ("\\XC3A9\\t\\XC3\\\\XA9\\", "été", 0),
        ("\\XE9\\", "é", 0),
        ("\\E\\F\\E\\", "\\F\\", 0),
        ("\\Zxx\\ \\C2842\\ \\.xx\\", "\\Zxx\\ \\C2842\\ \\.xx\\", 3),
        ("\\H\\grave\\N\\ \\.sp2\\ \\.in+4\\ \\.ce\\", "\\H\\grave\\N\\ \\.sp2\\ \\.in+4\\ \\.ce\\", 0),
        ("\\X0\\ \\XGG\\", "\\X0\\ \\XGG\\", 2),
        ("C:\\ and \\F\\", "C:\\ and |", 1),
        ("open \\", "open \\", 1),
        ("50\\ mg \\T\\ more", "50\\ mg & more", 1),
        ("no escape", "no escape", 0),
    ],
)
def test_escapes_are_decoded_once_and_unknown_ones_stay(escaped: str, text: str, unknown: int) -> None:
    told: list[None] = []
    assert unescape(escaped, USUAL, lambda: told.append(None)) == text
    assert len(told) == unknown


PUNCTUATION = "!\"#$%&'()*+,-/:;<=>?@[\\]^_`{|}~"


@given(st.permutations(PUNCTUATION), st.booleans(), st.text(st.sampled_from(PUNCTUATION + "aXF0.é\n\r ")) | st.text())
def test_what_is_escaped_comes_back(order: list[str], fifth: bool, text: str) -> None:
    d = Delimiters(*order[:6]) if fifth else Delimiters(*order[:5])
    escaped = escape(text, d)
    told: list[None] = []
    assert unescape(escaped, d, lambda: told.append(None)) == text
    assert not told
    assert not set(escaped) & {d.field, d.component, d.repetition, d.subcomponent, "\r", "\n"}


def test_a_message_with_escapes_reads_as_its_text() -> None:
    lines = [
        msh(control="a\\T\\b"),
        PID.replace("MARTINEAU", "D\\T\\ARC").replace("4711^", "47\\S\\11^"),
        "OBR|1||F1|X\\F\\Y^un \\T\\ deux^L",
        "OBX|1|ST|C\\S\\1^le \\R\\ nom^LN||a\\F\\b~c\\.br\\d|m\\T\\g|\\E\\<5|H~L||F",
        "NTE|1||voir\\X0A\\plus bas",
        "OBX|2|CE|2^x^LN||A\\S\\B^C\\T\\D^L",
    ]
    message = first(lines)
    assert message.control_id == "a&b"
    assert message.patient is not None and message.patient.birth_family == "D&ARC"
    assert [i.extension for i in message.patient.ids] == ["299127505600072", "47^11"]
    (order,) = message.orders
    assert (order.panel.code, order.panel.display) == ("X|Y", "un & deux")
    one, two = order.observations
    assert (one.code.code, one.code.display, one.values) == ("C^1", "le ~ nom", ("a|b", "c\nd"))
    assert (one.unit.code, one.range, one.flags, one.notes) == ("m&g", "\\<5", ("H", "L"), ("voir\nplus bas",))
    assert two.parts == (("A^B", "C&D", "L"),)
    assert message.findings == ()
    assert first([msh(), PID.replace("MARTINEAU", "\\XC389\\PINAY")]).patient.birth_family == "ÉPINAY"  # type: ignore[union-attr]
    assert first([*lines, "NTE|1||\\Zxx\\"]).findings == ("ESCAPE_UNKNOWN",)


LONG = "OBX|1|ED|x||^T^XML^Base64^AAAA"


@pytest.mark.parametrize(
    ("text", "expected", "finding"),
    [
        ("MSH|a\rPID|b\r", ["PID|b"], ""),
        ("MSH|a\n\n \nPID|b", ["PID|b"], ""),
        ("MSH|a\r\x0b  PID|b\x1c\rXYZ|c\rZZZ", ["PID|b", "XYZ|c", "ZZZ"], ""),
        ("MSH|a\rOBX|1|TX|x||un\ndeux\n\ntrois||F", ["OBX|1|TX|x||un\ndeux\n\ntrois||F"], "LINE_BREAK_IN_FIELD"),
        ("MSH|a\rNTE|1||un\nDEUX LIGNES", ["NTE|1||un\nDEUX LIGNES"], "LINE_BREAK_IN_FIELD"),
        ("MSH|a\rPID|1\ngarbage", ["PID|1\ngarbage"], "SEGMENT_BROKEN"),
        (f"MSH|a\r{LONG}\nBBBB\nABC||F", [f"{LONG}\nBBBB\nABC||F"], ""),
        (f"MSH|a\r{LONG}\rPRT|B", [LONG, "PRT|B"], ""),
    ],
)
def test_segments_survive_line_breaks(text: str, expected: list[str], finding: str) -> None:
    assert segments(text, "|") == (["MSH|a", *expected], finding)
