"""From what a connector yields to items ready to commit: normalise, judge, attribute. Pure.

This is where the packages meet: connectors say, transforms understand, rules judge, and the result is what the
warehouse takes. An enclosed source goes back through the registry, so no connector knows another.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from carnet.containers import Containers, damaged, of_nobody, only, several, unread
from carnet.envelopes import Child, enclosing, message_items
from carnet.judged import Context, carry, links, local_name, lookups, patient_name, refused
from carnet.measures import Rows, owner_of
from carnet.submitted import submitted_item
from connectors.base import (
    AccountEvent,
    Connector,
    Damaged,
    Document,
    Enclosed,
    EnrolmentRow,
    Ignored,
    Locator,
    Mail,
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
from connectors.cda.reader import CDA
from connectors.hl7.framing import BLANK
from connectors.registry import recognise
from connectors.submissions import Metadata, Submitted
from quality.catalogue import sentence
from quality.rules import identity_codes, judge, verdict_of
from transforms.accounts import Problem
from transforms.accounts import understand as understand_event
from transforms.admissions import understand_row
from transforms.documents import from_cda
from transforms.identity import NIR, Patient, understand
from warehouse.prepared import AccountFact, Answerable, PatientName, PreparedItem, Range

BREAK = 16
"""The longest run of blanks and MLLP bytes between two items that is no range of its own."""


class Interpreted(msgspec.Struct, frozen=True):
    """One step of reading: the items of one yield of the connector and the ranges they own."""

    items: tuple[PreparedItem, ...]
    ranges: tuple[Range, ...]
    declared: int | None = None


def interpret(source: Source, yielded: Iterator[Yielded], context: Context) -> Iterator[Interpreted]:
    """Items in the order of the delivery, ordinals from 0; bytes nobody claimed become ranges of the delivery."""
    reading = _Reading(source, context)
    with reading.stream:
        try:
            for found in yielded:
                yield from reading.take(found)
        except Exception as bug:  # noqa: BLE001 - a bug of a connector holds what is left of one delivery
            yield from reading.stop(bug)
        yield from reading.finish()


class _Reading:
    """The state of one pass over a delivery: the next ordinal and how far the ranges reach."""

    def __init__(self, source: Source, context: Context) -> None:
        self.source = source
        self.stream = source.open()
        self.context = context
        self.next_ordinal = 0
        self.reached = 0
        self.any_item = False
        self.envelopes = False
        self.rows = Rows(context)
        self.depth = 0
        self.owners: set[PatientName | None] = set()
        self.pending: Message | None = None
        self.children: list[Child] = []
        self.people: list[Patient] | None = None
        self.containers = Containers(source, context.formats)

    def take(self, found: Yielded) -> Iterator[Interpreted]:
        if self.pending is not None:
            if isinstance(found, (Enclosed, Refusal)) and enclosing(self.pending, found):
                self.children.append(found)
                return
            yield self._message()
        if isinstance(found, Message):
            self.pending = found
            return
        try:
            yield from self._taken(found)
        except Exception as bug:  # noqa: BLE001 - the bulkhead: a bug holds one item, and those beside it go on
            yield self._bug(found, bug)

    def _taken(self, found: Yielded) -> Iterator[Interpreted]:
        match found:
            case Document():
                item = self._document(found)
                yield self._step([item], found.span, _owner(item))
            case Mail():
                yield from self._mail(found)
            case Metadata():
                yield self._metadata(found)
            case Submitted():
                yield from self._submitted(found)
            case Refusal():
                items = [self._refusal(found) if found.counted else self._note(found)]
                yield self._step(items, found.span, None)
            case Ignored():
                self.envelopes |= found.rule == "BATCH_ENVELOPE"
                ignored = self._ignored(found)
                declared = found.declared if found.locator.segment == "BTS" else None
                yield self._step(ignored, found.span, None, declared)
            case AccountEvent():
                item = self._account(found)
                yield self._step([item], found.span, _owner(item))
            case EnrolmentRow():
                item = self._enrolment(found)
                yield self._step([item], found.span, _owner(item))
            case RawReadings():
                yield self._readings(found)
            case Enclosed():
                yield from self._enclosed(found)

    def stop(self, bug: Exception) -> Iterator[Interpreted]:
        """A bug of a connector holds the rest of the delivery."""
        if self.pending is not None:
            yield self._message()
        yield Interpreted(items=(self._held(Locator(), bug),), ranges=tuple(self._gap(self.source.size)))

    def _bug(self, found: Yielded, bug: Exception) -> Interpreted:
        """What a bug of ours left undone, held with its bytes."""
        count = found.batch.num_rows if isinstance(found, RawReadings) else 1
        return self._step([self._held(found.locator, bug, count=max(count, 1))], found.span, None)

    def _held(self, place: Locator, bug: Exception, **fields: Any) -> PreparedItem:
        """The kind of a bug is told, never its text, which may quote a patient."""
        return self._item(place, kind="file", end="held", code="BUG", came=type(bug).__name__, **fields)

    def finish(self) -> Iterator[Interpreted]:
        """The last message, the tail of the file, and the one refused item of a delivery that held none."""
        if self.pending is not None:
            yield self._message()
        items = []
        if not self.any_item:
            code = "EMPTY_FILE" if self.source.size == 0 else "BATCH_EMPTY" if self.envelopes else "UNKNOWN_FORMAT"
            items.append(self._item(Locator(), kind="file", end="refused", code=code))
        ranges = [*self._gap(self.source.size), *self.containers.ranges()]
        if items or ranges:
            yield Interpreted(items=tuple(items), ranges=tuple(ranges))

    def _readings(self, raw: RawReadings) -> Interpreted:
        items = self.rows.items(raw, self.next_ordinal)
        if items:
            self.any_item = True
            self.next_ordinal = items[-1].ordinal + (3 if items[-1].readings is not None else 1)
        owner = owner_of(self.context, raw.patient).patient
        return self._step(items, raw.span, owner)

    def _enclosed(self, found: Enclosed) -> Iterator[Interpreted]:
        """A source inside this one, read through the registry; its bytes are those of the range that holds it."""
        before, self.owners = self.owners, set()
        first = self.next_ordinal
        try:
            connector = recognise(found.source)
            refusal = unread(found) if connector is None else self.containers.unfit(found, connector)
            if connector is not None and refusal is None:
                yield from self._opened(found, connector)
                refusal = unread(found) if self.next_ordinal == first else None
        except Damaged:
            refusal = damaged(found)
        finally:
            inside, self.owners = self.owners, self.owners | before
        if refusal is not None:
            yield self._step([self._refusal(refusal)], found.span, None)
        else:
            yield self._step([], found.span, only(inside))

    def _opened(self, found: Enclosed, connector: Connector) -> Iterator[Interpreted]:
        """What a reader says of an enclosed source; a message that was read whole stands, whatever follows it."""
        inner = found.source.open()
        outer, self.stream = self.stream, inner
        self.depth += 1
        self.containers.enter(connector)
        try:
            for said in connector.read(found.source):
                yield from self.take(_within(said, found.locator))
            if self.pending is not None:
                yield self._message()
        except Exception:
            if self.pending is not None:
                yield self._message()
            raise
        finally:
            self.containers.leave()
            self.depth -= 1
            self.stream = outer
            inner.close()

    def _submitted(self, found: Submitted) -> Iterator[Interpreted]:
        """A document of an XDM archive, under the metadata that vouch for it."""
        refusal = self.containers.unfit(found, CDA)
        if refusal is None:
            try:
                read = submitted_item(found, self.next_ordinal, self.context, route)
            except Damaged:
                refusal = damaged(found)
        if refusal is not None:
            yield self._step([self._refusal(refusal)], found.span, None)
            return
        self.any_item = True
        self.next_ordinal += 1
        if read.patient is not None:
            self._met(read.patient)
        item = self.containers.joined(found, read.item)
        self.containers.owned(found, _owner(item))
        yield self._step([item], found.span, _owner(item))

    def _metadata(self, found: Metadata) -> Interpreted:
        """A METADATA.XML names patients: its bytes wait until it is known whose documents it describes."""
        items = tuple(self._ignored(found))
        if self.depth:
            return Interpreted(items=items, ranges=())
        ranges = tuple(self._gap(found.span.start))
        self.reached = found.span.end
        self.containers.kept(found)
        return Interpreted(items=items, ranges=ranges)

    def _mail(self, mail: Mail) -> Iterator[Interpreted]:
        """A mail and all it carries, held back until it is known to be about one patient: its bytes are theirs."""
        owners, self.owners = self.owners, set()
        around, self.people = self.people, []
        self.depth += 1
        try:
            steps = [step for part in mail.parts for step in self.take(part)]
        finally:
            self.depth -= 1
            people, self.people = self.people, around
        if several(people):
            steps = [msgspec.structs.replace(step, items=tuple(map(of_nobody, step.items))) for step in steps]
            self.owners = {None}
        yield from steps
        yield self._step([], mail.span, only(self.owners))
        self.owners |= owners
        for person in people:
            self._met(person)

    def _met(self, person: Patient) -> None:
        """A patient is named: remembered while a mail is read, which must be about one."""
        if self.people is not None:
            self.people.append(person)

    def _message(self) -> Interpreted:
        """The message before, with everything it encloses."""
        assert self.pending is not None
        message, children, self.pending, self.children = self.pending, self.children, None, []
        try:
            self.stream.seek(message.span.start)
            digest = message_digest(self.stream.read(message.span.length))
            found = message_items(message, children, digest, self.next_ordinal, self.context, route)
        except Exception as bug:  # noqa: BLE001 - the bulkhead: the message and what it encloses are held
            keys = (message.control_id,) if message.control_id else ()
            head = self._held(message.locator, bug, answer=Answerable(message.envelope), keys=keys)
            held = [self._held(child.locator, bug, parent=head.ordinal) for child in children]
            return self._step([head, *held], message.span, None)
        self.next_ordinal += len(found.items)
        self.any_item = True
        if self.people is not None:
            for carried in (one for item in found.items for one in item.carried):
                self._met(carried.record.patient)
        return self._step(list(found.items), message.span, found.owner)

    def _step(
        self, items: list[PreparedItem], span: Span, owner: PatientName | None, declared: int | None = None
    ) -> Interpreted:
        if len(self.owners) < 2 and any(item.count and item.end != "ignored" for item in items):
            self.owners.add(owner)  # whether there is one is all that matters, and there may be a million
        if self.depth:
            return Interpreted(items=tuple(items), ranges=(), declared=declared)
        ranges = [] if self._only_breaks(span.start) else self._gap(span.start)
        if span.end > self.reached:
            ranges.append(Range(Span(self.reached, span.end - self.reached), owner))
            self.reached = span.end
        return Interpreted(items=tuple(items), ranges=tuple(ranges), declared=declared)

    def _only_breaks(self, until: int) -> bool:
        """Whether what nobody claimed so far is a line end or the like: it goes with what follows, for to seal and list
        such bytes by themselves costs as much as to keep a message."""
        if not 0 < until - self.reached <= BREAK:
            return False
        self.stream.seek(self.reached)
        return not self.stream.read(until - self.reached).strip(BLANK)

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

    def _ignored(self, found: Ignored) -> list[PreparedItem]:
        """What is no data by a named rule; an envelope segment (count 0) is no item at all."""
        if not found.count:
            return []
        return [self._item(found.locator, kind="file", end="ignored", code=found.rule, count=found.count)]

    def _note(self, refusal: Refusal) -> PreparedItem:
        """Something wrong with the delivery that is no item of its own: told, and counted as nothing."""
        item = refused(refusal, self.next_ordinal)
        self.next_ordinal += 1
        return msgspec.structs.replace(item, end="flagged", code="", findings=(refusal.code,), count=0)

    def _refusal(self, refusal: Refusal) -> PreparedItem:
        self.any_item = True
        item = refused(refusal, self.next_ordinal)
        self.next_ordinal += 1
        return item

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
        findings = (*verdict.findings, *said.findings)
        facts = {field: value for field, value in msgspec.structs.asdict(said).items() if field != "findings"}
        return self._item(
            event.locator,
            kind="account",
            end="flagged" if findings else "accepted",
            findings=findings,
            patient=name,
            account=AccountFact(patient=name, **facts),
        )

    def _enrolment(self, row: EnrolmentRow) -> PreparedItem:
        """A row of an enrolment table. One without the authority of its INS has the sender's, when there is but one."""
        admitted = self.context.policy.admits
        number, ins = row.patient.ids
        if not ins.root:
            ins = msgspec.structs.replace(ins, root=next(iter(admitted)) if len(admitted) == 1 else NIR)
            row = msgspec.structs.replace(row, patient=msgspec.structs.replace(row.patient, ids=(number, ins)))
        patient, stated = understand_row(row, self.context.zone)
        keys = (number.extension,) if number.extension else ()
        if stated.refused:
            said = {"code": stated.refused, "expected": stated.expected, "came": stated.came}
            return self._item(row.locator, kind="enrolment", end="refused", keys=keys, **said)
        verdict = verdict_of(identity_codes(patient, self.context.policy), self.context.policy)
        if verdict.end:
            return self._item(row.locator, kind="enrolment", end=verdict.end, code=verdict.code, keys=keys)
        return self._item(
            row.locator,
            kind="enrolment",
            end="",
            findings=tuple(sorted({*verdict.findings, *stated.findings})),
            patient=local_name(patient.local[0], self.context.sender),
            links=links(stated, patient, self.context),
            keys=keys,
        )

    def _document(self, document: Document) -> PreparedItem:
        record = from_cda(document)
        self._met(record.patient)
        patient = patient_name(record.patient, self.context.sender, record.document_id)
        verdict = judge(record, self.context.policy)
        if verdict.end:
            return self._item(
                document.locator,
                kind="document",
                end=verdict.end,
                code=verdict.code,
                findings=verdict.findings,
                keys=lookups(record),
            )
        carried = carry(record, patient, self.context, sound=verdict.sound, findings=verdict.findings)
        return self._item(
            document.locator, kind="document", end="", patient=patient, carried=(carried,), keys=lookups(record)
        )


def message_digest(data: bytes) -> bytes:
    """What makes a message the same one again: its bytes, whatever ends its lines."""
    if b"\n" in data or b"\r\r" in data or b"\x1c" in data or b"\x0b" in data:
        data = re.sub(rb"[\r\n\x0b\x1c]+", b"\r", data)
    return hashlib.sha256(data).digest()


def _owner(item: PreparedItem) -> PatientName | None:
    return item.patient if item.end in ("", "accepted", "flagged") else None


def _within(found: Yielded, outer: Locator) -> Yielded:
    return msgspec.structs.replace(found, locator=found.locator.within(outer))


def route(enclosed: Enclosed) -> Iterator[Yielded]:
    """What an enclosed source says, through the registry; nothing when no format fits."""
    connector = recognise(enclosed.source)
    return connector.read(enclosed.source) if connector is not None else iter(())
