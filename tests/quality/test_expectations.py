"""Suites say all they must, in both languages, and nothing of them is lost on the way to the engine."""

from __future__ import annotations

import json
import random
from importlib import resources
from typing import Any

import msgspec
import pandas as pd
import pytest

from quality.expectations import Past, SuiteBroken, limits, parse, partition, suites
from quality.gates import Batch, run
from warehouse.lake import TABLES, age_band

SUITES = ("accounts", "documents", "readings")


def batch(kind: str = "accounts", name: str = "one") -> Batch:
    return Batch(kind, "demo", (name,), (f"{kind}/{name}.parquet",))


def accounts(number: int, seed: int = 1, **columns: Any) -> pd.DataFrame:
    """Events as the lake has them; `columns` plants a value in every row, or one made of its birth year."""
    rng = random.Random(seed)
    rows = []
    for _ in range(number):
        year = rng.randint(1926, 1995)
        row: dict[str, Any] = {
            "pseudonym": f"{rng.getrandbits(128):032x}",
            "event": "invited",
            "month": "2026-01",
            "channel": "web",
            "department": rng.choice(("22", "29", "35", "44", "56")),
            "age_band": age_band(str(year), "2026-01"),
            "sex": rng.choice(("M", "F", "")),
            "sender": "demo",
            "received_month": "2026-02",
        }
        rows.append(row | {name: value(year) if callable(value) else value for name, value in columns.items()})
    return pd.DataFrame(rows)


def documents(number: int, **columns: Any) -> pd.DataFrame:
    row = {
        "pseudonym": "0" * 32,
        "ref": "r",
        "age_band": "30-39",
        "sex": "F",
        "department": "",
        "sender": "demo",
        "kind": "lab",
        "type_code": "11502-2",
        "format": "cda-n3",
        "created_month": "2026-01",
        "received_month": "2026-01",
        "sections": 3,
        "entries": 4,
        "observations": 0,
        "attachments": 0,
    }
    return pd.DataFrame([row | columns] * number)


def readings(number: int, **columns: Any) -> pd.DataFrame:
    row = {
        "pseudonym": "0" * 32,
        "measure": "glucose",
        "month": "2026-01",
        "sender": "demo",
        "received_month": "2026-01",
        "readings": 20,
        "flagged": 1,
    }
    return pd.DataFrame([row | columns] * number)


def faults(frame: pd.DataFrame, kind: str = "accounts") -> dict[str, str]:
    """Name → severity of what a frame breaks when nothing came before it."""
    (report,) = run({batch(kind): frame}, suites(), senders=["demo"]).batches
    return {check.name: check.severity for check in report.faults}


def test_there_is_a_suite_for_every_table_of_the_lake_and_it_reads_only_its_columns() -> None:
    assert set(suites()) == set(TABLES) == set(SUITES)
    derived = {"person_department", "department_echoes_age", ""}
    for kind, suite in suites().items():
        assert {expected.column for expected in suite} <= set(TABLES[kind].names) | derived


@pytest.mark.parametrize("kind", SUITES)
def test_every_expectation_of_the_file_is_loaded_with_words_in_both_languages(kind: str) -> None:
    text = resources.files("quality").joinpath("suites", f"{kind}.json").read_text(encoding="utf-8")
    assert len(suites()[kind]) == len(json.loads(text))
    for expected in suites()[kind]:
        words = expected.words
        assert all((words.title_fr, words.title_en, words.fix_fr, words.fix_en))
        assert words.title_fr != words.title_en


def test_a_suite_without_words_or_severity_is_refused() -> None:
    row = {"type": "expect_x", "kwargs": {}, "severity": "critical", "meta": {"name": "x", "dimension": "validity"}}
    with pytest.raises(SuiteBroken):
        parse([row])
    with pytest.raises(SuiteBroken):
        parse([{"type": "expect_x", "kwargs": {}, "meta": {}}])


def test_an_expectation_the_engine_does_not_know_is_no_silence() -> None:
    known = suites()["readings"]
    unknown = (*known, msgspec.structs.replace(known[0], name="typo", type="expect_column_values_to_be_god"))
    with pytest.raises(SuiteBroken):
        run({batch("readings"): readings(3)}, {"readings": unknown}, senders=["demo"])


def test_good_batches_pass_every_suite() -> None:
    for kind, frame in (("accounts", accounts(120)), ("documents", documents(30)), ("readings", readings(30))):
        assert faults(frame, kind) == {}


@pytest.mark.parametrize(
    ("planted", "name", "severity"),
    [
        ({"department": "3 letters"}, "department_listed", "critical"),
        ({"department": str}, "department_listed", "critical"),
        ({"department": lambda year: f"{year % 100:02}"}, "department_not_birth_year", "critical"),
        ({"channel": "2 digits", "department": ""}, "channel_not_shifted", "critical"),
        ({"channel": "6 letters"}, "channel_listed", "warning"),
        ({"department": ""}, "department_said", "warning"),
        ({"sex": "X"}, "sex_listed", "critical"),
        ({"event": "born"}, "event_listed", "critical"),
        ({"month": "2026-13"}, "month", "critical"),
        ({"received_month": "02/2026"}, "received_month", "critical"),
        ({"age_band": "41"}, "age_band_listed", "critical"),
        ({"sender": "nobody"}, "sender_known", "critical"),
        ({"pseudonym": "285034410900055"}, "pseudonym", "critical"),
        ({"pseudonym": None}, "pseudonym_given", "critical"),
    ],
)
def test_a_bad_column_of_account_events_is_found(planted: dict[str, Any], name: str, severity: str) -> None:
    assert faults(accounts(120, **planted))[name] == severity


@pytest.mark.parametrize(
    ("planted", "name", "severity"),
    [
        ({"format": "pdf"}, "format_listed", "critical"),
        ({"type_code": None}, "type_code_given", "critical"),
        ({"type_code": ""}, "type_code_said", "warning"),
        ({"sections": -1}, "sections_counted", "critical"),
        ({"created_month": "2027-01"}, "created_before_received", "warning"),
        ({"created_month": "janvier"}, "created_month", "critical"),
        ({"department": "00"}, "department_listed", "critical"),
    ],
)
def test_a_bad_column_of_documents_is_found(planted: dict[str, Any], name: str, severity: str) -> None:
    assert faults(documents(30, **planted), "documents")[name] == severity


@pytest.mark.parametrize(
    ("planted", "name"),
    [
        ({"readings": -3, "flagged": -4}, "readings_counted"),
        ({"flagged": 21}, "flagged_within_readings"),
        ({"measure": "Glycémie à jeun"}, "measure"),
    ],
)
def test_a_bad_column_of_readings_is_found(planted: dict[str, Any], name: str) -> None:
    assert faults(readings(30, **planted), "readings")[name] == "critical"


def test_a_document_dated_by_its_year_alone_is_no_fault() -> None:
    assert faults(documents(30, created_month="2019"), "documents") == {}


def test_a_missing_column_is_a_broken_expectation_and_not_bad_data() -> None:
    (report,) = run({batch(): accounts(40).drop(columns="sex")}, suites(), senders=["demo"]).batches
    (fault,) = report.faults
    assert (fault.name, fault.outcome, fault.unexpected) == ("sex_listed", "broken", 0)
    assert report.stops


def test_a_passed_batch_is_what_the_next_ones_are_compared_with_and_a_stopped_one_is_not() -> None:
    days = [f"{day:02}" for day in range(1, 32) if day != 20]
    shuffled = accounts(150, seed=3, department=lambda year: days[year * 7 % 30])
    tables = {
        batch(name="first"): accounts(400),
        batch(name="days"): shuffled,
        batch(name="days again"): shuffled,
        batch(name="good"): accounts(150, seed=4),
    }
    reports = run(tables, suites(), senders=["demo"]).batches
    assert [report.outcome for report in reports] == ["passed", "stopped", "stopped", "passed"]
    assert [check.name for check in reports[1].faults] == ["department_drift"]


def test_values_that_break_an_expectation_are_nowhere_in_the_report() -> None:
    planted = accounts(120, department="HOSTIS", sex="285034410900055", channel="1985-03-14 Zoé")
    report = run({batch(): planted}, suites(), senders=["demo"])
    text = msgspec.json.encode(report).decode()
    assert report.stops
    assert not [needle for needle in ("HOSTIS", "285034410900055", "Zoé", "1985") if needle in text]


def test_a_national_feed_is_not_taken_for_a_drift_by_chance_alone() -> None:
    rng = random.Random(11)
    codes = partition({})["values"][:-1]
    weights = [1 + 30 / (1 + rank) for rank in range(len(codes))]

    def drawn(number: int) -> dict[str, int]:
        found: dict[str, int] = {}
        for code in rng.choices(codes, weights, k=number):
            found[code] = found.get(code, 0) + 1
        return found

    tables = {}
    for rank, number in enumerate((700, 120, 300, 120)):
        counts = drawn(number)
        column = iter([code for code, times in counts.items() for _ in range(times)])
        tables[batch(name=str(rank))] = accounts(number, seed=rank, department=lambda _, column=column: next(column))
    assert [report.outcome for report in run(tables, suites(), senders=["demo"]).batches] == ["passed"] * 4


def test_a_past_too_short_sets_no_limit() -> None:
    assert "@department_drift" not in limits(100, Past({"35": 299}, (299,)))
    assert "@department_drift" in limits(100, Past({"35": 300}, (300,)))
    assert "@rows_max" not in limits(100, Past({}, (10, 10)))
    assert limits(100, Past({}, (10, 10, 10)))["@rows_max"] == 10_000
