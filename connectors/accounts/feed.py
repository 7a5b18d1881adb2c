"""The insurer's feed of account events: CSV, one event a row, read by header.

Columns: ins, ins_oid, event, occurred_at, channel, department, birth_year, sex, in any order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connectors.base import AccountEvent, Connector, Locator, Source, Span, Yielded
from connectors.table import columns, rows

COLUMNS = ("ins", "ins_oid", "event", "occurred_at", "channel", "department", "birth_year", "sex")
REQUIRED = frozenset({"ins", "ins_oid", "event", "occurred_at"})


def recognises(head: bytes, name: str) -> bool:
    """A first line that names the columns every event has."""
    return set(columns(head)) >= REQUIRED


def read(source: Source) -> Iterator[Yielded]:
    """One `AccountEvent` a row."""
    return rows(source, _event)


def _event(said: Mapping[str, str], place: Locator, span: Span) -> AccountEvent:
    return AccountEvent(locator=place, span=span, **{column: said.get(column, "") for column in COLUMNS})


ACCOUNTS = Connector(name="accounts-csv", family="accounts", recognises=recognises, read=read)
