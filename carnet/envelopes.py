"""A message and what it encloses, as items: the message is one, each document one more, results travel with it. Pure.

Ends of this step are intrinsic: what the message says by itself. What other facts change is settled later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import get_args
from zoneinfo import ZoneInfo

import msgspec

from carnet.judged import Context, carry, keys_of, patient_name, place_of
from connectors.base import Document, Enclosed, Locator, Message, Refusal, Yielded
from quality.catalogue import sentence
from quality.rules import Policy, identity_codes, judge, verdict_of
from transforms.actions import action_of
from transforms.documents import DocumentRecord, from_cda, from_order
from transforms.facts import Flag
from transforms.identity import BLOCKING, Patient, same_person, understand
from transforms.moments import ordering, parse_ts
from warehouse.prepared import Carried, Deletion, PreparedItem
from warehouse.store import PatientName

FLAGS: tuple[Flag, ...] = get_args(Flag)
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
    documents = [
        _child(message, child, patient, context, route, ordinal, parent=first)
        for ordinal, child in enumerate(children, first + 1)
    ]
    documents = _twins(documents)
    head = _message(message, patient, digest, first, context, encloses=bool(children))
    mismatch = any(item.code == "PATIENT_MISMATCH" for item in documents)
    owner = None if mismatch else head.patient
    return MessageItems(items=(msgspec.structs.replace(head, patient=owner), *documents), owner=owner)


def _message(
    message: Message, patient: Patient | None, digest: bytes, ordinal: int, context: Context, *, encloses: bool
) -> PreparedItem:
    keys = tuple(dict.fromkeys(key for key in (message.control_id, *_numbers(message)) if key))
    item = PreparedItem(
        ordinal=ordinal,
        kind="message",
        locator=message.locator,
        end="",
        findings=message.findings,
        message_digest=digest,
        keys=keys,
    )
    if message.ignored:
        return msgspec.structs.replace(item, end="ignored", code=message.ignored, findings=(), message_digest=b"")
    name = None
    if patient is not None:
        codes = identity_codes(patient, context.policy)
        verdict = verdict_of(codes, context.policy)
        name = patient_name(patient, context.sender, "") if not verdict.end and place_of(patient) else None
    held = [code for code in message.findings if sentence(code).default in ("held", "refused")]
    flagged = tuple(code for code in message.findings if code not in held)
    if held:
        worst = min(held, key=lambda code: sentence(code).default != "refused")
        end = "refused" if sentence(worst).default == "refused" else "held"
        return msgspec.structs.replace(item, end=end, code=worst, findings=flagged, patient=name)
    if message.unsupported:
        return msgspec.structs.replace(item, findings=(*flagged, message.unsupported), patient=name)
    item = msgspec.structs.replace(item, findings=flagged, patient=name)
    return _with_results(item, message, patient, context) if message.orders else item


def _numbers(message: Message) -> tuple[str, ...]:
    local = tuple(i.extension for i in message.patient.ids) if message.patient else ()
    orders = tuple(number.extension for order in message.orders for number in (order.placer, order.filler))
    return (*local, *orders)


def _with_results(
    item: PreparedItem, message: Message, patient: Patient | None, context: Context
) -> PreparedItem:
    """The discrete results: one document version a filler order. One that cannot be taken gives the message its end."""
    who = patient if patient is not None else Patient(ins="", oid="", local=(), traits=_NOBODY.traits, qualified=False)
    carried: list[Carried] = []
    for order in message.orders:
        record = from_order(message, order, who, context.sender, context.zone)
        if patient is None:
            record = msgspec.structs.replace(record, findings=(*record.findings, "PATIENT_ID_MISSING"))
        verdict = judge(record, context.policy)
        if verdict.end:
            place = order.locator
            item = msgspec.structs.replace(
                item, end=verdict.end, code=verdict.code, findings=verdict.findings, locator=place, patient=None
            )
            continue
        name = patient_name(who, context.sender, record.document_id)
        carried.append(
            carry(
                record,
                name,
                context.policy,
                verdict.sound,
                verdict.findings,
                sent_at=_sent_at(message, context.zone),
                flags=_masks(message),
            )
        )
        item = msgspec.structs.replace(item, patient=item.patient or name)
    return msgspec.structs.replace(item, carried=tuple(carried))


_NOBODY = understand(msgspec.convert({}, type=type(Message.__struct_fields__) and __import__("connectors.base", fromlist=["RawPatient"]).RawPatient), from_cda=False)
