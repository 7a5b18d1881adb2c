"""The body of a message: each segment mapped, kept raw or ignored, and counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final, Literal, TypeAlias

import msgspec

from connectors.base import Order, RawCode, RawId, RawParty, RawPatient, Recipient
from connectors.hl7 import flags
from connectors.hl7.ids import document_id
from connectors.hl7.patient import read_patient
from connectors.hl7.payload import Payload, carried
from connectors.hl7.recipients import recipient
from connectors.hl7.results import Orders
from connectors.hl7.tokens import Delimiters
from connectors.hl7.values import NO_PARTY, Remembered, Values, shared_codes

Outcome: TypeAlias = Literal["mapped", "raw", "ignored"]
MAPPED: Final = "mapped"
RAW: Final = "raw"
IGNORED: Final = "ignored"


class Carried(msgspec.Struct, frozen=True):
    """An OBX that carries an encapsulated payload: which one (from 1), what it says, what it holds."""

    ordinal: int
    payload: Payload
    status: str
    """OBX-11."""
    control: str
    """ORC-1 above it."""


class Body(msgspec.Struct, frozen=True):
    """What the segments below MSH say."""

    segments: Mapping[str, int]
    patient: RawPatient | None = None
    several_patients: bool = False
    orders: tuple[Order, ...] = ()
    documents: tuple[Carried, ...] = ()
    flags: Mapping[str, str] = {}
    recipients: tuple[Recipient, ...] = ()
    reply: str = ""
    document_id: RawId | None = None
    parent_id: RawId | None = None
    author_organisation: RawParty = NO_PARTY
    order_control: str = ""
    result_status: str = ""
    findings: tuple[str, ...] = ()


class _Reading:
    """Reads the segments of one message in order."""

    def __init__(self, values: Values, payloads: Sequence[bytes], message: int) -> None:
        self.values = values
        self.payloads = payloads
        self.orders = Orders(values, message)
        self.results = False
        self.patients: list[RawPatient] = []
        self.carried: list[Carried] = []
        self.flags: dict[str, str] = {}
        self.findings: dict[str, None] = {}
        self.author = NO_PARTY
        self.recipients: list[Recipient] = []
        self.reply = ""
        self.document_id: RawId | None = None
        self.parent_id: RawId | None = None
        self.controls: list[str] = []
        self._names = _shared_names(values.d) if values.plain else _named(values.codes)
        self._separator = values.d.field
        self._padding = self._separator * 18
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
        self.controls.append(f[1].strip())
        self.orders.request(f)
        return MAPPED

    def obr(self, line: str) -> Outcome:
        self._mails_patient = 0
        self.orders.order(self.fields(line, 25))
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
        return MAPPED if self.orders.specimen(self.fields(line, 4)) else RAW

    def txa(self, line: str) -> Outcome:
        f = self.fields(line, 13)
        self.document_id = self.document_id or document_id(f[12], self.values)
        self.parent_id = self.parent_id or document_id(f[13], self.values)
        return MAPPED

    def prt(self, line: str) -> Outcome:
        f = self.fields(line, 15)
        role = self.values.component(f[4], 1).strip()
        if role == "RCT":
            self.recipients.append(recipient(f, self.values))
            return MAPPED
        if role != "SB" or self.author != NO_PARTY:
            return RAW
        self.author = self.values.organisation(f[8])
        return MAPPED

    def obx(self, line: str) -> Outcome:
        """An OBX. What it carries is judged once the whole message is known."""
        f = (line + self._padding).split(self._separator, 18)
        self._ordinal += 1
        code, role = self._names[f[3]]
        if role:
            outcome = self._special(role, code, f[5])
            if outcome is not None:
                return outcome
        if f[2] == "ED" or len(f[5]) > 64 or self.payloads:
            payload = carried(line, f, self.values, self.payloads)
            if payload is not None:
                self.orders.carry()
                control = self.controls[-1] if self.controls else ""
                self.carried.append(Carried(self._ordinal, payload, f[11].strip(), control))
                return MAPPED
        if not self.results:
            return RAW
        self.orders.observe(f, self._ordinal, code)
        return MAPPED

    def _special(self, role: str, code: RawCode, field: str) -> Outcome | None:
        """An OBX that is no result by its code; None when it turns out to be one."""
        answer = self.values.component(self.values.first(field), 1).strip()
        if role == "flag?" and answer.upper() not in {"Y", "N"}:
            return None
        self.orders.carry()
        if role in {"mail", "lot"}:
            return IGNORED if role == "mail" else RAW
        self._flag(code.code, answer)
        return MAPPED

    def _flag(self, code: str, answer: str) -> None:
        name = flags.canonical(code)
        if not name:
            self.findings["FLAG_UNKNOWN"] = None
            name = code
        if name == "DESTMSSANTEPAT":
            self._mails_patient = self._ordinal
        if self.flags.get(name, answer) != answer:  # contradictory: neither counts, so it fails closed
            answer = f"{self.flags[name]}~{answer}"
        if answer not in {"Y", "N"}:
            self.findings["FLAG_VALUE_INVALID"] = None
        self.flags[name] = answer


_PATIENT_ONLY: dict[str, Callable[[_Reading, str], Outcome]] = {"PID": _Reading.pid}
_READERS = _PATIENT_ONLY | {
    "OBX": _Reading.obx,
    "OBR": _Reading.obr,
    "ORC": _Reading.orc,
    "NTE": _Reading.nte,
    "SPM": _Reading.spm,
    "TXA": _Reading.txa,
    "PRT": _Reading.prt,
}


def _role(code: RawCode) -> str:
    """What an OBX-3 announces: a flag, what may be one when answered by Y or N, the body of a mail, a sibling document
    (COMP_LOT of v1.2), or empty: a result or a document.
    """
    name = "".join(code.code.split()).upper()
    if name.startswith("CORPSMAIL_"):
        return "mail"
    if name == "COMP_LOT":
        return "lot"
    if flags.canonical(code.code) or flags.is_flag_system(code.system):
        return "flag"
    return "flag?" if not code.system and flags.looks_like_flag(name) else ""


def _named(codes: Mapping[str, RawCode]) -> Remembered[tuple[RawCode, str]]:
    return Remembered(lambda field: (codes[field], _role(codes[field])))


@lru_cache(64)
def _shared_names(d: Delimiters) -> Remembered[tuple[RawCode, str]]:
    """The OBX-3 of messages without escapes, with their role."""
    return _named(shared_codes(d))


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
    """The segments of a message, MSH first. Without `documents` only the patient is read and the rest kept raw;
    with `expects_document` (an MDM, a CI-SIS profile) a payload that is no document is still the document's place.
    """
    reading = _Reading(values, payloads, message)
    reading.results = results
    readers = _READERS if documents else _PATIENT_ONLY
    counts = {MAPPED: len(lines), RAW: 0, IGNORED: 0}
    for line in lines[1:]:
        reader = readers.get(line[:3])
        outcome = reader(reading, line) if reader else RAW
        if outcome != MAPPED:
            counts[outcome] += 1
            counts[MAPPED] -= 1
    enclosed = [c for c in reading.carried if c.payload.is_document(values)]
    if not enclosed and expects_document:
        enclosed = reading.carried[:1]
    for one in reading.carried:
        if one not in enclosed:  # the mail that the LPS profile puts beside the document has no subtype; a PDF has one
            counts[IGNORED if expects_document and not one.payload.subtype else RAW] += 1
            counts[MAPPED] -= 1
    orders = reading.orders.finish() if results else ()
    if documents and expects_document and not enclosed and not orders:
        reading.findings["DOCUMENT_MISSING"] = None
    if results and reading.orders.without_request:
        reading.findings["RESULT_WITHOUT_OBR"] = None
    return Body(
        counts,
        reading.patients[0] if len(reading.patients) == 1 else None,
        len(reading.patients) > 1,
        orders,
        tuple(enclosed),
        reading.flags,
        tuple(reading.recipients),
        reading.reply,
        reading.document_id,
        reading.parent_id,
        reading.author,
        _one([c.control for c in enclosed] or reading.controls[:1]),
        _one([c.status for c in enclosed]),
        tuple(reading.findings),
    )


def _one(said: Sequence[str]) -> str:
    """What several places say, when they say one thing; else all of it, joined by `~`, so that nothing is chosen."""
    return "~".join(dict.fromkeys(said))
