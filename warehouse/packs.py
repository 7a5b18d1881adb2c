"""Immutable packs of sealed objects: append, then one fsync of file and folder for the whole group.

A pack exists for readers only once the ledger lists it; what a killed process left is never listed, so never read.
One object is one range read.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import BinaryIO

import msgspec


class Placement(msgspec.Struct, frozen=True, gc=False):
    """Where a sealed object lies."""

    pack: str
    offset: int
    length: int


class PackWriter:
    """One pack being written. `close` makes it durable; nothing is on disk when nothing was added."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.name = f"{secrets.token_hex(12)}.pack"
        self._stream: BinaryIO | None = None
        self.length = 0

    def add(self, sealed: bytes) -> Placement:
        if self._stream is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._stream = (self._folder / self.name).open("xb")
        placement = Placement(self.name, self.length, len(sealed))
        self._stream.write(sealed)
        self.length += len(sealed)
        return placement

    def close(self) -> None:
        if self._stream is None:
            return
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        sync_folder(self._folder)

    def abandon(self) -> None:
        """Let go of a pack that nothing will list."""
        if self._stream is not None:
            with contextlib.suppress(OSError):  # what a full disk did not take
                self._stream.close()
            (self._folder / self.name).unlink(missing_ok=True)


def read(folder: Path, placement: Placement) -> bytes:
    with (folder / placement.pack).open("rb") as stream:
        stream.seek(placement.offset)
        return stream.read(placement.length)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable (a file's own fsync does not)."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
