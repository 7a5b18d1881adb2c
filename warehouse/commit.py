"""One part of a delivery made durable: sealed, archived, known (design §7, the commit protocol).

Seal and archive → packs made durable → lake segment under a temporary name, made durable → one transaction, which is
the commit → rename. A process killed anywhere leaves either nothing that is listed, or the whole part; the same part
again does the rest and no more.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import func, select, update

from connectors.base import Source
from warehouse import lake, schema
from warehouse.archiving import Archive
from warehouse.database import append, reading
from warehouse.entering import Entering
from warehouse.prepared import Part
from warehouse.readings import KnownMeanwhile
from warehouse.seal import seal
from warehouse.store import Store
from warehouse.working import Intake, Working

__all__ = ["Intake", "Step", "commit", "finish_segments", "no_step", "open_delivery"]

ATTEMPTS = 5
"""How often a part is prepared again because another process took some of the same readings meanwhile."""


Step = Callable[[str], None]
"""Told the name of each step of the protocol as it is reached; tests end the process there."""


def no_step(_name: str) -> None:
    """The observer of production: none."""


def open_delivery(store: Store, intake: Intake) -> tuple[str, int]:
    """Enter a delivery and its arrival in the ledger: (status, parts committed so far).

    `new` when these bytes were never seen, else the status it has: `taking` (a worker was killed) or `taken`.
    """
    table = schema.delivery
    with store.engine.begin() as connection:
        found = connection.execute(select(table.c.status, table.c.parts).where(table.c.id == intake.delivery)).first()
        if found is None:
            position = connection.execute(select(func.coalesce(func.max(table.c.position), 0))).scalar_one() + 1
            append(
                connection,
                table,
                [
                    {
                        "id": intake.delivery,
                        "position": position,
                        "sender": intake.sender,
                        "received_at": intake.received_at,
                        "received_utc": intake.received_utc,
                        "received_month": intake.received_month,
                        "size": intake.size,
                        "connector": intake.connector,
                        "status": "taking",
                        "wrapped_key": store.keys.wrap(store.fresh_key()),
                        "declared": None,
                        "parts": 0,
                        "vouched": intake.vouched,
                    }
                ],
            )
        keys = store.delivery_keys(connection, intake.delivery)
        owner = f"delivery:{intake.delivery}"
        append(
            connection,
            schema.arrival,
            [
                {
                    "delivery": intake.delivery,
                    "sender": intake.sender,
                    "received_at": intake.received_at,
                    "name": seal(keys, owner, "name", intake.name.encode("utf-8", "surrogateescape")),
                }
            ],
        )
    return (found.status, found.parts) if found else ("new", 0)


def commit(store: Store, intake: Intake, source: Source, part: Part, step: Step = no_step) -> None:
    """Take one part. Doing it twice, or in two processes at once, has the effect of doing it once."""
    for _ in range(ATTEMPTS):
        try:
            _commit(store, intake, source, part, step)
        except KnownMeanwhile:
            continue
        return
    raise KnownMeanwhile


def _commit(store: Store, intake: Intake, source: Source, part: Part, step: Step) -> None:
    working = Working(store, intake, part)
    archive = Archive(working)
    archive.seal_ranges(source)
    archive.seal_records()
    archive.seal_readings()
    step("sealed")
    archive.pack.close()
    step("packed")
    segments = archive.write_lake()
    step("laked")
    with store.engine.begin() as connection:
        done = connection.execute(
            select(schema.delivery.c.parts).where(schema.delivery.c.id == intake.delivery)
        ).scalar_one()
        if done != part.number:
            return
        Entering(working, archive).write(connection, segments)
        step("written")
    step("committed")
    finish_segments(store)
    step("renamed")


def finish_segments(store: Store) -> None:
    """Give every committed lake segment its final name, also those of a worker killed before it could."""
    table = schema.lake_segment
    with reading(store.engine) as connection:
        pending = [row.name for row in connection.execute(select(table.c.name).where(~table.c.renamed))]
    if not pending:
        return
    for name in pending:
        lake.publish_name(store.lake, name)
    with store.engine.begin() as connection:
        connection.execute(update(table).where(table.c.name.in_(pending)).values(renamed=True))
