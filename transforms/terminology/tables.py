"""The closed tables: units as senders write them and the interpretations of OBX-8; what a LOINC code looks like."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterator
from importlib import resources
from typing import Final

import msgspec


class Meaning(msgspec.Struct, frozen=True):
    """A code of a public system, and how it is printed."""

    code: str
    display: str


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = resources.files(__package__).joinpath(name).read_text("utf-8")
    yield from csv.DictReader(text.splitlines())


def folded(text: str) -> str:
    """A unit in the spelling that the table compares: NFKC (one micro sign, plain superscripts), trimmed."""
    return unicodedata.normalize("NFKC", text).strip()


UNITS: Final = {folded(row["said"]): Meaning(row["ucum"], row["print"]) for row in _rows("units.csv")}
"""Units of laboratories by their folded text, case and all: `G/L` is giga per litre, `g/L` grams per litre."""

UCUM_CODES: Final = {meaning.code: meaning for meaning in UNITS.values()}
"""The UCUM codes of the table: no other is ever given."""

INTERPRETATIONS: Final = {row["said"]: Meaning(row["code"], row["display"]) for row in _rows("interpretations.csv")}
"""HL7 table 0078 to v3 ObservationInterpretation; the code is empty where v3 has none any more."""

INTERPRETATION_CODES: Final = {meaning.code: meaning for meaning in INTERPRETATIONS.values() if meaning.code}

LOINC_SYSTEMS: Final = frozenset({"LN", "LOINC", "2.16.840.1.113883.6.1", "HTTP://LOINC.ORG"})
"""How senders name LOINC: HL7 table 0396, its name, its OID, its URI (in upper case)."""
UCUM_SYSTEMS: Final = frozenset({"UCUM", "2.16.840.1.113883.6.8", "HTTP://UNITSOFMEASURE.ORG"})

_LOINC = re.compile(r"[1-9][0-9]{0,6}-[0-9]")


def names(system: str, known: frozenset[str]) -> bool:
    """Whether a coding system as said is one of these."""
    return system.strip().upper().removeprefix("URN:OID:") in known


def loinc_shaped(code: str) -> bool:
    """Whether a code has the shape of an observation's: one to seven digits, no zero first, a hyphen, a check digit."""
    return _LOINC.fullmatch(code) is not None


def is_loinc(code: str) -> bool:
    """Whether the shape and the check digit (modulus 10, doubling from the right) are those of a LOINC code."""
    if not loinc_shaped(code):
        return False
    total = 0
    for place, digit in enumerate(reversed(code[:-2])):
        value = int(digit) * (1 if place % 2 else 2)
        total += value - 9 if value > 9 else value
    return -total % 10 == int(code[-1])
