"""Local patient numbers and the INS they stand for: results wait, links release them, contradictions hold them."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from tests.cda import INS, TEST_OID, cda
from tests.hl7 import adt, document_oru, header, mdm, oru, pid, request
from tests.hub import Hub

OTHER_INS = "160017555000059"
IPP_ONLY = pid(ins="")


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path / "home")


def table(*rows: str) -> bytes:
    header = "ipp;ipp_authority;ins;ins_oid;birth_family;birth_date;sex;action;at"
    return "\n".join((header, *rows, "")).encode()


def row(
    ipp: str = "IPP-285034", *, ins: str = INS, family: str = "L'Hostis Noël", action: str = "", at: str = ""
) -> str:
    return f"{ipp};1.2.3.4.5;{ins};{TEST_OID};{family};1985-03-14;F;{action};{at}"


def test_a_result_under_a_local_number_waits_and_the_table_releases_it(hub: Hub) -> None:
    waiting = hub.take(oru(patient=IPP_ONLY))
    assert hub.told(waiting) == [("held", "IDENTITY_NOT_QUALIFIED")]
    assert hub.documents() == []
    linked = hub.take(table(row()))
    assert hub.told(linked) == [("accepted", "")]
    assert hub.told(waiting) == [("accepted", "")]
    (document,) = hub.documents()
    assert (document["ins"], document["ins_oid"], document["status"]) == (INS, TEST_OID, "current")
    assert hub.receipt(waiting)["revision"] == 2


def test_an_admission_releases_it_too_and_what_comes_later_enters_at_once(hub: Hub) -> None:
    waiting = hub.take(oru(patient=IPP_ONLY))
    assert hub.told(hub.take(adt("A31"))) == [("accepted", "")]
    assert hub.told(waiting) == [("accepted", "")]
    later = hub.take(oru(control="R2", filler="F2", patient=IPP_ONLY))
    assert hub.told(later) == [("accepted", "")]
    assert [row["ins"] for row in hub.documents()] == [INS, INS]


UNSURE = pid(status="PROV").replace("IPP-285034^^^HOPITAL&1.2.3.4.5&ISO^PI~", "")
"""An INS, no other number, and no word that it was verified."""


@pytest.mark.parametrize("sure", [adt("A31"), table(row())], ids=["admission", "enrolment"])
def test_an_ins_that_its_sender_was_not_sure_of_is_released_once_it_is(tmp_path: Path, sure: bytes) -> None:
    for number, order in enumerate(permutations([oru(patient=UNSURE), sure])):
        hub = Hub(tmp_path / str(number))
        for data in order:
            hub.take(data)
        assert ([row["ins"] for row in hub.documents()], hub.ends()) == ([INS], {"accepted": 2})
        kinds = [row["what"] for row in hub.patient(INS, TEST_OID) if row["kind"] == "identity"]
        assert kinds == [f"link 1.2.3.4.5^IPP-285034 = {TEST_OID}^{INS}"]


@pytest.mark.parametrize(
    "patient",
    [
        UNSURE.replace("19850314", "19850315"),
        UNSURE.replace("|F|", "|M|"),
        UNSURE.replace("NOËL", "NOIRET"),
        UNSURE.replace("19850314", ""),
        UNSURE.replace("|F|", "|U|"),
        UNSURE.replace("L'HOSTIS-NOËL", ""),
    ],
)
def test_it_stays_out_unless_every_trait_bears_it_out_whatever_the_sender_s_policy(hub: Hub, patient: str) -> None:
    """The number may have been a typing error: then it is somebody else's."""
    waiting = hub.take(oru(patient=patient))
    hub.take(adt("A31"))
    assert (hub.told(waiting), hub.documents()) == ([("held", "IDENTITY_NOT_QUALIFIED")], [])


def test_another_sender_that_is_sure_of_it_releases_nothing(hub: Hub) -> None:
    waiting = hub.take(oru(patient=UNSURE))
    hub.take(adt("A31"), sender=hub.sender("labo-nord"))
    assert hub.told(waiting) == [("held", "IDENTITY_NOT_QUALIFIED")]


def test_another_sender_with_the_same_number_gains_nothing(hub: Hub) -> None:
    waiting = hub.take(oru(patient=IPP_ONLY))
    hub.take(table(row()), sender=hub.sender("labo-nord"))
    assert hub.told(waiting) == [("held", "IDENTITY_NOT_QUALIFIED")]


@pytest.mark.parametrize(
    "authority", ["", "1.2.3.4.6", "HOPITAL"], ids=["none", "another", "the namespace instead of the OID"]
)
def test_the_same_number_of_another_authority_is_another_person(hub: Hub, authority: str) -> None:
    waiting = hub.take(oru(patient=IPP_ONLY))
    hub.take(table(row().replace("1.2.3.4.5", authority)))
    assert hub.told(waiting) == [("held", "IDENTITY_NOT_QUALIFIED")]


def test_every_order_of_arrival_ends_in_one_state(tmp_path: Path) -> None:
    events = [
        oru(patient=IPP_ONLY),
        oru(control="R2", status="C", reported="20260303100000", value="0,95"),
        adt("A31", control="A2"),
        mdm(cda(), patient=IPP_ONLY),
    ]
    hashes = set()
    for number, order in enumerate(permutations(events)):
        hub = Hub(tmp_path / str(number))
        for data in order:
            hub.take(data)
        hashes.add(hub.hash())
    assert len(hashes) == 1
    assert sorted(row["status"] for row in hub.documents()) == ["current", "current", "superseded"]


@pytest.mark.parametrize(
    ("patient", "why"),
    [
        (pid(ins="", birth="19850315"), "birth date"),
        (pid(ins="", sex="M"), "sex"),
        (pid(ins="", family="LE GOFF"), "birth name"),
    ],
)
def test_a_document_whose_traits_contradict_the_ins_is_not_released(hub: Hub, patient: str, why: str) -> None:
    strict = hub.sender("demo", discordance="hold")
    waiting = hub.take(oru(patient=patient), sender=strict)
    assert hub.told(hub.take(adt("A31"), sender=strict)) == [("accepted", "")]
    assert hub.told(waiting) == [("held", "IDENTITY_DISCORDANT")], why


def test_under_a_lenient_sender_it_is_released_and_told(hub: Hub) -> None:
    waiting = hub.take(oru(patient=pid(ins="", birth="19850315")))
    hub.take(adt("A31"))
    assert hub.told(waiting) == [("flagged", "")]
    assert hub.documents()[0]["findings"] == ["IDENTITY_DISCORDANT"]


def test_a_document_that_says_another_ins_is_never_released(hub: Hub) -> None:
    waiting = hub.take(oru(patient=pid(ins=OTHER_INS, status="PROV")))
    hub.take(table(row()))
    assert hub.told(waiting) == [("held", "IDENTITY_DISCORDANT")]
    assert hub.documents() == []


def test_an_enrolment_whose_traits_contradict_the_record_is_held(hub: Hub) -> None:
    strict = hub.sender("demo", discordance="hold")
    hub.take(mdm(cda()), sender=strict)
    waiting = hub.take(oru(patient=IPP_ONLY), sender=strict)
    linked = hub.take(table(row(family="LE GOFF")), sender=strict)
    assert hub.told(linked) == [("held", "IDENTITY_DISCORDANT")]
    assert hub.told(waiting) == [("held", "IDENTITY_NOT_QUALIFIED")]


def test_one_number_for_two_people_joins_nobody(hub: Hub) -> None:
    waiting = hub.take(oru(patient=IPP_ONLY))
    first = hub.take(table(row(at="2026-01-01")))
    second = hub.take(table(row(ins=OTHER_INS, at="2026-02-01")))
    assert hub.told(second) == [("held", "MERGE_INS_DISAGREES")]
    assert hub.told(first) == [("held", "MERGE_INS_DISAGREES")]
    assert hub.told(waiting) == [("held", "IDENTITY_NOT_QUALIFIED")]
    hub.take(table(row(ins=OTHER_INS, action="unlink", at="2026-03-01")))
    assert hub.told(waiting) == hub.told(first) == [("accepted", "")]


LABO = "LAB-7^^^LABO&1.2.3.4.9&ISO^PI"
BOTH = IPP_ONLY.replace("^PI", f"^PI~{LABO}", 1)
"""A result that gives the patient's numbers at the hospital and at the laboratory."""


def lab_row(ins: str = INS, **said: str) -> str:
    return row("LAB-7", ins=ins, **said).replace("1.2.3.4.5", "1.2.3.4.9")


@pytest.mark.parametrize("sure", [table(row()), table(lab_row())], ids=["first number", "second number"])
def test_any_of_the_numbers_of_a_result_releases_it(tmp_path: Path, sure: bytes) -> None:
    hashes = set()
    for number, order in enumerate(permutations([oru(patient=BOTH), sure, mdm(cda())])):
        hub = Hub(tmp_path / str(number))
        for data in order:
            hub.take(data)
        assert [(one["ins"], one["status"]) for one in hub.documents()] == [(INS, "current")] * 2
        assert people(hub) == 1
        hashes.add(hub.hash())
    assert len(hashes) == 1


def test_numbers_of_two_people_keep_a_result_out_of_both_records(tmp_path: Path) -> None:
    other = f"LAB-7;1.2.3.4.9;{OTHER_INS};{TEST_OID};MARTIN;1960-01-17;M;;"
    mine = oru(control="R2", filler="F2", patient=IPP_ONLY)
    for number, order in enumerate(permutations([oru(patient=BOTH), table(row()), table(other), mine])):
        hub = Hub(tmp_path / str(number))
        ids = {data: hub.take(data) for data in order}
        assert hub.told(ids[oru(patient=BOTH)]) == [("held", "MERGE_INS_DISAGREES")]
        assert [(one["document_id"][-2:], one["ins"]) for one in hub.documents()] == [("F2", INS)]
    hub.take(table(other.replace(";;", ";unlink;2026-05-01", 1)))
    assert hub.told(ids[oru(patient=BOTH)]) == [("accepted", "")]


def test_a_number_that_only_a_result_puts_beside_another_is_nobody_s_in_the_record(hub: Hub) -> None:
    hub.take(oru(patient=BOTH))
    hub.take(table(lab_row()))
    hub.take(adt("A01", patient=IPP_ONLY, more=["ZFA|ACTIF|20260301|||||||INO|20260301|IC|20260301"]))
    assert [one["what"] for one in hub.patient(INS, TEST_OID) if one["kind"] in ("identity", "consent")] == [
        f"link 1.2.3.4.9^LAB-7 = {TEST_OID}^{INS}"
    ]


def test_an_unqualified_ins_beside_a_local_number_may_lead_to_the_record_too(hub: Hub) -> None:
    waiting = hub.take(oru(patient=pid(status="PROV", ipp="IPP-9")))
    hub.take(adt("A31"))
    assert (hub.told(waiting), [one["ins"] for one in hub.documents()]) == ([("accepted", "")], [INS])


def test_an_unlink_takes_the_results_back_and_needs_its_time(hub: Hub) -> None:
    waiting = hub.take(oru(patient=IPP_ONLY))
    hub.take(table(row(at="2026-01-01")))
    assert hub.told(hub.take(table(row(action="unlink")))) == [("refused", "EVENT_TIME_MISSING")]
    assert hub.told(waiting) == [("accepted", "")]
    hub.take(table(row(action="unlink", at="2026-02-01")))
    assert hub.told(waiting) == [("held", "IDENTITY_NOT_QUALIFIED")]


@pytest.mark.parametrize(
    ("line", "end", "code"),
    [
        (row(ipp=""), "refused", "PATIENT_ID_MISSING"),
        (row(ipp="000000"), "refused", "PATIENT_ID_MISSING"),
        (row(ins="28503441090005"), "refused", "INS_MALFORMED"),
        (row().replace(TEST_OID, "1.2.3"), "refused", "INS_AUTHORITY_NOT_ADMITTED"),
        (row().replace("1985-03-14", "14/03/1985"), "refused", "BIRTH_DATE_INVALID"),
        (row(action="merge"), "refused", "ENROLMENT_ACTION_UNKNOWN"),
        (row(at="hier"), "refused", "EVENT_TIME_INVALID"),
    ],
)
def test_a_row_that_cannot_be_taken_says_why(hub: Hub, line: str, end: str, code: str) -> None:
    assert hub.told(hub.take(table(line))) == [(end, code)]


def test_a_row_without_traits_links_and_says_so(hub: Hub) -> None:
    delivery = hub.take(f"ipp,ipp_authority,ins,ins_oid\nIPP-285034,1.2.3.4.5,{INS},{TEST_OID}\n".encode())
    assert hub.told(delivery) == [("flagged", "")]
    assert hub.told(hub.take(oru(patient=IPP_ONLY))) == [("accepted", "")]


def test_the_sender_s_only_authority_is_that_of_a_row_without_one(hub: Hub) -> None:
    lab = hub.sender("labo-nord")
    waiting = hub.take(oru(patient=IPP_ONLY), sender=lab)
    hub.take(f"ipp,ipp_authority,ins\nIPP-285034,1.2.3.4.5,{INS}\n".encode(), sender=lab)
    assert [end for end, _ in hub.told(waiting)] == ["accepted"]


def test_the_same_row_again_is_a_duplicate(hub: Hub) -> None:
    hub.take(table(row()))
    assert hub.told(hub.take(table(row(), row("IPP-2", at="2026-01-01")))) == [("duplicate", ""), ("accepted", "")]


def test_a_deletion_by_an_unqualified_identity_waits_as_well(hub: Hub) -> None:
    document = cda()
    hub.take(mdm(document))
    asked = hub.take(mdm(document, action="delete", patient=pid(status="PROV")))
    assert ("held", "IDENTITY_NOT_QUALIFIED") in hub.told(asked)
    assert [row["status"] for row in hub.documents()] == ["current"]


def test_find_by_every_number(hub: Hub) -> None:
    waiting = hub.take(oru(control="MSG-9", filler="FILL-9", patient=IPP_ONLY))
    linked = hub.take(table(row()))
    assert hub.found("MSG-9") == hub.found("FILL-9") == hub.found("PFILL-9") == [waiting]
    assert hub.found("IPP-285034") == [waiting, linked]


def test_find_by_the_numbers_of_whatever_came_and_however_it_ended(hub: Hub) -> None:
    carried = hub.take(document_oru(request(cda("1"), number="77"), control="DOC-9"))
    assert hub.found("F77") == hub.found("P77") == hub.found("DOC-9") == [carried]
    order = "\r".join(
        (
            header("OML^O21^OML_O21", "ORDER-9", version="2.5", profile=""),
            IPP_ONLY,
            "ORC|NW|PLACER-9^HOP|FILLER-9^LABO|GROUP-9",
            "OBR|1|PLACER-9^HOP|FILLER-9^LABO|24331-1^x^LN||||||||||||||ACC-9|PF2|ACC-F9",
            "SPM|1|SPEC-9&HOP^SPEC-F9&LABO||SER",
        )
    )
    kept = hub.take(order.encode())
    for number in ("ORDER-9", "PLACER-9", "FILLER-9", "GROUP-9", "ACC-9", "ACC-F9", "SPEC-9", "SPEC-F9"):
        assert hub.found(number) == [kept], number
    unread = hub.take(oru(control="BAD-9").replace(b"MSH|^~", b"MSH|^^"))
    assert hub.found("BAD-9") == [unread]
    two = hub.take(oru(control="TWO-9").replace(b"PV1|1|N", pid(ins="181112A00400083").encode()))
    assert hub.found("TWO-9") == [two]


def test_figures_count_one_person(hub: Hub) -> None:
    hub.take(mdm(cda()))
    hub.take(oru(patient=IPP_ONLY))
    assert people(hub) == 1
    hub.take(adt("A31"))
    assert people(hub) == 1
    assert len(hub.documents()) == 2


def people(hub: Hub) -> Any:
    import duckdb

    from warehouse.marts import publish

    path = publish(hub.store, hub.settings.kinds())
    with duckdb.connect(str(path), read_only=True) as marts:
        (found,) = marts.execute("SELECT count(DISTINCT pseudonym) FROM document").fetchall()
    return found[0]
