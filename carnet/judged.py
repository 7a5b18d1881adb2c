"""What every kind of item is judged with: the context of a delivery, and whose record an item belongs to. Pure."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import msgspec

from connectors.base import RawId, Refusal
from quality.catalogue import sentence
from quality.rules import Policy
from transforms.admissions import Stated
from transforms.documents import DocumentRecord
from transforms.facts import Flag
from transforms.identity import AUTHORITIES, NIR, Patient
from transforms.routing import Destination
from warehouse.prepared import UNQUALIFIED, Answerable, Carried, Link, PatientName, PreparedItem


class Vouched(msgspec.Struct, frozen=True):
    """The patient somebody vouches for: an operator with `--patient`, or a sender's manifest."""

    ins: str
    oid: str
    zone: str = ""
    """IANA zone of the readings, when the manifest says it."""


class Context(msgspec.Struct, frozen=True):
    """What the items of a delivery are judged by."""

    sender: str
    policy: Policy
    zone: ZoneInfo
    """The sender's zone: ranks times that carry no offset, and is vouched for readings that carry none."""
    received_at: str
    vouched: Vouched | None = None
    formats: tuple[str, ...] = ()
    """Families that the sender may send, asked of what lies in a container; empty: all."""


def patient_name(patient: Patient, sender: str, document_id: str) -> PatientName:
    """Whose record an item belongs to.

    A qualified INS is (authority, INS). Anything else is a name only its sender understands: an unqualified INS may
    be a typing error, and must not reach the record of whoever owns that number.
    """
    if patient.qualified:
        return PatientName((patient.oid, patient.ins), is_ins=True)
    if patient.local:
        return local_name(patient.local[0], sender)
    if patient.ins:
        return _unqualified(patient, sender)
    return PatientName(("document", sender, document_id), is_ins=False)


def other_names(patient: Patient, sender: str) -> tuple[PatientName, ...]:
    """What else names the patient of an item in doubt: any of these may be told to stand for an INS."""
    if patient.qualified:
        return ()
    names = [local_name(number, sender) for number in patient.local]
    return tuple([*names, *([_unqualified(patient, sender)] if patient.ins else [])][1:])


def local_name(number: RawId, sender: str) -> PatientName:
    """A patient number that only its sender understands."""
    return PatientName(("local", sender, number.root, number.extension), is_ins=False)


def _unqualified(patient: Patient, sender: str) -> PatientName:
    """An INS that its sender was not sure of."""
    return PatientName((UNQUALIFIED, sender, patient.oid or NIR, patient.ins), is_ins=False)


def links(stated: Stated, patient: Patient, context: Context) -> tuple[Link, ...]:
    """The pairings of an ADT message or an enrolment row, as the store takes them; and that of a qualified INS with the
    same INS as the sender gave it before being sure."""
    traits, holds = patient.traits.compared(), context.policy.discordance == "hold"
    sure = (
        [Link(_unqualified(patient, context.sender), _ins_name(RawId(patient.oid, patient.ins)), stated.at, True)]
        if stated.qualifies
        else []
    )
    return (
        *(msgspec.structs.replace(link, traits=traits, holds_discordance=holds) for link in sure),
        *_paired(stated, traits, context),
    )


def _paired(stated: Stated, traits: tuple[str, str, str], context: Context) -> tuple[Link, ...]:
    return tuple(
        Link(
            a=local_name(pair.a, context.sender) if pair.a.root not in AUTHORITIES else _ins_name(pair.a),
            b=_ins_name(pair.b) if pair.b.root in AUTHORITIES else local_name(pair.b, context.sender),
            at=stated.at,
            on=pair.on,
            traits=traits if pair.ins else ("", "", ""),
            holds_discordance=context.policy.discordance == "hold",
        )
        for pair in stated.pairings
    )


def _ins_name(number: RawId) -> PatientName:
    return PatientName((number.root, number.extension), is_ins=True)


def carry(
    record: DocumentRecord,
    patient: PatientName,
    context: Context,
    *,
    sound: bool,
    findings: tuple[str, ...],
    sent_at: str = "",
    flags: tuple[Flag, ...] = (),
    modifies_confidentiality: bool = False,
    destinations: tuple[Destination, ...] = (),
) -> Carried:
    return Carried(
        record=record,
        patient=patient,
        sound=sound,
        holds_discordance=context.policy.discordance == "hold",
        findings=findings,
        sent_at=sent_at,
        flags=flags,
        modifies_confidentiality=modifies_confidentiality,
        destinations=destinations,
        also=() if sound else other_names(record.patient, context.sender),
        qualifies=sound and patient.is_ins,
    )


def lookups(record: DocumentRecord) -> tuple[str, ...]:
    """What a person may look a document's item up by."""
    local = tuple(i.extension for i in record.patient.local if i.extension)
    return tuple(dict.fromkeys(key for key in (record.document_id, *local) if key))


def refused(refusal: Refusal, ordinal: int, parent: int | None = None) -> PreparedItem:
    """What could not be read, as an item with its reason."""
    return PreparedItem(
        ordinal=ordinal,
        parent=parent,
        kind="file" if parent is None else "document",
        locator=refusal.locator,
        end="held" if sentence(refusal.code).default == "held" else "refused",
        code=refusal.code,
        expected=refusal.expected,
        came=refusal.came,
        keys=(refusal.envelope.control_id,) if refusal.envelope is not None and refusal.envelope.control_id else (),
        answer=Answerable(refusal.envelope) if refusal.envelope is not None else None,
    )
