"""What a batch means: one measure, one unit, one point in time, and for every other row the end and its code."""

from __future__ import annotations

import datetime
from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import READINGS, Locator, RawReadings, Source, Span
from connectors.devices import apple_health, libreview
from tests.connectors.devices.exports import correlation, element, health, pressure, record
from tests.connectors.devices.exports import libreview as export
from tests.connectors.devices.samples import sample
from transforms.readings.normalise import REFUSED, normalise
from transforms.readings.schema import CANONICAL, REJECTS, Normalised

RECEIVED = datetime.datetime(2026, 11, 20, 12, tzinfo=datetime.UTC)
PARIS = "Europe/Paris"
Rows = list[tuple[str, str, str]]


def libre(rows: Rows, zone: str | None = PARIS, **how: Any) -> Normalised:
    (batch,) = libreview.read(Source.of_bytes("x", export(rows, **how).encode()))
    assert isinstance(batch, RawReadings)
    return normalise(batch, zone, RECEIVED)


def apple(body: str, zone: str | None = None) -> Normalised:
    batch = next(apple_health.read(Source.of_bytes("x", health(body).encode())))
    assert isinstance(batch, RawReadings)
    return normalise(batch, zone, RECEIVED)


def codes(found: Normalised) -> list[tuple[str, str]]:
    return [(row["end"], row["code"]) for row in found.rejects.to_pylist()]


def one(found: Normalised) -> dict[str, Any]:
    (row,) = found.readings.to_pylist()
    return dict(row)


def test_the_real_exports_are_wholly_taken_when_the_zone_is_known() -> None:
    path = sample("cgm_format/data/input/FreeStyle_Libre_3_synthetic.csv")
    (batch,) = libreview.read(Source.of_path(path))
    assert isinstance(batch, RawReadings)
    taken = normalise(batch, PARIS, RECEIVED)
    assert {tuple(code) for code in codes(taken)} == {("ignored", "NOT_A_READING_NOTE")}
    assert taken.readings.num_rows == sum(not s for s in batch.batch["status"].to_pylist())
    assert codes(normalise(batch, None, RECEIVED)).count(("held", "ZONE_UNKNOWN")) == taken.readings.num_rows

    source = Source.of_path(sample("apple-health-parser/tests/data/export.xml"))
    first = next(apple_health.read(source))
    assert isinstance(first, RawReadings)
    found = normalise(first, None, RECEIVED)
    assert Counter(found.readings["measure"].to_pylist()) == {"heart_rate": 2, "sleep": 2}
    assert found.rejects.num_rows == 0


def test_a_reading_of_a_sensor_in_mg_dl() -> None:
    assert one(libre([("13-11-2025 08:15", "0", "98")])) == {
        "measure": "glucose",
        "loinc": "99504-3",
        "value": "98",
        "components": None,
        "unit": "mg/dL",
        "original_value": "98",
        "original_unit": "mg/dL",
        "comparator": None,
        "effective": "2025-11-13T08:15:00+01:00",
        "end": None,
        "precision": "minute",
        "instant": 1763018100000000,
        "zone_origin": "sender",
        "device": "name:FreeStyle Libre 3, serial:SN-1",
        "origin": "LibreView",
        "status": "final",
        "flags": [],
        "context": '{"specimen":"interstitial"}',
        "line": 3,
        "natural_key": (
            '["libreview","historic_glucose","name:FreeStyle Libre 3, serial:SN-1","libreview",'
            '"2025-11-13T08:15:00",null,"98",null,"mg/dL"]'
        ),
    }


def test_a_french_mmol_file_with_decimal_commas_becomes_whole_mg_dl_and_keeps_the_original() -> None:
    found = libre([("13/11/2025 08:15", "0", "5,6"), ("13/11/2025 08:30", "2", "10,0")], unit="mmol/L", french=True)
    rows = found.readings.to_pylist()
    assert [(r["value"], r["unit"], r["original_value"], r["original_unit"], r["loinc"]) for r in rows] == [
        ("101", "mg/dL", "5,6", "mmol/L", "99504-3"),
        ("180", "mg/dL", "10,0", "mmol/L", "2345-7"),
    ]


def test_grams_per_litre_are_exact() -> None:
    assert one(libre([("13/11/2025 08:15", "0", "1,05")], unit="g/L", french=True))["value"] == "105"


def test_lo_and_hi_are_bounds_of_the_sensor_and_never_values() -> None:
    found = libre([("13-11-2025 08:15", "0", "LO"), ("13-11-2025 08:30", "1", "HI"), ("13-11-2025 08:45", "2", "LO")])
    rows = [(r["comparator"], r["value"], r["original_value"]) for r in found.readings.to_pylist()]
    assert rows == [("<", "40", "LO"), (">", "500", "HI")]
    assert codes(found) == [("held", "THRESHOLD_UNKNOWN")]


def test_a_file_whose_date_order_is_not_proved_is_held_whole() -> None:
    found = libre([("03-04-2025 08:00", "0", "98"), ("04-04-2025 08:00", "6", ""), ("04-04-2025 08:00", "3", "0.4")])
    assert codes(found) == [
        ("held", "DATE_ORDER_AMBIGUOUS"),
        ("ignored", "NOT_A_READING_NOTE"),
        ("held", "DATE_ORDER_AMBIGUOUS"),
    ]


def test_american_dates_and_half_days_are_read() -> None:
    found = libre([("11-13-2025 12:05 AM", "0", "98"), ("11-13-2025 12:05 PM", "0", "98")])
    assert [row["effective"] for row in found.readings.to_pylist()] == [
        "2025-11-13T00:05:00+01:00",
        "2025-11-13T12:05:00+01:00",
    ]


def test_without_a_zone_a_wall_clock_is_held_and_never_guessed() -> None:
    rows: Rows = [("13-11-2025 08:15", "0", "98")]
    assert codes(libre(rows, zone=None)) == [("held", "ZONE_UNKNOWN")]
    assert codes(libre(rows, zone="Europe/Nowhere")) == [("held", "ZONE_UNKNOWN")]
    assert codes(libre(rows, zone="../../etc/passwd")) == [("held", "ZONE_UNKNOWN")]
    assert one(libre(rows, zone="Indian/Reunion"))["effective"] == "2025-11-13T08:15:00+04:00"


@pytest.mark.parametrize("gap", ["30-03-2025", "29-03-2026"])
def test_the_hour_that_spring_leaves_out_is_held(gap: str) -> None:
    found = libre([(f"{gap} {time}", "0", "98") for time in ("01:59", "02:00", "02:59", "03:00")])
    day = "-".join(reversed(gap.split("-")))
    assert [r["effective"] for r in found.readings.to_pylist()] == [f"{day}T01:59:00+01:00", f"{day}T03:00:00+02:00"]
    assert codes(found) == [("held", "TIME_NONEXISTENT")] * 2


@pytest.mark.parametrize("fold", ["26-10-2025", "25-10-2026"])
def test_both_readings_of_the_hour_that_autumn_repeats_are_kept_and_flagged(fold: str) -> None:
    times = [("01:59", "98"), ("02:30", "100"), ("02:30", "110"), ("03:00", "99")]
    rows = libre([(f"{fold} {time}", "0", value) for time, value in times]).readings.to_pylist()
    day = "-".join(reversed(fold.split("-")))
    assert [(row["effective"], row["value"], row["flags"]) for row in rows] == [
        (f"{day}T01:59:00+02:00", "98", []),
        (f"{day}T02:30:00+02:00", "100", ["TIME_AMBIGUOUS"]),
        (f"{day}T02:30:00+02:00", "110", ["TIME_AMBIGUOUS"]),
        (f"{day}T03:00:00+01:00", "99", []),
    ]
    assert len({row["natural_key"] for row in rows}) == 4


@pytest.mark.parametrize(
    ("unit", "values"),
    [
        ("mg/dL", ["98", "5.6", "110"]),
        ("mg/dL", ["6", "7", "5", "6", "8"]),
        ("mmol/L", ["98", "110"]),
        ("mmol/L", ["5.6", "6.1", "7.0", "98", "101"]),
        ("g/L", ["98", "110"]),
    ],
)
def test_values_that_can_not_be_in_the_declared_unit_hold_the_glucose_of_the_file(unit: str, values: list[str]) -> None:
    rows = [(f"13-11-2025 08:{n:02}", "0", value) for n, value in enumerate(values)]
    found = libre([*rows, ("13-11-2025 09:00", "3", "0.4")], unit=unit)
    assert codes(found) == [("held", "UNITS_CONTRADICT")] * len(values)
    assert one(found)["measure"] == "ketone"


def test_two_declared_units_of_one_measure_contradict_each_other() -> None:
    text = export([("13-11-2025 08:00", "0", "98")]).replace("Scan Glucose mg/dL", "Scan Glucose mmol/L")
    (batch,) = libreview.read(Source.of_bytes("x", text.encode()))
    assert isinstance(batch, RawReadings)
    assert codes(normalise(batch, PARIS, RECEIVED)) == [("held", "UNITS_CONTRADICT")]


def test_a_low_reading_alone_does_not_contradict_its_unit() -> None:
    assert one(libre([("13-11-2025 08:00", "2", "31")]))["flags"] == []
    assert one(libre([("13-11-2025 08:00", "2", "18")]))["flags"] == ["SUSPECT"]


@pytest.mark.parametrize(
    ("kind", "unit", "said", "value", "canonical"),
    [
        ("BodyMass", "kg", "72.50", "72.50", "kg"),
        ("BodyMass", "lb", "164.3", "74.53", "kg"),
        ("BodyMass", "g", "72500", "72.500", "kg"),
        ("BodyMass", "st", "11.5", "73.0", "kg"),
        ("Height", "m", "1.75", "175", "cm"),
        ("Height", "in", "69", "175", "cm"),
        ("Height", "ft", "5.74", "175.0", "cm"),
        ("BodyTemperature", "degF", "98.6", "37.0", "Cel"),
        ("BodyTemperature", "degC", "37.25", "37.25", "Cel"),
        ("BodyTemperature", "K", "310.15", "37.0", "Cel"),
        ("OxygenSaturation", "%", "0.97", "97", "%"),
        ("OxygenSaturation", "%", "97", "97", "%"),
        ("RespiratoryRate", "count/min", "14.5", "14.5", "/min"),
        ("StepCount", "count", "329", "329", "{steps}"),
        ("HeartRate", "count/s", "1.2", "72", "/min"),
        ("BloodGlucose", "mmol&lt;180.1558800000541&gt;/L", "5.5", "99", "mg/dL"),
        ("BloodGlucose", "mg/dL", "99", "99", "mg/dL"),
    ],
)
def test_units_become_canonical_and_precision_is_kept(
    kind: str, unit: str, said: str, value: str, canonical: str
) -> None:
    row = one(apple(record(f"HKQuantityTypeIdentifier{kind}", said, unit)))
    assert (row["value"], row["unit"], row["original_value"]) == (value, canonical, said)
    assert row["zone_origin"] == "source"


def test_a_pressure_has_two_components_and_its_repeats_are_ignored() -> None:
    found = apple(pressure("16.0", "10.7", unit="kPa") + correlation(pressure("16.0", "10.7", unit="kPa")))
    row = one(found)
    assert (row["value"], row["loinc"], row["unit"], row["original_value"]) == (None, "85354-9", "mm[Hg]", "16.0/10.7")
    assert row["components"] == [{"loinc": "8480-6", "value": "120.0"}, {"loinc": "8462-4", "value": "80.3"}]
    assert codes(found) == [("ignored", "REPEATED_IN_CORRELATION")] * 2


@pytest.mark.parametrize(
    ("systolic", "diastolic", "outcome"),
    [("120", "80", []), ("120", "110", ["SUSPECT"]), ("250", "170", ["SUSPECT"]), ("80", "120", "IMPLAUSIBLE")],
)
def test_a_pressure_is_judged_by_its_values_and_their_difference(
    systolic: str, diastolic: str, outcome: list[str] | str
) -> None:
    found = apple(correlation(pressure(systolic, diastolic)))
    if isinstance(outcome, str):
        assert codes(found) == [("held", outcome)]
    else:
        assert one(found)["flags"] == outcome


@pytest.mark.parametrize(
    ("body", "end", "code"),
    [
        (record("HKQuantityTypeIdentifierBloodPressureSystolic", "120", "mmHg"), "held", "COMPONENT_MISSING"),
        (record(value=""), "refused", "VALUE_MISSING"),
        (record(value="abc"), "refused", "VALUE_NOT_NUMERIC"),
        (record(value="1e99999"), "refused", "VALUE_NOT_NUMERIC"),
        (record(value="NaN"), "refused", "VALUE_NOT_NUMERIC"),
        (record(unit=""), "refused", "UNIT_MISSING"),
        (record(unit="furlong"), "held", "UNIT_UNKNOWN"),
        (record(value="0"), "held", "IMPLAUSIBLE"),
        (record("HKQuantityTypeIdentifierBodyTemperature", "98.6", "degC"), "held", "IMPLAUSIBLE"),
        (record(start=""), "refused", "TIME_MISSING"),
        (record(start="2025-02-30 08:00:00 +0100"), "refused", "TIME_UNREADABLE"),
        (record(start="2025-11-03 24:00:00 +0100"), "refused", "TIME_UNREADABLE"),
        (record(start="yesterday"), "refused", "TIME_UNREADABLE"),
        (record(start="0001-01-01 00:00:00 +0200"), "refused", "TIME_UNREADABLE"),
        (record(start="2026-11-22 12:00:00 +0100"), "held", "TIME_FUTURE"),
        (record(start="2025-11-03 08:00:00"), "held", "ZONE_UNKNOWN"),
        (record(endDate="2025-11-03 07:59:59 +0100"), "held", "INTERVAL_REVERSED"),
        (record("HKCategoryTypeIdentifierSleepAnalysis", "Dreaming", ""), "held", "SLEEP_STAGE_UNKNOWN"),
    ],
)
def test_a_row_that_can_not_be_taken_says_why(body: str, end: str, code: str) -> None:
    assert codes(apple(body)) == [(end, code)]


def test_a_record_type_that_nobody_knows_is_held() -> None:
    assert codes(libre([("13-11-2025 08:00", "9", "")])) == [("held", "MEASURE_UNKNOWN")]


def test_sleep_is_the_minutes_of_a_stage() -> None:
    kind, value = "HKCategoryTypeIdentifierSleepAnalysis", "HKCategoryValueSleepAnalysisAsleepREM"
    row = one(apple(record(kind, value, "", endDate="2025-11-03 08:12:30 +0100")))
    assert (row["value"], row["unit"], row["context"]) == ("12.50", "min", '{"stage":"asleep_rem"}')
    assert (row["effective"], row["end"]) == ("2025-11-03T08:00:00+01:00", "2025-11-03T08:12:30+01:00")


def test_context_is_told_in_closed_words_and_the_rest_left_out() -> None:
    entries = [("HKWasUserEntered", "1"), ("HKBloodGlucoseMealTime", "2"), ("Note", "private")]
    body = "".join(element("MetadataEntry", key=key, value=value) for key, value in entries)
    row = one(apple(record("HKQuantityTypeIdentifierBloodGlucose", "99", "mg/dL", body=body)))
    assert row["context"] == '{"entry":"manual","meal":"after"}'


def test_one_export_under_two_phone_offsets_has_the_same_instants_and_keys() -> None:
    winter = one(apple(record(start="2025-11-03 08:00:00 +0100", sourceName="Montre\u00a0A")))
    summer = one(apple(record(start="2025-11-03 09:00:00 +0200", sourceName="Montre A")))
    assert winter["effective"] != summer["effective"]
    assert (winter["instant"], winter["natural_key"]) == (summer["instant"], summer["natural_key"])


def test_one_reading_in_two_date_formats_has_one_key() -> None:
    one_way = one(libre([("13-11-2025 08:15", "0", "5,6")], unit="mmol/L", french=True))
    other = one(libre([("11-13-2025 08:15 AM", "0", "5.6")], unit="mmol/L"))
    assert one_way["natural_key"] == other["natural_key"]


def test_a_clock_that_shows_its_reset_day_is_flagged() -> None:
    assert one(apple(record(start="2000-01-01 00:03:00 +0100")))["flags"] == ["CLOCK_RESET"]


CELL = st.one_of(st.none(), st.text(max_size=12), st.sampled_from(["98", "5,6", "LO", "mg/dL", "13-11-2025 08:15"]))
MEASURE = st.sampled_from(["historic_glucose", "HKCategoryTypeIdentifierSleepAnalysis", "x"])
TIME = st.one_of(CELL, st.datetimes().map(lambda t: t.strftime("%d-%m-%Y %H:%M")), st.datetimes().map(str))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.fixed_dictionaries({"measure": MEASURE, "value": CELL, "unit": CELL, "time": TIME}), max_size=6),
    st.sampled_from(["libreview", "apple-health", "none"]),
    st.sampled_from(["DMY", "MDY", "YMD", "ambiguous"]),
    st.sampled_from([None, PARIS, "Africa/Casablanca", "Pacific/Apia"]),
)
def test_every_row_of_any_batch_ends_in_one_table(
    rows: list[dict[str, Any]], form: str, order: str, zone: str | None
) -> None:
    full = [dict.fromkeys(READINGS.names) | row | {"line": n, "status": ""} for n, row in enumerate(rows)]
    batch = pa.RecordBatch.from_pylist(full, schema=READINGS)
    raw = RawReadings(Locator(), Span(0, 0), batch, None, {"format": form, "date_order": order})
    found = normalise(raw, zone, RECEIVED)
    assert found.readings.schema == CANONICAL and found.rejects.schema == REJECTS
    lines = found.readings["line"].to_pylist() + found.rejects["line"].to_pylist()
    assert sorted(lines) == list(range(len(rows)))
    for end, code in codes(found):
        assert (end == "refused") == (code in REFUSED)
