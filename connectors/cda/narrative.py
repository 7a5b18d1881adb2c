"""Narrative as inert XHTML: the mark-up of CDA turned into a short list of elements, everything else into its text.

The source is CDA, not HTML, so nothing is cleaned: a new fragment is written from what CDA allows
(`connectors.cda.allowed`), and what is not on that list can't come through, be it invented tomorrow. No character of
the text is lost. Words that Carnet adds (the name of an image) are in elements of class `generated`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape
from typing import cast

import msgspec
from lxml import etree

from connectors.cda import allowed
from connectors.cda.allowed import AROUND, ATTRIBUTES, BLOCKS, IMPLIED, INSIDE, NOTHING, PHRASES, Said
from connectors.cda.anchors import fold
from connectors.cda.elements import V3

_BLANKS = re.compile(r"[ \t\r\n]+")
_SPECIAL = re.compile("[&<>]")
_OPENING = {tag: f"<{tag}>" for tag in allowed.ELEMENTS}
_CLOSING = {tag: f"</{tag}>" for tag in allowed.ELEMENTS}
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")


class Narrative(msgspec.Struct, frozen=True):
    """One narrative, shown: a `div` of XHTML, empty when it says nothing."""

    html: str
    kept: int
    """Elements that came through."""
    dropped: int
    """Elements and attributes that CDA does not know, links that could act, ids given twice. Their text is kept."""


class Narratives:
    """Writes the narratives of one document: ids stay unique across its sections, links lead to ids that exist."""

    def __init__(self, anchors: Mapping[str, str], media: Mapping[str, str]) -> None:
        """`media` names what a `renderMultiMedia` refers to: @ID → `pièce jointe 2 : image/png`."""
        self.anchors = anchors
        self.media = media
        self.ids: set[str] = set()

    def show(self, narrative: etree._Element) -> Narrative:
        """The narrative of one section (its `text`), in time linear in its size and without recursion."""
        return _Writer(self, narrative).written()


def identifier(name: str) -> str:
    """An @ID of a document as an id of the page: with a prefix, so that it is never one of the page's own."""
    return "cda-" + re.sub(r"[^\w.:-]", "_", fold(name))


class _Frame(msgspec.Struct):
    """An element that is open."""

    tag: str
    closing: str
    begun: int
    """Pieces written when it was opened."""
    implied: bool = False
    item: str = ""
    """Of a `list`: the tag of what holds its items, with its attributes."""


class _Writer:
    def __init__(self, document: Narratives, narrative: etree._Element) -> None:
        self.document = document
        self.narrative = narrative
        self.pieces: list[str] = []
        self.frames: list[_Frame] = []
        self.footnotes: dict[str, int] = {}
        self.links = 0
        self.kept = 0
        self.dropped = 0
        self.says = False
        self.blocks = _around_blocks(narrative)

    def written(self) -> Narrative:
        opened: list[bool] = []
        for event, element in etree.iterwalk(self.narrative, events=("start", "end")):
            if event == "start":
                opened.append(self.start(element))
                if element.text:
                    self.text(element.text)
            else:
                self.end(element, opened.pop())
                if element.tail and opened:
                    self.text(element.tail)
        return Narrative("".join(self.pieces) if self.says else "", self.kept, self.dropped)

    def start(self, element: etree._Element) -> bool:
        """Open what stands for an element; False when nothing does."""
        items = element.items()
        said = cast("Said", dict(items)) if items else NOTHING
        for attribute in said:
            if attribute not in ATTRIBUTES and attribute[0] != "{":
                self.dropped += 1
        if element is self.narrative:
            return self.open("div", ' xmlns="http://www.w3.org/1999/xhtml"' + self.attributes(said))
        known = _HANDLERS.get(element.tag)
        if known is None:
            return self.leave_out(said)
        self.kept += 1
        name, handler = known
        return handler(self, element, name, said)

    def end(self, element: etree._Element, opened: bool) -> None:
        if opened:
            self.close()
        elif element.tag not in _SILENT:
            self.text(" ")
        if element.tag in _LINKS:
            self.links -= 1

    def leave_out(self, said: Said) -> bool:
        """Nothing for an element but its text, apart from what is around it, and its anchor."""
        self.dropped += 1
        self.text(" ")
        if self.anchor(said):
            self.mark(said)
        return False

    def mark(self, said: Said) -> None:
        """An anchor by itself, of an element that is left out."""
        self.open("span", self.attributes({"ID": self.anchor(said)}))
        self.close()

    # What is written

    def text(self, text: str) -> None:
        if not text.strip(" \t\r\n"):
            if self.frames[-1].tag not in INSIDE:
                self.pieces.append(" ")
            return
        if self.frames[-1].tag in INSIDE:
            self.make_room("")
        self.says = True
        if "\n" in text or "  " in text or "\t" in text or "\r" in text:
            text = _BLANKS.sub(" ", text)
        self.pieces.append(escape(text, quote=False) if _SPECIAL.search(text) else text)

    def open(self, tag: str, attributes: str = "", *, implied: bool = False, item: str = "") -> bool:
        if self.frames and not implied:
            self.make_room(tag)
        shown = "div" if tag == "list" else tag
        self.pieces.append(f"<{shown}{attributes}>" if attributes else _OPENING[shown])
        self.frames.append(_Frame(tag, _CLOSING[shown], len(self.pieces), implied, item))
        return True

    def close(self) -> None:
        """Close the element opened last and what was implied in it; one that must hold something and doesn't goes."""
        while True:
            frame = self.frames.pop()
            if frame.tag in INSIDE and len(self.pieces) == frame.begun:
                self.pieces.pop()
            else:
                self.pieces.append(frame.closing)
            if not frame.implied:
                return

    def make_room(self, tag: str) -> None:
        """Close and open what is implied until `tag` (text: empty) may come."""
        last = self.frames[-1]
        if not last.implied and last.tag not in INSIDE and tag not in AROUND:
            return
        while self.frames[-1].implied and not allowed.reaches(self.frames[-1].tag, tag):
            self.pieces.append(self.frames.pop().closing)
        while not allowed.holds(top := self.frames[-1].tag, tag):
            if top == "list":
                item = self.frames[-1].item
                self.open(item[:2], item[2:], implied=True)
            else:
                self.open(IMPLIED[top], implied=True)

    def holder(self) -> str:
        """The element that is open by the source's own word."""
        last = self.frames[-1]
        if not last.implied:
            return last.tag
        return next(frame.tag for frame in reversed(self.frames) if not frame.implied)

    def generated(self, text: str) -> None:
        self.open("span", ' class="generated"')
        self.text(text)
        self.close()

    def anchor(self, said: Said) -> str:
        return fold(said.get("ID") or said.get("id") or "")

    def attributes(self, said: Said, *classes: str) -> str:
        if not said and not classes:
            return ""
        written = ""
        if name := self.anchor(said):
            id_ = identifier(name)
            if id_ in self.document.ids:
                self.dropped += 1
            else:
                self.document.ids.add(id_)
                written += f' id="{escape(id_)}"'
        looks = [*classes, *allowed.styles(said)]
        if looks:
            written += f' class="{" ".join(looks)}"'
        language = said.get("language", "")
        if language and _LANGUAGE.fullmatch(language):
            written += f' lang="{language}"'
        return written

    # Elements, each by its name in CDA

    def phrase(self, element: etree._Element, name: str, said: Said) -> bool:
        tag = name if name in ("sub", "sup") else "span"
        classes = ("footnote",) if name == "footnote" else ()
        return self.open("div" if element in self.blocks else tag, self.attributes(said, *classes))

    def paragraph(self, element: etree._Element, name: str, said: Said) -> bool:
        classes = ("title",) if name == "title" else ()
        return self.open("div" if element in self.blocks else "p", self.attributes(said, *classes))

    def listed(self, element: etree._Element, name: str, said: Said) -> bool:
        tag = "ol" if said.get("listType") == "ordered" else "ul"
        first = next(element.iterchildren("*"), None)
        if first is None or first.tag != V3 + "caption":
            return self.open(tag, self.attributes(said))
        return self.open("list", ' class="list"', item=tag + self.attributes(said))

    def table(self, element: etree._Element, name: str, said: Said) -> bool:
        return self.open("table", self.attributes(said))

    def part(self, element: etree._Element, name: str, said: Said) -> bool:
        """An item, a row, a cell … where one may stand; elsewhere its text only."""
        tag = "li" if name == "item" else name
        if self.holder() not in AROUND[tag]:
            self.kept -= 1
            return self.leave_out(said)
        return self.open(tag, self.attributes(said) + (allowed.cell(said) if said and name in ("td", "th") else ""))

    def caption(self, element: etree._Element, name: str, said: Said) -> bool:
        top = self.frames[-1]
        if top.tag == "table" and len(self.pieces) == top.begun:
            return self.open("caption", self.attributes(said))
        if top.tag == "list":  # before the items, which its wrapper opens
            self.pieces.append(f"<div{self.attributes(said, 'caption')}>")
            self.frames.append(_Frame("div", "</div>", len(self.pieces)))
            return True
        phrase = self.holder() in PHRASES and element not in self.blocks
        return self.open("span" if phrase else "div", self.attributes(said, "caption"))

    def columns(self, element: etree._Element, name: str, said: Said) -> bool:
        """Nothing: columns have no text, and no looks are kept that they could give."""
        return self.empty(element, said)

    def line_break(self, element: etree._Element, name: str, said: Said) -> bool:
        self.make_room("br")
        self.pieces.append("<br/>")
        return self.empty(element, said)

    def empty(self, element: etree._Element, said: Said) -> bool:
        """An element that holds nothing in CDA; when one does, its anchor stands before what it holds."""
        if (element.text or len(element)) and self.anchor(said):
            self.mark(said)
        return False

    def link(self, element: etree._Element, name: str, said: Said) -> bool:
        self.links += 1
        address = fold(said.get("href", ""))
        href = self.target(address)
        if href and self.links == 1 and element not in self.blocks:
            return self.open("a", self.attributes(said) + f' href="{escape(href)}" rel="noopener noreferrer"')
        self.open("div" if element in self.blocks else "span", self.attributes(said))
        if not href and allowed.file(address):
            self.generated(f"[{address}] ")
        elif address[:1] not in ("", "#") and not href:
            self.dropped += 1
        return True

    def target(self, address: str) -> str:
        """Where a link may lead: the web, a mailbox, an anchor of this document; empty otherwise."""
        if address.startswith("#"):
            name = fold(address[1:])
            return "#" + identifier(name) if name in self.document.anchors else ""
        return address if allowed.link(address) else ""

    def footnote_mark(self, element: etree._Element, name: str, said: Said) -> bool:
        self.links += 1
        note = fold(said.get("IDREF", ""))
        mark = f"[{self.footnotes.setdefault(note, len(self.footnotes) + 1)}]"
        href = self.target("#" + note)
        if href and self.links == 1 and element not in self.blocks:
            self.open("a", self.attributes(said, "generated") + f' href="{escape(href)}"')
        else:
            self.open("span", self.attributes(said, "generated"))
        self.text(mark)
        self.close()
        return False

    def medium(self, element: etree._Element, name: str, said: Said) -> bool:
        self.open("div" if element in self.blocks else "span", self.attributes(said, "media"))
        names = said.get("referencedObject", "").split() or [""]
        self.generated(" ".join(f"[{self.document.media.get(name, 'pièce jointe introuvable')}]" for name in names))
        return True


_BY_NAME: dict[str, Callable[[_Writer, etree._Element, str, Said], bool]] = {
    **dict.fromkeys(("content", "sub", "sup", "footnote"), _Writer.phrase),
    **dict.fromkeys(("paragraph", "title"), _Writer.paragraph),
    **dict.fromkeys(("item", "thead", "tbody", "tfoot", "tr", "th", "td"), _Writer.part),
    **dict.fromkeys(("col", "colgroup"), _Writer.columns),
    "list": _Writer.listed,
    "table": _Writer.table,
    "caption": _Writer.caption,
    "br": _Writer.line_break,
    "linkHtml": _Writer.link,
    "footnoteRef": _Writer.footnote_mark,
    "renderMultiMedia": _Writer.medium,
}
_HANDLERS = {V3 + name: (name, handler) for name, handler in _BY_NAME.items()}
_SILENT = frozenset(f"{V3}{name}" for name in ("br", "footnoteRef", "col", "colgroup"))
"""Elements that leave nothing open and part no words."""
_LINKS = frozenset((V3 + "linkHtml", V3 + "footnoteRef"))


def _around_blocks(narrative: etree._Element) -> set[etree._Element]:
    """Elements that have a block in them: they can be no phrase themselves."""
    found: set[etree._Element] = set()
    for block in narrative.iter(*BLOCKS):
        above = block.getparent() if block is not narrative else None
        while above is not None and above is not narrative and above not in found:
            found.add(above)
            above = above.getparent()
    return found
