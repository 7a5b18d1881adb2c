"""HL7v2 messages: parsable by another library, counted right, coherent, and about the patient of their document."""

from __future__ import annotations

import base64
from collections import defaultdict
from datetime import datetime

import hl7
from synth_feed import PARIS, Cda, Feed

from carnet.synth.nation import DAILY_FROM, Nation

ACTIONS = {"MDM^T02": ("NW", "F"), "MDM^T10": ("RO", "C"), "MDM^T04": ("CA", "D")}
FLAGS = [
    "MASQUE_PS",
    "INVISIBLE_PATIENT",
    "INVISIBLE_REP_LEGAUX",
    "CONNEXION_SECRETE",
    "MODIF_CONF_CODE",
    "DESTDMP",
    "DESTMSSANTEPS",
    "DESTMSSANTEPAT",
    "ACK_RECEPTION",
    "ACK_LECTURE_MSS",
]
MASKS = FLAGS[:4]


def test_a_batch_says_how_many_messages_it_holds(nation: Feed) -> None:
    batches = [found for delivery, found in nation.batches if delivery.sender.startswith("labo-")]
    assert len(batches) > 150
    for found in batches:
        assert isinstance(found, hl7.File)
        (inside,) = found
        assert str(inside.trailer[1]) == str(len(inside))
        assert str(found.trailer[1]) == "1"
        assert len(inside) > 0


def test_laboratories_of_a_large_nation_send_every_day() -> None:
    weekly, daily = (Nation.of(patients, 2, 1, 0.0, "2026-06").closings["labo-nord"] for patients in (300, DAILY_FROM))
    assert (len(weekly), len(daily)) == (10, 61)
    assert weekly[-1] == daily[-1] == datetime(2026, 6, 30, 22, 30, tzinfo=PARIS)


def test_hospitals_send_bare_messages_for_about_a_fifth_of_their_documents(nation: Feed) -> None:
    hospital = [cda for cda in nation.documents if cda.delivery.sender in ("chu-garonne", "clinique-armor")]
    messages = [cda for cda in hospital if cda.message]
    assert 0.15 < len(messages) / len(hospital) < 0.30
    assert all(b"FHS|" not in cda.delivery.path.read_bytes() for cda in messages)


def test_versions_charsets_and_profiles_are_said(nation: Feed) -> None:
    for message in nation.messages:
        kind = message.field("MSH", 9).split("^")
        assert message.field("MSH", 12) == ("2.6" if kind[0] == "MDM" else "2.5")
        assert message.field("MSH", 18) == ("8859/15" if message.delivery.sender == "labo-ocean" else "UNICODE UTF-8")
        assert message.field("MSH", 21) == ("2.1^CISIS_CDA_HL7_V2" if message.payloads else "")
        assert len(message.field("MSH", 10)) <= 20


def test_a_control_id_names_one_message_and_a_resend_is_the_same_message(nation: Feed) -> None:
    seen = defaultdict(list)
    for message in nation.messages:
        seen[message.field("MSH", 10)].append(message)
    again = [found for found in seen.values() if len(found) > 1]
    assert again
    for found in again:
        assert len({message.text for message in found}) == 1
        assert len({message.delivery.path for message in found}) == len(found)


def test_event_order_control_and_result_status_agree(nation: Feed) -> None:
    seen = set()
    for message in nation.messages:
        if message.payloads:
            carrier = message.parsed.segment("OBX")
            said = (message.field("ORC", 1), str(carrier[11]))
            seen.add((message.kind, *said))
            assert said == ACTIONS.get(message.kind, said)
            assert said in ACTIONS.values()
    assert len(seen) == 5


def test_the_ids_of_txa_are_those_of_the_document(nation: Feed) -> None:
    for cda in nation.documents:
        if cda.event.startswith("MDM"):
            assert cda.message
            assert cda.message.field("TXA", 12) == cda.id
            parents = [str(parent) for parent in cda.all("v3:relatedDocument/v3:parentDocument/v3:id/@root")]
            if cda.event == "MDM^T10":
                assert [cda.message.field("TXA", 13)] == parents


def test_the_message_and_its_document_name_the_same_patient(nation: Feed) -> None:
    for cda in nation.documents:
        if cda.message:
            assert cda.message.component("PID", 3, 1) == cda.ins[0]
            assert cda.message.field("PID", 32) == "VALI"


def test_a_deletion_encloses_the_last_version_known(nation: Feed) -> None:
    latest: dict[str, Cda] = {}
    deletions = 0
    for cda in nation.documents:
        if cda.event == "MDM^T04":
            assert latest[cda.value("v3:setId/@root")].raw == cda.raw
            deletions += 1
        else:
            latest[cda.value("v3:setId/@root")] = cda
    assert deletions == sum(row["deleted"] for row in nation.truth["figures"]["document_states"]) > 0


def test_the_ten_flags_come_in_order_and_mail_follows_the_routing_matrix(nation: Feed) -> None:
    masked = 0
    carriers = [message for message in nation.messages if message.payloads]
    for message in carriers:
        said = {
            str(obx[3]).split("^")[0]: str(obx[5])[0]
            for obx in message.parsed.segments("OBX")
            if str(obx[2]) in ("CE", "CWE")
        }
        assert list(said) == FLAGS
        masks = {flag for flag in MASKS if said[flag] == "Y"}
        masked += bool(masks)
        recipients = sum(str(prt[4]).startswith("RCT") for prt in message.parsed.segments("PRT"))
        assert recipients == (said["DESTMSSANTEPS"] == "Y") + (said["DESTMSSANTEPAT"] == "Y")
        assert (said["DESTMSSANTEPAT"] == "Y") == (not masks)
        assert (said["DESTMSSANTEPS"] == "Y") == (masks <= {"INVISIBLE_PATIENT"})
        assert any(str(prt[4]).startswith("SB^") for prt in message.parsed.segments("PRT"))
    assert 0.01 < masked / len(nation.documents) < 0.04


def test_results_have_numbers_limits_ranges_and_flags(nation: Feed) -> None:
    kinds, ranges, flags, per_message = set(), set(), defaultdict(int), []
    for message in nation.messages:
        if message.payloads:
            continue
        observed = message.parsed.segments("OBX")
        per_message.append(len(observed))
        for obx in observed:
            kinds.add(str(obx[2]))
            ranges.add(str(obx[7]))
            flags[str(obx[8])] += 1
            code = str(obx[3]).split("^")
            assert code[2] == "LN"
            assert len(code) == 6
            assert str(obx[2]) != "NM" or float(str(obx[5])) >= 0
            assert str(obx[2]) != "SN" or str(obx[5]).startswith("<^")
            assert str(obx[11]) == str(message.parsed.segment("OBR")[25])
    assert kinds == {"NM", "SN", "CE"}
    assert any("," in text for text in ranges)
    assert any(text.startswith("<") for text in ranges)
    assert 10 < sum(per_message) / len(per_message) < 20
    assert max(per_message) == 20
    out_of_range = sum(count for flag, count in flags.items() if flag != "N")
    assert 0.08 < out_of_range / sum(flags.values()) < 0.17


def test_a_filler_order_goes_from_preliminary_to_final_to_corrected(nation: Feed) -> None:
    ranks = {"P": 0, "F": 1, "C": 2}
    history = defaultdict(list)
    once = {message.field("MSH", 10): message for message in reversed(nation.messages)}  # without the resends
    for message in reversed(once.values()):
        if not message.payloads:
            for obr in message.parsed.segments("OBR"):
                history[str(obr[3])].append((ranks[str(obr[25])], str(obr[22])))
    paths = {tuple(dict.fromkeys(rank for rank, _ in found)) for found in history.values()}
    assert {(1,), (0, 1), (1, 2)} <= paths
    for found in history.values():
        assert [rank for rank, _ in found] == sorted(rank for rank, _ in found)
        assert [when for _, when in found] == sorted(when for _, when in found)


def test_a_correction_is_about_one_order_and_changes_its_first_result(nation: Feed) -> None:
    finals: dict[str, list[str]] = {}
    corrections = 0
    for message in nation.messages:
        if message.payloads:
            continue
        values = [str(obx[5]) for obx in message.parsed.segments("OBX")]
        if message.field("OBR", 25) == "C":
            assert len(message.orders) == 1
            before = finals[message.orders[0]]
            assert values[1:] == before[1 : len(values)]
            corrections += values[0] != before[0]
        elif message.field("OBR", 25) == "F":
            finals[message.orders[0]] = values
    assert corrections > 5


def test_base64_is_whole(nation: Feed) -> None:
    assert all(base64.b64decode(payload, validate=True) for message in nation.messages for payload in message.payloads)
