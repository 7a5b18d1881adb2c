"""A member of a zip as a stream: inflated as it is read, held to the size and the checksum that were announced.

Nothing is read past the announced size, so a lying entry costs no memory. Its end is checked when the end is read:
whoever reads a member to its last byte knows that it is whole.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any, BinaryIO

from connectors.base import Damaged, Source
from connectors.zip_directory import DEFLATED, LARGEST_DESCRIPTOR, Entry

CHUNK = 1 << 16
_LOCAL = struct.Struct("<4s5H3L2H")
_ENCRYPTED = 0x1


class Inflated(io.RawIOBase):
    """One entry, read from a stream of its own over the archive. Raises `Damaged` where the bytes contradict it."""

    def __init__(self, archive: Source, entry: Entry) -> None:
        self._entry = entry
        self._outer = archive.open()
        try:
            self._data = _data_of(self._outer, entry)
            self._rewind()
        except BaseException:
            self._outer.close()
            raise

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._entry.size - self._left

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: self._entry.size}[whence]
        target = min(max(base + offset, 0), self._entry.size)
        if target < self.tell():
            self._rewind()
        while self.tell() < target:
            self._next(min(CHUNK, target - self.tell()))
        return target

    def readinto(self, buffer: Any) -> int:
        data = self._next(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._outer.close()
        super().close()

    def _rewind(self) -> None:
        self._outer.seek(self._data)
        self._left = self._entry.size
        self._packed = self._entry.packed
        self._pending = b""
        self._crc = 0
        self._inflater = zlib.decompressobj(-15) if self._entry.method == DEFLATED else None

    def _next(self, length: int) -> bytes:
        if not self._left:
            self._ended()
            return b""
        data = self._stored(length) if self._inflater is None else self._inflated(length)
        self._left -= len(data)
        self._crc = zlib.crc32(data, self._crc)
        return data

    def _stored(self, length: int) -> bytes:
        data = self._outer.read(min(length, self._left, self._packed))
        if not data:
            raise Damaged
        self._packed -= len(data)
        return data

    def _inflated(self, length: int) -> bytes:
        while True:
            self._fill()
            if not self._pending:
                raise Damaged
            if data := self._decompress(min(length, self._left)):
                return data

    def _fill(self) -> None:
        if not self._pending and self._packed:
            self._pending = self._outer.read(min(CHUNK, self._packed))
            self._packed = self._packed - len(self._pending) if self._pending else 0

    def _decompress(self, length: int) -> bytes:
        assert self._inflater is not None
        try:
            data = self._inflater.decompress(self._pending, length)
        except zlib.error:
            raise Damaged from None
        self._pending = self._inflater.unconsumed_tail
        return data

    def _ended(self) -> None:
        """All that was announced has been read: nothing may be left, and the checksum must fit."""
        if self._inflater is not None:
            while not self._inflater.eof:
                self._fill()
                if not self._pending or self._decompress(1):
                    raise Damaged
            if self._inflater.unused_data:
                raise Damaged
        if self._packed or self._crc != self._entry.crc:
            raise Damaged


def _data_of(stream: BinaryIO, entry: Entry) -> int:
    """Where the data of an entry begins, when its local header says what the central directory says."""
    stream.seek(entry.offset)
    header = stream.read(_LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(b"PK\x03\x04"):
        raise Damaged
    _, _, flags, method, *_, name_length, extra_length = _LOCAL.unpack(header)
    start: int = entry.offset + _LOCAL.size + name_length + extra_length
    left = entry.end - start - entry.packed
    if flags & _ENCRYPTED or method != entry.method or not 0 <= left <= LARGEST_DESCRIPTOR:
        raise Damaged
    if stream.read(name_length) != entry.raw_name:
        raise Damaged
    return start
