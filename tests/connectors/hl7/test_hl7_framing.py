"""Framing finds every message, whatever ends its lines, and every byte is in one span or in a gap of no meaning."""

from __future__ import annotations

import io
import tracemalloc
from typing import BinaryIO, cast

import msgspec
import pytest
from hl7_build import codes, encode, first, gaps, msh, read_all, results_oru
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Ignored, Message, Refusal, Source
from connectors.hl7 import HL7, read
from connectors.hl7.framing import BLANK, BLOCK, frames
from connectors.registry import recognise

BOM = b"\xef\xbb\xbf"
TWO = [*results_oru(), *results_oru(2)]


def source(data: bytes) -> Source:
    return Source.of_bytes("x.hl7", data)


def content(data: bytes) -> list[object]:
    """What was read, less its place."""
    return [
        msgspec.structs.replace(y, span=None) if isinstance(y, Message) else type(y)  # type: ignore[arg-type]
        for y in read_all(data)
    ]


@pytest.mark.parametrize(
    "variant",
    [
        encode(TWO, "\n"),
        encode(TWO, "\r\n"),
        encode(TWO, "\r")[:-1],
        BOM + encode(TWO, "\r\n"),
        b"\n\n" + encode(TWO, "\n") + b"\n\n\n",
        encode(TWO, "\r\n\r\n"),
        b"\x0b" + encode(results_oru()) + b"\x1c\r\x0b" + encode(results_oru(2)) + b"\x1c\r",
        encode(results_oru()) + b"\x1c" + encode(results_oru(2)) + b"\x1a",
        encode(results_oru(), "\n") + BOM + encode(results_oru(2), "\r\n") + b"\x00\x00",
        encode(results_oru()) + b"  \t" + encode(results_oru(2)),
        b"".join(line.encode() + (b"\r", b"\n", b"\r\n")[i % 3] for i, line in enumerate(TWO)),
    ],
    ids=["lf", "crlf", "no-last", "bom", "blank", "blank-inside", "mllp", "no-cr", "two-boms", "indent", "mixed"],
)
def test_the_ends_of_lines_change_nothing(variant: bytes) -> None:
    assert content(variant) == content(encode(TWO))
    assert len(content(variant)) == 2


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("bom", ["\ufeff", ""])
def test_utf_16_is_read_with_spans_in_its_own_bytes(codec: str, bom: str) -> None:
    text = bom + "\r\n".join([*TWO, ""])
    data = text.encode(codec)
    assert HL7.recognises(data[:4096], "")
    one, two = cast(list[Message], read_all(data))
    assert one.patient is not None and one.patient.birth_given == "Zoé"
    assert data[two.span.start : two.span.end].decode(codec) == "\r\n".join(results_oru(2))
    assert one.findings == two.findings == ("CHARSET_MISMATCH",)
    assert len(read_all(data + b"\n")) == 2  # an odd byte at the end


def test_envelopes_are_no_items_and_say_what_they_count() -> None:
    batch = ["FHS|^~\\&|A", "BHS|^~\\&|A", *TWO, "BTS|2", "FTS|1"]
    yielded = read_all(encode(batch))
    envelopes = [y for y in yielded if isinstance(y, Ignored)]
    assert [(e.locator.segment, e.rule, e.count, e.declared) for e in envelopes] == [
        ("FHS", "BATCH_ENVELOPE", 0, None),
        ("BHS", "BATCH_ENVELOPE", 0, None),
        ("BTS", "BATCH_ENVELOPE", 0, 2),
        ("FTS", "BATCH_ENVELOPE", 0, 1),
    ]
    assert [y.locator.message for y in yielded if isinstance(y, Message)] == [1, 2]
    assert len(yielded) == 6


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["BHS|^~\\&", *TWO, "BTS|96"], ["BATCH_COUNT_MISMATCH"]),
        (["FHS|^~\\&", "BHS|^~\\&", *TWO, "BTS|2"], ["BATCH_TRAILER_MISSING"]),
        (["FHS|^~\\&", "BHS|^~\\&", *TWO], ["BATCH_TRAILER_MISSING"]),
        (["FHS|^~\\&", *TWO, "FTS|1"], []),
        (["FHS|^~\\&", *TWO, "FTS|2"], ["BATCH_COUNT_MISMATCH"]),
        (["FHS|^~\\&", "FHS|^~\\&", *TWO, "FTS|1"], ["BATCH_TRAILER_MISSING"]),
        (["BHS|^~\\&", *TWO, "BTS|2", "BHS|^~\\&", *TWO, "BTS|2"], []),
        (["FHS|^~\\&", "BHS|^~\\&", *TWO, "BTS|2", "BHS|^~\\&", *TWO, "BTS|2", "FTS|2"], []),
        ([*TWO, "BTS|2"], []),
        (["BHS|^~\\&", *TWO, "BTS|two"], ["BATCH_COUNT_UNREADABLE"]),
        (["BHS|^~\\&", *TWO, "BTS|-2"], ["BATCH_COUNT_UNREADABLE"]),
        (["BHS|^~\\&", *TWO, "BTS|"], []),
        ([*TWO, "BHS|^~\\&", *TWO, "BTS|2"], ["BATCH_MESSAGES_OUTSIDE"]),
        (["BHS|^~\\&", *TWO, "BTS|2", *TWO], ["BATCH_MESSAGES_OUTSIDE"]),
        (["FHS|^~\\&", "BHS|^~\\&", *TWO, "BTS|2", *TWO, "FTS|1"], ["BATCH_MESSAGES_OUTSIDE"]),
        (["FHS|^~\\&", *TWO, "BHS|^~\\&", *TWO, "BTS|2", "FTS|1"], ["BATCH_MESSAGES_OUTSIDE"]),
        (["FHS|^~\\&", *TWO, "FTS|1", *TWO], ["BATCH_MESSAGES_OUTSIDE"]),
        (["FHS|^~\\&", *TWO], ["BATCH_TRAILER_MISSING"]),
    ],
)
def test_declared_counts_are_held_against_what_came(lines: list[str], expected: list[str]) -> None:
    refusals = [y for y in read_all(encode(lines)) if isinstance(y, Refusal)]
    assert [r.code for r in refusals] == expected
    assert not any(r.counted for r in refusals)


@pytest.mark.parametrize(
    "data",
    [
        b"FHS|^~\\&|A\rPID|||1\r" + encode(TWO) + b"FTS|1",
        encode(TWO) + b"BTS|2\rgarbage\r",
        b"BHS|^~\\&\rgarbage\r" + encode(TWO) + b"BTS|2\r",
    ],
)
def test_bytes_outside_a_message_are_refused_once_a_run(data: bytes) -> None:
    assert codes(data) == ["SEGMENT_OUTSIDE_MESSAGE"]
    assert sum(isinstance(y, Message) for y in read_all(data)) == 2


def test_messages_outside_every_batch_are_counted_together_with_the_place_of_the_first() -> None:
    lines = ["BHS|^~\\&", *TWO, "BTS|2", *TWO, *TWO, "BHS|^~\\&", *TWO, "BTS|2", *TWO]
    (told,) = [y for y in read_all(encode(lines)) if isinstance(y, Refusal)]
    assert (str(told.locator), told.expected, told.came, told.counted) == (
        "message 3",
        "BHS … BTS",
        "6 messages",
        False,
    )


def test_envelopes_and_messages_may_have_delimiters_of_their_own() -> None:
    yielded = read_all(encode(["FHS$*:?!", "BHS#^~\\&", *TWO, "BTS#2", "FTS$1"]))
    assert [type(y).__name__ for y in yielded] == ["Ignored", "Ignored", "Message", "Message", "Ignored", "Ignored"]
    assert [y.declared for y in yielded if isinstance(y, Ignored)] == [None, None, 2, 1]


@pytest.mark.parametrize("padding", [b"\x1a", b"\x00\x00", BOM, b"\x1c\r\x1a", b" \t\r\n"])
def test_padding_after_the_last_trailer_leaves_its_count(padding: bytes) -> None:
    yielded = read_all(encode(["FHS|^~\\&", "BHS|^~\\&", *TWO, "BTS|2", "FTS|2"])[:-1] + padding)
    assert [y.code for y in yielded if isinstance(y, Refusal)] == ["BATCH_COUNT_MISMATCH"]
    assert [y.declared for y in yielded if isinstance(y, Ignored)][-1] == 2


def test_other_delimiters_and_text_that_only_looks_like_a_message() -> None:
    swapped = str.maketrans("|^~\\&", "$*:?!")
    data = encode([line.translate(swapped) for line in ["BHS|^~\\&", *TWO, "BTS|2"]])
    assert [type(y).__name__ for y in read_all(data)] == ["Ignored", "Message", "Message", "Ignored"]
    wrapped = [*results_oru(), "NTE|1||voir", "MSH: la ligne", "MSH+/AbC", "BTS, FTS", "FTS="]
    assert sum(isinstance(y, Message) for y in read_all(encode(wrapped))) == 1


@pytest.mark.parametrize(
    ("head", "known"),
    [
        (b"MSH|^~\\&|", True),
        (BOM + b"\r\n\x0bMSH|^~\\&|", True),
        (b"FHS|^~\\&|", True),
        (b"BHS$*:?!$", True),
        ("MSH|^˜\\&|".encode(), True),
        (b"PID|||1\rOBX|1\rMSH|^~\\&|", True),
        (b"MSHA", False),
        (b"MSH", False),
        (b"<ClinicalDocument/>", False),
        (b"AAA|BBB|CCC\r", False),
        (b"", False),
        (b"\xff\xfe", False),
    ],
)
def test_recognition_looks_at_the_head(head: bytes, known: bool) -> None:
    assert HL7.recognises(head, "anything") is known
    assert (recognise(source(head)) is HL7) is known


def test_a_message_over_the_limit_is_framed_but_not_held() -> None:
    long = encode([msh(), "NTE|1||" + "a" * 200_000])
    data = encode(results_oru()) + long + encode(results_oru(2))
    found = list(frames(source(data), limit=100_000, block=4096))
    assert [frame.kind for frame in found] == ["message", "oversize", "message"]
    assert found[1].data == b"" and found[1].span.length >= len(long) - 1
    assert found[2].data == encode(results_oru(2)).rstrip()
    garbage = b"BHS|^~\\&\r" + b"x" * 300_000 + b"\r" + encode(TWO)
    kinds = [frame.kind for frame in frames(source(garbage), limit=100_000, block=4096)]
    assert kinds[0] == "envelope" and set(kinds[1:-2]) == {"outside"} and kinds[-2:] == ["message", "message"]


class Endless(io.RawIOBase):
    """A stream of the same message, made as it is read."""

    def __init__(self, message: bytes, count: int) -> None:
        self.message = message
        self.left = count * len(message)
        self.taken = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        size = min(size if size >= 0 else self.left, self.left)
        start = self.taken % len(self.message)
        times = (start + size) // len(self.message) + 1
        self.taken += size
        self.left -= size
        return (self.message * times)[start : start + size]


def endless(message: bytes, count: int) -> Source:
    return Source("batch.hl7", count * len(message), lambda: cast(BinaryIO, Endless(message, count)))


def test_a_hundred_thousand_messages_stream() -> None:
    batch = endless(encode([msh("ACK^R01^ACK"), "MSA|AA|1"]), 100_000)
    assert sum(frame.kind == "message" for frame in frames(batch)) == 100_000


def test_memory_does_not_grow_with_the_source() -> None:
    batch = endless(encode(results_oru(20)), 2_000)
    assert batch.size > 40 * BLOCK
    first_one = next(read(batch))
    tracemalloc.start()
    try:
        assert sum(isinstance(y, Message) for y in read(batch)) == 2_000
        assert tracemalloc.get_traced_memory()[1] < 16 * BLOCK
    finally:
        tracemalloc.stop()
    assert isinstance(first_one, Message)


WORDS = [b"MSH|^~\\&|A|B|C|D|1||ORU^R01|7|P|2.5\r", b"MSH", b"BHS|^~\\&|\r", b"BTS|1\r", b"FTS|1", b"FHS|^~\\&|\n"]
WORDS += [b"\r", b"\n", b"\x0b", b"\x1c", BOM, b" ", b"PID|||1\r", b"OBX|1|NM|a||1\r", b"garbage", b"MSH#^~\\&#"]
PIECES = st.sampled_from([*WORDS, b"\x00", b"\xe9"])


@given(st.lists(PIECES, max_size=14).map(b"".join), st.integers(1, 40))
def test_blocks_of_any_size_give_the_same_frames(data: bytes, block: int) -> None:
    assert list(frames(source(data), block=block)) == list(frames(source(data)))


@given(st.lists(PIECES | st.binary(max_size=9), max_size=14).map(b"".join))
def test_every_byte_is_in_one_span_or_in_a_gap_of_no_meaning(data: bytes) -> None:
    found = list(frames(source(data)))
    if not any(frame.encoding for frame in found):
        assert not gaps(data, [frame.span for frame in found]).strip(BLANK + BOM)
        assert all(data[f.span.start : f.span.end] == f.data for f in found)
    assert [frame.span.start for frame in found] == sorted({frame.span.start for frame in found})


def test_a_message_keeps_its_exact_bytes() -> None:
    data = b"\x0b" + encode(results_oru(), "\r\n") + b"\x1c\r\n"
    message = first(data)
    assert data[message.span.start : message.span.end] == "\r\n".join(results_oru()).encode()
