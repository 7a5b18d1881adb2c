"""One document: its Composition, its DocumentReference (PDSm), and the resources of its content.

`status` is the document's in the record, `masks` those in force: they are not in the CDA. The DocumentReference is of
the national profile as far as a header says what it requires; nothing is made up to fill it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Final

import msgspec

from connectors.heading import Header, RawEncounter, RawParticipation
from connectors.said import RawId
from transforms.content import model
from transforms.content.model import When
from transforms.documents import DocumentRecord, normalised_id
from transforms.fhir import medicines, people, problems, results
from transforms.fhir.clinical import Project, Scope, project
from transforms.fhir.pool import Pool
from transforms.fhir.values import (
    Json,
    coding,
    date_time,
    identifier,
    nothing_said,
    period,
    raw_codeable,
    system_uri,
)
from transforms.moments import parse_ts
from transforms.terminology.maps import NO_MAP, SenderMap
from transforms.xds.entry import Coded, document_entry
from transforms.xds.times import DTM

STATUSES: Final = {"current": "current", "superseded": "superseded"}
"""Status of a document to DocumentReferenceStatus; a deleted or withdrawn one was entered in error (PDSm for DMP)."""
PROFESSIONALS: Final = frozenset(("Practitioner", "PractitionerRole"))
PARTICIPATION: Final = "2.16.840.1.113883.5.90"
"""HL7 ParticipationType, the codes of @typeCode."""
PROJECTORS: Final[Mapping[type, Project]] = {
    model.Observation: results.observation,
    model.Report: results.report,
    model.Media: results.media,
    model.Medication: medicines.medication,
    model.Immunization: medicines.immunization,
    model.Condition: problems.condition,
    model.Allergy: problems.allergy,
    model.Procedure: problems.procedure,
    model.Device: problems.device,
    model.Encounter: problems.encounter,
    model.FamilyMember: problems.relative,
    model.Other: problems.group,
}


class Filed(msgspec.Struct, frozen=True):
    """A document as it stands in the record: its state, the masks in force, and whose record it is."""

    record: DocumentRecord
    status: str = "current"
    masks: tuple[str, ...] = ()
    maps: SenderMap = NO_MAP
    """What the sender's own codes mean."""


def document(pool: Pool, filed: Filed, subject: Json) -> Json:
    """The resources of a document; the reference to its Composition."""
    record, said = filed.record, filed.record.header
    key = f"{record.document_id}|{record.digest}"
    authors = _authors(pool, said.authors, key)
    encounter = _encounter(pool, said, subject, key)
    author = authors[0] if len(authors) == 1 else None
    scope = Scope(pool, PROJECTORS, key, subject, record.created, author, bool(record.replaces), encounter)
    scope = msgspec.structs.replace(scope, copies=_copies(record))
    sections = _sections(record, scope)
    composition: Json = {
        "resourceType": "Composition",
        "language": record.language or None,
        "identifier": identifier(said.set_id) if said.set_id else _own_id(record),
        "status": "amended" if record.replaces else "final",
        "type": raw_codeable(said.code) or ({"text": record.title} if record.title else nothing_said()),
        "subject": subject,
        "encounter": encounter,
        "author": authors or [nothing_said()],
        "title": record.title or said.code.display or record.type_code,
        "confidentiality": record.confidentiality if record.confidentiality in CONFIDENTIALITIES else None,
        "attester": _attesters(pool, said, key),
        "custodian": people.organisation(pool, said.custodian, f"{key}|custodian"),
        "relatesTo": [
            {"code": "replaces", "targetIdentifier": found}
            for one in said.related
            if one.type_code == "RPLC"
            for id_ in one.ids
            if (found := identifier(id_))
        ],
        "event": _events(said),
        "section": sections,
    }
    composition |= _required_date("date", record.created)
    if not composition["title"]:
        composition["_title"] = nothing_said()
    kept = {name: value for name, value in composition.items() if value not in (None, "", [], {})}
    return pool.add(f"composition|{key}", kept)


def document_reference(pool: Pool, filed: Filed, subject: Json, url: str = "") -> Json:
    """The entry of a document (PDSm, from its XDS metadata). `url` is where its bytes are, when they are anywhere."""
    record, said = filed.record, filed.record.header
    key = f"{record.document_id}|{record.digest}"
    entry = document_entry(record, filed.masks)
    attachment: Json = {
        "contentType": entry.mime_type,
        "language": entry.language_code,
        "url": url,
        "size": entry.size,
        "hash": base64.b64encode(bytes.fromhex(entry.hash)).decode() if entry.hash else "",
        "title": entry.title,
    } | date_time("creation", record.created)
    act = When(start=_iso(entry.service_start_time), end=_iso(entry.service_stop_time))
    context = {
        "encounter": [found] if (found := _encounter(pool, said, subject, key)) else [],
        "event": _concepts(*entry.event_code_list),
        "period": period(act),
        "facilityType": _concept(entry.healthcare_facility_type_code),
        "practiceSetting": _concept(entry.practice_setting_code),
        "sourcePatientInfo": subject,
    }
    content: Json = {"attachment": _said(attachment)}
    if entry.format_code:
        content["format"] = coding(entry.format_code.code, entry.format_code.system, entry.format_code.display)
    resource: Json = {
        "resourceType": "DocumentReference",
        "masterIdentifier": _own_id(record),
        "identifier": [own] if (own := _own_id(record)) else [],
        "status": STATUSES.get(filed.status, "entered-in-error"),
        "docStatus": "amended" if record.replaces else "final",
        "type": _concept(entry.type_code),
        "category": _concepts(entry.class_code),
        "subject": subject,
        "author": _authors(pool, said.authors, key),
        "authenticator": _signer(pool, said.legal_authenticator, f"{key}|legal"),
        "custodian": people.organisation(pool, said.custodian, f"{key}|custodian"),
        "relatesTo": [
            {"code": "replaces", "target": {"type": "DocumentReference", "identifier": found}}
            for unique in entry.replaces
            if (found := _unique(unique))
        ],
        "securityLabel": _concepts(*entry.confidentiality_codes),
        "content": [content],
        "context": _said(context),
    }
    created = record.created
    if "T" in created and record.created_zone == "source":
        resource |= date_time("date", created)
    return pool.add(f"reference|{key}", _said(resource))


def _copies(record: DocumentRecord) -> tuple[Json, ...]:
    """The copies of the document inside it: what they are and how big; R4 wants SHA-1 there, which we do not have."""
    return tuple(
        _said({"contentType": one.media_type, "size": one.size, "title": one.label or one.section_title})
        for one in record.attached
        if one.kind == "copy" and one.media_type and not one.state
    )


def _sections(record: DocumentRecord, scope: Scope) -> list[Json]:
    """Sections, nested as they are in the document; each refers to the resources of its entries."""
    facts: dict[int, list[Json]] = {}
    for fact in record.content.facts:
        number = int(fact.path.partition("/")[0])
        found = project(fact, scope)
        own = [found] if found is not None else []
        facts.setdefault(number, []).extend([*own, *scope.loose])
        scope.loose.clear()
    whole: Json = {"section": []}
    around: list[tuple[int, Json]] = [(-1, whole)]
    for number, said in enumerate(record.narrative, 1):
        entries = list({one["reference"]: one for one in facts.get(number, [])}.values())
        section: Json = {
            "title": said.title or said.code.display,
            "code": raw_codeable(said.code),
            "text": {"status": "generated", "div": said.html} if said.html else None,
            "entry": [{"reference": one["reference"]} for one in entries],
        }
        while around[-1][0] >= said.depth:
            around.pop()
        kept = _said(section)
        around[-1][1].setdefault("section", []).append(kept)
        around.append((said.depth, kept))
    return _filled(whole["section"])


def _filled(sections: list[Json]) -> list[Json]:
    """Those sections that say something, themselves or in a section they hold (R4, cmp-1)."""
    found = []
    for section in sections:
        inner = _filled(section.pop("section", []))
        if inner:
            section["section"] = inner
        if inner or "text" in section or "entry" in section:
            found.append(section)
    return found


def _encounter(pool: Pool, said: Header, subject: Json, key: str) -> Json | None:
    """The stay that the document belongs to (componentOf)."""
    stay = said.encounter
    if stay is None or stay.null:
        return None
    start, end = parse_ts(stay.time.low or stay.time.value), parse_ts(stay.time.high)
    spell = When(start=start.iso if start else "", end=end.iso if end else "")
    facility = stay.facility
    place = {
        "status": "finished" if spell.end else "unknown",
        "class": coding(stay.code.code, stay.code.system, stay.code.display) if stay.code.code else nothing_said(),
    }
    resource: Json = {
        "resourceType": "Encounter",
        "identifier": [found for id_ in stay.ids if (found := identifier(id_))],
        **place,
        "subject": subject,
        "participant": _taking_part(pool, stay, key),
        "period": period(spell),
        "location": [{"location": found}] if (found := people.place(pool, facility, f"{key}|facility")) else [],
        "serviceProvider": people.organisation(pool, facility.organisation, f"{key}|facility") if facility else None,
    }
    ids = next((normalised_id(id_) for id_ in stay.ids if id_.root and id_.extension), "")
    return pool.add(f"encounter|{ids or key}", _said(resource))


def _taking_part(pool: Pool, stay: RawEncounter, key: str) -> list[Json]:
    """Those in charge of a stay and those who took part in it, each in the role that the header says."""
    said = [*stay.participants, *([stay.responsible] if stay.responsible is not None else [])]
    found = []
    for number, one in enumerate(said):
        individual = people.professional(pool, one.entity, f"{key}|stay {number}")
        if individual is None or pool.resource(individual)["resourceType"] not in PROFESSIONALS:
            continue
        type_code = one.type_code or ("RESP" if one is stay.responsible else "")
        kind = [{"coding": [coding(type_code, PARTICIPATION)]}] if type_code else []
        found.append(_said({"type": kind, "individual": individual}))
    return found


def _authors(pool: Pool, authors: tuple[RawParticipation, ...], key: str) -> list[Json]:
    found = (people.professional(pool, said.entity, f"{key}|author {n}") for n, said in enumerate(authors))
    return list({one["reference"]: one for one in found if one is not None}.values())


def _attesters(pool: Pool, said: Header, key: str) -> list[Json]:
    found = []
    signed = [("legal", said.legal_authenticator), *(("professional", one) for one in said.authenticators)]
    for number, (mode, one) in enumerate(signed):
        if one is not None and one.entity.device is not None:
            continue
        party = _one(pool, one, f"{key}|legal" if mode == "legal" else f"{key}|attester {number}")
        if one is not None and party is not None:
            when = parse_ts(one.time.value or one.time.high or one.time.low)
            found.append({"mode": mode, "party": party} | (date_time("time", when.iso) if when else {}))
    return found


def _one(pool: Pool, said: RawParticipation | None, place: str) -> Json | None:
    return people.professional(pool, said.entity, place) if said is not None else None


def _signer(pool: Pool, said: RawParticipation | None, place: str) -> Json | None:
    """Who signs: R4 has no device there, nor the patient."""
    if said is None or said.entity.device is not None:
        return None
    found = _one(pool, said, place)
    return found if found is not None and found != pool.subject else None


def _events(said: Header) -> list[Json]:
    found = []
    for act in said.acts:
        start, end = parse_ts(act.time.low or act.time.value), parse_ts(act.time.high)
        spell = period(When(start=start.iso if start else "", end=end.iso if end else ""))
        event = _said({"code": [code] if (code := raw_codeable(act.code)) else [], "period": spell})
        if event:
            found.append(event)
    return found


def _own_id(record: DocumentRecord) -> Json | None:
    said = record.header.id
    found = identifier(RawId(said.root, said.extension)) if said.root else None
    return found or ({"value": record.document_id} if record.document_id else None)


def _unique(said: str) -> Json | None:
    root, _, extension = said.partition("^")
    return identifier(RawId(root, extension))


def _concept(said: Coded) -> Json | None:
    if not said.code:
        return None
    one = {"system": said.system if "/" in said.system else system_uri(said.system), "code": said.code}
    return {"coding": [_said(one | {"display": said.display})]}


def _concepts(*said: Coded) -> list[Json]:
    return [found for one in said if (found := _concept(one)) is not None]


def _iso(time: DTM) -> str:
    found = parse_ts(time.said)
    return found.iso if found else ""


def _required_date(name: str, iso: str) -> Json:
    return date_time(name, iso) or {f"_{name}": nothing_said()}


def _said(resource: Json) -> Json:
    return {name: value for name, value in resource.items() if value not in (None, "", [], {})}


CONFIDENTIALITIES: Final = frozenset({"U", "L", "M", "N", "R", "V"})
