"""Who and what takes part in a statement: performer, author, informant, participant, subject, as said."""

from __future__ import annotations

from typing import Literal, TypeAlias

from lxml import etree

from connectors.cda.datatypes import V3, Reading, concept, instance_id, timing
from connectors.cda.elements import child, text
from connectors.said import RawId
from connectors.statements import NOTHING, Participation

Part: TypeAlias = Literal["performer", "author", "informant", "participant", "subject"]
TAKING_PART: dict[str, Part] = {
    V3 + "performer": "performer",
    V3 + "author": "author",
    V3 + "informant": "informant",
    V3 + "participant": "participant",
    V3 + "subject": "subject",
}
_ROLES = frozenset(
    V3 + name for name in ("assignedEntity", "assignedAuthor", "participantRole", "relatedEntity", "relatedSubject")
)
_ENTITIES = frozenset(
    V3 + name
    for name in (
        "assignedPerson",
        "playingEntity",
        "playingDevice",
        "assignedAuthoringDevice",
        "relatedPerson",
        "subject",
    )
)
_ID, _CODE, _TIME, _FUNCTION = (V3 + name for name in ("id", "code", "time", "functionCode"))
_ORGANISATIONS = (V3 + "representedOrganization", V3 + "scopingEntity")


def participation(kind: Part, element: etree._Element, reading: Reading) -> Participation:
    """One participation: its role, the person or thing that plays it, and the organisation behind."""
    role = time = function = None
    for part in element:
        tag = part.tag
        if tag in _ROLES:
            role = part if role is None else role
        elif tag == _TIME:
            time = part if time is None else time
        elif tag == _FUNCTION:
            function = part if function is None else function
    if role is None:
        return Participation(kind=kind, type_code=element.get("typeCode") or "")
    entity = organisation = code = None
    ids: list[RawId] = []
    for part in role:
        tag = part.tag
        if tag == _ID:
            if (id_ := instance_id(part)) is not None:
                ids.append(id_)
        elif tag == _CODE:
            code = part if code is None else code
        elif tag in _ENTITIES:
            entity = part if entity is None else entity
        elif tag in _ORGANISATIONS:
            organisation = part if organisation is None else organisation
    said: dict[str, etree._Element] = {}
    if entity is not None:
        for part in entity:
            said.setdefault(part.tag, part)
    entity_code, sex = said.get(_CODE), said.get(V3 + "administrativeGenderCode")
    family, given, name = _name(said.get(V3 + "name"))
    return Participation(
        kind=kind,
        type_code=element.get("typeCode") or "",
        role_class=role.get("classCode") or "",
        function=concept(function, reading) if function is not None else NOTHING,
        time=timing(time, reading) if time is not None else None,
        ids=tuple(ids),
        code=concept(code, reading) if code is not None else NOTHING,
        family=family,
        given=given,
        name=name,
        entity=concept(entity_code, reading) if entity_code is not None else NOTHING,
        sex=concept(sex, reading) if sex is not None else NOTHING,
        model=text(said.get(V3 + "manufacturerModelName")),
        software=text(said.get(V3 + "softwareName")),
        organisation_ids=tuple(found for id_ in _ids(organisation) if (found := instance_id(id_)) is not None),
        organisation=_organisation(organisation),
    )


def _name(name: etree._Element | None) -> tuple[str, str, str]:
    """(family, given, whole): the whole only where a name has no parts, as things and places do."""
    if name is None:
        return "", "", ""
    family = " ".join(text(part) for part in name.iterchildren(V3 + "family"))
    given = " ".join(text(part) for part in name.iterchildren(V3 + "given"))
    return family, given, "" if family or given else text(name)


def _organisation(element: etree._Element | None) -> str:
    if element is None:
        return ""
    named = child(element, V3 + "name")
    return text(named if named is not None else child(element, V3 + "desc"))


def _ids(element: etree._Element | None) -> list[etree._Element]:
    return [] if element is None else list(element.iterchildren(V3 + "id"))
