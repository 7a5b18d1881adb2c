"""A sender's map: what its own codes mean, as a CSV that an operator writes (`kind,system,said,code,display`).

It is applied when results are read, never when they are stored: a new map speaks for old results at once.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from transforms.terminology.tables import INTERPRETATION_CODES, UCUM_CODES, Meaning, folded, is_loinc

COLUMNS: Final = ("kind", "system", "said", "code", "display")

Said = tuple[str, str]
"""Coding system and code, as the sender says them."""


class SenderMap(msgspec.Struct, frozen=True):
    """Meanings by what is said. Codes lead to LOINC, units to the UCUM codes of the table, interpretations to v3."""

    codes: Mapping[Said, Meaning] = {}
    units: Mapping[Said, Meaning] = {}
    interpretations: Mapping[Said, Meaning] = {}


NO_MAP: Final = SenderMap()


class MapProblem(msgspec.Struct, frozen=True):
    """The first line of a map that cannot be taken, and why; it quotes nothing."""

    line: int
    why: str


def read_map(lines: Iterable[str]) -> SenderMap | MapProblem:
    """A map from the lines of its CSV, the header first; `;` separates where the header uses it."""
    rows = list(lines)
    header = rows[0] if rows else ""
    reader = csv.DictReader(rows, delimiter=";" if header.count(";") > header.count(",") else ",")
    if not {"kind", "said", "code"} <= set(reader.fieldnames or ()):
        return MapProblem(1, f"the columns are {','.join(COLUMNS)}")
    tables: dict[str, dict[Said, Meaning]] = {"code": {}, "unit": {}, "interpretation": {}}
    for row in reader:
        kind, system, said, code, display = ((row.get(name) or "").strip() for name in COLUMNS)
        if not any((kind, system, said, code)):
            continue
        key = (system, folded(said) if kind == "unit" else said)
        why = _wrong(kind, system, said, code) or ("said twice" if key in tables[kind] else "")
        if why:
            return MapProblem(reader.line_num, why)
        tables[kind][key] = Meaning(code, display or _display(kind, code))
    return SenderMap(tables["code"], tables["unit"], tables["interpretation"])


def _wrong(kind: str, system: str, said: str, code: str) -> str:
    """Why a row cannot be taken; empty when it can."""
    match kind:
        case _ if not said:
            return "nothing is said"
        case "code":
            return "" if is_loinc(code) else "the code is no LOINC code, or its check digit is wrong"
        case "unit":
            return "" if code in UCUM_CODES else "the code is no UCUM code of the table of units"
        case "interpretation" if system:
            return "an interpretation has no system: leave the column empty"
        case "interpretation":
            return "" if code in INTERPRETATION_CODES else "the code is no interpretation code of HL7 v3"
        case _:
            return "the kind is code, unit or interpretation"


def _display(kind: str, code: str) -> str:
    known = {"unit": UCUM_CODES, "interpretation": INTERPRETATION_CODES}.get(kind, {})
    return known[code].display if code in known else ""
