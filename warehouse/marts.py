"""Publish: the marts of the trusted zone, from the ledger's lists and the projected states, swapped in at once.

One writer; readers open the file read-only and always see one publication (copy, then atomic rename).
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
from pyarrow import json
from sqlalchemy import Connection, func, select

from transforms.accounts import PARIS, follow
from warehouse import ledger, schema
from warehouse.commit import finish_segments
from warehouse.database import reading
from warehouse.lake import DOCUMENTS
from warehouse.lookup import rows_in
from warehouse.numbers import numbers
from warehouse.store import Store

STRING = pa.string()
STATES = pa.schema(
    [
        ("ref", STRING),
        ("person", STRING),  # where its local number stands for an INS: the pseudonym of that patient
        ("unit", STRING),
        ("status", STRING),
        ("received_month", STRING),
        ("sender", STRING),
        ("kind", STRING),
    ]
)
ACCOUNT_STATES = pa.schema([("pseudonym", STRING), ("activated_month", STRING)])
HOLDINGS = pa.schema([("pseudonym", STRING), ("from_month", STRING), ("to_month", STRING)])
MONTHS = pa.schema([("month", STRING)])
ITEM_ENDS = pa.schema(
    [
        ("sender", STRING),
        ("received_month", STRING),
        ("kind", STRING),
        ("end", STRING),
        ("code", STRING),
        ("items", pa.int64()),
    ]
)
DELIVERIES = pa.schema([("sender", STRING), ("received_day", STRING), ("items", pa.int64())])
READING_COUNTS = pa.schema(
    [("pseudonym", STRING), ("measure", STRING), ("month", STRING), ("sender", STRING), ("readings", pa.int64())]
)


def marts_path(home: Path) -> Path:
    return home / "trusted" / "marts.duckdb"


def publish(store: Store, kinds: Mapping[str, str]) -> Path:
    """Build the marts and swap them in; `kinds` gives the kind of each sender. Idempotent."""
    finish_segments(store)
    target = marts_path(store.home)
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(".fresh")
    fresh.unlink(missing_ok=True)
    with duckdb.connect(str(fresh)) as marts:
        build(marts, store, kinds)
        marts.execute("CHECKPOINT")
    fresh.replace(target)
    return target


def build(marts: duckdb.DuckDBPyConnection, store: Store, kinds: Mapping[str, str]) -> None:
    """Make the tables of `marts.sql` in an empty database."""
    for setting in ("autoinstall_known_extensions", "autoload_known_extensions"):
        marts.execute(f"SET {setting}=false")
    with reading(store.engine) as connection:
        accounts = list(_accounts(store, connection))
        tables = {
            "states": _table(STATES, _states(store, connection, kinds)),
            "item_ends": _table(ITEM_ENDS, _item_ends(connection)),
            "deliveries": _table(DELIVERIES, _deliveries(connection)),
            "reading_counts": _table(READING_COUNTS, _readings(store, connection)),
            "account_states": _table(ACCOUNT_STATES, (state for state, _, _ in accounts)),
            "account_holdings": _table(HOLDINGS, (row for _, rows, _ in accounts for row in rows)),
            "account_months": _table(MONTHS, ({"month": month} for _, _, found in accounts for month in found)),
        }
        for name, table in tables.items():
            marts.register(name, table)
        _register_lake(marts, store, connection)
    script = resources.files("warehouse").joinpath("marts.sql").read_text(encoding="utf-8")
    for statement in duckdb.extract_statements(script):
        marts.execute(statement)
    for name in (*tables, "lake_documents"):
        marts.unregister(name)


def _register_lake(marts: duckdb.DuckDBPyConnection, store: Store, connection: Connection) -> None:
    """The lake's documents, from the segments the ledger lists and no others."""
    table = schema.lake_segment
    rows = connection.execute(select(table.c.name).where(table.c.kind == "documents").order_by(table.c.name))
    paths = [str(store.lake / row.name) for row in rows]
    if paths:
        marts.register("lake_documents", marts.read_parquet(paths).to_arrow_table())
    else:
        marts.register("lake_documents", DOCUMENTS.empty_table())


def _table(shape: pa.Schema, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    lines = b"\n".join(map(msgspec.json.encode, rows))
    if not lines:
        return shape.empty_table()
    return json.read_json(io.BytesIO(lines), parse_options=json.ParseOptions(explicit_schema=shape))


def _states(store: Store, connection: Connection, kinds: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Every document in the record with its state, and the arrival that brought it first (by declared receipt)."""
    fact, status, carrier, arrival = (
        schema.document_fact,
        schema.document_status,
        schema.carrier_fact,
        schema.arrival,
    )
    known = numbers(connection)
    first: dict[tuple[str, str], tuple[str, str, str]] = {}
    rows = connection.execute(
        select(carrier.c.doc, carrier.c.digest, arrival.c.received_utc, arrival.c.received_month, arrival.c.sender)
        .join(arrival, (arrival.c.delivery == carrier.c.delivery) & arrival.c.admitted)
        .distinct()
    )
    for row in rows:
        key, found = (row.doc, row.digest), (row.received_utc, row.received_month, row.sender)
        first[key] = min(first.get(key, found), found)
    for state in connection.execute(
        select(
            *(fact.c.doc, fact.c.digest, fact.c.ref, fact.c.patient),
            *(status.c.unit, status.c.status, status.c.patient_class),
        ).join(status, (status.c.doc == fact.c.doc) & (status.c.digest == fact.c.digest))
    ):
        _, month, sender = first[(state.doc, state.digest)]
        holder = known.holder(state.patient_class, state.patient)
        moved = holder != state.patient
        yield {
            "ref": state.ref,
            "person": store.owner_keys(connection, holder).pseudonym("patient") if moved else None,
            "unit": state.unit,
            "status": state.status,
            "received_month": month,
            "sender": sender,
            "kind": kinds.get(sender, ""),
        }


def _accounts(store: Store, connection: Connection) -> Iterator[tuple[dict[str, str], list[dict[str, str]], set[str]]]:
    """For each person of the account feed: activation month, ranges of holding, months of their events."""
    table = schema.account_fact
    events: dict[str, list[tuple[str, str, str]]] = {}
    for row in connection.execute(select(table.c.patient, table.c.at, table.c.event, table.c.month)):
        events.setdefault(row.patient, []).append((row.at, row.event, row.month))
    for patient, found in events.items():
        account = follow(found)
        name = store.owner_keys(connection, patient).pseudonym("patient")
        yield (
            {"pseudonym": name, "activated_month": account.activated},
            [{"pseudonym": name, "from_month": start, "to_month": end} for start, end in account.held],
            {month for _, _, month in found},
        )


def _item_ends(connection: Connection) -> Iterator[dict[str, Any]]:
    item, delivery = schema.item, schema.delivery
    columns = (delivery.c.sender, delivery.c.received_month, item.c.kind, item.c.end, item.c.code)
    rows = connection.execute(
        select(*columns, func.sum(item.c.number).label("items"))
        .join(delivery, delivery.c.id == item.c.delivery)
        .group_by(*columns)
    )
    counted: Counter[tuple[str, str, str, str, str]] = Counter({tuple(row[:5]): row.items for row in rows})
    copies = ledger.copies_of_stopped(connection)
    senders = {
        row.id: (row.sender, row.received_month)
        for row in rows_in(connection, delivery, delivery.c.id, {copy.delivery for copy in copies})
    }
    for copy in copies:
        counted[*senders[copy.delivery], copy.kind, *copy.told] -= copy.number
        counted[*senders[copy.delivery], copy.kind, *copy.same] += copy.number
    for key, number in counted.items():
        if number:
            yield dict(zip(("sender", "received_month", "kind", "end", "code", "items"), (*key, number), strict=True))


def _deliveries(connection: Connection) -> Iterator[dict[str, Any]]:
    """Each delivery taken: its sender, its day in Europe/Paris, the items read."""
    item, delivery = schema.item, schema.delivery
    query = (
        select(delivery.c.sender, delivery.c.received_utc, func.coalesce(func.sum(item.c.number), 0).label("items"))
        .outerjoin(item, item.c.delivery == delivery.c.id)
        .where(delivery.c.status == "taken")
        .group_by(delivery.c.id, delivery.c.sender, delivery.c.received_utc)
    )
    for row in connection.execute(query):
        day = datetime.fromisoformat(row.received_utc).astimezone(PARIS).strftime("%Y-%m-%d")
        yield {"sender": row.sender, "received_day": day, "items": int(row.items)}


def _readings(store: Store, connection: Connection) -> Iterator[dict[str, Any]]:
    segment, delivery = schema.reading_segment, schema.delivery
    columns = (segment.c.patient, segment.c.measure, segment.c.month, delivery.c.sender)
    rows = connection.execute(
        select(*columns, func.sum(segment.c.rows).label("readings"))
        .join(delivery, delivery.c.id == segment.c.delivery)
        .group_by(*columns)
    )
    for row in rows:
        yield {
            "pseudonym": store.owner_keys(connection, row.patient).pseudonym("patient"),
            "measure": row.measure,
            "month": row.month,
            "sender": row.sender,
            "readings": row.readings,
        }
