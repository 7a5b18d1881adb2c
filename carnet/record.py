"""One patient's record: as a timeline (documents, results, readings, identity; newest last), and as FHIR."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from carnet.heading import heading_rows
from carnet.listing import confidentiality, masks
from carnet.terms import Maps, panel_rows, result_rows
from connectors.attachments import Attachment
from transforms.fhir.bundle import record_bundle, written
from transforms.fhir.document import Filed
from transforms.terminology.maps import NO_MAP, SenderMap
from warehouse import ledger
from warehouse.database import Connection
from warehouse.numbers import Statement, trail
from warehouse.readings import stored
from warehouse.store import Store


def timeline(store: Store, connection: Connection, patient: str, maps: Maps) -> list[dict[str, Any]]:
    """Rows in the order of time: a document each, readings summed by day and measure."""
    rows = [_document(found, maps.get(found.sender, NO_MAP)) for found in ledger.documents(store, connection, patient)]
    days: Counter[tuple[str, str, str]] = Counter()
    for segment, table in stored(store, connection, patient):
        for effective in table.column("effective").to_pylist():
            days[(effective[:10], segment.measure, segment.sender)] += 1
    rows += [
        {
            "when": day,
            "kind": "readings",
            "what": f"{measure} × {number}",
            "status": "final",
            "sender": sender,
        }
        for (day, measure, sender), number in days.items()
    ]
    rows += [_identity(said) for said in trail(store, connection, patient)]
    return sorted(rows, key=lambda row: (row["when"], row["kind"], row["what"]))


def fhir_record(store: Store, connection: Connection, patient: str, maps: Maps) -> bytes:
    """The record as a FHIR R4 Bundle, in JSON. The patient is who the record is of, as the newest document names them:
    a document that came under a local number is that of the INS which the number stands for."""
    found = sorted(
        ledger.documents(store, connection, patient),
        key=lambda one: (one.record.patient.traits.complete, one.record.created, one.record.document_id),
        reverse=True,
    )
    return written(record_bundle(_filed(one, maps.get(one.sender, NO_MAP)) for one in found))


def _filed(found: ledger.StoredDocument, known: SenderMap) -> Filed:
    record = found.record
    if found.ins:
        who = msgspec.structs.replace(record.patient, ins=found.ins, oid=found.ins_oid, qualified=found.qualified)
        record = msgspec.structs.replace(record, patient=who)
    return Filed(record, found.status, masks(found), known)


def _attached(one: Attachment) -> dict[str, Any]:
    return {
        "number": one.number,
        "kind": one.kind,
        "label": one.label,
        "type": one.type.code,
        "media_type": one.media_type,
        "declared": one.declared,
        "size": one.size,
        "sha256": one.sha256,
        "section": one.section_title,
        "address": one.address,
        "state": one.state,
        "active": list(one.active),
        "integrity": one.integrity,
    }


def _identity(said: Statement) -> dict[str, Any]:
    """A link, an un-link or a declaration; `when` is in UTC, empty for a link that holds from the beginning."""
    return {
        "when": said.at,
        "kind": "identity" if said.kind in ("link", "unlink") else "consent",
        "what": f"{said.kind} {said.what}",
        "status": said.code or said.end,
        "sender": said.sender,
    }


def _document(found: ledger.StoredDocument, known: SenderMap) -> dict[str, Any]:
    record = found.record
    row: dict[str, Any] = {
        "when": record.created,
        "kind": "result" if record.format == "hl7-oru" else "document",
        "what": record.title or record.type_code,
        "status": found.status,
        "sender": found.sender,
        "document_id": record.document_id,
        "version": record.version,
        "confidentiality": confidentiality(found),
        "sections": [
            {"title": section.title, "code": section.code.code, "text": section.narrative, "depth": section.depth}
            for section in record.narrative
        ],
        "attachments": [_attached(one) for one in record.attached],
    }
    if record.format != "hl7-oru":
        row |= heading_rows(record, masks(found), found.status)
    else:
        row |= {
            "result_status": record.result_status,
            "status_derived": record.status_derived,
            "panels": panel_rows(record),
            "results": result_rows(record, known),
        }
    return row
