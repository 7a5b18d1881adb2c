"""The raw archive read back: a delivery's bytes, in order, identical to what was sent."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, select

from warehouse import schema
from warehouse.store import Store


def raw_bytes(store: Store, connection: Connection, delivery: str) -> Iterator[bytes]:
    """The delivery's ranges in order; `Erased` where an owner's key was dropped."""
    table = schema.manifest
    reached = 0
    for row in connection.execute(select(table).where(table.c.delivery == delivery).order_by(table.c.start)).all():
        if row.start != reached:
            raise GapInArchive(delivery[:12])
        reached += row.length
        yield store.open_object(connection, row.object)


class GapInArchive(Exception):
    """The manifest of a delivery does not cover its bytes: a bug, never an operator's error."""
