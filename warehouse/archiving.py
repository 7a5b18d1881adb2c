"""What is made durable before a commit: the raw archive, the sealed objects, the lake segments of a group of parts."""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.base import Span
from transforms.documents import public_type
from warehouse import lake, schema
from warehouse.database import reading
from warehouse.lookup import columns_in
from warehouse.packs import PackWriter
from warehouse.prepared import AccountFact, Carried, PreparedItem
from warehouse.readings import Segment, Sorted, encode, tell_apart
from warehouse.seal import seal
from warehouse.store import Store
from warehouse.working import Working, record_object

CHUNK = 4 * 1024 * 1024


class Archive:
    """The pack of a group of parts, the rows that list what is in it, and which readings are new."""

    def __init__(self, store: Store, workings: list[Working]) -> None:
        self.store = store
        self.workings = workings
        self.pack = PackWriter(store.packs)
        self.objects: dict[int, list[dict[str, Any]]] = {id(working): [] for working in workings}
        self.manifest: dict[int, list[dict[str, Any]]] = {id(working): [] for working in workings}
        self.sorted: dict[tuple[int, int], Sorted] = {}

    def seal(self) -> None:
        """Seal everything: raw ranges, canonical records, segments of readings."""
        known = self._known_documents()
        taken: set[bytes] = set()
        for working in self.workings:
            self._seal_ranges(working)
            self._seal_records(working, known)
            self._seal_readings(working, taken)

    def _put(self, working: Working, owner: str, object_id: str, plain: bytes) -> None:
        placement = self.pack.add(seal(working.owner_keys[owner], owner, object_id, plain))
        self.objects[id(working)].append(
            {
                "id": object_id,
                "owner": owner,
                "pack": placement.pack,
                "offset": placement.offset,
                "length": placement.length,
            }
        )

    def _seal_ranges(self, working: Working) -> None:
        """The raw archive: each range under its patient, or under the delivery."""
        delivery, take = working.intake.delivery, working.intake.take
        with working.source.open() as stream:
            for range_ in working.part.ranges:
                owner = working.owner if range_.owner is None else working.patients[range_.owner].id
                for span in _chunks(range_.span):
                    stream.seek(span.start)
                    object_id = f"raw:{delivery}{f'.{take}' if take else ''}:{span.start}"
                    self._put(working, owner, object_id, stream.read(span.length))
                    self.manifest[id(working)].append(
                        {"delivery": delivery, "start": span.start, "length": span.length, "object": object_id}
                    )

    def _known_documents(self) -> dict[tuple[str, str], bool]:
        """The documents known, and whether one of their arrivals was sound."""
        docs = {working.keys[id(carried)][1] for working in self.workings for _, _, carried in working.documents}
        with reading(self.store.engine) as connection:
            table = schema.document_fact
            columns = (table.c.doc, table.c.digest, table.c.sound)
            found = columns_in(connection, columns, table.c.doc, docs)
            return {(doc, digest): sound for doc, digest, sound in found}

    def _seal_records(self, working: Working, known: dict[tuple[str, str], bool]) -> None:
        """The canonical record of each document that is new, or sound for the first time, under its patient."""
        for _, _, carried in working.documents:
            _, doc = working.keys[id(carried)]
            key = (doc, carried.record.digest)
            if key in known and (known[key] or not carried.sound):
                continue
            known[key] = carried.sound
            record = msgspec.msgpack.encode(carried.record)
            owner = working.patients[carried.patient].id
            self._put(working, owner, record_object(*key, owner), record)

    def _seal_readings(self, working: Working, taken: set[bytes]) -> None:
        """The readings that are new, one sealed segment for each patient, measure and month of an item."""
        with reading(self.store.engine) as connection:
            for item in working.part.items:
                if item.readings is None or item.patient is None:
                    continue
                patient = working.patients[item.patient].id
                found = tell_apart(self.store, connection, patient, item.readings, taken)
                taken.update(found.keys)
                self.sorted[(id(working), item.ordinal)] = found
                for segment in found.segments:
                    self._put(working, patient, working.segment_object(item, segment), encode(segment.table))

    def readings_of(self, working: Working, item: PreparedItem) -> Sorted | None:
        """The readings of one item, told apart; None when it has none."""
        return self.sorted.get((id(working), item.ordinal))

    def write_lake(self) -> list[dict[str, Any]]:
        """Durable segments of the group's facts; their ledger rows."""
        rows: dict[str, list[dict[str, Any]]] = {"documents": [], "accounts": [], "readings": []}
        for working in self.workings:
            rows["documents"] += [_lake_document(working, carried) for _, _, carried in working.documents]
            for item in working.part.items:
                if item.account is not None:
                    rows["accounts"].append(_lake_account(working, item.account))
                if (found := self.readings_of(working, item)) is not None:
                    rows["readings"] += [_lake_reading(working, item, segment) for segment in found.segments]
        first = self.workings[0].intake
        name = f"{first.delivery[:12]}-{self.pack.name[:12]}"
        return [
            {
                "name": lake.write(self.store.lake, kind, name, facts),
                "kind": kind,
                "rows": len(facts),
                "delivery": first.delivery,
                "sender": first.sender,
                "renamed": False,
            }
            for kind, facts in rows.items()
            if facts
        ]


def _lake_document(working: Working, carried: Carried) -> dict[str, Any]:
    record, known = carried.record, working.patients[carried.patient]
    birth, sex, _ = record.patient.traits.compared()
    return {
        "pseudonym": known.keys.patient,
        "ref": working.refs[id(carried)],
        "age_band": lake.age_band(birth[:4], record.day[:7]),
        "sex": sex,
        "department": working.intake.department,
        "sender": working.intake.sender,
        "kind": working.intake.kind,
        "type_code": public_type(record),
        "format": record.format,
        "created_month": record.day[:7],
        "received_month": working.intake.received_month,
        "sections": record.sections,
        "entries": record.entries,
        "observations": record.observations,
        "attachments": record.attachments,
        "findings": list(carried.findings),
    }


def _lake_account(working: Working, account: AccountFact) -> dict[str, Any]:
    known = working.patients[account.patient]
    return {
        "pseudonym": known.keys.patient,
        "event": account.event,
        "month": account.month,
        "channel": account.channel,
        "department": account.department,
        "age_band": lake.age_band(account.birth_year, account.month),
        "sex": account.sex,
        "sender": working.intake.sender,
        "received_month": working.intake.received_month,
    }


def _lake_reading(working: Working, item: PreparedItem, segment: Segment) -> dict[str, Any]:
    assert item.patient is not None
    return {
        "pseudonym": working.patients[item.patient].keys.patient,
        "measure": segment.measure,
        "month": segment.month,
        "sender": working.intake.sender,
        "received_month": working.intake.received_month,
        "readings": segment.rows,
        "flagged": segment.flagged,
    }


def _chunks(span: Span) -> list[Span]:
    """A long range in pieces that fit in memory."""
    return [Span(start, min(CHUNK, span.end - start)) for start in range(span.start, span.end, CHUNK)]
