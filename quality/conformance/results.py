"""Discrete laboratory results in ORU: values that are what OBX-2 says, LOINC codes, units, statuses, filler numbers.

Source: HL7 v2.5, chapter 7 and 2.A; no French profile exists for them (CI-SIS sends results inside a CDA).
"""

from __future__ import annotations

import re

from connectors.hl7.anatomy import Anatomy, Segment
from quality.conformance.fields import check_number, check_time
from quality.conformance.finding import Findings, Place
from quality.conformance.profiles import Rule, tables

_LOINC = re.compile(r"([1-9]\d{0,6})-(\d)")
_DATES = {"DT": Rule(precision="day"), "TS": Rule(), "DTM": Rule()}
_TIME = re.compile(r"([01]\d|2[0-3])([0-5]\d)?([0-5]\d(\.\d{1,4})?)?([+-]\d{4})?")
_SN_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")


def check_results(message: Anatomy, findings: Findings) -> None:
    """Say what keeps a result from being read, linked or compared."""
    orc: Segment | None = None
    obr: Segment | None = None
    results: list[Segment] = []
    for segment in message.segments:
        if segment.name in {"ORC", "OBR"} and obr is not None:
            _request(orc, obr, results, findings)
            obr, results = None, []
            orc = None
        if segment.name == "ORC":
            orc = segment
        elif segment.name == "OBR":
            obr = segment
        elif segment.name == "OBX":
            results.append(segment)
            if segment.text(2) != "ED":
                _result(segment, findings)
    if obr is not None:
        _request(orc, obr, results, findings)


def _request(orc: Segment | None, obr: Segment, results: list[Segment], findings: Findings) -> None:
    """An OBR with the ORC right before it and the OBX below it."""
    if not obr.text(3) and not (orc is not None and orc.text(3)):
        findings.say("FILLER_ABSENT", Place(obr, 3), expected="number^namespace^OID^ISO")
    if results and not obr.valued(7) and not any(s.valued(14) for s in results):
        findings.say("COLLECTION_TIME", Place(obr, 7), expected="YYYYMMDDHHMM[±ZZZZ]")
    if results and not obr.valued(25):
        findings.say("FIELD_MISSING", Place(obr, 25), expected="P | F | C | X", level="warning")


def _result(obx: Segment, findings: Findings) -> None:
    kind = obx.text(2)
    _code(obx, findings)
    if not obx.valued(5):
        if obx.text(11) in {"F", "C"}:
            findings.say("RESULT_EMPTY", Place(obx, 5), expected="OBX-11 X | I")
        return
    if not kind:
        findings.say("RESULT_TYPE", Place(obx, 2), expected="NM | SN | ST | CE | CWE | TX | DT")
    for repetition in obx.examined(5):
        _value(Place(obx, 5, repetition=repetition), kind, findings)
    if kind in {"NM", "SN"} and not obx.valued(6):
        findings.say("RESULT_UNIT_MISSING", Place(obx, 6), expected="g/L^g/L^UCUM")


def _value(place: Place, kind: str, findings: Findings) -> None:
    if kind == "NM":
        check_number(place, findings)
    elif kind in _DATES:
        check_time(place, _DATES[kind], findings)
    elif kind == "TM" and place.value and not _TIME.fullmatch(place.value):
        findings.say("TIME_INVALID", place, expected="HHMM[SS][±ZZZZ]")
    elif kind in {"CE", "CWE"} and not (place.of(1).value or place.of(2).value or place.of(9).value):
        findings.say("RESULT_CODE", place, expected="code^label^system")
    elif kind == "SN":
        _structured(place, findings)


def _structured(place: Place, findings: Findings) -> None:
    """SN: comparator^number^separator^number (HL7 v2.5, 2.A.71)."""
    comparator, one, _, other = (place.of(number).value for number in (1, 2, 3, 4))
    if comparator and comparator not in tables()["sn"]:
        findings.say("RESULT_STRUCTURED", place.of(1), expected="<^5")
    for number, said in ((2, one), (4, other)):
        if said and not _SN_NUMBER.fullmatch(said):
            findings.say("RESULT_STRUCTURED", place.of(number), expected="<^5")
        elif "," in said:
            findings.say("DECIMAL_COMMA", place.of(number), expected="4.2")
    if not one:
        findings.say("RESULT_STRUCTURED", place.of(2), expected="<^5")


def _code(obx: Segment, findings: Findings) -> None:
    place = Place(obx, 3)
    systems = {1: place.of(3).value, 4: place.of(6).value}
    loinc = [number for number, system in systems.items() if system in {"LN", "LOINC", "2.16.840.1.113883.6.1"}]
    for number in loinc:
        code = place.of(number)
        found = _LOINC.fullmatch(code.value)
        if not found:
            findings.say("LOINC_FORM", code, expected="12345-6")
        elif check_digit(found[1]) != found[2]:
            findings.say("LOINC_DIGIT", code, expected="12345-6")
    if not loinc and place.of(1).value:
        findings.say("LOINC_ABSENT", place.of(4), expected="LOINC^label^LN", came="")


def check_digit(number: str) -> str:
    """The digit after the hyphen of a LOINC code: mod 10 (LOINC users' guide, appendix C; Luhn's way)."""
    total = 0
    for index, digit in enumerate(reversed(number)):
        doubled = int(digit) * (2 if index % 2 == 0 else 1)
        total += doubled // 10 + doubled % 10
    return str(-total % 10)
