"""What each figure of the site shows: one grid of published numbers, which its chart and its table both are.

A cell is a number, None (not published: under the threshold), or absent (no such row was published). A grid is made of
published rows as they are: nothing is added up across cells of which one may be hidden, but for rows of one sender.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from warehouse.disclosure import OTHER

Rows = Sequence[Mapping[str, Any]]
Shape = Literal["bars", "stack", "lines", "area", "panels", "ranks"]

WINDOW = 24
"""Months a chart shows; the downloads have them all."""
MOST_SERIES = 8


class Plan(msgspec.Struct, frozen=True):
    """Where a figure's numbers are: one series a column of `values`, or one a value of the column `pivot`."""

    name: str
    metric: str
    shape: Shape
    values: tuple[str, ...]
    pivot: str = ""
    row: str = "month"
    order: tuple[str, ...] = ()
    """Series in the order in which they are shown; without it, the largest first."""
    unit: Literal["number", "percent"] = "number"


PLANS: dict[str, Plan] = {
    plan.name: plan
    for plan in (
        Plan("activations_month", "activations", "bars", ("activations",)),
        Plan("activations_holders", "activations", "lines", ("holders", "cumulative"), order=("holders", "cumulative")),
        Plan("activations_share", "activations", "area", ("share",), unit="percent"),
        Plan(
            "documents_source",
            "documents_by_source",
            "stack",
            ("documents",),
            pivot="kind",
            order=("lab", "hospital", "office", "device", "app", "insurer", OTHER),
        ),
        Plan(
            "documents_state",
            "document_states",
            "stack",
            ("current", "replaced", "deleted"),
            order=("current", "replaced", "deleted"),
        ),
        Plan("documents_type", "documents_by_type", "panels", ("documents",), pivot="type_code"),
        Plan("documents_creation", "documents_by_creation", "bars", ("documents",)),
        Plan("patients", "patients_with_document", "area", ("patients",)),
        Plan("results_month", "results_by_month", "bars", ("results",)),
        Plan("readings_measure", "readings_by_measure", "panels", ("readings",), pivot="measure"),
        Plan("documents_sender", "documents_by_sender", "panels", ("documents",), pivot="sender"),
        Plan(
            "quarantine",
            "held_refused",
            "ranks",
            ("items",),
            pivot="end",
            row="sender",
            order=("refused", "held", OTHER),
        ),
    )
}


class Grid(msgspec.Struct, frozen=True):
    """A figure's numbers: rows by series."""

    plan: Plan
    rows: tuple[str, ...]
    series: tuple[str, ...]
    cells: dict[tuple[str, str], float | None]
    left_out: int = 0
    """Series not shown, the smallest ones."""
    partial: str = ""
    """The month still in progress, when the grid has it."""

    @property
    def empty(self) -> bool:
        return not self.cells

    def of(self, series: str) -> list[tuple[str, float | None]]:
        """One series, month by month, where a row was published."""
        return [(row, self.cells[(row, series)]) for row in self.rows if (row, series) in self.cells]

    @property
    def hidden(self) -> int:
        return sum(value is None for value in self.cells.values())


def grid(plan: Plan, published: Rows, month: str) -> Grid:
    """The figure's grid; `month` is the month in progress when the site is made."""
    cells: dict[tuple[str, str], float | None] = {}
    for line in published:
        for value in plan.values:
            place = (str(line[plan.row]), str(line[plan.pivot]) if plan.pivot else value)
            if value in line:
                cells[place] = _joined(cells[place], line[value]) if place in cells else line[value]
    rows = window(cells, month) if plan.row == "month" else _ranked(cells, 0)
    cells = {place: value for place, value in cells.items() if place[0] in set(rows)}
    ranked = _ranked(cells, 1)
    series = [name for name in plan.order if name in ranked] + [name for name in ranked if name not in plan.order]
    if not plan.pivot:
        series = list(plan.order or plan.values)
    shown = tuple(series[:MOST_SERIES])
    return Grid(
        plan=plan,
        rows=rows,
        series=shown,
        cells={place: value for place, value in cells.items() if place[1] in shown},
        left_out=len(series) - len(shown),
        partial=month if month in rows else "",
    )


def window(cells: Mapping[tuple[str, str], Any], month: str) -> tuple[str, ...]:
    """Consecutive months up to the last one published, not beyond the month in progress, `WINDOW` at most."""
    known = sorted({row for row, _ in cells if len(row) == 7 and row <= month})
    if not known:
        return ()
    number = _number(known[-1])
    first = max(_number(known[0]), number - WINDOW + 1)
    return tuple(f"{at // 12:04}-{at % 12 + 1:02}" for at in range(first, number + 1))


def last_complete(rows: Sequence[str], partial: str) -> str:
    """The month that headlines speak of: the last one that is over, else the one in progress."""
    over = [row for row in rows if row != partial]
    return over[-1] if over else partial


def before(month: str) -> str:
    """The month before."""
    number = _number(month) - 1
    return f"{number // 12:04}-{number % 12 + 1:02}"


def change(latest: float | None, earlier: float | None) -> float | None:
    """Per cent from one month to the next; None when either is not known or there was nothing."""
    return None if latest is None or not earlier else 100 * (latest - earlier) / earlier


def _number(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:7]) - 1


def _joined(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a + b


def _ranked(cells: Mapping[tuple[str, str], float | None], axis: int) -> tuple[str, ...]:
    """Names on one side of the grid, those of the largest sum first, `other` last."""
    sums: dict[str, float] = {}
    for place, value in cells.items():
        sums[place[axis]] = sums.get(place[axis], 0) + (value or 0)
    return tuple(sorted(sums, key=lambda name: (name == OTHER, -sums[name], name)))
