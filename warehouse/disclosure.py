"""Disclosure control: nothing leaves the trusted zone before it has passed through here.

Until complementary suppression exists, only national one-way tables are published: within a month (or alone), cells of
fewer than 11 persons are merged into one (`other`); a cell that is still under 11, a row of fewer than 11 persons and
a figure from 1 to 10 are not published; counts are rounded to 10. A share is computed again from the rounded counts.
"""

from __future__ import annotations

from typing import Any

from warehouse.measure import Metric

THRESHOLD = 11
BASE = 10
OTHER = "other"


def protect(metric: Metric, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows that may be published: figures rounded, small cells merged or None."""
    category = next((key for key in metric.keys if key != "month"), None)
    merged = _merge(metric, rows, category) if category else [dict(row) for row in rows]
    return [_publish(metric, row) for row in merged]


def _merge(metric: Metric, rows: list[dict[str, Any]], category: str) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    small: dict[tuple[Any, ...], dict[str, Any]] = {}
    groups = [key for key in metric.keys if key == "month"]
    for row in rows:
        if row["persons"] >= THRESHOLD:
            kept.append(dict(row))
            continue
        group = tuple(row[key] for key in groups)
        into = small.setdefault(group, dict.fromkeys(metric.keys, OTHER) | {key: row[key] for key in groups})
        for name, value in row.items():
            if name not in metric.keys:
                into[name] = into.get(name, 0) + (value or 0)
    return sorted([*kept, *small.values()], key=lambda row: tuple(str(row[key]) for key in metric.keys))


def _publish(metric: Metric, row: dict[str, Any]) -> dict[str, Any]:
    hidden = metric.unit != "persons" and row["persons"] < THRESHOLD
    shown: dict[str, Any] = {key: row[key] for key in metric.keys}
    for name, value in row.items():
        if name in metric.keys or name in ("persons", "share"):
            continue
        shown[name] = None if hidden or value is None or 0 < value < THRESHOLD else rounded(value)
    if "share" in row:
        holders, cumulative = shown.get("holders"), shown.get("cumulative")
        shown["share"] = round(100 * cumulative / holders, 1) if holders and cumulative is not None else None
    return shown


def rounded(value: int) -> int:
    """To the nearest 10, halves up."""
    return (value + BASE // 2) // BASE * BASE
