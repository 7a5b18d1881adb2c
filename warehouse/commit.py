"""Parts of deliveries made durable together: sealed, archived, known (design §7, the commit protocol).

Seal and archive → packs made durable → lake segment under a temporary name, made durable → one transaction, which is
the commit → rename. A process killed anywhere leaves either nothing that is listed, or the whole group; the same parts
again do the rest and no more. Small deliveries of one sender share a pack, a segment and a transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select, update

from warehouse import lake, retake, schema
from warehouse.archiving import Archive
from warehouse.database import append, reading
from warehouse.entering import Entering
from warehouse.ledger import delivery_row, voucher
from warehouse.lookup import rows_in
from warehouse.readings import KnownMeanwhile
from warehouse.seal import seal
from warehouse.settle import Changes, settle
from warehouse.store import Store
from warehouse.working import Entry, Intake, Working, patients_named

__all__ = ["Entry", "Intake", "Step", "commit", "finish_segments", "no_step", "open_deliveries"]

ATTEMPTS = 5
"""How often a part is prepared again because another process took some of the same readings meanwhile."""


Step = Callable[[str], None]
"""Told the name of each step of the protocol as it is reached; tests end the process there."""


def no_step(_name: str) -> None:
    """The observer of production: none."""


class Opened(msgspec.Struct, frozen=True):
    """What the ledger knows of a delivery: `new`, `taking` (a worker was killed), `taken`, or `again` when it was taken
    and now comes with what was missing; the parts committed, and who and whose patient it was taken with."""

    status: str
    parts: int
    take: int = 0
    """The judgement to commit under."""
    sender: str = ""
    vouched: str = ""


def open_deliveries(store: Store, intakes: Sequence[Intake]) -> list[Opened]:
    """Enter deliveries and their arrivals in the ledger, in one transaction; what was known of each before.

    No two intakes of one call are of the same bytes.
    """
    try:
        with store.engine.begin() as connection:
            return _opened(store, connection, intakes)
    except BaseException:
        store.forget_keys()  # those of deliveries that were not entered after all
        raise


def _opened(store: Store, connection: Connection, intakes: Sequence[Intake]) -> list[Opened]:
    table = schema.delivery
    position = connection.execute(select(func.coalesce(func.max(table.c.position), 0))).scalar_one()
    known = _known(store, connection, intakes)
    fresh = [intake for intake in intakes if intake.delivery not in known]
    rows = [_delivery_row(store, intake, position + number) for number, intake in enumerate(fresh, 1)]
    append(connection, table, rows)
    append(connection, schema.arrival, [_arrival_row(store, connection, intake) for intake in intakes])
    for intake in intakes:
        if intake.delivery in known:
            _date_back(connection, intake)
    return [known.get(intake.delivery) or Opened("new", 0) for intake in intakes]


def _arrival_row(store: Store, connection: Connection, intake: Intake) -> dict[str, Any]:
    keys = store.delivery_keys(connection, intake.delivery)
    name = intake.name.encode("utf-8", "surrogateescape")
    return {
        "delivery": intake.delivery,
        "sender": intake.sender,
        "received_at": intake.received_at,
        "received_utc": intake.received_utc,
        "received_month": intake.received_month,
        "admitted": intake.admitted,
        "name": seal(keys, f"delivery:{intake.delivery}", "name", name),
    }


def _known(store: Store, connection: Connection, intakes: Sequence[Intake]) -> dict[str, Opened]:
    """What is known of those of these deliveries that came before."""
    table = schema.delivery
    found = {
        row.id: Opened(row.status, row.parts, row.takes, row.sender, voucher(store, connection, row))
        for row in rows_in(connection, table, table.c.id, {intake.delivery for intake in intakes})
    }
    taken = {intake.delivery: intake for intake in intakes if _status(found, intake) == "taken"}
    again = retake.wanted(connection, taken, {delivery: found[delivery].vouched for delivery in taken})
    return found | {
        delivery: msgspec.structs.replace(found[delivery], status="again", parts=0, take=found[delivery].take + 1)
        for delivery in again
    }


def _status(found: dict[str, Opened], intake: Intake) -> str:
    return found[intake.delivery].status if intake.delivery in found else "new"


def _date_back(connection: Connection, intake: Intake) -> None:
    """A delivery was received when it first came, whichever of its arrivals was looked at first.

    Where somebody may send it, the coming from somebody who may not does not count.
    """
    table, arrival = schema.delivery, schema.arrival
    if not intake.admitted:
        query = select(arrival.c.id).where(arrival.c.delivery == intake.delivery, arrival.c.admitted).limit(1)
        if connection.execute(query).first():
            return
    received = {name: getattr(intake, name) for name in ("received_at", "received_utc", "received_month")}
    connection.execute(
        update(table)
        .where(table.c.id == intake.delivery, table.c.received_utc > intake.received_utc)
        .values(**received)
    )


def _delivery_row(store: Store, intake: Intake, position: int) -> dict[str, Any]:
    owner = f"delivery:{intake.delivery}"
    wrapped, keys = store.fresh_owner(owner)
    vouched = seal(keys, owner, "vouched", intake.vouched.encode()) if intake.vouched else None
    return {
        "id": intake.delivery,
        "position": position,
        "sender": intake.sender,
        "received_at": intake.received_at,
        "received_utc": intake.received_utc,
        "received_month": intake.received_month,
        "size": intake.size,
        "connector": intake.connector,
        "status": "taking",
        "wrapped_key": wrapped,
        "declared": None,
        "parts": 0,
        "vouched": vouched,
        "takes": 0,
        "told": 0,
        "written": 0,
    }


def commit(store: Store, entries: Sequence[Entry], step: Step = no_step) -> None:
    """Take a group of parts of one sender. Twice, or in two processes at once, has the effect of once."""
    for _ in range(ATTEMPTS):
        try:
            _commit(store, entries, step)
        except KnownMeanwhile:
            continue
        return
    raise KnownMeanwhile


def _commit(store: Store, entries: Sequence[Entry], step: Step) -> None:
    patients = store.patients(patients_named(entries))
    workings = [Working(store, entry, patients) for entry in entries]
    archive = Archive(store, workings)
    try:
        archive.seal()
        step("sealed")
        archive.pack.close()
    except BaseException:
        archive.pack.abandon()
        raise
    step("packed")
    segments = archive.write_lake()
    step("laked")
    with store.engine.begin() as connection:
        changes = Changes()
        places: set[tuple[str, int]] = set()
        entered = False
        for working in workings:
            if _is_next(store, connection, working):
                entering = Entering(working, archive)
                entering.write(connection, changes)
                places |= entering.places
                entered = True
        if not entered:
            return  # another worker did all of it: what was sealed here stays unlisted
        if archive.pack.length:
            append(connection, schema.pack, [{"name": archive.pack.name, "length": archive.pack.length}])
        append(connection, schema.lake_segment, segments)
        settle(store, connection, changes, new=places)
        step("written")
    step("committed")
    finish_segments(store)
    step("renamed")


def _is_next(store: Store, connection: Connection, working: Working) -> bool:
    """Whether a part is the one to commit now: another worker may have done it, or taken the delivery otherwise."""
    intake, number = working.intake, working.part.number
    row = delivery_row(connection, intake.delivery)
    if intake.take != row.takes:
        return number == 0 and row.status == "taken" and intake.take == row.takes + 1
    if number != row.parts or row.status == "taken":
        return False
    return number == 0 or (intake.sender == row.sender and intake.vouched == voucher(store, connection, row))


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
