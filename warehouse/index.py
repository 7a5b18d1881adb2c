"""The facts in the database as `transforms.lifecycle.family` looks them up: each look-up takes many keys."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Set
from typing import Any, TypeAlias

from sqlalchemy import Connection, func, select

from transforms.facts import (
    CarrierFact,
    ClaimFact,
    DecisionFact,
    DeletionFact,
    Discordance,
    DocumentFact,
    IdentityFact,
    Key,
    MaskFact,
    OppositionFact,
    PatientLinkFact,
    TwinFact,
)
from transforms.lifecycle.family import SetUse
from warehouse import schema
from warehouse.facts import deletion_of, differ, discordant, flags_of
from warehouse.lookup import columns_in
from warehouse.store import chunks

Name: TypeAlias = tuple[Key, Key]
"""(doc, digest)."""

_DOCUMENT, _CARRIER, _PATIENT, _DELIVERY = (
    table.c for table in (schema.document_fact, schema.carrier_fact, schema.patient, schema.delivery)
)
_NAME = (_DOCUMENT.doc, _DOCUMENT.digest)
_READ = (
    *(_DOCUMENT.doc, _DOCUMENT.digest, _DOCUMENT.id, _DOCUMENT.patient, _DOCUMENT.organisation, _DOCUMENT.set_id),
    *(_DOCUMENT.version, _DOCUMENT.level, _DOCUMENT.day, _DOCUMENT.sound, _DOCUMENT.holds_discordance),
    *(_DOCUMENT.rank_time, _DOCUMENT.rank_status, _DOCUMENT.withdrawn),
    *(_DOCUMENT.birth, _DOCUMENT.sex, _DOCUMENT.family, _DOCUMENT.findings, _DOCUMENT.record),
)
"""What is read of a document, in the order in which `_load` takes it: its facts, then what the rules do not read."""


class SqlIndex:
    """Facts of one transaction's view, each key looked up once: nothing adds facts while an index is in use.

    `rows` keeps the document rows met (`_READ`), for what the rules do not read.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.rows: dict[Name, Any] = {}
        self._facts: dict[Name, DocumentFact] = {}
        self._bytes: dict[Key, list[Name]] = {}
        self._met: dict[Any, dict[Key, list[Any]]] = {}
        self._patients: dict[Key, Any] = {}
        self._differing: set[Name] = set()
        self.contradicting: set[Name] = set()
        """Documents under a local number whose own words contradict the INS it stands for (`warehouse.numbers`)."""
        self._deliveries: dict[str, tuple[str, int]] = {}
        """Of carriers. A carrier's place in the ledger is that of its item, as a message's is: whichever of two equal
        messages is the duplicate, so are the documents it brings."""

    def _in(self, column: Any, keys: Iterable[Key], *columns: Any) -> list[Any]:
        """The rows whose `column` is one of these keys: whole, or as these columns, the same at each call."""
        met = self._met.setdefault(column, {})
        wanted = dict.fromkeys(keys)
        new = [key for key in wanted if key not in met]
        if new:
            for key in new:
                met[key] = []
            read = columns or tuple(column.table.c)
            place = next(number for number, one in enumerate(read) if one is column)
            for row in columns_in(self._connection, read, column, new):
                met[row[place]].append(row)
        return [row for key in wanted for row in met[key]]

    def patient_row(self, patient: Key) -> Any:
        """The row of a patient, with the traits that claim it."""
        return self._patient_rows({patient})[patient]

    def _patient_rows(self, patients: Set[Key]) -> dict[Key, Any]:
        columns = (_PATIENT.id, _PATIENT.is_ins, _PATIENT.birth, _PATIENT.sex, _PATIENT.family)
        new = patients - self._patients.keys()
        self._patients |= {row[0]: row for row in columns_in(self._connection, columns, _PATIENT.id, new)}
        return self._patients

    def _load(self, docs: Iterable[Key]) -> None:
        """Meet all bytes of these docs."""
        new = {doc for doc in docs if doc not in self._bytes}
        if not new:
            return
        self._bytes |= {doc: [] for doc in new}
        rows = columns_in(self._connection, _READ, _DOCUMENT.doc, new)
        self._patient_rows({row.patient for row in rows})
        links: dict[Name, list[Key]] = {}
        for link in self._in(schema.replace_link.c.doc, new):
            links.setdefault((link.doc, link.digest), []).append(link.replaced)
        also: dict[Name, list[Key]] = {}
        for number in self._in(schema.document_number.c.doc, {row.doc for row in rows if not row.sound}):
            also.setdefault((number.doc, number.digest), []).append(number.patient)
        for row in rows:
            doc, digest, id_, patient, organisation, set_id, *others = row
            version, level, day, sound, holds_discordance, time, status, withdrawn, *traits, _, _ = others
            name = doc, digest
            replaces = tuple(sorted(links[name])) if name in links else ()
            _, _, *claim = self._patients[patient]
            if differ(traits, claim):
                self._differing.add(name)
            self.rows[name] = row
            self._bytes[doc].append(name)
            self._facts[name] = DocumentFact(
                *(doc, id_, digest, patient, organisation, set_id, version, level, day, replaces),
                sound=sound,
                also=tuple(sorted(also[name])) if name in also else (),
                discordant=holds_discordance and name in self._differing,
                rank=(time, status),
                withdrawn=withdrawn,
            )

    def _named(self, names: Iterable[Name]) -> list[DocumentFact]:
        wanted = dict.fromkeys(names)
        self._load(doc for doc, _ in wanted)
        return [self._facts[name] for name in wanted]

    def is_discordant(self, name: Name) -> bool:
        """Whether a document met disagrees with the traits its patient is held to, under whichever number."""
        return name in self.contradicting or name in self._differing

    def documents(self, docs: Collection[Key]) -> Iterable[DocumentFact]:
        self._load(docs)
        return [self._facts[name] for doc in dict.fromkeys(docs) for name in self._bytes[doc]]

    def documents_with_id(self, ids: Collection[Key]) -> Iterable[DocumentFact]:
        return self._named((doc, digest) for doc, digest, _ in self._in(_DOCUMENT.id, ids, *_NAME, _DOCUMENT.id))

    def documents_replacing(self, ids: Collection[Key]) -> Iterable[DocumentFact]:
        return self.documents({row.doc for row in self._in(schema.replace_link.c.replaced, ids)})

    def documents_in_sets(self, uses: Collection[SetUse]) -> Iterable[DocumentFact]:
        """Looked up by patient too: thousands of patients may share a constant setId, and few of them are asked for."""
        wanted = set(uses)
        rows: list[Any] = []
        for sets in chunks(sorted({use[0] for use in wanted}), 5000):
            for patients in chunks(sorted({use[2] for use in wanted}), 5000):
                rows += self._connection.execute(
                    select(*_NAME, _DOCUMENT.set_id, _DOCUMENT.organisation, _DOCUMENT.patient).where(
                        _DOCUMENT.set_id.in_(sets), _DOCUMENT.patient.in_(patients)
                    )
                ).all()
        return self._named((doc, digest) for doc, digest, *use in rows if tuple(use) in wanted)

    def documents_of(self, patients: Collection[Key]) -> Iterable[DocumentFact]:
        rows = self._in(_DOCUMENT.patient, patients, *_NAME, _DOCUMENT.patient)
        return self._named((doc, digest) for doc, digest, _ in rows)

    def named_together(self, patients: Collection[Key]) -> Iterable[tuple[Key, Key]]:
        table = schema.document_number
        rows = (*self._in(table.c.patient, patients), *self._in(table.c.filed, patients))
        return {(row.filed, row.patient) for row in rows}

    def sets_of_several(self, set_ids: Collection[Key]) -> Iterable[Key]:
        users: dict[Key, set[tuple[Key, Key]]] = {}
        table = schema.document_fact
        for chunk in chunks(sorted(set_ids), 5000):
            for set_id, organisation, patient in self._connection.execute(
                select(table.c.set_id, table.c.organisation, table.c.patient)
                .where(table.c.set_id.in_(chunk))
                .group_by(table.c.set_id, table.c.organisation, table.c.patient)
            ):
                users.setdefault(set_id, set()).add((organisation, patient))
        return [set_id for set_id, found in users.items() if len(found) > 1]

    def users_of_set(self, set_id: Key) -> Iterator[tuple[Key, Key]]:
        table = schema.document_fact
        rows = self._connection.execute(
            select(table.c.organisation, table.c.patient, func.min(table.c.doc))
            .where(table.c.set_id == set_id)
            .group_by(table.c.organisation, table.c.patient)
        )
        return ((row.organisation, row.patient) for row in rows.all())

    def carriers(self, docs: Collection[Key]) -> Iterable[CarrierFact]:
        rows = self._in(_CARRIER.doc, docs)
        new = {row.delivery for row in rows} - self._deliveries.keys()
        said = (_DELIVERY.id, _DELIVERY.sender, _DELIVERY.position)
        for id_, sender, position in columns_in(self._connection, said, _DELIVERY.id, new):
            self._deliveries[id_] = sender, position
        found = []
        for delivery, ordinal, sub, doc, digest, organisation, sent_at, flags, modifies, _ in rows:
            sender, position = self._deliveries[delivery]
            place = (position << 40) + (ordinal << 8) + min(sub, 255)
            found.append(
                CarrierFact(
                    *(delivery, f"{ordinal}.{sub}", doc, digest, organisation, sent_at),
                    *(flags_of(flags), modifies, sender, place),
                )
            )
        return found

    def claims(self, docs: Collection[Key]) -> Iterable[ClaimFact]:
        return [ClaimFact(row.doc, row.digest) for row in self._in(schema.document_claim.c.doc, docs)]

    def decisions(self, docs: Collection[Key]) -> Iterable[DecisionFact]:
        rows = self._in(schema.decision_fact.c.subject, docs)
        return [DecisionFact(row.subject, row.number, row.action, row.value) for row in rows]

    def twins(self, names: Collection[Key]) -> Iterable[TwinFact]:
        rows = (*self._in(schema.twin_fact.c.a, names), *self._in(schema.twin_fact.c.b, names))
        return {TwinFact(row.a, row.b) for row in rows}

    def deletions_of(self, ids: Collection[Key]) -> Iterable[DeletionFact]:
        return [deletion_of(row) for row in self._in(schema.delete_fact.c.target, ids)]

    def deletions_in_sets(self, uses: Collection[SetUse]) -> Iterable[DeletionFact]:
        rows = self._in(schema.delete_fact.c.set_id, {use[0] for use in uses})
        return [deletion_of(row) for row in rows if (row.set_id, row.organisation, row.patient) in uses]

    def masks(self, ids: Collection[Key]) -> Iterable[MaskFact]:
        rows = self._in(schema.mask_fact.c.id, ids)
        return [MaskFact(row.id, row.organisation, row.sent_at, flags_of(row.flags), row.digest) for row in rows]

    def links(self, patients: Collection[Key]) -> Iterable[PatientLinkFact]:
        table = schema.patient_link_fact
        rows = (*self._in(table.c.a, patients), *self._in(table.c.b, patients))
        claims = self._patient_rows({row.b for row in rows})
        found: dict[tuple[Key, Key, str, bool], Discordance] = {}
        for row in rows:
            link = (row.a, row.b, row.at, row.on)
            differs: Discordance = ""
            if discordant(row, claims[row.b]):
                differs = "held" if row.holds_discordance else "flagged"
            found[link] = max(found.get(link, differs), differs)  # "held" is last in the alphabet
        return {PatientLinkFact(*link, discordance=differs) for link, differs in found.items()}

    def identities(self, patients: Collection[Key]) -> Iterable[IdentityFact]:
        return [IdentityFact(row.patient, row.ins) for row in self._in(schema.identity_fact.c.patient, patients)]

    def oppositions(self, patients: Collection[Key]) -> Iterable[OppositionFact]:
        rows = self._in(schema.opposition_fact.c.patient, patients)
        return [
            OppositionFact(row.patient, row.day, row.on, row.organisation or None, row.at, row.sender or None)
            for row in rows
        ]
