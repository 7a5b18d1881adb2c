"""Rows of the lists: what `documents`, `deliveries` and `quarantine` show, with and without identity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from quality.catalogue import sentence
from warehouse import ledger
from warehouse.database import Connection
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
            "confidentiality": [*([record.confidentiality] if record.confidentiality else []), *_masks(found.mask)],
            "findings": list(found.findings),
            "sender": found.sender,
            "source": {"file": names.get(found.delivery, found.delivery[:12]), "item": found.locator},
            "sections": record.sections,
            "entries": record.entries,
            "observations": record.observations,
            "attachments": record.attachments,
            "ins": record.patient.ins,
            "ins_oid": record.patient.oid,
        }
        if not identified:
            row = {"ref": found.ref} | {name: value for name, value in row.items() if name not in PRIVATE}
        yield row


def _masks(mask: tuple[str, ...]) -> list[str]:
    order = ("MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX", "CONNEXION_SECRETE")
    return [flag for flag in order if flag in mask]


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
        words = sentence(found.code)
        yield {
            "item": f"{found.delivery[:12]}:{found.ordinal}",
            "delivery": found.delivery,
            "sender": found.sender,
            "source": {"file": names.get(found.delivery, found.delivery[:12]), "item": found.locator},
            "end": found.end,
            "code": found.code,
            "message_fr": words.fr,
            "message_en": words.en,
            "fix_fr": words.fix_fr,
            "fix_en": words.fix_en,
            "expected": found.expected,
            "came": found.came,
            "locator": found.locator,
            "since": found.since,
            "count": found.count,
        }
