"""What a CDA header says was done: acts documented, orders fulfilled, documents related, consents, the encounter."""

from __future__ import annotations

from lxml import etree

from connectors.cda.elements import (
    CODE,
    EFFECTIVE_TIME,
    ID,
    TEMPLATE,
    V3,
    any_id,
    children,
    first,
    local,
    raw_address,
    raw_code,
    raw_id,
    raw_time,
    text,
    value,
)
from connectors.cda.people import organisation, participation
from connectors.heading import (
    RawAct,
    RawConsent,
    RawEncounter,
    RawFacility,
    RawOrder,
    RawParticipation,
    RawRelated,
)
from connectors.said import RawCode, RawId, RawTime

_PERFORMER, _DISPOSITION, _RESPONSIBLE, _PARTICIPANT, _LOCATION = (
    V3 + name
    for name in ("performer", "dischargeDispositionCode", "responsibleParty", "encounterParticipant", "location")
)


def act(element: etree._Element) -> RawAct:
    """`serviceEvent`. Its `statusCode` is of the laboratory extension, whose namespace has several spellings."""
    ids: list[RawId] = []
    templates: list[RawId] = []
    performers: list[RawParticipation] = []
    code = RawCode()
    time = RawTime()
    status = ""
    for child in element:
        tag = child.tag
        if tag == CODE:
            code = raw_code(child)
        elif tag == EFFECTIVE_TIME:
            time = raw_time(child)
        elif tag == _PERFORMER:
            performers.append(participation(child))
        elif tag == ID:
            ids.append(any_id(child))
        elif tag == TEMPLATE:
            templates.append(any_id(child))
        elif tag.endswith("}statusCode"):
            status = value(child, "code")
    get = element.get
    return RawAct(
        get("classCode", ""), tuple(ids), code, time, status, tuple(templates), tuple(performers), get("nullFlavor", "")
    )


def order(element: etree._Element) -> RawOrder:
    ids: list[RawId] = []
    accessions: list[RawId] = []
    code = priority = RawCode()
    for child in element:
        match local(child):
            case "id":
                ids.append(any_id(child))
            case "code":
                code = raw_code(child)
            case "priorityCode":
                priority = raw_code(child)
            case name if name.endswith("}accessionNumber"):
                accessions.append(any_id(child))
    return RawOrder(tuple(ids), tuple(accessions), code, priority)


def related(element: etree._Element) -> RawRelated:
    parent = first(element, "parentDocument")
    return RawRelated(
        type_code=element.get("typeCode", ""),
        ids=tuple(any_id(found) for found in children(parent, "id")),
        code=raw_code(first(parent, "code")),
        set_id=raw_id(first(parent, "setId")),
        version=value(first(parent, "versionNumber")),
    )


def consent(element: etree._Element) -> RawConsent:
    return RawConsent(
        ids=tuple(any_id(found) for found in children(element, "id")),
        code=raw_code(first(element, "code")),
        status=value(first(element, "statusCode"), "code"),
    )


def encounter(element: etree._Element) -> RawEncounter:
    ids: list[RawId] = []
    participants: list[RawParticipation] = []
    code = disposition = RawCode()
    time = RawTime()
    responsible: RawParticipation | None = None
    place: RawFacility | None = None
    for child in element:
        tag = child.tag
        if tag == ID:
            ids.append(any_id(child))
        elif tag == CODE:
            code = raw_code(child)
        elif tag == EFFECTIVE_TIME:
            time = raw_time(child)
        elif tag == _DISPOSITION:
            disposition = raw_code(child)
        elif tag == _RESPONSIBLE:
            responsible = responsible or participation(child)
        elif tag == _PARTICIPANT:
            participants.append(participation(child))
        elif tag == _LOCATION and place is None:
            found = first(child, "healthCareFacility")
            place = facility(found) if found is not None else None
    null = element.get("nullFlavor", "")
    return RawEncounter(tuple(ids), code, time, disposition, responsible, tuple(participants), place, null)


def facility(element: etree._Element) -> RawFacility:
    where = first(element, "location")
    provider = first(element, "serviceProviderOrganization")
    return RawFacility(
        ids=tuple(any_id(found) for found in children(element, "id")),
        code=raw_code(first(element, "code")),
        name=text(first(where, "name")),
        address=raw_address(first(where, "addr")),
        organisation=organisation(provider) if provider is not None else None,
    )
