"""The closed tables hold together: a measure for every name, one canonical unit, a source for every row."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.devices.apple_health import MEASURES as APPLE
from connectors.devices.apple_pressure import DIASTOLIC, PRESSURE, SYSTOLIC
from connectors.devices.libreview_header import READING_COLUMNS
from transforms.readings.measures import MEASURES, PARTS, rows_of
from transforms.readings.units import CONVERSIONS, convert, number, plain

TABLES = ["names", "measures", "units", "thresholds", "context", "sleep_stages"]


def test_every_measure_that_a_connector_gives_is_known() -> None:
    given_names = {("libreview", name) for name in READING_COLUMNS}
    given_names |= {("apple-health", name) for name in (APPLE - {SYSTOLIC, DIASTOLIC}) | {PRESSURE}}
    assert given_names == set(MEASURES)


@pytest.mark.parametrize("table", TABLES)
def test_every_row_names_its_source_and_has_every_column(table: str) -> None:
    rows = list(rows_of(f"{table}.csv"))
    assert rows
    for row in rows:
        assert row["source"] and None not in row and None not in row.values()


def test_usual_values_are_possible() -> None:
    for measure in [*MEASURES.values(), *PARTS.values()]:
        if measure.possible and measure.usual:
            assert measure.possible.low <= measure.usual.low < measure.usual.high <= measure.possible.high
        judged_by_parts = measure.measure == "blood_pressure" and not measure.part
        assert (measure.possible is None, measure.usual is None) == (judged_by_parts, judged_by_parts)


def test_the_canonical_unit_of_each_measure_is_not_changed() -> None:
    for measure in MEASURES.values():
        same = [how for (of, _), how in CONVERSIONS.items() if of == measure.measure and how.ucum == measure.unit]
        assert measure.measure == "sleep" or (same and all(how.same for how in same))


@given(st.decimals(min_value=1, max_value=1000, places=1))
def test_pounds_come_back_from_kilograms(pounds: Decimal) -> None:
    kilograms = convert(pounds, CONVERSIONS["body_weight", "lb"])
    assert (kilograms / Decimal("0.45359237")).quantize(Decimal("0.1")) == pounds


@pytest.mark.parametrize(
    ("mmol", "mg"), [("5.5", "99"), ("3.9", "70"), ("10.0", "180"), ("2.5", "45"), ("22.2", "400"), ("7.0", "126")]
)
def test_glucose_in_mmol_becomes_the_whole_mg_dl_a_meter_shows(mmol: str, mg: str) -> None:
    assert plain(convert(Decimal(mmol), CONVERSIONS["glucose", "mmol/L"])) == mg


@given(st.text(max_size=20))
def test_a_number_is_finite_and_short_or_none(text: str) -> None:
    value = number(text)
    assert value is None or (value.is_finite() and len(plain(value)) < 150)
