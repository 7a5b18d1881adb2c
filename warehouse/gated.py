"""What the gates said of the lake's segments: which wait, which stop, and what an operator accepted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, select, update

from warehouse import schema
from warehouse.commit import finish_segments
from warehouse.database import put, reading
from warehouse.store import Store, chunks

STOPPED, ACCEPTED = "stopped", "accepted"


class Segment(msgspec.Struct, frozen=True):
    """A segment of the lake that the ledger lists."""

    name: str
    kind: str
    rows: int
    delivery: str
    sender: str
    batch: str
    """The batch it was stopped in; empty when no gate has seen it."""


class Judged(msgspec.Struct, frozen=True):
    """What is kept of one batch."""

    batch: str
    outcome: str
    at: str
    report: str


def pending(store: Store) -> list[Segment]:
    """Segments no gate has let through yet, in the order of their deliveries: new ones, and those that stop."""
    finish_segments(store)
    segment, delivery, result = schema.lake_segment, schema.delivery, schema.gate_result
    query = (
        select(segment, delivery.c.sender, result.c.batch)
        .join(delivery, delivery.c.id == segment.c.delivery)
        .outerjoin(result, result.c.segment == segment.c.name)
        .where(result.c.outcome.is_(None) | (result.c.outcome == STOPPED))
        .order_by(delivery.c.position, segment.c.name)
    )
    with reading(store.engine) as connection:
        return [
            Segment(row.name, row.kind, row.rows, row.delivery, row.sender, row.batch or "")
            for row in connection.execute(query)
        ]


def load(store: Store, names: Iterable[str]) -> pa.Table:
    """The rows of these segments, without the columns that no expectation reads."""
    tables = [pq.read_table(store.lake / name) for name in names]
    table = pa.concat_tables(tables)
    return table.drop_columns([name for name in ("findings",) if name in table.column_names])


def record(store: Store, batches: Iterable[tuple[tuple[str, ...], str, str]], at: str) -> None:
    """Keep the outcome of batches, each as (segments, outcome, report). Again for one batch: the newest holds."""
    rows = [
        {"segment": name, "batch": names[0], "outcome": outcome, "at": at, "report": report if name == names[0] else ""}
        for names, outcome, report in batches
        for name in names
    ]
    with store.engine.begin() as connection:
        put(connection, schema.gate_result, rows)


def judged(store: Store) -> list[Judged]:
    """Every batch judged, in the order of their deliveries."""
    result, segment, delivery = schema.gate_result, schema.lake_segment, schema.delivery
    query = (
        select(result.c.batch, result.c.outcome, result.c.at, result.c.report)
        .join(segment, segment.c.name == result.c.segment)
        .join(delivery, delivery.c.id == segment.c.delivery)
        .where(result.c.segment == result.c.batch)
        .order_by(delivery.c.position, result.c.batch)
    )
    with reading(store.engine) as connection:
        return [Judged(row.batch, row.outcome, row.at, row.report) for row in connection.execute(query)]


def stopped(store: Store) -> list[str]:
    """Names of the batches that keep the gate closed."""
    return [one.batch for one in judged(store) if one.outcome == STOPPED]


def accept(store: Store, text: str, at: str) -> list[str]:
    """Let through the stopped batch of this segment (its name, or the beginning of one); the segments, now accepted.

    Empty when no stopped batch, or more than one, is meant.
    """
    table = schema.gate_result
    with store.engine.begin() as connection:
        batches = _meant(connection, text)
        if len(batches) != 1:
            return []
        names = [row.segment for row in connection.execute(select(table.c.segment).where(table.c.batch == batches[0]))]
        for chunk in chunks(names, 500):
            connection.execute(update(table).where(table.c.segment.in_(chunk)).values(outcome=ACCEPTED, at=at))
    return names


def _meant(connection: Connection, text: str) -> list[Any]:
    table = schema.gate_result
    named = table.c.segment.startswith(text, autoescape=True)
    query = select(table.c.batch).where(named, table.c.outcome == STOPPED).distinct()
    return [row.batch for row in connection.execute(query)] if text else []
