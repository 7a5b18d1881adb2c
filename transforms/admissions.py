"""What an ADT message or an enrolment row says of who is who, and of what the patient declared.

Sources: IHE PAM and its French extension 2.11 (ADT, ZFA), HL7 v2.5 chapter 3 (A24, A37, A40, A47), RNIV (an INS may be
used only when it is qualified, with its traits). Nothing here moves a document: numbers are paired, or not any more.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from connectors.base import Admission, EnrolmentRow, Message, RawId, RawPatient, shape
from connectors.hl7.admission import EVENTS
from transforms.identity import AUTHORITIES, Patient, local_numbers, understand, well_formed
from transforms.moments import ordering, parse_iso, parse_ts

MERGING = frozenset({"ADT^A40", "ADT^A47"})
"""PID-3 takes the place of MRG-1: two patients are one (A40), a number is replaced by another (A47)."""
JOINING = frozenset({"ADT^A24"})
PARTING = frozenset({"ADT^A37"})
"""Two PID, joined or told apart."""
STATING = EVENTS - MERGING - JOINING - PARTING
"""Events whose PID states who the patient is, and no more."""
CANCELLING = frozenset({"ADT^A11", "ADT^A12", "ADT^A13"})
"""They take back a movement, and with it what was declared there; who the patient is stays said."""

Scope = Literal["feeding", "consultation"]
_FEEDING = frozenset({"INO", "IO", "NA"})
_CONSULTATION = frozenset({"IC", "INC", "NA"})


class Pairing(msgspec.Struct, frozen=True):
    """Two identifiers of one person (`on`), or of two. `ins` tells that `b` is a qualified INS."""

    a: RawId
    b: RawId
    on: bool
    ins: bool


class Declaration(msgspec.Struct, frozen=True):
    """What the patient declared to this establishment (ZFA-9 to 12): a word of the table, and when."""

    scope: Scope
    value: str
    day: str
    at: str
    """For ordering, UTC."""


class Stated(msgspec.Struct, frozen=True):
    """An ADT message or an enrolment row, understood."""

    at: str
    """When it was so, for ordering, UTC; empty when nothing says it."""
    pairings: tuple[Pairing, ...]
    declarations: tuple[Declaration, ...] = ()
    findings: tuple[str, ...] = ()
    qualifies: bool = False
    """It vouches for the patient's INS: what this sender brought under that INS, unsure of it then, may enter."""
    refused: str = ""
    """Code of what keeps it from being taken at all."""
    expected: str = ""
    came: str = ""


def understand_admission(message: Message, patient: Patient, zone: ZoneInfo) -> Stated:
    """The pairings and declarations of an ADT message of `EVENTS`.

    Event time: EVN-6, else EVN-2, else MSH-7. The INS counts only when it is qualified (`Patient.qualified`).
    """
    said = message.admission or Admission()
    at = _when(said.occurred, said.recorded, message.sent_at, zone=zone)
    findings = []
    pairings: list[Pairing] = []
    if message.kind in MERGING:
        pairings += _replaced(said.merged, patient)
    elif message.kind in JOINING | PARTING and said.other is not None:
        pairings += _side_by_side(patient, said.other, on=message.kind in JOINING)
    if message.kind not in STATING and not pairings:
        expected = "MRG-1 and PID-3" if message.kind in MERGING else "two PID with a patient number each"
        return Stated(at, (), refused="MERGE_WITHOUT_IDS", expected=expected)
    pairings += _together(patient.local)
    if message.kind not in PARTING:
        pairings += _stands_for(patient)
    if patient.ins and not patient.qualified:
        findings.append("INS_NOT_QUALIFIED")
    qualifies = patient.qualified and message.kind not in PARTING
    if (pairings or qualifies) and not at:
        return Stated("", (), refused="EVENT_TIME_MISSING", expected="EVN-6, EVN-2 or MSH-7")
    declared, codes = ((), ()) if message.kind in CANCELLING else _declared(said, at, zone)
    return Stated(at, tuple(dict.fromkeys(pairings)), declared, tuple(sorted({*findings, *codes})), qualifies)


def understand_row(row: EnrolmentRow, zone: ZoneInfo) -> tuple[Patient, Stated]:
    """A row of an enrolment table: the sender vouches for the INS, as PID-32 = VALI would.

    Without `at` a link holds from the beginning; an unlink must say when.
    """
    raw = msgspec.structs.replace(
        row.patient, birth_date=_plain_day(row.patient.birth_date), sex=row.patient.sex.upper(), reliability=("VALI",)
    )
    patient = understand(raw, from_cda=False)
    at = ordering(parse_iso(row.at) or parse_ts(row.at), zone)
    problem = _row_problem(row, raw, patient, at)
    if problem is not None:
        return patient, problem
    on = row.action.lower() != "unlink"
    pairings = tuple(Pairing(number, RawId(patient.oid, patient.ins), on, on) for number in patient.local)
    findings = () if all(patient.traits.compared()) else ("TRAITS_MISSING",) if on else ()
    return patient, Stated(at, pairings, findings=findings, qualifies=on)


def _row_problem(row: EnrolmentRow, raw: RawPatient, patient: Patient, at: str) -> Stated | None:
    def wrong(code: str, expected: str, came: str) -> Stated:
        return Stated("", (), refused=code, expected=expected, came=shape(came))

    number, ins = raw.ids[0].extension, raw.ids[1].extension
    if row.action.lower() not in ("", "link", "unlink"):
        return wrong("ENROLMENT_ACTION_UNKNOWN", "link | unlink", row.action)
    if not patient.local:
        return wrong("PATIENT_ID_MISSING", "ipp: a patient number", number)
    if raw.ids[1].root not in AUTHORITIES:
        return wrong("INS_AUTHORITY_NOT_ADMITTED", "ins_oid: an INS authority", raw.ids[1].root)
    if not well_formed(ins):
        return wrong("INS_MALFORMED", "ins: 15 characters", ins)
    if raw.birth_date and parse_ts(raw.birth_date) is None:
        return wrong("BIRTH_DATE_INVALID", "birth_date: YYYY-MM-DD", row.patient.birth_date)
    if row.at and not at:
        return wrong("EVENT_TIME_INVALID", "at: ISO 8601", row.at)
    if row.action.lower() == "unlink" and not at:
        return wrong("EVENT_TIME_MISSING", "at: ISO 8601", "")
    return None


def _plain_day(text: str) -> str:
    """`1985-03-14` as HL7 writes it; anything else as it is."""
    moment = parse_iso(text)
    return moment.iso.replace("-", "") if moment is not None and len(moment.iso) == 10 else text


def _when(*said: str, zone: ZoneInfo) -> str:
    return next((found for text in said if (found := ordering(parse_ts(text), zone))), "")


def _together(numbers: tuple[RawId, ...]) -> list[Pairing]:
    """The numbers that one PID gives a patient are that patient's."""
    return [Pairing(number, numbers[0], on=True, ins=False) for number in numbers[1:]]


def _stands_for(patient: Patient) -> list[Pairing]:
    """Each of the sender's numbers for a qualified INS."""
    if not patient.qualified:
        return []
    return [Pairing(number, RawId(patient.oid, patient.ins), on=True, ins=True) for number in patient.local]


def _replaced(merged: tuple[RawId, ...], patient: Patient) -> list[Pairing]:
    """Each number of MRG-1 with that of PID-3 from one authority, else the first, else the qualified INS where PID-3
    holds nothing else; an INS in MRG-1 is not theirs."""
    found = []
    for old in local_numbers(RawPatient(ids=merged)):
        kept = _counterpart(old, patient.local)
        if kept is None and patient.qualified:
            found.append(Pairing(old, RawId(patient.oid, patient.ins), on=True, ins=True))
        if kept is not None and (kept.root, kept.extension) != (old.root, old.extension):
            found.append(Pairing(old, kept, on=True, ins=False))
    for old in merged:
        if old.root in AUTHORITIES and (old.root, old.extension) != (patient.oid, patient.ins):
            number = RawId(old.root, old.extension)
            found += [Pairing(kept, number, on=False, ins=False) for kept in patient.local]
    return found


def _side_by_side(patient: Patient, other: RawPatient, *, on: bool) -> list[Pairing]:
    found = []
    for one in local_numbers(other):
        kept = _counterpart(one, patient.local)
        if kept is not None and (kept.root, kept.extension) != (one.root, one.extension):
            found.append(Pairing(one, kept, on=on, ins=False))
    return found


def _counterpart(number: RawId, numbers: tuple[RawId, ...]) -> RawId | None:
    same = (one for one in numbers if one.root == number.root)
    return next(same, numbers[0] if numbers else None)


def _declared(said: Admission, at: str, zone: ZoneInfo) -> tuple[tuple[Declaration, ...], tuple[str, ...]]:
    """ZFA-9 and 11. A declaration without its date has the event's, and is told; an unknown word declares nothing."""
    declared, codes = [], []
    words: tuple[tuple[Scope, str, str, frozenset[str]], ...] = (
        ("feeding", said.feeding, said.feeding_at, _FEEDING),
        ("consultation", said.consultation, said.consultation_at, _CONSULTATION),
    )
    for scope, value, when, table in words:
        if not value:
            continue
        if value.upper() not in table:
            codes.append("CONSENT_UNKNOWN")
        elif value.upper() != "NA":
            moment = parse_ts(when)
            if moment is None:
                codes.append("CONSENT_DATE_MISSING")
            time = ordering(moment, zone) or at
            day = moment.day if moment is not None else _day(time, zone)
            if day:
                declared.append(Declaration(scope, value.upper(), day, time))
    return tuple(declared), tuple(codes)


def _day(at: str, zone: ZoneInfo) -> str:
    """The civil day of an ordering time in the sender's zone."""
    return datetime.fromisoformat(at).astimezone(zone).strftime("%Y-%m-%d") if at else ""
