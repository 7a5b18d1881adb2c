"""The people, devices and organisations of a CDA header, each read in one pass over its direct children.

One reader serves every role of CDA: `assignedAuthor`, `assignedEntity`, `associatedEntity`, `intendedRecipient`,
`relatedEntity`, `guardian` differ only in the names of what they hold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lxml import etree

from connectors.cda.elements import (
    ADDR,
    CODE,
    ID,
    NAME,
    SDTC,
    TELECOM,
    TEMPLATE,
    TIME,
    V3,
    any_id,
    first,
    named,
    raw_address,
    raw_code,
    raw_name,
    raw_telecom,
    raw_time,
    text,
    value,
)
from connectors.heading import RawDevice, RawEntity, RawOrganisation, RawParticipation, RawPerson, RawSubject
from connectors.said import RawAddress, RawCode, RawId, RawName, RawTelecom, RawTime

_ENTITIES = named("assignedAuthor assignedEntity associatedEntity intendedRecipient relatedEntity")
_PERSONS = named("assignedPerson associatedPerson informationRecipient relatedPerson guardianPerson")
_DEVICES = named("assignedAuthoringDevice playingDevice")
_ORGANISATIONS = named("representedOrganization scopingOrganization receivedOrganization guardianOrganization")
_INDUSTRY, _PART_OF = V3 + "standardIndustryClassCode", V3 + "asOrganizationPartOf"
_FUNCTION, _SIGNATURE = V3 + "functionCode", V3 + "signatureCode"
_MODEL, _SOFTWARE = V3 + "manufacturerModelName", V3 + "softwareName"
_WHOLE = 3
"""How many wholes an organisation is followed into."""


def organisation(element: etree._Element, depth: int = _WHOLE) -> RawOrganisation:
    """An `Organization`, with the organisation it is part of."""
    ids: list[RawId] = []
    names: list[str] = []
    telecoms: list[RawTelecom] = []
    addresses: list[RawAddress] = []
    industry = part_code = RawCode()
    part_of: RawOrganisation | None = None
    for child in element:
        tag = child.tag
        if tag == ID:
            ids.append(any_id(child))
        elif tag == NAME:
            names.append(text(child))
        elif tag == TELECOM:
            telecoms.append(raw_telecom(child))
        elif tag == ADDR:
            addresses.append(raw_address(child))
        elif tag == _INDUSTRY:
            industry = raw_code(child)
        elif tag == _PART_OF and depth:
            part_code = raw_code(first(child, "code"))
            whole = first(child, "wholeOrganization")
            part_of = organisation(whole, depth - 1) if whole is not None else None
    null = element.get("nullFlavor", "")
    return RawOrganisation(
        tuple(ids), tuple(names), tuple(telecoms), tuple(addresses), industry, part_code, part_of, null
    )


def device(element: etree._Element) -> RawDevice:
    model = software = ""
    code = RawCode()
    for child in element:
        tag = child.tag
        if tag == _MODEL:
            model = text(child)
        elif tag == _SOFTWARE:
            software = text(child)
        elif tag == CODE:
            code = raw_code(child)
    return RawDevice(model, software, code, element.get("nullFlavor", ""))


def person(element: etree._Element) -> RawPerson:
    names = tuple(raw_name(child) for child in element.iterchildren(V3 + "name"))
    return RawPerson(names, element.get("nullFlavor", ""))


def entity(element: etree._Element) -> RawEntity:
    """A role of CDA with its player and its scoping organisation, whatever they are called."""
    ids: list[RawId] = []
    telecoms: list[RawTelecom] = []
    addresses: list[RawAddress] = []
    code = RawCode()
    who: RawPerson | None = None
    machine: RawDevice | None = None
    scope: RawOrganisation | None = None
    for child in element:
        tag = child.tag
        if tag == ID:
            ids.append(any_id(child))
        elif tag == CODE:
            code = raw_code(child)
        elif tag == ADDR:
            addresses.append(raw_address(child))
        elif tag == TELECOM:
            telecoms.append(raw_telecom(child))
        elif tag in _PERSONS:
            who = who or person(child)
        elif tag in _ORGANISATIONS:
            scope = scope or organisation(child)
        elif tag in _DEVICES:
            machine = machine or device(child)
    get = element.get
    return RawEntity(
        get("classCode", ""),
        tuple(ids),
        code,
        tuple(addresses),
        tuple(telecoms),
        who,
        machine,
        scope,
        get("nullFlavor", ""),
    )


def participation(element: etree._Element) -> RawParticipation:
    """A participation of CDA: the role in it, with when and as what."""
    function = RawCode()
    time = RawTime()
    signature = ""
    templates: list[RawId] = []
    role = RawEntity()
    for child in element:
        tag = child.tag
        if tag in _ENTITIES:
            role = entity(child)
        elif tag == TIME:
            time = raw_time(child)
        elif tag == _FUNCTION:
            function = raw_code(child)
        elif tag == _SIGNATURE:
            signature = value(child, "code")
        elif tag == TEMPLATE:
            templates.append(any_id(child))
    get = element.get
    return RawParticipation(
        get("typeCode", ""), function, time, signature, tuple(templates), role, get("nullFlavor", "")
    )


def subject(target: etree._Element) -> RawSubject | None:
    """`recordTarget`: the patient's role and person; None without a role."""
    role = first(target, "patientRole")
    if role is None:
        return None
    ids: list[RawId] = []
    telecoms: list[RawTelecom] = []
    addresses: list[RawAddress] = []
    said: dict[str, Any] = {}
    for child in role:
        tag = child.tag
        if tag == ID:
            ids.append(any_id(child))
        elif tag == ADDR:
            addresses.append(raw_address(child))
        elif tag == TELECOM:
            telecoms.append(raw_telecom(child))
        elif tag == _PATIENT and "names" not in said:
            said |= _patient(child)
        elif tag == _PROVIDER:
            said.setdefault("provider", organisation(child))
    return RawSubject(ids=tuple(ids), addresses=tuple(addresses), telecoms=tuple(telecoms), **said)


def _patient(element: etree._Element) -> dict[str, Any]:
    """`patientRole/patient`, as fields of `RawSubject`."""
    names: list[RawName] = []
    guardians: list[RawEntity] = []
    said: dict[str, Any] = {}
    for child in element:
        tag = child.tag
        if tag == NAME:
            names.append(raw_name(child))
        elif tag == _GUARDIAN:
            guardians.append(entity(child))
        elif tag == _BIRTHPLACE:
            said["birth_place"] = raw_address(first(child, "place", "addr"))
            said["birth_place_name"] = text(first(child, "place", "name"))
        elif tag in _PERSONAL:
            field, read = _PERSONAL[tag]
            said[field] = read(child)
    return {**said, "names": tuple(names), "guardians": tuple(guardians)}


_PATIENT, _PROVIDER = V3 + "patient", V3 + "providerOrganization"
_GUARDIAN, _BIRTHPLACE = V3 + "guardian", V3 + "birthplace"
_PERSONAL: dict[str, tuple[str, Callable[[etree._Element], Any]]] = {
    V3 + "administrativeGenderCode": ("gender", raw_code),
    V3 + "birthTime": ("birth", raw_time),
    V3 + "maritalStatusCode": ("marital", raw_code),
    SDTC + "multipleBirthInd": ("multiple_birth", value),
    SDTC + "multipleBirthOrderNumber": ("birth_order", value),
    SDTC + "deceasedInd": ("deceased", value),
    SDTC + "deceasedTime": ("deceased_time", value),
}
