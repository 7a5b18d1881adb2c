"""The central directory of a zip, walked within limits: what each entry says, or why the archive is not opened.

Zip readers disagree where an archive contradicts itself, and that is how content is smuggled past one of them. So the
directory must be the only one, end where the file says, hold as many entries as it announces, and cover the file
without overlap or hole (APPNOTE.TXT 6.3.10, PKWARE; on overlap: D. Fifield, "A better zip bomb", 2019).
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Iterator
from operator import attrgetter
from typing import BinaryIO

import msgspec

from connectors.base import Source

MOST_MEMBERS = 50_000
"""A phone with years of workout routes holds some thousands."""
LARGEST_DIRECTORY = 8 << 20
"""Bytes of the central directory, which is read at once."""
LARGEST_DESCRIPTOR = 24
"""Bytes that may follow the data of an entry: its data descriptor, with signature and sizes of ZIP64."""
STORED, DEFLATED = 0, 8

_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_COMMENT = 0xFFFF
_LARGE = 0xFFFFFFFF
_ENCRYPTED, _UTF_8 = 0x1, 0x800
_ZIP64 = 1


class Unsafe(msgspec.Struct, frozen=True):
    """Why an archive is not opened: a code, in closed words what was expected, and the entry (0: the archive)."""

    code: str
    expected: str
    number: int = 0


class Entry(msgspec.Struct, frozen=True):
    """One entry as the central directory tells it; `number` counts from 1, `end` is where the next thing begins."""

    number: int
    name: str
    raw_name: bytes
    encrypted: bool
    method: int
    crc: int
    packed: int
    size: int
    kind: int
    """File type of the Unix mode (`stat.S_IFMT`), 0 when none is told."""
    offset: int
    end: int = 0

    @property
    def folder(self) -> bool:
        return self.name.endswith("/") and not self.size


class _Directory(msgspec.Struct, frozen=True):
    """Where the central directory lies, and how many entries it announces."""

    start: int
    length: int
    entries: int


_WHOLE = Unsafe("ARCHIVE_DAMAGED", "a zip with a whole central directory")
_OVERLAP = "entries that follow each other, without overlap or hole"


def entries(source: Source) -> list[Entry] | Unsafe:
    """Every entry in the order of the directory, folders too, or why the archive is not opened."""
    with source.open() as stream:
        found = _directory(stream, source.size)
        if isinstance(found, Unsafe):
            return found
        stream.seek(found.start)
        data = stream.read(found.length)
    listed: list[Entry] = []
    for entry in _walk(data, found.entries):
        if isinstance(entry, Unsafe):
            return entry
        listed.append(entry)
    return _placed(listed, found.start)


def _directory(stream: BinaryIO, size: int) -> _Directory | Unsafe:
    """The one end record and what it tells; a second one that would do as well makes the archive ambiguous."""
    start = max(0, size - _COMMENT - _END.size)
    stream.seek(start)
    tail = stream.read(size - start)
    ends = [at for at in _occurrences(tail, b"PK\x05\x06") if _closes(tail, at)]
    if not ends:
        return _WHOLE
    if len(ends) > 1:
        return Unsafe("ARCHIVE_UNSAFE", "one end record")
    at = start + ends[0]
    _, disk, first_disk, here, total, length, offset, _ = _END.unpack_from(tail, ends[0])
    if at >= _LOCATOR_64.size:
        stream.seek(at - _LOCATOR_64.size)
        locator = stream.read(_LOCATOR_64.size)
        if locator.startswith(b"PK\x06\x07"):
            told = (here, total, length, offset)
            return _large_directory(stream, locator, at - _LOCATOR_64.size, told)
    if disk or first_disk or here != total:
        return Unsafe("ARCHIVE_UNSAFE", "an archive in one file")
    return _bounded(_Directory(offset, length, total), at)


def _occurrences(data: bytes, what: bytes) -> Iterator[int]:
    at = data.find(what)
    while at >= 0:
        yield at
        at = data.find(what, at + 1)


def _closes(tail: bytes, at: int) -> bool:
    """Whether an end record at this place reaches, with its comment, to the end of the file."""
    return len(tail) - at >= _END.size and at + _END.size + int.from_bytes(tail[at + 20 : at + 22], "little") == len(
        tail
    )


def _large_directory(stream: BinaryIO, locator: bytes, at: int, told: tuple[int, ...]) -> _Directory | Unsafe:
    """The directory of a ZIP64 archive, whose small end record must not say otherwise."""
    _, disk, place, disks = _LOCATOR_64.unpack(locator)
    stream.seek(max(0, at - _END_64.size))
    record = stream.read(_END_64.size)
    if len(record) < _END_64.size or not record.startswith(b"PK\x06\x06") or place != at - _END_64.size:
        return _WHOLE
    _, left, _, _, this, first, here, total, length, offset = _END_64.unpack(record)
    if disk or disks > 1 or this or first or here != total or left != _END_64.size - 12:
        return Unsafe("ARCHIVE_UNSAFE", "an archive in one file")
    limits = (0xFFFF, 0xFFFF, _LARGE, _LARGE)
    if any(small not in (limit, large) for small, limit, large in zip(told, limits, (here, total, length, offset))):  # noqa: B905
        return Unsafe("ARCHIVE_UNSAFE", "two end records that agree")
    return _bounded(_Directory(offset, length, total), place)


def _bounded(found: _Directory, end: int) -> _Directory | Unsafe:
    if found.length > LARGEST_DIRECTORY:
        return Unsafe("ARCHIVE_UNSAFE", f"a central directory of at most {LARGEST_DIRECTORY >> 20} MiB")
    if found.entries > MOST_MEMBERS:
        return Unsafe("ARCHIVE_UNSAFE", f"at most {MOST_MEMBERS} entries")
    return found if found.start + found.length == end else _WHOLE


def _walk(data: bytes, announced: int) -> Iterator[Entry | Unsafe]:
    at, number = 0, 0
    while at < len(data):
        number += 1
        if number > announced or len(data) - at < _CENTRAL.size or data[at : at + 4] != b"PK\x01\x02":
            yield _WHOLE
            return
        fields = _CENTRAL.unpack_from(data, at)
        flags, method = fields[3], fields[4]
        crc, packed, size = fields[7:10]
        name_length, extra_length, comment_length, disk = fields[10:14]
        mode, offset = fields[15] >> 16, fields[16]
        after = at + _CENTRAL.size + name_length
        raw_name, extra = data[at + _CENTRAL.size : after], data[after : after + extra_length]
        at = after + extra_length + comment_length
        sizes = _sizes(extra, size, packed, offset)
        if sizes is None or disk not in (0, 0xFFFF) or at > len(data):
            yield _WHOLE
            return
        size, packed, offset = sizes
        try:
            name = raw_name.decode("utf-8" if flags & _UTF_8 else "cp437")
        except UnicodeDecodeError:
            yield Unsafe("ARCHIVE_UNSAFE", "names in UTF-8 where they say so", number)
            return
        encrypted, kind = bool(flags & _ENCRYPTED), stat.S_IFMT(mode)
        yield Entry(number, name, raw_name, encrypted, method, crc, packed, size, kind, offset)
    if number != announced:
        yield _WHOLE


def _sizes(extra: bytes, size: int, packed: int, offset: int) -> tuple[int, int, int] | None:
    """Sizes and place, from the ZIP64 field where the short ones are saturated; None when it is missing or short."""
    wanted = [value == _LARGE for value in (size, packed, offset)]
    if not any(wanted):
        return size, packed, offset
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == _ZIP64:
            field = extra[at + 4 : at + 4 + length]
            if len(field) < 8 * sum(wanted):
                return None
            large = iter(struct.unpack_from(f"<{sum(wanted)}Q", field))
            size, packed, offset = (
                next(large) if wide else value for wide, value in zip(wanted, (size, packed, offset), strict=True)
            )
            return size, packed, offset
        at += 4 + length
    return None


def _placed(listed: list[Entry], end: int) -> list[Entry] | Unsafe:
    """The entries, each with the place where the next begins: the whole file is covered once."""
    ends: dict[int, int] = {}
    until = end
    for entry in sorted(listed, key=attrgetter("offset"), reverse=True):
        if entry.offset + 30 + len(entry.raw_name) + entry.packed > until:
            return Unsafe("ARCHIVE_UNSAFE", _OVERLAP, entry.number)
        ends[entry.number], until = until, entry.offset
    if until:
        return Unsafe("ARCHIVE_UNSAFE", _OVERLAP)
    return [msgspec.structs.replace(entry, end=ends[entry.number]) for entry in listed]
