"""Apple Health `export.zip`: hands on the one `<HealthData>` document inside, lazily; the rest is counted, not loaded.

The document's name depends on the language of the phone, so it is found by its content. `export_cda.xml` repeats the
same data. Routes, electrocardiograms and clinical records are not loaded (data minimisation): they stay raw.
"""

from __future__ import annotations

from collections.abc import Iterator

from connectors.archive import Member, Unsafe, head_of, is_clutter, is_health_export, members
from connectors.base import Enclosed, Ignored, Locator, Refusal, Source, Span
from connectors.devices import apple_health


def recognises(head: bytes, name: str) -> bool:
    """By the folder of the first entry, or an `export.xml` in its place when the archive was packed anew."""
    return is_health_export(head)


def read(source: Source) -> Iterator[Enclosed | Ignored | Refusal]:
    """An `Enclosed` for each HealthData document (one, in a true export), an `Ignored` for every other file."""
    found = members(source)
    if isinstance(found, Unsafe):
        where = Locator(member=found.number or None)
        yield Refusal(where, Span(0, source.size), found.code, found.expected)
        return
    documents = 0
    for member in found:
        where = Locator(member=member.number)
        rule = _rule(member)
        if rule:
            yield Ignored(where, member.span, rule)
        else:
            documents += 1
            yield Enclosed(where, member.span, member.source)
    if not documents:
        yield Refusal(Locator(), Span(0, source.size), "EXPORT_XML_MISSING", "a <HealthData> document in the archive")


def _rule(member: Member) -> str:
    """The rule by which a member is ignored; empty for the export itself."""
    if is_clutter(member):
        return "ARCHIVE_INDEX"
    if not member.name.casefold().endswith(".xml"):
        return "ATTACHMENT_KEPT_RAW"
    head = head_of(member)
    if apple_health.recognises(head, ""):
        return ""
    return "EXPORT_CDA_COPY" if b"<ClinicalDocument" in head else "ATTACHMENT_KEPT_RAW"
