"""The files of a local copy of ANS's test repository: read only, found whatever their case, never outside it.

The repository is edited on a system that ignores case, so its own references differ in case from its files.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import unicodedata
from pathlib import Path

FOLDERS = ("infrastructure", "schematrons", "jeuxdevaleurs")
"""The parts that hold rules; examples, stylesheets and tools are not looked at."""


class Tree:
    """Paths are relative to the root, with `/`, as the files themselves are spelt."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._spelt: dict[str, list[str]] = {}
        for entry in sorted(self.root.iterdir()):
            if entry.name.casefold() in FOLDERS:
                self._index(entry.name)

    def _index(self, folder: str) -> None:
        for where, _, names in os.walk(self.root / folder):
            below = Path(where).relative_to(self.root).as_posix()
            for name in names:
                path = f"{below}/{name}"
                self._spelt.setdefault(_folded(path), []).append(path)

    def find(self, path: str) -> str | None:
        """A path as it is spelt here; None when there is no such file, or several that differ only in case."""
        found = self._spelt.get(_folded(posixpath.normpath(path)), [])
        if path in found:
            return path
        return found[0] if len(found) == 1 else None

    def below(self, folder: str) -> list[str]:
        """The files directly in a folder, in order."""
        start = _folded(folder).rstrip("/") + "/"
        return sorted(
            path
            for folded, paths in self._spelt.items()
            if folded.startswith(start) and "/" not in folded[len(start) :]
            for path in paths
        )

    def read(self, path: str) -> bytes | None:
        """The bytes of a file; None when it cannot be read, or is a link that leads outside."""
        whole = self.root / path
        try:
            if not whole.resolve(strict=True).is_relative_to(self.root):
                return None
            return whole.read_bytes()
        except OSError:
            return None

    def digest(self, path: str) -> str:
        """SHA-256 of the file that a path finds, with its spelling; empty: none. Of `folder/`: that of its names."""
        if path.endswith("/"):
            return hashlib.sha256("\0".join(self.below(path)).encode()).hexdigest()
        found = self.find(path)
        data = self.read(found) if found else None
        return hashlib.sha256(f"{found}\0".encode() + data).hexdigest() if data is not None else ""


def beside(path: str, reference: str) -> str:
    """A reference (`..\\include\\x.sch`) from the file `path`, as a path from the root; it may begin with `..`."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), reference.replace("\\", "/")))


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()
