"""ADT messages through the hub: merges and un-merges, declarations of the patient, masks of known documents."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from tests.cda import INS, TEST_OID, cda
from tests.hl7 import adt, mdm, oru, pid
from tests.hub import Hub

OTHER_INS = "160017555000059"
OLD, NEW = "IPP-111", "IPP-222"
MRG = "MRG|IPP-111^^^HOPITAL&1.2.3.4.5&ISO^PI"


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path / "home")


def unqualified(ipp: str) -> str:
    return pid(ins="", ipp=ipp)


def zfa(feeding: str = "", feeding_at: str = "", consultation: str = "", consultation_at: str = "") -> str:
    return f"ZFA|ACTIF|20260301090000|||||||{feeding}|{feeding_at}|{consultation}|{consultation_at}"


def merge(at: str = "20260301090000", patient: str | None = None, control: str = "A40") -> bytes:
    return adt("A40", control=control, at=at, patient=patient or unqualified(NEW), more=[MRG])


def unmerge(at: str, control: str = "A37") -> bytes:
    return adt("A37", control=control, at=at, patient=unqualified(NEW), more=[unqualified(OLD)])


def test_a_merge_brings_results_of_the_old_number_into_the_record_and_an_unmerge_takes_them_out(hub: Hub) -> None:
    waiting = hub.take(oru(patient=unqualified(OLD)))
    hub.take(adt("A31", patient=pid(ipp=NEW)))
    assert hub.told(waiting) == [("held", "IDENTITY_NOT_QUALIFIED")]
    assert hub.told(hub.take(merge())) == [("accepted", "")]
    assert hub.told(waiting) == [("accepted", "")]
    assert [row["ins"] for row in hub.documents()] == [INS]
    assert hub.told(hub.take(unmerge("20260401090000"))) == [("accepted", "")]
    assert hub.told(waiting) == [("held", "IDENTITY_NOT_QUALIFIED")]
    late = hub.take(oru(control="R3", filler="F3", patient=unqualified(OLD)))
    assert hub.told(late) == [("held", "IDENTITY_NOT_QUALIFIED")]


def test_a_number_merged_into_a_patient_known_by_the_ins_alone_stands_for_it(hub: Hub) -> None:
    waiting = hub.take(oru(patient=unqualified(OLD)))
    only_ins = pid().replace("IPP-285034^^^HOPITAL&1.2.3.4.5&ISO^PI~", "")
    assert hub.told(hub.take(merge(patient=only_ins))) == [("accepted", "")]
    assert (hub.told(waiting), [row["ins"] for row in hub.documents()]) == ([("accepted", "")], [INS])
    unsure = only_ins.replace("|VALI", "|PROV")
    assert hub.told(hub.take(merge(patient=unsure, control="A41"))) == [("refused", "MERGE_WITHOUT_IDS")]


def test_the_record_shows_who_the_patient_was_said_to_be(hub: Hub) -> None:
    hub.take(oru(patient=unqualified(OLD)))
    hub.take(adt("A31", patient=pid(ipp=NEW), more=[zfa("INO", "20260301", "INC", "20260301")]))
    hub.take(merge())
    rows = [(row["kind"], row["what"], row["status"]) for row in hub.patient(INS, TEST_OID)]
    assert sorted(rows) == [
        ("consent", "consultation INC", "accepted"),
        ("consent", "feeding INO", "accepted"),
        ("identity", "link 1.2.3.4.5^IPP-111 = 1.2.3.4.5^IPP-222", "accepted"),
        ("identity", f"link 1.2.3.4.5^IPP-222 = {TEST_OID}^{INS}", "accepted"),
        ("result", "Bilan lipidique", "current"),
    ]


def test_an_identifier_that_changed_follows(hub: Hub) -> None:
    waiting = hub.take(oru(patient=unqualified(OLD)))
    hub.take(adt("A47", patient=pid(ipp=NEW), more=[MRG]))
    assert hub.told(waiting) == [("accepted", "")]


def test_the_ins_in_mrg_is_no_longer_that_of_the_number(hub: Hub) -> None:
    hub.take(adt("A31", control="A1", patient=pid(ins=OTHER_INS, ipp=NEW), at="20260101080000"))
    waiting = hub.take(oru(patient=unqualified(NEW)))
    assert hub.told(waiting) == [("accepted", "")]
    wrong = f"MRG|{OTHER_INS}^^^ASIP-SANTE-INS-NIR&{TEST_OID}&ISO^INS"
    hub.take(adt("A47", control="A2", patient=pid(ipp=NEW), at="20260201080000", more=[wrong]))
    assert hub.told(waiting) == [("accepted", "")]
    assert [row["ins"] for row in hub.documents()] == [INS]


def test_merges_of_two_qualified_people_are_held_until_undone(hub: Hub) -> None:
    hub.take(adt("A31", control="A1", patient=pid(ipp=OLD, ins=OTHER_INS, family="A", birth="19600105", sex="M")))
    hub.take(adt("A31", control="A2", patient=pid(ipp=NEW)))
    one = hub.take(oru(patient=unqualified(NEW)))
    merged = hub.take(merge())
    assert hub.told(merged) == [("held", "MERGE_INS_DISAGREES")]
    assert hub.told(one) == [("held", "IDENTITY_NOT_QUALIFIED")], "a part with two INS is not joined at all"
    hub.take(unmerge("20260401090000"))
    assert hub.told(merged) == [("accepted", "")]
    assert hub.told(one) == [("accepted", "")]


def test_every_order_of_a_story_ends_in_one_state(tmp_path: Path) -> None:
    story = [
        oru(patient=unqualified(OLD)),
        adt("A31", control="A1", patient=pid(ipp=NEW), at="20260228080000"),
        merge("20260301090000"),
        unmerge("20260401090000"),
        merge("20260501090000", control="A40b"),
    ]
    hashes = set()
    for number, order in enumerate(list(permutations(story))[::7]):
        hub = Hub(tmp_path / str(number))
        for data in order:
            hub.take(data)
        hashes.add(hub.hash())
    assert len(hashes) == 1
    assert hub.ends() == {"accepted": 5}


def test_an_unmerge_of_what_nothing_merged_waits(hub: Hub) -> None:
    alone = hub.take(unmerge("20260401090000"))
    assert hub.told(alone) == [("held", "TARGET_UNKNOWN")]
    hub.take(merge("20260301090000"))
    assert hub.told(alone) == [("accepted", "")]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (adt("A40", patient=unqualified(NEW)), "MERGE_WITHOUT_IDS"),
        (adt("A40", patient=unqualified(NEW), more=["MRG|0000^^^HOPITAL&1.2.3.4.5&ISO^PI"]), "MERGE_WITHOUT_IDS"),
        (adt("A37", patient=unqualified(NEW)), "MERGE_WITHOUT_IDS"),
        (adt("A08", patient=unqualified(NEW), more=[unqualified(OLD)]), "SEVERAL_PATIENTS"),
        (
            merge("").replace(b"EVN||20260302101500", b"EVN||").replace(b"|20260302101500||ADT", b"|||ADT"),
            "EVENT_TIME_MISSING",
        ),
    ],
    ids=["no MRG", "placeholder", "one PID", "two PID", "no time"],
)
def test_a_merge_that_names_nobody_or_no_time_is_refused(hub: Hub, data: bytes, code: str) -> None:
    assert hub.told(hub.take(data)) == [("refused", code)]


def test_an_admission_without_any_number_is_held(hub: Hub) -> None:
    delivery = hub.take(adt("A01", patient="PID|1||||INCONNU^^^^^^L"))
    assert hub.told(delivery) == [("held", "PATIENT_ID_MISSING")]


def test_the_ins_of_an_unsure_identity_is_not_used(hub: Hub) -> None:
    waiting = hub.take(oru(patient=unqualified("IPP-285034")))
    delivery = hub.take(adt("A01", patient=pid(status="PROV")))
    assert hub.receipt(delivery)["notes"][0]["reasons"][0]["code"] == "INS_NOT_QUALIFIED"
    assert hub.told(waiting) == [("held", "IDENTITY_NOT_QUALIFIED")]


def test_opposition_to_feeding_binds_its_sender_from_its_day_on(hub: Hub) -> None:
    lab = hub.sender("labo-nord")
    before = hub.take(mdm(cda("1", created="20260228101500+0100")), sender=lab)
    after = hub.take(mdm(cda("2"), control="M2"), sender=lab)
    elsewhere = hub.take(
        mdm(cda("3", organisation=("1.2.250.1.71.4.2.2", "1000100024")), control="M3"), sender=hub.sender("labo-rhone")
    )
    opposed = hub.take(adt("A01", more=[zfa("IO", "20260301090000", "IC", "20260301090000")]), sender=lab)
    assert hub.told(opposed) == [("accepted", "")]
    assert hub.told(before) == [("accepted", ""), ("accepted", "")]
    assert hub.told(after) == [("refused", "HOLDER_OPPOSED")] * 2
    assert hub.told(elsewhere) == [("accepted", ""), ("accepted", "")]
    hub.take(adt("A08", control="A2", more=[zfa("INO", "20260401090000")]), sender=lab)
    assert hub.told(after) == [("refused", "HOLDER_OPPOSED")] * 2
    later = hub.take(mdm(cda("4", created="20260402101500+0200"), control="M4"), sender=lab)
    assert hub.told(later) == [("accepted", ""), ("accepted", "")]


def test_what_another_sender_brings_as_well_is_not_bound(hub: Hub) -> None:
    document = cda("2")
    hub.take(adt("A01", more=[zfa("IO", "20260301090000")]), sender=hub.sender("labo-nord"))
    first = hub.take(mdm(document), sender=hub.sender("labo-nord"))
    assert hub.told(first) == [("refused", "HOLDER_OPPOSED")] * 2
    hub.take(mdm(document, control="M2"), sender=hub.sender("labo-rhone"))
    assert [row["status"] for row in hub.documents()] == ["current"]


def test_the_opposition_of_a_local_number_binds_once_it_has_its_ins(hub: Hub) -> None:
    hub.take(adt("A01", patient=unqualified("IPP-285034"), more=[zfa("IO", "20260301090000")]))
    document = hub.take(mdm(cda()))
    assert hub.told(document) == [("accepted", ""), ("accepted", "")]
    hub.take(adt("A31", control="A2"))
    assert hub.told(document) == [("refused", "HOLDER_OPPOSED")] * 2


@pytest.mark.parametrize(
    ("event", "segment", "finding"),
    [
        ("A01", zfa("NA"), ""),
        ("A01", zfa("OUI", "20260301"), "CONSENT_UNKNOWN"),
        ("A01", zfa("IO"), "CONSENT_DATE_MISSING"),
        ("A11", zfa("IO", "20260301"), ""),
    ],
)
def test_words_of_the_declaration(hub: Hub, event: str, segment: str, finding: str) -> None:
    delivery = hub.take(adt(event, more=[segment]))
    notes = hub.receipt(delivery)["notes"]
    assert [reason["code"] for note in notes for reason in note["reasons"]] == ([finding] if finding else [])
    bound = finding == "CONSENT_DATE_MISSING"  # the event's time stands for it: an opposition is never lost
    told = hub.told(hub.take(mdm(cda())))
    assert told == ([("refused", "HOLDER_OPPOSED")] * 2 if bound else [("accepted", "")] * 2)


def test_a_known_document_sent_again_with_other_masks_is_masked_so(hub: Hub) -> None:
    document = cda()
    hub.take(mdm(document))
    masked = mdm(document, action="replace", control="M2", masked=("MASQUE_PS", "MODIF_CONF_CODE"))
    told = hub.take(masked)
    assert hub.told(told) == [("accepted", ""), ("accepted", "")]
    (row,) = hub.documents()
    assert (row["confidentiality"], row["status"]) == (["N", "MASQUE_PS"], "current")
    opened = mdm(document, action="replace", control="M3", masked=("MODIF_CONF_CODE",))
    hub.take(opened.replace(b"|20260302101500||MDM", b"|20260303101500||MDM"))
    assert hub.documents()[0]["confidentiality"] == ["N"]


def test_a_masking_waits_for_its_document_and_tells_other_content(hub: Hub) -> None:
    masked = mdm(cda(), action="replace", masked=("INVISIBLE_PATIENT", "MODIF_CONF_CODE"))
    waiting = hub.take(masked)
    assert hub.told(waiting) == [("held", "TARGET_UNKNOWN")] * 2
    assert hub.documents() == []
    hub.take(mdm(cda(), control="M2"))
    assert hub.told(waiting) == [("accepted", "")] * 2
    assert hub.documents()[0]["confidentiality"] == ["N", "INVISIBLE_PATIENT"]
    other = mdm(cda(title="Autre"), action="replace", control="M3", masked=("MODIF_CONF_CODE",))
    assert hub.told(hub.take(other)) == [("held", "DOCUMENT_ID_CONFLICT")] * 2


def test_only_the_author_s_organisation_masks(hub: Hub) -> None:
    hub.take(mdm(cda()))
    foreign = cda(organisation=("1.2.250.1.71.4.2.2", "1000100099"))
    told = hub.take(mdm(foreign, action="replace", control="M2", masked=("MASQUE_PS", "MODIF_CONF_CODE")))
    assert hub.told(told) == [("refused", "NOT_AUTHOR")] * 2
    assert hub.documents()[0]["confidentiality"] == ["N"]


def test_a_replacement_that_names_no_document_and_changes_no_mask_is_incoherent(hub: Hub) -> None:
    told = hub.take(mdm(cda(), action="replace"))
    assert hub.told(told) == [("refused", "ACTION_INCONSISTENT")] * 2


def test_txa_that_names_another_document_is_told(hub: Hub) -> None:
    data = mdm(cda()).replace(b"||||||||1.2.250", b"||||||||9.9.9.1.2.250")
    assert b"9.9.9" in data
    delivery = hub.take(data)
    assert "TXA_ID_DIFFERS" in str(hub.receipt(delivery)["notes"])
