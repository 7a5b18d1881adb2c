"""The truth table of the lifecycle through a real store: one final state for every order, incremental = rebuilt."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

from tests.transforms.lifecycle.scenario import Row, differences, table
from tests.transforms.lifecycle.universe import events, relatives, versions
from tests.warehouse.facts_home import FactsHome
from transforms.lifecycle.project import project
from warehouse import schema
from warehouse.rebuild import rebuild

ROWS = table()
FEW = settings(max_examples=60, derandomize=True, deadline=None, database=None)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> FactsHome:
    return FactsHome(tmp_path_factory.mktemp("store") / "home")


@pytest.fixture
def home(shared: FactsHome) -> FactsHome:
    shared.forget()
    return shared


def some_orders(told: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """As told, backwards, rotated by one, and as told with the first event sent twice."""
    yield from dict.fromkeys((told, told[::-1], told[1:] + told[:1], (*told, told[0])))


def check(home: FactsHome, row: Row, order: tuple[str, ...]) -> None:
    home.forget()
    home.take(order)
    assert differences(row, home.facts(), home.projection()) == [], order
    assert home.ends() == home.expected_ends(), order


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title)
def test_a_scenario_ends_in_one_state_in_the_store(home: FactsHome, row: Row) -> None:
    for order in some_orders(row.events):
        check(home, row, order)
    assert rebuild(home.store).equal


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title)
def test_a_scenario_ends_in_one_state_in_the_store_in_every_order(home: FactsHome, row: Row) -> None:
    for order in permutations(row.events):
        check(home, row, order)
        assert rebuild(home.store).equal, order


def check_incremental(home: FactsHome, told: list[str]) -> None:
    home.forget()
    home.take(told)
    assert home.projection() == project(home.facts())
    assert home.ends() == home.expected_ends()
    assert rebuild(home.store, batch=2).equal


@given(told=st.one_of(events(), relatives(), versions(strangers=True)))
@FEW
def test_what_is_settled_event_by_event_is_what_a_rebuild_makes(shared: FactsHome, told: list[str]) -> None:
    check_incremental(shared, told)


@pytest.mark.slow
@given(told=st.one_of(events(), relatives(), versions(strangers=True), versions(masks=True)))
@settings(max_examples=2_000, derandomize=True, deadline=None, database=None)
def test_what_is_settled_event_by_event_is_what_a_rebuild_makes_at_length(shared: FactsHome, told: list[str]) -> None:
    check_incremental(shared, told)


def test_a_projection_that_was_dropped_is_made_again(home: FactsHome) -> None:
    home.take(["doc 1", "doc 2 >1", "delete 1", "delete 9", "doc 3 set=a unsound"])
    tables = (schema.document_status, schema.item)
    before = home.rows(*tables)
    with home.store.engine.begin() as connection:
        connection.execute(delete(schema.document_status))
    found = rebuild(home.store)
    assert found.documents == 3
    assert found.changed == (("1", "x"), ("2", "x"), ("3", "x"))
    assert found.ends == 0
    assert home.rows(*tables) == before
    assert rebuild(home.store).equal


def test_a_state_and_an_end_that_are_wrong_are_found_and_mended(home: FactsHome) -> None:
    home.take(["doc 1", "doc 2 >1", "delete 9"])
    status, item = schema.document_status, schema.item
    before = home.rows(status)
    with home.store.engine.begin() as connection:
        connection.execute(update(status).where(status.c.doc == "1").values(status="current"))
        connection.execute(update(item).where(item.c.delivery.startswith("stated:")).values(end="accepted", code=""))
    found = rebuild(home.store)
    assert (found.changed, found.ends) == ((("1", "x"),), 1)
    assert home.rows(status) == before


def test_a_state_without_a_fact_is_taken_out(home: FactsHome) -> None:
    home.take(["doc 1", "doc 2"])
    with home.store.engine.begin() as connection:
        connection.execute(delete(schema.document_fact).where(schema.document_fact.c.doc == "2"))
    assert rebuild(home.store).changed == (("1", "x"), ("2", "x"))
    assert [row[0] for row in home.rows(schema.document_status)] == ["1"]


def test_each_scenario_has_a_home_of_its_own(tmp_path: Path) -> None:
    home = FactsHome(tmp_path / "home")
    home.forget()
    home.take(["doc 1"])
    home.forget()
    assert home.rows(schema.document_fact, schema.document_status, schema.item) == []
