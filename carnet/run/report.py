"""What the runner prints when all is done: the ends of the items, the months, where the rest is."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from warehouse import ledger
from warehouse.database import reading
from warehouse.store import Store

MONTHS = 6


def print_ends(store: Store) -> None:
    """How the items of everything taken so far ended."""
    with reading(store.engine) as connection:
        counted = ledger.counts(connection)
    totals = {end: sum(ends[end] for ends in counted.values()) for end in ("read", *ledger.ENDS)}
    ends = ", ".join(f"{totals[end]} {end}" for end in ledger.ENDS if totals[end])
    print(f"\n{len(counted)} deliveries, {totals['read']} items: {ends or 'none'}")


def print_figures(tables: list[dict[str, Any]]) -> None:
    """The monthly figures of the last half year, and the names of the other tables.

    A line is named by its metric, so that `carnet metrics NAME` tells the rest, and by its figure when it has several.
    """
    monthly = [table for table in tables if tuple(table["keys"]) == ("month",)]
    others = [table for table in tables if table not in monthly]
    months = sorted({row["month"] for table in monthly for row in table["rows"]})[-MONTHS:]
    shown = Table(box=None, header_style="bold")
    shown.add_column("figure", no_wrap=True)
    for month in months:
        shown.add_column(month, justify="right", no_wrap=True)
    for table in monthly:
        rows = {row["month"]: row for row in table["rows"]}
        figures = [column for column in table["columns"] if column != "month"]
        for figure in figures:
            name = table["name"] if len(figures) == 1 else f"{table['name']}.{figure}"
            shown.add_row(name, *(_cell(rows.get(month), figure) for month in months))
    print()
    Console(highlight=False).print(shown)
    print("rounded to 10; · is not published (fewer than 11)")
    print("and by `carnet metrics NAME`: " + ", ".join(table["name"] for table in others))


def _cell(row: dict[str, Any] | None, figure: str) -> str:
    if row is None:
        return ""
    value = row[figure]
    return "·" if value is None else f"{value:,}".replace(",", "\u202f")
