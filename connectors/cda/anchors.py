"""Narrative as plain text, and what the coded content refers to in it: anchors and references.

An entry says what it means in words by `text/reference` or `originalText/reference`, whose @value is the @ID of a
part of a section's narrative, written `#id` in the norm and `id` in over half of the real documents. Nothing is
guessed: an anchor that is nowhere, or that stands on two different texts, is dangling, and the text beside the
reference stands in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import cast
from xml.sax.saxutils import unescape

import msgspec
from lxml import etree

from connectors.cda.elements import V3, child

INLINE = frozenset(
    f"{V3}{name}" for name in ("content", "sub", "sup", "linkHtml", "footnoteRef", "renderMultiMedia", "reference")
)
"""Elements that part no words; any other one does, a cell of a table first of all: `5` and `0` are not `50`."""
_NAMES = "|".join(tag.removeprefix(V3) for tag in sorted(INLINE))
_TAG = re.compile(r"<[^>]*>")
LONGEST = 65_536
"""Characters of an anchor's text, indentation counted; a longer one is a whole narrative, kept with its section."""
NESTED = 16
"""Anchors within one another that are taken, so that their texts together stay in proportion to the document."""
REFERENCE = V3 + "reference"
_BLANKS = re.compile(r"[ \t\r\n]+")
_HOLDERS = frozenset(V3 + name for name in ("text", "originalText", "value"))
_EXTERNAL = re.compile(r"[:/]")


class Resolved(msgspec.Struct, frozen=True):
    """What an element says in words: the text it refers to, else the text it holds."""

    text: str
    dangling: bool = False
    """It refers to an anchor that the narrative has not, or has twice with different texts."""
    external: str = ""
    """The address it refers to outside the document (`https:…`, `Documents/a.pdf`), as said; never fetched."""


def fold(text: str) -> str:
    """White space of XML folded to one space each; a no-break space is a character like any other."""
    return _BLANKS.sub(" ", text).strip(" ") if text else ""


class Anchors(Mapping[str, str]):
    """@ID → text of a document. Texts are cut out when asked for."""

    def __init__(self) -> None:
        self._elements: dict[str, etree._Element | None] = {}
        """Name → what it stands on; None for what has no text of its own."""
        self._cuts: dict[str, str] = {}
        self._ambiguous: set[str] = set()
        self._narratives: set[etree._Element] = set()

    def __getitem__(self, name: str) -> str:
        found = self._cuts.get(name)
        if found is None:
            found = self._cuts[name] = _cut(self._elements[name])
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._elements

    def __iter__(self) -> Iterator[str]:
        return iter(self._elements)

    def __len__(self) -> int:
        return len(self._elements)

    @property
    def ambiguous(self) -> frozenset[str]:
        """Names that stand on two different texts, and so name nothing."""
        return frozenset(self._ambiguous)

    def text(self, narrative: etree._Element | None) -> str:
        """The whole text of a narrative that was read; empty for any other element."""
        if narrative is None or narrative not in self._narratives:
            return ""
        return fold(_parted(narrative))

    def read(self, narrative: etree._Element) -> None:
        """Take the anchors of one narrative."""
        self._narratives.add(narrative)
        above: dict[etree._Element, int] = {}
        for element in narrative.iter():
            name = element.get("ID") or element.get("id")
            if name and _around(element, narrative, above) < NESTED:
                self._name(fold(name), element)

    def name(self, element: etree._Element) -> None:
        """Take the anchor of an element that has no text of its own (an image, a region)."""
        name = fold(element.get("ID") or "")
        if name and name not in self._ambiguous:
            self._elements.setdefault(name, None)

    def _name(self, name: str, element: etree._Element) -> None:
        if not name or name in self._ambiguous:
            return
        before = self._elements.setdefault(name, element)
        if before is not element and self[name] != _cut(element):
            self._ambiguous.add(name)
            del self._elements[name], self._cuts[name]


def _around(element: etree._Element, narrative: etree._Element, above: dict[etree._Element, int]) -> int:
    """How many anchors are around an element of a narrative; `above` remembers the elements passed on the way up."""
    passed = []
    at, found = element, 0
    while at is not narrative and (parent := at.getparent()) is not None:
        if parent in above:
            found = above[parent]
            break
        passed.append(parent)
        at = parent
    for parent in reversed(passed):
        found += bool(parent.get("ID") or parent.get("id"))
        above[parent] = found
    return found


def _cut(element: etree._Element | None) -> str:
    """The text of an anchor, when it is no longer than one may be."""
    if element is None:
        return ""
    said = _parted(element)
    if element.tag not in INLINE:
        said = said[1:]
    return fold(said) if len(said) <= LONGEST else ""


def _parted(element: etree._Element) -> str:
    """All text below an element, a blank for each end of an element that parts words.

    From its mark-up, where a `<` opens a tag wherever it stands: no element has to be looked at one by one.
    """
    if not len(element):
        said = element.text or ""
        return said if element.tag in INLINE else f" {said} "
    written = etree.tostring(element, encoding="unicode", with_tail=False)
    prefixes = tuple(sorted(prefix or "" for prefix, uri in element.nsmap.items() if uri == V3[1:-1]))
    said = _TAG.sub(" ", _inline_tag(prefixes).sub("", written))
    return unescape(said, {"&#13;": "\r"}) if "&" in said else said


@lru_cache(32)
def _inline_tag(prefixes: tuple[str, ...]) -> re.Pattern[str]:
    """The tags of inline elements, where CDA has these prefixes."""
    written = "|".join(re.escape(f"{prefix}:" if prefix else "") for prefix in prefixes)
    return re.compile(f"</?(?:{written})(?:{_NAMES})(?=[ />])[^>]*>")


def anchors(root: etree._Element) -> Anchors:
    """The anchors of a document: every @ID in the narrative of its sections, and those of its images and regions."""
    found = Anchors()
    shown: list[etree._Element] = []
    for element in root.iter(V3 + "text", V3 + "observationMedia", V3 + "regionOfInterest"):
        if element.tag != V3 + "text":
            shown.append(element)
        elif (parent := element.getparent()) is not None and parent.tag == V3 + "section":
            found.read(element)
    for element in shown:
        found.name(element)
    return found


def resolve(mapping: Mapping[str, str], element: etree._Element | None) -> Resolved:
    """What a `text` or `originalText` element says: by its reference, else by the text beside it.

    >>> from lxml import etree
    >>> said = etree.fromstring('<originalText xmlns="urn:hl7-org:v3"><reference value="glu"/></originalText>')
    >>> resolve({"glu": "Glycémie"}, said)
    Resolved(text='Glycémie', dangling=False, external='')
    """
    if element is None:
        return Resolved("")
    name, address = _referred(element)
    if name is None:
        return Resolved(_inline(element), external=address)
    if name in mapping:
        return Resolved(mapping[name] or _inline(element))
    return Resolved(_inline(element), dangling=True)


def dangling(root: etree._Element, mapping: Mapping[str, str]) -> Iterator[etree._Element]:
    """The elements of a document that refer to an anchor which is not there."""
    for reference in root.iter(REFERENCE):
        if fold(reference.get("value") or "").removeprefix("#") in mapping:
            continue
        holder = reference.getparent()
        if holder is not None and holder.tag in _HOLDERS and child(holder, REFERENCE) is reference:
            name, _ = _referred(holder)
            if name is not None and name not in mapping:
                yield holder


def outside(element: etree._Element) -> str:
    """The address outside the document that an element refers to, as said; empty without one."""
    return _referred(element)[1]


def _referred(element: etree._Element) -> tuple[str | None, str]:
    """The anchor that an element refers to, or the address outside the document."""
    reference = child(element, REFERENCE)
    value = fold(reference.get("value") or "") if reference is not None else ""
    if not value:
        return None, ""
    if value[0] != "#" and (_EXTERNAL.search(value) or _of_external_document(element)):
        return None, value
    return value.removeprefix("#"), ""


def _of_external_document(element: etree._Element) -> bool:
    parent = element.getparent()
    return parent is not None and parent.tag == V3 + "externalDocument"


def _inline(element: etree._Element) -> str:
    """The text in an element itself; base64 is no text."""
    if element.get("representation") == "B64":
        return ""
    if not len(element):
        return fold(element.text or "")
    return fold("".join(cast("Iterator[str]", element.itertext())))
