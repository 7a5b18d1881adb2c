"""What a DocumentEntry means for the document it vouches for: whose it is, what to do with it, who may see it.

Sources: CI-SIS, volet partage de documents (XDS metadata and the CDA header they are taken from); MSSanté, the action
metadata of an XDM. Where both say something they must agree: on the patient, the id and the action always. What else
differs is told, and the document counts; a stricter confidentiality is never lost.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Final, get_args
from zoneinfo import ZoneInfo

import msgspec

from connectors.base import Document, RawCode, RawId, RawPatient
from connectors.hl7.flags import canonical
from connectors.hl7.ids import same_document
from connectors.submissions import DocumentEntry, Submitted
from transforms.actions import Action, submitted_action
from transforms.documents import DocumentRecord, normalised_id
from transforms.facts import Flag
from transforms.identity import AUTHORITIES, Patient, same_person, understand
from transforms.moments import ordering, parse_ts
from transforms.xds.entry import MASKS, document_entry

UTC: Final = ZoneInfo("UTC")
_STRICTNESS: Final = ("U", "L", "M", "N", "R", "V")
"""HL7 Confidentiality, from open to very restricted."""
_FLAGS: Final[tuple[Flag, ...]] = get_args(Flag)


class Vouched(msgspec.Struct, frozen=True):
    """What an entry says to do with its document."""

    action: Action
    patient: Patient
    """The document's, with the INS of the metadata where the document names none."""
    flags: tuple[Flag, ...] = ()
    sent_at: str = ""
    findings: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()
    """Metadata that say something else than the document, by their names in the norm."""


class Contradiction(msgspec.Struct, frozen=True):
    """Why a document is not taken under its metadata: a code, and what was expected."""

    code: str
    expected: str


def vouched(found: Submitted, document: Document, record: DocumentRecord) -> Vouched | Contradiction:
    """An entry compared with the document it vouches for."""
    entry = found.entry
    named = _patient(found)
    if named is None or not same_person(named, record.patient):
        return Contradiction("PATIENT_MISMATCH", "patientId and recordTarget that agree")
    if entry.unique_id.root and not _same_id(entry.unique_id, document.id):
        return Contradiction("METADATA_ID_DIFFERS", "uniqueId = ClinicalDocument/id")
    action = submitted_action(
        entry.action, replaces=bool(entry.replaces), has_replaced=bool(record.replaces), version=record.version
    )
    if action is None:
        return Contradiction("METADATA_ACTION_INCONSISTENT", "no action, C with relatedDocument, or D without RPLC")
    flags = _masks(entry)
    if flags is None:
        return Contradiction("PRIVACY_CODE_UNKNOWN", "confidentialityCode: N, R, V, " + ", ".join(_FLAGS))
    if _stricter(entry, record.confidentiality):
        return Contradiction("CONFIDENTIALITY_DIFFERS", "confidentialityCode = ClinicalDocument/confidentialityCode")
    differing = _differing(entry, record)
    findings = ("METADATA_DIFFERS",) if differing else ()
    if _incomplete(entry):
        findings = (*findings, "METADATA_INCOMPLETE")
    return Vouched(
        action=action,
        patient=_completed(record.patient, named, document.patient),
        flags=flags,
        sent_at=ordering(parse_ts(found.submission.submitted), UTC),
        findings=findings,
        differing=differing,
    )


def bytes_agree(entry: DocumentEntry, sha1: str, size: int) -> bool:
    """Whether a document is what the entry vouches for, byte for byte. The SHA-1 decides; without one, the size must be
    right. The hash is hexadecimal in XDS and base64 in FHIR; both are read."""
    if not entry.hash:
        return not entry.size or entry.size == str(size)
    return entry.hash.lower() == sha1 or entry.hash == base64.b64encode(bytes.fromhex(sha1)).decode()


def _patient(found: Submitted) -> Patient | None:
    """The patient of the entry; None when the submission itself names another."""
    named = understand(found.entry.patient, from_cda=True)
    whole = understand(found.submission.patient, from_cda=True)
    return named if same_person(whole, named) else None


def _completed(patient: Patient, named: Patient, raw: RawPatient) -> Patient:
    """The document's patient, with the INS of the metadata when the document names none and nothing is in doubt: both
    give birth date, sex and birth name, and give the same."""
    ids = [one for one in raw.ids if one.root in AUTHORITIES]
    traits = patient.traits.compared()
    if patient.ins or ids or not named.ins or not all(traits) or traits != named.traits.compared():
        return patient
    return understand(msgspec.structs.replace(raw, ids=(*raw.ids, RawId(named.oid, named.ins))), from_cda=True)


def _same_id(one: RawId, other: RawId) -> bool:
    return same_document(one, other) or normalised_id(one) == normalised_id(other)


def _masks(entry: DocumentEntry) -> tuple[Flag, ...] | None:
    """The masks among the confidentiality codes; None for a code that nobody here knows how to respect."""
    said = set()
    for code in entry.confidentiality:
        flag = canonical(code.code)
        if flag in _FLAGS:
            said.add(flag)
        elif code.system == MASKS or code.code not in _STRICTNESS:
            return None
    return tuple(flag for flag in _FLAGS if flag in said)


def _stricter(entry: DocumentEntry, confidentiality: str) -> bool:
    """Whether the metadata are stricter than the document says of itself."""
    levels = [_STRICTNESS.index(code.code) for code in _levels(entry)]
    own = _STRICTNESS.index(confidentiality if confidentiality in _STRICTNESS else "N")
    return bool(levels) and max(levels) > own


def _differing(entry: DocumentEntry, record: DocumentRecord) -> tuple[str, ...]:
    """Metadata that say something else than what the header gives; where either is silent, nothing differs."""
    own = document_entry(record)
    pairs = (
        ("mimeType", entry.mime_type.lower(), own.mime_type),
        ("size", entry.size, str(own.size)),
        ("title", _folded(entry.title), _folded(own.title)),
        ("languageCode", entry.language.lower(), own.language_code.lower()),
        ("classCode", entry.class_code.code, own.class_code.code),
        ("typeCode", entry.type_code.code, own.type_code.code),
        ("formatCode", entry.format_code.code, own.format_code.code),
        ("practiceSettingCode", entry.practice.code, own.practice_setting_code.code),
        ("healthcareFacilityTypeCode", entry.facility.code, own.healthcare_facility_type_code.code),
        ("eventCodeList", _codes(entry.events), ",".join(sorted({one.code for one in own.event_code_list}))),
        ("confidentialityCode", _codes(_levels(entry)), ",".join(sorted({c.code for c in own.confidentiality_codes}))),
        *(
            (name, *_alike(said, derived.value))
            for name, said, derived in (
                ("creationTime", entry.created, own.creation_time),
                ("serviceStartTime", entry.service_start, own.service_start_time),
                ("serviceStopTime", entry.service_stop, own.service_stop_time),
            )
        ),
    )
    differing = [name for name, one, other in pairs if one and other and one != other]
    if entry.status not in ("", "Approved"):
        differing.append("availabilityStatus")
    replaced = {normalised_id(one) for one in entry.replaces if _is_oid(one.root)}
    if replaced and not replaced & set(record.replaces):
        differing.append("RPLC")
    if record.replaces and not (entry.action or entry.replaces):
        differing.append("action")
    return tuple(differing)


def _alike(one: str, other: str) -> tuple[str, str]:
    """Two times in UTC, as far as the coarser of them goes."""
    length = min(len(one), len(other))
    return one[:length], other[:length]


def _codes(codes: Iterable[RawCode]) -> str:
    return ",".join(sorted({code.code for code in codes if code.code}))


def _levels(entry: DocumentEntry) -> tuple[RawCode, ...]:
    """The confidentiality codes that are no mask."""
    return tuple(code for code in entry.confidentiality if code.code in _STRICTNESS)


def _is_oid(text: str) -> bool:
    return bool(text) and text.replace(".", "").isdigit()


def _folded(text: str) -> str:
    """Typographic and plain apostrophes are one in titles that tables copy."""
    return " ".join(text.replace("’", "'").split())


def _incomplete(entry: DocumentEntry) -> bool:
    """Whether a metadata is missing that the norm requires and that vouches for the document."""
    return not (entry.unique_id.root and entry.hash and entry.size and entry.patient.ids)
