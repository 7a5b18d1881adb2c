"""Each element and attribute of a header against its rule: there, how often, empty or null, its admitted values."""

from __future__ import annotations

import re
from collections.abc import Callable

from connectors.cda.anatomy import Node
from quality.conformance.cda.said import Rule, Said
from quality.conformance.fields import OID
from quality.conformance.finding import Level
from transforms.moments import parse_ts

NULL_FLAVORS = frozenset(
    {"NI", "INV", "OTH", "NINF", "PINF", "UNC", "DER", "UNK", "ASKU", "NAV", "NASK", "QS", "TRC", "MSK", "NA", "NP"}
)
"""HL7 V3 NullFlavor (2.16.840.1.113883.5.1008); `NP` is of data types R1."""
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_LANGUAGE = re.compile(r"[a-z]{2}-[A-Z]{2}")


def check_shape(document: Node, said: Said) -> None:
    """Say what the rules find missing, repeated, empty or not admitted."""
    for rule in said.rules.values():
        *above, name = rule.path.split("/")
        if rule.attribute:
            for node in document.all(*above, name):
                _attribute(node, rule, said)
        else:
            for parent in document.all(*above):
                _element(parent, name, rule, said)
    for node in document.walk():
        if node.name == "?":
            said.say("CDA_ELEMENT_UNKNOWN", node)
        if node.null and node.get("nullFlavor") not in NULL_FLAVORS:
            said.say("CDA_NULL_FLAVOR", node, "nullFlavor", expected="UNK | NASK | NAV | NA | MSK | NI | OTH")


def _element(parent: Node, name: str, rule: Rule, said: Said) -> None:
    if parent.null:
        return
    found = list(parent.all(name))
    level: Level | None = rule.level or None  # type: ignore[assignment]
    if not found:
        if rule.usage in ("R", "RE"):
            code = "CDA_ELEMENT_MISSING" if rule.usage == "R" else "CDA_ELEMENT_ADVISED"
            said.missing(code, parent, name, expected=rule.source, level=level)
        return
    if rule.max and len(found) > int(rule.max):
        said.say("CDA_ELEMENT_REPEATED", found[int(rule.max)], expected=rule.max, came=str(len(found)))
    for node in found:
        if rule.null == "no" and node.null:
            said.say("CDA_ELEMENT_NULL", node, "nullFlavor", expected=rule.source, came=node.get("nullFlavor")[:4])
        elif rule.form == "text" and not node.text and not node.null:
            said.say("CDA_ELEMENT_EMPTY", node, expected=rule.source)


def _attribute(node: Node, rule: Rule, said: Said) -> None:
    value = node.get(rule.attribute)
    if not value:
        if rule.usage == "R" and not node.null:
            said.missing("CDA_ATTRIBUTE_MISSING", node, f"@{rule.attribute}", expected=_expected(rule))
        return
    if rule.values:
        if value not in rule.values.split("|"):
            said.say("VALUE_NOT_ALLOWED", node, rule.attribute, expected=_expected(rule))
    elif rule.form in _FORMS:
        _FORMS[rule.form](node, rule.attribute, said)


def _expected(rule: Rule) -> str:
    return rule.values.replace("|", " | ") or _EXAMPLES.get(rule.form, rule.source)


_EXAMPLES = {
    "oid": "1.2.250.1…",
    "time": "YYYYMMDDHHMMSS±ZZZZ",
    "date": "YYYYMMDD",
    "version": "1, 2, 3 …",
    "language": "fr-FR",
}


def _oid(node: Node, attribute: str, said: Said) -> None:
    value = node.get(attribute)
    if not OID.fullmatch(value) and not _UUID.fullmatch(value):
        said.say("CDA_OID_FORM", node, attribute, expected=_EXAMPLES["oid"])


def _time(node: Node, attribute: str, said: Said) -> None:
    """A time that a document needs to the minute and in its zone; whether it is one at all is said with all times."""
    moment = parse_ts(node.get(attribute))
    if moment is not None and "T" not in moment.iso:
        said.say("TIME_IMPRECISE", node, attribute, expected=_EXAMPLES["time"])


def _date(node: Node, attribute: str, said: Said) -> None:
    moment = parse_ts(node.get(attribute))
    if moment is not None and len(moment.day) < 10:
        said.say("TIME_IMPRECISE", node, attribute, expected=_EXAMPLES["date"])


def _version(node: Node, attribute: str, said: Said) -> None:
    value = node.get(attribute)
    if not (value.isascii() and value.isdigit() and int(value) > 0):
        said.say("SEQUENCE_INVALID", node, attribute, expected=_EXAMPLES["version"])


def _language(node: Node, attribute: str, said: Said) -> None:
    if not _LANGUAGE.fullmatch(node.get(attribute)):
        said.say("CDA_LANGUAGE_FORM", node, attribute, expected=_EXAMPLES["language"])


_FORMS: dict[str, Callable[[Node, str, Said], None]] = {
    "oid": _oid,
    "time": _time,
    "date": _date,
    "version": _version,
    "language": _language,
}
