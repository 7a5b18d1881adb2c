"""Discrete results: one document a filler order and patient, and no harm to what travels beside them."""

from __future__ import annotations

import pytest

from tests.cda import cda
from tests.hl7 import mdm, oru, pid
from tests.hub import Hub

LONE_RESULT = b"OBX|20|NM|718-7^Hb^LN||13|g/dL^g/dL^UCUM||||F\r"


def second_panel(message: bytes, status: str = "F") -> bytes:
    """The message with a second OBR of the same filler order, and one result."""
    lines = message.decode().split("\r")
    obr = next(line for line in lines if line.startswith("OBR"))
    panel = obr.replace("OBR|1", "OBR|2").replace("24331-1^Bilan lipidique", "58410-2^NFS")
    return (message.decode() + panel[:-1] + status + "\r").encode() + LONE_RESULT


def enclosing_results(document: bytes) -> bytes:
    """An ORU that encloses a document, and one result of an order without any number."""
    as_oru = mdm(document).replace(b"MDM^T02^MDM_T02", b"ORU^R01^ORU_R01").replace(b"|2.6|", b"|2.5|")
    return as_oru + LONE_RESULT


def test_two_panels_of_one_filler_order_are_one_document(hub: Hub) -> None:
    hub.take(second_panel(oru()))
    (row,) = hub.documents()
    assert (row["observations"], row["status"], row["findings"]) == (4, "current", [])


@pytest.mark.parametrize(("first", "second", "status"), [("F", "X", "current"), ("X", "X", "withdrawn")])
def test_an_order_is_withdrawn_when_every_panel_is(hub: Hub, first: str, second: str, status: str) -> None:
    hub.take(second_panel(oru(status=first), second))
    assert [row["status"] for row in hub.documents()] == [status]


def test_a_correction_of_both_panels_supersedes_them(hub: Hub) -> None:
    hub.take(second_panel(oru()))
    hub.take(second_panel(oru(status="C", value="1,1", reported="20260303080000", control="R2"), "C"))
    assert [row["status"] for row in hub.documents()] == ["superseded", "current"]


def test_equal_results_of_two_people_stay_two_documents(hub: Hub) -> None:
    hub.take(oru())
    hub.take(oru(patient=pid(ins="185034410900083", ipp="IPP-2", sex="M", family="AUTRE"), control="R2"))
    assert [(row["ins"], row["status"]) for row in hub.documents()] == [
        ("285034410900055", "current"),
        ("185034410900083", "current"),
    ]


def test_an_invalid_report_time_is_refused_and_no_other_takes_its_place(hub: Hub) -> None:
    hub.take(oru(reported="2026030224"))
    assert [row["code"] for row in hub.quarantine()] == ["CREATION_TIME_INVALID"]
    assert hub.documents() == []


def test_results_that_cannot_be_taken_leave_the_document_beside_them(hub: Hub) -> None:
    hub.take(enclosing_results(cda("1")))
    assert [(row["code"], row["locator"]) for row in hub.quarantine()] == [("FILLER_ORDER_MISSING", "message 1, OBR 1")]
    assert [row["format"] for row in hub.documents()] == ["cda-n3"]


def test_an_unknown_flag_still_holds_the_document_beside_results(hub: Hub) -> None:
    flag = b"OBX|30|CE|MASQUE_TOUT^x^MetaDMPMSS||Y^^expandedYes-NoIndicator||||||F\r"
    hub.take(enclosing_results(cda("1")) + flag)
    assert {row["code"] for row in hub.quarantine()} == {"FLAG_UNKNOWN"}
    assert hub.documents() == []
