"""Each field against its rule: usage, repetitions, admitted values and the form of its data type."""

from __future__ import annotations

import re
from collections.abc import Callable

from connectors.hl7.anatomy import Anatomy, Segment
from quality.conformance.finding import Findings, Level, Place
from quality.conformance.profiles import Rule, tables
from transforms.moments import parse_ts

OID = re.compile(r"[0-2](\.(0|[1-9]\d*))+")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")
_COMMA = re.compile(r"[+-]?\d+,\d+")
_PRECISION = {"year": 4, "month": 7, "day": 10, "hour": 13, "minute": 16, "second": 19}
"""Length of the ISO form (`Moment.iso`) with that precision."""
_TIMES = {
    "": "YYYYMMDD[HHMM[SS]][±ZZZZ]",
    "day": "YYYYMMDD[HHMM[SS]][±ZZZZ]",
    "minute": "YYYYMMDDHHMM[SS][±ZZZZ]",
    "second": "YYYYMMDDHHMMSS[±ZZZZ]",
}
_EXAMPLES = {
    "TS": "YYYYMMDD[HHMM[SS]][±ZZZZ]",
    "CX": "id^^^namespace&OID&ISO^type",
    "XPN": "family^given^givens^^^^L",
    "CE": "code^label^system",
    "CWE": "code^label^system",
    "XCN": "id^family^given^^^^^^namespace&OID&ISO^D^^^type",
    "XON": "name^^^^^namespace&OID&ISO^type^^^id",
    "EI": "id^namespace^OID^ISO",
    "HD": "namespace^OID^ISO",
    "SI": "1, 2, 3 …",
    "XAD": "street^^city^^postcode^country^H",
}


def check_fields(message: Anatomy, findings: Findings) -> None:
    """Say what the fields of every segment lack, by the rules of the profile."""
    rules = findings.profile.rules()
    by_segment: dict[str, list[tuple[int, Rule]]] = {}
    for (name, number), rule in rules.items():
        by_segment.setdefault(name, []).append((number, rule))
    for segment in message.segments:
        for number, rule in by_segment.get(segment.name, ()):
            _field(segment, number, rule, findings)


def _field(segment: Segment, number: int, rule: Rule, findings: Findings) -> None:
    place = Place(segment, number)
    if not segment.valued(number):
        expected = wanted(rule)
        if rule.usage == "R":
            findings.say("FIELD_MISSING", place, expected=expected)
        elif rule.usage == "RE":
            findings.say("FIELD_ADVISED", place, expected=expected)
        return
    if rule.usage == "X":
        level: Level | None = "advice" if "*" in rule.seen else None
        findings.say("FIELD_FORBIDDEN", place, came="", level=level)
        return
    repetitions = segment.repetitions(number)
    if rule.most and len(repetitions) > rule.most:
        findings.say("FIELD_REPEATED", place, expected=str(rule.most), came=str(len(repetitions)))
    check = _TYPES.get(rule.type)
    for repetition in segment.examined(number):
        here = Place(segment, number, repetition=repetition)
        if segment.field(number) == '""':  # HL7's null
            continue
        if rule.values:
            _value(here, rule, findings)
        if check is not None:
            check(here, rule, findings)


def wanted(rule: Rule) -> str:
    """What to write in a field."""
    if rule.values and len(rule.values) < 12:
        return " | ".join(rule.values)
    if rule.type == "TS":
        return _TIMES[rule.precision]
    return _EXAMPLES.get(rule.type, f"HL7 {rule.type}" if rule.type else "…")


def _value(place: Place, rule: Rule, findings: Findings) -> None:
    value = place.value
    if value in rule.values or not value:
        return
    expected = " | ".join(rule.values)
    seen = value in rule.seen
    findings.say("VALUE_OF_EXAMPLES" if seen else "VALUE_NOT_ALLOWED", place, expected=expected)


def check_time(place: Place, rule: Rule, findings: Findings) -> None:
    """TS or DTM: HL7 v2.5, 2.A.22."""
    value = place.value
    if not value:
        return
    moment = parse_ts(value)
    expected = _TIMES[rule.precision]
    if moment is None:
        findings.say("TIME_INVALID", place, expected=expected)
    elif rule.precision and len(moment.iso) < _PRECISION[rule.precision]:
        findings.say("TIME_IMPRECISE", place, expected=expected)


def check_number(place: Place, findings: Findings) -> None:
    """NM: HL7 v2.5, 2.A.47."""
    value = place.value
    if not value or _NUMBER.fullmatch(value):
        return
    if _COMMA.fullmatch(value):
        findings.say("DECIMAL_COMMA", place, expected="4.2")
    else:
        findings.say("NUMBER_INVALID", place, expected="4.2")


def _sequence(place: Place, rule: Rule, findings: Findings) -> None:
    if place.value and not (place.value.isascii() and place.value.isdigit()):
        findings.say("SEQUENCE_INVALID", place, expected="1, 2, 3 …")


def check_authority(place: Place, findings: Findings) -> None:
    """An assigning authority, HD in a component (namespace & universal id & its type); nothing to say when empty."""
    namespace, universal, kind = (place.of(place.component, sub).value for sub in (1, 2, 3))
    if "- " in namespace or " -" in namespace:
        findings.say("BLANK_INSIDE", place.of(place.component, 1), expected="ASIP-SANTE-PS")
    if OID.fullmatch(namespace) and namespace.count(".") > 3 and not universal:
        findings.say("OID_IN_NAMESPACE", place.of(place.component, 1), expected="namespace&OID&ISO", came="OID")
        return
    if not universal:
        return
    if not kind:
        findings.say("FIELD_COMPONENT_MISSING", place.of(place.component, 3), expected="ISO")
    elif kind not in tables()["0301"]:
        findings.say("VALUE_NOT_ALLOWED", place.of(place.component, 3), expected="ISO | L | M | N")
    elif kind == "ISO" and not OID.fullmatch(universal):
        findings.say("OID_INVALID", place.of(place.component, 2), expected="1.2.250.1…")


def _identifier(place: Place, rule: Rule, findings: Findings) -> None:
    """CX: HL7 v2.5, 2.A.14; the French profiles require the authority and the type."""
    if not place.of(1).value:
        findings.say("FIELD_COMPONENT_MISSING", place.of(1), expected="id")
        return
    authority = place.of(4)
    if not any(authority.of(4, sub).value for sub in (1, 2)):
        level: Level | None = "advice" if findings.profile.id == "hl7" else None  # HL7 itself leaves CX.4 optional
        findings.say("AUTHORITY_MISSING", authority, expected="namespace&OID&ISO", level=level)
    check_authority(authority, findings)
    if not place.of(5).value:
        findings.say("COMPONENT_ADVISED", place.of(5), expected="PI | INS | AN | VN")


def _coded(place: Place, rule: Rule, findings: Findings) -> None:
    """CE and CWE: the rule of v2.7 that the French profiles have adopted, `.1` valued asks for `.3`."""
    if findings.profile.ce_rule == "none" or not place.of(1).value or place.of(3).value:
        return
    if place.segment.name == "OBX" and findings.profile.to_software and place.segment.text(2) == "ED":
        return  # the mail that comes with the document: OBX-3 is its Message-ID and its subject
    level: Level = "error" if findings.profile.ce_rule == "error" else "advice"
    findings.say("CODE_SYSTEM_MISSING", place.of(3), expected="code^label^system", came="empty", level=level)


def _entity(place: Place, rule: Rule, findings: Findings) -> None:
    """EI: HL7 v2.5, 2.A.28."""
    universal, kind = place.of(3).value, place.of(4).value
    if universal and kind == "ISO" and not OID.fullmatch(universal):
        findings.say("OID_INVALID", place.of(3), expected="1.2.250.1…")


def _person(place: Place, rule: Rule, findings: Findings) -> None:
    """XCN: HL7 v2.5, 2.A.86; national ids: ANS, 1.2.250.1.71.4.2.1."""
    value, authority = place.of(1).value, place.of(9)
    if not value:
        return
    check_authority(authority, findings)
    if authority.of(9, 2).value != PERSONS:
        return
    kind = place.of(13).value
    if not kind:
        findings.say("COMPONENT_ADVISED", place.of(13), expected="IDNPS")
    bare = re.fullmatch(r"\d{11}", value)
    whole = re.fullmatch(
        r"8\d{11}|0[\dA-Z]{9}|[13]\d[\dAB]\d{7}[/\w.-]*|4\d{9}[/\w.-]*|5\d{14}[/\w.-]*|6\d{11}.*", value
    )
    if bare and kind == "RPPS":
        findings.say("NATIONAL_ID_TYPE", place.of(1), expected="8 + RPPS (11), IDNPS")
    elif not whole:
        findings.say("NATIONAL_ID", place.of(1), expected="8 + RPPS (11)")
    elif kind == "RPPS":
        findings.say("NATIONAL_ID_TYPE", place.of(13), expected="IDNPS", came="RPPS")


PERSONS = "1.2.250.1.71.4.2.1"
STRUCTURES = "1.2.250.1.71.4.2.2"
_FINESS = r"\d[\dAB]\d{7}"


def _organisation(place: Place, rule: Rule, findings: Findings) -> None:
    """XON: HL7 v2.5, 2.A.87; national ids: ANS, 1.2.250.1.71.4.2.2."""
    check_authority(place.of(6), findings)
    if place.of(6, 2).value != STRUCTURES:
        return
    where = 10 if place.of(10).value or not place.of(3).value else 3
    value, kind = place.of(where).value, place.of(7).value
    if not value:
        findings.say("FIELD_COMPONENT_MISSING", place.of(10), expected="1 + FINESS (9)")
        return
    if not place.of(1).value:
        findings.say("COMPONENT_ADVISED", place.of(1), expected="organisation")
    if kind in {"FINEG", "FINEJ"}:
        if re.fullmatch(f"1{_FINESS}", value):
            findings.say("NATIONAL_ID_TYPE", place.of(where), expected=f"FINESS (9), {kind}")
        elif not re.fullmatch(_FINESS, value):
            findings.say("NATIONAL_ID", place.of(where), expected="FINESS (9)")
    elif kind == "IDNST" and not re.fullmatch(
        rf"1{_FINESS}|2\d{{9}}|3\d{{14}}|0[\dA-Z]{{9,}}|4\d{{11,}}|[A-Za-z].*", value
    ):
        findings.say("NATIONAL_ID", place.of(where), expected="1 + FINESS (9)")


_TYPES: dict[str, Callable[[Place, Rule, Findings], None]] = {
    "TS": check_time,
    "SI": _sequence,
    "CX": _identifier,
    "CE": _coded,
    "CWE": _coded,
    "EI": _entity,
    "XCN": _person,
    "XON": _organisation,
    "HD": lambda place, rule, findings: _header_authority(place, findings),
}


def _header_authority(place: Place, findings: Findings) -> None:
    """HD as a whole field (MSH-3 to 6): its parts are components."""
    universal, kind = place.of(2).value, place.of(3).value
    if universal and not kind:
        findings.say("FIELD_COMPONENT_MISSING", place.of(3), expected="ISO")
    elif universal and kind == "ISO" and not OID.fullmatch(universal):
        findings.say("OID_INVALID", place.of(2), expected="1.2.250.1…")


def check_numbering(message: Anatomy, findings: Findings) -> None:
    """OBX-1 and OBR-1 count from 1: OBR in the message, OBX in the message or below each OBR (HL7 v2.5, 7.4)."""
    for name in ("OBR", "OBX"):
        below = whole = 0
        for segment in message.segments:
            if segment.name in {"OBR", "SPM"} and name == "OBX":
                below = 0
            if segment.name != name:
                continue
            below += 1
            whole += 1
            said = segment.text(1)
            if said.isascii() and said.isdigit() and int(said) not in {below, whole}:
                expected = str(whole) if below == whole else f"{below} | {whole}"
                findings.say(
                    "SEQUENCE_WRONG", Place(segment, 1), expected=expected, came=said if len(said) < 5 else None
                )
                below = whole = int(said)  # tell the jump, not all that follows
