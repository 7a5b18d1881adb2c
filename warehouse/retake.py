"""Known bytes taken again: somebody vouches for their patient now, or somebody sends them who may.

A delivery that was turned away at the door, or whose readings wait for a patient, is judged anew when its bytes come
again with what was missing. The new judgement replaces the old one in the transactions that commit its parts; facts
are never dropped, and the ends told before stay in `item_end`. Until the last part is in, the former manifest and the
former carriers stand aside under negative numbers: the bytes and the masks are there at every moment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from warehouse import schema
from warehouse.lookup import rows_in
from warehouse.settle import Changes
from warehouse.working import Intake

DOOR = frozenset({"UNKNOWN_SENDER", "FORMAT_NOT_ADMITTED", "UNKNOWN_FORMAT"})
"""Refusals of a whole delivery by who sent it, before it was read."""

PATIENT = frozenset(
    {
        "PATIENT_UNKNOWN",
        "PATIENT_DISAGREES",
        "INS_MALFORMED",
        "INS_KEY_WRONG",
        "INS_AUTHORITY_NOT_ADMITTED",
        "ZONE_UNKNOWN",
    }
)
"""What keeps the readings of a file out that another voucher (patient, zone) may let in."""


def wanted(connection: Connection, intakes: Mapping[str, Intake], vouched: Mapping[str, str]) -> set[str]:
    """Which of these known deliveries to take again, now that they come as `intakes` say.

    `vouched` gives the voucher each was taken with. A delivery with readings in the record is never taken again: it
    belongs to the patient first vouched for.
    """
    readable = {delivery for delivery, intake in intakes.items() if intake.admitted}
    codes: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for row in _stopped(connection, readable):
        codes[row.delivery].add((row.kind, row.code))
    segment, table = schema.reading_segment, schema.delivery
    read_before = {row.delivery for row in rows_in(connection, segment, segment.c.delivery, codes)}
    connectors = {row.id: row.connector for row in rows_in(connection, table, table.c.id, codes)}

    def moves(delivery: str) -> bool:
        intake = intakes[delivery]
        told_anew = intake.vouched not in ("", vouched[delivery])
        for kind, code in codes[delivery]:
            if kind == "file" and code in DOOR:
                if code != "UNKNOWN_FORMAT" or intake.connector != connectors[delivery]:
                    return True
            elif kind == "reading" and code in PATIENT and told_anew:
                return True
        return False

    return {delivery for delivery in codes if delivery not in read_before and moves(delivery)}


def _stopped(connection: Connection, deliveries: Iterable[str]) -> list[Any]:
    """Kinds and codes of what these deliveries have in quarantine for one of our reasons."""
    table = schema.item
    query = select(table.c.delivery, table.c.kind, table.c.code).distinct()
    query = query.where(
        table.c.delivery.in_(sorted(deliveries)),
        table.c.end.in_(("held", "refused")),
        table.c.code.in_(sorted(DOOR | PATIENT)),
    )
    return list(connection.execute(query))


def begin(connection: Connection, delivery: str) -> None:
    """Before the first part of a new take: the former items go, former manifest and carriers stand aside."""
    for table in (schema.item, schema.item_key, schema.item_statement):
        connection.execute(delete(table).where(table.c.delivery == delivery))
    manifest, carrier = schema.manifest, schema.carrier_fact
    connection.execute(update(manifest).where(manifest.c.delivery == delivery).values(start=-1 - manifest.c.start))
    connection.execute(update(carrier).where(carrier.c.delivery == delivery).values(ordinal=-1 - carrier.c.ordinal))


def finish(connection: Connection, delivery: str, changes: Changes) -> None:
    """With the last part: drop what stood aside; `changes` gets the documents whose carriers it were."""
    manifest, carrier, stored = schema.manifest, schema.carrier_fact, schema.stored_object
    former = (manifest.c.delivery == delivery) & (manifest.c.start < 0)
    connection.execute(delete(stored).where(stored.c.id.in_(select(manifest.c.object).where(former))))
    connection.execute(delete(manifest).where(former))
    carried = (carrier.c.delivery == delivery) & (carrier.c.ordinal < 0)
    changes.docs |= {row.doc for row in connection.execute(select(carrier.c.doc).where(carried))}
    connection.execute(delete(carrier).where(carried))


def received(connection: Connection, delivery: str) -> dict[str, str]:
    """When a delivery first came from somebody who may send it."""
    table = schema.arrival
    columns = (table.c.received_at, table.c.received_utc, table.c.received_month)
    query = select(*columns).where(table.c.delivery == delivery, table.c.admitted).order_by(table.c.received_utc)
    return dict(connection.execute(query.limit(1)).one()._mapping)


def told(connection: Connection, delivery: str) -> int:
    """The last revision in which anything of this delivery was told: new ends are counted on from there."""
    table = schema.item_end
    last = connection.execute(select(func.max(table.c.revision)).where(table.c.delivery == delivery)).scalar()
    return last or 0


def carried_before(connection: Connection, delivery: str) -> set[str]:
    """Docs that this delivery brought in a former take."""
    table = schema.carrier_fact
    query = select(table.c.doc).where(table.c.delivery == delivery, table.c.ordinal < 0)
    return {row.doc for row in connection.execute(query)}
