"""From a grid to what a template shows: words, table, legend, notes. No markup but the drawings."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from warehouse.dashboard.charts import colours, draw, draw_panel
from warehouse.dashboard.figures import Grid, last_complete
from warehouse.dashboard.scene import Scene
from warehouse.dashboard.words import Words


def figure(scene: Scene, name: str, size: str = "wide") -> dict[str, Any]:
    """One figure: chart (at `size`, and narrow for small screens), legend, table, definition."""
    shown, words = scene.grid(name), scene.words
    plan, title = shown.plan, words(f"figure.{name}")
    summary = lede(scene, shown)
    return {
        "name": name.replace("_", "-"),
        "title": title,
        "lede": summary,
        "empty": shown.empty,
        "charts": _charts(shown, words, size, title, summary),
        "panels": _panels(scene, shown),
        "legend": [(scene.label(plan, one), f"s{tone}") for one, tone in zip(shown.series, colours(shown), strict=True)]
        if len(shown.series) > 1 and plan.shape != "panels"
        else [],
        "notes": notes(scene, shown),
        "table": table(scene, shown),
        "definition": definition(scene, plan.metric),
        "file": f"{plan.metric}.csv",
    }


def _charts(shown: Grid, words: Words, size: str, title: str, summary: str) -> list[Markup]:
    if shown.empty or shown.plan.shape == "panels":
        return []
    drawn = [draw(shown, words, one, title, summary or title) for one in (size, "narrow")]
    return [Markup(svg) for svg in drawn]  # noqa: S704 - our own drawing, its text is escaped


def _panels(scene: Scene, shown: Grid) -> list[dict[str, Any]]:
    if shown.empty or shown.plan.shape != "panels":
        return []
    words = scene.words
    latest = last_complete(shown.rows, shown.partial)
    found = []
    for series in shown.series:
        values = [value for _, value in shown.of(series) if value is not None]
        now = shown.cells.get((latest, series), 0)
        found.append(
            {
                "label": scene.label(shown.plan, series),
                "value": scene.value(shown.plan, now),
                "hidden": now is None,
                "high": words("highest", number=words.number(max(values))) if values else "",
                "first": words.short_month(shown.rows[0]),
                "last": words.short_month(shown.rows[-1]),
                "svg": Markup(draw_panel(shown, series, 0)),  # noqa: S704 - our own drawing
            }
        )
    return found


def lede(scene: Scene, shown: Grid) -> str:
    """One sentence on the last full month; empty where no single number says it."""
    plan, words = shown.plan, scene.words
    if shown.empty or plan.shape in ("panels", "ranks", "stack") or len(shown.series) > 1:
        return ""
    month = last_complete(shown.rows, shown.partial)
    value = shown.cells.get((month, shown.series[0]))
    if value is None:
        return ""
    kind = "lede.end" if plan.shape == "area" else "lede.month"
    return words(kind, number=scene.value(plan, value), month=words.month(month))


def notes(scene: Scene, shown: Grid) -> list[str]:
    """What a reader must know of this drawing."""
    words, found = scene.words, []
    if shown.empty:
        return []
    if shown.plan.shape == "panels":
        month = last_complete(shown.rows, shown.partial)
        found.append(words("panels.note", month=words.month(month)))
    if shown.left_out:
        found.append(words("left_out", shown=len(shown.series), all=len(shown.series) + shown.left_out))
    if shown.partial and shown.plan.row == "month":
        found.append(words("in_progress.point" if shown.plan.shape in ("lines", "area") else "in_progress.note"))
    if shown.hidden:
        found.append(words("hidden.note_mark" if shown.plan.shape == "bars" else "hidden.note"))
    if any((row, series) not in shown.cells for row in shown.rows for series in shown.series):
        found.append(words("absent.note", other=words("other")))
    return found


def table(scene: Scene, shown: Grid) -> dict[str, Any]:
    """The numbers of the chart, all of them, as rows of text."""
    plan, words = shown.plan, scene.words
    monthly = plan.row == "month"
    return {
        "head": [words("column.month" if monthly else "column.sender")]
        + [scene.label(plan, series) for series in shown.series],
        "rows": [
            {
                "name": words.month(row) if monthly else words.label("sender", row),
                "note": words("in_progress") if row == shown.partial else "",
                "cells": [
                    scene.value(plan, shown.cells[(row, series)]) if (row, series) in shown.cells else words("absent")
                    for series in shown.series
                ],
            }
            for row in shown.rows
        ],
    }


def definition(scene: Scene, metric: str) -> list[tuple[str, str]]:
    """The definition of a metric in the words of the language."""
    found, words = scene.definitions[metric], scene.words
    french = words.language == "fr"
    rows = [("title", found.title_fr if french else found.title_en), ("unit", words.label("unit", found.unit))]
    for field in ("numerator", "denominator", "grain", "caveats"):
        said = getattr(found, field)
        if said and said != "none":
            rows.append((field, words(f"metric.{metric}.{field}") if french else said))
    return [(words(f"definition.{field}"), text) for field, text in rows]
