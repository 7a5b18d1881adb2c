"""One hash over everything a home knows: equal states have equal hashes, whatever the keys, packs, order and clock."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import duckdb
import msgspec
from sqlalchemy import Connection, select

from transforms.documents import DocumentRecord
from warehouse import ledger, schema
from warehouse.database import reading
from warehouse.facts import unpack_words
from warehouse.marts import build
from warehouse.measure import metrics, run, trusted
from warehouse.numbers import numbers
from warehouse.readings import stored
from warehouse.store import Store


def state_hash(store: Store, kinds: Mapping[str, str]) -> str:
    """SHA-256 over the sorted plaintext facts, claims, projection and trusted figures."""
    with reading(store.engine) as connection:
        lines = [
            msgspec.json.encode(line)
            for line in (
                *_documents(store, connection),
                *_links(store, connection),
                *_masks(connection),
                *_accounts(connection),
                *_readings(store, connection),
                *_deliveries(connection),
            )
        ]
    lines += [msgspec.json.encode(line) for line in _figures(store, kinds)]
    return hashlib.sha256(b"\n".join(sorted(lines))).hexdigest()


def _figures(store: Store, kinds: Mapping[str, str]) -> Iterator[list[object]]:
    """Trusted figures, but for the day on which each feed was last heard of: that is the clock's."""
    with duckdb.connect(":memory:") as marts:
        build(marts, store, kinds)
        for name, rows in run(marts, [name for name in metrics() if name != "feeds"]).items():
            yield ["figure", name, trusted(rows)]


def _readings(store: Store, connection: Connection) -> Iterator[list[object]]:
    """Readings by natural key and measure, for the patient vouched for."""
    for segment, table in stored(store, connection):
        vouched = ledger.vouched_of(store, connection, segment.delivery)
        for natural_key in table.column("natural_key").to_pylist():
            yield ["reading", vouched, segment.measure, natural_key]


def _documents(store: Store, connection: Connection) -> Iterator[list[object]]:
    fact, status, claim = schema.document_fact, schema.document_status, schema.document_claim
    known = numbers(connection)
    rows = connection.execute(
        select(
            fact.c.record,
            fact.c.patient,
            status,
            claim.c.digest.label("claimed"),
            ledger.destinations_said().label("destinations"),
        )
        .join(status, (status.c.doc == fact.c.doc) & (status.c.digest == fact.c.digest))
        .join(claim, claim.c.doc == fact.c.doc)
    )
    for row in rows:
        record = msgspec.msgpack.decode(store.open_object(connection, row.record), type=DocumentRecord)
        yield [
            "document",
            record.document_id,
            record.format,
            record.set_id,
            record.version,
            record.digest,
            row.claimed == record.digest,
            row.status,
            row.code,
            row.withdrawn,
            record.confidentiality,
            row.mask,
            sorted(set(unpack_words(row.destinations or ""))),
            record.patient.ins,
            record.patient.oid,
            store.named(connection, holder)
            if (holder := known.holder(row.patient_class, row.patient)) != row.patient
            else None,
        ]


def _links(store: Store, connection: Connection) -> Iterator[list[object]]:
    """Who was said to be whom, and what patients declared."""
    link, consent = schema.patient_link_fact, schema.consent_fact
    for row in connection.execute(select(link)):
        yield ["link", *(store.named(connection, patient) for patient in (row.a, row.b)), row.at, row.on]
    for row in connection.execute(select(consent)):
        said = (row.sender, row.scope, row.value, row.day, row.at)
        yield ["consent", store.named(connection, row.patient), *said]


def _masks(connection: Connection) -> Iterator[list[object]]:
    """Mask statements, by the content they speak of."""
    for row in connection.execute(select(schema.mask_fact)):
        yield ["mask", row.digest, row.sent_at, row.flags]


def _accounts(connection: Connection) -> Iterator[list[object]]:
    """Account events by patient: a patient is named by a hash of the events' own content, never by a random id."""
    table = schema.account_fact
    by_patient: dict[str, list[list[str]]] = {}
    for row in connection.execute(select(table)):
        event = [row.event, row.at, row.channel, row.department, row.birth_year, row.sex]
        by_patient.setdefault(row.patient, []).append(event)
    for events in by_patient.values():
        yield ["account", *sorted(events)]


def _deliveries(connection: Connection) -> Iterator[list[object]]:
    copies: dict[str, list[ledger.Copy]] = {}
    for copy in ledger.copies_of_stopped(connection):
        copies.setdefault(copy.delivery, []).append(copy)
    for found in ledger.deliveries(connection):
        ends = found.items
        for copy in copies.get(found.delivery, ()):
            ends[copy.told[0]] -= copy.number
            ends[copy.same[0]] += copy.number
        together = ends["accepted"] + ends["flagged"] + ends["duplicate"]
        yield ["delivery", found.delivery, together, ends["held"], ends["refused"], ends["ignored"], found.declared]
