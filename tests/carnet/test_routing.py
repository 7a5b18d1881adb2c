"""Destinations through the whole job: asked for by flags, dropped or refused by rule, shown with the document."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from pathlib import Path

import pytest

from tests.cda import INS, TEST_OID, cda
from tests.hl7 import mdm, oru, pid
from tests.hub import Hub

BOX = "|" * 10
PROFESSIONAL = f"PRT||UC||RCT|8^DOE^J^^^^^^NS&1.2.250.1.71.4.2.1&ISO^D^^^RPPS{BOX}^^X.400^j@medecin.mssante.fr"
PATIENT = f"PRT||UC||RCT|2^DOE^J^^^^^^^L^^^INS{BOX}^^X.400^2@patient.mssante.fr"


def asking(
    *flags: str,
    recipients: tuple[str, ...] = (PROFESSIONAL, PATIENT),
    patient: str | None = None,
    confidentiality: str = "N",
    action: str = "create",
    control: str = "M1",
    code: str = "11502-2",
) -> bytes:
    """An MDM with these flags set and these recipients."""
    document = cda("1", code=code).replace(
        b'confidentialityCode code="N"', f'confidentialityCode code="{confidentiality}"'.encode()
    )
    message = mdm(document, masked=flags, patient=patient, action=action, control=control)
    place = b"\rOBX|2|"
    return message.replace(place, "".join(f"\r{line}" for line in recipients).encode() + place, 1)


def told(hub: Hub, delivery: str) -> set[str]:
    return {reason["code"] for note in hub.receipt(delivery)["notes"] for reason in note["reasons"]}


def test_a_document_is_listed_with_where_it_may_go(hub: Hub) -> None:
    hub.take(asking("DESTDMP", "DESTMSSANTEPS", "DESTMSSANTEPAT"))
    (row,) = hub.documents(identified=False)
    assert row["destinations"] == ["DMP", "MSSANTEPAT", "MSSANTEPS"]
    assert hub.ends() == {"accepted": 2}


@pytest.mark.parametrize(
    ("message", "destinations", "codes"),
    [
        (asking("MASQUE_PS", "DESTMSSANTEPS"), ["MSSANTEPS"], {"ROUTING_OUTSIDE_MATRIX"}),
        (asking("DESTMSSANTEPS", "DESTMSSANTEPAT", recipients=()), [], {"RECIPIENT_MISSING"}),
        (
            asking("INVISIBLE_PATIENT", "DESTMSSANTEPS", "DESTMSSANTEPAT"),
            ["MSSANTEPS"],
            {"PATIENT_MAIL_FORBIDDEN", "ROUTING_OUTSIDE_MATRIX"},
        ),
        (asking("DESTDMP", confidentiality="R"), ["DMP"], {"CONFIDENTIALITY_IN_DMP"}),
        (asking("DESTDMP", code="11493-4"), ["DMP"], {"TYPE_NOT_IN_DMP"}),
    ],
)
def test_what_does_not_hold_is_told_on_the_document(
    hub: Hub, message: bytes, destinations: list[str], codes: set[str]
) -> None:
    delivery = hub.take(message)
    (row,) = hub.documents()
    assert (row["destinations"], set(row["findings"])) == (destinations, codes)
    assert told(hub, delivery) == codes
    assert hub.ends(delivery) == {"accepted": 1, "flagged": 1}


def test_without_a_qualified_identity_nothing_is_meant_for_the_dmp(hub: Hub) -> None:
    delivery = hub.take(asking("DESTDMP", patient=pid(status="PROV")))
    assert told(hub, delivery) == {"DMP_WITHOUT_INS", "IDENTITY_NOT_QUALIFIED"}


def flagged(message: bytes, *names: str) -> bytes:
    """Results with these flags set."""
    lines = [f"OBX|9|CE|{name}^x^MetaDMPMSS||Y^^expandedYes-NoIndicator||||||F\r" for name in names]
    return message + "".join(lines).encode()


def test_results_under_a_local_number_go_to_the_dmp_once_it_stands_for_an_ins(hub: Hub) -> None:
    waiting = hub.take(flagged(oru(patient=pid(ins="")), "DESTDMP"))
    assert (told(hub, waiting), hub.documents()) == ({"IDENTITY_NOT_QUALIFIED"}, [])
    hub.take(f"ipp;ipp_authority;ins;ins_oid\nIPP-285034;1.2.3.4.5;{INS};{TEST_OID}\n".encode())
    later = hub.take(flagged(oru(filler="F2", control="R2", patient=pid(ins="")), "DESTDMP"))
    assert [row["destinations"] for row in hub.documents()] == [["DMP"], ["DMP"]]
    assert hub.ends(waiting) == hub.ends(later) == {"accepted": 1}


def test_a_document_in_doubt_that_comes_again_with_a_sound_identity_goes_where_both_arrivals_ask(hub: Hub) -> None:
    hub.take(asking("DESTDMP", patient=pid(status="PROV")))
    hub.take(asking("DESTMSSANTEPS", "DESTMSSANTEPAT", control="M2"))
    assert [row["destinations"] for row in hub.documents()] == [["DMP", "MSSANTEPAT", "MSSANTEPS"]]


LPS = "1.1^CISIS_CDA_HL7_LPS"


@pytest.mark.parametrize(
    ("profile", "lacking", "told_of"),
    [
        ("2.1^CISIS_CDA_HL7_V2", "MASQUE_PS", True),
        ("2.1^CISIS_CDA_HL7_V2", "DESTMSSANTEPAT", True),
        ("1.2^CISIS_CDA_HL7_V1", "CONNEXION_SECRETE", True),
        (LPS, "INVISIBLE_REP_LEGAUX", True),
        (LPS, "DESTDMP", False),
        ("", "MASQUE_PS", False),
    ],
)
def test_a_mandatory_flag_that_is_missing_counts_as_n_and_is_told(
    hub: Hub, profile: str, lacking: str, told_of: bool
) -> None:
    message = mdm(cda("1")).replace(b"2.1^CISIS_CDA_HL7_V2", profile.encode())
    lines = [line for line in message.split(b"\r") if lacking.encode() not in line]
    delivery = hub.take(b"\r".join(lines))
    assert told(hub, delivery) == ({"VISIBILITY_FLAG_MISSING"} if told_of else set())
    assert [row["confidentiality"] for row in hub.documents()] == [["N"]]


def test_a_strict_sender_is_refused_outside_the_table_and_only_there(hub: Hub) -> None:
    strict = hub.sender(routing="refuse")
    hub.take(asking("MASQUE_PS", "DESTMSSANTEPS"), sender=strict)
    assert {(row["end"], row["code"]) for row in hub.quarantine()} == {("refused", "ROUTING_OUTSIDE_MATRIX")}
    assert hub.documents() == []
    hub.take(asking("DESTMSSANTEPS", "DESTMSSANTEPAT", control="M2"), sender=strict)
    assert [row["destinations"] for row in hub.documents()] == [["MSSANTEPAT", "MSSANTEPS"]]


def test_a_deletion_is_never_stopped_by_the_table(hub: Hub) -> None:
    strict = hub.sender(routing="refuse")
    hub.take(cda("1"))
    hub.take(asking("MASQUE_PS", "DESTMSSANTEPS", action="delete"), sender=strict)
    assert [row["status"] for row in hub.documents()] == ["deleted"]


def test_results_are_routed_as_documents_are(hub: Hub) -> None:
    hub.take(flagged(oru(), "DESTDMP", "DESTMSSANTEPS"))
    assert [row["destinations"] for row in hub.documents()] == [["DMP"]]
    assert hub.ends() == {"flagged": 1}
    wanting = flagged(oru(filler="F2", control="R2"), "DESTMSSANTEPS")
    hub.take(wanting, sender=hub.sender(routing="refuse"))
    assert [row["code"] for row in hub.quarantine()] == ["ROUTING_OUTSIDE_MATRIX"]


def test_arrivals_by_several_channels_add_up_in_any_order_and_a_mask_of_one_binds_all(tmp_path: Path) -> None:
    arrivals = [
        asking("DESTMSSANTEPS", "DESTMSSANTEPAT", control="M1"),
        asking("DESTDMP", "INVISIBLE_PATIENT", control="M2"),
        cda("1"),
    ]
    seen, hashes = [], set()
    for number, order in enumerate(permutations(arrivals)):
        hub = Hub(tmp_path / str(number))
        for message in order:
            hub.take(message)
        seen += [row["destinations"] for row in hub.documents()]
        hashes.add(hub.hash())
    assert seen == [["DMP", "MSSANTEPS"]] * 6
    assert len(hashes) == 1


def test_the_samples_keep_their_ends_but_for_what_the_table_does_not_admit(hub: Hub, samples: Path) -> None:
    hub.take_files(sorted(p for p in (samples / "hl7").rglob("*") if p.is_file() and p.suffix.lower() != ".xml"))
    codes = Counter(code for row in hub.deliveries() for code in told(hub, row["delivery"]))
    assert codes["ROUTING_OUTSIDE_MATRIX"] >= 1
    assert not {row["code"] for row in hub.quarantine()} & {"ROUTING_OUTSIDE_MATRIX", "PATIENT_MAIL_FORBIDDEN"}
    shown = [set(row["destinations"]) for row in hub.documents()]
    assert {"DMP", "MSSANTEPS", "MSSANTEPAT"} in shown
    assert all(
        "MSSANTEPAT" not in row["destinations"]
        for row in hub.documents()
        if "INVISIBLE_PATIENT" in row["confidentiality"]
    )
