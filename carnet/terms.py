"""Rows of `terminology` and of a result in `patient`: what has a public code, and what still wants one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from connectors.base import RawCode, shape
from transforms.documents import DocumentRecord, Result, effective
from transforms.terminology.maps import NO_MAP, SenderMap
from transforms.terminology.results import Coded, CodedResult, Kind, gaps, understood
from transforms.terminology.tables import INTERPRETATIONS, LOINC_SYSTEMS, UCUM_SYSTEMS, names
from warehouse import ledger
from warehouse.database import Connection
from warehouse.store import Store

Maps = Mapping[str, SenderMap]


def terminology(
    store: Store, connection: Connection, maps: Maps, *, identified: bool, sender: str | None = None
) -> list[dict[str, Any]]:
    """Codes, units and interpretations without a public code, with the number of results that carry each, most frequent
    first. Every version of a result that is in the record counts."""
    found: Counter[tuple[str, Kind, Coded]] = Counter()
    for document in ledger.documents(store, connection, format="hl7-oru", sender=sender):
        known = maps.get(document.sender, NO_MAP)
        for result in document.record.results:
            found.update((document.sender, kind, _key(coded)) for kind, coded in gaps(understood(result, known)))
    rows = [_gap(store, who, kind, coded, count, identified) for (who, kind, coded), count in found.items()]
    return sorted(rows, key=lambda row: (-row["count"], row["sender"], row["kind"], row["ref"]))


def _key(coded: Coded) -> Coded:
    """One gap, whatever text the sender prints beside it from one result to the next."""
    return Coded(coded.system, coded.said, reason=coded.reason)


def _gap(store: Store, sender: str, kind: Kind, coded: Coded, count: int, identified: bool) -> dict[str, Any]:
    """A local code is free text and may hold anything: without identity, its shape and a keyed name of it."""
    row: dict[str, Any] = {
        "sender": sender,
        "kind": kind,
        "count": count,
        "reason": coded.reason,
        "system": _public_system(kind, coded.system),
        "shape": shape(coded.said),
        "ref": store.names.name("term", sender, kind, coded.system, coded.said)[:12],
    }
    if kind == "interpretation" and coded.said in INTERPRETATIONS:
        row["said"] = coded.said
    if identified:
        row |= {"system": coded.system, "said": coded.said}
    return row


def _public_system(kind: Kind, system: str) -> str:
    """The name of a public coding system, nothing, or the word `local`."""
    if not system:
        return ""
    if kind == "code" and names(system, LOINC_SYSTEMS):
        return "LN"
    return "UCUM" if kind == "unit" and names(system, UCUM_SYSTEMS) else "local"


def panel_rows(record: DocumentRecord) -> list[dict[str, Any]]:
    """The orders of a report, as said; of `results`, each has so many, in their order."""
    return [
        {
            "codes": _codes(panel.code),
            "collected": panel.collected,
            "reported": panel.reported,
            "status": panel.status,
            "specimen": _codes(panel.specimen),
            "prescriber": panel.prescriber.name,
            "notes": list(panel.notes),
            "results": panel.results,
        }
        for panel in record.panels
    ]


def result_rows(record: DocumentRecord, known: SenderMap) -> list[dict[str, Any]]:
    """The results of a report, each as said and in public terms beside it."""
    return [_result(result, known, when) for result, when in zip(record.results, effective(record), strict=True)]


def _codes(code: RawCode) -> list[dict[str, str]]:
    said = (one for one in (code, *code.alternatives) if one.code or one.display)
    return [{"code": one.code, "system": one.system, "display": one.display} for one in said]


def _result(result: Result, known: SenderMap, when: str) -> dict[str, Any]:
    coded = understood(result, known)
    attached = result.encapsulated
    return {
        "said": {
            "codes": _codes(result.code),
            "sub_id": result.sub_id,
            "type": result.value_type,
            "values": list(result.values),
            "unit": result.unit.code or result.unit.display,
            "range": result.range,
            "interpretations": list(result.flags),
            "status": result.status,
            "observed": result.observed,
            "method": _codes(result.method),
            "producer": result.producer,
            "notes": list(result.notes),
            "attachment": {"size": attached.size, "sha256": attached.digest} if attached else None,
        },
        "coded": _coded(coded) | {"effective": when or None},
    }


def _coded(coded: CodedResult) -> dict[str, Any]:
    number = coded.number
    return {
        "loinc": coded.code.code or None,
        "loinc_origin": coded.code.origin or None,
        "value": number.value or None,
        "comparator": number.comparator or None,
        "separator": number.separator or None,
        "second": number.second or None,
        "decimal_comma": number.decimal_comma,
        "unit": coded.unit.code or None,
        "unit_origin": coded.unit.origin or None,
        "low": coded.limits.low or None,
        "high": coded.limits.high or None,
        "interpretations": [one.code or None for one in coded.interpretations],
    }
