"""The closed tables of readings: names of formats, measures with code, unit and limits, thresholds, context words."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from decimal import Decimal
from importlib import resources

import msgspec


class Interval(msgspec.Struct, frozen=True):
    """`0<x<=100`: an interval with open or closed ends."""

    low: Decimal
    low_open: bool
    high: Decimal
    high_open: bool

    def __contains__(self, value: Decimal) -> bool:
        above = self.low < value if self.low_open else self.low <= value
        return above and (value < self.high if self.high_open else value <= self.high)


class Measure(msgspec.Struct, frozen=True):
    """A measure, or a part of one, as `tables/measures.csv` declares it."""

    measure: str
    part: str
    specimen: str
    loinc: str
    unit: str
    possible: Interval | None
    """Outside: held as `IMPLAUSIBLE`."""
    usual: Interval | None
    """Outside: flagged as `SUSPECT`."""


def rows_of(name: str) -> Iterator[dict[str, str]]:
    """The rows of a table beside this module."""
    text = resources.files(__package__).joinpath("tables", name).read_text("utf-8")
    yield from csv.DictReader(text.splitlines())


def _interval(text: str) -> Interval | None:
    match = re.fullmatch(r"([\d.]+)(<=?)x(<=?)([\d.]+)", text)
    if match is None:
        return None
    return Interval(Decimal(match[1]), match[2] == "<", Decimal(match[4]), match[3] == "<")


def _measures() -> Iterator[Measure]:
    for row in rows_of("measures.csv"):
        possible, usual = _interval(row["possible"]), _interval(row["usual"])
        yield Measure(row["measure"], row["part"], row["specimen"], row["loinc"], row["unit"], possible, usual)


_BY_KEY = {(measure.measure, measure.specimen): measure for measure in _measures() if not measure.part}

PARTS = {(measure.measure, measure.part): measure for measure in _measures() if measure.part}
"""Components of a measure, and what is computed from them, by measure and part."""

MEASURES = {(row["format"], row["name"]): _BY_KEY[row["measure"], row["specimen"]] for row in rows_of("names.csv")}
"""The measure behind each name that a format uses."""

THRESHOLDS = {
    (row["format"], row["measure"], row["specimen"], sign): Decimal(row[side])
    for row in rows_of("thresholds.csv")
    for sign, side in (("<", "low"), (">", "high"))
}
"""What `LO` (`<`) or `HI` (`>`) stands for in the canonical unit, by format, measure and specimen."""

CONTEXT = {(row["format"], row["key"], row["said"]): (row["name"], row["meaning"]) for row in rows_of("context.csv")}
"""Name and meaning of a context entry; `*` as said keeps the text."""

SLEEP_STAGES = {(row["format"], row["said"]): row["stage"] for row in rows_of("sleep_stages.csv")}
