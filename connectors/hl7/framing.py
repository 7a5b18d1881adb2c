"""Framing: where messages begin and end in a byte stream, in memory bounded by one message.

A message is an MSH segment and what follows until the next MSH, FHS, BHS, BTS or FTS (HL7 v2.5, 2.10.3). Spans count
bytes of the source as delivered. Line ends, blank lines, byte order marks and MLLP bytes between frames belong to no
frame; every other byte belongs to exactly one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Literal, Protocol

import msgspec

from connectors.base import Source, Span

BLOCK = 1 << 16
"""Bytes read at a time; more when one message is longer, so that copying stays linear."""

LIMIT = 64 << 20
"""The longest message held in memory: a 50 MB document fits. What is longer is framed but not read."""

BLANK = b" \t\r\n\x0b\x0c\x1a\x1c\x00"
"""White space, the MLLP bytes VT and FS, NUL padding and the Ctrl-Z of DOS ends of file."""

_BOM = b"\xef\xbb\xbf"
_LEAD = b" \t\x00" + _BOM
_MARKS = frozenset({b"MSH", b"FHS", b"BHS", b"BTS", b"FTS"})
_STARTS = re.compile(rb"\r[ \t\x00\xef\xbb\xbf]*(?:MSH|[FB][HT]S)")
"""The lines that may begin a frame, after the bytes of `_LEAD`, where each line end is a CR."""
_OTHER_DELIMITERS = re.compile(rb"""([^\w\s+/=."'])[^\w\s]{1,8}?(?:\1|$)""")
"""MSH-1 other than `|`, MSH-2, and MSH-1 again: less could be a word of a text or a line of wrapped base64."""

_HEAD = 24
"""Bytes of a line that tell whether a frame begins there."""

FrameKind = Literal["message", "envelope", "outside", "oversize"]


class Frame(msgspec.Struct, frozen=True, gc=False):
    """A message, an envelope segment, bytes outside any message, or a message over `LIMIT` (no data)."""

    kind: FrameKind
    span: Span
    data: bytes
    encoding: str = ""
    """`utf-16-le` or `utf-16-be` when the source is so encoded; `data` is then its UTF-8 form."""


def frames(source: Source, *, limit: int = LIMIT, block: int = BLOCK) -> Iterator[Frame]:
    """The frames of a source in order, with disjoint spans."""
    encoding = wide_encoding(source.head(64))
    with source.open() as stream:
        if not encoding:
            yield from _frames(stream, limit, block)
            return
        with source.open() as again:
            for frame in _frames(_Narrow(stream, encoding), limit, block):
                start = 2 * frame.span.start
                span = Span(start, min(2 * frame.span.length, source.size - start))
                again.seek(start)
                raw = b"" if frame.kind == "oversize" else again.read(span.length)
                yield Frame(frame.kind, span, raw.decode(encoding, "replace").encode(), encoding)


def recognises(head: bytes, name: str) -> bool:
    """HL7v2 by its first bytes: MSH, FHS or BHS and a field separator; or a lost first line with an MSH further on."""
    encoding = wide_encoding(head)
    start = (_narrow(head, encoding) if encoding else head).lstrip(BLANK + _LEAD)
    if start[:3] in {b"MSH", b"FHS", b"BHS"}:
        return _begins_frame(start[:_HEAD], ())
    return bool(re.match(rb"[A-Z][A-Z0-9]{2}\|", start) and re.search(rb"[\r\n\x0b]MSH\|", start))


def wide_encoding(head: bytes) -> str:
    """`utf-16-le` or `utf-16-be` when a byte order mark or the NUL of every other byte says so, else empty."""
    if head.startswith(b"\xff\xfe") or re.match(rb"(?:[\s\x0b]\x00)*[MFB]\x00[SH]\x00[HS]\x00", head):
        return "utf-16-le"
    if head.startswith(b"\xfe\xff") or re.match(rb"(?:\x00[\s\x0b])*\x00[MFB]\x00[SH]\x00[HS]", head):
        return "utf-16-be"
    return ""


def opening(data: bytes, length: int = 4096) -> bytes:
    """The first bytes of a message as framing gives them: in UTF-8 where they are UTF-16, nothing blank before."""
    encoding = wide_encoding(data[:64])
    head = data[: length // 2 * 2]
    if encoding:
        head = head.decode(encoding, "replace").encode()
    return head.lstrip(BLANK + _LEAD)


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def _frames(stream: _Readable, limit: int, block: int) -> Iterator[Frame]:
    marks = _Marks()
    kind: FrameKind = "outside"
    start = base = 0  # of the open frame, and of the bytes kept
    kept = b""
    while True:
        data = stream.read(max(block, len(kept)))
        kept += data
        for at, begins in marks.feed(data) if data else marks.finish():
            yield from _close(kind, start, at, kept[max(start - base, 0) : at - base])
            kind, start = begins, at
        if not data:
            break
        if start > base:
            kept, base = kept[start - base :], start
        if len(kept) > limit:
            cut = base + len(kept) - _HEAD  # a line not yet decided upon is shorter than that
            if kind == "message":
                kind = "oversize"
            elif kind != "oversize":
                yield from _close(kind, start, cut, kept[:-_HEAD])
                kind, start = "outside", cut
            kept, base = kept[-_HEAD:], cut
    yield from _close(kind, start, base + len(kept), kept[max(start - base, 0) :])


def _close(kind: FrameKind, start: int, end: int, data: bytes) -> Iterator[Frame]:
    """What the bytes from `start` to `end` hold, now that the next frame begins at `end`."""
    if kind == "oversize":
        yield Frame(kind, Span(start, end - start), b"")
    elif kind == "message":
        data = _trim(data)
        yield Frame(kind, Span(start, len(data)), data)
    elif kind == "envelope":
        line = _trim(re.split(rb"[\r\n\x0b\x1c]", data, maxsplit=1)[0])
        yield Frame(kind, Span(start, len(line)), line)
        yield from _close("outside", start + len(line), end, data[len(line) :])
    else:
        lead = len(data) - len(data.lstrip(BLANK))
        lead += len(_BOM) if data.startswith(_BOM, lead) else 0
        data = _trim(data[lead:])
        if data:
            yield Frame(kind, Span(start + lead, len(data)), data)


def _trim(data: bytes) -> bytes:
    data = data.rstrip(BLANK)
    while data.endswith(_BOM):
        data = data[: -len(_BOM)].rstrip(BLANK)
    return data


class _Marks:
    """Finds where frames begin, block after block; of the line that a block cuts it keeps the head only."""

    def __init__(self) -> None:
        self._offset = 0
        self._head = b""
        self._head_at = 0
        self._decided = False
        self._separators: set[bytes] = set()

    def feed(self, block: bytes) -> list[tuple[int, FrameKind]]:
        """Offset and kind of each frame found to begin, up to the end of this block."""
        block = _one_line_end(block)
        found: list[tuple[int, FrameKind]] = []
        end = block.find(b"\r")
        head = (self._head + block[: end if end >= 0 else _HEAD])[:_HEAD]
        if not self._decided and (end >= 0 or len(head) == _HEAD):
            self._note(head, self._head_at, found)
        if end < 0:
            self._head = head
        else:
            last = block.rfind(b"\r") + 1
            for mark in _STARTS.finditer(block, end):
                at = mark.start() + 1
                if at < last or len(block) - at >= _HEAD:
                    self._note(block[at : at + _HEAD].partition(b"\r")[0], self._offset + at, found)
            self._head = block[last : last + _HEAD]
            self._head_at = self._offset + last
            self._decided = False
        self._offset += len(block)
        self._decided |= len(self._head) == _HEAD
        return found

    def finish(self) -> list[tuple[int, FrameKind]]:
        """The frame that the last line begins, when it is a short one that no line end closes."""
        found: list[tuple[int, FrameKind]] = []
        if not self._decided:
            self._note(self._head, self._head_at, found)
        return found

    def _note(self, head: bytes, at: int, found: list[tuple[int, FrameKind]]) -> None:
        mark = head.lstrip(_LEAD)
        if mark[:3] in _MARKS and _begins_frame(mark, self._separators):
            if mark[1:3] in {b"SH", b"HS"}:
                self._separators.add(mark[3:4])
            found.append((at + len(head) - len(mark), "message" if mark[:1] == b"M" else "envelope"))


def _begins_frame(mark: bytes, separators: Collection[bytes]) -> bool:
    """Whether MSH, FHS … at the start of a line is a segment, and no word of a text or line of wrapped base64.

    A trailer has a separator that some header before it declared: messages and envelopes may each have their own.
    """
    given = mark[3:4]
    if given == b"|" or given >= b"\x80":
        return True
    if mark[1:3] == b"TS":
        return not given or given in separators
    return bool(_OTHER_DELIMITERS.match(mark, 3))


def _one_line_end(block: bytes) -> bytes:
    """The same bytes with each LF, VT and FS as CR: no offset moves."""
    for end in (b"\n", b"\x0b", b"\x1c"):
        if end in block:
            block = block.replace(end, b"\r")
    return block


class _Narrow:
    """A UTF-16 stream as one byte a code unit (0xFF for what is not ASCII), so that framing sees bytes."""

    def __init__(self, stream: _Readable, encoding: str) -> None:
        self._stream = stream
        self._encoding = encoding
        self._odd = b""

    def read(self, size: int, /) -> bytes:
        raw = self._odd + self._stream.read(2 * size)
        if len(raw) < 2:  # the end, or the last byte of an odd file
            self._odd = b""
            return raw
        even = len(raw) // 2 * 2
        self._odd = raw[even:]
        return _narrow(raw[:even], self._encoding)


def _narrow(raw: bytes, encoding: str) -> bytes:
    raw = raw[: len(raw) // 2 * 2]
    low, high = (raw[0::2], raw[1::2]) if encoding == "utf-16-le" else (raw[1::2], raw[0::2])
    if high.count(0) == len(high):
        return low
    return bytes(
        one if page == 0 else 0x20 if (page, one) == (0xFE, 0xFF) else 0xFF for one, page in zip(low, high, strict=True)
    )
