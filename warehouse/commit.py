"""One part of a delivery made durable: sealed, archived, known (design §7, the commit protocol).

Seal and archive → packs made durable → lake segment under a temporary name, made durable → one transaction, which is
the commit → rename. A process killed anywhere leaves either nothing that is listed, or the whole part; the same part
again does the rest and no more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select, update

from connectors.base import Source, Span
from transforms.documents import DocumentRecord
from transforms.facts import DeletionFact
from warehouse import lake, schema
from warehouse.database import add, append, reading
from warehouse.facts import deletion_key, pack_words, rows_in
from warehouse.packs import PackWriter
from warehouse.prepared import Carried, Part, PreparedItem
from warehouse.readings import KnownMeanwhile, Segment, Sorted, encode, insert_keys, tell_apart
from warehouse.seal import seal
from warehouse.settle import Changes, settle
from warehouse.store import Known, PatientName, Store

ATTEMPTS = 5
"""How often a part is prepared again because another process took some of the same readings meanwhile."""

CHUNK = 4 * 1024 * 1024
LEVELS = {"cda-n1": "N1", "cda-n3": "N3", "hl7-oru": "result"}


class Intake(msgspec.Struct, frozen=True):
    """What is known of a delivery before it is read."""

    delivery: str
    sender: str
    kind: str
    department: str
    received_at: str
    received_utc: str
    received_month: str
    size: int
    connector: str
    name: str
    """The file's name: sealed, for the sender's own receipt."""
    vouched: str = ""


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
    writing = _Writing(store, intake, part)
    writing.seal_ranges(source)
    writing.seal_records()
    writing.seal_readings()
    step("sealed")
    writing.pack.close()
    step("packed")
    segments = writing.write_lake()
    step("laked")
    with store.engine.begin() as connection:
        done = connection.execute(
            select(schema.delivery.c.parts).where(schema.delivery.c.id == intake.delivery)
        ).scalar_one()
        if done != part.number:
            return
        writing.write(connection, segments)
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


class _Writing:
    """The rows and objects of one part, gathered before the transaction that makes them count."""

    def __init__(self, store: Store, intake: Intake, part: Part) -> None:
        self.store = store
        self.intake = intake
        self.part = part
        self.owner = f"delivery:{intake.delivery}"
        names: list[PatientName] = [r.owner for r in part.ranges if r.owner is not None]
        for item in part.items:
            names.extend(carried.patient for carried in item.carried)
            names.extend(name for name in (item.patient, item.deletion and item.deletion.patient) if name)
            names.extend([item.account.patient] if item.account else [])
        self.patients: dict[PatientName, Known] = store.patients(names)
        with reading(store.engine) as connection:
            self.delivery_keys = store.delivery_keys(connection, intake.delivery)
        self.pack = PackWriter(store.packs)
        self.objects: list[dict[str, Any]] = []
        self.manifest: list[dict[str, Any]] = []
        self.documents = [(item, sub, carried) for item in part.items for sub, carried in enumerate(item.carried)]
        self.places: set[tuple[str, int]] = set()
        self.sorted: dict[int, Sorted] = {}
        self.keys = {id(carried): self._document_keys(carried.record) for _, _, carried in self.documents}

    def _document_keys(self, record: DocumentRecord) -> tuple[str, str]:
        """(id, doc): the keyed names of the document's id, and of its id at its body level."""
        name = self.store.names.name
        parts = (record.document_id, record.digest) if record.format == "hl7-oru" else (record.document_id,)
        return name("document", *parts), name("doc", *parts, LEVELS[record.format])

    def _put(self, owner: str, object_id: str, plain: bytes) -> None:
        keys = self.delivery_keys if owner == self.owner else self.store.cached_keys(owner)
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
            for range_ in self.part.ranges:
                owner = self.owner if range_.owner is None else self.patients[range_.owner].id
                for span in _chunks(range_.span):
                    stream.seek(span.start)
                    object_id = f"raw:{self.intake.delivery}:{span.start}"
                    self._put(owner, object_id, stream.read(span.length))
                    self.manifest.append(
                        {
                            "delivery": self.intake.delivery,
                            "start": span.start,
                            "length": span.length,
                            "object": object_id,
                        }
                    )

    def seal_records(self) -> None:
        """The canonical record of each document that is new, under its patient."""
        docs = {self.keys[id(carried)][1] for _, _, carried in self.documents}
        with reading(self.store.engine) as connection:
            table = schema.document_fact
            known = {(row.doc, row.digest) for row in rows_in(connection, table, table.c.doc, docs)}
        for _, _, carried in self.documents:
            _, doc = self.keys[id(carried)]
            if (doc, carried.record.digest) in known:
                continue
            known.add((doc, carried.record.digest))
            owner = self.patients[carried.patient].id
            self._put(owner, record_object(doc, carried.record.digest), msgspec.msgpack.encode(carried.record))

    def seal_readings(self) -> None:
        """The readings that are new, one sealed segment for each patient, measure and month of an item."""
        taken: set[bytes] = set()
        with reading(self.store.engine) as connection:
            for item in self.part.items:
                if item.readings is None or item.patient is None:
                    continue
                patient = self.patients[item.patient].id
                found = tell_apart(self.store, connection, patient, item.readings, taken)
                taken.update(found.keys)
                self.sorted[item.ordinal] = found
                for segment in found.segments:
                    self._put(patient, self._segment_object(item, segment), encode(segment.table))

    def _segment_object(self, item: PreparedItem, segment: Segment) -> str:
        return f"readings:{self.intake.delivery}:{item.ordinal}:{segment.measure}:{segment.month}"

    def write_lake(self) -> list[dict[str, Any]]:
        """Durable segments of this part's facts; their ledger rows."""
        rows = {
            "documents": [self._lake_document(carried) for _, _, carried in self.documents],
            "accounts": [self._lake_account(item) for item in self.part.items if item.account],
            "readings": [
                self._lake_reading(item, segment)
                for item in self.part.items
                if item.ordinal in self.sorted
                for segment in self.sorted[item.ordinal].segments
            ],
        }
        segments = []
        for kind, found in rows.items():
            if found:
                name = lake.write(self.store.lake, kind, f"{self.intake.delivery[:12]}-{self.pack.name[:12]}", found)
                segments.append(
                    {
                        "name": name,
                        "kind": kind,
                        "rows": len(found),
                        "delivery": self.intake.delivery,
                        "renamed": False,
                    }
                )
        return segments

    def _lake_document(self, carried: Carried) -> dict[str, Any]:
        record, known = carried.record, self.patients[carried.patient]
        birth, sex, _ = record.patient.traits.compared()
        return {
            "pseudonym": known.keys.pseudonym("patient"),
            "ref": self._ref(carried),
            "age_band": lake.age_band(birth[:4], record.day[:7]),
            "sex": sex,
            "department": self.intake.department,
            "sender": self.intake.sender,
            "kind": self.intake.kind,
            "type_code": record.type_code,
            "format": record.format,
            "created_month": record.day[:7],
            "received_month": self.intake.received_month,
            "sections": record.sections,
            "entries": record.entries,
            "observations": record.observations,
            "attachments": record.attachments,
            "findings": list(carried.findings),
        }

    def _lake_account(self, item: PreparedItem) -> dict[str, Any]:
        assert item.account is not None
        account, known = item.account, self.patients[item.account.patient]
        return {
            "pseudonym": known.keys.pseudonym("patient"),
            "event": account.event,
            "month": account.month,
            "channel": account.channel,
            "department": account.department,
            "age_band": lake.age_band(account.birth_year, account.month),
            "sex": account.sex,
            "sender": self.intake.sender,
            "received_month": self.intake.received_month,
        }

    def _lake_reading(self, item: PreparedItem, segment: Segment) -> dict[str, Any]:
        assert item.patient is not None
        return {
            "pseudonym": self.patients[item.patient].keys.pseudonym("patient"),
            "measure": segment.measure,
            "month": segment.month,
            "sender": self.intake.sender,
            "received_month": self.intake.received_month,
            "readings": segment.rows,
            "flagged": segment.flagged,
        }

    def _ref(self, carried: Carried) -> str:
        _, doc = self.keys[id(carried)]
        return self.patients[carried.patient].keys.pseudonym(f"document:{doc}:{carried.record.digest}")

    def write(self, connection: Connection, segments: list[dict[str, Any]]) -> None:
        """Everything of this part, inside the one transaction."""
        add(connection, schema.stored_object, self.objects)
        append(connection, schema.manifest, self.manifest)
        if self.pack.length:
            append(connection, schema.pack, [{"name": self.pack.name, "length": self.pack.length}])
        append(connection, schema.lake_segment, segments)
        changes = Changes()
        late = self._deleted_before(connection)
        self._write_documents(connection, changes)
        self._write_deletions(connection, changes)
        self._write_accounts(connection, changes)
        self._write_readings(connection)
        self._write_items(connection, late)
        settle(connection, changes, new=self.places)
        connection.execute(
            update(schema.delivery)
            .where(schema.delivery.c.id == self.intake.delivery)
            .values(
                parts=self.part.number + 1,
                status="taken" if self.part.last else "taking",
                declared=self.part.declared,
            )
        )

    def _deleted_before(self, connection: Connection) -> set[str]:
        """Ids of this part's documents whose deletion was known before they came."""
        table = schema.delete_fact
        ids = {self.keys[id(carried)][0] for _, _, carried in self.documents}
        return {row.target for row in rows_in(connection, table, table.c.target, ids)}

    def _write_documents(self, connection: Connection, changes: Changes) -> None:
        name = self.store.names.name
        position = connection.execute(select(func.coalesce(func.max(schema.carrier_fact.c.position), 0))).scalar_one()
        documents, links, claims, carriers, twins, identities = [], [], [], [], [], []
        docs_by_half: dict[tuple[int, str], str] = {}
        for item, sub, carried in self.documents:
            record, known = carried.record, self.patients[carried.patient]
            id_key, doc = self.keys[id(carried)]
            traits = self._traits(known.id, record)
            if carried.sound:
                self.store.claim_traits(connection, known.id, traits)
            if carried.qualifies:
                identities.append({"patient": known.id, "ins": name("patient", *carried.patient.parts)})
            documents.append(
                {
                    "doc": doc,
                    "digest": record.digest,
                    "id": id_key,
                    "patient": known.id,
                    "organisation": name("organisation", record.organisation or f"sender:{self.intake.sender}"),
                    "set_id": name("set", record.set_id) if record.set_id else None,
                    "version": record.version,
                    "level": LEVELS[record.format],
                    "day": record.day,
                    "sound": carried.sound,
                    "holds_discordance": carried.holds_discordance,
                    "birth": traits[0],
                    "sex": traits[1],
                    "family": traits[2],
                    "rank_time": record.rank[0],
                    "rank_status": record.rank[1],
                    "withdrawn": record.result_status == "X",
                    "findings": pack_words(carried.findings),
                    "ref": self._ref(carried),
                    "format": record.format,
                    "type_code": record.type_code,
                    "created_month": record.day[:7],
                    "record": record_object(doc, record.digest),
                    "delivery": self.intake.delivery,
                    "ordinal": item.ordinal,
                }
            )
            links += [
                {"doc": doc, "digest": record.digest, "replaced": name("document", replaced)}
                for replaced in record.replaces
            ]
            claims.append({"doc": doc, "digest": record.digest})
            position += 1
            carriers.append(
                {
                    "delivery": self.intake.delivery,
                    "ordinal": item.ordinal,
                    "sub": sub,
                    "doc": doc,
                    "digest": record.digest,
                    "organisation": documents[-1]["organisation"],
                    "sent_at": carried.sent_at,
                    "flags": pack_words(carried.flags),
                    "modifies": carried.modifies_confidentiality,
                    "position": position,
                }
            )
            if carried.twin_of is not None and item.parent is not None:
                docs_by_half[(item.parent, f"{record.document_id}|{record.format}")] = doc
                other = docs_by_half.get((item.parent, carried.twin_of))
                if other is not None and other != doc:
                    twins.append({"a": min(doc, other), "b": max(doc, other)})
            changes.docs.add(doc)
            changes.ids.add(id_key)
        add(connection, schema.document_fact, documents)
        add(connection, schema.replace_link, links)
        add(connection, schema.document_claim, claims)
        append(connection, schema.carrier_fact, carriers)
        add(connection, schema.twin_fact, twins)
        add(connection, schema.identity_fact, identities)

    def _traits(self, patient: str, record: DocumentRecord) -> tuple[str, str, str]:
        birth, sex, family = record.patient.traits.compared()
        name = self.store.names.name
        said = (("birth", birth), ("sex", sex), ("family", family))
        digests = [name("trait", patient, trait, value) if value else "" for trait, value in said]
        return digests[0], digests[1], digests[2]

    def deletion_fact(self, item: PreparedItem) -> DeletionFact | None:
        if item.deletion is None:
            return None
        name, request = self.store.names.name, item.deletion
        return DeletionFact(
            organisation=name("organisation", request.organisation or f"sender:{self.intake.sender}"),
            patient=self.patients[request.patient].id,
            target=name("document", request.document_id) if request.document_id else None,
            set_id=name("set", request.set_id) if request.set_id and not request.document_id else None,
            version=request.version if not request.document_id else None,
        )

    def _write_deletions(self, connection: Connection, changes: Changes) -> None:
        facts = [fact for item in self.part.items if (fact := self.deletion_fact(item)) is not None]
        rows = [
            {
                "key": deletion_key(fact),
                "organisation": fact.organisation,
                "patient": fact.patient,
                "target": fact.target,
                "set_id": fact.set_id,
                "version": fact.version,
            }
            for fact in facts
        ]
        add(connection, schema.delete_fact, rows)
        changes.ids |= {fact.target for fact in facts if fact.target}
        changes.sets |= {(fact.set_id, fact.organisation, fact.patient) for fact in facts if fact.set_id}

    def _write_accounts(self, connection: Connection, changes: Changes) -> None:
        accounts, oppositions = [], []
        for item in self.part.items:
            if item.account is None:
                continue
            account, patient = item.account, self.patients[item.account.patient].id
            accounts.append(
                {
                    "key": self._account_key(item),
                    "patient": patient,
                    "event": account.event,
                    "at": account.at,
                    "month": account.month,
                    "channel": account.channel,
                    "department": account.department,
                    "birth_year": account.birth_year,
                    "sex": account.sex,
                    "delivery": self.intake.delivery,
                    "ordinal": item.ordinal,
                }
            )
            if account.event in ("opposed", "opened", "reopened"):
                oppositions.append(
                    {
                        "patient": patient,
                        "organisation": "",
                        "day": account.day,
                        "at": account.at,
                        "on": account.event == "opposed",
                    }
                )
                changes.patients.add(patient)
        add(connection, schema.account_fact, accounts)
        add(connection, schema.opposition_fact, oppositions)

    def _write_readings(self, connection: Connection) -> None:
        insert_keys(connection, [key for found in self.sorted.values() for key in found.keys])
        append(
            connection,
            schema.reading_segment,
            [
                {
                    "object": self._segment_object(item, segment),
                    "patient": segment.patient,
                    "measure": segment.measure,
                    "month": segment.month,
                    "delivery": self.intake.delivery,
                    "rows": segment.rows,
                    "flagged": segment.flagged,
                }
                for item in self.part.items
                if item.ordinal in self.sorted
                for segment in self.sorted[item.ordinal].segments
            ],
        )

    def _reading_rows(self, item: PreparedItem, row: dict[str, Any]) -> list[dict[str, Any]]:
        """A batch of readings as up to three rows: how many were accepted, flagged, known already."""
        found = self.sorted[item.ordinal]
        findings = sorted(
            {
                code
                for segment in found.segments
                for codes in segment.table.column("flags").to_pylist()
                for code in codes
            }
        )
        ends = (
            ("accepted", found.accepted, ""),
            ("flagged", found.flagged, pack_words(findings)),
            ("duplicate", found.duplicates, ""),
        )
        return [
            row | {"ordinal": item.ordinal + offset, "own_end": end, "number": number, "own_findings": codes}
            for offset, (end, number, codes) in enumerate(ends)
            if number
        ]

    def _write_items(self, connection: Connection, late: set[str]) -> None:
        name = self.store.names.name
        rows: list[dict[str, Any]] = []
        lookups: list[dict[str, Any]] = []
        for item in self.part.items:
            findings = set(item.findings)
            if any(self.keys[id(carried)][0] in late for carried in item.carried):
                findings.add("DELETED_BEFORE_ARRIVAL")
            fact = self.deletion_fact(item)
            row = {
                "delivery": self.intake.delivery,
                "ordinal": item.ordinal,
                "parent": item.parent,
                "kind": item.kind,
                "locator": str(item.locator),
                "patient": self.patients[item.patient].id if item.patient else None,
                "request": deletion_key(fact) if fact else None,
                "identity": self._identity(item),
                "own_end": item.end,
                "own_code": item.code,
                "own_findings": pack_words(findings),
                "end": "",
                "code": "",
                "findings": "",
                "revision": 0,
                "expected": item.expected,
                "came": item.came,
                "number": item.count,
                "since": self.intake.received_at,
                "private": seal(self.delivery_keys, self.owner, f"item:{item.ordinal}", "\n".join(item.keys).encode())
                if item.keys
                else None,
            }
            rows += self._reading_rows(item, row) if item.ordinal in self.sorted else [row]
            lookups += [
                {"key": name("find", key), "delivery": self.intake.delivery, "ordinal": item.ordinal}
                for key in dict.fromkeys(item.keys)
            ]
        append(connection, schema.item, rows)
        self.places = {(self.intake.delivery, row["ordinal"]) for row in rows}
        add(connection, schema.item_key, lookups)

    def _identity(self, item: PreparedItem) -> str | None:
        """What makes a message or an account event the same one again; documents have facts for that."""
        if item.message_digest:
            return self.store.names.name("message", item.message_digest.hex())
        return self._account_key(item) if item.account else None

    def _account_key(self, item: PreparedItem) -> str:
        assert item.account is not None
        account, patient = item.account, self.patients[item.account.patient].id
        return self.store.names.name("account", patient, account.event, account.at, account.channel, account.department)


def record_object(doc: str, digest: str) -> str:
    return f"record:{doc}:{digest}"


def _chunks(span: Span) -> list[Span]:
    """A long range in pieces that fit in memory."""
    return [Span(start, min(CHUNK, span.end - start)) for start in range(span.start, span.end, CHUNK)]
