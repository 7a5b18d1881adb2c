"""The patient of a CDA: the INS by its OID, its key, the six traits that travel with it, several patients or none."""

from __future__ import annotations

import re

from connectors.cda.anatomy import Node
from quality.conformance.cda.said import Said
from quality.conformance.finding import Level
from transforms.identity import AUTHORITIES, NIA, NIR, key_holds, well_formed
from transforms.moments import parse_ts

_BIRTHPLACE = re.compile(r"\d{5}|2[AB]\d{3}")
_SEX = {"1": "M", "2": "F", "3": "M", "4": "F", "7": "M", "8": "F"}


def check_patient(document: Node, said: Said) -> None:
    """Say what is wrong with the identity of every `recordTarget`."""
    for role in document.all("recordTarget", "patientRole"):
        numbers = [id_ for id_ in role.all("id") if id_.get("root") in AUTHORITIES]
        for id_ in numbers:
            _number(id_, said)
        for oid in AUTHORITIES:
            if len({id_.get("extension") for id_ in numbers if id_.get("root") == oid}) > 1:
                where = next(id_ for id_ in numbers if id_.get("root") == oid)
                said.say("INS_SEVERAL", where, expected="1", came="")
        person = role.first("patient")
        if person is not None:
            _names(person, said)
            if numbers:
                _traits(person, said)
                _coherent(numbers[0], person, said)
            _birthplace(person, said)


def _number(id_: Node, said: Said) -> None:
    value = id_.get("extension")
    if not value:
        return
    if not well_formed(value):
        said.say("INS_FORM", id_, "extension", expected="15 digits (2A or 2B)")
    elif not key_holds(value):
        level: Level | None = None if id_.get("root") in (NIR, NIA) else "warning"
        said.say("INS_KEY", id_, "extension", expected="97 - (n mod 97)", level=level)


def _qualified(part: Node, wanted: str) -> bool:
    return wanted in part.get("qualifier").split() if wanted else not part.get("qualifier")


def _names(person: Node, said: Said) -> None:
    for name in person.all("name"):
        if name.null:
            continue
        families = list(name.all("family"))
        if families and not any(part.get("qualifier") for part in families):
            said.say("CDA_NAME_QUALIFIER", families[0], "qualifier", expected="BR | CL", came="empty")


def _traits(person: Node, said: Said) -> None:
    """An INS travels with its six traits (CI-SIS; schematron of the patient)."""
    parts = [part for name in person.all("name") for part in name.children]
    names = (("family", "BR"), ("given", "BR"), ("given", ""))
    for kind, qualifier in names:
        if not any(part.name == kind and _qualified(part, qualifier) and part.text for part in parts):
            path = f"name/{kind}" + (f"[@qualifier='{qualifier}']" if qualifier else "[not(@qualifier)]")
            said.missing("INS_TRAIT", person, path, expected=_PARTS[kind, qualifier])
    birth = person.first("birthTime")
    if birth is None or not birth.get("value"):
        said.missing("INS_TRAIT", person, "birthTime/@value", expected="YYYYMMDD")
    sex = person.first("administrativeGenderCode")
    if sex is None or not sex.get("code"):
        said.missing("INS_TRAIT", person, "administrativeGenderCode/@code", expected="F | M")
    county = person.first("birthplace", "place", "addr", "county")
    if county is None or not county.text:
        said.missing("INS_TRAIT", person, "birthplace/place/addr/county", expected="INSEE (5)")


_PARTS = {
    ("family", "BR"): "<family qualifier='BR'>",
    ("given", "BR"): "<given qualifier='BR'>",
    ("given", ""): "<given>",
}


def _birthplace(person: Node, said: Said) -> None:
    county = person.first("birthplace", "place", "addr", "county")
    if county is not None and county.text and not _BIRTHPLACE.fullmatch(county.text):
        said.say("BIRTHPLACE_FORM", county, expected="INSEE (5)", came="")


def _coherent(id_: Node, person: Node, said: Said) -> None:
    """Sex and month of birth as the number says them; a NIR may truly differ, so this is advice only."""
    number = id_.get("extension")
    if not well_formed(number):
        return
    sex, birth = person.first("administrativeGenderCode"), person.first("birthTime")
    if sex is not None and sex.get("code") in ("F", "M") and sex.get("code") != _SEX[number[0]]:
        said.say("INS_TRAITS_DIFFER", sex, "code", expected="INS", came="")
    born = parse_ts(birth.get("value")) if birth is not None else None
    if birth is None or born is None:
        return
    month = number[3:5]
    month_differs = "01" <= month <= "12" and born.month[5:7] not in ("", month)
    if born.iso[2:4] != number[1:3] or month_differs:
        said.say("INS_TRAITS_DIFFER", birth, "value", expected="INS", came="")
