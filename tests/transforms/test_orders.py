"""Where the results of a filler order stand: by OBR-25, else by what each result says of itself."""

from __future__ import annotations

import pytest

from connectors.base import Locator, Observation, Order, RawCode, RawId
from transforms.orders import STATUSES, available, gathered, understood

TABLE_0123 = ["A", "C", "F", "I", "O", "P", "R", "S", "X", "Y", "Z"]


def order(status: str, *observed: str, filler: str = "F1") -> Order:
    observations = tuple(
        Observation(1, "NM", RawCode("718-7", "LN"), "", ("1",), RawCode(), "", (), said, "") for said in observed
    )
    return Order(Locator(), RawId(), RawId("", filler), RawCode(), "", "", status, observations)


def standing(*orders: Order) -> tuple[str, bool, bool]:
    (report,) = gathered(orders)
    return report.status, report.derived, understood(report.order)


@pytest.mark.parametrize(
    ("said", "status"),
    [*[(code, "P") for code in "AIOPRS"], ("F", "F"), ("C", "C"), ("X", "X")],
)
def test_each_status_of_a_result_in_table_0123_is_understood(said: str, status: str) -> None:
    assert standing(order(said, "F")) == (status, False, True)


@pytest.mark.parametrize("said", ["Y", "Z", "Q", "f", "FINAL", "~"])
def test_a_status_outside_the_table_or_for_queries_is_told(said: str) -> None:
    assert standing(order(said, "F", "P"))[0] == ""
    assert said == "~" or not standing(order(said, "F"))[2]


def test_the_table_is_whole() -> None:
    assert set(STATUSES) | {"Y", "Z"} == set(TABLE_0123)


@pytest.mark.parametrize(
    ("observed", "status"),
    [
        ("F", "F"),
        ("FF", "F"),
        ("FU", "F"),
        ("FVB", "F"),
        ("FP", "P"),
        ("FI", "P"),
        ("FR", "P"),
        ("FS", "P"),
        ("FO", "P"),
        ("FC", "C"),
        ("FA", "C"),
        ("PC", "C"),
        ("FX", "F"),
        ("FD", "F"),
        ("X", "X"),
        ("D", "X"),
        ("W", "X"),
        ("DWX", "X"),
        ("N", "F"),
    ],
)
def test_an_empty_status_is_derived_from_the_results_and_recorded_as_such(observed: str, status: str) -> None:
    assert standing(order("", *observed)) == (status, True, True)


def test_an_order_without_status_and_results_says_nothing() -> None:
    assert standing(order("")) == ("", False, True)
    assert standing(order("F")) == ("F", False, True)


@pytest.mark.parametrize("said", ["F", "C", "P", "A", "", "Q"])
@pytest.mark.parametrize("observed", ["D", "W", "DW", "DDD"])
def test_a_report_of_deleted_results_is_withdrawn_whatever_it_says(said: str, observed: str) -> None:
    assert standing(order(said, *observed))[:2] == ("X", True)


def test_unobtainable_results_do_not_withdraw_a_report_that_says_final() -> None:
    assert standing(order("F", "X", "X"))[0] == "F"
    assert standing(order("F", "D", "X"))[0] == "F"


@pytest.mark.parametrize(
    ("panels", "found"),
    [
        ((order("F", "F"), order("A", "F")), ("P", False, True)),
        ((order("F", "F"), order("", "P")), ("P", True, True)),
        ((order("F", "F"), order("", "C")), ("C", True, True)),
        ((order("X", "F"), order("", "D")), ("X", True, True)),
        ((order("X", "X"), order("F", "F")), ("F", False, True)),
        ((order("X", "X"), order("")), ("", False, True)),
        ((order(""), order("X", "X")), ("", False, True)),
        ((order("Q", "F"), order("F", "F")), ("F", False, False)),
        ((order("F"), order("F", "D", "W")), ("X", True, True)),
    ],
)
def test_several_panels_are_one_report(panels: tuple[Order, ...], found: tuple[str, bool, bool]) -> None:
    assert standing(*panels) == found


def test_only_results_that_can_be_read_are_counted() -> None:
    assert available(order("F", *"FPCUARSIOVB").observations) == 11
    assert available(order("F", *"DWXN", "F", "").observations) == 2
