"""Acknowledgements of real messages through the real hub, read back with hl7apy: what ended how, why, where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.core import Segment
from hl7apy.parser import parse_message, parse_segment
from sqlalchemy import select

from carnet.answers import hl7_answer, zam_answer
from carnet.answers import messages as messages_of
from connectors.base import Source
from connectors.hl7 import HL7
from quality.catalogue import catalogue
from tests.carnet.test_accounts import feed
from tests.carnet.test_lifecycle_bytes import PID_Q, B, Q, doc, gone
from tests.cda import ARC, INS, cda
from tests.hl7 import adt, batch, mdm, oru, pid
from tests.hub import Hub
from warehouse import ledger, schema
from warehouse.database import append, reading
from warehouse.settle import Changes, settle

OPPOSED = feed(("opposed", "2026-02-01T10:00:00+01:00"))
LATE = "20260210090000+0100"


def answer(hub: Hub, delivery: str) -> bytes:
    with reading(hub.store.engine) as connection:
        sheet = ledger.sheet(connection, delivery)
        return b"".join(hl7_answer(sheet, messages_of(hub.store, sheet)))


def zam(hub: Hub, delivery: str) -> bytes:
    with reading(hub.store.engine) as connection:
        sheet = ledger.sheet(connection, delivery)
        return b"".join(zam_answer(sheet, messages_of(hub.store, sheet)))


def messages(data: bytes) -> list[str]:
    """The messages of an answer, without its envelope."""
    found: list[str] = []
    for line in data.decode().split("\r"):
        if line.startswith("MSH"):
            found.append("")
        if line[:3] not in {"", "FHS", "BHS", "BTS", "FTS"}:
            found[-1] += line + "\r"
    return found


class Err(msgspec.Struct, frozen=True):
    """An ERR as a receiver reads it."""

    place: str
    condition: str
    severity: str
    norm: str
    code: str
    user: str


class Ack(msgspec.Struct, frozen=True):
    """A technical acknowledgement as a receiver reads it."""

    code: str
    control_id: str
    errs: tuple[Err, ...]


def read_ack(text: str, *, strict: bool = True) -> Ack:
    """Through hl7apy, held to its grammar of the ACK: no MSA without a control id (`strict`: there is one)."""
    level = VALIDATION_LEVEL.STRICT if strict else VALIDATION_LEVEL.TOLERANT
    message = parse_message(text, validation_level=level)
    if strict:
        message.validate()
    assert message.msh.msh_9.to_er7().startswith("ACK")
    return Ack(message.msa.msa_1.to_er7(), message.msa.msa_2.to_er7(), tuple(_err(one) for one in message.err))


def _err(segment: Segment) -> Err:
    five = segment.err_5.to_er7().split("^") + [""] * 6
    assert five[5] == "CARNET"
    assert not five[0] or five[2] == "applicationErrorCondition"
    assert segment.err_3.to_er7().endswith("^messageErrorCondition")
    return Err(
        "~".join(place.to_er7() for place in segment.err_2),
        segment.err_3.to_er7().partition("^")[0],
        segment.err_4.to_er7(),
        five[0],
        five[3],
        segment.err_8.to_er7(),
    )


class Case(msgspec.Struct, frozen=True):
    """Deliveries, and the ERR of `code` in the answer to the last of them (`at`: another)."""

    code: str
    deliveries: tuple[bytes, ...]
    said: str
    """MSA-1, severity and place, then ERR-5 of the norm."""
    at: int = -1


def rpl(document: bytes, control: str = "M9", **more: Any) -> bytes:
    return mdm(document, action="replace", control=control, **more)


HEADLESS = oru(reported="").replace(b"|20260302101500||ORU", b"|||ORU").replace(b"|||20260302080000", b"|||")
ANONYMOUS = (
    cda("1", set_id="s").replace(f'<id root="{ARC}.1"/>'.encode(), b"").replace(b'<versionNumber value="1"/>', b"")
)

MRG_Q = "MRG|IPP-9^^^HOPITAL&1.2.3.4.5&ISO^PI"

CASES = [
    Case("TARGET_UNKNOWN", (rpl(cda("2", replaces="1")),), "AA W OBX^1^5"),
    Case("TARGET_UNKNOWN", (gone(cda("1")),), "AA I OBX^1^5"),
    Case("DOCUMENT_ID_CONFLICT", (mdm(cda("1")), mdm(cda("1", title="Autre"), control="M2")), "AE E OBX^1^5 906"),
    Case("IDENTITY_NOT_QUALIFIED", (mdm(cda("1"), patient=pid(status="PROV")),), "AE E OBX^1~PID^1^32 903"),
    Case("IDENTITY_NOT_QUALIFIED", (oru(patient=pid(ins="")),), "AE E PID^1^32 903"),
    Case("IDENTITY_NOT_QUALIFIED", (oru(patient=pid().replace("^^44109", "")),), "AE E PID^1^32 905"),
    Case("TRAITS_INCOMPLETE", (oru(patient=pid().replace("^^44109", "")),), "AE W PID^1^5 905"),
    Case("REPLACE_OTHER_PATIENT", (mdm(cda("1")), rpl(cda("2", replaces="1", **Q), patient=PID_Q)), "AE E OBX^1^5 904"),
    Case("DELETE_OTHER_PATIENT", (mdm(cda("1")), gone(cda("1", **Q), patient=PID_Q)), "AE E OBX^1^5 904"),
    Case("REPLACE_NOT_AUTHOR", (mdm(cda("1")), rpl(cda("2", replaces="1", organisation=B))), "AE E OBX^1^5 901"),
    Case("NOT_AUTHOR", (mdm(cda("1")), gone(cda("1", organisation=B))), "AE E OBX^1^5 901"),
    Case("RECORD_CLOSED", (OPPOSED, mdm(cda("1", created=LATE))), "AE E OBX^1~PID^1^3 906"),
    Case("PATIENT_MISMATCH", (mdm(cda("1"), patient=pid(family="AUTRE")),), "AE E OBX^1~PID^1^3 904"),
    Case("PAYLOAD_NOT_A_DOCUMENT", (mdm(b"", payload="eA=="),), "AE E OBX^1^5 906"),
    Case(
        "IDENTITY_DISCORDANT",
        (mdm(cda("1")), mdm(cda("2", birth="19850315"), patient=pid(birth="19850315"), control="M2")),
        "AA W OBX^1~PID^1^5 904",
    ),
    Case("TWIN_SHARES_ID", (mdm(doc("1")), mdm(doc("1", level=1), control="M2")), "AA W OBX^1^5"),
    Case("ACTION_INCONSISTENT", (mdm(cda("1"), order="RO"),), "AE E OBX^1~ORC^1^1 906"),
    Case("DELETE_WITHOUT_TARGET", (gone(ANONYMOUS),), "AE E OBX^1^5 906"),
    Case("EVENT_TIME_MISSING", (mdm(cda("1", created="")),), "AE E OBX^1~MSH^1^7 906"),
    Case("EVENT_TIME_MISSING", (HEADLESS,), "AE E OBR^1~MSH^1^7 906"),
    Case("NOT_LAST_VERSION", (mdm(doc("1")), rpl(doc("2", replaces="1")), gone(doc("1"))), "AA W OBX^1^5 900"),
    Case("REPLACES_DELETED", (mdm(doc("1")), gone(doc("1")), rpl(doc("2", replaces="1"))), "AA W OBX^1^5 900"),
    Case(
        "REPLACE_BRANCH",
        (mdm(doc("1")), rpl(doc("2", replaces="1")), rpl(doc("3", 2, "1"), control="M3")),
        "AA W OBX^1^5 900",
    ),
    Case(
        "COMPETING_VERSIONS",
        (mdm(doc("1")), rpl(doc("2", replaces="1")), rpl(doc("3", 2, "1"), control="M3")),
        "AA W OBX^1^5 900",
        at=1,
    ),
    Case("SET_CHANGED", (mdm(cda("1")), rpl(cda("2", replaces="1"))), "AA W OBX^1^5"),
    Case("SET_ID_SHARED", (mdm(doc("1")), mdm(doc("2", **Q), patient=PID_Q, control="M2")), "AA W OBX^1^5"),
    Case("REPLACE_CYCLE", (rpl(cda("1", replaces="2")), rpl(cda("2", replaces="1"), control="M2")), "AA W OBX^1^5 900"),
    Case("VERSION_DISORDER", (mdm(doc("1", 2)), rpl(doc("2", 1, "1"))), "AA W OBX^1^5 900"),
    Case(
        "TWIN_AMBIGUOUS",
        (mdm(doc("1", 1)), mdm(doc("2", 1, level=1), control="M2"), mdm(doc("3", 1, level=1), control="M3")),
        "AA W OBX^1^5",
    ),
    Case("FLAGS_DIFFER", (mdm(doc("1")), mdm(doc("1"), masked=("MASQUE_PS",), control="M2")), "AA W OBX^1^5"),
    Case("DELETED_BEFORE_ARRIVAL", (gone(doc("1")), mdm(doc("1"))), "AA W OBX^1^5 900"),
    Case(
        "MERGE_INS_DISAGREES",
        (adt("A31", patient=PID_Q), adt("A31", control="A2"), adt("A40", control="A3", more=[MRG_Q])),
        "AE E MRG^1^1 904",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code} {case.said.split()[1]}")
def test_each_code_is_read_back_from_the_acknowledgement(hub: Hub, case: Case) -> None:
    taken = [hub.take(data) for data in case.deliveries]
    (text,) = messages(answer(hub, taken[case.at]))
    ack = read_ack(text)
    (err,) = [err for err in ack.errs if err.code == case.code]
    assert " ".join(filter(None, (ack.code, err.severity, err.place, err.norm))) == case.said
    words = catalogue()[case.code]
    assert err.condition == words.err3
    assert err.norm == words.err5 or (case.code, err.norm) == ("IDENTITY_NOT_QUALIFIED", "905")
    assert words.fix_fr.split(" (")[0] in err.user.replace("\\T\\", "&")
    assert not any(word in text for word in (INS, "HOSTIS", "Zoé", "285034", "Compte rendu", "PINAY", "IPP"))


def test_an_operators_hold_is_told(hub: Hub) -> None:
    delivery = hub.take(mdm(cda("1")))
    name = hub.store.names.name("doc", f"{ARC}.1", "N3")
    with hub.store.engine.begin() as connection:
        append(connection, schema.decision_fact, [{"subject": name, "action": "hold", "value": ""}])
        settle(hub.store, connection, Changes(docs={name}), set())
    ack = read_ack(messages(answer(hub, delivery))[0])
    assert ack.code == "AE"
    assert [(err.code, err.norm, err.place) for err in ack.errs] == [("OPERATOR_HOLD", "906", "OBX^1")]


def test_a_batch_is_answered_by_a_batch_one_acknowledgement_a_message_in_order(hub: Hub) -> None:
    sent = [mdm(cda("1")), mdm(cda("2"), control="M2", order="RO"), oru(), oru(filler="F2", control="R2")]
    data = answer(hub, hub.take(batch(sent)))
    assert [(ack.code, ack.control_id) for ack in map(read_ack, messages(data))] == [
        ("AA", "M1"),
        ("AE", "M2"),
        ("AA", "R1"),
        ("AA", "R2"),
    ]
    assert data.startswith(b"FHS|^~\\&|CARNET|FR|APP|HOP|20260304120000+0100||||")
    assert data.endswith(b"BTS|4\rFTS|1\r")
    read = list(HL7.read(Source.of_bytes("answer", data)))
    assert [type(one).__name__ for one in read].count("Message") == 4
    assert {getattr(one, "ignored", "") for one in read} == {"", "ACKNOWLEDGEMENT"}


def test_what_is_wrong_with_the_batch_itself_is_in_its_trailer(hub: Hub) -> None:
    data = answer(hub, hub.take(batch([oru()], declared=7) + b"blabla\r"))
    assert len(messages(data)) == 1
    trailer = next(line for line in data.decode().split("\r") if line.startswith("BTS"))
    assert trailer.startswith("BTS|1|BATCH_COUNT_MISMATCH : ")
    assert "SEGMENT_OUTSIDE_MESSAGE" in trailer


def test_header_of_an_answer(hub: Hub) -> None:
    data = oru().replace(b"|APP|HOP|CARNET|FR|", b"|LABO^1.2.3^ISO|HOP|CARNET|FR|")
    text = messages(answer(hub, hub.take(data)))[0]
    msh = parse_message(text).msh
    assert [msh.msh_3.to_er7(), msh.msh_4.to_er7()] == ["CARNET", "FR"]
    assert [msh.msh_5.to_er7(), msh.msh_6.to_er7()] == ["LABO^1.2.3^ISO", "HOP"]
    assert [msh.msh_9.to_er7(), msh.msh_11.to_er7(), msh.msh_12.to_er7()] == ["ACK^R01^ACK", "P", "2.5"]
    assert [msh.msh_17.to_er7(), msh.msh_18.to_er7()] == ["FRA", "UNICODE UTF-8"]
    assert len(msh.msh_10.to_er7()) == 20
    assert text.split("\r")[0].count("|") == 17  # no MSH-21


def test_the_same_state_gives_the_same_bytes_and_a_new_end_another_message(hub: Hub) -> None:
    delivery = hub.take(rpl(cda("2", replaces="1")))
    first = answer(hub, delivery)
    assert answer(hub, delivery) == first
    hub.take(mdm(cda("1")))
    second = answer(hub, delivery)
    assert parse_message(second.decode()).msh.msh_10.to_er7() != parse_message(first.decode()).msh.msh_10.to_er7()
    assert {err.code for err in read_ack(second.decode()).errs} == {"SET_CHANGED"}


def test_a_message_sent_again_gets_the_same_answer(hub: Hub) -> None:
    hub.take(OPPOSED)
    good, held = mdm(cda("1", created="20260120090000+0100")), mdm(cda("2", created=LATE), control="M2")
    adt = oru(reported="20260120090000")
    hub.take(batch([good, held]))
    again = [read_ack(text) for text in messages(answer(hub, hub.take(batch([held, good, adt]))))]
    assert [(ack.code, ack.control_id) for ack in again] == [("AE", "M2"), ("AA", "M1"), ("AA", "R1")]
    assert [err.code for err in again[0].errs] == ["RECORD_CLOSED"]


def test_a_message_that_nobody_can_read_is_answered_with_what_there_is_of_its_header(hub: Hub) -> None:
    unusable = oru().replace(b"MSH|^~\\&|", b"MSH|&&&&|")
    two = mdm(cda("1")).replace(b"PV1|1|N\r", PID_Q.encode() + b"\rPV1|1|N\r")
    bare = b"MSH|&&&&\rPID|1\r"
    for data, control, code in ((unusable, "R1", "DELIMITERS_UNUSABLE"), (two, "M1", "SEVERAL_PATIENTS")):
        ack = read_ack(messages(answer(hub, hub.take(data)))[0])
        assert (ack.code, ack.control_id, ack.errs[0].code) == ("AE", control, code)
    assert b"MSA|AE|\r" in answer(hub, hub.take(bare))


@pytest.mark.parametrize(("sender", "code"), [("unknown", "UNKNOWN_SENDER"), ("devices", "FORMAT_NOT_ADMITTED")])
def test_a_circumstance_rejects(hub: Hub, sender: str, code: str) -> None:
    from carnet.ingest import UNKNOWN

    who = UNKNOWN if sender == "unknown" else hub.sender(formats=("devices",))
    ack = read_ack(messages(answer(hub, hub.take(oru(), sender=who)))[0], strict=False)
    assert (ack.code, ack.control_id, [err.code for err in ack.errs]) == ("AR", "", [code])


def test_acknowledgements_are_not_acknowledged(hub: Hub) -> None:
    first = answer(hub, hub.take(oru()))
    assert answer(hub, hub.take(first)) == b""
    assert answer(hub, hub.take(cda("7"))) == b""


@pytest.mark.parametrize(
    ("declared", "said", "python"),
    [
        ("8859/15", "8859/15", "iso8859-15"),
        ("UNICODE UTF-8", "UNICODE UTF-8", "utf-8"),
        ("", "UNICODE UTF-8", "utf-8"),
        ("ASCII", "UNICODE UTF-8", "utf-8"),
        ("KLINGON", "UNICODE UTF-8", "utf-8"),
    ],
)
def test_an_answer_says_its_character_set_and_is_in_it(hub: Hub, declared: str, said: str, python: str) -> None:
    sent = mdm(cda("1"), order="RO").decode().replace("UNICODE UTF-8", declared)
    data = answer(hub, hub.take(sent.encode("iso8859-15" if declared == "8859/15" else "utf-8")))
    text = data.decode(python)
    assert text.split("\r")[0].split("|")[17] == said
    assert "l'événement" in text


def wanting(document: bytes, **more: Any) -> bytes:
    """A message for the DMP whose sender wants the receipt of the DMP."""
    return mdm(document, masked=("DESTDMP", "ACK_RECEPTION", *more.pop("masked", ())), **more)


def test_a_document_in_the_record_gets_its_business_acknowledgement(hub: Hub) -> None:
    data = zam(hub, hub.take(wanting(cda("1"))))
    msh, evn, obx = data.decode().rstrip("\r").split("\r")
    head = parse_segment(msh)
    assert (head.msh_9.to_er7(), head.msh_12.to_er7()) == ("ZAM^Z01^ZAM_Z01", "2.6")
    assert head.msh_21.to_er7() == "2.1^CISIS_CDA_HL7_V2"
    assert evn == "EVN||20260304120000+0100"
    one = parse_segment(obx, version="2.6")
    assert one.obx_3.to_er7() == "ACK_RECEPTION_DMP^Accusé de réception DMP^AckMetierZAM"
    assert (one.obx_4.to_er7(), one.obx_5.to_er7()) == ("M1", "Y^^expandedYes-NoIndicator")
    assert one.obx_11.to_er7() == "F"


def test_a_refused_document_gets_its_business_acknowledgement_with_the_reason(hub: Hub) -> None:
    hub.take(OPPOSED)
    lines = zam(hub, hub.take(wanting(cda("1", created=LATE)))).decode().rstrip("\r").split("\r")
    assert parse_segment(lines[2], version="2.6").obx_5.to_er7() == "N^^expandedYes-NoIndicator"
    err = parse_segment(lines[3], version="2.6")
    assert err.err_3.to_er7() == "207^Application error^messageErrorCondition"
    assert err.err_5.to_er7() == "DMPClosed^DMP fermé^DMP_ERROR_CODE"


def test_no_business_acknowledgement_while_held_nor_when_none_is_wanted(hub: Hub) -> None:
    assert zam(hub, hub.take(wanting(cda("1"), patient=pid(status="PROV")))) == b""
    assert zam(hub, hub.take(mdm(cda("2"), masked=("DESTDMP",), control="M2"))) == b""


def test_one_business_acknowledgement_a_message_and_the_one_sent_again_tells_the_same(hub: Hub) -> None:
    hub.take(OPPOSED)
    late = wanting(cda("1", created=LATE))
    hub.take(late)
    data = zam(hub, hub.take(batch([late, oru(), wanting(cda("2", created="20260120090000+0100"), control="M2")])))
    said = [line.split("|")[4:6] for line in data.decode().split("\r") if line.startswith("OBX")]
    assert [(control, value[0]) for control, value in said] == [("M1", "N"), ("M2", "Y")]
    assert data.endswith(b"BTS|2\rFTS|1\r")


def test_every_reason_of_the_norm_is_told_as_an_application_error() -> None:
    for words in catalogue().values():
        assert not (words.err3 and words.err5) or words.err3 == "207", words.code


def test_what_answers_repeat_of_a_message_is_sealed(hub: Hub, tmp_path: Path) -> None:
    hub.take(oru(control="CANARI-4711"))
    with reading(hub.store.engine) as connection:
        rows = connection.execute(select(schema.item)).all()
    assert not any("CANARI" in str(value) for row in rows for value in row)
