"""The files that schematrons look values up in: found, parsed, and made from another where the repository lacks them.

ART-DECOR's schematrons read `include/voc-<OID>-….xml`; one that is missing is made in memory from the value set of the
same OID in `jeuxDeValeurs`, which has the same codes in the form of IHE SVS.
"""

from __future__ import annotations

import re

import msgspec
from lxml import etree

from connectors.cda.xml import Malformed, parse
from quality.ans.tree import Tree, beside
from quality.ans.xpath import Read

LARGEST = 64_000_000
"""Bytes of a file that is read: a terminology of that size takes half a gigabyte in memory."""
VALUE_SETS = "jeuxDeValeurs/"
_VOCABULARY = re.compile(r"voc-([\d.]+)-[^/]*\.xml", re.IGNORECASE)
_SVS = "{urn:ihe:iti:svs:2008}"


class File(msgspec.Struct, frozen=True):
    """Where a reference leads. `made` when it is to be made from the value set at `path`; empty `path`: nowhere."""

    path: str
    made: bool = False
    note: str = ""
    looked_at: tuple[str, ...] = ()
    """Paths whose presence decided it."""


def available(tree: Tree, entry: str, reference: str) -> File:
    """The file that a schematron refers to."""
    wanted = beside(entry, reference)
    found = tree.find(wanted)
    if found:
        return File(found, note="" if found == wanted else "FILE_CASE", looked_at=(wanted,))
    vocabulary = _VOCABULARY.fullmatch(wanted.rpartition("/")[2])
    if vocabulary:
        source = _value_set(tree, vocabulary[1])
        if source:
            return File(source, made=True, note="FILE_MADE", looked_at=(wanted, source))
        return File("", looked_at=(wanted, VALUE_SETS))
    return File("", looked_at=(wanted,))


def matching(tree: Tree, entry: str, read: Read, document: etree._Element) -> list[str]:
    """References of a kind known at run time only, as far as the document names them: `<codeSystem>.rdf`."""
    assert read.after is not None
    folder, _, start = beside(entry, read.before + "x").rpartition("/")
    start, end = start[:-1].casefold(), read.after.casefold()
    stems = {}
    for path in tree.below(folder):
        name = path.rpartition("/")[2]
        if name.casefold().startswith(start) and name.casefold().endswith(end):
            stems[name[len(start) : len(name) - len(end)]] = path
    if not stems:
        return []
    named = {str(value) for element in document.iter() for value in element.attrib.values()} & stems.keys()
    return [read.before + stem + read.after for stem in sorted(named)]


def load(tree: Tree, file: File) -> etree._Element | None:
    """The root of a file, or of what is made of it; None when it cannot be read."""
    data = tree.read(file.path)
    if data is None or len(data) > LARGEST:
        return None
    root = parse(data)
    if isinstance(root, Malformed):
        return None
    return _made(root) if file.made else root


def _value_set(tree: Tree, oid: str) -> str | None:
    """The value set with that OID in `jeuxDeValeurs`: named in the first bytes of its file."""
    said = re.compile(rb"<(?:[\w.-]+:)?ValueSet\b[^>]*\bid\s*=\s*[\"']" + re.escape(oid).encode() + rb"[\"']")
    for path in tree.below(VALUE_SETS):
        if path.lower().endswith(".xml") and said.search((tree.read(path) or b"")[:4096]):
            return path
    return None


def _made(root: etree._Element) -> etree._Element:
    """ART-DECOR's form of a value set of IHE SVS."""
    outer = etree.Element("{urn:hl7-org:v3}valueSets", nsmap={"hl7": "urn:hl7-org:v3"})
    for one in root.iter(_SVS + "ValueSet"):
        inner = etree.SubElement(outer, "valueSet", id=one.get("id", ""))
        listed = etree.SubElement(inner, "conceptList")
        for concept in one.iter(_SVS + "Concept"):
            etree.SubElement(
                listed, "concept", {name: concept.get(name, "") for name in ("code", "codeSystem", "displayName")}
            )
    return outer
