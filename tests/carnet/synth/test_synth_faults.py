"""Faults: each breaks what its name says, the truth expects its end, and nothing of it is in a figure."""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from pathlib import Path

from lxml import etree
from synth_feed import V3, Feed, Message

from carnet.synth.identity import INS_OID, INS_TEST_OID, ins_key
from carnet.synth.tables import FAULTS


def opened(payload: str) -> etree._Element | str:
    """The document of a payload, else the reason why there is none."""
    try:
        raw = base64.b64decode(payload, validate=True)
    except binascii.Error:
        return "PAYLOAD_TRUNCATED"
    try:
        return etree.fromstring(raw)
    except etree.XMLSyntaxError:
        return "PAYLOAD_NOT_A_DOCUMENT"


def reason(message: Message) -> str:
    """Why a hub doesn't take a message; empty when it does."""
    number, authority = (message.field("PID", 3).replace("&", "^").split("^")[part] for part in (0, 4))
    for payload in message.payloads:
        found = opened(payload)
        if isinstance(found, str):
            return found
        named = found.xpath("v3:recordTarget/v3:patientRole/v3:id/@extension", namespaces=V3)
        if named[0] != number:
            return "PATIENT_MISMATCH"
    if ins_key(number[:13]) != number[13:]:
        assert authority == INS_OID
        return "INS_KEY_WRONG"
    assert authority == INS_TEST_OID
    return "IDENTITY_NOT_QUALIFIED" if message.field("PID", 32) == "PROV" else ""


def broken_files(nation: Feed) -> list[str]:
    """Senders of the CDA files whose INS has a wrong key."""
    found = []
    for delivery in nation.deliveries:
        if delivery.path.suffix == ".xml" and delivery.sender != "capteurs-sa":
            path = "v3:recordTarget/v3:patientRole/v3:id[starts-with(@root, '1.2.250.1.213.1.4.')]"
            (said,) = etree.parse(delivery.path).xpath(path, namespaces=V3)
            if ins_key(said.get("extension")[:13]) != said.get("extension")[13:]:
                assert said.get("root") == INS_OID
                found.append(delivery.sender)
    return found


def test_the_truth_expects_what_the_files_hold(broken: Feed) -> None:
    found: Counter[tuple[str, str]] = Counter()
    for message in broken.messages:
        if why := reason(message):
            found[message.delivery.sender, why] += 1 + len(message.payloads)
    found.update((sender, "INS_KEY_WRONG") for sender in broken_files(broken))
    found["assurance", "EVENT_UNKNOWN"] = sum(event["event"] == "connexion" for event in broken.events)
    said = broken.truth["figures"]["held_refused"]
    assert {(row["sender"], row["code"]): row["items"] for row in said} == found
    ends = {fault.code: fault.end for fault in FAULTS}
    assert all(row["end"] == ends[row["code"]] for row in said)
    assert {row["code"] for row in said} == set(ends)
    items = broken.truth["items"]
    assert items["held"] + items["refused"] == sum(found.values())


def test_about_the_share_asked_for_is_broken(broken: Feed) -> None:
    share = sum(bool(reason(message)) for message in broken.messages) / len(broken.messages)
    assert 0.06 < share < 0.14


def test_figures_do_not_count_what_is_broken(broken: Feed) -> None:
    sound = {
        opened(message.payloads[0]).xpath("string(v3:id/@root)", namespaces=V3)  # type: ignore[union-attr]
        for message in broken.messages
        if message.payloads and not reason(message) and message.kind != "MDM^T04"
    }
    wrong = Counter(broken_files(broken))
    files = Counter(
        (delivery.sender, delivery.path.read_bytes())
        for delivery in broken.deliveries
        if delivery.path.suffix == ".xml" and delivery.sender in ("chu-garonne", "clinique-armor")
    )
    counted = sum(row["documents"] for row in broken.truth["figures"]["documents_by_sender"])
    assert counted == len(sound) + len(files) - sum(wrong.values())


def test_nobody_unqualified_is_known_otherwise(broken: Feed) -> None:
    provisional = {m.component("PID", 3, 1) for m in broken.messages if m.field("PID", 32) == "PROV"}
    vouched = Counter(event["ins"] for event in broken.events)
    vouched.update(m.component("PID", 3, 1) for m in broken.messages if m.field("PID", 32) == "VALI")
    assert provisional
    assert not provisional & set(vouched)


def test_faults_leave_the_accounts_as_they_are(tmp_path: Path) -> None:
    from carnet.synth import generate

    sound = generate(tmp_path / "sound", patients=60, months=6, seed=3)
    faulty = generate(tmp_path / "faulty", patients=60, months=6, seed=3, faults=0.3)
    assert sound.figures["activations"] == faulty.figures["activations"]
    assert sound.figures["readings_by_measure"] == faulty.figures["readings_by_measure"]
