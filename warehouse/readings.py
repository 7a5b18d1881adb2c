"""Readings in the store: sealed append-only segments, beside an index of keys that tells new from known unopened.

A segment holds the new readings of one patient, measure and month of one part of a delivery, as Arrow IPC (schema
`transforms.readings.schema.CANONICAL`). The key of a reading is 16 bytes of an HMAC over its patient and natural key.
"""

from __future__ import annotations

import hashlib
import hmac
import io
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import msgspec
import pyarrow as pa
from sqlalchemy import Connection, select

from warehouse import schema
from warehouse.database import add
from warehouse.store import Store


class Segment(msgspec.Struct, frozen=True):
    """New readings of one patient, measure and month."""

    patient: str
    measure: str
    month: str
    table: Any
    flagged: int
    codes: frozenset[str]
    """Findings on any of its rows."""

    @property
    def rows(self) -> int:
        return int(self.table.num_rows)


class Sorted(msgspec.Struct, frozen=True):
    """A table of readings told apart: what is new, by segment, and how many were known."""

    segments: tuple[Segment, ...]
    keys: tuple[bytes, ...]
    accepted: int
    flagged: int
    duplicates: int


class KnownMeanwhile(Exception):
    """Another process took some of these readings since they were looked up: look again."""


def reading_keys(index_key: bytes, patient: str, table: pa.Table) -> list[bytes]:
    """The key of each row. Equal readings of two patients have unequal keys."""
    keyed = hmac.new(index_key, f"reading\x1f{patient}\x1f".encode(), hashlib.sha256)
    found = []
    for natural in table.column("natural_key").to_pylist():
        one = keyed.copy()
        one.update(natural.encode("utf-8", "surrogatepass"))
        found.append(one.digest()[:16])
    return found


def tell_apart(
    store: Store, connection: Connection, patient: str, table: pa.Table, taken: set[bytes] | None = None
) -> Sorted:
    """New readings of a patient, by measure and month; `taken` are keys met earlier in the same part."""
    keys = reading_keys(store.keys.index_key(), patient, table)
    seen = set(taken or ()) | _known(connection, keys)
    fresh: list[int] = []
    new_keys: list[bytes] = []
    for index, key in enumerate(keys):
        if key not in seen:
            seen.add(key)
            fresh.append(index)
            new_keys.append(key)
    rows = table.take(fresh) if fresh else table.slice(0, 0)
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    flags = rows.column("flags").to_pylist()
    for index, (measure, effective) in enumerate(
        zip(rows.column("measure").to_pylist(), rows.column("effective").to_pylist(), strict=True)
    ):
        groups[(measure, effective[:7])].append(index)
    segments = tuple(
        Segment(
            patient=patient,
            measure=measure,
            month=month,
            table=rows.take(indices),
            flagged=sum(1 for index in indices if flags[index]),
            codes=frozenset(code for index in indices for code in flags[index]),
        )
        for (measure, month), indices in sorted(groups.items())
    )
    flagged = sum(segment.flagged for segment in segments)
    return Sorted(
        segments=segments,
        keys=tuple(new_keys),
        accepted=len(fresh) - flagged,
        flagged=flagged,
        duplicates=len(keys) - len(fresh),
    )


def _known(connection: Connection, keys: list[bytes]) -> set[bytes]:
    table = schema.reading_key
    found: set[bytes] = set()
    for start in range(0, len(keys), 10_000):
        chunk = keys[start : start + 10_000]
        found.update(row.key for row in connection.execute(select(table.c.key).where(table.c.key.in_(chunk))))
    return found


def insert_keys(connection: Connection, keys: list[bytes]) -> None:
    """Enter the keys of new readings; `KnownMeanwhile` when one is there already."""
    if _known(connection, keys):
        raise KnownMeanwhile
    add(connection, schema.reading_key, [{"key": key} for key in keys])


def encode(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def decode(data: bytes) -> pa.Table:
    return pa.ipc.open_stream(data).read_all()


def stored(store: Store, connection: Connection, patient: str | None = None) -> Iterator[tuple[Any, pa.Table]]:
    """Each segment's row (with sender) and its readings, opened, in the order in which they came."""
    segment, delivery = schema.reading_segment, schema.delivery
    query = (
        select(segment, delivery.c.sender)
        .join(delivery, delivery.c.id == segment.c.delivery)
        .order_by(delivery.c.position, segment.c.object)
    )
    if patient is not None:
        query = query.where(segment.c.patient == patient)
    for row in connection.execute(query):
        yield row, decode(store.open_object(connection, row.object))
