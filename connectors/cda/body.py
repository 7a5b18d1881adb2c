"""The body of a CDA: its sections with their narrative, the statements of their entries, its attachments.

What the statements mean is coded content, mapped elsewhere by template. A level 1 body has no section.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from lxml import etree

from connectors.attachments import Attachment
from connectors.base import RawSection
from connectors.cda.anchors import Anchors, anchors, dangling
from connectors.cda.attachments import attachments, findings, names
from connectors.cda.datatypes import Reading
from connectors.cda.elements import V3, Places, children, first, raw_code, text
from connectors.cda.entries import entry_statements
from connectors.cda.narrative import Narratives
from connectors.statements import Statement

PLACES = 10
"""Places told for one code."""


class Body(msgspec.Struct, frozen=True):
    """What stands in `component`."""

    sections: tuple[RawSection, ...]
    """Every `section` in document order, nested ones after the one that holds them."""
    statements: tuple[tuple[Statement, ...], ...]
    """Of each of these sections, references into the narrative resolved."""
    attached: tuple[Attachment, ...]
    findings: Mapping[str, tuple[str, ...]]
    """Codes, each with its first places."""


def body(document: etree._Element) -> Body:
    """The body of a document, each part read once."""
    said = anchors(document)
    places = Places()
    attached = attachments(document, said, places)
    shown = Narratives(said, names(attached))
    elements = list(document.iter(V3 + "section"))
    sections = tuple(_section(element, said, shown) for element in elements)
    reading = Reading(said)
    wrong: list[tuple[str, str | etree._Element]] = [
        *findings(attached),
        *(
            ("NARRATIVE_CLEANED", narrative)
            for element, section in zip(elements, sections, strict=True)
            if section.dropped and (narrative := first(element, "text")) is not None
        ),
        *(("REFERENCE_DANGLING", one) for one in dangling(document, said)),
    ]
    statements = tuple(entry_statements(element, reading) for element in elements)
    return Body(sections, statements, attached, _placed(wrong, places))


def _section(section: etree._Element, said: Anchors, shown: Narratives) -> RawSection:
    narrative = first(section, "text")
    mark_up = shown.show(narrative) if narrative is not None else None
    return RawSection(
        code=raw_code(first(section, "code")),
        title=text(first(section, "title")),
        narrative=said.text(narrative),
        depth=sum(1 for _ in section.iterancestors(V3 + "section")),
        entries=sum(1 for _ in children(section, "entry")),
        html=mark_up.html if mark_up is not None else "",
        dropped=mark_up.dropped if mark_up is not None else 0,
    )


def _placed(wrong: Iterable[tuple[str, str | etree._Element]], places: Places) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for code, where in wrong:
        before = found.get(code, ())
        if len(before) < PLACES:
            found[code] = (*before, where if isinstance(where, str) else places.of(where))
    return found
