"""People, devices and organisations as XDS writes them: XCN, XON and CX of HL7v2 (CI-SIS, annex of XDS metadata)."""

from __future__ import annotations

from connectors.heading import RawEntity, RawOrganisation
from connectors.said import RawCode, RawId
from transforms.documents import STRUCTURES

PERSONS = "1.2.250.1.71.4.2.1"
"""PS_IdNat: professionals, and the devices they answer for."""


def escaped(text: str) -> str:
    """Text with the delimiters of HL7v2 escaped (HL7 v2.5, 2.7)."""
    if not any(c in text for c in "\\^&|~"):
        return text
    for character, code in (("\\", "E"), ("^", "S"), ("&", "T"), ("|", "F"), ("~", "R")):
        text = text.replace(character, f"\\{code}\\")
    return text


def first_id(ids: tuple[RawId, ...], preferred: str = "") -> RawId | None:
    """The identifier under a preferred authority, else the first that names something."""
    said = [id_ for id_ in ids if id_.root]
    return next((id_ for id_ in said if id_.root == preferred), said[0] if said else None)


def xon(organisation: RawOrganisation | None) -> str:
    """`name^^^^^&authority&ISO^IDNST^^^id`; empty when neither name nor identifier is given."""
    if organisation is None:
        return ""
    id_ = first_id(organisation.ids, STRUCTURES)
    name = escaped(organisation.name)
    if id_ is None:
        return name
    kind = "IDNST" if id_.root == STRUCTURES else ""
    return (
        f"{name}^^^^^&{id_.root}&ISO^{kind}^^^{escaped(id_.extension)}"
        if id_.extension
        else f"{name}^^^^^^^^^{id_.root}"
    )


def xcn(entity: RawEntity) -> str:
    """`id^family^given^^^^^^&authority&ISO^D^^^IDNPS` of a person, `id^software^model…^U^^^RI` of a device.

    A national identifier with a slash is one that a structure gives to its own (`EI`).
    """
    id_ = first_id(entity.ids, PERSONS) or RawId()
    if entity.person is None and entity.device is not None:
        names, name_type, kind = (entity.device.software, entity.device.model), "U", "RI"
    else:
        name = entity.person.names[0] if entity.person is not None and entity.person.names else None
        names = (name.first("family") or name.text, name.first("given")) if name is not None else ("", "")
        name_type, kind = "D", ""
        if id_.root == PERSONS:
            kind = "EI" if "/" in id_.extension else "IDNPS"
    if not id_.root and not any(names):
        return ""
    authority = f"&{id_.root}&ISO" if id_.root else ""
    who = "^".join(escaped(part) for part in (id_.extension, *names))
    return f"{who}^^^^^^{authority}^{name_type}^^^{kind}"


def cx(id_: RawId, kind: str) -> str:
    """`value^^^&authority&ISO^type`"""
    return f"{escaped(id_.extension)}^^^&{id_.root}&ISO^{kind}"


def coded(code: RawCode) -> str:
    """`code^display^system`, as XDS writes an author's speciality."""
    return "^".join(escaped(part) for part in (code.code, code.display, code.system)) if code.code else ""
