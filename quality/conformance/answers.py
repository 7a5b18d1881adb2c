"""Acknowledgements: the technical ACK and the French business one, ZAM.

Source: CI-SIS, volet transmission 2.1; HL7 v2.5, 2.9.2.
"""

from __future__ import annotations

from connectors.hl7.anatomy import Anatomy
from quality.conformance.finding import Findings, Place

_ZAM = {"Z01": "ACK_RECEPTION_DMP", "Z02": "ACK_RECEPTION_MSS", "Z03": "ACK_LECTURE_MSS"}
_SECOND = {"Z02": "DESTINATAIRE_MSS", "Z03": "LECTEUR_MSS"}
_SYSTEMS = {"Z01": "DMP_ERROR_CODE", "Z02": "SMTPERRORCODE", "Z03": "applicationErrorCondition"}


def check_acknowledgement(message: Anatomy, findings: Findings) -> None:
    """ACK: an error is explained by an ERR, and 207 by ERR-5."""
    msa, errors = message.first("MSA"), message.named("ERR")
    if msa is not None and msa.text(1) in {"AE", "AR"} and not errors:
        findings.missing("ACK_ERROR_MISSING", "ERR", msa.sequence, "ERR||PID^1^3|101^…^messageErrorCondition|E")
    for err in errors:
        if msa is not None and msa.text(1) == "AA" and err.text(4) in {"E", "F"}:
            findings.say("ACK_ERROR_UNEXPECTED", Place(err, 4), expected="W | I")
        if err.text(3) == "207" and not err.valued(5):
            findings.say("ACK_APPLICATION_CODE", Place(err, 5), expected="900 … 906")


def check_business(message: Anatomy, findings: Findings) -> None:
    """ZAM: what is acknowledged by event, Y or N, to whom, and why not."""
    event = message.segments[0].text(9, 2)
    observed = message.named("OBX")
    if not observed or event not in _ZAM:
        return
    first = observed[0]
    if first.text(3) != _ZAM[event]:
        findings.say("ZAM_KIND", Place(first, 3, 1), expected=_ZAM[event])
    if first.text(5) not in {"Y", "N"}:
        findings.say("FLAG_VALUE", Place(first, 5, 1), expected="Y | N")
    answers = findings.profile.answers.split()
    if first.text(5, 3) not in answers:
        findings.say("FLAG_ANSWER_TABLE", Place(first, 5, 3), expected=answers[0])
    second = observed[1] if len(observed) > 1 else None
    if event in _SECOND and second is None:
        findings.missing("ZAM_SECOND_OBX", "OBX", first.sequence, f"OBX|2|XTN|{_SECOND[event]}")
    elif event not in _SECOND and second is not None:
        findings.say("ZAM_SECOND_OBX", Place(second, 3, 1), expected="OBX|1", came="")
    elif second is not None and (second.text(3) != _SECOND[event] or second.text(2) != "XTN"):
        findings.say("ZAM_SECOND_OBX", Place(second, 3, 1), expected=f"OBX|2|XTN|{_SECOND[event]}")
    errors = message.named("ERR")
    if first.text(5) == "N" and not errors:
        findings.missing("ZAM_ERROR", "ERR", observed[-1].sequence, f"ERR|||207^…|E|code^label^{_SYSTEMS[event]}")
    for err in errors:
        if err.text(5) and err.text(5, 3) != _SYSTEMS[event]:
            findings.say("ZAM_ERROR_SYSTEM", Place(err, 5, 3), expected=_SYSTEMS[event])
