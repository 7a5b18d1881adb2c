"""The published set: tables that passed disclosure control, as a DuckDB file, CSV and JSON, swapped in at once."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import duckdb

from warehouse.marts import marts_path
from warehouse.measure import NotPublished, metrics

Rows = list[dict[str, Any]]


class NotReadable(Exception):
    """A query the read-only shell does not answer, in one line."""


def published_path(home: Path) -> Path:
    return home / "published" / "carnet.duckdb"


def write_published(home: Path, tables: dict[str, Rows]) -> None:
    """Write every protected table: `<name>.csv`, `<name>.json`, and one table each of carnet.duckdb."""
    target = published_path(home)
    target.parent.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        _replace(target.parent / f"{name}.json", json.dumps(rows, ensure_ascii=False, indent=1))
        _write_csv(target.parent / f"{name}.csv", rows, columns(name, rows))
    fresh = target.with_suffix(".fresh")
    fresh.unlink(missing_ok=True)
    with duckdb.connect(str(fresh)) as database:
        for name in tables:
            database.from_csv_auto(str(target.parent / f"{name}.csv"), header=True).create(name)
        database.execute("CHECKPOINT")
    fresh.replace(target)


def columns(name: str, rows: Rows) -> list[str]:
    return list(rows[0]) if rows else list(metrics()[name].keys)


def read_published(home: Path, names: list[str]) -> dict[str, Rows]:
    found = {}
    for name in names:
        path = published_path(home).parent / f"{name}.json"
        if not path.exists():
            raise NotPublished
        found[name] = json.loads(path.read_text(encoding="utf-8"))
    return found


def ask(home: Path, text: str, *, trusted: bool) -> str:
    """The answer to a query, as text. Read-only: no other file is within reach of the query."""
    path = marts_path(home) if trusted else published_path(home)
    if not path.exists():
        raise NotPublished
    with duckdb.connect(str(path), read_only=True) as database:
        database.execute("SET enable_external_access=false")
        try:
            return str(database.sql(text) or "")
        except duckdb.Error as error:
            raise NotReadable(str(error).splitlines()[0]) from None


def _write_csv(path: Path, rows: Rows, header: list[str]) -> None:
    fresh = path.with_suffix(".csv.fresh")
    with fresh.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, header)
        writer.writeheader()
        writer.writerows(rows)
    fresh.replace(path)


def _replace(path: Path, text: str) -> None:
    fresh = path.with_suffix(".json.fresh")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
