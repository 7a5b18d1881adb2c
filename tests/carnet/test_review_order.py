"""One state whatever came first: items that only their rank of arrival told apart."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from tests.cda import INS, ORGANISATION, TEST_OID, cda
from tests.hl7 import mdm, oru, pid
from tests.hub import Hub

OTHER = ("1.2.250.1.71.4.2.2", "1000000009")
DOUBTED = pid(status="PROV")
DOCUMENT = cda("1")


def hubs(folder: Path, *deliveries: bytes) -> list[Hub]:
    """One home for each order of these deliveries."""
    found = []
    for number, order in enumerate(permutations(deliveries)):
        hub = Hub(folder / str(number))
        for data in order:
            hub.take(data)
        found.append(hub)
    return found


@pytest.mark.parametrize(
    "deliveries",
    [
        (mdm(DOCUMENT, patient=DOUBTED, control="A"), mdm(DOCUMENT, patient=DOUBTED, control="B")),
        (mdm(DOCUMENT, action="delete", control="A"), mdm(DOCUMENT, action="delete", control="B")),
        (
            mdm(cda("1", organisation=OTHER), action="delete", control="A"),
            mdm(cda("1", organisation=OTHER), action="delete", control="B"),
            DOCUMENT,
        ),
        (mdm(DOCUMENT, patient=DOUBTED, control="A"), mdm(DOCUMENT, control="B")),
        (oru(patient=DOUBTED, control="A"), oru(control="B"), oru(status="C", value="1,2", control="C")),
        (oru(patient=DOUBTED, control="A"), oru(patient=DOUBTED, control="B")),
    ],
    ids=[
        "held twice",
        "deletion waits twice",
        "deletion refused twice",
        "doubted then sound",
        "results",
        "held results",
    ],
)
def test_equal_items_leave_one_state_in_every_order(tmp_path: Path, deliveries: tuple[bytes, ...]) -> None:
    assert len({hub.hash() for hub in hubs(tmp_path, *deliveries)}) == 1


def test_a_document_held_for_its_identity_enters_when_it_comes_again_with_a_sound_one(tmp_path: Path) -> None:
    for hub in hubs(tmp_path, mdm(DOCUMENT, patient=DOUBTED, control="A"), mdm(DOCUMENT, control="B")):
        (row,) = hub.documents()
        assert (row["status"], row["ins"], row["ins_oid"]) == ("current", INS, TEST_OID)
        assert hub.quarantine() == []
        assert hub.ends() == {"accepted": 3, "duplicate": 1}


def test_a_requalified_document_is_in_the_record_of_its_ins_and_replaces_there(tmp_path: Path) -> None:
    second = mdm(cda("2", set_id="s", version=2, replaces="1"), action="replace", control="C")
    first = cda("1", set_id="s")
    for hub in hubs(tmp_path, mdm(first, patient=DOUBTED, control="A"), mdm(first, control="B"), second):
        assert {row["document_id"][-2:]: row["status"] for row in hub.documents()} == {
            ".1": "superseded",
            ".2": "current",
        }
        assert hub.quarantine() == []


def test_a_doubted_copy_after_a_sound_one_changes_nothing(hub: Hub) -> None:
    hub.take(mdm(DOCUMENT, control="B"))
    before = hub.documents()
    hub.take(mdm(DOCUMENT, patient=DOUBTED, control="A"))
    assert hub.documents() == before


def test_a_deletion_by_a_stranger_does_not_mark_the_document_as_deleted_before(hub: Hub) -> None:
    hub.take(mdm(cda("1", organisation=OTHER), action="delete"))
    delivery = hub.take(DOCUMENT)
    assert hub.ends(delivery) == {"accepted": 1}
    assert hub.document("1.2.250.1.999.1.1")["status"] == "current"


def test_a_deletion_by_the_author_still_does(hub: Hub) -> None:
    hub.take(mdm(cda("1", organisation=ORGANISATION), action="delete"))
    (note,) = hub.receipt(hub.take(DOCUMENT))["notes"]
    assert [reason["code"] for reason in note["reasons"]] == ["DELETED_BEFORE_ARRIVAL"]
    assert hub.document("1.2.250.1.999.1.1")["status"] == "deleted"
