"""What a narrative may hold: elements, attributes and styles of CDA, and what of XHTML stands for them.

Sources: HL7 CDA R2, 4.3.5 and its StrucDoc schema; HL7 styleType (2.16.840.1.113883.5.1095); FHIR R4, 2.4.0.4, for the
classes; HTML 4.01 for what holds what.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

from connectors.cda.elements import V3

Said: TypeAlias = Mapping[str, str]
"""The attributes of an element."""
NOTHING: Said = {}

ELEMENTS = frozenset(
    (
        *("div", "p", "span", "br", "sub", "sup", "a", "ul", "ol", "li"),
        *("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"),
    )
)
"""All that comes out."""
ATTRIBUTES = frozenset(
    (
        *("ID", "id", "IDREF", "language", "styleCode", "revised", "listType", "href", "name", "rel", "rev", "title"),
        *("referencedObject", "mediaType", "representation", "nullFlavor", "align", "valign", "char", "charoff"),
        *("width", "border", "frame", "rules", "cellspacing", "cellpadding", "summary", "span", "abbr", "axis"),
        *("headers", "scope", "rowspan", "colspan"),
    )
)
"""Attributes that CDA gives narrative elements. Those that are not kept are looks, and no loss."""
BLOCKS = frozenset(f"{V3}{name}" for name in ("paragraph", "list", "table", "title"))
PHRASES = frozenset(("p", "span", "a", "sub", "sup"))
INSIDE = {
    "table": ("caption", "thead", "tbody", "tfoot"),
    "thead": ("tr",),
    "tbody": ("tr",),
    "tfoot": ("tr",),
    "tr": ("td", "th"),
    "list": ("ul", "ol"),
    "ul": ("li",),
    "ol": ("li",),
}
"""Elements that hold nothing but these; `list` is the wrapper of a list that has a caption."""
IMPLIED = {"table": "tbody", "thead": "tr", "tbody": "tr", "tfoot": "tr", "tr": "td", "ul": "li", "ol": "li"}
"""What is opened for content that an element can't hold by itself: no text may stand between the cells of a table."""
AROUND = {
    "thead": ("table",),
    "tbody": ("table",),
    "tfoot": ("table",),
    "tr": ("table", "thead", "tbody", "tfoot"),
    "td": ("tr", "table", "thead", "tbody", "tfoot"),
    "th": ("tr", "table", "thead", "tbody", "tfoot"),
    "li": ("ul", "ol", "list"),
}
"""Elements that stand nowhere but in these."""

STYLES = {
    "bold": "bold",
    "italics": "italics",
    "bolditalics": "bold italics",  # no code of the norm, but one of real documents
    "emphasis": "italics",
    "underline": "underline",
    "lrule": "border-left",
    "rrule": "border-right",
    "toprule": "border-top",
    "botrule": "border-bottom",
    "arabic": "arabic",
    "littleroman": "little-roman",
    "bigroman": "big-roman",
    "littlealpha": "little-alpha",
    "bigalpha": "big-alpha",
    "disc": "disc",
    "circle": "circle",
    "square": "square",
}
"""@styleCode in lower case → classes."""
COLOURS = frozenset(
    (
        *("aqua", "black", "blue", "fuchsia", "gray", "green", "lime", "maroon"),
        *("navy", "olive", "purple", "red", "silver", "teal", "white", "yellow"),
    )
)
"""What `xFgColour…` and `xBgColour…` may name: the sixteen colours of HTML 4."""
ALIGNED = frozenset(("left", "center", "right", "justify"))
CELLS = {"rowspan": 1000, "colspan": 1000}
SCOPES = frozenset(("row", "col", "rowgroup", "colgroup"))

_LINK = re.compile(r"(?:https?://|mailto:)[^\s\x00-\x20\x7f]+", re.IGNORECASE)
_FILE = re.compile(r"(?![#/\\])[^:\x00-\x1f\x7f]+")
LONGEST_LINK = 2048


def holds(container: str, tag: str) -> bool:
    """Whether an element may be put in another; text is the empty tag."""
    return tag in INSIDE[container] if container in INSIDE else tag not in AROUND


def reaches(container: str, tag: str) -> bool:
    """Whether an element holds another, or what is implied in it does."""
    return holds(container, tag) or (container in IMPLIED and reaches(IMPLIED[container], tag))


def link(address: str) -> bool:
    """Whether an address is one of the web or of a mailbox: the only ones that a reader may follow."""
    return len(address) <= LONGEST_LINK and _LINK.fullmatch(address) is not None


def file(address: str) -> bool:
    """Whether an address is a relative path, which leads nowhere from here but tells what was meant."""
    return _FILE.fullmatch(address) is not None


def styles(said: Said) -> list[str]:
    """The classes that the looks of an element become. What was deleted must look so."""
    found: list[str] = []
    for code in said.get("styleCode", "").lower().split():
        if code in STYLES:
            found.append(STYLES[code])
        elif code[:9] in ("xfgcolour", "xbgcolour") and code[9:] in COLOURS:
            found.append(f"{code[1:3]}-{code[9:]}")
    if (align := said.get("align", "").lower()) in ALIGNED:
        found.append(align)
    if revised := said.get("revised"):
        found += {"delete": ["strikethrough"], "insert": ["underline"]}.get(revised, [])
    return found


def cell(said: Said) -> str:
    """The attributes of a cell that say what it spans and heads."""
    written = ""
    for name, most in CELLS.items():
        value = said.get(name, "")
        if len(value) < 5 and value.isascii() and value.isdigit() and 1 < int(value) <= most:
            written += f' {name}="{int(value)}"'
    if (scope := said.get("scope", "")) in SCOPES:
        written += f' scope="{scope}"'
    return written
