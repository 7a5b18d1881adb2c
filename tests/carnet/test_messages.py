"""HL7v2 through the whole job: what a message and what it encloses become, and what the sender is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cda import ARC, cda
from tests.hl7 import adt, batch, document_oru, mdm, oru, pid, request
from tests.hub import Hub

OTHER = pid(ins="181112A00400083", family="D'ÉPINAY", birth="19811115", sex="M", ipp="IPP-9")


def codes(hub: Hub) -> list[tuple[str, str]]:
    return [(row["end"], row["code"]) for row in hub.quarantine()]


def test_a_document_in_a_message_is_two_items_and_one_document(hub: Hub) -> None:
    hub.take(mdm(cda("1"), masked=("MASQUE_PS", "INVISIBLE_REP_LEGAUX")))
    assert hub.ends() == {"accepted": 2}
    (row,) = hub.documents()
    assert row["document_id"] == f"{ARC}.1"
    assert row["confidentiality"] == ["N", "MASQUE_PS", "INVISIBLE_REPRESENTANTS_LEGAUX"]
    assert row["source"]["item"] == "message 1, document 1, OBX 1"


def test_replacement_and_deletion_by_message_move_the_state(hub: Hub) -> None:
    hub.take(mdm(cda("1", set_id="a")))
    hub.take(mdm(cda("2", set_id="a", version=2, replaces="1"), action="replace", control="M2"))
    assert {row["document_id"]: row["status"] for row in hub.documents()} == {
        f"{ARC}.1": "superseded",
        f"{ARC}.2": "current",
    }
    hub.take(mdm(cda("2", set_id="a", version=2, replaces="1"), action="delete", control="M3"))
    assert hub.document(f"{ARC}.2")["status"] == "deleted"
    assert codes(hub) == []


def test_a_deletion_before_its_document_waits_and_then_applies(hub: Hub) -> None:
    deletion = hub.take(mdm(cda("1"), action="delete"))
    assert set(codes(hub)) == {("held", "TARGET_UNKNOWN")}
    document = hub.take(cda("1"))
    assert hub.document(f"{ARC}.1")["status"] == "deleted"
    assert hub.ends(deletion) == {"accepted": 2}
    assert hub.ends(document) == {"flagged": 1}
    assert [reason["code"] for note in hub.receipt(document)["notes"] for reason in note["reasons"]] == [
        "DELETED_BEFORE_ARRIVAL"
    ]


def test_a_deletion_by_another_organisation_is_refused(hub: Hub) -> None:
    hub.take(cda("1"))
    hub.take(mdm(cda("1", organisation=("1.2.250.1.71.4.2.2", "1999999999")), action="delete"))
    assert set(codes(hub)) == {("refused", "NOT_AUTHOR")}
    assert hub.document(f"{ARC}.1")["status"] == "current"


@pytest.mark.parametrize(
    ("message", "end", "code"),
    [
        (mdm(cda("1"), patient=OTHER), "refused", "PATIENT_MISMATCH"),
        (mdm(cda("1"), patient=pid(birth="19850315")), "refused", "PATIENT_MISMATCH"),
        (mdm(cda("1"), patient=pid(oid="1.2.250.1.213.1.4.11")), "refused", "PATIENT_MISMATCH"),
        (mdm(cda("1"), payload="W2ljaSBsZSBkb2N1bWVudF0="), "refused", "PAYLOAD_NOT_A_DOCUMENT"),
        (mdm(cda("1"), order="RO"), "refused", "ACTION_INCONSISTENT"),
        (mdm(cda("1"), status="C"), "refused", "ACTION_INCONSISTENT"),
        (mdm(cda("1"), action="replace"), "refused", "ACTION_INCONSISTENT"),
        (mdm(cda("1"), patient=pid(status="VALI~DOUT")), "held", "IDENTITY_NOT_QUALIFIED"),
        (oru(patient=pid(ins="")), "held", "IDENTITY_NOT_QUALIFIED"),
        (oru(patient=pid(status="PROV")), "held", "IDENTITY_NOT_QUALIFIED"),
        (oru().replace(b"MSH|^~\\&|", b"MSH|&&&&|", 1), "refused", "DELIMITERS_UNUSABLE"),
        (mdm(cda("1")).replace(b"MASQUE_PS^MASQUE_PS", b"MASQUE_X^MASQUE_X"), "held", "FLAG_UNKNOWN"),
    ],
)
def test_a_message_that_cannot_be_taken_says_why_and_nothing_enters(
    hub: Hub, message: bytes, end: str, code: str
) -> None:
    delivery = hub.take(message)
    assert set(codes(hub)) == {(end, code)}
    assert hub.documents() == []
    assert sum(hub.ends(delivery).values()) == hub.deliveries()[0]["items"]["read"] >= 1


def test_older_profiles_say_sc_or_nothing_in_orc_1(hub: Hub) -> None:
    hub.take(mdm(cda("1"), order="SC").replace(b"2.1^CISIS", b"2.0^CISIS"))
    hub.take(mdm(cda("2"), order="", control="M2"))
    assert len(hub.documents()) == 2
    hub.take(mdm(cda("3"), order="SC", control="M3"))
    assert codes(hub) == [("refused", "ACTION_INCONSISTENT")] * 2


def test_results_are_versions_of_their_filler_order_in_any_order(tmp_path: Path) -> None:
    preliminary = oru(status="P", reported="20260302090000", value="0,9")
    final = oru(status="F", reported="20260302113000", control="R2")
    corrected = oru(status="C", reported="20260303090000", value="0,95", control="R3")
    hashes = set()
    for name, order in (("a", [preliminary, final, corrected]), ("b", [corrected, preliminary, final])):
        hub = Hub(tmp_path / name)
        for message in order:
            hub.take(message)
        hashes.add(hub.hash())
        assert {row["document_id"] for row in hub.documents()} == {"1.2.250.1.999.2^F4711"}
        assert sorted(row["status"] for row in hub.documents()) == ["current", "superseded", "superseded"]
        assert all(row["observations"] == 3 and row["format"] == "hl7-oru" for row in hub.documents())
    assert len(hashes) == 1


def test_a_withdrawn_result_is_listed_as_such(hub: Hub) -> None:
    hub.take(oru())
    hub.take(oru(status="X", reported="20260304090000", control="R9"))
    assert sorted(row["status"] for row in hub.documents()) == ["superseded", "withdrawn"]


def test_one_bad_message_costs_the_batch_nothing_else(hub: Hub) -> None:
    good = [mdm(cda(str(n)), control=f"M{n}") for n in range(5)]
    bad = mdm(cda("99"), payload="bm90aGluZw==", control="BAD")
    delivery = hub.take(batch([*good[:3], bad, *good[3:]]))
    assert hub.ends(delivery) == {"accepted": 10, "refused": 2}
    assert hub.deliveries()[0]["declared"] == 6
    assert len(hub.documents()) == 5


def test_a_batch_that_declares_another_count_is_told_so_on_the_receipt(hub: Hub) -> None:
    delivery = hub.take(batch([oru()], declared=96))
    reasons = [reason["code"] for note in hub.receipt(delivery)["notes"] for reason in note["reasons"]]
    assert reasons == ["BATCH_COUNT_MISMATCH"]
    assert hub.ends(delivery) == {"accepted": 1}


def test_the_same_message_in_a_later_batch_is_a_duplicate(hub: Hub) -> None:
    hub.take(batch([mdm(cda("1")), oru()]))
    before = hub.documents()
    again = hub.take(batch([oru(), mdm(cda("1"))]))
    assert hub.ends(again) == {"duplicate": 3}
    assert hub.documents() == before


@pytest.mark.parametrize("message", [oru(), mdm(cda("1")), adt()], ids=["ORU", "MDM", "ADT"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r\r", b"\n\n"])
def test_the_same_message_in_other_line_ends_is_a_duplicate(hub: Hub, message: bytes, end: bytes) -> None:
    hub.take(message)
    again = hub.take(b"\xef\xbb\xbf\x0b" + message.replace(b"\r", end) + b"\x1c\r")
    assert set(hub.ends(again)) == {"duplicate"}
    assert hub.receipt(again)["notes"] == []


def test_a_structured_document_and_its_pdf_of_one_message_are_one_unit(hub: Hub) -> None:
    both = mdm(cda("1", set_id="s")).decode()
    second = mdm(cda("2", set_id="s", level=1)).decode()
    line = next(part for part in second.split("\r") if part.startswith("OBX|1|")).replace("OBX|1|", "OBX|2|", 1)
    first = next(part for part in both.split("\r") if part.startswith("OBX|1|"))
    hub.take(both.replace(first, f"{first}\r{line}").encode())
    assert hub.ends() == {"accepted": 3}
    assert len({row["unit"] for row in hub.documents()}) == 1
    assert {row["format"] for row in hub.documents()} == {"cda-n1", "cda-n3"}


def test_each_request_of_a_message_says_what_to_do_with_its_own_documents(hub: Hub) -> None:
    hub.take(cda("1", set_id="a"))
    replacing = request(cda("2", set_id="a", version=2, replaces="1"), action="replace")
    delivery = hub.take(document_oru(replacing, request(cda("3"), number="2")))
    assert {end for end, _ in hub.told(delivery)} == {"accepted"}
    assert [hub.document(f"{ARC}.{number}")["status"] for number in "123"] == ["superseded", "current", "current"]


def test_each_request_of_a_message_has_its_own_flags(hub: Hub) -> None:
    hub.take(document_oru(request(cda("1"), masked=("MASQUE_PS",)), request(cda("2"), number="2")))
    assert [hub.document(f"{ARC}.{n}")["confidentiality"] for n in "12"] == [["N", "MASQUE_PS"], ["N"]]


def test_a_request_without_flags_has_those_of_the_message(hub: Hub) -> None:
    hub.take(document_oru(request(cda("1"), masked=None), request(cda("2"), number="2", masked=("MASQUE_PS",))))
    assert [hub.document(f"{ARC}.{n}")["confidentiality"] for n in "12"] == [["N", "MASQUE_PS"]] * 2
    others = [request(cda("5"), number="2", masked=("MASQUE_PS",)), request(cda("6"), number="3")]
    delivery = hub.take(document_oru(request(cda("4"), masked=None), *others, control="D2"))
    assert {code for _, code in hub.told(delivery)} == {"FLAG_VALUE_INVALID"}


def test_twins_are_of_one_request(hub: Hub) -> None:
    pairs = [request(cda("1"), cda("2", level=1)), request(cda("3", level=1), cda("4"), number="2")]
    hub.take(document_oru(*pairs))
    hub.take(document_oru(request(cda("5")), request(cda("6", level=1), number="2"), control="D2"))
    units = [hub.document(f"{ARC}.{number}")["unit"] for number in "123456"]
    assert units[0] == units[1] and units[2] == units[3] and len(set(units)) == 4


def test_a_lot_of_version_1_2_declares_the_twin_that_another_message_brings(tmp_path: Path) -> None:
    """OBX-3 = COMP_LOT names the sibling by OID, with or without what may be its extension or a label."""
    lot = "OBX|20|CE|COMP_LOT^x||{}.{}^CDAN1||||||F\r"
    first = document_oru(request(cda("1"))) + lot.format(ARC, 2).encode()
    second = document_oru(request(cda("2", level=1)), control="D2") + lot.format(ARC, 1).encode()
    for number, arrivals in enumerate(([first, second], [second, first], [first, cda("2", level=1)])):
        hub = Hub(tmp_path / str(number))
        for arrival in arrivals:
            hub.take(arrival)
        assert len({hub.document(f"{ARC}.{n}")["unit"] for n in "12"}) == 1
        hub.take(document_oru(request(cda("1"), action="delete"), control="D3"))
        assert {hub.document(f"{ARC}.{n}")["status"] for n in "12"} == {"deleted"}


def test_acknowledgements_are_no_data_and_other_messages_are_kept(hub: Hub) -> None:
    hub.take(b"MSH|^~\\&|A|B|C|D|20260302||ACK^T02^ACK|1|P|2.6\rMSA|AA|M1\r")
    hub.take("\r".join(["MSH|^~\\&|A|B|C|D|20260302||ADT^A01^ADT_A01|2|P|2.5", "EVN||20260302", pid(), ""]).encode())
    assert hub.ends() == {"ignored": 1, "flagged": 1}


def test_every_sample_message_ends_with_a_reason(hub: Hub, samples: Path) -> None:
    files = sorted(p for p in (samples / "hl7").rglob("*") if p.is_file() and p.suffix.lower() != ".xml")
    hub.take_files(files)
    ends = hub.ends()
    assert sum(ends.values()) == sum(row["items"]["read"] for row in hub.deliveries()) > len(files)
    found = {code for _, code in codes(hub)}
    assert found == {"PAYLOAD_NOT_A_DOCUMENT", "DELIMITERS_UNUSABLE", "PATIENT_MISMATCH", "DOCUMENT_ID_CONFLICT"}
    assert ends["ignored"] == 13
    assert all(row["fix_fr"] and row["message_en"] for row in hub.quarantine())
