"""Figures against the truth that a synthetic feed brings along: equal, or where exactly they are not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from carnet.errors import OperatorError

Rows = list[dict[str, Any]]
ROUNDING = 0.0101
"""Shares are rounded to two digits on both sides, and halves may go either way."""


def read(path: Path) -> dict[str, Rows]:
    """The true rows by metric."""
    try:
        figures = json.loads(path.read_text(encoding="utf-8"))["figures"]
        return {str(name): list(rows) for name, rows in figures.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise OperatorError(f"{path} is no truth.json: an object with `figures` (rows by metric) is expected") from None


def differences(truth: Mapping[str, Rows], tables: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """One line for each row or figure that differs; `tables` are the trusted tables by name (keys and rows)."""
    for name, expected in truth.items():
        if name not in tables:
            yield f"{name}: there is no such metric"
            continue
        keys = tuple(tables[name]["keys"])
        ours, theirs = _by_key(keys, tables[name]["rows"]), _by_key(keys, expected)
        for key in sorted({*ours, *theirs}):
            place = f"{name} [{', '.join(key)}]"
            if key not in theirs:
                yield f"{place}: a row that the truth does not have: {_figures(keys, ours[key])}"
            elif key not in ours:
                yield f"{place}: a row is missing: {_figures(keys, theirs[key])}"
            else:
                yield from (f"{place}: {line}" for line in _cells(ours[key], theirs[key]))


def _by_key(keys: tuple[str, ...], rows: Rows) -> dict[tuple[str, ...], dict[str, Any]]:
    return {tuple(str(row.get(key)) for key in keys): row for row in rows}


def _figures(keys: tuple[str, ...], row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items() if name not in keys)


def _cells(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    for name in [*theirs, *(name for name in ours if name not in theirs)]:
        found, true = ours.get(name), theirs.get(name)
        near = isinstance(found, float) and isinstance(true, int | float) and abs(found - true) < ROUNDING
        if found != true and not near:
            yield f"{name} is {found}, truth {true}"
