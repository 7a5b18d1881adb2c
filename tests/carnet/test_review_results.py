"""Discrete results: one document a filler order and patient, and no harm to what travels beside them."""

from __future__ import annotations

import base64
from collections import Counter
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from tests.cda import INS, TEST_OID, cda
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


def shown(hub: Hub) -> dict[str, Any]:
    """The one report of the record of the person of these tests."""
    (row,) = [row for row in hub.patient(INS, TEST_OID) if row["kind"] == "result"]
    return row


def with_lines(*lines: str) -> bytes:
    """The three results, and lines after them."""
    return oru() + "".join(f"{line}\r" for line in lines).encode()


def test_notes_specimen_and_times_are_shown_at_their_own_level(hub: Hub) -> None:
    message = oru().decode().replace("OBX|1|NM", "NTE|1||À jeun depuis 12 h\rOBX|1|NM", 1)
    message = message.replace("OBX|2|SN", "NTE|1||Contrôlé deux fois\rOBX|2|SN", 1)
    message += "SPM|1|||SER^Sérum^HL70487\rNTE|1||Sérum lactescent\r"
    hub.take(message.encode())
    (panel,) = shown(hub)["panels"]
    assert panel["notes"] == ["À jeun depuis 12 h", "Sérum lactescent"]
    assert [code["code"] for code in panel["specimen"]] == ["SER"]
    assert (panel["collected"], panel["status"], panel["results"]) == ("20260302080000", "F", 3)
    results = shown(hub)["results"]
    assert [result["said"]["notes"] for result in results] == [["Contrôlé deux fois"], [], []]
    assert {result["coded"]["effective"] for result in results} == {"2026-03-02T08:00:00"}


def test_each_panel_of_one_number_keeps_its_own_specimen_and_times(hub: Hub) -> None:
    first, second, rest = second_panel(oru()).split(b"20260302080000")
    hub.take(first + b"20260302080000" + second + b"202603021400" + rest + b"SPM|1|||UR^Urine^HL70487\r")
    panels = shown(hub)["panels"]
    assert [(p["codes"][0]["code"], p["collected"], p["results"]) for p in panels] == [
        ("24331-1", "20260302080000", 3),
        ("58410-2", "202603021400", 1),
    ]
    assert [[code["code"] for code in p["specimen"]] for p in panels] == [[], ["UR"]]
    assert [r["coded"]["effective"] for r in shown(hub)["results"]] == ["2026-03-02T08:00:00"] * 3 + [
        "2026-03-02T14:00"
    ]


PDF = base64.b64encode(b"%PDF-1.7 pages").decode()


def test_a_pdf_of_the_laboratory_is_in_the_record_and_counted(hub: Hub) -> None:
    hub.take(with_lines(f"OBX|4|ED|PDF^Compte rendu^L||LABO^AP^PDF^Base64^{PDF}||||||F"))
    (row,) = hub.documents()
    assert (row["observations"], row["attachments"], row["findings"]) == (4, 1, [])
    attached = shown(hub)["results"][3]["said"]
    assert (attached["values"], attached["attachment"]["size"]) == (["LABO^AP^PDF^Base64"], 14)
    again = hub.take(
        with_lines(f"OBX|4|ED|PDF^Compte rendu^L||LABO^AP^PDF^Base64^{PDF}||||||F").replace(b"|R1|", b"|R2|")
    )
    assert hub.ends(again) == {"duplicate": 1}
    other = base64.b64encode(b"%PDF-1.7 other").decode()
    hub.take(with_lines(f"OBX|4|ED|PDF^Compte rendu^L||LABO^AP^PDF^Base64^{other}||||||F").replace(b"|R1|", b"|R3|"))
    assert len(hub.documents()) == 2


@pytest.mark.parametrize("wrong", ["20240230", "202603022400", "hier", "20260302+2500"])
def test_a_time_of_collection_that_is_none_is_told_and_no_other_takes_its_place(hub: Hub, wrong: str) -> None:
    hub.take(oru().replace(b"|||20260302080000|", f"|||{wrong}|".encode()))
    (row,) = hub.documents()
    assert (row["findings"], row["created"]) == (["RESULT_TIME_INVALID"], "2026-03-02T11:30:00")
    assert [result["coded"]["effective"] for result in shown(hub)["results"]] == [None] * 3


def test_a_report_dated_by_an_invalid_collection_alone_is_refused(hub: Hub) -> None:
    hub.take(oru(reported="").replace(b"|||20260302080000|", b"|||20240230|"))
    assert [row["code"] for row in hub.quarantine()] == ["CREATION_TIME_INVALID"]
    assert hub.documents() == []


def test_an_observation_time_that_is_none_is_told(hub: Hub) -> None:
    hub.take(oru().replace(b"A+^A positif^L||||||F", b"A+^A positif^L||||||F|||20260229"))
    (row,) = hub.documents()
    assert row["findings"] == ["RESULT_TIME_INVALID"]
    said = [result["coded"]["effective"] for result in shown(hub)["results"]]
    assert said == ["2026-03-02T08:00:00", "2026-03-02T08:00:00", None]


def test_a_status_of_one_result_that_no_table_has_is_told(hub: Hub) -> None:
    hub.take(oru().replace(b"A+^A positif^L||||||F", b"A+^A positif^L||||||Q"))
    (row,) = hub.documents()
    assert row["findings"] == ["RESULT_STATUS_UNKNOWN"]


FILLER = b"F4711^LABO^1.2.250.1.999.2^ISO"


@pytest.mark.parametrize(
    ("written", "document_id"),
    [
        ("F4711^LABO^1.2.250.1.999.2^ISO", "1.2.250.1.999.2^F4711"),
        ("F4711^LABO&1.2.250.1.999.2&ISO", "1.2.250.1.999.2^F4711"),
        ("F4711^LABO", "sender:demo^F4711"),
        ("F4711", "sender:demo^F4711"),
        ("F4711^^labo.example^DNS", "sender:demo^F4711"),
    ],
)
def test_an_order_is_named_by_the_oid_of_its_authority_else_by_its_sender(
    hub: Hub, written: str, document_id: str
) -> None:
    hub.take(oru().replace(FILLER, written.encode()))
    assert [row["document_id"] for row in hub.documents()] == [document_id]


def test_equal_numbers_of_two_namespaces_are_two_orders(hub: Hub) -> None:
    hub.take(oru().replace(FILLER, b"F4711^LABO-A"))
    hub.take(oru(control="R2", value="1,1").replace(FILLER, b"F4711^LABO-B"))
    assert [row["status"] for row in hub.documents()] == ["current", "current"]
    hub.take(oru(control="R3", value="1,2", status="C", reported="20260303").replace(FILLER, b"F4711^LABO-B"))
    assert [row["status"] for row in hub.documents()] == ["current", "superseded", "current"]


def test_results_without_any_number_are_never_of_one_order(hub: Hub) -> None:
    for number, null in enumerate((b'""', b"", b"^LABO")):
        message = oru(control=f"R{number}", value=f"1,{number}").replace(FILLER, null).replace(b"PF4711", b'""')
        hub.take(message)
    assert hub.documents() == []
    assert [row["code"] for row in hub.quarantine()] == ["FILLER_ORDER_MISSING"] * 3


def test_two_statuses_in_one_field_are_no_status(hub: Hub) -> None:
    hub.take(oru(status="F~P"))
    assert [row["findings"] for row in hub.documents()] == [["RESULT_STATUS_UNKNOWN"]]
