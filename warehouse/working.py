"""A part being committed: its patients, and the keyed names of everything it brings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from connectors.base import Source
from transforms.documents import DocumentRecord
from transforms.facts import DeletionFact, MaskFact, PatientLinkFact
from warehouse.facts import deletion_key, link_key, mask_key
from warehouse.prepared import Carried, Link, Part, PatientName, PreparedItem
from warehouse.readings import Segment
from warehouse.store import Known, Store, Traits

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
    """INS, OID and zone of the patient vouched for, joined by `warehouse.ledger.BETWEEN`; empty when nobody vouches."""
    admitted: bool = True
    """Whether it will be read: a format we know, from somebody who may send it."""
    take: int = 0
    """The judgement this is: 0 for the first, one more each time known bytes are taken again."""


class Entry(msgspec.Struct, frozen=True):
    """One part of one delivery, to be committed with others."""

    intake: Intake
    source: Source
    part: Part


def patients_named(entries: Iterable[Entry]) -> Iterator[PatientName]:
    """Every patient that these parts name, some more than once."""
    for entry in entries:
        for range_ in entry.part.ranges:
            if range_.owner is not None:
                yield range_.owner
        for item in entry.part.items:
            for carried in item.carried:
                yield carried.patient
                yield from carried.also
            if item.patient is not None:
                yield item.patient
            if item.deletion is not None:
                yield item.deletion.patient
            if item.account is not None:
                yield item.account.patient
            for link in item.links:
                yield from (link.a, link.b)
            for consent in item.consents:
                yield consent.patient


class Working:
    """One part with the patients it names, and how its documents, requests and events are named."""

    def __init__(self, store: Store, entry: Entry, patients: dict[PatientName, Known]) -> None:
        self.store = store
        self.intake = entry.intake
        self.source = entry.source
        self.part = entry.part
        self.owner = f"delivery:{entry.intake.delivery}"
        self.patients = patients
        self.owner_keys = {known.id: known.keys for known in patients.values()}
        self.owner_keys[self.owner] = store.keys_of_delivery(entry.intake.delivery)
        self.documents = [(item, sub, carried) for item in entry.part.items for sub, carried in enumerate(item.carried)]
        self.keys = {id(carried): self.document_keys(carried.record) for _, _, carried in self.documents}
        self.refs = {id(carried): self._ref(carried) for _, _, carried in self.documents}
        """Names of the documents in the lake and in lists, under their patient's lake key."""
        self._identities: dict[int, str | None] = {}
        self._organisations: dict[str, str] = {}
        self._traits: dict[tuple[str, tuple[str, str, str]], Traits] = {}

    def document_keys(self, record: DocumentRecord) -> tuple[str, str]:
        """(id, doc): the keyed names of the document's id, and of its id at its body level."""
        name = self.store.names.name
        parts = (record.document_id, record.digest) if record.format == "hl7-oru" else (record.document_id,)
        return name("document", *parts), name("doc", *parts, LEVELS[record.format])

    def half(self, named: str) -> str:
        """The keyed name of the other half of a declared twin (`Carried.twin_of`)."""
        document_id, _, format_ = named.rpartition("|")
        return self.store.names.name("doc", document_id, LEVELS[format_])

    def _ref(self, carried: Carried) -> str:
        _, doc = self.keys[id(carried)]
        return self.patients[carried.patient].keys.pseudonym(f"document:{doc}:{carried.record.digest}")

    def traits(self, patient: str, record: DocumentRecord) -> Traits:
        """Those that a document says, under one patient."""
        said = patient, record.patient.traits.compared()
        known = self._traits.get(said)
        if known is None:
            known = self._traits[said] = trait_digests(self.store, *said)
        return known

    def organisation(self, record: DocumentRecord) -> str:
        """The keyed name of the author's organisation; of the sender when the document names none."""
        said = record.organisation or f"sender:{self.intake.sender}"
        known = self._organisations.get(said)
        if known is None:
            known = self._organisations[said] = self.store.names.name("organisation", said)
        return known

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
            sound=request.sound,
        )

    def mask_fact(self, item: PreparedItem) -> MaskFact | None:
        if item.masking is None:
            return None
        name, said = self.store.names.name, item.masking
        return MaskFact(
            id=name("document", said.document_id),
            organisation=name("organisation", said.organisation or f"sender:{self.intake.sender}"),
            sent_at=said.sent_at,
            flags=said.flags,
            digest=said.digest,
        )

    def link_facts(self, item: PreparedItem) -> list[tuple[Link, PatientLinkFact]]:
        return [
            (link, PatientLinkFact(self.patients[link.a].id, self.patients[link.b].id, link.at, link.on))
            for link in item.links
        ]

    def statements(self, item: PreparedItem) -> list[str]:
        """The keys of what an item states about documents and patients, whose fate decides its end."""
        if item.deletion is None and item.masking is None and not item.links:
            return []
        deletion, masking = self.deletion_fact(item), self.mask_fact(item)
        return [
            *([deletion_key(deletion)] if deletion else []),
            *([mask_key(masking)] if masking else []),
            *(link_key(fact) for _, fact in self.link_facts(item)),
        ]

    def identity(self, item: PreparedItem) -> str | None:
        """What makes a message, an account event or an enrolment the same one again; documents have facts for that."""
        if item.ordinal not in self._identities:
            self._identities[item.ordinal] = self._identity(item)
        return self._identities[item.ordinal]

    def _identity(self, item: PreparedItem) -> str | None:
        if item.message_digest:
            return self.store.names.name("message", item.message_digest.hex())
        if item.kind == "enrolment" and item.links:
            return self.store.names.name("enrolment", msgspec.json.encode(item.links).decode())
        return self.account_key(item) if item.account else None

    def control_key(self, item: PreparedItem) -> str | None:
        """What a message says it is: MSH-10 of an application of this sender. Another message may say the same."""
        if not item.message_digest or item.answer is None or not item.answer.envelope.control_id:
            return None
        said = item.answer.envelope
        who = (self.intake.sender, said.sending_application, said.sending_facility)
        return self.store.names.name("control", *who, said.control_id)

    def account_key(self, item: PreparedItem) -> str:
        assert item.account is not None
        account, patient = item.account, self.patients[item.account.patient].id
        return self.store.names.name("account", patient, account.event, account.at, account.channel, account.department)

    def segment_object(self, item: PreparedItem, segment: Segment) -> str:
        return f"readings:{self.intake.delivery}:{item.ordinal}:{segment.measure}:{segment.month}"


def trait_digests(store: Store, patient: str, compared: tuple[str, str, str]) -> Traits:
    """Birth date, sex and birth name as keyed names that compare under one patient only; empty for an unsaid one."""
    said = zip(("birth", "sex", "family"), compared, strict=True)
    birth, sex, family = (store.names.name("trait", patient, trait, value) if value else "" for trait, value in said)
    return birth, sex, family


def record_object(doc: str, digest: str, patient: str) -> str:
    """The id of the sealed canonical record of one document and content, as filed under one patient."""
    return f"record:{doc}:{digest}:{patient}"
