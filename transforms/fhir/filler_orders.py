"""The discrete results of a filler order (`hl7-oru`) as a DiagnosticReport and its Observations.

Codes, units and interpretations are those that terminology gives, beside what was said: a local code stays local, and
a unit that no table knows is words. What was deleted, posted as wrong or never asked for is no result.
"""

from __future__ import annotations

from typing import Final

from connectors.base import RawCode
from transforms.documents import DocumentRecord, Result, effective
from transforms.fhir.pool import Pool
from transforms.fhir.values import Json, coding, date_time, decimal, nothing_said, system_uri, unit
from transforms.moments import parse_ts
from transforms.orders import UNAVAILABLE
from transforms.terminology.maps import NO_MAP, SenderMap
from transforms.terminology.results import Coded, CodedResult, understood
from transforms.terminology.tables import LOINC_SYSTEMS, UCUM_CODES, names

LOINC: Final = "http://loinc.org"
INTERPRETATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
REPORTS: Final = {"P": "preliminary", "F": "final", "C": "corrected", "X": "cancelled"}
STATUSES: Final = {
    "F": "final",
    "C": "corrected",
    "P": "preliminary",
    "R": "preliminary",
    "S": "preliminary",
    "I": "registered",
    "A": "amended",
    "U": "final",
    "B": "final",
}
"""OBX-11, HL7 table 0085, to ObservationStatus (HL7 V2-to-FHIR)."""
COMPARATORS: Final = frozenset({"<", "<=", ">", ">="})


def order(pool: Pool, record: DocumentRecord, subject: Json, maps: SenderMap = NO_MAP) -> Json:
    """The report of an order; the reference to it."""
    key = f"{record.document_id}|{record.digest}"
    found = [
        pool.add(f"{key}|{number}", _observation(result, understood(result, maps), subject, when))
        for number, (result, when) in enumerate(zip(record.results, effective(record), strict=True), 1)
        if result.status.strip() not in UNAVAILABLE
    ]
    root, _, number = record.document_id.partition("^")
    system = system_uri(root)
    report: Json = {
        "resourceType": "DiagnosticReport",
        "identifier": [({"system": system} if system else {}) | {"value": number}] if number else [],
        "status": REPORTS.get(record.result_status, "unknown"),
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "LAB"}]}],
        "code": _concept([RawCode(record.type_code, record.type_system, record.title)], "") or nothing_said(),
        "subject": subject,
        "result": found,
    } | date_time("effectiveDateTime", record.created)
    return pool.add(f"report|{key}", {name: value for name, value in report.items() if value})


def _observation(result: Result, coded: CodedResult, subject: Json, when: str) -> Json:
    said = (result.code, *result.code.alternatives)
    resource: Json = {
        "resourceType": "Observation",
        "status": STATUSES.get(result.status.strip(), "unknown"),
        "category": [
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}
        ],
        "code": _concept(said, coded.code.code, coded.code.display) or nothing_said(),
        "subject": subject,
        "interpretation": [found for one in coded.interpretations if (found := _interpretation(one))],
        "method": _concept((result.method,), ""),
        "referenceRange": [_range(result, coded)] if result.range.strip() else [],
        "note": [{"text": note} for note in result.notes],
    }
    resource |= date_time("effectiveDateTime", when)
    resource |= _value(result, coded)
    return {name: value for name, value in resource.items() if value not in (None, "", [], {})}


def _value(result: Result, coded: CodedResult) -> Json:
    """The value by its type: a number with its comparator, a code, or words."""
    number = coded.number
    value = decimal(number.value)
    if value is not None and not number.separator:
        found: Json = {"value": value}
        if number.comparator in COMPARATORS:
            found["comparator"] = number.comparator
        return (
            {"valueQuantity": found | _unit(coded)} if number.comparator in COMPARATORS | {"", "="} else _words(result)
        )
    second = decimal(number.second)
    if value is not None and second is not None and number.separator in ("-", ":", "/"):
        if number.separator == "-":
            return {"valueRange": {"low": {"value": value} | _unit(coded), "high": {"value": second} | _unit(coded)}}
        return {"valueRatio": {"numerator": {"value": value}, "denominator": {"value": second}}}
    if result.value_type in ("CE", "CWE") and len(result.parts) == 1:
        code, display, system = (part.strip() for part in (*result.parts[0], "", "", "")[:3])
        concept = _concept((RawCode(code, system, display),), "")
        return {"valueCodeableConcept": concept} if concept else {}
    if result.value_type in ("TS", "DT", "DTM") and len(result.values) == 1 and (when := parse_ts(result.values[0])):
        return date_time("valueDateTime", when.iso)
    return _words(result)


def _words(result: Result) -> Json:
    if result.value_type == "ED":
        return {}
    said = "\n".join(value for value in result.values if value.strip())
    said = " ".join(part for part in (said, result.unit.code if result.value_type in ("NM", "SN") else "") if part)
    return {"valueString": said} if said else {}


def _unit(coded: CodedResult) -> Json:
    if coded.unit.code in UCUM_CODES:
        return {
            "unit": coded.unit.said or coded.unit.code,
            "system": "http://unitsofmeasure.org",
            "code": coded.unit.code,
        }
    return unit(coded.unit.said)


def _range(result: Result, coded: CodedResult) -> Json:
    found: Json = {"text": result.range.strip()}
    for name, end in (("low", coded.limits.low), ("high", coded.limits.high)):
        value = decimal(end)
        if value is not None:
            found[name] = {"value": value} | _unit(coded)
    return found


def _interpretation(one: Coded) -> Json | None:
    if one.code:
        return {"coding": [coding(one.code, "", one.display) | {"system": INTERPRETATION}]}
    return {"text": one.said} if one.said else None


def _concept(said: tuple[RawCode, ...] | list[RawCode], loinc: str, display: str = "") -> Json | None:
    """Codes as said, each in its own system when that is public or an OID; LOINC only where terminology gave it."""
    codings = [_said({"system": LOINC, "code": loinc, "display": display})] if loinc else []
    text = ""
    for one in said:
        code = one.code.strip()
        text = text or one.display.strip()
        if not code or names(one.system, LOINC_SYSTEMS):
            continue
        codings.append(_said({"system": system_uri(one.system.strip()), "code": code, "display": one.display.strip()}))
    found = _said({"coding": codings, "text": text})
    return found or None


def _said(found: Json) -> Json:
    return {name: value for name, value in found.items() if value}
