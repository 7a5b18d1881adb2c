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

    A line is named by its metric, so that `carnet metrics NAME` tells the rest.
    """
    monthly = [table for table in tables if tuple(table["keys"]) == ("month",)]
    others = [table for table in tables if table not in monthly]
    figure = {t["name"]: next((c for c in t["columns"] if c != "month"), "") for t in monthly}
    cells = {(t["name"], row["month"]): row[figure[t["name"]]] for t in monthly for row in t["rows"]}
    months = sorted({month for _, month in cells})[-MONTHS:]
    shown = Table(box=None, header_style="bold")
    shown.add_column("metric", no_wrap=True)
    for month in months:
        shown.add_column(month, justify="right", no_wrap=True)
    for table in monthly:
        shown.add_row(table["name"], *(_cell(cells, table["name"], month) for month in months))
    print()
    Console().print(shown)
    print("rounded to 10; · is not published (fewer than 11)")
    print("and by `carnet metrics NAME`: " + ", ".join(table["name"] for table in others))


def _cell(cells: dict[tuple[str, str], Any], name: str, month: str) -> str:
    if (name, month) not in cells:
        return ""
    value = cells[name, month]
    return "·" if value is None else str(value)
