"""Local numbers that stand for an INS: whose they are, and whether what came under them fits.

A document filed under a local number stays sealed where it was filed; the links of its class say whose record shows it.
Traits are keyed by patient, so what a document says of its patient is compared with an INS from the opened record.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, select

from transforms.documents import DocumentRecord
from transforms.facts import DocumentFact, Facts, Key, PatientLinkFact
from transforms.identity import NIR
from transforms.lifecycle.classes import Classes, patient_classes
from transforms.lifecycle.family import People
from transforms.lifecycle.graph import smallest_connected
from warehouse import schema
from warehouse.facts import discordant, link_key
from warehouse.index import SqlIndex
from warehouse.lookup import rows_in
from warehouse.prepared import UNQUALIFIED
from warehouse.store import Store
from warehouse.working import trait_digests


class Numbers(msgspec.Struct, frozen=True):
    """Patient classes, and the patient that has the qualified INS of each."""

    classes: Classes
    ins: dict[Key, Key]
    """Class to the patient named by its INS."""

    def holder(self, patient_class: Key, patient: Key = "") -> Key:
        """The patient in whose record the documents of a class stand: that of its INS, else the one they came under."""
        return self.ins.get(patient_class, patient)


def numbers(connection: Connection, patients: Iterable[Key] | None = None) -> Numbers:
    """Of these patients and all that links reach from them; of everybody that a link names, without any."""
    index = SqlIndex(connection)
    if patients is None:
        table = schema.patient_link_fact
        patients = {patient for row in connection.execute(select(table.c.a, table.c.b).distinct()) for patient in row}
    people = People(index)
    people.meet(patients)
    return _numbers(Facts(links=tuple(people.links), identities=tuple(index.identities(people.known))))


class Statement(msgspec.Struct, frozen=True):
    """One thing that was said of who a patient is, or that the patient declared, and what became of it."""

    at: str
    kind: str
    """`link`, `unlink`, `feeding` or `consultation`."""
    what: str
    """The two numbers as `authority^number`, or the declared word."""
    sender: str
    end: str
    code: str = ""


def trail(store: Store, connection: Connection, patient: Key) -> list[Statement]:
    """All that was ever said of who this patient is, held or not, and what the patient declared: oldest first."""
    people = People(SqlIndex(connection))
    people.meet([patient])
    linked = smallest_connected((link.a, link.b) for link in people.links)  # not those that a document names together
    group = {one for one, first in linked.items() if first == linked.get(patient)} | {patient}
    links = [link for link in people.links if link.a in group and not _of_one_ins(store, connection, link)]
    said = [_told(store, connection, link) for link in links]
    table = schema.consent_fact
    said += [
        Statement(row.at, row.scope, row.value, row.sender, "accepted")
        for row in rows_in(connection, table, table.c.patient, group)
    ]
    return sorted(said, key=lambda one: (one.at, one.kind, one.what))


def _of_one_ins(store: Store, connection: Connection, link: PatientLinkFact) -> bool:
    """A sender sure of an INS that it was not sure of before: nobody is said to be somebody else."""
    return store.named(connection, link.a)[0] == UNQUALIFIED


def _told(store: Store, connection: Connection, link: PatientLinkFact) -> Statement:
    item, delivery, stated = schema.item, schema.delivery, schema.item_statement
    row = connection.execute(
        select(item.c.end, item.c.code, delivery.c.sender)
        .join(stated, (stated.c.delivery == item.c.delivery) & (stated.c.ordinal == item.c.ordinal))
        .join(delivery, delivery.c.id == item.c.delivery)
        .where(stated.c.key == link_key(link))
        .order_by(delivery.c.position, item.c.ordinal)
        .limit(1)
    ).one()
    numbers = " = ".join("^".join(store.named(connection, patient)[-2:]) for patient in (link.a, link.b))
    return Statement(link.at, "link" if link.on else "unlink", numbers, row.sender, row.end, row.code)


def _numbers(facts: Facts) -> Numbers:
    classes = patient_classes(facts.links, facts.identities)
    return Numbers(classes, {classes.of(identity.patient): identity.patient for identity in facts.identities})


def fitted(store: Store, connection: Connection, index: SqlIndex, facts: Facts) -> Facts:
    """The same facts, with documents whose own words contradict the INS that their local number stands for discordant.

    Another INS in the document is always held; other traits are held or flagged, as its sender's policy has it. An INS
    that the sender was not sure of may be a typing error, hence somebody else's: birth date, sex and birth name must
    all be said and be those known of it.
    """
    known = _numbers(facts)
    claims = {identity.patient: identity.ins for identity in facts.identities}
    documents: list[DocumentFact] = []
    for fact in facts.documents:
        holder = known.holder(known.classes.of_document(fact))
        if holder in claims and not index.patient_row(fact.patient).is_ins:
            fact = _compared(store, connection, index, fact, holder, claims[holder], known.classes)
        documents.append(fact)
    return msgspec.structs.replace(facts, documents=tuple(documents))


def _compared(
    store: Store,
    connection: Connection,
    index: SqlIndex,
    fact: DocumentFact,
    holder: Key,
    blind: str,
    classes: Classes,
) -> DocumentFact:
    row = index.rows[(fact.doc, fact.digest)]
    record = msgspec.msgpack.decode(store.open_object(connection, row.record), type=DocumentRecord)
    said = record.patient
    if said.ins and store.names.name("patient", said.oid or NIR, said.ins) != blind:
        index.contradicting.add((fact.doc, fact.digest))
        return msgspec.structs.replace(fact, discordant=True)
    traits = _Traits(*trait_digests(store, holder, said.traits.compared()))
    leading = [number for number in (fact.patient, *fact.also) if classes.of(number) == classes.of(holder)]
    if all(store.named(connection, number)[0] == UNQUALIFIED for number in leading):
        patient = index.patient_row(holder)
        known = _Traits(patient.birth, patient.sex, patient.family)
        return msgspec.structs.replace(fact, unverified=traits != known or not all(msgspec.structs.astuple(traits)))
    if not discordant(traits, index.patient_row(holder)):
        return fact
    index.contradicting.add((fact.doc, fact.digest))
    return msgspec.structs.replace(fact, discordant=row.holds_discordance)


class _Traits(msgspec.Struct, frozen=True):
    birth: str
    sex: str
    family: str
