"""The one way into a zip: its members, listed and opened only when the whole archive is safe to open.

Nothing is written to a disk and no member is held in memory: a member is a `Source` that inflates as it is read.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, cast

import msgspec

from connectors.base import Source, Span

MOST_MEMBERS = 50_000
"""A phone with years of workout routes holds some thousands."""
LARGEST_DIRECTORY = 8 << 20
"""Bytes of the central directory, which is read at once."""
LARGEST_RATIO = 600
"""Of inflated to deflated size, for members above a mebibyte. True exports stay below 60; deflate ends at 1,032."""

DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError)
"""What reading a member raises when its bytes are damaged. Readers of a `Source` turn these into a refusal."""

_UNREADABLE = (*DAMAGE, NotImplementedError, RuntimeError, ValueError, IndexError, OverflowError, struct.error)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_END = b"PK\x05\x06"
_END_SPAN = (1 << 16) + 22 + 20 + 56
"""Bytes at the end where the end record can stand: a comment of 64 KiB, the record, the two of ZIP64."""


class Member(msgspec.Struct, frozen=True):
    """One file of an archive. `number` counts the entries from 1; the name is a patient value, for recognition only."""

    number: int
    name: str
    span: Span
    source: Source


class Unsafe(msgspec.Struct, frozen=True):
    """Why an archive is not opened: a code, in closed words what was expected, and the entry (0: the archive)."""

    code: str
    expected: str
    number: int = 0


def members(source: Source) -> list[Member] | Unsafe:
    """Every file of a zip in its order (folders left out), or why none is to be touched."""
    if _directory_size(source) > LARGEST_DIRECTORY:
        return Unsafe("ARCHIVE_UNSAFE", f"a central directory of at most {LARGEST_DIRECTORY >> 20} MiB")
    try:
        with source.open() as stream, zipfile.ZipFile(stream) as archive:
            entries = archive.infolist()
    except _UNREADABLE:
        return Unsafe("ARCHIVE_DAMAGED", "a zip with a whole central directory")
    if problem := _problem(entries, source.size):
        return problem
    return [
        Member(number, entry.filename, _span(entry), Source(entry.filename, entry.file_size, _opener(source, entry)))
        for number, entry in enumerate(entries, start=1)
        if not entry.is_dir()
    ]


def head_of(member: Member, length: int = 4096) -> bytes:
    """The first bytes of a member; none when it can't be inflated."""
    try:
        return member.source.head(length)
    except _UNREADABLE:
        return b""


def first_name(head: bytes) -> str:
    """The name in the first local header of a zip, for recognition; empty when these bytes start no zip."""
    if not head.startswith(b"PK\x03\x04") or len(head) < 30:
        return ""
    return head[30 : 30 + int.from_bytes(head[26:28], "little")].decode("utf-8", errors="replace")


def _problem(entries: list[zipfile.ZipInfo], size: int) -> Unsafe | None:
    if len(entries) > MOST_MEMBERS:
        return Unsafe("ARCHIVE_UNSAFE", f"at most {MOST_MEMBERS} entries")
    seen: set[str] = set()
    packed = 0
    for number, entry in enumerate(entries, start=1):
        packed += entry.compress_size
        if expected := next(_faults(entry, seen), ""):
            return Unsafe("ARCHIVE_UNSAFE", expected, number)
        seen.add(entry.filename.casefold())
    return Unsafe("ARCHIVE_UNSAFE", "entries that do not overlap") if packed > size else None


def _faults(entry: zipfile.ZipInfo, seen: set[str]) -> Iterator[str]:
    name = entry.filename
    if entry.flag_bits & 0x1:
        yield "entries without a password"
    if name.startswith(("/", "\\")) or ":" in name[:2] or ".." in name.replace("\\", "/").split("/") or "\0" in name:
        yield "relative names that stay inside the archive"
    if stat.S_ISLNK(entry.external_attr >> 16):
        yield "no symbolic link"
    if name.casefold() in seen:
        yield "each name once"
    if entry.compress_type not in _METHODS:
        yield "entries stored or deflated"
    if entry.file_size > max(1 << 20, LARGEST_RATIO * entry.compress_size):
        yield f"entries that inflate at most {LARGEST_RATIO} times"


def _span(entry: zipfile.ZipInfo) -> Span:
    """Local header and data, as the central directory tells them: a local header can be some bytes longer."""
    return Span(entry.header_offset, 30 + len(entry.filename.encode()) + entry.compress_size)


class _Inflated(io.RawIOBase):
    """A member as a stream that owns the stream of the archive it comes from."""

    def __init__(self, source: Source, entry: zipfile.ZipInfo) -> None:
        self._outer = source.open()
        try:
            self._inner = cast(BinaryIO, zipfile.ZipFile(self._outer).open(entry))  # noqa: SIM115 (closed in close)
        except BaseException:
            self._outer.close()
            raise

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        return self._inner.tell()

    def readinto(self, buffer: Any) -> int:
        data = self._inner.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
            self._outer.close()
        super().close()


def _opener(source: Source, entry: zipfile.ZipInfo) -> Callable[[], BinaryIO]:
    return lambda: io.BufferedReader(_Inflated(source, entry), 1 << 18)


def _directory_size(source: Source) -> int:
    """Bytes of the central directory as the end record says, ZIP64 included; 0 when there is no end record."""
    with source.open() as stream:
        stream.seek(max(0, source.size - _END_SPAN))
        tail = stream.read(_END_SPAN)
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < 22:
        return 0
    size = int.from_bytes(tail[at + 12 : at + 16], "little")
    large = tail[max(0, at - 76) : max(0, at - 20)]
    return int.from_bytes(large[40:48], "little") if large.startswith(b"PK\x06\x06") else size
