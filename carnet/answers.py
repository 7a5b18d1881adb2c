"""What an HL7v2 sender gets back beside the receipt: an acknowledgement a message, and the business one (ZAM).

Rendered from the ledger, so they say what is known now; equal states give equal bytes. Pieces come one by one: the
answers to 100,000 messages are never held at once.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import chain

import msgspec

from carnet.receipt import norm_of, sent_as
from connectors.base import Envelope
from connectors.hl7 import acknowledge
from connectors.hl7.acknowledge import Reason
from quality.catalogue import sentence
from warehouse import ledger
from warehouse.facts import unpack_words
from warehouse.ledger import Sheet
from warehouse.prepared import Answerable
from warehouse.store import Store

CONNECTOR = "hl7v2"
CIRCUMSTANCES = frozenset({"UNKNOWN_SENDER", "FORMAT_NOT_ADMITTED", "MESSAGE_TOO_LARGE", "STORAGE_UNAVAILABLE", "BUG"})
"""Why a message is rejected for no fault in its content: AR."""
WHOLE = CIRCUMSTANCES | {"UNKNOWN_FORMAT"}
"""Ends of a whole file, which stand for messages that nobody read."""
KEPT_RAW = frozenset({"MESSAGE_KEPT_RAW", "EVENT_KEPT_RAW", "VERSION_KEPT_RAW"})
STOPPED = ("held", "refused")

_SEGMENT = re.compile(r"([A-Z][A-Z0-9]{2})(?: (\d+))?")
_FIELD = re.compile(r"([A-Z][A-Z0-9]{2})-(\d+)")


class Part(msgspec.Struct, frozen=True):
    """How a message, or a document that it encloses, stands now."""

    end: str
    code: str
    own_code: str
    findings: tuple[str, ...]
    locator: str
    expected: str
    came: str


class Told(msgspec.Struct, frozen=True):
    """A message to answer, with what it encloses."""

    ordinal: int
    revision: int
    """Grows with each new end of one of its parts."""
    answerable: Answerable
    message: Part
    documents: tuple[Part, ...]

    @property
    def parts(self) -> tuple[Part, ...]:
        return (self.message, *self.documents)


Walked = Told | str
"""A message to answer, or the code of something that is wrong with the batch around it."""


class _Again:
    """A walk that can be begun again, for what is too long to be kept."""

    def __init__(self, walk: Callable[[], Iterator[Walked]]) -> None:
        self._walk = walk

    def __iter__(self) -> Iterator[Walked]:
        return self._walk()


def messages(store: Store, sheet: Sheet) -> Iterable[Walked]:
    """The messages of a delivery to answer, in order; none when no HL7v2 message came with it."""
    if sheet.row.connector != CONNECTOR and not sheet.has_messages:
        return ()
    again = _Again(lambda: _walk(store, sheet))
    return list(again) if sheet.small else again


def hl7_answer(sheet: Sheet, said: Iterable[Walked]) -> Iterator[bytes]:
    """The technical acknowledgements of a delivery, in the order of its messages; nothing when it has none to answer.

    One message gets a bare ACK; a batch gets a batch. What is wrong with the batch itself is told in BTS-2.
    """
    at = _moment(sheet)
    beside: Counter[str] = Counter()

    def answers() -> Iterator[tuple[Told, bytes]]:
        for one in said:
            if isinstance(one, str):
                beside[one] += 1
            else:
                id_, envelope = _control_id("ACK", sheet, one), one.answerable.envelope
                yield one, acknowledge.acknowledgement(envelope, msa(one), _reasons(one), at=at, control_id=id_)

    return _batched(sheet, at, answers(), beside)


def zam_answer(sheet: Sheet, said: Iterable[Walked]) -> Iterator[bytes]:
    """A ZAM^Z01 for each message whose sender wants one and whose documents have an end; nothing while one is held."""
    at = _moment(sheet)

    def answers() -> Iterator[tuple[Told, bytes]]:
        for one in said:
            if isinstance(one, Told) and one.answerable.business and _has_end(one):
                id_, envelope = _control_id("ZAM", sheet, one), one.answerable.envelope
                refusals = [reason for reason in _reasons(one) if reason.severity == "E"]
                yield one, acknowledge.business(envelope, not refusals, refusals, at=at, control_id=id_)

    return _batched(sheet, at, answers(), Counter())


def _batched(sheet: Sheet, at: str, answers: Iterator[tuple[Told, bytes]], beside: Counter[str]) -> Iterator[bytes]:
    first = next(answers, None)
    if first is None:
        return
    second = next(answers, None)
    said = first[0].answerable.envelope
    if second is None and sheet.row.declared is None and not beside:
        yield first[1]
        return
    yield acknowledge.batch_head(said, at=at, control_id=sheet.row.id[:12])
    number = 0
    for _, answer in chain([first], [second] if second else [], answers):
        number += 1
        yield answer
    yield acknowledge.batch_tail(number, _comment(beside), said)


def _comment(beside: Counter[str]) -> str:
    return " · ".join(
        f"{code} : {sentence(code).fr}" + (f" (× {number})" if number > 1 else "") for code, number in beside.items()
    )


def _walk(store: Store, sheet: Sheet) -> Iterator[Walked]:
    open_: Told | None = None
    copies = sheet.stopped_copies()
    for item in sheet.items():
        end, code = copies.get(item.ordinal, (item.end, item.code))
        findings = unpack_words(item.findings)
        part = Part(end, code, item.own_code, findings, item.locator, item.expected, item.came)
        if open_ is not None and item.parent == open_.ordinal:
            revision, documents = open_.revision + item.revision, (*open_.documents, part)
            open_ = msgspec.structs.replace(open_, revision=revision, documents=documents)
            continue
        if open_ is not None:
            yield open_
            open_ = None
        answerable = ledger.private_of(store, sheet.connection, item).answer
        if answerable is None and sheet.row.connector == CONNECTOR and item.kind == "file" and code in WHOLE:
            answerable = Answerable(Envelope())
        if answerable is not None and item.number:
            open_ = Told(item.ordinal, item.revision, answerable, part, ())
        elif item.kind == "file" and item.end != "ignored":
            yield from (*([code] if code else ()), *findings)
    if open_ is not None:
        yield open_


def msa(told: Told) -> acknowledge.Answer:
    """MSA-1: a message ends as its worst part; what only waits for another document is taken."""
    codes = {part.code for part in told.parts if part.end in STOPPED and not _waits(part)}
    if codes & CIRCUMSTANCES:
        return "AR"
    return "AE" if codes else "AA"


def _waits(part: Part) -> bool:
    return part.end == "held" and part.code == "TARGET_UNKNOWN"


def _has_end(told: Told) -> bool:
    """Whether what the message brings is in the record or refused; one that brings nothing has no end to tell."""
    brings = told.documents or KEPT_RAW.isdisjoint(told.message.findings)
    return bool(brings) and all(part.end != "held" for part in told.parts)


def _reasons(told: Told) -> Iterator[Reason]:
    """An ERR each: of the message, then of each document; what the message has from a document is told once."""
    documents = {part.code for part in told.documents if part.end in STOPPED}
    told_already = set()
    for part in told.parts:
        of_document = part is told.message and part.own_code != part.code and part.code in documents
        codes = [] if of_document or not part.code else [part.code]
        for code in (*codes, *part.findings):
            reason = _reason(part, code)
            key = (reason.code, reason.places)
            if key not in told_already:
                told_already.add(key)
                yield reason


def _reason(part: Part, code: str) -> Reason:
    sent = sent_as(code)
    words = sentence(sent)
    stops = code == part.code and part.end in STOPPED
    technical = part.locator
    if code == part.code and part.expected:
        technical += f" ; attendu : {part.expected}" + (f" ; reçu : {part.came}" if part.came else "")
    return Reason(
        code=sent,
        label=words.en,
        condition=words.err3 or "207",
        severity=("I" if _waits(part) else "E") if stops else "I" if part.end == "ignored" else "W",
        places=places(part.locator, words.place),
        application=norm_of(sent, part.findings),
        technical=technical,
        user=f"{words.fr} {words.fix_fr}",
    )


def reason(code: str) -> Reason:
    """The ERR of a code that stops a message of which nothing is in the ledger."""
    return _reason(Part("refused", code, code, (), "", "", ""), code)


def places(locator: str, default: str) -> tuple[str, ...]:
    """ERR-2, each as `segment^sequence^field`: the place of the item, and the usual one of the code where that is in
    another segment. `places("message 3, document 1, OBX 8", "PID-3") == ("OBX^8", "PID^1^3")`
    """
    parts = locator.split(", ")
    field = next((found for part in parts if (found := _FIELD.fullmatch(part))), None)
    if field is not None:
        return (f"{field[1]}^1^{field[2]}",)
    name, _, number = default.partition("-")
    usual = f"{name}^1^{number}".rstrip("^")
    segment = next((found for part in parts if (found := _SEGMENT.fullmatch(part))), None)
    if segment is None:
        return (usual,) if name else ()
    here = f"{segment[1]}^{segment[2] or 1}"
    if segment[1] == name:
        return (f"{here}^{number}".rstrip("^"),)
    return (here, usual) if name else (here,)


def _moment(sheet: Sheet) -> str:
    """MSH-7 of every answer: when the delivery was received, which does not change when it is rendered again."""
    return datetime.fromisoformat(sheet.row.received_at).strftime("%Y%m%d%H%M%S%z")


def _control_id(kind: str, sheet: Sheet, told: Told) -> str:
    """MSH-10 of an answer: 20 characters, the same for the same revision and another for the next."""
    said = f"{kind}:{sheet.row.id}:{told.ordinal}:{told.revision}"
    return hashlib.blake2b(said.encode(), digest_size=10).hexdigest().upper()
