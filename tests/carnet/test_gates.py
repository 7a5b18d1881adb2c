"""A batch whose rows are each acceptable, and which is wrong as a whole, does not reach the figures."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from carnet import steps
from carnet.errors import GateClosed, OperatorError
from carnet.gates import accept, batched, gates, quality_page, stopped
from tests.accounts import Person, feed, people
from tests.hub import Hub
from warehouse.gated import Segment, pending
from warehouse.marts import marts_path

NOW = datetime.fromisoformat("2026-03-05T06:00:00+01:00")


def end_of_birth_year(person: Person) -> str:
    return f"{person.birth_year % 100:02}"


def day_of_month(person: Person) -> str:
    return f"{int(person.ins[-2:]) % 19 + 1:02}"


def nothing(_: Person) -> str:
    return ""


@pytest.fixture
def fed(hub: Hub) -> Hub:
    """A hub that took a good feed and published it."""
    hub.take(feed(people(320, seed=1)), "comptes-1.csv")
    gates(hub.settings, hub.store, NOW)
    steps.publish(hub.settings, hub.store)
    return hub


@pytest.mark.parametrize(
    ("shifted", "expectation"),
    [
        ({"department": end_of_birth_year}, "department_not_birth_year"),
        ({"department": day_of_month}, "department_drift"),
        ({"department": nothing}, "department_drift"),
        ({"channel": lambda p: p.department, "department": nothing, "birth_year": nothing}, "channel_not_shifted"),
    ],
)
def test_a_shifted_department_column_passes_every_row_rule_and_not_the_gate(
    fed: Hub, shifted: dict[str, Callable[[Person], str]], expectation: str
) -> None:
    before = marts_path(fed.store.home).read_bytes()
    delivery = fed.take(feed(people(120, seed=2), **shifted), "comptes-2.csv")
    assert fed.ends(delivery) == {"accepted": 120}
    with pytest.raises(GateClosed):
        gates(fed.settings, fed.store, NOW)
    with pytest.raises(GateClosed):
        steps.publish(fed.settings, fed.store)
    assert marts_path(fed.store.home).read_bytes() == before
    (row,) = stopped(fed.store)
    assert expectation in row["failed"]
    assert row["deliveries"] == [delivery[:12]]
    assert fed.ends(delivery) == {"accepted": 120}, "the gate never changes the end of an item"


def test_a_department_column_that_holds_another_column_stops_publication(fed: Hub) -> None:
    fed.take(feed(people(120, seed=2), department=lambda person: str(person.birth_year)))
    with pytest.raises(GateClosed):
        gates(fed.settings, fed.store, NOW)
    (row,) = stopped(fed.store)
    assert "department_listed" in row["failed"]


def test_one_wrong_department_among_many_stops_nothing(fed: Hub) -> None:
    persons = people(120, seed=2)
    fed.take(feed(persons, department=lambda person: "1985" if person is persons[7] else person.department))
    (batch,) = gates(fed.settings, fed.store, NOW).batches
    assert not batch.stops


def test_a_closed_gate_stays_closed_until_an_operator_accepts_the_batch(fed: Hub) -> None:
    fed.take(feed(people(120, seed=2), department=day_of_month))
    for _ in range(2):
        with pytest.raises(GateClosed):
            gates(fed.settings, fed.store, NOW)
    fed.take(feed(people(60, seed=3)))
    with pytest.raises(GateClosed):
        gates(fed.settings, fed.store, NOW)
    (row,) = stopped(fed.store)
    with pytest.raises(OperatorError):
        accept(fed.store, "accounts/nothing", NOW)
    assert accept(fed.store, row["segment"], NOW) == [row["segment"]]
    assert gates(fed.settings, fed.store, NOW).batches == ()
    steps.publish(fed.settings, fed.store)


def test_an_accepted_batch_is_the_new_reference_of_its_sender(fed: Hub) -> None:
    fed.take(feed(people(310, seed=2, departments=("13", "83", "84", "06"))))
    with pytest.raises(GateClosed):
        gates(fed.settings, fed.store, NOW)
    (row,) = stopped(fed.store)
    accept(fed.store, row["segment"], NOW)
    fed.take(feed(people(120, seed=3, departments=("13", "83", "84", "06"))))
    assert [batch.outcome for batch in gates(fed.settings, fed.store, NOW).batches] == ["passed"]


def test_a_segment_is_judged_once(fed: Hub) -> None:
    assert pending(fed.store) == []
    assert gates(fed.settings, fed.store, NOW).batches == ()


def test_the_report_says_what_failed_and_what_to_do_and_shows_no_value(fed: Hub) -> None:
    persons = people(120, seed=2)
    delivery = fed.take(feed(persons, department=end_of_birth_year))
    with pytest.raises(GateClosed):
        gates(fed.settings, fed.store, NOW)
    page = quality_page(fed.store.home)
    french, english = page.read_text("utf-8"), page.with_name("quality.en.html").read_text("utf-8")
    assert "La porte est fermée" in french
    assert "The gate is closed" in english
    for text in (french, english):
        assert delivery[:12] in text
        assert "carnet gates --accept accounts/" in text
        assert "://" not in text
        assert not [person.ins for person in persons if person.ins in text]


def test_small_deliveries_of_a_sender_are_judged_together_and_large_ones_alone() -> None:
    def segment(delivery: str, rows: int, batch: str = "", sender: str = "a") -> Segment:
        return Segment(f"accounts/{delivery}.parquet", "accounts", rows, delivery, sender, batch)

    found = batched(
        [
            segment("1", 3),
            segment("2", 80),
            segment("3", 4),
            segment("4", 5, batch="accounts/4.parquet"),
            segment("5", 6, sender="b"),
        ]
    )
    assert [batch.deliveries for batch in found] == [("1", "3"), ("2",), ("4",), ("5",)]


def test_no_command_loads_the_engine_of_expectations(tmp_path: Path) -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from carnet.cli import app\n"
        "for word in ('publish', 'gates', 'measure'):\n"
        f"    CliRunner().invoke(app, [word, '--home', {str(tmp_path)!r}], catch_exceptions=False)\n"
        "assert 'great_expectations' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
