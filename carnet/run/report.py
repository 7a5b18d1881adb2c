"""What the runner prints when all is done: the ends of the items, the months, where the rest is."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from warehouse import ledger
from warehouse.database import reading
from warehouse.store import Store

MONTHS = 12


def print_ends(store: Store) -> None:
    """How the items of everything taken so far ended."""
    with reading(store.engine) as connection:
        counted = ledger.counts(connection)
    totals = {end: sum(ends[end] for ends in counted.values()) for end in ("read", *ledger.ENDS)}
    ends = ", ".join(f"{totals[end]} {end}" for end in ledger.ENDS if totals[end])
    print(f"\n{len(counted)} deliveries, {totals['read']} items: {ends or 'none'}")


def print_figures(tables: list[dict[str, Any]]) -> None:
    """The monthly figures of the last year side by side, and the names of the other tables.

    A column is named by its metric, so that `carnet metrics NAME` tells the rest.
    """
    monthly = [table for table in tables if tuple(table["keys"]) == ("month",)]
    others = [table for table in tables if table not in monthly]
    figure = {t["name"]: next((c for c in t["columns"] if c != "month"), "") for t in monthly}
    cells = {(t["name"], row["month"]): row[figure[t["name"]]] for t in monthly for row in t["rows"]}
    shown = Table(box=None, header_style="bold")
    shown.add_column("month")
    for table in monthly:
        shown.add_column(f"{table['name']}", justify="right", overflow="fold")
    for month in sorted({month for _, month in cells})[-MONTHS:]:
        shown.add_row(month, *(_cell(cells, table["name"], month) for table in monthly))
    print()
    Console().print(shown)
    print("rounded to 10; · is not published (fewer than 11)")
    counted = ", ".join(f"{table['name']} ({len(table['rows'])} rows)" for table in others)
    print(f"more: carnet metrics NAME: {counted}")


def _cell(cells: dict[tuple[str, str], Any], name: str, month: str) -> str:
    if (name, month) not in cells:
        return ""
    value = cells[name, month]
    return "·" if value is None else str(value)
