"""What the sender gets back: one receipt per delivery, rendered from the ledger, without any patient value."""

from __future__ import annotations

from typing import Any

from quality.catalogue import FRENCH, sentence, told
from warehouse import ledger
from warehouse.database import Connection
from warehouse.facts import unpack_words
from warehouse.ledger import ENDS

SENT_AS = {"HOLDER_OPPOSED": "RECORD_CLOSED"}
"""Words that stay inside, and the one the sender is told instead (lifecycle §6, clarification c)."""


def receipt(connection: Connection, delivery: str) -> dict[str, Any]:
    """The latest revision as data: counts, and every item that is not plainly accepted."""
    row = ledger.delivery_row(connection, delivery)
    counted = ledger.counts(connection, [delivery]).get(delivery, {"read": 0, **dict.fromkeys(ENDS, 0)})
    notes = []
    for item in ledger.items(connection, delivery):
        codes = [code for code in (item.code, *unpack_words(item.findings)) if code]
        if item.end in ("held", "refused", "flagged", "ignored") and codes:
            notes.append(
                {
                    "item": item.ordinal,
                    "locator": item.locator,
                    "end": item.end,
                    "count": item.number,
                    "expected": item.expected,
                    "came": item.came,
                    "reasons": [_reason(code) for code in codes],
                }
            )
    return {
        "delivery": delivery,
        "sender": row.sender,
        "received_at": row.received_at,
        "status": row.status,
        "size": row.size,
        "revision": ledger.revision(connection, delivery),
        "declared": row.declared,
        "items": counted,
        "notes": notes,
    }


def _reason(code: str) -> dict[str, str]:
    sent = SENT_AS.get(code, code)
    err5 = sentence(sent).err5
    return told(sent) | ({"err5": err5} if err5 else {})


def as_text(data: dict[str, Any]) -> str:
    """The receipt in French, for a person."""
    items = data["items"]
    lines = [
        f"Accusé de réception du dépôt {data['delivery'][:12]} ({data['sender']}), reçu le {data['received_at']}",
        f"Révision {data['revision']} · {data['size']} octets · {items['read']} élément(s) lu(s)"
        + (f", {data['declared']} message(s) annoncé(s)" if data["declared"] is not None else ""),
    ]
    lines += [f"  {items[end]:>7}  {FRENCH[end]}" for end in ENDS if items[end]]
    for note in data["notes"]:
        times = f" (× {note['count']})" if note["count"] > 1 else ""
        lines.append(f"- {note['locator']}{times} : {FRENCH[note['end']].rstrip('s')}")
        for reason in note["reasons"]:
            lines.append(f"    {reason['code']} : {reason['message_fr']}")
            lines.append(f"    → {reason['fix_fr']}")
        if note["expected"]:
            lines.append(f"    attendu : {note['expected']}" + (f" ; reçu : {note['came']}" if note["came"] else ""))
    return "\n".join(lines)
