"""Messages that carry a CDA: the action said three times, the document's OBX, TXA and the type said three times.

Source: CI-SIS, volet Transmission d'un document CDA-R2 en HL7v2, 2.1 and its examples.
"""

from __future__ import annotations

import re

import pybase64

from connectors.base import shape
from connectors.hl7.anatomy import Anatomy, Segment
from connectors.hl7.ids import document_id, same_document
from connectors.hl7.payload import Unreadable
from quality.conformance.fields import OID
from quality.conformance.finding import Findings, Place

ACTIONS = {"NW": "F", "RO": "C", "CA": "D"}
"""OBX-11 of the document by ORC-1."""
EVENTS = {"T02": "NW", "T10": "RO", "T04": "CA"}
"""ORC-1 by MDM event."""
STAYS = frozenset({"E", "I", "O", "R"})
"""Patient classes that have a visit number."""


def check_documents(message: Anatomy, findings: Findings) -> None:
    """Say what keeps the documents of a message from being taken."""
    carried = _carriers(message, findings)
    if not carried:
        findings.missing("DOCUMENT_ABSENT", "OBX", len(message.segments), "OBX|1|ED|type^label^LN||^TEXT^XML^Base64^…")
    elif carried[0].nth != 1:
        first = message.named("OBX")[0]
        findings.say("DOCUMENT_FIRST", Place(first), expected="OBX|1|ED")
    if findings.profile.to_software and not any(obx.text(2) == "ED" for obx in message.named("OBX")[1:]):
        after = carried[0].sequence if carried else len(message.segments)
        findings.missing("MAIL_MISSING", "OBX", after, "OBX|2|ED|Message-ID^subject||^text^^Base64^…")
    for obx in carried:
        _encapsulation(message, obx, findings)
        _type(message, obx, findings)
    _bodies(message, findings)
    _action(message, carried, findings)
    for txa in message.named("TXA"):
        _identifiers(message, txa, findings)
    for pv1 in message.named("PV1"):
        if pv1.text(2) in STAYS and not pv1.valued(19) and not findings.profile.to_software:
            findings.say("VISIT_NUMBER", Place(pv1, 19), expected="number^^^namespace&OID&ISO^VN")


def _carriers(message: Anatomy, findings: Findings) -> list[Segment]:
    """The OBX that carry a document: those that say XML, else the first ED that is no body of a mail."""
    eds = [obx for obx in message.named("OBX") if obx.text(2) == "ED" and not is_mail(obx)]
    said = [obx for obx in eds if "XML" in obx.text(5, 3).upper() or "CDA" in obx.text(5, 3).upper()]
    return said or eds[:1]


def is_mail(obx: Segment) -> bool:
    """Whether an OBX holds the body of a mail (CORPSMAIL_PS, CORPSMAIL_PATIENT)."""
    return obx.text(3).upper().startswith("CORPSMAIL_")


def _encapsulation(message: Anatomy, obx: Segment, findings: Findings) -> None:
    for component, expected in ((2, "TEXT"), (3, "XML"), (4, "Base64")):
        place = Place(obx, 5, component)
        if place.value.upper() != expected.upper():
            findings.say("DOCUMENT_ENCAPSULATION", place, expected="^TEXT^XML^Base64^…")
    found = message.document(obx)
    if isinstance(found, Unreadable):
        findings.say("DOCUMENT_PAYLOAD", Place(obx, 5, 5), expected="CDA R2, base64", came=found.came)
        return
    payload = message.payload(obx)
    data = payload.data if payload is not None else ""
    encoded = data if isinstance(data, bytes) else data.encode("utf-8", "replace")
    if not encoded.lstrip().startswith((b"<", b"&", b"\\")) and len(encoded.translate(None, b" \t\r\n")) % 4:
        findings.say("BASE64_PADDING", Place(obx, 5, 5), came="")


def _type(message: Anatomy, obx: Segment, findings: Findings) -> None:
    code = obx.text(3)
    obr, txa = message.first("OBR"), message.first("TXA")
    if not code:
        return
    panels = findings.profile.flags == "v1"  # OBR-4 is the panel of examinations in version 1.2
    if obr is not None and obr.text(4) and obr.text(4) != code and not panels:
        findings.say("DOCUMENT_TYPE", Place(obx, 3, 1), expected="OBR-4.1", came="")
    if txa is not None and txa.text(2) and txa.text(2) != code:
        findings.say("DOCUMENT_TYPE", Place(txa, 2), expected="OBX-3.1", came="")


def _bodies(message: Anatomy, findings: Findings) -> None:
    for obx in message.named("OBX"):
        if obx.text(2) != "ED" or not is_mail(obx):
            continue
        payload = message.payload(obx)
        data = payload.data if payload is not None else ""
        data = data.decode("latin-1") if isinstance(data, bytes) else data
        try:
            sound = bool(pybase64.b64decode(data + "=" * (-len(data) % 4), validate=True))
        except ValueError:
            sound = False
        if not sound:
            findings.say("MAIL_BODY", Place(obx, 5, 5), expected="base64", came=shape(data))


def _action(message: Anatomy, carried: list[Segment], findings: Findings) -> None:
    """Event, ORC-1 and OBX-11 name one action; before 2.1 `SC` fits any, and without ORC the event decides."""
    msh, orc = message.segments[0], message.first("ORC")
    event = EVENTS.get(msh.text(9, 2), "") if msh.text(9, 1) == "MDM" else ""
    control = orc.text(1) if orc is not None else ""
    if orc is not None and event and control in ACTIONS and control != event:
        findings.say("ACTION_TRIPLE", Place(orc, 1), expected=f"{event} ({msh.text(9, 2)})")
    action = event or (control if control in ACTIONS else "")
    for obx in carried:
        status = obx.text(11)
        if action and status and status != ACTIONS[action]:
            findings.say("ACTION_TRIPLE", Place(obx, 11), expected=f"{ACTIONS[action]} ({action})")
        elif not action and status and status not in ACTIONS.values():
            findings.say("ACTION_TRIPLE", Place(obx, 11), expected=" | ".join(ACTIONS.values()))


def _identifiers(message: Anatomy, txa: Segment, findings: Findings) -> None:
    own, parent = (document_id(txa.field(number), txa.values) for number in (12, 13))
    for number, found in ((12, own), (13, parent)):
        place = Place(txa, number)
        if found is None:
            continue
        if not OID.fullmatch(found.root):
            findings.say("DOCUMENT_ID_FORM", place, expected="OID")
        elif found.extension or place.of(2).value:
            came = "OID^extension" if found.extension else "OID^namespace"
            findings.say("DOCUMENT_ID_EXTENSION", place, expected="OID", came=came)
    event = message.segments[0].text(9, 2)
    if event == "T10" and parent is None:
        findings.say("PARENT_MISSING", Place(txa, 13), expected="OID")
    elif event == "T10" and own is not None and parent is not None and same_document(own, parent):
        findings.say("PARENT_IS_SELF", Place(txa, 13), came="")
    elif event == "T02" and parent is not None:
        findings.say("PARENT_UNEXPECTED", Place(txa, 13), expected="MDM^T10", came="")


def coding_system(place: Place) -> str:
    """The system of a coded value without its blanks."""
    return re.sub(r"\s", "", place.of(3).value)
