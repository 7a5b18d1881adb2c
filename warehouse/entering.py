"""The rows of one part, entered in the one transaction that makes them count."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, select, update

from transforms.documents import public_type
from warehouse import retake, schema
from warehouse.archiving import Archive
from warehouse.database import add, append
from warehouse.facts import deletion_key, pack_words
from warehouse.lookup import columns_in
from warehouse.prepared import PreparedItem, Private
from warehouse.readings import Sorted, insert_keys
from warehouse.seal import seal
from warehouse.settle import Changes
from warehouse.store import Traits, chunks
from warehouse.working import LEVELS, Working, record_object, trait_digests


class Entering:
    """Facts, items and lists of one part on their way into the database."""

    def __init__(self, working: Working, archive: Archive) -> None:
        self.working = working
        self.archive = archive
        self.places: set[tuple[str, int]] = set()

    def write(self, connection: Connection, changes: Changes) -> None:
        """Everything of this part, inside the one transaction; what it changes is added to `changes`."""
        delivery, part = self.working.intake.delivery, self.working.part
        if self.working.intake.take and part.number == 0:
            retake.begin(connection, delivery)
        add(connection, schema.stored_object, self.archive.objects[id(self.working)])
        append(connection, schema.manifest, self.archive.manifest[id(self.working)])
        late = self._deleted_before(connection)
        self._write_documents(connection, changes)
        self._write_deletions(connection, changes)
        self._write_maskings(connection, changes)
        self._write_links(connection, changes)
        self._write_consents(connection, changes)
        self._write_accounts(connection, changes)
        self._write_readings(connection)
        self._write_items(connection, late)
        if self.working.intake.take and part.last:
            retake.finish(connection, delivery, changes)
        connection.execute(
            update(schema.delivery)
            .where(schema.delivery.c.id == delivery)
            .values(
                parts=part.number + 1,
                status="taken" if part.last else "taking",
                declared=part.declared,
                **(self._taken_from(connection) if part.number == 0 else {}),
            )
        )

    def _taken_from(self, connection: Connection) -> dict[str, Any]:
        """Who the delivery is taken from, and with which patient: as this take has it, not an earlier arrival."""
        intake, owner = self.working.intake, self.working.owner
        keys = self.working.owner_keys[owner]
        return {
            "sender": intake.sender,
            "connector": intake.connector,
            "vouched": seal(keys, owner, "vouched", intake.vouched.encode()) if intake.vouched else None,
            "takes": intake.take,
            **(retake.received(connection, intake.delivery) if intake.take else {}),
        }

    def _deleted_before(self, connection: Connection) -> set[int]:
        """This part's documents (by `id()`) whose own author asked for their deletion before they came."""
        table, working = schema.delete_fact, self.working
        brought = retake.carried_before(connection, working.intake.delivery) if working.intake.take else set()
        ids = {working.keys[id(carried)][0] for _, _, carried in working.documents}
        named = (table.c.target, table.c.organisation, table.c.patient)
        known = {tuple(row) for row in columns_in(connection, named, table.c.target, ids)}
        return {
            id(carried)
            for _, _, carried in working.documents
            if working.keys[id(carried)][1] not in brought
            and (
                working.keys[id(carried)][0],
                working.organisation(carried.record),
                working.patients[carried.patient].id,
            )
            in known
        }

    def _reusing(self, connection: Connection, controls: dict[int, str]) -> set[int]:
        """This part's messages (by ordinal) whose MSH-10 another message had before, given their control keys."""
        table, item, delivery = schema.item_key, schema.item, schema.delivery
        had: dict[str, set[str]] = {key: set() for key in controls.values()}
        own = select(delivery.c.position).where(delivery.c.id == self.working.intake.delivery).scalar_subquery()
        known = (
            select(table.c.key, item.c.identity)
            .join(item, (item.c.delivery == table.c.delivery) & (item.c.ordinal == table.c.ordinal))
            .join(delivery, delivery.c.id == table.c.delivery)
            .where(delivery.c.position <= own)
        )
        for some in chunks(sorted(had), 5000):
            for key, identity in connection.execute(known.where(table.c.key.in_(some))).all():
                had[key].add(identity)
        reused = set()
        for one in self.working.part.items:
            identity = self.working.identity(one)
            if one.ordinal in controls and identity is not None:
                before = had[controls[one.ordinal]]
                if before and identity not in before:
                    reused.add(one.ordinal)
                before.add(identity)
        return reused

    def _write_documents(self, connection: Connection, changes: Changes) -> None:
        name = self.working.store.names.name
        documents, numbers, links, claims, carriers, twins, identities = [], [], [], [], [], [], []
        sound: list[tuple[str, Traits]] = []
        for item, sub, carried in self.working.documents:
            record, known = carried.record, self.working.patients[carried.patient]
            id_key, doc = self.working.keys[id(carried)]
            traits = self.working.traits(known.id, record)
            if carried.sound:
                sound.append((known.id, traits))
            if carried.qualifies:
                identities.append({"patient": known.id, "ins": known.blind})
            documents.append(
                {
                    "doc": doc,
                    "digest": record.digest,
                    "id": id_key,
                    "patient": known.id,
                    "organisation": self.working.organisation(record),
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
                    "ref": self.working.refs[id(carried)],
                    "format": record.format,
                    "type_code": public_type(record),
                    "created_month": record.day[:7],
                    "record": record_object(doc, record.digest, known.id),
                    "delivery": self.working.intake.delivery,
                    "ordinal": item.ordinal,
                }
            )
            others = {self.working.patients[other].id for other in carried.also} - {known.id}
            numbers += [{"doc": doc, "digest": record.digest, "patient": id_, "filed": known.id} for id_ in others]
            links += [
                {"doc": doc, "digest": record.digest, "replaced": name("document", replaced)}
                for replaced in record.replaces
            ]
            claims.append({"doc": doc, "digest": record.digest})
            carriers.append(
                {
                    "delivery": self.working.intake.delivery,
                    "ordinal": item.ordinal,
                    "sub": sub,
                    "doc": doc,
                    "digest": record.digest,
                    "organisation": documents[-1]["organisation"],
                    "sent_at": carried.sent_at,
                    "flags": pack_words(carried.flags),
                    "modifies": carried.modifies_confidentiality,
                    "destinations": pack_words(carried.destinations),
                }
            )
            if carried.twin_of is not None:
                other = self.working.half(carried.twin_of)
                twins.append({"a": min(doc, other), "b": max(doc, other)})
                changes.docs.add(other)
            siblings = {name("document", sibling) for sibling in carried.lot}
            twins += [{"a": min(id_key, other), "b": max(id_key, other)} for other in siblings]
            changes.docs.add(doc)
            changes.ids |= {id_key, *siblings}
        changes.patients |= self.working.store.claim_traits(connection, sound)
        add(connection, schema.document_fact, documents)
        self._place_again(connection, schema.document_fact, documents, ("doc", "digest"))
        self._qualify(connection, [row for row in documents if row["sound"]], changes)
        add(connection, schema.document_number, numbers)
        add(connection, schema.replace_link, links)
        add(connection, schema.document_claim, claims)
        append(connection, schema.carrier_fact, carriers)
        add(connection, schema.twin_fact, twins)
        changes.patients |= self._newly_qualified(connection, {row["patient"] for row in identities})
        add(connection, schema.identity_fact, identities)

    def _place_again(
        self, connection: Connection, table: Any, rows: list[dict[str, Any]], key: tuple[str, ...]
    ) -> None:
        """Facts that a former take of this delivery brought stand where the items of this take are."""
        if not self.working.intake.take or not rows:
            return
        same = [table.c[name] == bindparam(f"at_{name}") for name in (*key, "delivery")]
        connection.execute(
            update(table).where(*same).values(ordinal=bindparam("now")),
            [{f"at_{name}": row[name] for name in (*key, "delivery")} | {"now": row["ordinal"]} for row in rows],
        )

    def _newly_qualified(self, connection: Connection, patients: set[str]) -> set[str]:
        """Those of these patients that nothing had qualified: what waits for their identity moves."""
        known = schema.identity_fact.c.patient
        return patients - {patient for (patient,) in columns_in(connection, (known,), known, patients)}

    def _qualify(self, connection: Connection, sound: list[dict[str, Any]], changes: Changes) -> None:
        """A document that came with an identity in doubt, and comes again with a sound one, is filed under that one:
        which of the two came first makes no difference."""
        table = schema.document_fact
        columns = (table.c.doc, table.c.digest, table.c.sound, table.c.set_id, table.c.organisation, table.c.patient)
        doubted = {
            (row.doc, row.digest): row
            for row in columns_in(connection, columns, table.c.doc, {row["doc"] for row in sound})
            if not row.sound
        }
        for row in sound:
            if (former := doubted.pop((row["doc"], row["digest"]), None)) is None:
                continue
            named = ("patient", "sound", "holds_discordance", "birth", "sex", "family", "ref", "record")
            connection.execute(
                update(table)
                .where(table.c.doc == former.doc, table.c.digest == former.digest)
                .values({name: row[name] for name in named})
            )
            if former.set_id is not None:
                changes.sets.add((former.set_id, former.organisation, former.patient))

    def _write_deletions(self, connection: Connection, changes: Changes) -> None:
        facts = [fact for item in self.working.part.items if (fact := self.working.deletion_fact(item)) is not None]
        rows = [
            {
                "key": deletion_key(fact),
                "organisation": fact.organisation,
                "patient": fact.patient,
                "target": fact.target,
                "set_id": fact.set_id,
                "version": fact.version,
                "sound": fact.sound,
            }
            for fact in facts
        ]
        add(connection, schema.delete_fact, rows)
        changes.ids |= {fact.target for fact in facts if fact.target}
        changes.sets |= {(fact.set_id, fact.organisation, fact.patient) for fact in facts if fact.set_id}

    def _write_maskings(self, connection: Connection, changes: Changes) -> None:
        facts = [fact for item in self.working.part.items if (fact := self.working.mask_fact(item)) is not None]
        rows = [msgspec.structs.asdict(fact) | {"flags": pack_words(fact.flags)} for fact in facts]
        add(connection, schema.mask_fact, rows)
        changes.ids |= {fact.id for fact in facts}

    def _write_links(self, connection: Connection, changes: Changes) -> None:
        """Who is who: what a link says of an INS claims its traits as a document would, and qualifies it."""
        name, store = self.working.store.names.name, self.working.store
        rows, identities = [], []
        claims: list[tuple[str, Traits]] = []
        for link, fact in (found for item in self.working.part.items for found in self.working.link_facts(item)):
            birth, sex, family = trait_digests(store, fact.b, link.traits)
            if link.on and link.b.is_ins:
                claims.append((fact.b, (birth, sex, family)))
                identities.append({"patient": fact.b, "ins": name("patient", *link.b.parts)})
            rows.append(
                {
                    "a": fact.a,
                    "b": fact.b,
                    "at": fact.at,
                    "on": fact.on,
                    "birth": birth,
                    "sex": sex,
                    "family": family,
                    "holds_discordance": link.holds_discordance,
                }
            )
            changes.patients |= {fact.a, fact.b}
        store.claim_traits(connection, claims)
        add(connection, schema.patient_link_fact, rows)
        add(connection, schema.identity_fact, identities)

    def _write_consents(self, connection: Connection, changes: Changes) -> None:
        """What patients declared to this sender; opposition to feeding binds what comes through it."""
        sender = self.working.intake.sender
        consents, oppositions = [], []
        for consent in (one for item in self.working.part.items for one in item.consents):
            patient = self.working.patients[consent.patient].id
            said = {"patient": patient, "sender": sender, "day": consent.day, "at": consent.at}
            consents.append(said | {"scope": consent.scope, "value": consent.value})
            if consent.scope == "feeding":
                oppositions.append(said | {"organisation": "", "on": consent.value == "IO"})
                changes.patients.add(patient)
        add(connection, schema.consent_fact, consents)
        add(connection, schema.opposition_fact, oppositions)

    def _write_accounts(self, connection: Connection, changes: Changes) -> None:
        accounts, oppositions = [], []
        for item in self.working.part.items:
            if item.account is None:
                continue
            account, patient = item.account, self.working.patients[item.account.patient].id
            accounts.append(
                {
                    "key": self.working.account_key(item),
                    "patient": patient,
                    "event": account.event,
                    "at": account.at,
                    "month": account.month,
                    "channel": account.channel,
                    "department": account.department,
                    "birth_year": account.birth_year,
                    "sex": account.sex,
                    "delivery": self.working.intake.delivery,
                    "ordinal": item.ordinal,
                }
            )
            if account.event in ("opposed", "opened", "reopened"):
                oppositions.append(
                    {
                        "patient": patient,
                        "organisation": "",
                        "sender": "",
                        "day": account.day,
                        "at": account.at,
                        "on": account.event == "opposed",
                    }
                )
                changes.patients.add(patient)
        add(connection, schema.account_fact, accounts)
        self._place_again(connection, schema.account_fact, accounts, ("key",))
        add(connection, schema.opposition_fact, oppositions)

    def _readings(self) -> list[tuple[PreparedItem, Sorted]]:
        found = [(item, self.archive.readings_of(self.working, item)) for item in self.working.part.items]
        return [(item, readings) for item, readings in found if readings is not None]

    def _write_readings(self, connection: Connection) -> None:
        readings = self._readings()
        insert_keys(connection, [key for _, found in readings for key in found.keys])
        append(
            connection,
            schema.reading_segment,
            [
                {
                    "object": self.working.segment_object(item, segment),
                    "patient": segment.patient,
                    "measure": segment.measure,
                    "month": segment.month,
                    "delivery": self.working.intake.delivery,
                    "rows": segment.rows,
                    "flagged": segment.flagged,
                }
                for item, found in readings
                for segment in found.segments
            ],
        )

    def _reading_rows(self, item: PreparedItem, found: Sorted, row: dict[str, Any]) -> list[dict[str, Any]]:
        """A batch of readings as up to three rows: how many were accepted, flagged, known already."""
        findings = {code for segment in found.segments for code in segment.codes}
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

    def _write_items(self, connection: Connection, late: set[int]) -> None:
        name, delivery = self.working.store.names.name, self.working.intake.delivery
        owner, since = self.working.owner, self.working.intake.received_at
        keys, patients = self.working.owner_keys[owner], self.working.patients
        told = retake.told(connection, delivery) if self.working.intake.take else 0
        controls = {
            item.ordinal: key for item in self.working.part.items if (key := self.working.control_key(item)) is not None
        }
        reused = self._reusing(connection, controls)
        rows: list[dict[str, Any]] = []
        lookups: list[dict[str, Any]] = []
        statements: list[dict[str, Any]] = []
        for item in self.working.part.items:
            findings = set(item.findings)
            if late and any(id(carried) in late for carried in item.carried):
                findings.add("DELETED_BEFORE_ARRIVAL")
            ordinal, private = item.ordinal, None
            if ordinal in reused:
                findings.add("CONTROL_ID_REUSED")
            if item.keys or item.answer:
                packed = msgspec.msgpack.encode(Private(item.keys, item.answer))
                private = seal(keys, owner, f"item:{ordinal}", packed)
            row = {
                "delivery": delivery,
                "ordinal": ordinal,
                "parent": item.parent,
                "kind": item.kind,
                "locator": str(item.locator),
                "patient": patients[item.patient].id if item.patient else None,
                "identity": self.working.identity(item),
                "own_end": item.end,
                "own_code": item.code,
                "own_findings": pack_words(findings),
                "end": "",
                "code": "",
                "findings": "",
                "revision": told,
                "expected": item.expected,
                "came": item.came,
                "number": item.count,
                "since": since,
                "private": private,
            }
            readings = self.archive.readings_of(self.working, item) if item.readings is not None else None
            rows += [row] if readings is None else self._reading_rows(item, readings, row)
            place = {"delivery": delivery, "ordinal": ordinal}
            lookups += [{"key": name("find", key), **place} for key in dict.fromkeys(item.keys)]
            statements += [{"key": key, **place} for key in dict.fromkeys(self.working.statements(item))]
        lookups += [{"key": key, "delivery": delivery, "ordinal": ordinal} for ordinal, key in controls.items()]
        append(connection, schema.item, rows)
        self.places = {(delivery, row["ordinal"]) for row in rows}
        add(connection, schema.item_key, lookups)
        append(connection, schema.item_statement, statements)
