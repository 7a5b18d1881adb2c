"""What the sender gets back: one receipt per delivery, rendered from the ledger, without any patient value."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from quality.catalogue import sentence, told
from warehouse import ledger
from warehouse.database import Connection
from warehouse.facts import unpack_words
from warehouse.ledger import ENDS, Sheet

FRENCH = {
    "accepted": "acceptés",
    "flagged": "acceptés avec remarque",
    "held": "retenus",
    "refused": "refusés",
    "duplicate": "déjà connus",
    "ignored": "ignorés par règle",
}
SENT_AS = {"HOLDER_OPPOSED": "RECORD_CLOSED"}
"""Words that stay inside, and the one the sender is told instead (lifecycle §6, clarification c)."""


def receipt(connection: Connection, delivery: str) -> dict[str, Any]:
    """The latest revision as data: counts, and every item that is not plainly accepted."""
    sheet = ledger.sheet(connection, delivery)
    return head(sheet) | {"notes": list(notes(sheet.items()))}


def head(sheet: Sheet) -> dict[str, Any]:
    """The receipt without its notes."""
    row = sheet.row
    return {
        "delivery": row.id,
        "sender": row.sender,
        "received_at": row.received_at,
        "status": row.status,
        "size": row.size,
        "revision": sheet.revision,
        "declared": row.declared,
        "items": sheet.counts,
    }


def notes(items: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """What there is to say about the items of a delivery (rows of the ledger)."""
    for item in items:
        codes = [code for code in (item.code, *unpack_words(item.findings)) if code]
        if item.end in ("held", "refused", "flagged", "ignored") and codes:
            yield {
                "item": item.ordinal,
                "locator": item.locator,
                "end": item.end,
                "count": item.number,
                "expected": item.expected,
                "came": item.came,
                "reasons": [_reason(code) for code in codes],
            }


def sent_as(code: str) -> str:
    """The code that a sender is told."""
    return SENT_AS.get(code, code)


def _reason(code: str) -> dict[str, str]:
    sent = sent_as(code)
    err5 = sentence(sent).err5
    return told(sent) | ({"err5": err5} if err5 else {})


def as_json(head: dict[str, Any], notes: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The receipt as one JSON object, in pieces."""
    yield json.dumps(head, ensure_ascii=False)[:-1] + ', "notes": ['
    separator = ""
    for note in notes:
        yield separator + json.dumps(note, ensure_ascii=False)
        separator = ", "
    yield "]}\n"


def as_text(head: dict[str, Any], notes: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The receipt in French, for a person: lines with their ends."""
    items = head["items"]
    announced = f", {head['declared']} message(s) annoncé(s)" if head["declared"] is not None else ""
    yield f"Accusé de réception du dépôt {head['delivery'][:12]} ({head['sender']}), reçu le {head['received_at']}\n"
    yield f"Révision {head['revision']} · {head['size']} octets · {items['read']} élément(s) lu(s){announced}\n"
    for end in ENDS:
        if items[end]:
            yield f"  {items[end]:>7}  {FRENCH[end]}\n"
    for note in notes:
        times = f" (× {note['count']})" if note["count"] > 1 else ""
        yield f"- {note['locator']}{times} : {FRENCH[note['end']].rstrip('s')}\n"
        for reason in note["reasons"]:
            yield f"    {reason['code']} : {reason['message_fr']}\n    → {reason['fix_fr']}\n"
        if note["expected"]:
            came = f" ; reçu : {note['came']}" if note["came"] else ""
            yield f"    attendu : {note['expected']}{came}\n"
