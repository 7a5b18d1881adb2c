"""METADATA.XML of an XDM archive: the ebRIM registry objects read into a submission set and its document entries.

Read by local names and by the UUIDs of the schemes (IHE ITI TF-3, 4.2), from the children of each object: French tools
write a wrong `classifiedObject`, and a HasMember association whose target is nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from lxml import etree

from connectors.base import RawCode, RawId, RawPatient
from connectors.cda.xml import Malformed, parse
from connectors.submissions import DocumentEntry, SubmissionSet

LARGEST = 16 << 20
"""Bytes of a METADATA.XML; one entry takes some 10 KB."""

_SET_AUTHOR = "urn:uuid:a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d"
_SET_CONTENT_TYPE = "urn:uuid:aa543740-bdda-424e-8c96-df4873be8500"
_SET_PATIENT = "urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446"
_SET_SOURCE = "urn:uuid:554ac39e-e3fe-47fe-b233-965d2a147832"
_SET_UNIQUE = "urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8"
_AUTHOR = "urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d"
_CLASS = "urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a"
_CONFIDENTIALITY = "urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f"
_EVENT = "urn:uuid:2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4"
_FORMAT = "urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d"
_FACILITY = "urn:uuid:f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1"
_PRACTICE = "urn:uuid:cccf5598-8b07-4b77-a05e-ae952c785ead"
_TYPE = "urn:uuid:f0306f51-975f-434e-a61c-c59651d33983"
_PATIENT = "urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427"
_UNIQUE = "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab"

_ACTION = "urn:action:extraMetadataSlot"
_REPLACING = ("RPLC", "XFRM_RPLC")


class Submission(msgspec.Struct, frozen=True):
    """What one METADATA.XML says."""

    set: SubmissionSet
    entries: tuple[DocumentEntry, ...]


def read_metadata(data: bytes) -> Submission | Malformed:
    """The submission that these bytes describe; `Malformed` when they are no XML, or describe none."""
    root = parse(data)
    if isinstance(root, Malformed):
        return root
    objects = list(_named(root, "ExtrinsicObject"))
    packages = list(_named(root, "RegistryPackage"))
    if not objects and not packages:
        return Malformed("METADATA_UNREADABLE")
    package = next((p for p in packages if _SET_UNIQUE in _identifiers(p)), packages[0] if packages else None)
    entries = [_entry(found) for found in objects]
    known = {entry.entry_uuid: entry.unique_id for entry in entries if entry.entry_uuid}
    replaced = _replaced(root, known)
    return Submission(
        set=SubmissionSet() if package is None else _set(package),
        entries=tuple(
            msgspec.structs.replace(entry, replaces=tuple(replaced.get(entry.entry_uuid, ()))) for entry in entries
        ),
    )


def _set(package: etree._Element) -> SubmissionSet:
    slots, ids, codes = _slots(package), _identifiers(package), _classifications(package)
    institutions, persons = _authors(codes.get(_SET_AUTHOR, []))
    return SubmissionSet(
        entry_uuid=package.get("id", ""),
        unique_id=ids.get(_SET_UNIQUE, ""),
        source_id=ids.get(_SET_SOURCE, ""),
        patient=RawPatient(ids=_cx(ids.get(_SET_PATIENT, ""))),
        content_type=_code(codes, _SET_CONTENT_TYPE),
        submitted=_one(slots, "submissionTime"),
        title=_name(package),
        author_institutions=institutions,
        author_persons=persons,
    )


def _entry(found: etree._Element) -> DocumentEntry:
    slots, ids, codes = _slots(found), _identifiers(found), _classifications(found)
    institutions, persons = _authors(codes.get(_AUTHOR, []))
    root, _, extension = ids.get(_UNIQUE, "").partition("^")
    return DocumentEntry(
        entry_uuid=found.get("id", ""),
        unique_id=RawId(root, extension),
        patient=_patient(ids.get(_PATIENT, ""), _one(slots, "sourcePatientId"), slots.get("sourcePatientInfo", [])),
        uri=_one(slots, "URI"),
        hash=_one(slots, "hash"),
        size=_one(slots, "size"),
        mime_type=found.get("mimeType", ""),
        status=found.get("status", "").rpartition(":")[2],
        class_code=_code(codes, _CLASS),
        type_code=_code(codes, _TYPE),
        format_code=_code(codes, _FORMAT),
        facility=_code(codes, _FACILITY),
        practice=_code(codes, _PRACTICE),
        events=tuple(map(_coded, codes.get(_EVENT, []))),
        confidentiality=tuple(map(_coded, codes.get(_CONFIDENTIALITY, []))),
        created=_one(slots, "creationTime"),
        service_start=_one(slots, "serviceStartTime"),
        service_stop=_one(slots, "serviceStopTime"),
        title=_name(found),
        language=_one(slots, "languageCode"),
        author_institutions=institutions,
        author_persons=persons,
        legal_authenticator=_one(slots, "legalAuthenticator"),
        action=_one(slots, _ACTION),
    )


def _patient(patient_id: str, source_id: str, lines: list[str]) -> RawPatient:
    """One patient out of patientId, sourcePatientId and the PID fields of sourcePatientInfo (ITI TF-3, 4.2.3.2.23)."""
    fields: dict[str, list[str]] = {}
    for line in lines:
        name, _, said = line.partition("|")
        fields.setdefault(name.strip().upper(), []).append(said.strip())
    names = [[*(part.strip() for part in name.split("^")), *[""] * 7][:7] for name in fields.get("PID-5", [])]
    birth = next((name for name in names if name[6] == "L"), [""] * 7)
    used = next((name for name in names if name[6] != "L"), [""] * 7)
    ids = (*_cx(patient_id), *_cx(source_id), *(one for said in fields.get("PID-3", []) for one in _cx(said)))
    return RawPatient(
        ids=tuple(dict.fromkeys(ids)),
        birth_family=birth[0],
        birth_given=birth[1],
        used_family=used[0],
        used_given=used[1],
        birth_date=next(iter(fields.get("PID-7", [])), ""),
        sex=next(iter(fields.get("PID-8", [])), ""),
    )


def _cx(text: str) -> tuple[RawId, ...]:
    """`value^^^&oid&ISO^NH`, whose ampersands some tools escape twice; nothing when there is no value."""
    parts = [*(part.strip() for part in text.replace("&amp;", "&").split("^")), *[""] * 5]
    authority = [*parts[3].split("&"), "", ""]
    return (RawId(root=authority[1] or authority[0], extension=parts[0], kind=parts[4]),) if parts[0] else ()


def _replaced(root: etree._Element, known: dict[str, RawId]) -> dict[str, list[RawId]]:
    """What each entry, by its UUID, is said to replace: a uniqueId, or a UUID of entries that are elsewhere."""
    found: dict[str, list[RawId]] = {}
    for association in _named(root, "Association"):
        if association.get("associationType", "").rpartition(":")[2] in _REPLACING:
            target = association.get("targetObject", "").strip()
            oid, _, extension = target.partition("^")
            named = known.get(target) or RawId(oid, extension)
            found.setdefault(association.get("sourceObject", ""), []).append(named)
    return found


def _named(root: etree._Element, name: str) -> Iterator[etree._Element]:
    """Elements of a local name, whatever their namespace: that of ebRIM 3.0, of 2.1, or of a careless tool."""
    return root.iter(f"{{*}}{name}")


def _slots(parent: etree._Element) -> dict[str, list[str]]:
    return {
        slot.get("name", ""): [text for value in _named(slot, "Value") if (text := (value.text or "").strip())]
        for slot in parent.iterchildren("{*}Slot")
    }


def _one(slots: dict[str, list[str]], name: str) -> str:
    return next(iter(slots.get(name, [])), "")


def _identifiers(parent: etree._Element) -> dict[str, str]:
    return {
        found.get("identificationScheme", "").lower(): found.get("value", "").strip()
        for found in parent.iterchildren("{*}ExternalIdentifier")
    }


def _classifications(parent: etree._Element) -> dict[str, list[etree._Element]]:
    found: dict[str, list[etree._Element]] = {}
    for one in parent.iterchildren("{*}Classification"):
        found.setdefault(one.get("classificationScheme", "").lower(), []).append(one)
    return found


def _code(codes: dict[str, list[etree._Element]], scheme: str) -> RawCode:
    return next(map(_coded, codes.get(scheme, [])), RawCode())


def _coded(found: etree._Element) -> RawCode:
    system = _one(_slots(found), "codingScheme")
    return RawCode(code=found.get("nodeRepresentation", "").strip(), system=system, display=_name(found))


def _authors(found: list[etree._Element]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    slots = [_slots(one) for one in found]
    institutions = (text for one in slots for text in one.get("authorInstitution", []))
    persons = (text for one in slots for text in one.get("authorPerson", []))
    return tuple(institutions), tuple(persons)


def _name(parent: etree._Element) -> str:
    strings = (text for name in parent.iterchildren("{*}Name") for text in name.iterchildren("{*}LocalizedString"))
    return next((" ".join(text.get("value", "").split()) for text in strings), "")
