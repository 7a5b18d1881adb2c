"""Schematrons kept ready between runs, each for as long as every file it was made of stays the same.

What is kept derives from ANS's files, whose terms allow their use and say nothing of passing them on: it stays on the
machine that made it. It holds nothing of any document.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

import msgspec

from quality.ans.notes import Note
from quality.ans.tree import Tree
from quality.ans.xpath import Read

EDITION = 1
"""Of what is made of a schematron: raised when this package makes something else of the same files."""


class Ready(msgspec.Struct, frozen=True):
    """A stylesheet ready to compile, the files it looks up, what is said of it, and what it was made of."""

    sheet: str
    reads: tuple[Read, ...]
    notes: tuple[Note, ...]
    inputs: dict[str, str]


class Kept(msgspec.Struct, frozen=True):
    edition: int
    ready: Ready


class Cache:
    """A folder; with None, nothing is kept. A folder that cannot be written is as good as none."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def fetch(self, tree: Tree, entry: str, engine: str) -> Ready | None:
        """What is kept for a schematron, unless any of its files has come, gone or changed."""
        if self.folder is None:
            return None
        try:
            kept = msgspec.msgpack.decode(self._place(tree, entry, engine).read_bytes(), type=Kept)
        except (OSError, msgspec.DecodeError):
            return None
        if kept.edition != EDITION:
            return None
        same = all(tree.digest(path) == digest for path, digest in kept.ready.inputs.items())
        return kept.ready if same else None

    def keep(self, tree: Tree, entry: str, engine: str, ready: Ready) -> None:
        """Keeps it under a name that appears only when it is whole."""
        if self.folder is None:
            return
        with suppress(OSError):
            place = self._place(tree, entry, engine)
            place.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=place.parent, prefix=".")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(msgspec.msgpack.encode(Kept(EDITION, ready)))
                Path(name).replace(place)
            except OSError:
                Path(name).unlink(missing_ok=True)
                raise

    def _place(self, tree: Tree, entry: str, engine: str) -> Path:
        assert self.folder is not None
        key = hashlib.sha256("\0".join((tree.digest(entry), entry, engine)).encode()).hexdigest()
        return self.folder / f"{key[:32]}.schematron"
