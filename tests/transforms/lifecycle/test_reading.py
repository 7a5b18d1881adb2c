"""The reader's list and the counts of a projection."""

from __future__ import annotations

import pytest

from tests.transforms.lifecycle.scenario import arrive
from transforms.facts import Flag
from transforms.lifecycle.project import project
from transforms.lifecycle.reading import Line, counts, reader_lines, unit_months


def lines(*events: str, hidden: tuple[Flag, ...] = ()) -> tuple[Line, ...]:
    facts = arrive(events)
    return reader_lines(facts, project(facts), hidden)


def shown(found: tuple[Line, ...]) -> list[tuple[str, list[str]]]:
    """The document displayed of each line, and of its history."""
    return [(line.display.doc, [old.display.doc for old in line.history]) for line in found]


def test_a_pair_of_twins_is_one_line_with_its_printable_form() -> None:
    (line,) = lines("doc 1 v=1", "doc 2 v=1 level=N3")
    assert line.printable is not None
    assert (line.display.doc, line.printable.doc) == ("2", "1")


def test_a_printable_document_alone_is_displayed() -> None:
    (line,) = lines("doc 1")
    assert (line.display.doc, line.printable) == ("1", None)


def test_history_is_offered_below_a_current_line() -> None:
    assert shown(lines("doc 1", "doc 2 >1", "doc 3 >2", "doc 9 set=b")) == [("3", ["1", "2"]), ("9", [])]


@pytest.mark.parametrize("end", ["delete 2", "oppose 2024-02-01"])
def test_history_without_a_current_head_is_not_offered(end: str) -> None:
    assert lines("doc 1", "doc 2 >1 day=2024-02-02", end) == ()


def test_a_mask_hides_a_line_and_its_history_from_the_reader_it_is_meant_for() -> None:
    told = ("doc 1", "doc 2 mask=PAT >1")
    assert shown(lines(*told, hidden=("MASQUE_PS",))) == [("2", ["1"])]
    assert shown(lines(*told, hidden=("INVISIBLE_PATIENT",))) == []


def test_a_masked_old_version_is_left_out_of_the_history() -> None:
    told = ("doc 1 mask=PAT", "doc 2 modif >1")
    assert shown(lines(*told, hidden=("INVISIBLE_PATIENT",))) == [("2", [])]


def test_each_conflict_is_counted_as_held() -> None:
    found = counts(project(arrive(["doc 1 bytes=x unsound", "doc 1 bytes=y", "doc 1 bytes=z"])))
    assert (found.received, found.held) == (0, 3)


def test_a_unit_held_in_part_counts_once() -> None:
    found = counts(project(arrive(["doc 1 v=1 unsound", "doc 2 v=1 level=N3"])))
    assert (found.received, found.current, found.held) == (1, 1, 0)


def test_the_month_of_a_unit_is_that_of_its_earliest_member() -> None:
    facts = arrive(["doc 1 v=1 day=2024-02-01", "doc 2 v=1 level=N3 day=2024-01-31", "doc 3 set=b day=2023"])
    assert unit_months(facts, project(facts)) == {"1": "2024-01", "3": "2023"}
