"""Zip archives of documents: an IHE_XDM.zip, read by its METADATA.XML, or a plain batch of files of any format.

The archive is no item. Its members come in the order of their bytes, so that each range of the delivery can be sealed
for the patient it is about; a member is handed on only when all of it inflates to what was announced.
"""

from __future__ import annotations

from collections.abc import Iterator

from connectors.archive import (
    Member,
    Unsafe,
    head_of,
    intact,
    is_clutter,
    is_health_export,
    is_zip,
    loaded,
    members,
)
from connectors.base import Connector, Enclosed, Ignored, Locator, Refusal, Source, Span
from connectors.cda.xdm import INDEX, layout, yields

LARGEST_INSIDE = 32 << 20
"""Bytes of an archive inside another: it is read back and forth, so it is held in memory."""


def recognises(head: bytes, name: str) -> bool:
    """Any zip but the export of a phone, which has its own reader."""
    return is_zip(head) and not is_health_export(head)


def read(source: Source) -> Iterator[Enclosed | Ignored | Refusal]:
    """One yield a member, and one refusal for an archive that is unsafe, damaged or empty."""
    found = members(source)
    if isinstance(found, Unsafe):
        yield Refusal(Locator(member=found.number or None), Span(0, source.size), found.code, found.expected)
        return
    if not found:
        yield Refusal(Locator(), Span(0, source.size), "EMPTY_FILE", "an archive that holds files")
        return
    xdm = layout(found)
    for member in sorted(found, key=lambda one: one.span.start):
        if is_clutter(member):
            yield Ignored(Locator(member=member.number), member.span, INDEX)
        elif not intact(member.source):
            yield Refusal(Locator(member=member.number), member.span, "ARCHIVE_DAMAGED", "a file that inflates whole")
        elif xdm is not None:
            yield from yields(member, xdm)
        else:
            yield _enclosed(member)


def _enclosed(member: Member) -> Enclosed | Refusal:
    """A file of a plain batch, for the registry; an archive inside is held in memory."""
    where = Locator(member=member.number)
    if not is_zip(head_of(member, 4)):
        return Enclosed(where, member.span, member.source)
    if member.source.size > LARGEST_INSIDE:
        expected = f"an archive within an archive of at most {LARGEST_INSIDE >> 20} MiB"
        return Refusal(where, member.span, "ARCHIVE_UNSAFE", expected)
    return Enclosed(where, member.span, loaded(member.source))


ZIP = Connector(name="zip", family="cda", recognises=recognises, read=read, container="archive")
