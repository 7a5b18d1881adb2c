"""People, devices and organisations of a CDA: a person or a device, a name that has a family, national numbers."""

from __future__ import annotations

import re

from connectors.cda.anatomy import Node
from quality.conformance.cda.said import Said, value_set
from quality.conformance.finding import Level

PERSONS, STRUCTURES = "1.2.250.1.71.4.2.1", "1.2.250.1.71.4.2.2"
_FINESS = r"\d[\dAB]\d{7}"
_PERSON = re.compile(
    rf"8\d{{11}}|0[\dA-Z]{{9}}|1[\dA-Z]{{9,}}[/\w.-]*|3{_FINESS}/\S+|4\d{{9}}/\S+|5\d{{14}}/\S+|6\d{{11}}/\S+"
)
"""PS_IdNat: 8 RPPS, 0 ADELI, 1 ADELI of the office, 3 FINESS, 4 SIREN, 5 SIRET, 6 RPPS of the office, then a number."""
_STRUCTURE = re.compile(rf"1{_FINESS}|2\d{{9}}|3\d{{14}}|0[\dA-Z]{{9,}}|4\d{{11,}}|[A-Za-z].*")
"""Struct_IdNat: 1 FINESS, 2 SIREN, 3 SIRET, 0 ADELI and rank, 4 RPPS and rank, else a technical number."""
_INDEXED = r"/ClinicalDocument/(author|custodian|legalAuthenticator|documentationOf)\b"
_ROLES = ("assignedAuthor", "assignedEntity", "associatedEntity", "intendedRecipient", "healthCareFacility")
_ORGANISATIONS = ("representedOrganization", "scopingOrganization", "receivedOrganization")
_NUMBERED = frozenset((*_ROLES, *_ORGANISATIONS, "representedCustodianOrganization"))
_PEOPLE = ("assignedPerson", "associatedPerson", "relatedPerson", "guardianPerson")


def check_people(document: Node, said: Said) -> None:
    """Say what is wrong with whoever took part."""
    for author in document.all("author", "assignedAuthor"):
        kinds = [name for name in ("assignedPerson", "assignedAuthoringDevice") if author.first(name) is not None]
        if len(kinds) != 1 and not author.null:
            expected = "assignedPerson | assignedAuthoringDevice"
            said.say("CDA_PERSON_OR_DEVICE", author, expected=expected, came=str(len(kinds)))
    for node in document.walk():
        if node.name in _PEOPLE:
            _person(node, said)
        elif node.name in _NUMBERED:
            for id_ in node.all("id"):
                _national(id_, said)
        elif node.name == "standardIndustryClassCode":
            _member(node, "J04", "JDV_J04", said)
    place = document.first("componentOf", "encompassingEncounter", "location", "healthCareFacility", "code")
    if place is not None:
        _member(place, "J02", "JDV_J02", said)


def _person(person: Node, said: Said) -> None:
    for name in person.all("name"):
        if not name.null and not any(part.text or part.null for part in name.all("family")):
            said.missing("CDA_ELEMENT_MISSING", name, "family", expected="CI-SIS StrucMin")


def _national(id_: Node, said: Said) -> None:
    """The number of a person or an organisation, by its authority: an OID is no proof of the kind of thing.

    What XDS takes it from (author, custodian, legal authenticator, performer) is an error, anything else a warning.
    """
    root, value = id_.get("root"), id_.get("extension")
    if not value or root not in (PERSONS, STRUCTURES):
        return
    level: Level = "error" if re.match(_INDEXED, id_.place) else "warning"
    if root == PERSONS and not _PERSON.fullmatch(value):
        said.say("NATIONAL_ID", id_, "extension", expected="8 + RPPS (11)", level=level)
    elif root == STRUCTURES and not _STRUCTURE.fullmatch(value):
        bare = re.fullmatch(_FINESS, value) is not None  # taken as the FINESS that it is
        said.say("NATIONAL_ID", id_, "extension", expected="1 + FINESS (9)", level="warning" if bare else level)


def _member(code: Node, name: str, shown: str, said: Said) -> None:
    """Whether a code is of a French value set, by code and system."""
    if not code.get("code") or code.null:
        return
    if (code.get("code"), code.get("codeSystem")) not in value_set(name):
        said.say("CDA_VALUE_OUTSIDE_SET", code, "code", expected=shown)
