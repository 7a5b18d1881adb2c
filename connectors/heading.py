"""The header of a clinical document as said: who wrote, signed and took part, what was done, during which stay.

The words are those of the CDA R2 header (CI-SIS, volet structuration minimale). Times, codes and names are as
written; what they mean is the business of `transforms`.
"""

from __future__ import annotations

import msgspec

from connectors.said import RawAddress, RawCode, RawId, RawName, RawTelecom, RawTime


class RawOrganisation(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """`representedOrganization` and its kin; `industry` is `standardIndustryClassCode`."""

    ids: tuple[RawId, ...] = ()
    names: tuple[str, ...] = ()
    telecoms: tuple[RawTelecom, ...] = ()
    addresses: tuple[RawAddress, ...] = ()
    industry: RawCode = RawCode()
    part_code: RawCode = RawCode()
    """`asOrganizationPartOf/code`."""
    part_of: RawOrganisation | None = None
    null: str = ""

    @property
    def name(self) -> str:
        return self.names[0] if self.names else ""


class RawPerson(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """`assignedPerson` and its kin."""

    names: tuple[RawName, ...] = ()
    null: str = ""


class RawDevice(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """`assignedAuthoringDevice`, or the device that plays a participant's role."""

    model: str = ""
    """`manufacturerModelName`."""
    software: str = ""
    """`softwareName`."""
    code: RawCode = RawCode()
    null: str = ""


class RawEntity(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """`assignedEntity`, `assignedAuthor` and their kin: a role, with the person, device or organisation in it."""

    class_code: str = ""
    ids: tuple[RawId, ...] = ()
    code: RawCode = RawCode()
    addresses: tuple[RawAddress, ...] = ()
    telecoms: tuple[RawTelecom, ...] = ()
    person: RawPerson | None = None
    device: RawDevice | None = None
    organisation: RawOrganisation | None = None
    null: str = ""


class RawParticipation(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """How somebody took part: `author`, `legalAuthenticator`, `participant`, `performer` …"""

    type_code: str = ""
    function: RawCode = RawCode()
    time: RawTime = RawTime()
    signature: str = ""
    """`signatureCode/@code`."""
    templates: tuple[RawId, ...] = ()
    entity: RawEntity = RawEntity()
    null: str = ""


class RawSubject(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """`recordTarget/patientRole`: all that is said of the patient."""

    ids: tuple[RawId, ...] = ()
    addresses: tuple[RawAddress, ...] = ()
    telecoms: tuple[RawTelecom, ...] = ()
    names: tuple[RawName, ...] = ()
    gender: RawCode = RawCode()
    birth: RawTime = RawTime()
    birth_place: RawAddress = RawAddress()
    birth_place_name: str = ""
    marital: RawCode = RawCode()
    multiple_birth: str = ""
    birth_order: str = ""
    deceased: str = ""
    deceased_time: str = ""
    guardians: tuple[RawEntity, ...] = ()
    provider: RawOrganisation | None = None


class RawAct(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """`documentationOf/serviceEvent`."""

    class_code: str = ""
    ids: tuple[RawId, ...] = ()
    code: RawCode = RawCode()
    time: RawTime = RawTime()
    status: str = ""
    """`lab:statusCode/@code`, under any spelling of its namespace."""
    templates: tuple[RawId, ...] = ()
    performers: tuple[RawParticipation, ...] = ()
    null: str = ""


class RawOrder(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """`inFulfillmentOf/order`; `accessions` are DICOM's accession numbers (PS3.20)."""

    ids: tuple[RawId, ...] = ()
    accessions: tuple[RawId, ...] = ()
    code: RawCode = RawCode()
    priority: RawCode = RawCode()


class RawRelated(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """`relatedDocument/parentDocument`."""

    type_code: str = ""
    ids: tuple[RawId, ...] = ()
    code: RawCode = RawCode()
    set_id: RawId | None = None
    version: str = ""


class RawConsent(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """`authorization/consent`."""

    ids: tuple[RawId, ...] = ()
    code: RawCode = RawCode()
    status: str = ""


class RawFacility(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """`location/healthCareFacility`."""

    ids: tuple[RawId, ...] = ()
    code: RawCode = RawCode()
    name: str = ""
    address: RawAddress = RawAddress()
    organisation: RawOrganisation | None = None


class RawEncounter(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """`componentOf/encompassingEncounter`."""

    ids: tuple[RawId, ...] = ()
    code: RawCode = RawCode()
    time: RawTime = RawTime()
    disposition: RawCode = RawCode()
    responsible: RawParticipation | None = None
    participants: tuple[RawParticipation, ...] = ()
    facility: RawFacility | None = None
    null: str = ""


class Header(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Everything before `component`. Of what can be there once, the first counts (a rule tells of the others)."""

    realm: tuple[str, ...] = ()
    type_id: RawId = RawId()
    templates: tuple[RawId, ...] = ()
    """@extension is the version of the model (`2024.01`)."""
    id: RawId = RawId()
    code: RawCode = RawCode()
    title: str = ""
    time: RawTime = RawTime()
    confidentiality: tuple[RawCode, ...] = ()
    language: str = ""
    set_id: RawId | None = None
    version: str = ""
    copied: RawTime = RawTime()
    subjects: tuple[RawSubject, ...] = ()
    authors: tuple[RawParticipation, ...] = ()
    enterer: RawParticipation | None = None
    informants: tuple[RawParticipation, ...] = ()
    custodian: RawOrganisation | None = None
    recipients: tuple[RawParticipation, ...] = ()
    legal_authenticator: RawParticipation | None = None
    authenticators: tuple[RawParticipation, ...] = ()
    participants: tuple[RawParticipation, ...] = ()
    orders: tuple[RawOrder, ...] = ()
    acts: tuple[RawAct, ...] = ()
    related: tuple[RawRelated, ...] = ()
    consents: tuple[RawConsent, ...] = ()
    encounter: RawEncounter | None = None
    nulls: tuple[tuple[str, str], ...] = ()
    """Fields of plain text that a nullFlavor stands for, with it: (`title`, `UNK`)."""
