"""MLLP blocks: whole whatever the pieces they come in, and each fault of the framing told apart."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.hl7.mllp import HEAD, Block, Blocks, Found, Outside, TooLong, Unfinished, framed
from tests.hl7 import oru

ONE, TWO = oru(), oru(control="R2")
START, END = b"\x0b", b"\x1c\r"


def read(*pieces: bytes, limit: int = 1 << 20) -> list[Found]:
    """Everything that a connection held which brought these pieces and was closed."""
    blocks = Blocks(limit)
    return [found for piece in pieces for found in blocks.feed(piece)] + blocks.finish()


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(edges)]


messages = st.lists(st.binary(max_size=40).filter(lambda data: not set(data) & {0x0B, 0x1C, 0xFF, 0xFE, 0}), max_size=5)


@given(messages, st.lists(st.integers(0, 10_000), max_size=8))
def test_blocks_are_the_same_in_whatever_pieces_they_come(sent: list[bytes], places: list[int]) -> None:
    stream = b"".join(framed(one) for one in sent)
    assert read(*cut(stream, places)) == [Block(one) for one in sent]


UTF_16 = [oru(value="ഇജ\u1c0dജ").decode().encode(encoding) for encoding in ("utf-16", "utf-16-le", "utf-16-be")]


@given(
    st.lists(st.sampled_from([ONE, b"", START, END, b"\x1c", b"\r", b"junk", b"MSH|", *UTF_16]), max_size=8),
    st.lists(st.integers(0, 10_000), max_size=6),
)
def test_faults_are_the_same_in_whatever_pieces_they_come(parts: list[bytes], places: list[int]) -> None:
    stream = b"".join(parts)
    assert read(*cut(stream, places)) == read(stream)


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_any_bytes_are_read_in_bounded_memory(pieces: list[bytes]) -> None:
    blocks = Blocks(100)
    for piece in pieces:
        for found in blocks.feed(piece):
            assert not isinstance(found, Block) or len(found.data) <= 100 + 300
        assert blocks.held <= 100 + 300
    blocks.finish()
    assert (blocks.inside, blocks.held, blocks.outside) == (False, 0, 0)


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (framed(ONE) + b"\r\n \r" + framed(TWO), [Block(ONE), Block(TWO)]),
        (b"hello" + framed(ONE), [Outside(5), Block(ONE)]),
        (framed(ONE) + ONE, [Block(ONE), Outside(len(ONE.translate(None, b"\r ")))]),
        (START + ONE[:50] + framed(TWO), [Unfinished(50), Block(TWO)]),
        (START + framed(ONE), [Block(ONE)]),
        (START + ONE[:50], [Unfinished(50)]),
        (START + ONE + b"\x1c", [Block(ONE, whole=False)]),
        (START + ONE + b"\x1c\n" + framed(TWO), [Block(ONE, whole=False), Block(TWO)]),
        (START + ONE + b"\x1c" + framed(TWO), [Block(ONE, whole=False), Block(TWO)]),
        (framed(b""), [Block(b"")]),
        (framed(ONE.replace(b"0,94", b"\x1c94\x0b")), [Block(ONE.replace(b"0,94", b"\x1c94\x0b"))]),
        (END + framed(ONE), [Block(ONE)]),
    ],
    ids=[
        "white space between",
        "bytes before",
        "a message without a block",
        "a block inside a block",
        "two start bytes",
        "no end",
        "no CR at the end",
        "LF for CR",
        "a block at once after FS",
        "an empty block",
        "FS and VT inside a field",
        "an end without a start",
    ],
)
def test_each_fault_of_framing_is_told(stream: bytes, expected: list[Found]) -> None:
    assert read(stream) == expected


def test_an_end_without_its_cr_waits_for_silence() -> None:
    blocks = Blocks()
    assert blocks.feed(START + ONE + b"\x1c") == []
    assert blocks.may_be_over
    assert blocks.settle() == [Block(ONE, whole=False)]
    assert blocks.feed(b"\r" + framed(TWO)) == [Block(TWO)]
    assert not blocks.may_be_over
    assert blocks.settle() == []


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_the_bytes_of_mllp_inside_utf_16_are_text(encoding: str) -> None:
    """U+0D1C and U+1C0D are FS CR in one byte order; U+1C41 before CR is FS CR across two code units in the other."""
    message = oru(value="\u0d1c\u0d0b\u1c0d\u1c41").decode().replace("\u1c41|", "\u1c41\r|").encode(encoding)
    assert b"\x1c\r" in message
    assert read(framed(message) + framed(ONE)) == [Block(message), Block(ONE)]


def test_utf_16_without_a_last_segment_end_is_over_when_silence_follows() -> None:
    message = oru().decode().rstrip("\r").encode("utf-16-le")
    blocks = Blocks()
    assert blocks.feed(framed(message)) == []
    assert blocks.settle() == [Block(message)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_a_message_over_the_limit_is_let_go_but_for_its_head(encoding: str) -> None:
    message = oru(value="9" * 10_000).decode().encode(encoding)
    stream = framed(message) + framed(ONE)
    pieces = [stream[start : start + 700] for start in range(0, len(stream), 700)]
    first, second = read(*pieces, limit=5000)
    assert isinstance(first, TooLong)
    assert first.size == len(message)
    assert first.head == message[: len(first.head)]
    assert len(first.head) == HEAD
    assert second == Block(ONE)
