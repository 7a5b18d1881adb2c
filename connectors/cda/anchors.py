"""Narrative as plain text, and what the coded content refers to in it: anchors and references.

An entry says what it means in words by `text/reference` or `originalText/reference`, whose @value is the @ID of a
part of a section's narrative, written `#id` in the norm and `id` in over half of the real documents. Nothing is
guessed: an anchor that is nowhere, or that stands on two different texts, is dangling, and the text beside the
reference stands in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec
from lxml import etree

from connectors.cda.elements import V3

INLINE = frozenset(
    f"{V3}{name}" for name in ("content", "sub", "sup", "linkHtml", "footnoteRef", "renderMultiMedia", "reference")
)
"""Elements that part no words; any other one does, a cell of a table first of all: `5` and `0` are not `50`."""
LONGEST = 65_536
"""Characters of an anchor's text, indentation counted; a longer one is a whole narrative, kept with its section."""
NESTED = 16
"""Anchors within one another that are taken, so that their texts together stay in proportion to the document."""
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
    return _BLANKS.sub(" ", text).strip(" ")


class Anchors(Mapping[str, str]):
    """@ID → text of a document. Texts are cut out when asked for: nested anchors share theirs."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._ranges: dict[str, tuple[int, int, int]] = {}
        """Name → (index of the text, start, end)."""
        self._cuts: dict[str, str] = {}
        self._ambiguous: set[str] = set()
        self._narratives: dict[etree._Element, int] = {}

    def __getitem__(self, name: str) -> str:
        if name not in self._cuts:
            self._cuts[name] = self._cut(*self._ranges[name])
        return self._cuts[name]

    def __contains__(self, name: object) -> bool:
        return name in self._ranges

    def __iter__(self) -> Iterator[str]:
        return iter(self._ranges)

    def __len__(self) -> int:
        return len(self._ranges)

    @property
    def ambiguous(self) -> frozenset[str]:
        """Names that stand on two different texts, and so name nothing."""
        return frozenset(self._ambiguous)

    def text(self, narrative: etree._Element | None) -> str:
        """The whole text of a narrative that was read; empty for any other element."""
        if narrative is None or narrative not in self._narratives:
            return ""
        return fold(self._texts[self._narratives[narrative]])

    def read(self, narrative: etree._Element) -> None:
        """Take the anchors of one narrative and its text."""
        pieces: list[str] = []
        named: list[tuple[str, int, int]] = []
        opened: list[tuple[int, str]] = []
        around = length = 0
        for event, element in etree.iterwalk(narrative, events=("start", "end")):
            if element.tag not in INLINE:
                pieces.append(" ")
                length += 1
            if event == "start":
                name = element.get("ID") or element.get("id") or ""
                around += bool(name)
                opened.append((length, name))
                said = element.text
            else:
                start, name = opened.pop()
                if name:
                    if around <= NESTED:
                        named.append((fold(name), start, length))
                    around -= 1
                said = element.tail if opened else None
            if said:
                pieces.append(said)
                length += len(said)
        self._narratives[narrative] = len(self._texts)
        self._texts.append("".join(pieces))
        for name, start, end in named:
            self._name(name, (len(self._texts) - 1, start, end))

    def name(self, element: etree._Element) -> None:
        """Take the anchor of an element that has no text of its own (an image, a region)."""
        name = fold(element.get("ID") or "")
        if name and name not in self._ambiguous:
            self._ranges.setdefault(name, (0, 0, 0))

    def _name(self, name: str, place: tuple[int, int, int]) -> None:
        if not name or name in self._ambiguous:
            return
        before = self._ranges.setdefault(name, place)
        if before != place and self._cut(*before) != self._cut(*place):
            self._ambiguous.add(name)
            del self._ranges[name]

    def _cut(self, index: int, start: int, end: int) -> str:
        return fold(self._texts[index][start:end]) if 0 < end - start <= LONGEST else ""


def anchors(root: etree._Element) -> Anchors:
    """The anchors of a document: every @ID in the narrative of its sections, and those of its images and regions."""
    found = Anchors()
    for narrative in root.iter(V3 + "text"):
        parent = narrative.getparent()
        if parent is not None and parent.tag == V3 + "section":
            found.read(narrative)
    for element in root.iter(V3 + "observationMedia", V3 + "regionOfInterest"):
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
    inline = _inline(element)
    name, address = _referred(element)
    if name is None:
        return Resolved(inline, external=address)
    if name in mapping:
        return Resolved(mapping[name] or inline)
    return Resolved(inline, dangling=True)


def dangling(root: etree._Element, mapping: Mapping[str, str]) -> Iterator[etree._Element]:
    """The elements of a document that refer to an anchor which is not there."""
    for reference in root.iter(V3 + "reference"):
        holder = reference.getparent()
        if holder is not None and holder.tag in _HOLDERS and holder.find(V3 + "reference") is reference:
            name, _ = _referred(holder)
            if name is not None and name not in mapping:
                yield holder


def outside(element: etree._Element) -> str:
    """The address outside the document that an element refers to, as said; empty without one."""
    return _referred(element)[1]


def _referred(element: etree._Element) -> tuple[str | None, str]:
    """The anchor that an element refers to, or the address outside the document."""
    reference = element.find(V3 + "reference")
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
    return fold("".join(str(piece) for piece in element.itertext()))
