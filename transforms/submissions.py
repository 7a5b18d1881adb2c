"""What a DocumentEntry means for the document it vouches for: whose it is, what to do with it, who may see it.

Sources: CI-SIS, volet partage de documents (XDS metadata and the CDA header they are taken from); MSSanté, the action
metadata of an XDM. Where both say something they must agree: on the patient, the id and the action always. What else
differs is told, and the document counts; a stricter confidentiality is never lost.
"""

from __future__ import annotations

import base64
from typing import Final, get_args
from zoneinfo import ZoneInfo

import msgspec

from connectors.base import Document, RawId, RawPatient
from connectors.hl7.flags import canonical
from connectors.hl7.ids import same_document
from connectors.submissions import DocumentEntry, Submitted
from transforms.actions import Action, submitted_action
from transforms.documents import DocumentRecord, normalised_id
from transforms.facts import Flag
from transforms.identity import AUTHORITIES, Patient, same_person, understand
from transforms.moments import ordering, parse_ts

UTC: Final = ZoneInfo("UTC")
VISIBILITY: Final = "1.2.250.1.213.1.1.4.13"
"""TRE_A07, statut de visibilité d'un document."""
_STRICTNESS: Final = ("U", "L", "M", "N", "R", "V")
"""HL7 Confidentiality, from open to very restricted."""
_FLAGS: Final[tuple[Flag, ...]] = get_args(Flag)
_N1_FORMAT: Final = "urn:ihe:iti:xds-sd:"


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


def vouched(found: Submitted, document: Document, record: DocumentRecord, zone: ZoneInfo) -> Vouched | Contradiction:
    """An entry compared with the document it vouches for; `zone` reads a creation time that has no offset."""
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
    differing = _differing(entry, document, record, zone)
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
        elif code.system == VISIBILITY or code.code not in _STRICTNESS:
            return None
    return tuple(flag for flag in _FLAGS if flag in said)


def _stricter(entry: DocumentEntry, confidentiality: str) -> bool:
    """Whether the metadata are stricter than the document says of itself."""
    levels = [_STRICTNESS.index(code.code) for code in entry.confidentiality if code.code in _STRICTNESS]
    own = _STRICTNESS.index(confidentiality if confidentiality in _STRICTNESS else "N")
    return bool(levels) and max(levels) > own


def _differing(entry: DocumentEntry, document: Document, record: DocumentRecord, zone: ZoneInfo) -> tuple[str, ...]:
    """Metadata taken from the header that say something else; absent ones say nothing."""
    levels = {code.code for code in entry.confidentiality if code.code in _STRICTNESS}
    level_1 = entry.format_code.code.startswith(_N1_FORMAT)
    replaced = {normalised_id(one) for one in entry.replaces if _is_oid(one.root)}
    pairs = (
        ("size", bool(entry.size) and entry.size != str(document.size)),
        ("typeCode", bool(entry.type_code.code) and entry.type_code.code != record.type_code),
        ("title", bool(entry.title) and _folded(entry.title) != _folded(record.title)),
        ("languageCode", bool(entry.language) and entry.language.lower() != record.language.lower()),
        ("creationTime", bool(entry.created) and not _same_time(entry.created, document.effective_time, zone)),
        ("formatCode", bool(entry.format_code.code) and level_1 != (record.format == "cda-n1")),
        ("confidentialityCode", bool(levels) and levels != {record.confidentiality}),
        ("availabilityStatus", entry.status not in ("", "Approved")),
        ("RPLC", bool(replaced) and not replaced & set(record.replaces)),
        ("action", bool(record.replaces) and not (entry.action or entry.replaces)),
    )
    return tuple(name for name, differs in pairs if differs)


def _same_time(created: str, effective: str, zone: ZoneInfo) -> bool:
    """creationTime is UTC without saying so; both are compared as far as the coarser of them goes."""
    said, own = parse_ts(created), parse_ts(effective)
    if said is None or own is None:
        return False
    if "T" not in said.iso or "T" not in own.iso:
        length = min(len(said.day), len(own.day))
        return said.day[:length] == own.day[:length]
    length = 19 if min(len(said.iso), len(own.iso)) > 18 else 16
    return ordering(said, UTC)[:length] == ordering(own, zone)[:length]


def _is_oid(text: str) -> bool:
    return bool(text) and text.replace(".", "").isdigit()


def _folded(text: str) -> str:
    """Typographic and plain apostrophes are one in titles that tables copy."""
    return " ".join(text.replace("’", "'").split())


def _incomplete(entry: DocumentEntry) -> bool:
    """Whether a metadata is missing that the norm requires and that vouches for the document."""
    return not (entry.unique_id.root and entry.hash and entry.size and entry.patient.ids)
