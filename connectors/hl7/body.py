"""The body of a message: each segment mapped, kept raw or ignored, and counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final, Literal, TypeAlias

import msgspec

from connectors.base import Order, RawCode, RawId, RawParty, RawPatient
from connectors.hl7 import flags
from connectors.hl7.ids import document_id, lot_member
from connectors.hl7.numbers import FIELDS, Numbers
from connectors.hl7.patient import read_patient
from connectors.hl7.payload import carried
from connectors.hl7.recipients import recipient
from connectors.hl7.requests import Carried, Request, Requests
from connectors.hl7.results import SHORT, Named, Orders
from connectors.hl7.values import NO_PARTY, Remembered, Values

Outcome: TypeAlias = Literal["mapped", "raw", "ignored"]
MAPPED: Final = "mapped"
RAW: Final = "raw"
IGNORED: Final = "ignored"


NO_REQUEST: Final = Request("", "", {}, ())


class Body(msgspec.Struct, frozen=True):
    """What the segments below MSH say."""

    segments: Mapping[str, int]
    patient: RawPatient | None = None
    several_patients: bool = False
    orders: tuple[Order, ...] = ()
    documents: tuple[Carried, ...] = ()
    said: Request = NO_REQUEST
    """What the message as a whole says of what it carries."""
    requests: Mapping[int, Request] = {}
    """The same for each request that carries documents."""
    reply: str = ""
    document_id: RawId | None = None
    parent_id: RawId | None = None
    lot: tuple[RawId, ...] = ()
    """COMP_LOT of version 1.2: documents that are one with those enclosed."""
    author_organisation: RawParty = NO_PARTY
    numbers: tuple[str, ...] = ()
    """Of orders, specimens and accessions."""
    findings: tuple[str, ...] = ()


class _Reading:
    """Reads the segments of one message in order."""

    def __init__(
        self, values: Values, payloads: Sequence[bytes], message: int, *, results: bool, expects_document: bool
    ) -> None:
        self.values = values
        self.payloads = payloads
        self.orders = Orders(values, message)
        self.requests = Requests()
        self.numbers = Numbers(values)
        self.results = results
        self.expects_document = expects_document
        self.left: dict[str, int] = {RAW: 0, IGNORED: 0}
        self.patients: list[RawPatient] = []
        self.carried: list[Carried] = []
        self.findings: dict[str, None] = {}
        self.author = NO_PARTY
        self.reply = ""
        self.document_id: RawId | None = None
        self.parent_id: RawId | None = None
        self.lot: list[RawId] = []
        self._names = _shared_names(values) if values.plain else _named(values.codes)
        self._ordinal = 0
        self._mails_patient = 0  # ordinal of the OBX that mails the patient, while a note may be about it

    def fields(self, line: str, most: int) -> list[str]:
        """Fields 0 to `most` of a segment, empty where absent."""
        f = line.split(self.values.d.field, most + 1)
        return f[: most + 1] if len(f) > most else f + [""] * (most + 1 - len(f))

    def pid(self, line: str) -> Outcome:
        patient = read_patient(line, self.values)
        if patient not in self.patients:
            self.patients.append(patient)
        return MAPPED

    def orc(self, line: str) -> Outcome:
        f = self.fields(line, 12)
        self.numbers.segment("ORC", f)
        self.requests.control(f[1].strip())
        self.orders.request(f)
        return MAPPED

    def obr(self, line: str) -> Outcome:
        self._mails_patient = 0
        f = self.fields(line, 25)
        self.numbers.segment("OBR", f)
        self.requests.order()
        self.orders.order(f)
        return MAPPED

    def nte(self, line: str) -> Outcome:
        values = self.values
        f = self.fields(line, 4)
        if self._mails_patient == self._ordinal > 0 and values.component(f[4], 1).strip().upper() == "FIN":
            self.reply = "FIN"
            return MAPPED
        text = "\n".join(values.text(part) for part in values.repetitions(f[3]))
        return MAPPED if self.orders.note(text) else RAW

    def spm(self, line: str) -> Outcome:
        f = self.fields(line, 4)
        self.numbers.segment("SPM", f)
        return MAPPED if self.orders.specimen(f) else RAW

    def txa(self, line: str) -> Outcome:
        f = self.fields(line, 15)
        self.numbers.segment("TXA", f)
        self.requests.join()
        self.document_id = self.document_id or document_id(f[12], self.values)
        self.parent_id = self.parent_id or document_id(f[13], self.values)
        return MAPPED

    def prt(self, line: str) -> Outcome:
        f = self.fields(line, 15)
        role = self.values.component(f[4], 1).strip()
        if role == "RCT":
            self.requests.recipient(recipient(f, self.values))
            return MAPPED
        if role != "SB" or self.author != NO_PARTY:
            return RAW
        self.author = self.values.organisation(f[8])
        return MAPPED

    def numbered(self, line: str) -> Outcome:
        """A segment that is kept raw: a person may look it up by its numbers."""
        name = line[:3]
        self.numbers.segment(name, self.fields(line, FIELDS[name][-1]))
        return RAW

    def observations(self, run: Sequence[str]) -> None:
        """OBX that follow one another. What they carry is judged once the whole message is known."""
        first = self._ordinal + 1
        if self.results:
            # A payload that was cut out left a short mark; a flag beside a document may have any code.
            longest = -1 if self.payloads or self.expects_document else SHORT
            self.orders.observe(run, first, self._names, self._is_other, longest)
        else:
            separator = self.values.d.field
            for ordinal, line in enumerate(run, first):
                f = (line + separator * 18).split(separator, 18)
                if not self._is_other(line, f, ordinal, *self._names[f[3]]):
                    self.leave(RAW)
        self._ordinal = first + len(run) - 1

    def leave(self, outcome: Outcome, number: int = 1) -> None:
        """Count segments that are not mapped."""
        if outcome != MAPPED:
            self.left[outcome] += number

    def _is_other(self, line: str, fields: list[str], ordinal: int, code: RawCode, role: str) -> bool:
        """Whether an OBX is no result by its code or by what it carries; what it is then is taken."""
        self._ordinal = ordinal
        if not role and self.expects_document and code.system.strip().upper() not in _LOINC:
            role = "flag?"
        elif role == "flag?" and not self._may_have_flags(code):
            role = ""
        outcome = self._special(role, code, fields[5]) if role else None
        if outcome is not None:
            self.leave(outcome)
            return True
        if fields[2] != "ED" and len(fields[5]) <= SHORT and not self.payloads:
            return False
        payload = carried(line, fields, self.values, self.payloads)
        if payload is None:
            return False
        if self.results and not self.expects_document and not payload.is_document(self.values):
            self.orders.attach(fields, ordinal, code, payload.attached())
            return True
        self.orders.enclose()
        self.carried.append(Carried(ordinal, payload, fields[11].strip(), self.requests.number))
        return True

    def _may_have_flags(self, code: RawCode) -> bool:
        """Whether a code that nobody knows can be a flag here: beside a document or other flags, or by its words."""
        return self.expects_document or bool(self.carried) or self.requests.flagged or flags.names_sharing(code.code)

    def _special(self, role: str, code: RawCode, field: str) -> Outcome | None:
        """An OBX that is no result by its code; None when it turns out to be one."""
        values = self.values
        answers = [said for one in values.repetitions(field) if (said := values.component(one, 1).strip())] or [""]
        if role == "flag?" and answers[0].upper() not in _ANSWERS:
            return None
        self.orders.carry()
        if role == "mail":
            return IGNORED
        if role == "lot":
            self.lot += [sibling for one in values.repetitions(field) if (sibling := lot_member(one, values))]
            return MAPPED
        written, name = _flag(code)
        if not name:
            self.findings["FLAG_UNKNOWN"] = None
        if name == "DESTMSSANTEPAT":
            self._mails_patient = self._ordinal
        self.requests.flag(name or written, answers)
        return MAPPED


_ANSWERS = frozenset({"Y", "N", "O", "OUI", "NON", "YES", "NO"})
"""What makes a flag of a code that nobody knows, where no results are expected."""
_LOINC = frozenset({"LN", "LOINC"})


_Reader: TypeAlias = Callable[[_Reading, str], Outcome]
_KEPT_RAW: Mapping[str, _Reader] = {"PID": _Reading.pid, **dict.fromkeys(FIELDS, _Reading.numbered)}
"""Of a message that is not taken up: who it is about, and its numbers."""
_READERS: Mapping[str, _Reader] = {
    **_KEPT_RAW,
    "OBR": _Reading.obr,
    "ORC": _Reading.orc,
    "NTE": _Reading.nte,
    "SPM": _Reading.spm,
    "TXA": _Reading.txa,
    "PRT": _Reading.prt,
}


def _flag(code: RawCode) -> tuple[str, str]:
    """The flag that an OBX-3 names, as written and by its canonical name; that is empty when it is unknown, or none.

    It may stand in the alternate triplet, beside a code of the sender's own.
    """
    given = (code, *code.alternatives)
    known = next((one for one in given if flags.canonical(one.code)), None)
    if known is not None:
        return known.code, flags.canonical(known.code)
    return next((one.code for one in given if flags.is_flag_system(one.system)), code.code), ""


def _role(code: RawCode) -> str:
    """What an OBX-3 announces: a flag, what may be one when answered by Y or N, the body of a mail, a sibling document
    (COMP_LOT of v1.2), or empty: a result or a document.
    """
    name = "".join(code.code.split()).upper()
    if name.startswith("CORPSMAIL_"):
        return "mail"
    if name == "COMP_LOT":
        return "lot"
    if _flag(code)[1] or any(flags.is_flag_system(one.system) for one in (code, *code.alternatives)):
        return "flag"
    return "flag?" if not code.system and flags.looks_like_flag(name) else ""


def _named(codes: Mapping[str, RawCode]) -> Remembered[Named]:
    return Remembered(lambda field: (codes[field], _role(codes[field])))


@lru_cache(64)
def _shared_names(values: Values) -> Remembered[Named]:
    """The OBX-3 of messages without escapes, with their role."""
    return _named(values.codes)


def read_body(
    lines: Sequence[str],
    values: Values,
    payloads: Sequence[bytes],
    *,
    message: int,
    results: bool,
    documents: bool,
    expects_document: bool,
) -> Body:
    """The segments of a message, MSH first. Without `documents` only the patient and the numbers are read.

    With `expects_document` (an MDM, a CI-SIS profile) a payload that is no document is still the document's place.
    """
    reading = _Reading(values, payloads, message, results=results, expects_document=expects_document)
    readers = _READERS if documents else _KEPT_RAW
    at, end = 1, len(lines)
    while at < end:
        name, start = lines[at][:3], at
        at += 1
        if name == "OBX" and documents:
            while at < end and lines[at][:3] == "OBX":
                at += 1
            reading.observations(lines[start:at])
        elif (reader := readers.get(name)) is not None:
            reading.leave(reader(reading, lines[start]))
        else:
            reading.leave(RAW)
    enclosed = [c for c in reading.carried if c.payload.is_document(values)]
    if not enclosed and expects_document:
        enclosed = reading.carried[:1]
    for one in reading.carried:
        if one not in enclosed:  # the mail that the LPS profile puts beside the document has no subtype; a PDF has one
            reading.leave(IGNORED if expects_document and not one.payload.subtype else RAW)
    left = reading.left
    orders = reading.orders.finish() if results else ()
    reading.leave(RAW, reading.orders.left)
    said = reading.requests.whole(enclosed)
    requests = reading.requests.by_number(enclosed, said) if enclosed else {}
    if not all(one.answered for one in (requests.values() if enclosed and not orders else [said])):
        reading.findings["FLAG_VALUE_INVALID"] = None
    if documents and expects_document and not enclosed and not orders:
        reading.findings["DOCUMENT_MISSING"] = None
    if results:
        reading.findings |= reading.orders.findings
    return Body(
        {MAPPED: len(lines) - left[RAW] - left[IGNORED], **left},
        reading.patients[0] if len(reading.patients) == 1 else None,
        len(reading.patients) > 1,
        orders,
        tuple(enclosed),
        said,
        requests,
        reading.reply,
        reading.document_id,
        reading.parent_id,
        tuple(reading.lot),
        reading.author,
        reading.numbers.found(orders=bool(orders) and not reading.carried),
        tuple(reading.findings),
    )
