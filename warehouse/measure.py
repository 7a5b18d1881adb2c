"""Measure: each metric is one `.sql` file with its definition in the header; run on the marts, read-only."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from warehouse.marts import marts_path


class Metric(msgspec.Struct, frozen=True):
    """One metric: its words, its key columns (the rest are figures), and its query."""

    name: str
    title_fr: str
    title_en: str
    unit: str
    numerator: str
    denominator: str
    grain: str
    keys: tuple[str, ...]
    caveats: str
    sql: str


class NotPublished(Exception):
    """There are no marts yet: `carnet publish` makes them."""


@cache
def metrics() -> dict[str, Metric]:
    """All metrics by name."""
    files = sorted(
        (f for f in resources.files("warehouse").joinpath("metrics").iterdir() if f.name.endswith(".sql")),
        key=lambda f: f.name,
    )
    return {f.name.removesuffix(".sql"): _parse(f.name.removesuffix(".sql"), f.read_text("utf-8")) for f in files}


def _parse(name: str, text: str) -> Metric:
    header: dict[str, str] = {}
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        field, _, value = line.removeprefix("--").partition(":")
        header[field.strip()] = value.strip()
    keys = tuple(key.strip() for key in header.pop("keys").split(","))
    return Metric(name=name, keys=keys, sql=text, **header)


def measure(home: Path, names: list[str] | None = None) -> dict[str, list[dict[str, Any]]]:
    """Exact figures by metric, rows in the order of their keys, with `persons` for disclosure control.

    These are for the trusted zone; `warehouse.disclosure.protect` makes what may leave it.
    """
    path = marts_path(home)
    if not path.exists():
        raise NotPublished
    with duckdb.connect(str(path), read_only=True) as marts:
        return run(marts, names)


def run(marts: duckdb.DuckDBPyConnection, names: list[str] | None = None) -> dict[str, list[dict[str, Any]]]:
    """The same on marts that are open."""
    wanted = metrics() if names is None else {name: metrics()[name] for name in names}
    found = {}
    for name, metric in wanted.items():
        cursor = marts.execute(metric.sql)
        columns = [column[0] for column in cursor.description or ()]
        found[name] = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    return found


def trusted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Exact rows as shown inside the trusted zone: without the column that only disclosure control reads."""
    return [{name: value for name, value in row.items() if name != "persons"} for row in rows]
