"""The suites of expectations, one JSON file a kind of facts: loaded, checked, and their names filled in.

A suite says *what* is expected, in words for both languages; a value that starts with `@` names something known only
here or at the time of the run: a closed list (`@departments`), or a limit drawn from what the sender sent before
(`@department_drift`). A list has one home in the code and is never copied into a suite.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Literal, get_args

import msgspec

from transforms.accounts import CHANNELS, DEPARTMENT_CODES, EVENTS
from transforms.documents import Format

Severity = Literal["critical", "warning"]

AGE_BANDS = (*(f"{low}-{low + 9}" for low in range(0, 90, 10)), "90+", "")
LISTS: Mapping[str, tuple[str, ...]] = {
    "@departments": (*sorted(DEPARTMENT_CODES), ""),
    "@events": EVENTS,
    "@channels": (*sorted(CHANNELS), ""),
    "@age_bands": AGE_BANDS,
    "@sexes": ("M", "F", ""),
    "@formats": get_args(Format),
}

LEAST_PAST = 300
"""Persons a sender must have sent before, for their departments to be a reference."""
SMOOTHING = 0.1
"""Weight of a department never seen, so that one newcomer is unlikely rather than impossible."""
DRIFT = 0.25
"""How far (Kullback-Leibler, in nats) the departments of a batch may lie from the past, beyond sampling noise.

A national feed whose departments are the last two digits of birth years lies at 0.42, a regional one above 2.5.
"""


class SuiteBroken(Exception):
    """A suite does not say all it must, or the engine left part of it out."""


class Words(msgspec.Struct, frozen=True):
    """What an expectation means and what to do when it is not met."""

    title_fr: str
    title_en: str
    fix_fr: str
    fix_en: str


class Expected(msgspec.Struct, frozen=True):
    """One expectation. `min_rows`: with fewer values in its column it says nothing, and is passed over."""

    name: str
    type: str
    kwargs: dict[str, Any]
    severity: Severity
    dimension: str
    words: Words
    min_rows: int = 0

    @property
    def column(self) -> str:
        return str(self.kwargs.get("column") or self.kwargs.get("column_A") or "")


class Past(msgspec.Struct, frozen=True):
    """What a sender's batches held before: persons by department, and rows of each batch."""

    departments: dict[str, int] = {}
    rows: tuple[int, ...] = ()

    def joined(self, departments: Mapping[str, int], rows: int) -> Past:
        """This past with one batch more."""
        total = dict(self.departments)
        for code, number in departments.items():
            total[code] = total.get(code, 0) + number
        return Past(total, (*self.rows, rows))


@cache
def suites() -> dict[str, tuple[Expected, ...]]:
    """The suites by kind of facts."""
    folder = resources.files("quality").joinpath("suites")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".json")), key=lambda file: file.name)
    return {file.name.removesuffix(".json"): parse(json.loads(file.read_text(encoding="utf-8"))) for file in files}


def parse(rows: list[dict[str, Any]]) -> tuple[Expected, ...]:
    """A suite from its JSON: a list of `{type, kwargs, severity, meta}` in the form Great Expectations has."""
    found = []
    for row in rows:
        meta = dict(row["meta"])
        words = {field: meta.pop(field) for field in Words.__struct_fields__ if field in meta}
        try:
            found.append(
                msgspec.convert(
                    {**{k: row[k] for k in ("type", "kwargs", "severity")}, **meta, "words": words}, Expected
                )
            )
        except (msgspec.ValidationError, KeyError) as error:
            raise SuiteBroken(f"an expectation of type {row.get('type')}: {error}") from None
    if len({one.name for one in found}) != len(found):
        raise SuiteBroken("two expectations of one suite have the same name")
    return tuple(found)


def limits(persons: int, past: Past) -> dict[str, Any]:
    """What the past of a sender asks of a batch of so many persons; a limit it cannot give is left out."""
    found: dict[str, Any] = {}
    total, categories = sum(past.departments.values()), len(past.departments)
    if total >= max(LEAST_PAST, 5 * categories) and persons:
        noise = categories / (2 * persons) + categories / (2 * total)
        found["@department_drift"] = DRIFT + 1.5 * noise
        found["@department_past"] = partition(past.departments)
    if len(past.rows) >= 3:
        found["@rows_max"] = max(10_000, 50 * sorted(past.rows)[len(past.rows) // 2])
    return found


def partition(counts: Mapping[str, int]) -> dict[str, list[Any]]:
    """Shares by department, over the whole closed list."""
    values = LISTS["@departments"]
    total = sum(counts.get(value, 0) for value in values) + SMOOTHING * len(values)
    weights = [(counts.get(value, 0) + SMOOTHING) / total for value in values]
    weights[-1] += 1 - math.fsum(weights)
    return {"values": list(values), "weights": weights}


def resolve(expected: Expected, known: Mapping[str, Any]) -> dict[str, Any] | None:
    """The arguments with every `@name` filled in; None when one of them is not known for this batch."""
    filled: dict[str, Any] = {}
    for key, value in expected.kwargs.items():
        if isinstance(value, str) and value.startswith("@"):
            if value not in known and value not in LISTS:
                return None
            value = known[value] if value in known else list(LISTS[value])
        filled[key] = value
    return filled
