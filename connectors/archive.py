"""The one way into a zip: its members, listed and opened only when the whole archive is safe to open.

Nothing is written to a disk and no member is held in memory: a member is a `Source` that inflates as it is read.
"""

from __future__ import annotations

import io
import re
import stat
import unicodedata
from collections.abc import Callable, Iterator
from typing import BinaryIO

import msgspec

from connectors.base import Damaged, Source, Span
from connectors.inflate import CHUNK, Inflated
from connectors.zip_directory import DEFLATED, STORED, Entry, entries
from connectors.zip_directory import Unsafe as Unsafe

LARGEST_RATIO = 600
"""Of inflated to deflated size, for members above a mebibyte. True exports stay below 60; deflate ends at 1,032."""
FREE = 1 << 20
"""Bytes that an archive of any size may inflate to."""
LARGEST_TOTAL_RATIO = 100
"""Beyond them, of all that an archive inflates to and its own size. CDA documents deflate 5 to 20 times."""

_SLASHES = re.compile(r"[/\\]")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.IGNORECASE)
"""Names that are no file on Windows, whatever folder and ending they have."""


class Member(msgspec.Struct, frozen=True):
    """One file of an archive. `number` counts the entries from 1; the name is a patient value, for recognition only."""

    number: int
    name: str
    span: Span
    """All that is the entry's: header, data, descriptor."""
    source: Source


def members(source: Source) -> list[Member] | Unsafe:
    """Every file of a zip in the order of its directory (folders left out), or why none is to be touched."""
    listed = entries(source)
    if isinstance(listed, Unsafe):
        return listed
    return _problem(listed, source.size) or [
        Member(
            entry.number,
            entry.name,
            Span(entry.offset, entry.end - entry.offset),
            Source(entry.name, entry.size, _opener(source, entry)),
        )
        for entry in listed
        if not entry.folder
    ]


def is_zip(head: bytes) -> bool:
    """Whether bytes begin as a zip: with an entry, or with the end of an empty one."""
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def is_health_export(head: bytes) -> bool:
    """Whether a zip begins as the one that a phone's Health app writes (or one packed anew around its export.xml)."""
    first = first_name(head)
    folder = "apple_health_export/"
    return first.startswith((folder, f"__MACOSX/{folder}")) or first.rpartition("/")[2] == "export.xml"


def is_clutter(member: Member) -> bool:
    """Whether a file was put in by the system that packed the archive."""
    *folders, name = _SLASHES.split(member.name.casefold())
    return ("__macosx" in folders and name.startswith("._")) or name in (".ds_store", "thumbs.db", "desktop.ini")


def head_of(member: Member, length: int = 4096) -> bytes:
    """The first bytes of a member; none when it can't be inflated."""
    try:
        return member.source.head(length)
    except Damaged:
        return b""


def intact(source: Source) -> bool:
    """Whether the whole of a member inflates to what was announced."""
    try:
        with source.open() as stream:
            while stream.read(CHUNK):
                pass
    except Damaged:
        return False
    return True


def loaded(source: Source) -> Source:
    """The same bytes, read once and kept while somebody uses them: an archive in an archive is read back and forth."""
    kept: list[bytes] = []

    def opener() -> BinaryIO:
        if not kept:
            kept.append(source.read())
        return io.BytesIO(kept[0])

    return Source(source.name, source.size, opener)


def first_name(head: bytes) -> str:
    """The name in the first local header of a zip, for recognition; empty when these bytes start no zip."""
    if not head.startswith(b"PK\x03\x04") or len(head) < 30:
        return ""
    return head[30 : 30 + int.from_bytes(head[26:28], "little")].decode("utf-8", errors="replace")


def _problem(listed: list[Entry], size: int) -> Unsafe | None:
    seen: set[str] = set()
    for entry in listed:
        if expected := next(_faults(entry, seen), ""):
            return Unsafe("ARCHIVE_UNSAFE", expected, entry.number)
        seen.add(_folded(entry.name))
    if sum(entry.size for entry in listed) > max(FREE, LARGEST_TOTAL_RATIO * size):
        return Unsafe("ARCHIVE_UNSAFE", f"an archive that inflates at most {LARGEST_TOTAL_RATIO} times")
    return None


def _faults(entry: Entry, seen: set[str]) -> Iterator[str]:
    name = entry.name
    parts = _SLASHES.split(name)
    if entry.encrypted:
        yield "entries without a password"
    if not name or not parts[0] or ":" in name[:2] or ".." in parts or min(name) < " ":
        yield "relative names that stay inside the archive"
    if entry.kind not in (0, stat.S_IFREG) and not (entry.kind == stat.S_IFDIR and entry.folder):
        yield "plain files and folders: no symbolic link, no device"
    if any(map(_DEVICE.match, parts)):
        yield "names that are no device"
    if _folded(name) in seen:
        yield "each name once, whatever its case"
    if entry.method not in (STORED, DEFLATED):
        yield "entries stored or deflated"
    if entry.method == STORED and entry.size != entry.packed:
        yield "sizes that agree"
    if entry.size > max(1 << 20, LARGEST_RATIO * entry.packed):
        yield f"entries that inflate at most {LARGEST_RATIO} times"


def _folded(name: str) -> str:
    """Equal for names that some system takes for one."""
    return unicodedata.normalize("NFKC", name.replace("\\", "/")).casefold().rstrip("/")


def _opener(source: Source, entry: Entry) -> Callable[[], BinaryIO]:
    return lambda: io.BufferedReader(Inflated(source, entry), 1 << 18)
