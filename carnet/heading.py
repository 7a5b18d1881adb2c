"""The header of a document as a record shows it: who wrote, signed and took part, what was done, where; its metadata.

Times are as precise as their source, with `zone` saying whether it gave one; metadata are those of XDS.
"""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.heading import Header, RawAct, RawEncounter, RawOrganisation, RawParticipation
from connectors.said import RawCode, RawId, RawName, RawTime
from transforms.documents import DocumentRecord
from transforms.moments import parse_ts
from transforms.xds.acts import main_act
from transforms.xds.entry import Coded, document_entry
from transforms.xds.times import DTM


def heading_rows(record: DocumentRecord, masks: tuple[str, ...], status: str) -> dict[str, Any]:
    """What `carnet patient --json` adds to the row of a CDA document."""
    said = record.header
    people = [
        *_people("author", said.authors),
        *_people("data_enterer", (said.enterer,) if said.enterer else ()),
        *_people("informant", said.informants),
        *_people("recipient", said.recipients),
        *_people("legal_authenticator", (said.legal_authenticator,) if said.legal_authenticator else ()),
        *_people("authenticator", said.authenticators),
        *_people("participant", said.participants),
    ]
    return {
        "people": people,
        "custodian": _organisation(said.custodian),
        "acts": _acts(said),
        "encounter": _encounter(said.encounter),
        "orders": [_id(id_) for order in said.orders for id_ in (*order.ids, *order.accessions) if id_.root],
        "related": [
            {"type": one.type_code, "document_id": _id(id_)} for one in said.related for id_ in one.ids if id_.root
        ],
        "consents": [{"code": _code(one.code), "status": one.status} for one in said.consents],
        "metadata": _metadata(record, masks, status),
    }


def _people(part: str, said: tuple[RawParticipation, ...]) -> list[dict[str, Any]]:
    return [_person(part, one) for one in said]


def _person(part: str, said: RawParticipation) -> dict[str, Any]:
    entity = said.entity
    names = entity.person.names if entity.person is not None else ()
    device = entity.device
    return {
        "part": part,
        "type": said.type_code,
        "class": entity.class_code,
        "function": _code(said.function),
        "name": full_name(names[0]) if names else "",
        "device": " ".join(word for word in (device.software, device.model) if word) if device is not None else "",
        "ids": [_id(id_) for id_ in entity.ids if id_.root],
        "specialty": _code(entity.code),
        "organisation": _organisation(entity.organisation),
        "time": _period(said.time),
        "signature": said.signature,
    }


def full_name(name: RawName) -> str:
    """The parts of a name as said, given names before family names."""
    order = ("prefix", "given", "family", "suffix")
    parts = [part.text for kind in order for part in name.parts if part.kind == kind]
    return " ".join(parts) or name.text


def _organisation(said: RawOrganisation | None) -> dict[str, Any] | None:
    if said is None:
        return None
    ids = [_id(id_) for id_ in said.ids if id_.root]
    return {"name": said.name, "ids": ids, "setting": _code(said.industry)}


def _acts(said: Header) -> list[dict[str, Any]]:
    main = main_act(said)
    return [_act(act, main is act) for act in said.acts]


def _act(said: RawAct, main: bool) -> dict[str, Any]:
    return {
        "main": main,
        "code": _code(said.code),
        "ids": [_id(id_) for id_ in said.ids if id_.root],
        "time": _period(said.time),
        "status": said.status,
        "performers": _people("performer", said.performers),
    }


def _encounter(said: RawEncounter | None) -> dict[str, Any] | None:
    if said is None:
        return None
    place = said.facility
    taking_part = [
        *_people("responsible", (said.responsible,) if said.responsible else ()),
        *_people("encounter_participant", said.participants),
    ]
    return {
        "ids": [_id(id_) for id_ in said.ids if id_.root],
        "code": _code(said.code),
        "time": _period(said.time),
        "disposition": _code(said.disposition),
        "facility": _code(place.code) if place is not None else None,
        "place": place.name if place is not None else "",
        "people": taking_part,
    }


def _metadata(record: DocumentRecord, masks: tuple[str, ...], status: str) -> dict[str, Any]:
    entry = document_entry(record, masks, status)
    row: dict[str, Any] = msgspec.structs.asdict(entry)
    for name, value in row.items():
        if isinstance(value, Coded):
            row[name] = _coded(value)
        elif isinstance(value, DTM):
            row[name] = {"value": value.value, "said": value.said, "how": value.how}
        elif isinstance(value, tuple):
            row[name] = [_coded(one) if isinstance(one, Coded) else one for one in value]
    row["authors"] = [msgspec.structs.asdict(author) for author in entry.authors]
    return row


def _coded(code: Coded) -> dict[str, Any] | None:
    return {"code": code.code, "system": code.system, "display": code.display} if code else None


def _code(said: RawCode) -> dict[str, Any] | None:
    """A code as said; null when there is neither a code nor words."""
    if not said.code and not said.display and not said.text:
        return None
    return {"code": said.code, "system": said.system, "display": said.display or said.text}


def _period(said: RawTime) -> dict[str, Any] | None:
    """Start and end, ISO 8601, as precise as the source; equal when one time is given; null when none is."""
    start, end = (parse_ts(bound or said.value) for bound in (said.low, said.high))
    known = start or end
    if known is None:
        return None
    return {"start": start.iso if start else "", "end": end.iso if end else "", "zone": known.zone}


def _id(id_: RawId) -> str:
    return f"{id_.root}^{id_.extension}" if id_.extension else id_.root
