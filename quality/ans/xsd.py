"""The XML Schema of ANS's repository, applied without network, entities or any file outside the repository.

What libxml2 says of a value quotes it: only names of elements and attributes are kept of its messages.
"""

from __future__ import annotations

import csv
import io
import re
from functools import cache
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
from lxml import etree

from quality.ans.notes import Note, Notes
from quality.ans.svrl import Finding
from quality.ans.tree import Tree

ENTRY = "infrastructure/cda/CDA_extended.xsd"
MOST = 200
"""Findings of one document."""


class Loaded(msgspec.Struct, frozen=True):
    """The schema, with what was repaired or left out to load it."""

    schema: etree.XMLSchema
    notes: tuple[Note, ...]


def load(tree: Tree) -> Loaded | tuple[Note, ...]:
    """The schema; what stops it otherwise."""
    notes = Notes()
    path = tree.find(ENTRY)
    data = tree.read(path) if path else None
    if path is None or data is None:
        return (Note("FILE_MISSING", (ENTRY,)),)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    parser.resolvers.add(_Inside(tree, notes))
    try:
        root = etree.fromstring(data, parser, base_url=(tree.root / path).as_uri())
        loaded = Loaded(etree.XMLSchema(root), notes.all())
    except (etree.XMLSyntaxError, etree.XMLSchemaParseError):
        notes.say("XSD_UNUSABLE", path)
        return notes.all()
    # libxml2 takes what a missing part would declare for anything at all
    return loaded.notes if any(note.bearing == "stops" for note in loaded.notes) else loaded


class _Inside(etree.Resolver):
    """Schemas that a schema refers to: files of the tree in whatever case; anything else is empty, and named."""

    def __init__(self, tree: Tree, notes: Notes) -> None:
        self.tree = tree
        self.notes = notes

    def resolve(self, url: str, public_id: str, context: Any) -> Any:  # type: ignore[override]
        address = urlsplit(url or "")
        path = Path(unquote(address.path)) if address.scheme in ("", "file") else None
        if path is not None and not path.is_absolute():
            path = self.tree.root / path
        inside = path is not None and path.is_relative_to(self.tree.root)
        wanted = path.relative_to(self.tree.root).as_posix() if path is not None and inside else ""
        found = self.tree.find(wanted) if wanted else None
        data = self.tree.read(found) if found else None
        if found is None or data is None:
            if path is None:
                self.notes.say("XSD_ELSEWHERE", f"{address.scheme}://{address.netloc}")
            elif path.suffix != ".dtd":  # a document type adds nothing here
                self.notes.say("XSD_MISSING", wanted or path.name)
            return self.resolve_empty(context)  # type: ignore[attr-defined]
        if found != wanted:
            self.notes.say("FILE_CASE", wanted)
        return self.resolve_string(data, context, base_url=(self.tree.root / found).as_uri())


def validate(loaded: Loaded, document: etree._Element, *, lines: bool) -> tuple[Finding, ...]:
    """What the schema says of a document. `lines` when its lines are those of the file."""
    if loaded.schema.validate(document):
        return ()
    whole = document.getroottree()
    log: Any = loaded.schema.error_log
    return tuple(_finding(entry, whole, lines=lines) for entry in islice(iter(log), MOST))


_NAMES = re.compile(r"Element '(?:\{[^}']*\})?([^']*)'(?:, attribute '(?:\{[^}']*\})?([^']*)')?")
_EXPECTED = re.compile(r"Expected is (?:one of )?\( (.*) \)\.$")
_ATTRIBUTE = re.compile(r": The attribute '(?:\{[^}']*\})?([^']*)' is (?:required but missing|not allowed)\.$")


@cache
def _sentences() -> list[dict[str, str]]:
    """By the beginning of libxml2's type of error; the last row is for any other."""
    text = resources.files("quality").joinpath("ans", "xsd.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def _finding(entry: Any, whole: etree._ElementTree, *, lines: bool) -> Finding:
    kind = entry.type_name.removeprefix("SCHEMAV_")
    row = next(row for row in _sentences() if kind.startswith(row["kind"]))
    named = _NAMES.match(entry.message)
    attribute = _ATTRIBUTE.search(entry.message)
    listed = _EXPECTED.search(entry.message)
    given = {
        "element": named[1] if named else "",
        "attribute": f"@{attribute[1]}" if attribute else f"@{named[2]}" if named and named[2] else "",
        "expected": re.sub(r"\{[^}]*\}", "", listed[1]).replace("*", "…") if listed else "",
        "kind": kind,
    }
    given["place"] = given["attribute"] or given["element"]
    return Finding(
        level="error",
        pattern="",
        rule="",
        id=kind,
        location=_location(entry.path, whole),
        line=entry.line if lines else 0,
        fr=_tidy(row["fr"].format(**given)),
        en=_tidy(row["en"].format(**given)),
    )


def _tidy(sentence: str) -> str:
    """Without the part that tells what is expected, where nothing is told."""
    return re.sub(r" (?:Attendu|Expected) ?: \.$", "", sentence)


def _location(path: str | None, whole: etree._ElementTree) -> str:
    """libxml2's `/*/*[3]` with names and positions among siblings of the name."""
    try:
        found: Any = whole.xpath(path or "/*")
    except etree.XPathError:
        return ""
    element = found[0] if isinstance(found, list) and found else None
    steps: list[str] = []
    while isinstance(element, etree._Element):
        name = etree.QName(element).localname
        above = element.getparent()
        same = [] if above is None else list(above.iterchildren(element.tag))
        steps.append(name if above is None else f"{name}[{same.index(element) + 1}]")
        element = above
    return "/" + "/".join(reversed(steps)) if steps else ""
