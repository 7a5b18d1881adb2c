"""The raw archive read back: a delivery's bytes, in order, identical to what was sent."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, select

from warehouse import schema
from warehouse.store import Store


def raw_bytes(store: Store, connection: Connection, delivery: str) -> Iterator[bytes]:
    """The delivery's ranges in order; `Erased` where an owner's key was dropped.

    While it is being taken again, its former manifest (negative starts) is the whole one.
    """
    table = schema.manifest
    rows = connection.execute(select(table).where(table.c.delivery == delivery)).all()
    former = sorted((-1 - row.start, row.length, row.object) for row in rows if row.start < 0)
    reached = 0
    for start, length, object_id in former or sorted((row.start, row.length, row.object) for row in rows):
        if start != reached:
            raise GapInArchive(delivery[:12])
        reached += length
        yield store.open_object(connection, object_id)


class GapInArchive(Exception):
    """The manifest of a delivery does not cover its bytes: a bug, never an operator's error."""
