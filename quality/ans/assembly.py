"""A schematron in one piece: its includes in place, abstract patterns made concrete, the patterns of its phase alone.

What cannot be found is left out and named; the files read are listed with their digests, so that the result can be
kept for as long as none of them changes.
"""

from __future__ import annotations

import re
from copy import deepcopy

import msgspec
from lxml import etree

from connectors.cda.xml import Malformed, parse
from quality.ans.notes import Note, Notes
from quality.ans.tree import Tree, beside

SCHEMATRON = "http://purl.oclc.org/dsdl/schematron"
XSLT = "http://www.w3.org/1999/XSL/Transform"
S = f"{{{SCHEMATRON}}}"
X = f"{{{XSLT}}}"
DEPTH = 20
"""Includes within includes."""
EXPRESSIONS = ("test", "context", "select", "path", "value")


class Assembled(msgspec.Struct, frozen=True):
    """A `schema` element without include, abstract pattern or phase; `inputs` maps paths to digests (empty: absent)."""

    schema: etree._Element
    inputs: dict[str, str]
    notes: tuple[Note, ...]


def assemble(tree: Tree, entry: str) -> Assembled | tuple[Note, ...]:
    """The schematron whose entry file is given; what stops it otherwise."""
    work = _Assembling(tree)
    schema = work.parsed(entry)
    if schema is None or schema.tag != S + "schema":
        work.notes.say("SCHEMATRON_UNREADABLE", entry)
        return work.notes.all()
    work.include(schema, entry, (entry,))
    work.concrete(schema)
    _phase(schema)
    return Assembled(schema, work.inputs, work.notes.all())


class _Assembling:
    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.inputs: dict[str, str] = {}
        self.notes = Notes()

    def parsed(self, path: str) -> etree._Element | None:
        """The root element of a file; its digest is noted also when there is none."""
        self.inputs[path] = self.tree.digest(path)
        found = self.tree.find(path)
        data = self.tree.read(found) if found else None
        root = parse(data) if data is not None else None
        return None if root is None or isinstance(root, Malformed) else root

    def include(self, holder: etree._Element, path: str, above: tuple[str, ...]) -> None:
        """Each `include` below `holder`, a part of the file `path`, replaced by the root element it refers to."""
        for element in list(holder.iter(S + "include")):
            wanted, _, fragment = element.get("href", "").partition("#")
            target = beside(path, wanted)
            found = self.tree.find(target)
            root = self.parsed(target) if found and found not in above and len(above) < DEPTH else None
            if root is not None and fragment:
                root = next((one for one in root.iter() if one.get("id") == fragment), None)
            if found is None or root is None or root.tag == S + "schema":
                self.inputs.setdefault(target, self.tree.digest(target))
                self.notes.say("INCLUDE_MISSING" if found is None else "INCLUDE_UNREADABLE", target)
                _remove(element)
                continue
            if found != target:
                self.notes.say("INCLUDE_CASE", target)
            taken = deepcopy(root)
            taken.tail = element.tail
            parent = element.getparent()
            assert parent is not None  # the root of an entry file is a schema
            parent.replace(element, taken)
            self.include(taken, found, (*above, found))

    def concrete(self, schema: etree._Element) -> None:
        """Patterns that are instances of abstract ones get their rules, with each parameter's value written in."""
        patterns = list(schema.iter(S + "pattern"))
        abstract = {one.get("id", ""): one for one in patterns if one.get("abstract") == "true"}
        for pattern in patterns:
            name = pattern.get("is-a")
            if not name:
                continue
            del pattern.attrib["is-a"]
            model = abstract.get(name)
            if model is None:
                self.notes.say("ABSTRACT_MISSING", name)
                _remove(pattern)
                continue
            values = {one.get("name", ""): one.get("value", "") for one in pattern.iter(S + "param")}
            for child in list(pattern):
                pattern.remove(child)
            for child in model:
                copied = deepcopy(child)
                for element in copied.iter():
                    for name in EXPRESSIONS:
                        if element.get(name):
                            element.set(name, _filled(element.get(name, ""), values))
                    element.text = _filled(element.text or "", values)
                    element.tail = _filled(element.tail or "", values)
                pattern.append(copied)
        for pattern in abstract.values():
            _remove(pattern)


def _filled(text: str, values: dict[str, str]) -> str:
    if "$" not in text:
        return text
    return re.sub(r"\$([\w.-]+)", lambda found: values.get(found[1], found[0]), text)


def _phase(schema: etree._Element) -> None:
    """Only the patterns of the default phase stay; abstract rules of the others too, which any rule may extend."""
    wanted = schema.get("defaultPhase", "")
    phase = next((one for one in schema.iter(S + "phase") if one.get("id") == wanted), None)
    if phase is None:
        return
    active = {one.get("pattern") for one in phase.iter(S + "active")}
    for pattern in list(schema.iter(S + "pattern")):
        if pattern.get("id") in active:
            continue
        for child in list(pattern):
            if not (child.tag == S + "rule" and child.get("abstract") == "true"):
                pattern.remove(child)
        if not len(pattern):
            _remove(pattern)


def _remove(element: etree._Element) -> None:
    """Takes an element out; the text after it goes too, which is nothing but layout here."""
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)
