"""The raw archive and the sealed objects of one part, and its lake segments: everything durable before the commit."""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.base import Source, Span
from warehouse import lake, schema
from warehouse.database import reading
from warehouse.facts import rows_in
from warehouse.packs import PackWriter
from warehouse.prepared import Carried, PreparedItem
from warehouse.readings import Segment, Sorted, encode, tell_apart
from warehouse.seal import seal
from warehouse.working import Working, record_object

CHUNK = 4 * 1024 * 1024


class Archive:
    """The pack of one part, the rows that list what is in it, and which readings are new."""

    def __init__(self, working: Working) -> None:
        self.working = working
        self.pack = PackWriter(working.store.packs)
        self.objects: list[dict[str, Any]] = []
        self.manifest: list[dict[str, Any]] = []
        self.sorted: dict[int, Sorted] = {}

    def _put(self, owner: str, object_id: str, plain: bytes) -> None:
        keys = self.working.delivery_keys if owner == self.working.owner else self.working.store.cached_keys(owner)
        placement = self.pack.add(seal(keys, owner, object_id, plain))
        self.objects.append(
            {
                "id": object_id,
                "owner": owner,
                "pack": placement.pack,
                "offset": placement.offset,
                "length": placement.length,
            }
        )

    def seal_ranges(self, source: Source) -> None:
        """The raw archive of this part: each range under its patient, or under the delivery."""
        with source.open() as stream:
            for range_ in self.working.part.ranges:
                owner = self.working.owner if range_.owner is None else self.working.patients[range_.owner].id
                for span in _chunks(range_.span):
                    stream.seek(span.start)
                    object_id = f"raw:{self.working.intake.delivery}:{span.start}"
                    self._put(owner, object_id, stream.read(span.length))
                    self.manifest.append(
                        {
                            "delivery": self.working.intake.delivery,
                            "start": span.start,
                            "length": span.length,
                            "object": object_id,
                        }
                    )

    def seal_records(self) -> None:
        """The canonical record of each document that is new, under its patient."""
        docs = {self.working.keys[id(carried)][1] for _, _, carried in self.working.documents}
        with reading(self.working.store.engine) as connection:
            table = schema.document_fact
            known = {(row.doc, row.digest) for row in rows_in(connection, table, table.c.doc, docs)}
        for _, _, carried in self.working.documents:
            _, doc = self.working.keys[id(carried)]
            if (doc, carried.record.digest) in known:
                continue
            known.add((doc, carried.record.digest))
            owner = self.working.patients[carried.patient].id
            self._put(owner, record_object(doc, carried.record.digest), msgspec.msgpack.encode(carried.record))

    def seal_readings(self) -> None:
        """The readings that are new, one sealed segment for each patient, measure and month of an item."""
        taken: set[bytes] = set()
        with reading(self.working.store.engine) as connection:
            for item in self.working.part.items:
                if item.readings is None or item.patient is None:
                    continue
                patient = self.working.patients[item.patient].id
                found = tell_apart(self.working.store, connection, patient, item.readings, taken)
                taken.update(found.keys)
                self.sorted[item.ordinal] = found
                for segment in found.segments:
                    self._put(patient, self.working.segment_object(item, segment), encode(segment.table))

    def write_lake(self) -> list[dict[str, Any]]:
        """Durable segments of this part's facts; their ledger rows."""
        rows = {
            "documents": [self._lake_document(carried) for _, _, carried in self.working.documents],
            "accounts": [self._lake_account(item) for item in self.working.part.items if item.account],
            "readings": [
                self._lake_reading(item, segment)
                for item in self.working.part.items
                if item.ordinal in self.sorted
                for segment in self.sorted[item.ordinal].segments
            ],
        }
        segments = []
        for kind, found in rows.items():
            if found:
                name = lake.write(
                    self.working.store.lake, kind, f"{self.working.intake.delivery[:12]}-{self.pack.name[:12]}", found
                )
                segments.append(
                    {
                        "name": name,
                        "kind": kind,
                        "rows": len(found),
                        "delivery": self.working.intake.delivery,
                        "renamed": False,
                    }
                )
        return segments

    def _lake_document(self, carried: Carried) -> dict[str, Any]:
        record, known = carried.record, self.working.patients[carried.patient]
        birth, sex, _ = record.patient.traits.compared()
        return {
            "pseudonym": known.keys.pseudonym("patient"),
            "ref": self.working.ref(carried),
            "age_band": lake.age_band(birth[:4], record.day[:7]),
            "sex": sex,
            "department": self.working.intake.department,
            "sender": self.working.intake.sender,
            "kind": self.working.intake.kind,
            "type_code": record.type_code,
            "format": record.format,
            "created_month": record.day[:7],
            "received_month": self.working.intake.received_month,
            "sections": record.sections,
            "entries": record.entries,
            "observations": record.observations,
            "attachments": record.attachments,
            "findings": list(carried.findings),
        }

    def _lake_account(self, item: PreparedItem) -> dict[str, Any]:
        assert item.account is not None
        account, known = item.account, self.working.patients[item.account.patient]
        return {
            "pseudonym": known.keys.pseudonym("patient"),
            "event": account.event,
            "month": account.month,
            "channel": account.channel,
            "department": account.department,
            "age_band": lake.age_band(account.birth_year, account.month),
            "sex": account.sex,
            "sender": self.working.intake.sender,
            "received_month": self.working.intake.received_month,
        }

    def _lake_reading(self, item: PreparedItem, segment: Segment) -> dict[str, Any]:
        assert item.patient is not None
        return {
            "pseudonym": self.working.patients[item.patient].keys.pseudonym("patient"),
            "measure": segment.measure,
            "month": segment.month,
            "sender": self.working.intake.sender,
            "received_month": self.working.intake.received_month,
            "readings": segment.rows,
            "flagged": segment.flagged,
        }


def _chunks(span: Span) -> list[Span]:
    """A long range in pieces that fit in memory."""
    return [Span(start, min(CHUNK, span.end - start)) for start in range(span.start, span.end, CHUNK)]
