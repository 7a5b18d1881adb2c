"""The sections of a CDA body as a reader would see them: code, title, narrative, and how many entries each holds.

Entries stay raw here: what they mean is coded content, mapped elsewhere by template. A level 1 body has no section.
"""

from __future__ import annotations

from lxml import etree

from connectors.base import RawSection
from connectors.cda.elements import V3, children, first, raw_code, text


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
