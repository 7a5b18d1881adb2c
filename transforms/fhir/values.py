"""Data types of FHIR from values as said: codes, quantities, ranges, times. Nothing is added that was not said.

A number keeps its digits (`5.0` stays `5.0`), a date its precision. FHIR wants an offset beside a time of day: a time
without one is written as its day, with what was said beside it in an extension.
"""

from __future__ import annotations

import csv
import re
from decimal import Decimal
from importlib import resources
from typing import Any, Final, TypeAlias

from connectors.said import RawCode, RawId
from connectors.statements import Amount, Binary, Bound, Concept, Interval, Range, Ratio, Timing, Truth, Value, Words
from transforms.content.model import When
from transforms.content.times import moment
from transforms.oids import meant
from transforms.terminology.tables import UCUM_CODES

Json: TypeAlias = dict[str, Any]
EDQM: Final = "http://standardterms.edqm.eu"
UCUM: Final = "http://unitsofmeasure.org"
AS_SAID: Final = "urn:carnet:time-as-said"
"""Extension: a time as the source wrote it, where FHIR cannot hold it."""
TRANSLATION: Final = "http://hl7.org/fhir/StructureDefinition/iso21090-PQ-translation"
"""Extension (R4): the same quantity in another unit, as the source said it."""
ABSENT: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
REASON: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
NULLS: Final = {
    "UNK": "unknown",
    "NI": "unknown",
    "NASK": "not-asked",
    "ASKU": "asked-unknown",
    "NAV": "temp-unknown",
    "NA": "not-applicable",
    "MSK": "masked",
    "NINF": "negative-infinity",
    "PINF": "positive-infinity",
}
"""HL7 V3 NullFlavor to data-absent-reason (R4). `OTH` is no absence: the words say what there is."""
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d)(?::(\d\d)(?::(\d\d(?:\.\d+)?))?)?(Z|[+-]\d\d:\d\d)?")


def system_uri(oid: str) -> str:
    """The URI of a code system: the public one where there is one, else `urn:oid:`; a UUID as `urn:uuid:`."""
    right = meant(oid)
    if right in SYSTEMS:
        return SYSTEMS[right]
    if _UUID.fullmatch(right):
        return f"urn:uuid:{right.lower()}"
    return f"urn:oid:{right}" if _OID.fullmatch(right) else ""


def coding(code: str, system: str, display: str = "") -> Json:
    found = {"system": system_uri(system), "code": code, "display": display}
    return {name: value for name, value in found.items() if value}


def codeable(*concepts: Concept, text: str = "") -> Json | None:
    """A CodeableConcept of a concept with its translations: each code in its own system, words as text.

    R4 has no qualifiers: a side, an aspect, a version is said in the words, never left out.
    """
    codings: dict[tuple[str, str], Json] = {}
    words = text
    for concept in concepts:
        for one in _codings(concept):
            codings.setdefault((one.get("system", ""), one["code"]), one)
        words = words or concept.text
    words = words or next((concept.display for concept in concepts if concept.display and not concept.code), "")
    if said := _qualified(concepts):
        whole = words or next((concept.display or concept.code for concept in concepts if concept.code), "")
        words = f"{whole} ({said})" if whole else said
    found: Json = {"coding": list(codings.values())} if codings else {}
    return found | {"text": words} if words else found or None


def raw_codeable(code: RawCode) -> Json | None:
    """The same of a code of the header."""
    codings = [coding(one.code, one.system, one.display) for one in (code, *code.alternatives) if one.code]
    words = code.text or ("" if codings else code.display)
    found: Json = {"coding": codings} if codings else {}
    return found | {"text": words} if words else found or None


def identifier(id_: RawId) -> Json | None:
    """An `II`: an OID without extension is itself the value, in `urn:ietf:rfc:3986`."""
    system = system_uri(id_.root)
    if not system:
        return {"value": id_.extension} if id_.extension else None
    if id_.extension:
        return {"system": system, "value": id_.extension}
    return {"system": "urn:ietf:rfc:3986", "value": system}


def quantity(amount: Amount | Bound, comparator: str = "") -> Json | None:
    """A quantity with its unit: coded when it is UCUM, in words otherwise. A value that is no number is none."""
    number = decimal(amount.value)
    if number is None:
        return None
    found: Json = {"value": number}
    if comparator:
        found["comparator"] = comparator
    if told := [one for other in amount.translations if (one := quantity(other))]:
        found["extension"] = [{"url": TRANSLATION, "valueQuantity": one} for one in told]
    return found | unit(amount.unit)


def unit(said: str) -> Json:
    """`unit` in words; `system` and `code` for what the closed table knows as UCUM, annotations (`{tablet}`) too, and
    for a packaging of EDQM."""
    if not said:
        return {}
    if said in UCUM_CODES or said in TIMES or _ANNOTATION.fullmatch(said):
        return {"unit": said, "system": UCUM, "code": said}
    if _PACKAGING.fullmatch(said):
        return {"unit": said, "system": EDQM, "code": said}
    return {"unit": said}


def simple_quantity(value: Interval | Amount | None) -> Json | None:
    """A dose given as one number, or as an interval whose ends are one number."""
    if isinstance(value, Amount):
        return quantity(value)
    if value is not None and value.low and value.high and _same(value.low, value.high):
        return quantity(value.low)
    return None


def range_(value: Interval) -> Json | None:
    """Both ends of an interval, or one."""
    low = quantity(value.low) if value.low else None
    high = quantity(value.high) if value.high else None
    found = {"low": low, "high": high}
    return {name: end for name, end in found.items() if end is not None} or None


def ratio(value: Ratio) -> Json | None:
    above, below = quantity(value.numerator), quantity(value.denominator)
    return {"numerator": above, "denominator": below} if above and below else None


def value_x(value: Value) -> Json:
    """`value[x]` or `dataAbsentReason` of an observation's value; empty when nothing can be said."""
    match value:
        case Concept():
            found = codeable(value)
            return {"valueCodeableConcept": found} if found else absent(value.null)
        case Amount():
            number = quantity(value)
            return {"valueQuantity": number} if number else _words(value.value or value.text, value.null)
        case Interval():
            return _interval(value)
        case Ratio():
            found = ratio(value)
            return {"valueRatio": found} if found else absent(value.null)
        case Truth():
            return {"valueBoolean": value.value in ("true", "1")} if value.value in _TRUTHS else _words("", value.null)
        case Words():
            return _words(value.text, value.null)
        case Timing():
            return _time_value(value)
        case Binary():
            return absent(value.null)


def absent(null: str) -> Json:
    """Why there is no value; nothing for a null flavour that is no absence."""
    if null not in NULLS:
        return {}
    return {"dataAbsentReason": {"coding": [{"system": ABSENT, "code": NULLS[null]}]}}


def nothing_said(reason: str = "unknown") -> Json:
    """A required element of which nothing is said."""
    return {"extension": [{"url": REASON, "valueCode": reason}]}


def reference_range(value: Range) -> Json | None:
    """Low and high as quantities, and what only words say as text."""
    found: Json = {}
    if isinstance(value.value, Interval):
        found = range_(value.value) or {}
    elif value.value is not None and (said := value_words(value.value)):
        found["text"] = said
    if value.text:
        found["text"] = value.text
    if not found:
        return None
    if value.interpretation:
        kind = REFERENCE_RANGES.get(value.interpretation)
        if kind:
            found["type"] = {"coding": [{"system": REFERENCE_RANGE_TYPES, "code": kind}]}
    if value.preconditions:
        found["appliesTo"] = [{"text": said} for said in value.preconditions]
    return found


def value_words(value: Value | Interval) -> str:
    """A value in words, where FHIR has no place for its type."""
    match value:
        case Concept():
            return value.text or value.display or value.code
        case Amount() | Bound():
            return " ".join(part for part in (value.value, value.unit) if part)
        case Words():
            return value.text
        case Truth():
            return value.value
        case Interval():
            low = value_words(value.low) if value.low else ""  # type: ignore[arg-type]
            high = value_words(value.high) if value.high else ""  # type: ignore[arg-type]
            return " – ".join(part for part in (low, high) if part)
        case _:
            return ""


def date_time(name: str, iso: str) -> Json:
    """A `dateTime` element by its name. Seconds are filled with zeros where the minute is known, as R4 allows; an hour
    alone, or a time without an offset, is written as its day with what was said in an extension."""
    if not iso:
        return {}
    found = _TIME.fullmatch(iso)
    if found is None:
        return {name: iso}
    day, hour, minute, second, offset = found.groups()
    if offset and minute:
        return {name: f"{day}T{hour}:{minute}:{second or '00'}{offset}"}
    return {name: day, f"_{name}": {"extension": [{"url": AS_SAID, "valueString": iso}]}}


def period(when: When) -> Json | None:
    """Start and end of a time, each as precise as it was said."""
    found = date_time("start", when.start or when.at) | date_time("end", when.end)
    return found or None


def date_or_period(prefix: str, when: When) -> Json:
    """`<prefix>DateTime` for a moment, `<prefix>Period` for an interval."""
    if when.at:
        return date_time(f"{prefix}DateTime", when.at)
    found = period(when)
    return {f"{prefix}Period": found} if found else {}


def decimal(text: str) -> Decimal | None:
    """A number with the digits it was written with; None for any other text."""
    return Decimal(text.lstrip("+")) if _NUMBER.fullmatch(text) else None


def _interval(value: Interval) -> Json:
    low, high = value.low, value.high
    if low and high and low.value and high.value:
        found = range_(value)
        return {"valueRange": found} if found else {}
    for end, within, beyond in ((high, "<=", "<"), (low, ">=", ">")):
        if end is not None and end.value:
            found = quantity(end, within if end.inclusive else beyond)
            return {"valueQuantity": found} if found else _words(end.value, end.null)
    if value.center is not None:
        found = quantity(value.center)
        return {"valueQuantity": found} if found else absent(value.center.null)
    return absent(value.null or (low.null if low else "") or (high.null if high else ""))


def _time_value(value: Timing) -> Json:
    found = moment(value)
    if found.at:
        return date_time("valueDateTime", found.at)
    if spell := period(found):
        return {"valuePeriod": spell}
    return _words(value.text or value.event, value.null or found.absent)


def _words(text: str, null: str) -> Json:
    return {"valueString": text} if text else absent(null)


def _qualified(concepts: tuple[Concept, ...]) -> str:
    """The values of the qualifiers in words, each with its name where it has one."""
    found = []
    for concept in concepts:
        for name, value in concept.qualifiers:
            told, what = value_words(value), value_words(name)
            if told:
                found.append(f"{what} : {told}" if what else told)
    return "; ".join(dict.fromkeys(found))


def _codings(concept: Concept) -> list[Json]:
    found = [coding(concept.code, concept.system, concept.display)] if concept.code else []
    for translation in concept.translations:
        found.extend(_codings(translation))
    return found


def _same(low: Bound, high: Bound) -> bool:
    return bool(low.value) and (low.value, low.unit) == (high.value, high.unit)


def _systems() -> dict[str, str]:
    text = resources.files(__package__).joinpath("systems.csv").read_text("utf-8")
    return {row["oid"]: row["uri"] for row in csv.DictReader(text.splitlines())}


SYSTEMS: Final = _systems()
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]*))+")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_PACKAGING = re.compile(r"(?:15|30)[0-9]{6}")
"""EDQM Standard Terms: units of presentation and packaging (CI-SIS, quantités délivrées)."""
TIMES: Final = frozenset({"s", "min", "h", "d", "wk", "mo", "a"})
"""Units of time of UCUM that R4 has (UnitsOfTime)."""
_ANNOTATION = re.compile(r"\{[^{}]+\}(?:/(?:min|h|d|wk|mo|a))?")
_TRUTHS = frozenset({"true", "false", "1", "0"})
REFERENCE_RANGE_TYPES: Final = "http://terminology.hl7.org/CodeSystem/referencerange-meaning"
REFERENCE_RANGES: Final = {"N": "normal"}
"""What a range says it is (interpretationCode of the observationRange)."""
