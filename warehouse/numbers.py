"""Local numbers that stand for an INS: whose they are, and whether what came under them fits.

A document filed under a local number stays sealed where it was filed; the links of its class say whose record shows it.
Traits are keyed by patient, so what a document says of its patient is compared with an INS from the opened record.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, select

from transforms.documents import DocumentRecord
from transforms.facts import DocumentFact, Facts, Key
from transforms.identity import NIR
from transforms.lifecycle.classes import Classes, patient_classes
from transforms.lifecycle.family import People
from warehouse import schema
from warehouse.facts import discordant
from warehouse.index import SqlIndex
from warehouse.store import Store
from warehouse.working import trait_digests


class Numbers(msgspec.Struct, frozen=True):
    """Patient classes, and the patient that has the qualified INS of each."""

    classes: Classes
    ins: dict[Key, Key]
    """Class to the patient named by its INS."""

    def holder(self, patient: Key) -> Key:
        """The patient in whose record this one's documents stand: that of the INS, when the class has one."""
        return self.ins.get(self.classes.of(patient), patient)


def numbers(connection: Connection, patients: Iterable[Key] | None = None) -> Numbers:
    """Of these patients and all that links reach from them; of everybody that a link names, without any."""
    index = SqlIndex(connection)
    if patients is None:
        table = schema.patient_link_fact
        patients = {patient for row in connection.execute(select(table.c.a, table.c.b).distinct()) for patient in row}
    people = People(index)
    people.meet(patients)
    return _numbers(Facts(links=tuple(people.links), identities=tuple(index.identities(people.known))))


def _numbers(facts: Facts) -> Numbers:
    classes = patient_classes(facts.links, facts.identities)
    return Numbers(classes, {classes.of(identity.patient): identity.patient for identity in facts.identities})


def fitted(store: Store, connection: Connection, index: SqlIndex, facts: Facts) -> Facts:
    """The same facts, with documents whose own words contradict the INS that their local number stands for discordant.

    Another INS in the document is always held; other traits are held or flagged, as its sender's policy has it.
    """
    known = _numbers(facts)
    claims = {identity.patient: identity.ins for identity in facts.identities}
    documents: list[DocumentFact] = []
    for fact in facts.documents:
        holder = known.holder(fact.patient)
        if holder != fact.patient and not index.patient_row(fact.patient).is_ins:
            fact = _compared(store, connection, index, fact, holder, claims[holder])
        documents.append(fact)
    return msgspec.structs.replace(facts, documents=tuple(documents))


def _compared(
    store: Store, connection: Connection, index: SqlIndex, fact: DocumentFact, holder: Key, blind: str
) -> DocumentFact:
    row = index.rows[(fact.doc, fact.digest)]
    record = msgspec.msgpack.decode(store.open_object(connection, row.record), type=DocumentRecord)
    said = record.patient
    if said.ins and store.names.name("patient", said.oid or NIR, said.ins) != blind:
        index.contradicting.add((fact.doc, fact.digest))
        return msgspec.structs.replace(fact, discordant=True)
    traits = _Traits(*trait_digests(store, holder, said.traits.compared()))
    if not discordant(traits, index.patient_row(holder)):
        return fact
    index.contradicting.add((fact.doc, fact.digest))
    return msgspec.structs.replace(fact, discordant=row.holds_discordance)


class _Traits(msgspec.Struct, frozen=True):
    birth: str
    sex: str
    family: str
