"""Acknowledgements as bytes: what they repeat of a header, in which delimiters and character set, whatever came."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Envelope, Message, Refusal, Source
from connectors.hl7 import HL7
from connectors.hl7.acknowledge import Answer, Asked, Reason, acknowledgement, asked, glimpse
from tests.hl7 import oru

ERR = Reason("CODE", "a|b^c", "207", "E", ("PID^1^3",), "904", "tech~nical", "lu & relu\nfin")


def envelope_of(data: bytes) -> Envelope:
    (one,) = HL7.read(Source.of_bytes("m", data))
    assert isinstance(one, Message | Refusal) and one.envelope is not None
    return one.envelope


def ack(envelope: Envelope, *reasons: Reason) -> bytes:
    return acknowledgement(envelope, "AA", reasons, at="20260304", control_id="C")


def test_an_answer_is_in_the_usual_delimiters_whatever_those_of_the_message() -> None:
    usual = oru().replace(b"|APP|", b"|A\\T\\B^1.2^ISO|")
    other = usual.replace(b"MSH|^~\\&|", b"MSH#*%?!#")
    head, _, rest = other.partition(b"\r")
    head = head[:9] + head[9:].replace(b"\\T\\", b"&").replace(b"|", b"#").replace(b"^", b"*")
    assert envelope_of(head + b"\r" + rest.replace(b"|", b"#")) == envelope_of(usual)
    assert b"|A\\T\\B^1.2^ISO|HOP|" in ack(envelope_of(usual))


def test_a_header_is_glimpsed_as_it_is_read() -> None:
    assert glimpse(oru()) == envelope_of(oru())
    assert glimpse(oru().replace(b"MSH|^~\\&|", b"MSH|&&&&|")) == envelope_of(oru())
    assert glimpse(b"MSHxAxA|B").sending_application == "A\\F\\B"


def test_text_is_escaped() -> None:
    line = ack(Envelope(), ERR).decode().split("\r")[2]
    assert line.startswith("ERR||PID^1^3|207^Application error^messageErrorCondition|E|904^INS ou traits différents^")
    assert line.endswith("^CODE^a\\F\\b\\S\\c^CARNET||tech\\R\\nical|lu \\T\\ relu\\.br\\fin")


def test_a_header_of_any_length_is_cut() -> None:
    data = oru().replace(b"|APP|", b"|" + b"A" * 100_000 + b"|")
    assert len(ack(envelope_of(data))) < 1000


@given(st.binary(max_size=400))
def test_any_header_can_be_answered(data: bytes) -> None:
    answered = ack(glimpse(b"MSH" + data), ERR)
    lines = answered.rstrip(b"\r").split(b"\r")
    assert [line[:3] for line in lines] == [b"MSH", b"MSA", b"ERR"]
    assert b"\n" not in answered


@pytest.mark.parametrize(
    ("accept", "application", "sent"),
    [
        ("", "", {"AA", "AE", "AR"}),
        ("NE", "AL", {"AA", "AE", "AR"}),
        ("AL", "NE", {"CA", "CR"}),
        ("AL", "AL", {"CA", "CR", "AA", "AE", "AR"}),
        ("ER", "", {"CR"}),
        ("SU", "ER", {"CA", "AE", "AR"}),
        ("", "SU", {"AA"}),
        ("NE", "NE", set()),
        ("yes", "al ", {"CA", "CR", "AA", "AE", "AR"}),
    ],
)
def test_the_answers_that_a_message_asks_for(accept: str, application: str, sent: set[str]) -> None:
    """HL7 table 0155, and original mode where neither field says anything (HL7 v2.5, 2.9.2)."""
    data = oru().replace(b"|||||FRA|", f"|||{accept}|{application}|FRA|".encode())
    answers: list[Answer] = ["AA", "AE", "AR", "CA", "CR"]
    assert {answer for answer in answers if asked(data).wants(answer)} == sent
    assert asked(data.replace(b"|", b"#")) == asked(data)


def test_what_is_no_header_asks_for_the_usual_answer() -> None:
    assert asked(b"") == asked(b"MSH") == asked(b"MSH|^~\\&|A") == Asked()
