"""Bad input is a value: one item of a delivery, never its end, and no crash."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import msgspec
import pytest

from carnet.interpret import interpret
from carnet.judged import Context
from connectors.base import Source
from connectors.hl7 import HL7
from connectors.registry import recognise
from quality.rules import Policy
from tests.cda import INS, TEST_OID, cda
from tests.hl7 import batch, mdm, oru
from tests.hub import Hub
from transforms.identity import AUTHORITIES
from transforms.moments import parse_iso, parse_ts

CONTEXT = Context("demo", Policy(frozenset(AUTHORITIES)), ZoneInfo("Europe/Paris"), "2026-03-04T11:00:00Z")
EDGES = ("00010101000000+0500", "99991231235959-1200", "00010101", "99991231")
COLUMNS = "ins,ins_oid,event,occurred_at,channel,department,birth_year,sex\n"


@pytest.mark.parametrize("text", EDGES)
def test_a_time_at_the_edge_of_the_calendar_is_no_time(text: str) -> None:
    assert parse_ts(text) is None


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-12:00", "9999-12-31"])
def test_nor_is_it_one_in_iso(text: str) -> None:
    assert parse_iso(text) is None


@pytest.mark.parametrize("text", EDGES)
def test_it_is_refused_wherever_it_stands_and_what_stands_beside_goes_on(hub: Hub, text: str) -> None:
    hub.take(batch([oru(reported=text, control="1", filler="A"), oru(control="2", filler="B")]))
    hub.take(oru(control="3", filler="C").replace(b"|20260302101500|", f"|{text}|".encode()))
    hub.take(cda("1", created=text))
    assert {row["code"] for row in hub.quarantine()} == {"CREATION_TIME_INVALID"}
    assert hub.ends() == {"accepted": 2, "refused": 2}


def test_an_account_event_at_the_edge_of_the_calendar_is_refused(hub: Hub) -> None:
    row = f"{INS},{TEST_OID},invited,0001-01-01T00:00:00+05:00,web,75,1985,F\n"
    hub.take((COLUMNS + row).encode())
    assert [row["code"] for row in hub.quarantine()] == ["EVENT_TIME_INVALID"]


@pytest.mark.parametrize("row", ["a\rb,x,invited,2026-01-01,web,75,1985,F", '"a\rb"x,y', "a\0b,c"])
def test_a_row_that_is_no_csv_is_refused_and_the_others_are_taken(hub: Hub, row: str) -> None:
    good = f"{INS},{TEST_OID},invited,2026-01-01T10:00:00+01:00,web,75,1985,F\n"
    hub.take((COLUMNS + good + row + "\n" + good.replace("invited", "opened")).encode())
    assert hub.ends() == {"accepted": 2, "refused": 1}
    assert {found["code"] for found in hub.quarantine()} <= {"ROW_UNREADABLE", "ROW_WIDTH"}


def ends(steps: object) -> list[tuple[str, str, int]]:
    items = [item for step in steps for item in step.items]  # type: ignore[attr-defined]
    return [(item.end, item.code, item.count) for item in items]


def test_a_bug_on_one_message_holds_it_with_what_it_encloses_and_no_other() -> None:
    source = Source.of_bytes("x", batch([mdm(cda("1"), control="1"), oru(control="2")]))

    def broken() -> object:
        for found in HL7.read(source):
            if getattr(found, "control_id", "") == "1":
                found = msgspec.structs.replace(found, flags=None)
            yield found

    steps = list(interpret(source, broken(), CONTEXT))  # type: ignore[arg-type]
    assert ends(steps) == [("held", "BUG", 1), ("held", "BUG", 1), ("", "", 1)]
    assert sum(range_.span.length for step in steps for range_ in step.ranges) == source.size


def test_a_bug_on_one_document_holds_that_document() -> None:
    source = Source.of_bytes("x.xml", cda("1"))
    connector = recognise(source)
    assert connector is not None
    broken = (msgspec.structs.replace(found, effective_time=None) for found in connector.read(source))
    steps = list(interpret(source, broken, CONTEXT))
    assert ends(steps) == [("held", "BUG", 1)]
    assert sum(range_.span.length for step in steps for range_ in step.ranges) == source.size


def test_a_bug_of_a_connector_keeps_what_it_read_before_and_holds_the_rest() -> None:
    source = Source.of_bytes("x", batch([oru(control="1", filler="A"), oru(control="2", filler="B")]))

    def broken() -> object:
        for number, found in enumerate(HL7.read(source)):
            if number == 3:
                raise RuntimeError
            yield found

    steps = list(interpret(source, broken(), CONTEXT))  # type: ignore[arg-type]
    assert ends(steps) == [("", "", 1), ("held", "BUG", 1)]
    assert sum(range_.span.length for step in steps for range_ in step.ranges) == source.size
