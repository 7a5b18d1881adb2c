"""The truth table of the lifecycle: one final state for every order of arrival."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import pytest

from tests.transforms.lifecycle.memory import Hub
from tests.transforms.lifecycle.scenario import Row, arrivals, arrive, differences, table
from transforms.lifecycle.project import project

ROWS = table()


def orders(events: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Every permutation; up to four events also with each event in turn sent twice."""
    yield from permutations(events)
    if len(events) <= 4:
        for event in events:
            yield from sorted(set(permutations((*events, event))))


def some_orders(events: tuple[str, ...]) -> list[tuple[str, ...]]:
    """As told, backwards, rotated; and the first event sent twice."""
    turned = [events[turn:] + events[:turn] for turn in range(1, len(events))]
    return [events, events[::-1], *turned, (*events, events[0])]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title)
def test_a_scenario_ends_in_one_state_in_every_order(row: Row) -> None:
    for order in orders(row.events):
        facts = arrive(order)
        assert differences(row, facts, project(facts)) == [], order


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title)
def test_a_hub_that_recomputes_only_families_ends_in_the_same_state(row: Row) -> None:
    for order in some_orders(row.events):
        hub = Hub()
        for facts in arrivals(order):
            hub.take(facts)
        assert differences(row, hub.facts(), hub.projection()) == [], order


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title)
def test_a_hub_that_recomputes_only_families_ends_in_the_same_state_in_every_order(row: Row) -> None:
    for order in orders(row.events):
        hub = Hub()
        for facts in arrivals(order):
            hub.take(facts)
        assert differences(row, hub.facts(), hub.projection()) == [], order


def test_titles_are_unique() -> None:
    titles = [row.title for row in ROWS]
    assert sorted(set(titles)) == sorted(titles)
