"""MLLP: the blocks of a byte stream, `<VT> message <FS><CR>` (HL7, transport specification MLLP release 1).

Pure: bytes in, what they hold out, in memory bounded by the limit of one message. Bytes outside a block, a block cut
short by another, one without its CR and one that is too long are told apart, never guessed at.

MLLP excludes UTF-16, whose bytes may equal its own; it is read all the same. In a block that begins as UTF-16, FS CR
ends it only where a code unit begins, and where a segment ended before or silence follows: `U+0D1C` and its like stay
text.
"""

from __future__ import annotations

import re

import msgspec

from connectors.hl7.framing import BLANK, LIMIT, wide_encoding

VT, LF, CR, FS = 0x0B, 0x0A, 0x0D, 0x1C

HEAD = 4096
"""Bytes kept of a message that is too long: what its refusal names it by."""

_AGAIN = re.compile(rb"\x0b(?:\xef\xbb\xbf)?(?:MSH|FHS|BHS)")
"""A block that begins inside another: the one before was given up."""

_LINE_ENDS = {"utf-16-le": (b"\r\x00", b"\n\x00"), "utf-16-be": (b"\x00\r", b"\x00\n")}


class Block(msgspec.Struct, frozen=True):
    """A message, or whatever a sender put into a block."""

    data: bytes
    whole: bool = True
    """Whether it ended in FS CR: not in FS alone, nor FS LF."""


class TooLong(msgspec.Struct, frozen=True):
    """A block over the limit, of which the head is kept."""

    head: bytes
    size: int


class Unfinished(msgspec.Struct, frozen=True):
    """So many bytes of a block that another block, or the end of the connection, cut short."""

    size: int


class Outside(msgspec.Struct, frozen=True):
    """So many bytes before a block that belong to none, white space left out."""

    size: int


Found = Block | TooLong | Unfinished | Outside


def framed(message: bytes) -> bytes:
    """A message as a block."""
    return b"\x0b" + message + b"\x1c\r"


class Blocks:
    """What a connection holds, read piece by piece.

    `Blocks().feed(b"\\x0bMSH|…\\x1c\\r") == [Block(b"MSH|…")]`
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._inside = False
        self._outside = 0
        self._begin()

    def _begin(self) -> None:
        """Before the first byte of a block."""
        self._looked = 0  # up to where no end was found
        self._pending: int | None = None  # where an end may be: what follows will tell
        self._dropped = 0  # bytes of a block that is too long
        self._head = b""

    @property
    def inside(self) -> bool:
        """Whether a block has begun and not ended."""
        return self._inside

    @property
    def held(self) -> int:
        """Bytes in memory."""
        return len(self._buffer)

    @property
    def outside(self) -> int:
        """Bytes since the last block that belong to none."""
        return self._outside

    @property
    def may_be_over(self) -> bool:
        """Whether the block ends here if nothing more comes (`settle`)."""
        return self._pending is not None

    def feed(self, data: bytes) -> list[Found]:
        """What these bytes complete."""
        self._buffer += data
        found: list[Found] = []
        while self._advance(found):
            pass
        return found

    def settle(self) -> list[Found]:
        """The block that ended without all of its trailer, now that silence followed."""
        if self._pending is None:
            return []
        found: list[Found] = []
        self._close(self._pending, len(self._buffer), found, whole=len(self._buffer) > self._pending + 1)
        return found

    def finish(self) -> list[Found]:
        """What is left at the end of the connection. A block that lacks but its CR is whole."""
        found = self.settle()
        if self._inside:
            found.append(Unfinished(self._dropped + len(self._buffer)))
        elif self._outside:
            found.append(Outside(self._outside))
        self._buffer.clear()
        self._inside, self._outside = False, 0
        return found

    def _advance(self, found: list[Found]) -> bool:
        """One step into or out of a block; whether there may be another."""
        if not self._inside:
            before, start, after = self._buffer.partition(b"\x0b")
            self._outside += len(before.translate(None, BLANK))
            self._buffer = after
            if not start:
                return False
            if self._outside:
                found.append(Outside(self._outside))
            self._inside, self._outside = True, 0
            self._begin()
        end = self._end()
        if end is None:
            if len(self._buffer) > self._limit:
                self._drop()
            return False
        self._close(*end, found)
        return True

    def _end(self) -> tuple[int, int] | None:
        """Where the message ends and where the next block may begin."""
        encoding = wide_encoding(self._head or bytes(self._buffer[:64]))
        at, self._pending = self._looked, None
        while (at := self._buffer.find(FS, at)) != -1:
            after = self._buffer[at + 1 : at + 3]
            verdict = self._ends_wide(at, after, encoding) if encoding else _ends(after)
            if verdict is None:
                self._looked = self._pending = at
                return None
            if verdict:
                return at, at + verdict
            at += 1
        self._looked = len(self._buffer)
        return None

    def _ends_wide(self, at: int, after: bytearray, encoding: str) -> int | None:
        """As `_ends`, where a byte is half a code unit."""
        if (self._dropped + at) % 2 or (after and after[0] != CR):
            return 0
        if after and self._buffer[max(at - 2, 0) : at] in _LINE_ENDS[encoding]:
            return 2
        return None if len(after) < 2 else 0

    def _drop(self) -> None:
        """Let go of a message that is too long, but for its head and the bytes that its end is told by."""
        self._head = self._head or bytes(self._buffer[:HEAD])
        cut = len(self._buffer) - 4
        del self._buffer[:cut]
        self._dropped += cut
        self._looked = max(self._looked - cut, 0)
        if self._pending is not None:
            self._pending -= cut

    def _close(self, end: int, after: int, found: list[Found], *, whole: bool | None = None) -> None:
        data, trailer = bytes(self._buffer[:end]), self._buffer[end:after]
        del self._buffer[:after]
        self._inside = False
        if self._dropped:
            found.append(TooLong(self._head, self._dropped + len(data)))
        else:
            again = [] if wide_encoding(data[:64]) else [match.start() for match in _AGAIN.finditer(data)]
            if again:
                given_up, data = data[: again[-1]], data[again[-1] + 1 :]
                if given_up.translate(None, BLANK):
                    found.append(Unfinished(len(given_up)))
            found.append(Block(data, trailer == b"\x1c\r" if whole is None else whole))
        self._begin()


def _ends(after: bytearray) -> int | None:
    """How many bytes of trailer an FS begins, seen what follows it: 0 for none, None while nothing follows."""
    if not after:
        return None
    return 2 if after[0] in (CR, LF) else 1 if after[0] == VT else 0
