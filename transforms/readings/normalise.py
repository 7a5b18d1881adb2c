"""A batch of readings as said → canonical readings, and for every other row the end and the code that says why.

Reasons are looked for in one order and the first one counts: is it a reading at all, can the file be decided (date
order, units), its time, its value and unit, its plausibility.
"""

from __future__ import annotations

import datetime
import unicodedata
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

import msgspec

from connectors.base import RawReading, RawReadings
from connectors.devices.date_order import DateOrder
from transforms.readings.measures import CONTEXT, MEASURES, PARTS, SLEEP_STAGES, THRESHOLDS, Measure
from transforms.readings.plausibility import Verdict, judge, judge_pressure
from transforms.readings.schema import CANONICAL, REJECTS, Normalised, Reading, Reject, table
from transforms.readings.units import CONVERSIONS, contradicted, convert, number, plain
from transforms.readings.zones import Moment, microseconds, moment

FUTURE = datetime.timedelta(hours=24)
"""A reading may be later than its receipt by this: device clocks drift, and zones differ."""

REFUSED = frozenset({"VALUE_MISSING", "VALUE_NOT_NUMERIC", "UNIT_MISSING", "TIME_MISSING", "TIME_UNREADABLE"})
"""Codes that only the sender can mend. Every other one holds the row: a setting or a decision can release it."""

_RESET_DAYS = frozenset({"1970-01-01", "1989-12-31", "2000-01-01"})
"""Days that a clock shows after its battery was out."""

_MINUTE = Decimal(60_000_000)

_TEXT_BOUNDS = {"lo": "<", "low": "<", "hi": ">", "high": ">"}


class _File(NamedTuple):
    """What holds for every row of the batch."""

    format: str
    order: DateOrder
    contradicted: bool
    zone: str | None
    zone_origin: str
    latest: int
    latest_day: str


class _When(NamedTuple):
    """Start and, where it lasts, end of a reading."""

    start: Moment
    end: Moment | None
    zone_origin: str | None


class _Quantity(NamedTuple):
    """A value in its canonical unit, with the text it comes from and what it is flagged for."""

    value: str | None
    components: list[dict[str, str]] | None
    original: str
    comparator: str | None = None
    verdict: Verdict = ""
    context: tuple[str, str] | None = None


def normalise(
    raw: RawReadings,
    zone: str | None,
    received_at: datetime.datetime,
    zone_origin: str = "sender",
) -> Normalised:
    """Every row of the batch ends in one of two tables (schemas `CANONICAL` and `REJECTS`).

    `zone` is the IANA zone vouched for where the file states none (None: such rows are held), `zone_origin` the word
    for who vouched (`manifest`, `sender`, `patient` …), `received_at` an aware time that tells the future.
    """
    facts = raw.facts
    file = _File(
        format=facts.get("format", ""),
        order=facts.get("date_order", "YMD"),
        contradicted=contradicted(facts),
        zone=zone,
        zone_origin=zone_origin,
        latest=microseconds(received_at + FUTURE),
        latest_day=(received_at + FUTURE).date().isoformat(),
    )
    readings: list[Reading] = []
    rejects: list[Reject] = []
    for cells in zip(*(column.to_pylist() for column in raw.batch.columns), strict=True):
        match _read(RawReading(*cells), file):
            case Reading() as reading:
                readings.append(reading)
            case Reject() as reject:
                rejects.append(reject)
    return Normalised(table(readings, CANONICAL), table(rejects, REJECTS))


def _read(row: RawReading, file: _File) -> Reading | Reject:
    if row.status:
        return Reject(row.line, "ignored", row.status)
    measure = MEASURES.get((file.format, row.measure))
    if measure is None:
        return _reject(row, "MEASURE_UNKNOWN")
    if file.order == "ambiguous":
        return _reject(row, "DATE_ORDER_AMBIGUOUS")
    if file.contradicted and measure.measure == "glucose":
        return _reject(row, "UNITS_CONTRADICT")
    when = _when(row, file)
    if isinstance(when, str):
        return _reject(row, when)
    quantity = _quantity(row, measure, file, when)
    if isinstance(quantity, str):
        return _reject(row, quantity)
    if quantity.verdict == "IMPLAUSIBLE":
        return _reject(row, "IMPLAUSIBLE")
    reset = "CLOCK_RESET" if when.start.local[:10] in _RESET_DAYS else ""
    return Reading(
        measure=measure.measure,
        loinc=measure.loinc,
        value=quantity.value,
        components=quantity.components,
        unit=measure.unit,
        original_value=quantity.original,
        original_unit=row.unit,
        comparator=quantity.comparator,
        effective=when.start.effective,
        end=when.end.effective if when.end else None,
        precision=when.start.precision,
        instant=when.start.instant,
        zone_origin=when.zone_origin,
        device=row.device,
        origin=row.origin,
        status="final",
        flags=sorted({flag for flag in (quantity.verdict, when.start.flag, reset) if flag}),
        context=_context(file.format, row.context, measure.specimen, quantity.context),
        line=row.line,
        natural_key=_natural_key(row, file, when),
    )


def _reject(row: RawReading, code: str) -> Reject:
    return Reject(row.line, "refused" if code in REFUSED else "held", code)


def _when(row: RawReading, file: _File) -> _When | str:
    """Start and end of a row, or the code of what is wrong with them."""
    if not row.time:
        return "TIME_MISSING"
    zone = row.zone or file.zone
    start = moment(row.time, file.order, zone)
    if isinstance(start, str):
        return start
    end = moment(row.end_time, file.order, zone) if row.end_time and row.end_time != row.time else None
    if isinstance(end, str):
        return end
    last = end or start
    if last.instant is None:
        if last.effective > file.latest_day:
            return "TIME_FUTURE"
    elif last.instant > file.latest:
        return "TIME_FUTURE"
    if end and end.instant is not None and start.instant is not None and end.instant < start.instant:
        return "INTERVAL_REVERSED"
    if start.precision == "day":
        return _When(start, end, None)
    return _When(start, end, "source" if start.stated or row.zone else file.zone_origin)


def _quantity(row: RawReading, measure: Measure, file: _File, when: _When) -> _Quantity | str:
    match measure.measure:
        case "sleep":
            return _stage(row, measure, file, when)
        case "blood_pressure":
            return _pressure(row)
        case _:
            return _scalar(row, measure, file)


def _scalar(row: RawReading, measure: Measure, file: _File) -> _Quantity | str:
    said = (row.value or "").strip()
    if not said:
        return "VALUE_MISSING"
    if sign := _TEXT_BOUNDS.get(said.casefold()):
        bound = THRESHOLDS.get((file.format, measure.measure, measure.specimen, sign))
        return _Quantity(plain(bound), None, said, sign) if bound is not None else "THRESHOLD_UNKNOWN"
    if not row.unit:
        return "UNIT_MISSING"
    how = CONVERSIONS.get((measure.measure, row.unit))
    if how is None:
        return "UNIT_UNKNOWN"
    comparator = said[0] if said[0] in "<>" else None
    value = number(said[1:].strip() if comparator else said)
    if value is None:
        return "VALUE_NOT_NUMERIC"
    fraction = measure.measure == "oxygen_saturation" and value <= 1
    canonical = convert(value.scaleb(2) if fraction else value, how)
    verdict = "" if comparator else judge(canonical, measure)
    context = ("scale", "fraction") if fraction else None
    return _Quantity(plain(canonical), None, said, comparator, verdict, context)


def _pressure(row: RawReading) -> _Quantity | str:
    if not row.value or not row.value2:
        return "COMPONENT_MISSING"
    if not row.unit:
        return "UNIT_MISSING"
    how = CONVERSIONS.get(("blood_pressure", row.unit))
    if how is None:
        return "UNIT_UNKNOWN"
    systolic, diastolic = number(row.value), number(row.value2)
    if systolic is None or diastolic is None:
        return "VALUE_NOT_NUMERIC"
    values = {"systolic": convert(systolic, how), "diastolic": convert(diastolic, how)}
    parts = [{"loinc": PARTS["blood_pressure", name].loinc, "value": plain(v)} for name, v in values.items()]
    return _Quantity(None, parts, f"{row.value}/{row.value2}", None, judge_pressure(**values))


def _stage(row: RawReading, measure: Measure, file: _File, when: _When) -> _Quantity | str:
    """A stretch of sleep: its minutes, from start to end, and its stage."""
    stage = SLEEP_STAGES.get((file.format, row.value or ""))
    if stage is None:
        return "SLEEP_STAGE_UNKNOWN"
    if when.end is None or when.end.instant is None or when.start.instant is None:
        return "TIME_MISSING"
    minutes = Decimal(when.end.instant - when.start.instant) / _MINUTE
    value = minutes.quantize(Decimal("0.01")) if minutes % 1 else minutes.quantize(Decimal(1))
    return _Quantity(plain(value), None, row.value or "", None, judge(value, measure), ("stage", stage))


@lru_cache(maxsize=4096)
def _context(format: str, text: str | None, specimen: str, more: tuple[str, str] | None) -> str | None:
    """The context in closed names; what the table does not know stays in the raw bytes."""
    said: dict[str, str] = msgspec.json.decode(text, type=dict[str, str]) if text else {}
    found: dict[str, str] = {}
    for key, value in said.items():
        if verbatim := CONTEXT.get((format, key, "*")):
            found[verbatim[0]] = value
        elif known := CONTEXT.get((format, key, value)):
            found[known[0]] = known[1]
    if specimen:
        found["specimen"] = specimen
    if more:
        found[more[0]] = more[1]
    return msgspec.json.encode(found, order="sorted").decode() if found else None


def _natural_key(row: RawReading, file: _File, when: _When) -> str:
    """What is equal for one reading in two exports: instants where offsets are stated (two exports of one phone print
    other offsets), else the wall clock (whatever zone it was read in); the value as said, its decimal sign evened.
    """
    start, end = (place and (place.instant if place.stated else place.local) for place in (when.start, when.end))
    value = [text and text.replace(",", ".") for text in (row.value, row.value2)]
    writer = _folded(row.origin) if row.origin else None
    parts = [file.format, row.measure, row.device, writer, start, end, *value, row.unit]
    return msgspec.json.encode(parts).decode()


@lru_cache(maxsize=1024)
def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
