"""ADT of PAM-FR: movements (ZBE), consent (ZFA), how the identity was obtained (ZFD), merges (MRG), visits (PV1).

Source: Interop'Santé, IHE PAM France 2.11, as the examples of the ANS show it.
"""

from __future__ import annotations

from connectors.hl7.anatomy import Anatomy, Segment
from quality.conformance.documents import STAYS
from quality.conformance.finding import Findings, Place

MOVEMENTS = frozenset(
    {"A01", "A02", "A03", "A04", "A05", "A06", "A07", "A11", "A12", "A13", "A14", "A21", "A22", "A38"}
    | {"A52", "A53", "A54", "A55"}
)
"""Events that move a stay, each with its ZBE."""
CANCELLATIONS = {"A11": "A01", "A12": "A02", "A13": "A03", "A38": "A05", "A52": "A21", "A53": "A22", "A55": "A54"}
"""Cancelling events, each with the event it most often undoes."""
IDENTITY = frozenset({"A28", "A31", "A40", "A44", "A47"})
"""Events about a person, not a stay: the patient class is N."""


def check_admission(message: Anatomy, findings: Findings) -> None:
    """Say what an ADT lacks beyond its single fields."""
    msh = message.segments[0]
    event = msh.text(9, 2)
    movements = message.named("ZBE")
    if event in MOVEMENTS and not movements:
        visit = message.first("PV1") or msh
        findings.missing("MOVEMENT_MISSING", "ZBE", visit.sequence, "ZBE|id|YYYYMMDDHHMM||INSERT|N||UF…")
    for zbe in movements:
        _movement(zbe, event, findings)
    for zfa in message.named("ZFA"):
        _consent(zfa, findings)
    for zfd in message.named("ZFD"):
        if zfd.text(5) == "INSI" and not zfd.valued(6):
            findings.say("INSI_DATE", Place(zfd, 6), expected="YYYYMMDD")
    for pv1 in message.named("PV1"):
        _visit(pv1, event, findings)
    _merge(message, findings)


def _movement(zbe: Segment, event: str, findings: Findings) -> None:
    action = zbe.text(4)
    if event in CANCELLATIONS and action in {"INSERT", "UPDATE"}:
        findings.say("MOVEMENT_ACTION", Place(zbe, 4), expected=f"CANCEL ({event})")
    elif event in MOVEMENTS - set(CANCELLATIONS) and action == "CANCEL":
        findings.say("MOVEMENT_ACTION", Place(zbe, 4), expected=f"INSERT ({event})")
    if action in {"UPDATE", "CANCEL"} and not zbe.valued(6):
        findings.say("MOVEMENT_ORIGIN", Place(zbe, 6), expected=CANCELLATIONS.get(event, "A01, A02 …"))


def _consent(zfa: Segment, findings: Findings) -> None:
    for answer, date in ((9, 10), (11, 12)):
        said = zfa.text(answer)
        if said and said != "NA" and not zfa.valued(date):
            findings.say("CONSENT_DATE", Place(zfa, date), expected="YYYYMMDDHHMM")
        elif not said and zfa.valued(date):
            findings.say("CONSENT_WITHOUT_ANSWER", Place(zfa, date), expected=f"ZFA-{answer}", came="")
    if zfa.valued(1) and not zfa.valued(2):
        findings.say("CONSENT_DATE", Place(zfa, 2), expected="YYYYMMDDHHMM")


def _visit(pv1: Segment, event: str, findings: Findings) -> None:
    kind = pv1.text(2)
    if event in IDENTITY and kind and kind != "N":
        findings.say("VALUE_NOT_ALLOWED", Place(pv1, 2), expected="N", level="warning")
    if event not in IDENTITY and kind in STAYS and not pv1.valued(19):
        findings.say("VISIT_NUMBER", Place(pv1, 19), expected="number^^^namespace&OID&ISO^VN")


def _merge(message: Anatomy, findings: Findings) -> None:
    """Each MRG after its PID: another identifier, of the same authority (HL7 v2.5, 3.3.40)."""
    pid: Segment | None = None
    for segment in message.segments:
        if segment.name == "PID":
            pid = segment
        elif segment.name == "MRG" and pid is not None and segment.valued(1):
            stays, goes = _identifiers(pid, 3), _identifiers(segment, 1)
            if stays & goes:
                findings.say("MERGE_SELF", Place(segment, 1), expected="", came="")
            elif not {authority for authority, _ in stays} & {authority for authority, _ in goes}:
                findings.say("MERGE_AUTHORITY", Place(segment, 1, 4), expected="PID-3.4", came="")


def _identifiers(segment: Segment, number: int) -> set[tuple[str, str]]:
    found = set()
    for n in segment.examined(number):
        authority = segment.text(number, 4, n, 2) or segment.text(number, 4, n, 1)
        found.add((authority, segment.text(number, 1, n)))
    return found
