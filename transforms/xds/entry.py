"""The XDS DocumentEntry of a CDA document: each metadata from the place in the header that the CI-SIS gives it.

What the header does not say stays empty and is listed in `missing`; a class or format that no table has is not guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from connectors.heading import Header, RawParticipation
from connectors.said import RawCode, RawId
from transforms.documents import DocumentRecord
from transforms.oids import meant
from transforms.xds.acts import begins, ended, facility, main_act, setting
from transforms.xds.models import model
from transforms.xds.parties import coded, cx, escaped, xcn, xon
from transforms.xds.tables import Model, bodies, classes, format_system, types
from transforms.xds.times import DTM, dtm

MASKS = "1.2.250.1.213.1.1.4.13"
"""TRE_A07: who may see a document; carried beside the CDA, never in it."""
ACCESSION, ORDER = "urn:ihe:iti:xds:2013:accession", "urn:ihe:iti:xds:2013:order"
"""Types of `referenceIdList` (IHE ITI TF-3, 4.2.3.2.28)."""
AVAILABILITY = {
    "current": "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved",
    "superseded": "urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated",
    "deleted": "urn:asip:ci-sis:2010:StatusType:Deleted",
}
"""availabilityStatus of a document by its state (ITI TF-3; JDV_J52 of the CI-SIS for what is deleted)."""
REQUIRED = {
    "author": "authors",
    "legalAuthenticator": "legal_authenticator",
    "classCode": "class_code",
    "typeCode": "type_code",
    "title": "title",
    "languageCode": "language_code",
    "formatCode": "format_code",
    "confidentialityCode": "confidentiality_codes",
    "creationTime": "creation_time",
    "serviceStartTime": "service_start_time",
    "healthcareFacilityTypeCode": "healthcare_facility_type_code",
    "practiceSettingCode": "practice_setting_code",
    "patientId": "patient_id",
    "sourcePatientId": "source_patient_id",
    "uniqueId": "unique_id",
    "hash": "hash",
}
"""What the CI-SIS requires of every entry and a header can say."""


class Coded(msgspec.Struct, frozen=True, omit_defaults=True):
    """A code with its system and label."""

    code: str
    system: str = ""
    display: str = ""

    def __bool__(self) -> bool:
        return bool(self.code)


NONE = Coded("")


class EntryAuthor(msgspec.Struct, frozen=True, omit_defaults=True):
    """One author: XCN, XON, roles as text, specialities as `code^display^system`."""

    person: str
    institution: str = ""
    role: str = ""
    specialty: str = ""


class DocumentEntry(msgspec.Struct, frozen=True):
    """Metadata of one document, in the words of XDS."""

    model: str
    """Name of the document's model (`tables/models.csv`); empty when unknown."""
    model_version: str
    unique_id: str
    mime_type: str
    hash: str
    """SHA-1, hex, of the bytes as sent."""
    size: int
    title: str
    language_code: str
    class_code: Coded
    type_code: Coded
    format_code: Coded
    practice_setting_code: Coded
    healthcare_facility_type_code: Coded
    event_code_list: tuple[Coded, ...]
    confidentiality_codes: tuple[Coded, ...]
    """The document's own, then the masks in force."""
    creation_time: DTM
    service_start_time: DTM
    service_stop_time: DTM
    authors: tuple[EntryAuthor, ...]
    legal_authenticator: str
    """XCN."""
    custodian: str
    """XON; no metadata of XDS, for FHIR."""
    patient_id: str
    """CX of the INS; empty without a qualified one."""
    source_patient_id: str
    source_patient_info: tuple[str, ...]
    reference_ids: tuple[str, ...]
    replaces: tuple[str, ...]
    """uniqueId of the documents that this one replaces (RPLC)."""
    missing: tuple[str, ...]
    """Required metadata that the header does not give."""
    availability_status: str = ""
    """As its state is known to be; empty for a document seen by itself."""


def document_entry(record: DocumentRecord, masks: Iterable[str] = (), status: str = "") -> DocumentEntry:
    """The entry of a CDA document; `masks` are the codes in force beside it (MASQUE_PS …), `status` its state."""
    said = record.header
    found = model_of(record)
    act = main_act(said)
    entry = DocumentEntry(
        model=found.name if found else "",
        model_version=model_version(said, found),
        unique_id=_unique(said.id),
        mime_type="application/xslt+xml" if record.self_presenting else "text/xml",
        hash=record.sha1,
        size=record.size,
        title=said.title,
        language_code=said.language,
        class_code=class_of(said.code.code, said.code.system),
        type_code=_type(said.code),
        format_code=_format(record, found),
        practice_setting_code=_coded(setting(act)),
        healthcare_facility_type_code=_coded(facility(said)),
        event_code_list=tuple(dict.fromkeys(_coded(one.code) for one in said.acts if one.code.code)),
        confidentiality_codes=(
            *(_coded(code) for code in said.confidentiality if code.code),
            *(Coded(mask, MASKS) for mask in masks),
        ),
        creation_time=dtm(said.time.value),
        service_start_time=dtm(begins(act)),
        service_stop_time=dtm(ended(act)),
        authors=tuple(one for author in said.authors if (one := _author(author)).person or one.institution),
        legal_authenticator=xcn(said.legal_authenticator.entity) if said.legal_authenticator else "",
        custodian=xon(said.custodian),
        patient_id=_patient(record),
        source_patient_id=_source_patient(record),
        source_patient_info=_patient_info(record),
        reference_ids=tuple(
            cx(id_, kind)
            for order in said.orders
            for ids, kind in ((order.ids, ORDER), (order.accessions, ACCESSION))
            for id_ in ids
            if id_.root and id_.extension
        ),
        replaces=tuple(_unique(id_) for one in said.related if one.type_code == "RPLC" for id_ in one.ids if id_.root),
        missing=(),
        availability_status=AVAILABILITY.get(status, ""),
    )
    return msgspec.structs.replace(entry, missing=tuple(_missing(entry)))


def model_of(record: DocumentRecord) -> Model | None:
    """The model that a document's templates name."""
    return model(record.templates, record.type_code)


def model_version(header: Header, found: Model | None) -> str:
    """@extension of the model's template (`2024.01`); empty when none is given."""
    if found is None:
        return ""
    return next((one.extension for one in header.templates if meant(one.root) == found.template and one.extension), "")


def class_of(code: str, system: str) -> Coded:
    """The class of a type of document; empty for a type that the table does not have."""
    kind = types().get((code, meant(system)))
    found = classes().get(kind.class_code) if kind is not None else None
    return Coded(found.code, found.system, found.label) if found is not None else NONE


def in_dmp(record: DocumentRecord) -> bool:
    """Whether the DMP takes documents of this type (JDV_J66); a type that no table has is not told twice."""
    kind = types().get((record.type_code, meant(record.type_system)))
    return kind is None or bool(kind.dmp)


def _type(code: RawCode) -> Coded:
    kind = types().get((code.code, meant(code.system)))
    return Coded(code.code, code.system, code.display or (kind.label if kind else ""))


def _format(record: DocumentRecord, found: Model | None) -> Coded:
    """By media type for a level 1 body (ASS_A12), else by model (ASS_A11)."""
    if record.format == "cda-n1":
        body = bodies().get(record.media_type.lower())
        return Coded(body.format_code, format_system(body.format_code), body.label) if body is not None else NONE
    if found is None or not found.format_code:
        return NONE
    return Coded(found.format_code, format_system(found.format_code), found.label)


def _coded(code: RawCode) -> Coded:
    return Coded(code.code, code.system, code.display)


def _unique(id_: RawId) -> str:
    return f"{id_.root}^{id_.extension}" if id_.extension else id_.root


def _author(said: RawParticipation) -> EntryAuthor:
    return EntryAuthor(
        person=xcn(said.entity),
        institution=xon(said.entity.organisation),
        role=escaped(said.function.display),
        specialty=coded(said.entity.code),
    )


def _patient(record: DocumentRecord) -> str:
    """The INS travels only when it is qualified (RNIV)."""
    patient = record.patient
    return cx(RawId(patient.oid, patient.ins), "NH") if patient.qualified else ""


def _source_patient(record: DocumentRecord) -> str:
    """The sender's own number (`PI`), else the INS again."""
    local = next((id_ for id_ in record.patient.local if id_.root), None)
    return cx(local, "PI") if local is not None else _patient(record)


def _patient_info(record: DocumentRecord) -> tuple[str, ...]:
    """The patient as its source knows them, in segments of HL7v2 (IHE ITI TF-3, sourcePatientInfo)."""
    traits, person = record.patient.traits, next(iter(record.header.subjects), None)
    used = (
        {part.kind: part.text for name in person.names for part in name.parts if "CL" in part.qualifier.split()}
        if person
        else {}
    )
    lines = [f"PID-3|{cx(id_, 'PI')}" for id_ in record.patient.local[1:] if id_.root]
    if traits.birth_family or traits.birth_given:
        lines.append(f"PID-5|{escaped(traits.birth_family)}^{escaped(traits.birth_given)}^^^^^L")
    if used:
        lines.append(f"PID-5|{escaped(used.get('family', ''))}^{escaped(used.get('given', ''))}^^^^^D")
    if traits.birth_date:
        lines.append(f"PID-7|{traits.birth_date}")
    if traits.sex:
        lines.append(f"PID-8|{traits.sex}")
    return tuple(lines)


def _missing(entry: DocumentEntry) -> Iterator[str]:
    for name, field in REQUIRED.items():
        if not getattr(entry, field):
            yield name
