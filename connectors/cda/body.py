"""The sections of a CDA body: code, title, narrative as a reader would see it, and the statements of their entries.

What the statements mean is coded content, mapped elsewhere by template. A level 1 body has no section.
"""

from __future__ import annotations

from lxml import etree

from connectors.base import RawSection
from connectors.cda.anchors import anchors
from connectors.cda.datatypes import Reading
from connectors.cda.elements import V3, children, first, raw_code, text
from connectors.cda.entries import entry_statements
from connectors.statements import Statement


def sections(document: etree._Element) -> tuple[RawSection, ...]:
    """Every `section` in document order, nested ones after the one that holds them."""
    return tuple(
        RawSection(
            code=raw_code(first(section, "code")),
            title=text(first(section, "title")),
            narrative=text(first(section, "text")),
            depth=sum(1 for _ in section.iterancestors(V3 + "section")),
            entries=sum(1 for _ in children(section, "entry")),
        )
        for section in document.iter(V3 + "section")
    )


def statements(document: etree._Element) -> tuple[tuple[Statement, ...], ...]:
    """The statements of each of these sections, references into the narrative resolved."""
    reading = Reading(anchors(document))
    return tuple(entry_statements(section, reading) for section in document.iter(V3 + "section"))
