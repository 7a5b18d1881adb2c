"""A message and what it encloses, as items: the message is one, each document one more, results travel with it. Pure.

Ends of this step are intrinsic: what the message says by itself. What other facts change is settled later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, get_args

import msgspec

from carnet.judged import Context, carry, links, lookups, patient_name, refused
from connectors.base import Document, Enclosed, Locator, Message, RawId, RawPatient, Refusal, Yielded
from connectors.hl7.ids import same_document
from quality.rules import identity_codes, incomplete, judge, verdict_of
from transforms.actions import action_of
from transforms.admissions import understand_admission
from transforms.documents import DocumentRecord, from_cda, from_order, normalised_id
from transforms.facts import Flag
from transforms.identity import BLOCKING, QUALIFYING, Patient, same_person, understand
from transforms.moments import ordering, parse_ts
from transforms.orders import Report, gathered
from transforms.routing import NOWHERE, Routing, lacking, route
from transforms.xds.entry import in_dmp
from warehouse.prepared import Answerable, Carried, Consent, Deletion, Masking, PatientName, PreparedItem

FLAGS: tuple[Flag, ...] = get_args(Flag)
NOBODY = understand(RawPatient(), from_cda=False)

Child = Enclosed | Refusal
Route = Callable[[Enclosed], Iterable[Yielded]]


class MessageItems(msgspec.Struct, frozen=True):
    """The items of one message, the message first, and who owns its bytes."""

    items: tuple[PreparedItem, ...]
    owner: PatientName | None


def message_items(
    message: Message, children: list[Child], digest: bytes, first: int, context: Context, route: Route
) -> MessageItems:
    """Items of a message from ordinal `first` on; `route` reads an enclosed source through the registry."""
    patient = understand(message.patient, from_cda=False) if message.patient else None
    abouts = [child.message for child in children if isinstance(child, Enclosed) and child.message is not None]
    head = _message(message, patient, digest, first, context, business=any(map(_wants_business, [message, *abouts])))
    documents = _paired(
        children,
        [
            _child(message, child, patient, context, route, ordinal, parent=first)
            for ordinal, child in enumerate(children, first + 1)
        ],
    )
    if head.end in ("held", "refused") and head.code in message.findings:
        documents = [_stopped(item, head) for item in documents]
    if any(item.code == "PATIENT_MISMATCH" for item in documents):
        head = msgspec.structs.replace(head, patient=None)
    return MessageItems(items=(head, *documents), owner=head.patient)


def _stopped(item: PreparedItem, head: PreparedItem) -> PreparedItem:
    """A document of a message that is itself held or refused goes with it: an unknown flag fails closed."""
    if item.end == "refused":
        return item
    nothing = {"carried": (), "deletion": None, "masking": None, "patient": None}
    return msgspec.structs.replace(item, end=head.end, code=head.code, **nothing)


def _message(
    message: Message, patient: Patient | None, digest: bytes, ordinal: int, context: Context, *, business: bool
) -> PreparedItem:
    said: dict[str, Any] = {
        "ordinal": ordinal,
        "kind": "message",
        "locator": message.locator,
        "keys": tuple(dict.fromkeys(key for key in (message.control_id, *_numbers(message)) if key)),
    }
    if message.ignored:
        answer = None if message.ignored == "ACKNOWLEDGEMENT" else Answerable(message.envelope, business)
        return PreparedItem(**said, end="ignored", code=message.ignored, answer=answer)
    said |= {"message_digest": digest, "answer": Answerable(message.envelope, business)}
    verdict = verdict_of((*message.findings, *(patient.findings if patient else ())), context.policy)
    findings = verdict.findings
    if message.unsupported:
        findings = tuple(sorted({*findings, message.unsupported}))
    if verdict.end and verdict.code in message.findings:
        return PreparedItem(**said, end=verdict.end, code=verdict.code, findings=findings)
    name = patient_name(patient, context.sender, "") if patient and (patient.ins or patient.local) else None
    if patient is not None and patient.oid and patient.oid not in context.policy.admits:
        name = None
    item = PreparedItem(**said, end="", findings=_of_message(findings, message), patient=name)
    if message.admission is not None:
        return _admitted(item, message, patient, context)
    return _with_results(item, message, patient, context) if message.orders else item


def _admitted(item: PreparedItem, message: Message, patient: Patient | None, context: Context) -> PreparedItem:
    """What an ADT message says of who is who, and of what the patient declared.

    An identifier in doubt (a malformed INS, two of them) is not used, and told: the other numbers still count.
    """
    if patient is None or not (patient.ins or patient.local):
        return msgspec.structs.replace(item, end="held", code="PATIENT_ID_MISSING", expected="PID-3: a patient number")
    verdict = verdict_of(identity_codes(patient, context.policy), context.policy)
    if verdict.end == "refused":
        return msgspec.structs.replace(item, end="refused", code=verdict.code, findings=verdict.findings)
    stated = understand_admission(message, patient, context.zone)
    if stated.refused:
        return msgspec.structs.replace(item, end="refused", code=stated.refused, expected=stated.expected)
    in_doubt = (verdict.code,) if verdict.end else ()
    findings = tuple(sorted({*item.findings, *verdict.findings, *in_doubt, *stated.findings, *incomplete(patient)}))
    name = patient_name(patient, context.sender, "")
    consents = tuple(
        Consent(patient=name, scope=said.scope, value=said.value, day=said.day, at=said.at)
        for said in stated.declarations
    )
    return msgspec.structs.replace(
        item, patient=name, findings=findings, links=links(stated, patient, context), consents=consents
    )


def _wants_business(message: Message) -> bool:
    """Whether a ZAM^Z01 is wanted: the document is meant for the DMP, and its receipt is to be told (volet, 2.7)."""
    return message.flags.get("DESTDMP") == "Y" and message.flags.get("ACK_RECEPTION") == "Y"


def _of_message(findings: tuple[str, ...], message: Message) -> tuple[str, ...]:
    """Findings of the message itself; those of the patient are told with each document."""
    return tuple(code for code in findings if code in message.findings or code == message.unsupported)


def _numbers(message: Message) -> tuple[str, ...]:
    """Numbers that a person may look the message up by: those of patients, visits, movements and orders."""
    local = [i.extension for i in message.patient.ids if i.kind != "INS"] if message.patient else []
    said = message.admission
    if said is not None:
        other = said.other.ids if said.other is not None else ()
        local += [i.extension for i in (*said.merged, *other, said.visit, said.movement) if i.kind != "INS"]
    local += [number.extension for order in message.orders for number in (order.placer, order.filler)]
    return (*local, *message.numbers)


def _with_results(item: PreparedItem, message: Message, patient: Patient | None, context: Context) -> PreparedItem:
    """The discrete results, one document version a filler order; one that cannot be taken gives the message its end."""
    carried: list[Carried] = []
    routing = _routing(message, patient or NOBODY, "N")
    verdict = verdict_of(routing.findings, context.policy)
    if verdict.end:
        return msgspec.structs.replace(item, end=verdict.end, code=verdict.code, findings=verdict.findings)
    said: dict[str, Any] = {"findings": tuple(sorted({*item.findings, *verdict.findings}))}
    for report in gathered(message.orders):
        found = _result(message, report, patient, context, routing)
        if isinstance(found, Carried):
            carried.append(found)
            said.setdefault("patient", item.patient or found.patient)
        elif said.get("end") != "refused":
            end, code, findings = found
            said |= {"end": end, "code": code, "findings": findings, "locator": report.order.locator}
    return msgspec.structs.replace(item, **said, carried=tuple(carried))


def _result(
    message: Message, report: Report, patient: Patient | None, context: Context, routing: Routing
) -> Carried | tuple[str, str, tuple[str, ...]]:
    record = from_order(message, report, patient or NOBODY, context.sender, context.zone)
    if patient is None:
        record = msgspec.structs.replace(record, findings=(*record.findings, "PATIENT_ID_MISSING"))
    verdict = judge(record, context.policy)
    if verdict.end:
        return verdict.end, verdict.code, verdict.findings
    return carry(
        record,
        patient_name(record.patient, context.sender, record.document_id),
        context,
        sound=verdict.sound,
        findings=verdict.findings,
        sent_at=_sent_at(message, context),
        flags=_masks(message),
        modifies_confidentiality=_modifies(message),
        destinations=(*routing.destinations, *routing.waiting),
    )


def _child(
    message: Message,
    child: Child,
    patient: Patient | None,
    context: Context,
    route: Route,
    ordinal: int,
    parent: int,
) -> PreparedItem:
    """One enclosed document, or what stood in its place."""
    if isinstance(child, Refusal):
        return refused(child, ordinal, parent)
    message = child.message or message
    found = next((y for y in route(child) if isinstance(y, Document | Refusal)), None)
    if not isinstance(found, Document):
        code = found.code if found else "PAYLOAD_NOT_A_DOCUMENT"
        expected, came = (found.expected, found.came) if found else ("a CDA document", "another format")
        return refused(Refusal(child.locator, child.span, code, expected, came), ordinal, parent)
    record = _told_by(message, patient, from_cda(found))
    item = PreparedItem(
        ordinal=ordinal, parent=parent, kind="document", locator=child.locator, end="", keys=lookups(record)
    )
    if patient is not None and not same_person(patient, record.patient):
        expected = "PID and recordTarget that agree"
        return msgspec.structs.replace(item, end="refused", code="PATIENT_MISMATCH", expected=expected)
    action = action_of(message, has_replaced=bool(record.replaces))
    if action is None:
        expected = "NW/F/T02, RO/C/T10 with relatedDocument, or CA/D/T04"
        return msgspec.structs.replace(item, end="refused", code="ACTION_INCONSISTENT", expected=expected)
    if _named_otherwise(message, found):
        record = msgspec.structs.replace(record, findings=(*record.findings, "TXA_ID_DIFFERS"))
    verdict = judge(as_target(record) if action == "delete" else record, context.policy)
    if verdict.end:
        return msgspec.structs.replace(item, end=verdict.end, code=verdict.code, findings=verdict.findings)
    name = patient_name(record.patient, context.sender, record.document_id)
    if action == "delete":
        deletion = deletion_of(record, name, sound=verdict.sound)
        return msgspec.structs.replace(item, patient=name, findings=verdict.findings, deletion=deletion)
    if action == "mask":
        return _masking(item, message, record, name, verdict.findings, context)
    routing = _routing(message, record.patient, record.confidentiality, dmp_takes_type=in_dmp(record))
    routed = verdict_of((*routing.findings, *lacking(message.profile, message.flags)), context.policy)
    if routed.end:
        return msgspec.structs.replace(item, end=routed.end, code=routed.code, findings=routed.findings)
    carried = carry(
        record,
        name,
        context,
        sound=verdict.sound,
        findings=verdict.findings,
        sent_at=_sent_at(message, context),
        flags=_masks(message),
        modifies_confidentiality=_modifies(message),
        destinations=(*routing.destinations, *routing.waiting),
    )
    carried = msgspec.structs.replace(carried, lot=_lot(message, record))
    return msgspec.structs.replace(item, patient=name, findings=routed.findings, carried=(carried,))


def _lot(message: Message, record: DocumentRecord) -> tuple[str, ...]:
    """The other documents of its lot. What follows the OID may be an extension or a label: both spellings count."""
    spelled = (normalised_id(one) for member in message.lot for one in (member, RawId(member.root)))
    return tuple(dict.fromkeys(id_ for id_ in spelled if id_ != record.document_id))


def _named_otherwise(message: Message, document: Document) -> bool:
    """Whether TXA-12 names another document than the CDA, or TXA-13 none of those it replaces."""
    if message.encloses != 1:
        return False
    parent = message.parent_id
    return (message.document_id is not None and not same_document(message.document_id, document.id)) or (
        parent is not None and bool(document.replaces) and not any(same_document(parent, i) for i in document.replaces)
    )


def _told_by(message: Message, patient: Patient | None, record: DocumentRecord) -> DocumentRecord:
    """The record as this message vouches for it: a PID-32 that blocks, or says less than VALI, takes the qualification
    away; one that says nothing leaves it to the document."""
    statuses = {status.upper() for status in message.patient.reliability} if message.patient else set()
    if patient is not None and statuses and (statuses & BLOCKING or not statuses & QUALIFYING):
        doubted = msgspec.structs.replace(record.patient, qualified=False)
        return msgspec.structs.replace(record, patient=doubted)
    return record


def _masking(
    item: PreparedItem,
    message: Message,
    record: DocumentRecord,
    name: PatientName,
    findings: tuple[str, ...],
    context: Context,
) -> PreparedItem:
    """A known document sent again to change who may see it. The content binds it to its document, whoever is named."""
    sent_at = _sent_at(message, context)
    if not sent_at:
        return msgspec.structs.replace(item, end="refused", code="EVENT_TIME_MISSING", expected="MSH-7")
    masking = Masking(
        organisation=record.organisation,
        document_id=record.document_id,
        digest=record.digest,
        sent_at=sent_at,
        flags=_masks(message),
    )
    return msgspec.structs.replace(item, patient=name, findings=findings, masking=masking)


def as_target(record: DocumentRecord) -> DocumentRecord:
    """What a deletion encloses names a document by its id, or by set and version; a set alone is not enough."""
    if record.document_id:
        return record
    others = tuple(code for code in record.findings if code != "DOCUMENT_ID_MISSING")
    named = record.set_id and record.version is not None
    return msgspec.structs.replace(record, findings=others if named else ("DELETE_WITHOUT_TARGET", *others))


def deletion_of(record: DocumentRecord, name: PatientName, *, sound: bool) -> Deletion:
    return Deletion(
        patient=name,
        organisation=record.organisation,
        document_id=record.document_id,
        set_id=record.set_id,
        version=record.version,
        sound=sound,
    )


def _paired(children: list[Child], items: list[PreparedItem]) -> list[PreparedItem]:
    """Level 1 and level 3 of one request are declared twins."""
    requests: dict[int, list[int]] = {}
    for index, (child, item) in enumerate(zip(children, items, strict=True)):
        if isinstance(child, Enclosed) and len(item.carried) == 1:
            requests.setdefault(child.request, []).append(index)
    for indexes in requests.values():
        records = [items[index].carried[0].record for index in indexes]
        if sorted(record.format for record in records) != ["cda-n1", "cda-n3"]:
            continue
        for index, twin in zip(indexes, reversed(records), strict=True):
            carried = msgspec.structs.replace(items[index].carried[0], twin_of=f"{twin.document_id}|{twin.format}")
            items[index] = msgspec.structs.replace(items[index], carried=(carried,))
    return items


def _routing(message: Message, patient: Patient, confidentiality: str, *, dmp_takes_type: bool = True) -> Routing:
    """Where the message may send what it carries. A deletion or a change of masks
    is not routed: it follows its document.

    A local number alone may stand for an INS already: the hold on its document tells when it does not.
    """
    if not message.flags:
        return NOWHERE
    routing = route(
        message.flags,
        message.recipients,
        qualified=patient.qualified,
        confidentiality=confidentiality,
        acknowledgements="CISIS_CDA_HL7_V2" in message.profile,
        dmp_takes_type=dmp_takes_type,
    )
    if patient.ins:
        return routing
    return msgspec.structs.replace(
        routing, findings=tuple(code for code in routing.findings if code != "DMP_WITHOUT_INS")
    )


def _masks(message: Message) -> tuple[Flag, ...]:
    return tuple(flag for flag in FLAGS if message.flags.get(flag) == "Y") if message.flags else ()


def _modifies(message: Message) -> bool:
    return message.flags.get("MODIF_CONF_CODE") == "Y"


def _sent_at(message: Message, context: Context) -> str:
    return ordering(parse_ts(message.sent_at), context.zone)


def enclosing(message: Message, child: Child) -> bool:
    """Whether a yield belongs to the message before it."""
    place: Locator = child.locator
    return place.message == message.locator.message and place.document is not None
