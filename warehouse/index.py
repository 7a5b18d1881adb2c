"""The facts in the database as `transforms.lifecycle.family` looks them up: each look-up takes many keys."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Set
from typing import Any

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
from warehouse.facts import deletion_of, discordant, flags_of, rows_in
from warehouse.store import chunks


class SqlIndex:
    """Facts of one transaction's view. `rows` keeps the document rows met, for what the rules do not read."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.rows: dict[tuple[Key, Key], Any] = {}
        self._patients: dict[Key, Any] = {}
        self.contradicting: set[tuple[Key, Key]] = set()
        """Documents under a local number whose own words contradict the INS it stands for (`warehouse.numbers`)."""
        self._deliveries: dict[str, Any] = {}
        """Of carriers. A carrier's place in the ledger is that of its item, as a message's is: whichever of two equal
        messages is the duplicate, so are the documents it brings."""

    def _in(self, table: Any, column: str, keys: Iterable[Key]) -> list[Any]:
        return rows_in(self._connection, table, table.c[column], keys)

    def patient_row(self, patient: Key) -> Any:
        """The row of a patient, with the traits that claim it."""
        return self._patient_rows({patient})[patient]

    def _patient_rows(self, patients: Set[Key]) -> dict[Key, Any]:
        self._patients |= {row.id: row for row in self._in(schema.patient, "id", patients - self._patients.keys())}
        return self._patients

    def _documents(self, rows: Iterable[Any]) -> list[DocumentFact]:
        rows = list({(row.doc, row.digest): row for row in rows}.values())
        self.rows |= {(row.doc, row.digest): row for row in rows}
        self._patient_rows({row.patient for row in rows})
        links: dict[tuple[Key, Key], list[Key]] = {}
        for row in self._in(schema.replace_link, "doc", {row.doc for row in rows}):
            links.setdefault((row.doc, row.digest), []).append(row.replaced)
        return [
            DocumentFact(
                doc=row.doc,
                id=row.id,
                digest=row.digest,
                patient=row.patient,
                organisation=row.organisation,
                set_id=row.set_id,
                version=row.version,
                level=row.level,
                day=row.day,
                replaces=tuple(sorted(links.get((row.doc, row.digest), ()))),
                sound=row.sound,
                discordant=row.holds_discordance and self.is_discordant(row),
                rank=(row.rank_time, row.rank_status),
                withdrawn=row.withdrawn,
            )
            for row in rows
        ]

    def is_discordant(self, row: Any) -> bool:
        """Whether a document row disagrees with the traits its patient is held to, under whichever number."""
        return (row.doc, row.digest) in self.contradicting or discordant(row, self._patients[row.patient])

    def documents(self, docs: Collection[Key]) -> Iterable[DocumentFact]:
        return self._documents(self._in(schema.document_fact, "doc", docs))

    def documents_with_id(self, ids: Collection[Key]) -> Iterable[DocumentFact]:
        return self._documents(self._in(schema.document_fact, "id", ids))

    def documents_replacing(self, ids: Collection[Key]) -> Iterable[DocumentFact]:
        return self.documents({row.doc for row in self._in(schema.replace_link, "replaced", ids)})

    def documents_in_sets(self, uses: Collection[SetUse]) -> Iterable[DocumentFact]:
        """Looked up by patient too: thousands of patients may share a constant setId, and few of them are asked for."""
        wanted, table = set(uses), schema.document_fact
        rows: list[Any] = []
        for sets in chunks(sorted({use[0] for use in wanted}), 5000):
            for patients in chunks(sorted({use[2] for use in wanted}), 5000):
                rows += self._connection.execute(
                    select(table).where(table.c.set_id.in_(sets), table.c.patient.in_(patients))
                )
        return self._documents(row for row in rows if (row.set_id, row.organisation, row.patient) in wanted)

    def documents_of(self, patients: Collection[Key]) -> Iterable[DocumentFact]:
        return self._documents(self._in(schema.document_fact, "patient", patients))

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
        rows = self._in(schema.carrier_fact, "doc", docs)
        table = schema.delivery
        new = {row.delivery for row in rows} - self._deliveries.keys()
        self._deliveries |= {row.id: row for row in rows_in(self._connection, table, table.c.id, new)}
        return [
            CarrierFact(
                delivery=row.delivery,
                locator=f"{row.ordinal}.{row.sub}",
                doc=row.doc,
                digest=row.digest,
                organisation=row.organisation,
                sent_at=row.sent_at,
                flags=flags_of(row.flags),
                modifies_confidentiality=row.modifies,
                sender=self._deliveries[row.delivery].sender,
                position=(self._deliveries[row.delivery].position << 40) + (row.ordinal << 8) + min(row.sub, 255),
            )
            for row in rows
        ]

    def claims(self, docs: Collection[Key]) -> Iterable[ClaimFact]:
        return [ClaimFact(row.doc, row.digest) for row in self._in(schema.document_claim, "doc", docs)]

    def decisions(self, docs: Collection[Key]) -> Iterable[DecisionFact]:
        rows = self._in(schema.decision_fact, "subject", docs)
        return [DecisionFact(row.subject, row.number, row.action, row.value) for row in rows]

    def twins(self, names: Collection[Key]) -> Iterable[TwinFact]:
        rows = (*self._in(schema.twin_fact, "a", names), *self._in(schema.twin_fact, "b", names))
        return {TwinFact(row.a, row.b) for row in rows}

    def deletions_of(self, ids: Collection[Key]) -> Iterable[DeletionFact]:
        return [deletion_of(row) for row in self._in(schema.delete_fact, "target", ids)]

    def deletions_in_sets(self, uses: Collection[SetUse]) -> Iterable[DeletionFact]:
        rows = self._in(schema.delete_fact, "set_id", {use[0] for use in uses})
        return [deletion_of(row) for row in rows if (row.set_id, row.organisation, row.patient) in uses]

    def masks(self, ids: Collection[Key]) -> Iterable[MaskFact]:
        rows = self._in(schema.mask_fact, "id", ids)
        return [MaskFact(row.id, row.organisation, row.sent_at, flags_of(row.flags), row.digest) for row in rows]

    def links(self, patients: Collection[Key]) -> Iterable[PatientLinkFact]:
        table = schema.patient_link_fact
        rows = (*self._in(table, "a", patients), *self._in(table, "b", patients))
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
        return [IdentityFact(row.patient, row.ins) for row in self._in(schema.identity_fact, "patient", patients)]

    def oppositions(self, patients: Collection[Key]) -> Iterable[OppositionFact]:
        rows = self._in(schema.opposition_fact, "patient", patients)
        return [
            OppositionFact(row.patient, row.day, row.on, row.organisation or None, row.at, row.sender or None)
            for row in rows
        ]
