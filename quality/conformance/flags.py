"""The Y/N flags of the document profiles: which, in which order, spelled and answered how.

Source: CI-SIS, volet transmission 2.1 (ten flags, fixed order, cardinality 1..1), its older versions by their examples.
"""

from __future__ import annotations

from connectors.hl7.anatomy import Anatomy, Segment
from connectors.hl7.flags import SYSTEM, canonical, is_flag_system, looks_like_flag
from quality.conformance.documents import coding_system, is_mail
from quality.conformance.finding import Findings, Place


def flags_of(message: Anatomy) -> dict[str, str]:
    """Y or N by canonical name; what is answered otherwise is left out."""
    found = {}
    for obx in message.named("OBX"):
        name = canonical(obx.text(3))
        if name and obx.text(5).upper() in {"Y", "N"}:
            found[name] = obx.text(5).upper()
    return found


def check_flags(message: Anatomy, findings: Findings) -> None:
    """Say which flags are missing, repeated, out of order, misspelled or wrongly answered."""
    vocabulary = findings.profile.vocabulary()
    order = list(vocabulary)
    place_of = {canonical(code): index for index, code in enumerate(order)}
    seen: dict[str, Segment] = {}
    last = -1
    after = len(message.segments)
    for obx in message.named("OBX"):
        code = obx.text(3)
        if not _is_flag(obx):
            continue
        after = obx.sequence
        name = canonical(code)
        if not name:
            findings.say("FLAG_UNLISTED", Place(obx, 3, 1), expected=" | ".join(order))
            continue
        if name not in place_of:
            findings.say("FLAG_FOREIGN", Place(obx, 3, 1), expected=" | ".join(order))
            continue
        spelled = order[place_of[name]]
        if code != spelled:
            findings.say("FLAG_SPELLING", Place(obx, 3, 1), expected=spelled)
        if name in seen:
            findings.say("FLAG_STATED_AGAIN", Place(obx, 3, 1), expected=spelled)
        elif place_of[name] < last:
            findings.say("FLAG_ORDER", Place(obx, 3, 1), expected=", ".join(order))
        seen[name] = obx
        last = max(last, place_of[name])
        _answer(message, obx, findings)
    for code, usage in vocabulary.items():
        if canonical(code) not in seen:
            findings.missing("FLAG_MISSING", "OBX", after, code, level=None if usage == "R" else "warning")
    _note(message, findings)


def _is_flag(obx: Segment) -> bool:
    if obx.text(2) == "ED" or is_mail(obx) or obx.text(3).upper() == "COMP_LOT":
        return False
    code, system = obx.text(3), obx.text(3, 3)
    answered = obx.text(5).upper() in {"Y", "N"}
    return bool(canonical(code)) or is_flag_system(system) or (not system and answered and looks_like_flag(code))


def _answer(message: Anatomy, obx: Segment, findings: Findings) -> None:
    profile = findings.profile
    if obx.text(5) not in {"Y", "N"}:
        findings.say("FLAG_VALUE", Place(obx, 5, 1), expected="Y | N")
    tables = profile.answers.split()
    if tables:
        if coding_system(Place(obx, 3)).upper() != SYSTEM:
            findings.say("FLAG_SYSTEM", Place(obx, 3, 3), expected="MetaDMPMSS")
        if obx.text(5, 3) not in tables:
            findings.say("FLAG_ANSWER_TABLE", Place(obx, 5, 3), expected=tables[0])
    kind = "CWE" if profile.type == "MDM" else "CE"
    if obx.text(2) and obx.text(2) != kind:
        findings.say("FLAG_TYPE", Place(obx, 2), expected=kind)
    if obx.text(11) and obx.text(11) != "F":
        findings.say("FLAG_STATUS", Place(obx, 11), expected="F")


def _note(message: Anatomy, findings: Findings) -> None:
    """The NTE below DESTMSSANTEPAT: NTE-4 FIN forbids the patient's answer."""
    above = ""
    for segment in message.segments:
        if segment.name == "OBX":
            above = canonical(segment.text(3))
        elif segment.name == "NTE" and above == "DESTMSSANTEPAT" and segment.text(4) != "FIN":
            findings.say("MAIL_PATIENT_REPLY", Place(segment, 4), expected="FIN")
