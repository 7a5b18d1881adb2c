"""What the sender gets back: one receipt per delivery, rendered from the ledger, without any patient value."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from quality.catalogue import sentence, told
from quality.wording import Language, end_of, place, said
from warehouse import ledger
from warehouse.database import Connection
from warehouse.facts import unpack_words
from warehouse.ledger import ENDS, Sheet

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
                "reasons": [_reason(code, codes) for code in codes],
            }


def sent_as(code: str) -> str:
    """The code that a sender is told."""
    return SENT_AS.get(code, code)


def norm_of(code: str, beside: Collection[str]) -> str:
    """The code of the norm (ERR-5) for one of ours, given those told beside it; empty when it has none.

    An identity that is not qualified has no INS (903), or too few traits beside it (905).
    """
    if code == "IDENTITY_NOT_QUALIFIED" and "TRAITS_INCOMPLETE" in beside:
        return sentence("TRAITS_INCOMPLETE").err5
    return sentence(code).err5


def _reason(code: str, beside: Collection[str]) -> dict[str, str]:
    sent = sent_as(code)
    err5 = norm_of(sent, beside)
    return told(sent) | ({"err5": err5} if err5 else {})


def as_json(head: dict[str, Any], notes: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The receipt as one JSON object, in pieces."""
    yield json.dumps(head, ensure_ascii=False)[:-1] + ', "notes": ['
    separator = ""
    for note in notes:
        yield separator + json.dumps(note, ensure_ascii=False)
        separator = ", "
    yield "]}\n"


WORDS: dict[Language, dict[str, str]] = {
    "fr": {
        "head": "Accusé de réception du dépôt {} ({}), reçu le {}",
        "sizes": "Révision {} · {} octets · {} élément(s) lu(s)",
        "declared": ", {} message(s) annoncé(s)",
        "of": "{} : {}",
        "expected": "attendu : {}",
        "came": " ; reçu : {}",
    },
    "en": {
        "head": "Receipt of delivery {} ({}), received on {}",
        "sizes": "Revision {} · {} bytes · {} item(s) read",
        "declared": ", {} message(s) declared",
        "of": "{}: {}",
        "expected": "expected: {}",
        "came": "; came: {}",
    },
}


def as_text(head: dict[str, Any], notes: Iterable[dict[str, Any]], lang: Language = "fr") -> Iterator[str]:
    """The receipt for a person: lines with their ends, in French for whoever sends."""
    words, items = WORDS[lang], head["items"]
    declared = words["declared"].format(head["declared"]) if head["declared"] is not None else ""
    yield words["head"].format(head["delivery"][:12], head["sender"], head["received_at"]) + "\n"
    yield words["sizes"].format(head["revision"], head["size"], items["read"]) + declared + "\n"
    for end in ENDS:
        if items[end]:
            yield f"  {items[end]:>7}  {end_of(end, items[end], lang)}\n"
    for note in notes:
        times = f" (× {note['count']})" if note["count"] > 1 else ""
        yield words["of"].format(f"- {place(note['locator'], lang)}{times}", end_of(note["end"], 1, lang)) + "\n"
        for reason in note["reasons"]:
            yield "    " + words["of"].format(reason["code"], reason[f"message_{lang}"]) + "\n"
            yield f"    → {reason[f'fix_{lang}']}\n"
        if note["expected"]:
            came = words["came"].format(said(note["came"], lang)) if note["came"] else ""
            yield "    " + words["expected"].format(said(note["expected"], lang)) + f"{came}\n"
