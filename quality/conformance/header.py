"""MSH against the profile it names: type, event, structure, version, profile, character set, delimiters."""

from __future__ import annotations

from connectors.hl7.anatomy import Anatomy
from quality.conformance.finding import Findings, Place
from quality.conformance.profiles import Choice, profiles, public, structures

FRENCH_DELIMITERS = "|^~\\&"
_CHARSETS = {"utf-8": "UNICODE UTF-8", "iso8859-15": "8859/15", "iso8859-1": "8859/1"}


def check_header(message: Anatomy, choice: Choice, findings: Findings) -> None:
    """Say what MSH lacks beyond its single fields."""
    msh = message.segments[0]
    if message.delimiters != FRENCH_DELIMITERS:
        findings.say("DELIMITERS_OTHER", Place(msh, 2), expected=FRENCH_DELIMITERS)
    _kind(message, choice, findings)
    _version(message, choice, findings)
    _profile(message, choice, findings)
    if "CHARSET_MISMATCH" in message.findings or "BYTES_UNDECODABLE" in message.findings:
        expected = _CHARSETS.get(message.encoding, "UNICODE UTF-8")
        findings.say("CHARSET_FALSE", Place(msh, 18), expected=expected, came=message.encoding)
    if "SEGMENT_BROKEN" in message.findings or "LINE_BREAK_IN_FIELD" in message.findings:
        broken = next((s for s in message.segments if any("\n" in field for field in s.fields)), msh)
        findings.say("LINE_BROKEN", Place(broken), expected="\\.br\\")


def _kind(message: Anatomy, choice: Choice, findings: Findings) -> None:
    msh = message.segments[0]
    kind, event, structure = (msh.text(9, number) for number in (1, 2, 3))
    if choice.profile.id == "hl7":
        known = " | ".join(dict.fromkeys(profile.type for profile in profiles() if profile.type))
        findings.say("MESSAGE_TYPE_UNKNOWN", Place(msh, 9), expected=known)
        return
    if kind == "ACK":
        if structure and structure != "ACK":
            findings.say("MESSAGE_STRUCTURE", Place(msh, 9, 3), expected=f"ACK^{_safe(event)}^ACK")
        return
    expected = structures().get((kind, event), "")
    if not expected:
        events = [known for (type_, known) in structures() if type_ == kind]
        findings.say("EVENT_UNKNOWN_HERE", Place(msh, 9, 2), expected=" | ".join(events))
    elif not structure:
        findings.say("STRUCTURE_ABSENT", Place(msh, 9, 3), expected=f"{kind}^{event}^{expected}")
    elif structure != expected:
        findings.say("MESSAGE_STRUCTURE", Place(msh, 9, 3), expected=f"{kind}^{event}^{expected}")
    elif kind == "MDM" and event not in {"T02", "T04", "T10"}:
        findings.say("EVENT_UNKNOWN_HERE", Place(msh, 9, 2), expected="T02 | T04 | T10")


def _safe(event: str) -> str:
    """The event when it is a known one: nothing else may be quoted."""
    return event if event in public() else "R01"


def _version(message: Anatomy, choice: Choice, findings: Findings) -> None:
    msh = message.segments[0]
    expected = choice.profile.version
    if not expected or not msh.valued(12):
        return
    said = "^".join(msh.text(12, number) for number in range(1, expected.count("^") + 2))
    if said != expected:
        findings.say("VERSION_UNEXPECTED", Place(msh, 12), expected=expected)


def _profile(message: Anatomy, choice: Choice, findings: Findings) -> None:
    place = Place(message.segments[0], 21)
    current = next((p.msh21 for p in profiles() if p.type == choice.profile.type and p.state == "current"), "")
    match choice.how:
        case "inferred" if choice.profile.msh21:
            findings.say("PROFILE_MISSING", place, expected=choice.profile.msh21)
        case "unknown" if choice.profile.msh21:
            findings.say("PROFILE_UNKNOWN", place, expected=choice.profile.msh21)
        case "other":
            findings.say("PROFILE_OTHER", place, expected=choice.profile.msh21)
        case "blanks":
            findings.say("PROFILE_BLANKS", place, expected=choice.profile.msh21)
    if choice.profile.state == "old":
        newer = "1.1^CISIS_CDA_HL7_LPS" if choice.profile.to_software else current
        findings.say("PROFILE_OLD", place, expected=newer, came=choice.profile.msh21)
