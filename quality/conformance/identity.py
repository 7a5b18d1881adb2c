"""The patient: the INS by its OID, its key, the six traits that travel with it, and whether it may travel at all.

Sources: RNIV; CI-SIS, volet transmission 2.1; `transforms.identity`, which judges the same when the message is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from connectors.base import RawPatient
from connectors.hl7.anatomy import Anatomy, Segment
from connectors.hl7.patient import read_patient
from quality.conformance.finding import Findings, Level, Place
from transforms.identity import AUTHORITIES, BLOCKING, NIA, NIR, QUALIFYING, key_holds, understand, well_formed
from transforms.moments import parse_ts

_BIRTHPLACE = re.compile(r"\d{5}|2[AB]\d{3}")
_TRAITS = (
    ("birth_family", (5, 1), "family^given^givens^^^^L"),
    ("birth_given", (5, 2), "family^given^givens^^^^L"),
    ("birth_givens", (5, 3), "family^given^givens^^^^L"),
    ("birth_date", (7, 0), "YYYYMMDD"),
    ("sex", (8, 0), "F | M"),
    ("birth_place", (11, 9), "^^^^^^BDL^^INSEE (5)"),
)
_SEX = {"1": "M", "2": "F", "3": "M", "4": "F", "7": "M", "8": "F"}
"""First digit of an INS; 3, 4, 7 and 8 are of provisional numbers."""


def check_patients(message: Anatomy, findings: Findings) -> None:
    """Say what is wrong with every PID."""
    for pid in message.named("PID"):
        _patient(pid, findings)


def ins_of(pid: Segment) -> Iterator[Place]:
    """The repetitions of PID-3 that carry an INS, told by their OID."""
    for repetition in pid.examined(3):
        if pid.text(3, 4, repetition, 2) in AUTHORITIES:
            yield Place(pid, 3, repetition=repetition)


def qualified(message: Anatomy) -> bool:
    """Whether the message's patient has a qualified INS (RNIV)."""
    pid = message.first("PID")
    return pid is not None and understand(_raw(pid), from_cda=False).qualified


def _raw(pid: Segment) -> RawPatient:
    return read_patient(pid.values.d.field.join(pid.fields), pid.values)


def check_ins(value: Place, findings: Findings, *, production: bool) -> None:
    """An INS: 15 characters and its key. A wrong key is an error under the production OIDs, else a warning."""
    if not well_formed(value.value):
        findings.say("INS_FORM", value, expected="15 digits (2A or 2B)")
    elif not key_holds(value.value):
        level: Level | None = None if production else "warning"
        findings.say("INS_KEY", value, expected="97 - (n mod 97)", level=level)


def _patient(pid: Segment, findings: Findings) -> None:
    carried = list(ins_of(pid))
    numbers: dict[str, set[str]] = {}
    for place in carried:
        oid = place.of(4, 2).value
        numbers.setdefault(oid, set()).add(place.of(1).value)
        check_ins(place.of(1), findings, production=oid in {NIR, NIA})
        if place.of(5).value != "INS":
            findings.say("INS_TYPE", place.of(5), expected="INS")
        if not place.of(7).value:
            findings.say("INS_START_ADVISED", place.of(7), expected="YYYYMMDD")
        elif parse_ts(place.of(7).value) is None:
            findings.say("TIME_INVALID", place.of(7), expected="YYYYMMDD")
    for oid, said in numbers.items():
        if len(said) > 1:
            where = next(place for place in carried if place.of(4, 2).value == oid)
            findings.say("INS_SEVERAL", where, expected="1", came=str(len(said)))
    for repetition in pid.examined(3):
        place = Place(pid, 3, 5, repetition=repetition)
        if place.value == "INS" and place.of(4, 2).value not in AUTHORITIES:
            findings.say("INS_AUTHORITY", place.of(4, 2), expected=" | ".join(AUTHORITIES), came="other OID")
    _names(pid, findings)
    _status(pid, bool(carried), findings)
    if carried:
        _traits(pid, findings)
        _coherent(pid, carried[0], findings)
    for repetition in pid.examined(11):
        place = Place(pid, 11, 9, repetition=repetition)
        if place.of(7).value == "BDL" and place.value and not _BIRTHPLACE.fullmatch(place.value):
            findings.say("BIRTHPLACE_FORM", place, expected="INSEE (5)")


def _names(pid: Segment, findings: Findings) -> None:
    for repetition in pid.examined(5):
        place = Place(pid, 5, 7, repetition=repetition)
        if not place.value and place.of(1).value:
            findings.say("NAME_TYPE", place, expected="L | D")


def _status(pid: Segment, has_ins: bool, findings: Findings) -> None:
    said = {pid.text(32, 1, n).upper() for n in pid.examined(32)}
    place = Place(pid, 32)
    if has_ins and (not said & QUALIFYING or said & BLOCKING):
        findings.say("INS_UNQUALIFIED", place, expected="VALI | QUAL")
    elif not has_ins and "QUAL" in said:
        findings.say("QUALIFIED_WITHOUT_INS", place, expected="VALI | PROV")


def _traits(pid: Segment, findings: Findings) -> None:
    patient = _raw(pid)
    for trait, (number, component), expected in _TRAITS:
        if not getattr(patient, trait):
            findings.say("INS_TRAIT", Place(pid, number, component), expected=expected, came="empty")


def _coherent(pid: Segment, ins: Place, findings: Findings) -> None:
    """Sex and month of birth as the number says them; a NIR may truly differ, so this is advice only."""
    number = ins.of(1).value
    if not well_formed(number):
        return
    patient = _raw(pid)
    if patient.sex in {"F", "M"} and patient.sex != _SEX[number[0]]:
        findings.say("INS_TRAITS_DIFFER", Place(pid, 8), expected="PID-3 (INS)", came="")
    born = parse_ts(patient.birth_date)
    year_differs = born is not None and born.iso[2:4] != number[1:3]
    month = number[3:5]
    month_differs = born is not None and "01" <= month <= "12" and born.month[5:7] not in {"", month}
    if year_differs or month_differs:
        findings.say("INS_TRAITS_DIFFER", Place(pid, 7), expected="PID-3 (INS)", came="")
