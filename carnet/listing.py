"""Rows of the lists: what `documents`, `deliveries` and `quarantine` show, with and without identity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from quality.catalogue import told
from transforms.accounts import follow
from transforms.documents import public_type
from transforms.routing import in_force
from warehouse import ledger
from warehouse.database import Connection
from warehouse.facts import unpack_words
from warehouse.readings import stored as stored_readings
from warehouse.store import Store

PRIVATE = ("document_id", "set_id", "replaces", "title", "ins", "ins_oid")
"""Columns of `documents` that are shown only with `--identified` (design §10)."""


def documents(
    store: Store, connection: Connection, *, identified: bool, patient: str | None = None
) -> Iterator[dict[str, Any]]:
    """One row a document in the record, in the order of arrival."""
    names: dict[str, str] = {}
    for found in ledger.documents(store, connection, patient):
        record = found.record
        if identified and found.delivery not in names:
            names[found.delivery] = ledger.name_of(store, connection, found.delivery)
        row: dict[str, Any] = {
            "document_id": record.document_id,
            "unit": found.unit,
            "set_id": record.set_id or None,
            "version": record.version,
            "replaces": list(record.replaces),
            "type_code": record.type_code,
            "title": record.title,
            "created": record.created,
            "created_zone": record.created_zone,
            "format": record.format,
            "status": found.status,
            "confidentiality": confidentiality(found),
            "destinations": in_force(found.destinations, found.mask, qualified=found.qualified),
            "findings": list(found.findings),
            "sender": found.sender,
            "source": {"file": names.get(found.delivery, found.delivery[:12]), "item": found.locator},
            "sections": record.sections,
            "entries": record.entries,
            "observations": record.observations,
            "attachments": record.attachments,
            "ins": found.ins,
            "ins_oid": found.ins_oid,
        }
        if not identified:
            row["type_code"] = public_type(record)
            row = {"ref": found.ref} | {name: value for name, value in row.items() if name not in PRIVATE}
        yield row


def confidentiality(found: ledger.StoredDocument) -> list[str]:
    """The document's own code, then the masks in force."""
    own = [found.record.confidentiality] if found.record.confidentiality else []
    return [*own, *masks(found)]


def masks(found: ledger.StoredDocument) -> tuple[str, ...]:
    """The masks in force, in the order of the contract."""
    order = ("MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX", "CONNEXION_SECRETE")
    return tuple(flag for flag in order if flag in found.mask)


def deliveries(connection: Connection) -> Iterator[dict[str, Any]]:
    for found in ledger.deliveries(connection):
        yield {
            "delivery": found.delivery,
            "sender": found.sender,
            "received_at": found.received_at,
            "status": found.status,
            "items": found.items,
            "declared": found.declared,
        }


def quarantine(
    store: Store, connection: Connection, *, identified: bool, delivery: str | None = None
) -> Iterator[dict[str, Any]]:
    """One row a held or refused item, with what to do about it in French and in English."""
    names: dict[str, str] = {}
    for found in ledger.quarantine(connection, delivery):
        if identified and found.delivery not in names:
            names[found.delivery] = ledger.name_of(store, connection, found.delivery)
        yield {
            "item": f"{found.delivery[:12]}:{found.ordinal}",
            "delivery": found.delivery,
            "sender": found.sender,
            "source": {"file": names.get(found.delivery, found.delivery[:12]), "item": found.locator},
            "end": found.end,
            **told(found.code),
            "expected": found.expected,
            "came": found.came,
            "locator": found.locator,
            "since": found.since,
            "count": found.count,
        }


def readings(store: Store, connection: Connection, *, identified: bool) -> Iterator[dict[str, Any]]:
    """One row a reading, in the order of arrival. Without identity: no value, no time, no device."""
    names: dict[str, str] = {}
    people: dict[str, str] = {}
    for segment, table in stored_readings(store, connection):
        if identified and segment.delivery not in names:
            names[segment.delivery] = ledger.name_of(store, connection, segment.delivery)
            vouched = ledger.vouched_of(store, connection, segment.delivery)
            people[segment.delivery] = vouched.partition("@")[0]
        for row in table.to_pylist():
            shown: dict[str, Any] = {
                "measure": row["measure"],
                "loinc": row["loinc"],
                "unit": row["unit"],
                "status": row["status"],
                "flags": row["flags"],
                "zone_origin": row["zone_origin"],
                "source": {"file": names.get(segment.delivery, segment.delivery[:12]), "line": row["line"]},
            }
            if identified:
                value = {"components": row["components"]} if row["components"] else {"value": row["value"]}
                shown |= value | {
                    "original": {"value": row["original_value"], "unit": row["original_unit"]},
                    "comparator": row["comparator"],
                    "effective": row["effective"],
                    "device": row["device"],
                    "ins": people[segment.delivery],
                }
            yield shown


def accounts(store: Store, connection: Connection, *, identified: bool) -> Iterator[dict[str, Any]]:
    """One row a person of the insurer's feed: how many events, activation, holder or not."""
    until = ledger.latest_event(connection)
    for found in ledger.accounts(connection):
        account = follow(found.events, until)
        row = {
            "patient": store.owner_keys(connection, found.patient).pseudonym("patient"),
            "events": len(found.events),
            "invited": account.invited or None,
            "activated": account.activated or None,
            "holder": bool(account.held) and account.held[-1][1] == "",
            "findings": ["AUTO_CREATION_MISSING"] if account.creation_missing else [],
        }
        if identified:
            row["history"] = [{"at": at, "event": event} for at, event, _ in found.events]
        yield row


def found(connection: Connection, places: list[tuple[str, int]]) -> list[dict[str, Any]]:
    """Rows of `find`: which items, from whom, how they ended."""
    return [
        {
            "item": f"{row.delivery[:12]}:{row.ordinal}",
            "delivery": row.delivery,
            "sender": row.sender,
            "received_at": row.received_at,
            "kind": row.kind,
            "end": row.end,
            "code": row.code,
            "findings": unpack_words(row.findings),
            "locator": row.locator,
        }
        for row in ledger.item_rows(connection, places)
    ]
