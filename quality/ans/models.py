"""Which schematron is that of a document's own model: by the most specific template it names, and its version."""

from __future__ import annotations

import csv
import io
import re
from functools import cache
from importlib import resources

import msgspec
from lxml import etree

from quality.ans.notes import Note
from quality.ans.tree import Tree

_V3 = "{urn:hl7-org:v3}"


class Model(msgspec.Struct, frozen=True):
    """A row of `models.csv`. `names` are those its schematron has borne, the present one first."""

    template: str
    names: str
    unversioned: str
    """The version of documents whose template has no extension; empty: not known."""
    source: str


class Choice(msgspec.Struct, frozen=True):
    """The model of a document (`LDL-SES 2022.01`; empty: none known) and its schematron, or why there is none."""

    model: str
    path: str = ""
    note: Note | None = None


@cache
def models() -> dict[str, Model]:
    text = resources.files("quality").joinpath("ans", "models.csv").read_text(encoding="utf-8")
    return {row["template"]: msgspec.convert(row, Model) for row in csv.DictReader(io.StringIO(text, newline=""))}


def choose(tree: Tree, document: etree._Element) -> Choice:
    """The model schematron of a document. A document of level 1 has none: its body is not structured."""
    if document.find(f"{_V3}component/{_V3}nonXMLBody") is not None:
        return Choice("", note=Note("LEVEL_1"))
    said = {one.get("root", ""): one.get("extension", "") for one in document.iterchildren(f"{_V3}templateId")}
    known = [template for template in said if template in models()]
    if not known:
        return Choice("", note=Note("MODEL_UNKNOWN"))
    template = max(known, key=lambda one: one.count("."))
    model = models()[template]
    names = model.names.split()
    version = said[template] or model.unversioned
    if not re.fullmatch(r"\d[\d.]{0,12}", version, re.ASCII):
        return Choice(names[0], note=Note("MODEL_VERSION_MISSING", (names[0],)))
    for name in names:
        found = tree.find(f"schematrons/CI-SIS_{name}_{version}.sch")
        if found:
            return Choice(f"{name} {version}", found)
    there = [path for name in names for path in _versions(tree, name)]
    return Choice(f"{names[0]} {version}", note=Note("MODEL_ABSENT", (f"CI-SIS_{names[0]}_{version}.sch", *there)))


def _versions(tree: Tree, name: str) -> list[str]:
    """The schematrons of a model that are there."""
    pattern = re.compile(rf"CI-SIS_{re.escape(name)}_\d[\w.]*\.sch", re.IGNORECASE)
    found = (path.rpartition("/")[2] for path in tree.below("schematrons"))
    return [file for file in found if pattern.fullmatch(file)]
