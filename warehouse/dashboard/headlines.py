"""The key figures of the last full month, and the national reference beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from warehouse.dashboard.figures import before, change, last_complete
from warehouse.dashboard.scene import Scene

TARGET = 40_000_000
NATIONAL = 10_000_000
"""Holders from which on a feed is taken for the country's, so that its total may stand beside the target."""


def headlines(scene: Scene) -> list[dict[str, str]]:
    """The key figures of the last full month."""
    words = scene.words
    found = []
    for name, metric, column, cumulative in (
        ("activations", "activations", "cumulative", True),
        ("share", "activations", "share", True),
        ("documents", "document_states", "received", False),
        ("patients", "patients_with_document", "patients", True),
        ("results", "results_by_month", "results", False),
    ):
        rows = {str(row["month"]): row for row in scene.tables.get(metric, []) if _whole(str(row["month"]))}
        rows = {month: row for month, row in rows.items() if month <= scene.month}
        month = last_complete(sorted(rows), scene.month if scene.month in rows else "")
        value = rows[month].get(column) if month else None
        card = {"title": words(f"headline.{name}"), "value": "", "when": "", "change": ""}
        if not month:
            card["value"] = "–"
            card["when"] = words("headline.none")
        else:
            number = words.percent if name == "share" else words.number
            card["value"] = number(value) if value is not None else words("hidden")
            card["when"] = words("headline.since" if cumulative else "headline.in", month=words.month(month))
            card["change"] = _change(scene, name, rows, month, column)
        found.append(card)
    return found


def _change(scene: Scene, name: str, rows: Mapping[str, Mapping[str, Any]], month: str, column: str) -> str:
    words, latest, earlier = scene.words, rows[month], rows.get(before(month), {})
    if name == "share":
        holders = latest.get("holders")
        return words("headline.holders", number=words.number(holders)) if holders else ""
    if name == "activations":
        added = latest.get("activations")
        return words("headline.more", number=words.number(added)) if added else ""
    moved = change(latest.get(column), earlier.get(column))
    if moved is None:
        return ""
    return (
        words("headline.change", change=words.percent(moved, signed=True))
        if round(moved, 1)
        else words("headline.stable")
    )


def target(scene: Scene) -> list[str]:
    """The national reference; beside it the total published here, when its feeds cover a country."""
    words = scene.words
    rows = [row for row in scene.tables.get("activations", []) if row["month"] < scene.month]
    found = [words("target.text")]
    last = max(rows, key=lambda row: str(row["month"]), default=None)
    if last is not None and last["cumulative"] and (last["holders"] or 0) >= NATIONAL:
        return [*found, words("target.share", share=words.percent(100 * last["cumulative"] / TARGET))]
    return [*found, words("target.partial")]


def _whole(month: str) -> bool:
    return len(month) == 7
