"""Discrete results: one document a filler order and patient, and no harm to what travels beside them."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from pathlib import Path

import pytest

from tests.cda import cda
from tests.hl7 import mdm, oru, pid
from tests.hub import Hub
from warehouse import ledger
from warehouse.database import reading

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


def lifetime(*last: bytes) -> list[bytes]:
    """Preliminary, final and corrected results of one filler order on four days, then these."""
    return [
        oru(status="P", reported="20260302090000", value="0,9", control="R1"),
        oru(status="F", reported="20260302113000", control="R2"),
        oru(status="C", reported="20260303090000", value="0,95", control="R3"),
        *last,
    ]


def deleted(code: str) -> bytes:
    """A report that still says final, of which every result is deleted or wrong."""
    message = oru(status="F", reported="20260305080000", control="R4").decode()
    return message.replace("||||F\r", f"||||{code}\r").replace("|N|||F\r", f"|N|||{code}\r").encode()


@pytest.mark.parametrize(
    "last",
    [oru(status="X", reported="20260305080000", control="R4"), deleted("W"), deleted("D")],
    ids=["OBR-25 X", "every OBX-11 W", "every OBX-11 D"],
)
def test_the_life_of_an_order_ends_in_one_state_whatever_the_order_of_arrival(tmp_path: Path, last: bytes) -> None:
    hashes = set()
    for number, arrived in enumerate(permutations(lifetime(last))):
        hub = Hub(tmp_path / str(number))
        for message in arrived:
            hub.take(message)
        assert Counter(row["status"] for row in hub.documents()) == {"superseded": 3, "withdrawn": 1}
        assert [row["observations"] for row in hub.documents() if row["status"] == "withdrawn"] == [0]
        hashes.add(hub.hash())
    assert len(hashes) == 1


def test_a_later_report_lives_after_a_withdrawal(hub: Hub) -> None:
    for message in (*lifetime(deleted("W")), oru(status="F", reported="20260306080000", control="R5")):
        hub.take(message)
    assert Counter(row["status"] for row in hub.documents()) == {"superseded": 3, "withdrawn": 1, "current": 1}


@pytest.mark.parametrize("status", list("AIORS"))
def test_a_status_of_the_table_is_no_finding_and_ranks_as_preliminary(hub: Hub, status: str) -> None:
    hub.take(oru(status="F", control="R2", value="1,1"))
    hub.take(oru(status=status, control="R1"))
    assert sorted((row["status"], row["findings"]) for row in hub.documents()) == [("current", []), ("superseded", [])]
    assert hub.ends() == {"accepted": 2}


def test_a_deleted_result_is_kept_and_no_longer_counted(hub: Hub) -> None:
    hub.take(oru().replace(b"A+^A positif^L||||||F", b"A+^A positif^L||||||D"))
    (row,) = hub.documents()
    assert (row["observations"], row["status"]) == (2, "current")
    with reading(hub.store.engine) as connection:
        (found,) = ledger.documents(hub.store, connection)
    assert [result.status for result in found.record.results] == ["F", "F", "D"]


def test_equal_results_without_a_status_are_one_version_whatever_message_carries_them(hub: Hub) -> None:
    silent = oru(status="").replace(b"|||\r", b"|||F\r")
    hub.take(silent)
    again = hub.take(silent.replace(b"|R1|", b"|R2|"))
    assert hub.ends(again) == {"duplicate": 1}
    (row,) = hub.documents()
    assert (row["status"], row["findings"]) == ("current", [])


def test_an_unknown_status_is_told(hub: Hub) -> None:
    hub.take(oru(status="Z").replace(b"||||Z\r", b"||||F\r"))
    (row,) = hub.documents()
    assert row["findings"] == ["RESULT_STATUS_UNKNOWN"]
