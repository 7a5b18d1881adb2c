"""From what a connector yields to items ready to commit: normalise, judge, attribute. Pure.

This is where the packages meet: connectors say, transforms understand, rules judge, and the result is what the
warehouse takes. An enclosed source goes back through the registry, so no connector knows another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from connectors.base import (
    AccountEvent,
    Document,
    Enclosed,
    Ignored,
    Locator,
    Message,
    RawId,
    RawPatient,
    RawReadings,
    Refusal,
    Source,
    Span,
    Yielded,
    shape,
)
from connectors.registry import recognise
from quality.catalogue import sentence
from quality.rules import Policy, identity_codes, judge, verdict_of
from transforms.accounts import Problem
from transforms.accounts import understand as understand_event
from transforms.documents import DocumentRecord, from_cda
from transforms.identity import NIR, Patient, understand
from warehouse.prepared import AccountFact, Carried, PreparedItem, Range
from warehouse.store import PatientName

DEPTH = 6
"""How many containers deep an enclosed source is followed."""


class Vouched(msgspec.Struct, frozen=True):
    """The patient somebody vouches for: an operator with `--patient`, or a sender's manifest."""

    ins: str
    oid: str
    zone: str = ""
    """IANA zone of the readings, when the manifest says it."""


class Context(msgspec.Struct, frozen=True):
    """What the items of a delivery are judged by."""

    sender: str
    policy: Policy
    vouched: Vouched | None = None


class Interpreted(msgspec.Struct, frozen=True):
    """One step of reading: the items of one yield of the connector and the ranges they own."""

    items: tuple[PreparedItem, ...]
    ranges: tuple[Range, ...]
    declared: int | None = None


def interpret(source: Source, yielded: Iterator[Yielded], context: Context) -> Iterator[Interpreted]:
    """Items in the order of the delivery, ordinals from 0; bytes nobody claimed become ranges of the delivery."""
    reading = _Reading(source, context)
    for found in yielded:
        yield from reading.take(found)
    yield from reading.finish()


class _Reading:
    """The state of one pass over a delivery: the next ordinal and how far the ranges reach."""

    def __init__(self, source: Source, context: Context) -> None:
        self.source = source
        self.context = context
        self.next_ordinal = 0
        self.reached = 0
        self.any_item = False

    def take(self, found: Yielded) -> Iterator[Interpreted]:
        match found:
            case Document():
                item = self._document(found)
                yield self._step([item], found.span, _owner(item))
            case Refusal():
                item = self._refusal(found)
                yield self._step([item] if found.counted else [], found.span, None)
            case Ignored():
                item = self._item(found.locator, kind="file", end="ignored", code=found.rule, count=found.count)
                yield self._step([item] if found.count else [], found.span, None)
            case AccountEvent():
                item = self._account(found)
                yield self._step([item], found.span, _owner(item))
            case Enclosed() | Message() | RawReadings():
                raise NotImplementedError

    def finish(self) -> Iterator[Interpreted]:
        """The tail of the file, and the one refused item of a delivery that held none."""
        items = []
        if not self.any_item:
            code = "EMPTY_FILE" if self.source.size == 0 else "UNKNOWN_FORMAT"
            items.append(self._item(Locator(), kind="file", end="refused", code=code))
        ranges = self._gap(self.source.size)
        if items or ranges:
            yield Interpreted(items=tuple(items), ranges=tuple(ranges))

    def _step(self, items: list[PreparedItem], span: Span, owner: PatientName | None) -> Interpreted:
        ranges = self._gap(span.start)
        if span.end > self.reached:
            start = max(span.start, self.reached)
            ranges.append(Range(Span(start, span.end - start), owner))
            self.reached = span.end
        return Interpreted(items=tuple(items), ranges=tuple(ranges))

    def _gap(self, until: int) -> list[Range]:
        if until <= self.reached:
            return []
        gap = Range(Span(self.reached, until - self.reached), None)
        self.reached = until
        return [gap]

    def _item(self, locator: Locator, **fields: Any) -> PreparedItem:
        self.any_item = True
        item = PreparedItem(ordinal=self.next_ordinal, locator=locator, **fields)
        self.next_ordinal += 1
        return item

    def _refusal(self, refusal: Refusal) -> PreparedItem:
        end = sentence(refusal.code).default
        return self._item(
            refusal.locator,
            kind="file",
            end="held" if end == "held" else "refused",
            code=refusal.code,
            expected=refusal.expected,
            came=refusal.came,
        )

    def _account(self, event: AccountEvent) -> PreparedItem:
        said = understand_event(event)
        patient = understand(RawPatient(ids=(RawId(event.ins_oid, event.ins),)), from_cda=True)
        codes = identity_codes(patient, self.context.policy)
        if not patient.ins:
            said = Problem("INS_MALFORMED", "ins and ins_oid of an INS authority", shape(event.ins))
        verdict = verdict_of(codes, self.context.policy)
        if isinstance(said, Problem):
            return self._item(
                event.locator,
                kind="account",
                end="held" if sentence(said.code).default == "held" else "refused",
                code=said.code,
                expected=said.expected,
                came=said.came,
            )
        if verdict.end:
            return self._item(event.locator, kind="account", end=verdict.end, code=verdict.code)
        name = PatientName((patient.oid, patient.ins), is_ins=True)
        return self._item(
            event.locator,
            kind="account",
            end="flagged" if verdict.findings else "accepted",
            findings=verdict.findings,
            patient=name,
            account=AccountFact(patient=name, **msgspec.structs.asdict(said)),
        )

    def _document(self, document: Document) -> PreparedItem:
        record = from_cda(document)
        patient = patient_name(record.patient, self.context.sender, record.document_id)
        verdict = judge(record, self.context.policy)
        if verdict.end:
            return self._item(
                document.locator,
                kind="document",
                end=verdict.end,
                code=verdict.code,
                findings=verdict.findings,
                patient=None,
                keys=_keys(record),
            )
        carried = carry(record, patient, self.context.policy, verdict.sound, verdict.findings)
        return self._item(
            document.locator, kind="document", end="", patient=patient, carried=(carried,), keys=_keys(record)
        )


def carry(
    record: DocumentRecord, patient: PatientName, policy: Policy, sound: bool, findings: tuple[str, ...]
) -> Carried:
    return Carried(
        record=record,
        patient=patient,
        sound=sound,
        holds_discordance=policy.discordance == "hold",
        findings=findings,
        qualifies=sound and patient.is_ins,
    )


def patient_name(patient: Patient, sender: str, document_id: str) -> PatientName:
    """Whose record an item belongs to.

    A qualified INS is (authority, INS). Anything else is a name only its sender understands: an unqualified INS may
    be a typing error, and must not reach the record of whoever owns that number.
    """
    if patient.qualified:
        return PatientName((patient.oid, patient.ins), is_ins=True)
    if patient.local:
        return PatientName(("local", sender, patient.local[0].root, patient.local[0].extension), is_ins=False)
    if patient.ins:
        return PatientName(("unqualified", sender, patient.oid or NIR, patient.ins), is_ins=False)
    return PatientName(("document", sender, document_id), is_ins=False)


def _owner(item: PreparedItem) -> PatientName | None:
    return item.patient if item.end in ("", "accepted", "flagged") else None


def _keys(record: DocumentRecord) -> tuple[str, ...]:
    """What a person may look the item up by."""
    local = tuple(i.extension for i in record.patient.local if i.extension)
    return tuple(key for key in (record.document_id, *local) if key)


def message_digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def route(source: Source) -> Iterator[Yielded] | None:
    """What an enclosed source says, through the registry; None when no format fits."""
    connector = recognise(source)
    return connector.read(source) if connector is not None else None
