"""A schematron made fit to run on a patient's document: it reads no file by itself and quotes nothing.

Every `value-of` becomes the expression it would show, in braces (`{@code}`), or the text itself where that is part of
the schematron. Files are handed to it (`quality.ans.files`); an assertion that needs one that is missing is left out.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator

import msgspec
from lxml import etree

from quality.ans.assembly import EXPRESSIONS, Assembled, S, X
from quality.ans.files import available
from quality.ans.notes import Note, Notes
from quality.ans.tree import Tree
from quality.ans.xpath import Lets, Read, confined, followed, literal, reads

LONGEST = 100
"""Characters of an expression that is shown in a sentence."""
_SPOKEN = (S + "assert", S + "report")


class Prepared(msgspec.Struct, frozen=True):
    """`schema` is the one assembled, changed in place."""

    schema: etree._Element
    reads: tuple[Read, ...]
    notes: tuple[Note, ...]
    inputs: dict[str, str]


def prepare(tree: Tree, entry: str, assembled: Assembled) -> Prepared:
    """References to files are relative to the entry file, as ANS keeps the compiled form beside it."""
    schema = assembled.schema
    notes = Notes(assembled.notes)
    inputs = dict(assembled.inputs)
    wanted: dict[Read, None] = {}
    shared = {one.get("name", ""): one.get("value", "") for one in _shared(schema)}
    rules = {one.get("id", ""): one for one in schema.iter(S + "rule") if one.get("abstract") == "true"}
    for element, lets in _expressions(schema, shared, rules):
        for name in EXPRESSIONS if not element.tag.startswith(X) else tuple(element.attrib):
            expression = element.get(name, "")
            if not expression or (name == "value" and element.tag != S + "let"):
                continue
            found, whole = reads(expression, lets)
            if not whole:
                notes.say("FILE_UNKNOWN", _place(element))
            missing = [
                one
                for one in found
                if one.after is None and one.required and not _there(tree, entry, one, inputs, notes)
            ]
            if missing and element.tag in _SPOKEN:
                for one in missing:
                    notes.say("ASSERTIONS_WITHOUT_FILE", one.before)
                element.set("test", "true()" if element.tag == S + "assert" else "false()")
                continue
            wanted.update(dict.fromkeys(found))
            if found or not whole:
                element.set(name, confined(expression))
        if element.tag in _SPOKEN:
            _worded(element, lets)
    return Prepared(schema, tuple(wanted), notes.all(), inputs)


def _there(tree: Tree, entry: str, one: Read, inputs: dict[str, str], notes: Notes) -> bool:
    file = available(tree, entry, one.before)
    inputs.update({path: tree.digest(path) for path in file.looked_at})
    if file.note:
        notes.say(file.note, one.before)
    return bool(file.path)


def _shared(schema: etree._Element) -> Iterator[etree._Element]:
    """Variables of the schema and of its patterns: both are global in the ISO implementation that ANS uses."""
    yield from schema.iterchildren(S + "let")
    for pattern in schema.iter(S + "pattern"):
        yield from pattern.iterchildren(S + "let")


def _expressions(
    schema: etree._Element, shared: dict[str, str], rules: dict[str, etree._Element]
) -> Iterator[tuple[etree._Element, Lets]]:
    """Every element with expressions, and the variables it may name."""
    for element in list(schema.iter(etree.Element)):
        rule = next(element.iterancestors(S + "rule"), None) if element.tag != S + "rule" else element
        own = _lets(rule, rules) if rule is not None else {}
        yield element, ChainMap(own, shared)


def _lets(rule: etree._Element, rules: dict[str, etree._Element], depth: int = 8) -> dict[str, str]:
    found: dict[str, str] = {}
    for child in rule:
        if child.tag == S + "let":
            found[child.get("name", "")] = child.get("value", "")
        elif child.tag == S + "extends" and depth and child.get("rule", "") in rules:
            found |= _lets(rules[child.get("rule", "")], rules, depth - 1)
    return found


def _worded(spoken: etree._Element, lets: Lets) -> None:
    """The sentence as text, with `name` elements: names of elements are no values."""
    for name in ("diagnostics", "properties", "icon", "fpi"):
        spoken.attrib.pop(name, "")
    pieces = _inside(spoken, lets)
    for child in list(spoken):
        spoken.remove(child)
    spoken.text, last = "", None
    for piece in pieces:
        if isinstance(piece, str):
            if last is None:
                spoken.text += piece
            else:
                last.tail = (last.tail or "") + piece
        else:
            spoken.append(piece)
            last = piece


def _inside(element: etree._Element, lets: Lets) -> list[str | etree._Element]:
    pieces: list[str | etree._Element] = [element.text or ""]
    for child in element:
        pieces += [*_said(child, lets), child.tail or ""]
    return pieces


def _said(element: etree._Element, lets: Lets) -> list[str | etree._Element]:
    if element.tag == S + "name":
        kept = etree.Element(S + "name")
        if element.get("path"):
            kept.set("path", element.get("path", ""))
        return [kept]
    if element.tag == S + "value-of":
        expression = followed(element.get("select", ""), lets)
        text = literal(expression)
        shown = " ".join(expression.split())
        return [text if text is not None else f"{{{shown}}}" if len(shown) <= LONGEST else "{…}"]
    return _inside(element, lets)


def _place(element: etree._Element) -> str:
    """The pattern and the rule that an element is of, by their ids."""
    above = [one.get("id", "") for one in element.iterancestors(S + "rule", S + "pattern")]
    return " / ".join(reversed([one for one in above if one])) or "schema"
