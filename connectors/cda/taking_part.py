"""Who and what takes part in a statement: performer, author, informant, participant, subject, as said."""

from __future__ import annotations

from typing import Literal, TypeAlias

from lxml import etree

from connectors.cda.datatypes import V3, Reading, concept, instance_id, timing
from connectors.cda.elements import child
from connectors.statements import NOTHING, Participation

Part: TypeAlias = Literal["performer", "author", "informant", "participant", "subject"]
TAKING_PART: dict[str, Part] = {
    V3 + "performer": "performer",
    V3 + "author": "author",
    V3 + "informant": "informant",
    V3 + "participant": "participant",
    V3 + "subject": "subject",
}
_ROLES = tuple(
    V3 + name for name in ("assignedEntity", "assignedAuthor", "participantRole", "relatedEntity", "relatedSubject")
)
_ENTITIES = tuple(
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
_ORGANISATIONS = (V3 + "representedOrganization", V3 + "scopingEntity")


def participation(kind: Part, element: etree._Element, reading: Reading) -> Participation:
    """One participation: its role, the person or thing that plays it, and the organisation behind."""
    role = _child(element, _ROLES)
    if role is None:
        return Participation(kind=kind, type_code=element.get("typeCode") or "")
    entity, organisation = _child(role, _ENTITIES), _child(role, _ORGANISATIONS)
    time, function, code = child(element, V3 + "time"), child(element, V3 + "functionCode"), child(role, V3 + "code")
    entity_code = child(entity, V3 + "code") if entity is not None else None
    sex = child(entity, V3 + "administrativeGenderCode") if entity is not None else None
    family, given, name = _name(child(entity, V3 + "name") if entity is not None else None)
    return Participation(
        kind=kind,
        type_code=element.get("typeCode") or "",
        role_class=role.get("classCode") or "",
        function=concept(function, reading) if function is not None else NOTHING,
        time=timing(time, reading) if time is not None else None,
        ids=tuple(found for id_ in role.iterchildren(V3 + "id") if (found := instance_id(id_)) is not None),
        code=concept(code, reading) if code is not None else NOTHING,
        family=family,
        given=given,
        name=name,
        entity=concept(entity_code, reading) if entity_code is not None else NOTHING,
        sex=concept(sex, reading) if sex is not None else NOTHING,
        model=_text(child(entity, V3 + "manufacturerModelName")) if entity is not None else "",
        software=_text(child(entity, V3 + "softwareName")) if entity is not None else "",
        organisation_ids=tuple(found for id_ in _ids(organisation) if (found := instance_id(id_)) is not None),
        organisation=_organisation(organisation),
    )


def _name(name: etree._Element | None) -> tuple[str, str, str]:
    """(family, given, whole): the whole only where a name has no parts, as things and places do."""
    if name is None:
        return "", "", ""
    family = " ".join(_text(part) for part in name.iterchildren(V3 + "family"))
    given = " ".join(_text(part) for part in name.iterchildren(V3 + "given"))
    return family, given, "" if family or given else _text(name)


def _organisation(element: etree._Element | None) -> str:
    if element is None:
        return ""
    named = child(element, V3 + "name")
    return _text(named if named is not None else child(element, V3 + "desc"))


def _ids(element: etree._Element | None) -> list[etree._Element]:
    return [] if element is None else list(element.iterchildren(V3 + "id"))


def _child(element: etree._Element, tags: tuple[str, ...]) -> etree._Element | None:
    return next((one for one in element if one.tag in tags), None)


def _text(element: etree._Element | None) -> str:
    return "" if element is None else " ".join("".join(map(str, element.itertext())).split())
