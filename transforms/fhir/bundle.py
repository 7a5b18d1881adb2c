"""Bundles: one document (`document`, Composition first), or the record of a patient (`collection`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from transforms.documents import DocumentRecord
from transforms.fhir.document import Filed, document, document_reference
from transforms.fhir.filler_orders import order
from transforms.fhir.people import patient
from transforms.fhir.pool import Pool
from transforms.fhir.values import Json, date_time, identifier

WRITER: Final = msgspec.json.Encoder(decimal_format="number")
"""Numbers with the digits they were said with."""


def document_bundle(filed: Filed) -> Json:
    """One document as FHIR's: its Composition first, then all that it refers to."""
    record, pool = filed.record, Pool()
    subject = _subject(pool, record)
    composition = document(pool, filed, subject)
    own = pool.entries()
    first = [entry for entry in own if entry["fullUrl"] == composition["reference"]]
    bundle: Json = {"resourceType": "Bundle", "type": "document", "identifier": identifier(record.header.id)}
    if "T" in record.created and record.created_zone == "source":
        bundle |= date_time("timestamp", record.created)
    rest = [entry for entry in own if entry["fullUrl"] != composition["reference"]]
    return {name: value for name, value in bundle.items() if value} | {"entry": first + rest}


def record_bundle(documents: Iterable[Filed]) -> Json:
    """A patient's record: every document as a DocumentReference, and the content of those that are current.

    Discrete results have no document: their report stands for them, while it is current.
    """
    pool = Pool()
    for filed in documents:
        subject = _subject(pool, filed.record)
        if filed.record.format == "hl7-oru":
            if filed.status == "current":
                order(pool, filed.record, subject, filed.maps)
            continue
        document_reference(pool, filed, subject)
        if filed.status == "current":
            document(pool, filed, subject)
    return {"resourceType": "Bundle", "type": "collection", "entry": pool.entries()}


def written(bundle: Json) -> bytes:
    return WRITER.encode(bundle)


def _subject(pool: Pool, record: DocumentRecord) -> Json:
    """The patient of the record. Nobody else's Bundle names theirs alike: an INS that may travel is theirs alone, and
    without one the name is that of the document."""
    if pool.subject is None:
        said = record.patient
        key = f"{said.oid}|{said.ins}" if said.ins and said.qualified else f"{record.document_id}|{record.digest}"
        pool.subject = patient(pool, said, next(iter(record.header.subjects), None), key)
        pool.subject_ids = frozenset([(said.oid, said.ins), *((id_.root, id_.extension) for id_ in said.local)])
    return pool.subject
