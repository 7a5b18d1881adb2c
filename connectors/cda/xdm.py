"""The layout of an XDM archive (IHE ITI TF-2, 3.32): which member is index, metadata, document, or none of these.

Names are 8.3 upper case on the media they were made for; they are compared without case here, below whatever folder
the archive was packed from. What METADATA.XML does not name is no document of the archive: who may see it is not known.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

import msgspec

from connectors.archive import Member, head_of
from connectors.base import Damaged, Ignored, Locator, Refusal
from connectors.cda.metadata import LARGEST, Submission, read_metadata
from connectors.cda.xml import Malformed
from connectors.submissions import DocumentEntry, Metadata, Submitted

INDEX = "ARCHIVE_INDEX"
COPY = "PRINTED_COPY"
_METADATA = "METADATA.XML"
_FOLDER = "IHE_XDM"
_INDEXES = frozenset({"INDEX.HTM", "INDEX.HTML", "README.TXT"})
_STYLES = (".CSS", ".XSL", ".XSLT")
_DOCUMENT = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?ClinicalDocument[\s>]")
_OVERLAP = 256
CHUNK = 1 << 18


class Subset(msgspec.Struct, frozen=True):
    """One METADATA.XML and what it says, or why it can't be read."""

    member: Member
    said: Submission | Malformed

    @property
    def folder(self) -> str:
        return posixpath.dirname(place(self.member))


class Layout(msgspec.Struct, frozen=True):
    """An XDM archive: its subsets, and for each member that an entry names, which one (subset and entry number)."""

    subsets: Mapping[int, Subset]
    """By the number of the member that is its METADATA.XML."""
    readable: bool
    """Whether every METADATA.XML is."""
    named: Mapping[int, tuple[tuple[Subset, int], ...]]
    missing: Mapping[int, tuple[int, ...]]
    """By the number of a METADATA.XML, its entries whose URI names no member."""
    stems: frozenset[str]
    """Places of the documents, without their ending."""


def place(member: Member) -> str:
    """A member's path, in upper case, as URIs are compared with it."""
    return posixpath.normpath(member.name.replace("\\", "/").upper())


def layout(found: list[Member]) -> Layout | None:
    """The layout of an XDM archive; None for an archive that is none: it holds no METADATA.XML and no IHE_XDM."""
    if not any(posixpath.basename(place(member)) == _METADATA for member in found) and not any(
        _FOLDER in place(member).split("/")[:-1] for member in found
    ):
        return None
    subsets = {
        member.number: Subset(member, _read(member))
        for member in found
        if posixpath.basename(place(member)) == _METADATA
    }
    places = {place(member): member.number for member in found}
    named: dict[int, list[tuple[Subset, int]]] = {}
    missing: dict[int, list[int]] = {}
    for subset in subsets.values():
        if isinstance(subset.said, Malformed):
            continue
        for number, entry in enumerate(subset.said.entries, 1):
            target = places.get(_target(subset, entry))
            if target is None or target == subset.member.number:
                missing.setdefault(subset.member.number, []).append(number)
            else:
                named.setdefault(target, []).append((subset, number))
    stems = frozenset(posixpath.splitext(place(member))[0] for member in found if member.number in named)
    return Layout(
        subsets,
        not any(isinstance(subset.said, Malformed) for subset in subsets.values()),
        {number: tuple(entries) for number, entries in named.items()},
        {number: tuple(entries) for number, entries in missing.items()},
        stems,
    )


def _read(member: Member) -> Submission | Malformed:
    if member.source.size > LARGEST:
        return Malformed("METADATA_UNREADABLE")
    try:
        return read_metadata(member.source.read())
    except Damaged:
        return Malformed("METADATA_UNREADABLE")


def _target(subset: Subset, entry: DocumentEntry) -> str:
    """The place that an entry's URI names; nothing for an empty one, or one that leaves the archive."""
    if not entry.uri:
        return ""
    path = posixpath.normpath(posixpath.join(subset.folder, entry.uri.replace("\\", "/").upper()))
    return "" if path.startswith(("..", "/")) else path


def yields(member: Member, found: Layout) -> Iterator[Ignored | Refusal | Submitted]:
    """What one member of an XDM archive is."""
    where = Locator(member=member.number)
    subset = found.subsets.get(member.number)
    if subset is not None:
        yield from _metadata(subset, where, found)
    elif member.number in found.named:
        yield from _documents(member, where, found.named[member.number])
    elif rule := _rule(member, found):
        yield Ignored(where, member.span, rule)
    else:
        yield Refusal(where, member.span, *_unnamed(found))


def _metadata(subset: Subset, where: Locator, found: Layout) -> Iterator[Ignored | Refusal]:
    """The metadata themselves: an index file, and a refusal for each entry whose document is not there."""
    span = subset.member.span
    if isinstance(subset.said, Malformed):
        at = msgspec.structs.replace(where, line=subset.said.line)
        yield Refusal(at, span, "METADATA_UNREADABLE", "SubmitObjectsRequest (ebRIM 3.0), without a document type")
        return
    yield Metadata(where, span, INDEX)
    for number in found.missing.get(subset.member.number, ()):
        at = msgspec.structs.replace(where, document=number)
        yield Refusal(at, span, "ENTRY_WITHOUT_DOCUMENT", "URI: the name of a file of the archive")


def _documents(member: Member, where: Locator, named: tuple[tuple[Subset, int], ...]) -> Iterator[Refusal | Submitted]:
    if len(named) > 1:
        yield Refusal(where, member.span, "METADATA_INCONSISTENT", "one DocumentEntry for each file")
        return
    ((subset, number),) = named
    assert not isinstance(subset.said, Malformed)
    yield Submitted(
        where,
        member.span,
        member.source,
        entry=subset.said.entries[number - 1],
        submission=subset.said.set,
        metadata=subset.member.number,
        of_two=len(subset.said.entries) == 2,
    )


def _unnamed(found: Layout) -> tuple[str, str]:
    """Why a file that no entry names is refused: its metadata can't be read, are not there, or leave it out."""
    if not found.readable:
        return "METADATA_UNREADABLE", "METADATA.XML that can be read"
    return "DOCUMENT_WITHOUT_ENTRY", "a DocumentEntry whose URI names this file"


def _rule(member: Member, found: Layout) -> str:
    """The rule by which an unnamed file is ignored: index, style sheet, or the printed copy of a named document."""
    path = place(member)
    stem, ending = posixpath.splitext(path)
    if posixpath.basename(path) in _INDEXES and _FOLDER not in path.split("/"):
        return INDEX
    if ending == ".PDF" and stem in found.stems and head_of(member, 5) == b"%PDF-":
        return COPY
    return INDEX if ending in _STYLES and not holds_document(member) else ""


def holds_document(member: Member) -> bool:
    """Whether a CDA stands in a member: a style sheet may carry the document that it presents."""
    kept = b""
    try:
        with member.source.open() as stream:
            while chunk := stream.read(CHUNK):
                if _DOCUMENT.search(kept + chunk):
                    return True
                kept = chunk[-_OVERLAP:]
    except Damaged:
        return True
    return False
