"""The CDA R2 header as said: one pass over the children of ClinicalDocument.

Source of the places: CI-SIS, volet structuration minimale (template 1.2.250.1.213.1.1.1.1). Only direct children
are followed, never `//`: a nested `id` or `code` belongs to something else.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from connectors.base import RawCode, RawId, RawParty, RawPatient

V3 = "{urn:hl7-org:v3}"
ROOT = f"{V3}ClinicalDocument"


def children(element: etree._Element | None, *path: str) -> Iterator[etree._Element]:
    """Descendants of `element` along a path of local names in the CDA namespace, in document order."""
    if element is None:
        return
    if not path:
        yield element
        return
    for child in element.iterchildren(V3 + path[0]):
        yield from children(child, *path[1:])


def first(element: etree._Element | None, *path: str) -> etree._Element | None:
    return next(children(element, *path), None)


def text(element: etree._Element | None) -> str:
    """All text below an element, white space folded."""
    return "" if element is None else " ".join("".join(map(str, element.itertext())).split())


def value(element: etree._Element | None, attribute: str = "value") -> str:
    return "" if element is None else (element.get(attribute) or "").strip()


def raw_id(element: etree._Element | None) -> RawId | None:
    """An `II`; None when absent or without @root (a nullFlavor names nothing)."""
    root = value(element, "root")
    return RawId(root=root, extension=value(element, "extension")) if root else None


def raw_code(element: etree._Element | None) -> RawCode:
    if element is None:
        return RawCode()
    return RawCode(
        code=value(element, "code"),
        system=value(element, "codeSystem"),
        display=value(element, "displayName"),
        alternatives=tuple(raw_code(translation) for translation in children(element, "translation")),
    )


def patient(document: etree._Element) -> RawPatient:
    """recordTarget: all ids, and the traits by @qualifier, never by the position of a `given`."""
    role = first(document, "recordTarget", "patientRole")
    person = first(role, "patient")
    parts: dict[tuple[str, str | None], str] = {}
    for name in children(person, "name"):
        for part in name.iterchildren(V3 + "family", V3 + "given"):
            parts.setdefault((etree.QName(part).localname, part.get("qualifier")), text(part))
    return RawPatient(
        ids=tuple(id_ for element in children(role, "id") if (id_ := raw_id(element)) is not None),
        birth_family=parts.get(("family", "BR"), ""),
        used_family=parts.get(("family", "CL"), parts.get(("family", None), "")),
        birth_given=parts.get(("given", "BR"), ""),
        used_given=parts.get(("given", "CL"), ""),
        birth_givens=parts.get(("given", None), ""),
        birth_date=value(first(person, "birthTime")),
        sex=value(first(person, "administrativeGenderCode"), "code"),
        birth_place=text(first(person, "birthplace", "place", "addr", "county")),
    )


def party(element: etree._Element | None) -> RawParty:
    """An organisation or a person: its first identifier and its name."""
    id_ = next((found for child in children(element, "id") if (found := raw_id(child)) is not None), RawId())
    return RawParty(id=id_, name=text(first(element, "name")))


def author(document: etree._Element) -> tuple[RawParty, RawParty]:
    """The first author and the first author organisation that is identified."""
    assigned = [*children(document, "author", "assignedAuthor")]
    organisations = [party(found) for role in assigned for found in children(role, "representedOrganization")]
    identified = next((o for o in organisations if o.id.root), organisations[0] if organisations else RawParty())
    return (party(assigned[0]) if assigned else RawParty()), identified


def replaced(document: etree._Element) -> tuple[RawId, ...]:
    """Ids of the documents this one says it replaces (relatedDocument, typeCode RPLC)."""
    return tuple(
        id_
        for related in children(document, "relatedDocument")
        if related.get("typeCode") == "RPLC"
        for element in children(related, "parentDocument", "id")
        if (id_ := raw_id(element)) is not None
    )
