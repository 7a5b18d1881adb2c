"""What is said of places in a header: gathered by XPath, in the order of the document, without any value of it."""

from __future__ import annotations

import csv
import io
import re
from functools import cache
from importlib import resources

import msgspec

from connectors.base import shape
from connectors.cda.anatomy import Node
from quality.conformance.finding import LEVELS, Finding, Level, words
from transforms.xds.tables import types


class Rule(msgspec.Struct, frozen=True):
    """A row of `profiles/cda.csv`: what a layer asks of an element, or of one of its attributes."""

    layer: str
    path: str
    attribute: str
    usage: str
    """R required, RE asked for when known, O optional."""
    max: str
    form: str
    """`oid`, `time`, `date`, `version`, `language` of an attribute; `text` of an element."""
    values: str
    """Admitted values, `|` between them."""
    seen: str
    null: str
    """`no`: a nullFlavor does not do."""
    level: str
    fr: str
    en: str
    source: str


@cache
def rules(layers: tuple[str, ...]) -> dict[tuple[str, str], Rule]:
    """By path and attribute; a later layer overrides the cells it fills."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for layer in layers:
        for row in _rows("cda"):
            if row["layer"] == layer:
                cells = found.setdefault((row["path"], row["attribute"]), dict.fromkeys(row, ""))
                cells.update({name: cell for name, cell in row.items() if cell})
    return {key: msgspec.convert(cells, Rule) for key, cells in found.items()}


def header_rows() -> tuple[dict[str, str], ...]:
    """The rules as rows, in their order: for the reference page."""
    return _rows("cda")


@cache
def value_set(name: str) -> frozenset[tuple[str, str]]:
    """Code and system of the members of a value set (`profiles/cda_values.csv`)."""
    return frozenset((row["code"], row["system"]) for row in _rows("cda_values") if row["set"] == name)


@cache
def public() -> frozenset[str]:
    """All that may be quoted: what the rules admit, the tables of types and values, the words of HL7."""
    found = {value for row in _rows("cda") for value in row["values"].split("|")}
    found |= {cell for row in _rows("cda_values") for cell in (row["code"], row["system"])}
    found |= {cell for key in types() for cell in key}
    return frozenset(found - {""})


@cache
def _rows(name: str) -> tuple[dict[str, str], ...]:
    text = resources.files("quality").joinpath("profiles", f"{name}.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(io.StringIO(text, newline="")))


class Said:
    """Gathers findings about one header."""

    def __init__(self, document: Node, layers: tuple[str, ...]) -> None:
        self.french = "ci-sis" in layers
        self.rules = rules(layers)
        self._found: list[Finding] = []
        self._sequence = {child.place: number for number, child in enumerate(document.children, 1)}

    def say(
        self,
        code: str,
        node: Node,
        attribute: str = "",
        *,
        expected: str = "",
        came: str | None = None,
        level: Level | None = None,
    ) -> None:
        """A finding about an element, or one of its attributes; what came is told by shape unless it is public."""
        place = f"{node.place}/@{attribute}" if attribute else node.place
        if came is None:
            came = quoted(node.get(attribute)) if attribute else ""
        self._add(code, place, expected, came, level)

    def missing(self, code: str, parent: Node, path: str, *, expected: str = "", level: Level | None = None) -> None:
        """A finding about an element that is not below its parent, or an attribute (`@code`)."""
        self._add(code, f"{parent.place}/{path}", expected, "empty", level)

    def _add(self, code: str, place: str, expected: str, came: str, level: Level | None) -> None:
        fr, en = self._names(place)
        steps = place.split("/")[2:]
        top = steps[0] if steps else "ClinicalDocument"
        self._found.append(
            Finding(
                level=level or words()[code].level,
                code=code,
                segment=re.sub(r"\[\d+\]", "", top),
                sequence=self._sequence.get(f"/ClinicalDocument/{top}", 0),
                field=place,
                expected=expected,
                came=came,
                fr=fr,
                en=en,
            )
        )

    def _names(self, place: str) -> tuple[str, str]:
        """The names of a place: those of its rule, else of the closest element above that has one."""
        path, _, attribute = re.sub(r"\[\d+\]", "", place).removeprefix("/ClinicalDocument/").partition("/@")
        while path:
            for key in ((path, attribute), (path, "")):
                if key in self.rules:
                    return self.rules[key].fr, self.rules[key].en
            path, attribute = path.rpartition("/")[0], ""
        return "en-tête", "header"

    def ordered(self) -> tuple[Finding, ...]:
        """In the order of the document, each thing once; what is missing at the end."""
        last = len(self._sequence) + 1
        unique = dict.fromkeys(self._found)
        return tuple(
            sorted(unique, key=lambda f: (f.sequence or last, f.field, LEVELS.index(f.level), f.code, f.expected))
        )


def quoted(value: str) -> str:
    """A value that came, fit to be shown: itself when it is public, else its shape."""
    return value if value in public() else shape(value)
