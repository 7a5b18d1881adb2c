"""PRT: who sends, who receives, to whom answers go, and whether what the flags ask for can be done.

Source: CI-SIS, volet transmission 2.1 and volet Transmission au LPS 1.1.
"""

from __future__ import annotations

import re

from connectors.hl7.anatomy import Anatomy, Segment
from quality.conformance.documents import coding_system
from quality.conformance.finding import Findings, Place
from quality.conformance.flags import flags_of
from quality.conformance.identity import check_ins, ins_of, qualified
from transforms.identity import AUTHORITIES, NIA, NIR

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.mssante\.fr", re.IGNORECASE)
_PATIENT_ADDRESS = re.compile(r"[^@\s]+@patient\.mssante\.fr", re.IGNORECASE)
ROLES = ("SB", "RCT", "REPLY")


def check_participants(message: Anatomy, findings: Findings) -> None:
    """Say what is wrong with each PRT, and which are missing for what the flags ask."""
    for prt in message.named("PRT"):
        _participant(message, prt, findings)
    if findings.profile.flags == "v1":  # version 1.2 had neither sender nor recipients
        return
    roles = [prt.text(4).upper() for prt in message.named("PRT")]
    first = message.first("OBX")
    after = first.sequence if first is not None else len(message.segments)
    asked = flags_of(message)
    if "SB" not in roles and (findings.profile.to_software or asked.get("DESTDMP") == "Y"):
        findings.missing("PRT_SENDER", "PRT", after, "PRT||UC||SB^^participation|…")
    recipients = [prt for prt in message.named("PRT") if prt.text(4).upper() == "RCT"]
    patients = [prt for prt in recipients if _is_patient(prt)]
    if asked.get("DESTMSSANTEPS") == "Y" and len(recipients) == len(patients):
        findings.missing("PRT_RECIPIENT", "PRT", after, "PRT||UC||RCT^^participation|8…")
    if asked.get("DESTMSSANTEPAT") == "Y" and not patients:
        findings.missing("PRT_RECIPIENT", "PRT", after, "PRT||UC||RCT^^participation|INS…")
    if asked.get("DESTDMP") == "Y" and not qualified(message):
        flag = next(obx for obx in message.named("OBX") if obx.text(3).strip().upper() == "DESTDMP")
        findings.say("DMP_NEEDS_INS", Place(flag, 5, 1), expected="DESTDMP = N")


def _is_patient(prt: Segment) -> bool:
    authority = prt.text(5, 9, 1, 2) or prt.text(5, 9, 1, 1)
    return prt.text(5, 13) == "INS" or authority in AUTHORITIES or bool(_PATIENT_ADDRESS.fullmatch(prt.text(15, 4)))


def _participant(message: Anatomy, prt: Segment, findings: Findings) -> None:
    role = prt.text(4).upper()
    place = Place(prt, 4)
    if role and role not in ROLES:
        findings.say("PRT_ROLE", place, expected=" | ".join(ROLES))
        return
    systems = findings.profile.participation.split()
    if systems and coding_system(place) not in (*systems, ""):
        findings.say("VALUE_NOT_ALLOWED", place.of(3), expected=" | ".join(systems), level="warning")
    if role in {"SB", "RCT"} and not any(prt.valued(number) for number in (5, 8, 10)):
        findings.say("PRT_WHO", place, expected="PRT-5 | PRT-8 | PRT-10", came="empty")
    if role in {"RCT", "REPLY"}:
        _address(prt, findings)
    if role == "RCT" and _is_patient(prt):
        _patient(message, prt, findings)


def _address(prt: Segment, findings: Findings) -> None:
    kind, address = Place(prt, 15, 3), Place(prt, 15, 4)
    if kind.value != "X.400":
        findings.say("PRT_ADDRESS", kind, expected="X.400")
    if not _ADDRESS.fullmatch(address.value):
        findings.say("PRT_ADDRESS", address, expected="…@….mssante.fr")


def _patient(message: Anatomy, prt: Segment, findings: Findings) -> None:
    pid = message.first("PID")
    known = {place.of(1).value for place in ins_of(pid)} if pid is not None else set()
    value = Place(prt, 5, 1)
    if value.value:
        oid = prt.text(5, 9, 1, 2) or prt.text(5, 9, 1, 1)
        check_ins(value, findings, production=oid in {NIR, NIA})
        if known and value.value not in known:
            findings.say("PRT_PATIENT_OTHER", value, expected="PID-3 (INS)")
    address = Place(prt, 15, 4)
    local = address.value.partition("@")[0]
    if _ADDRESS.fullmatch(address.value) and (not _PATIENT_ADDRESS.fullmatch(address.value) or local not in known):
        findings.say("PRT_PATIENT_ADDRESS", address, expected="<INS>@patient.mssante.fr")
