"""The CDA R2 header as said: one pass over the children of ClinicalDocument.

Source of the places: CI-SIS, volet structuration minimale (template 1.2.250.1.213.1.1.1.1), and HL7 CDA R2 for what
other countries say there (C-CDA, eHDSI).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lxml import etree

from connectors.base import RawParty, RawPatient
from connectors.cda.acts import act, consent, encounter, order, related
from connectors.cda.elements import V3, any_id, first, raw_code, raw_id, raw_time, text, value
from connectors.cda.people import organisation, participation, subject
from connectors.heading import Header, RawOrganisation
from connectors.said import RawId

Reader = Callable[[etree._Element], Any]

_ONCE: dict[str, tuple[str, Reader]] = {
    V3 + "typeId": ("type_id", any_id),
    V3 + "id": ("id", any_id),
    V3 + "code": ("code", raw_code),
    V3 + "title": ("title", text),
    V3 + "effectiveTime": ("time", raw_time),
    V3 + "languageCode": ("language", lambda element: value(element, "code")),
    V3 + "setId": ("set_id", raw_id),
    V3 + "versionNumber": ("version", value),
    V3 + "copyTime": ("copied", raw_time),
    V3 + "legalAuthenticator": ("legal_authenticator", participation),
    V3 + "dataEnterer": ("enterer", participation),
}
"""What counts once: its field and its reader."""
_PLAIN = frozenset({"title", "language", "set_id", "version"})
"""Those whose reader keeps no nullFlavor."""
_MANY: dict[str, tuple[str, Reader]] = {
    V3 + "realmCode": ("realm", lambda element: value(element, "code")),
    V3 + "templateId": ("templates", any_id),
    V3 + "confidentialityCode": ("confidentiality", raw_code),
    V3 + "recordTarget": ("subjects", subject),
    V3 + "author": ("authors", participation),
    V3 + "informant": ("informants", participation),
    V3 + "informationRecipient": ("recipients", participation),
    V3 + "authenticator": ("authenticators", participation),
    V3 + "participant": ("participants", participation),
    V3 + "relatedDocument": ("related", related),
}
"""What may be there several times."""
_WITHIN: dict[str, tuple[str, str, Reader]] = {
    V3 + "inFulfillmentOf": ("orders", "order", order),
    V3 + "documentationOf": ("acts", "serviceEvent", act),
    V3 + "authorization": ("consents", "consent", consent),
}
"""What wraps one element, and may be there several times: its field, the element, its reader."""


_CUSTODIAN, _COMPONENT_OF = V3 + "custodian", V3 + "componentOf"


def header(document: etree._Element) -> Header:
    """The whole header; what stands in `component` is not looked at."""
    once: dict[str, Any] = {}
    many: dict[str, list[Any]] = {}
    nulls: list[tuple[str, str]] = []
    for child in document:
        tag = child.tag
        if tag in _MANY:
            field, read = _MANY[tag]
            if (found := read(child)) is not None:
                many.setdefault(field, []).append(found)
        elif tag in _ONCE:
            field, read = _ONCE[tag]
            if field not in once:
                once[field] = read(child)
                if field in _PLAIN and (null := child.get("nullFlavor")):
                    nulls.append((field, null))
        elif tag in _WITHIN:
            field, inner, read = _WITHIN[tag]
            if (wrapped := first(child, inner)) is not None:
                many.setdefault(field, []).append(read(wrapped))
        elif tag == _CUSTODIAN:
            kept = first(child, "assignedCustodian", "representedCustodianOrganization")
            if kept is not None:
                once.setdefault("custodian", organisation(kept))
        elif tag == _COMPONENT_OF:
            stay = first(child, "encompassingEncounter")
            if stay is not None:
                once.setdefault("encounter", encounter(stay))
    if nulls:
        once["nulls"] = tuple(nulls)
    once.update((field, tuple(found)) for field, found in many.items())
    return Header(**once)


def patient(said: Header) -> RawPatient:
    """The patient: all ids, and the traits by @qualifier, never by the position of a `given`."""
    if not said.subjects:
        return RawPatient()
    person = said.subjects[0]
    parts: dict[tuple[str, str], str] = {}
    for name in person.names:
        for part in name.parts:
            for qualifier in part.qualifier.split() or ("",):
                parts.setdefault((part.kind, qualifier), part.text)
    return RawPatient(
        ids=named(person.ids),
        birth_family=parts.get(("family", "BR"), ""),
        used_family=parts.get(("family", "CL"), parts.get(("family", ""), "")),
        birth_given=parts.get(("given", "BR"), ""),
        used_given=parts.get(("given", "CL"), ""),
        birth_givens=parts.get(("given", ""), ""),
        birth_date=person.birth.value,
        sex=person.gender.code,
        birth_place=next((part.text for part in person.birth_place.parts if part.kind == "county"), ""),
    )


def named(ids: tuple[RawId, ...]) -> tuple[RawId, ...]:
    """The identifiers that name something: those with a root and without a nullFlavor."""
    return tuple(RawId(id_.root, id_.extension) for id_ in ids if id_.root)


def party(said: RawOrganisation | None) -> RawParty:
    """An organisation by its first identifier and its name."""
    if said is None:
        return RawParty()
    return RawParty(id=next(iter(named(said.ids)), RawId()), name=said.name)


def author(said: Header) -> RawParty:
    """The first author, by the first identifier."""
    ids = named(said.authors[0].entity.ids) if said.authors else ()
    return RawParty(id=next(iter(ids), RawId()))


def author_organisation(said: Header) -> RawParty:
    """The first organisation of an author that is identified, else the first that is named at all."""
    found = [party(one.entity.organisation) for one in said.authors if one.entity.organisation is not None]
    return next((one for one in found if one.id.root), found[0] if found else RawParty())


def replaced(said: Header) -> tuple[RawId, ...]:
    """Ids of the documents this one says it replaces (relatedDocument, typeCode RPLC)."""
    return tuple(id_ for one in said.related if one.type_code == "RPLC" for id_ in named(one.ids))
