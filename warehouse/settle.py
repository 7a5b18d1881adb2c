"""Recompute what a commit touched: the families, their projection, and the ends that follow from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, select, update

from transforms.facts import CarrierFact, Facts, Projection
from transforms.lifecycle.ends import CarrierEnd, carrier_ends
from transforms.lifecycle.family import Touched, family_of, project_family
from warehouse import schema
from warehouse.database import append
from warehouse.facts import deletion_key, pack_words, rows_in, stored_states, unpack_words, write_projection
from warehouse.index import SqlIndex
from warehouse.store import chunks

Place = tuple[str, int]
"""(delivery, ordinal) of an item."""


class Changes(msgspec.Struct):
    """What a transaction changed: the seeds of the families to recompute, and the requests it repeated."""

    docs: set[str] = msgspec.field(default_factory=set)
    ids: set[str] = msgspec.field(default_factory=set)
    sets: set[tuple[str, str, str]] = msgspec.field(default_factory=set)
    patients: set[str] = msgspec.field(default_factory=set)


def settle(connection: Connection, changes: Changes, new: set[Place]) -> int:
    """Bring projection and ends up to date with the facts, for everything that the changes may have touched.

    The number of items whose end was revised.
    """
    index = SqlIndex(connection)
    touched = Touched(
        docs=frozenset(changes.docs),
        ids=frozenset(changes.ids),
        sets=frozenset(changes.sets),
        patients=frozenset(changes.patients),
    )
    family = family_of(index, touched)
    projection = project_family(family)
    write_projection(connection, projection)
    return _write_ends(connection, index, family.facts, projection, new)


def _write_ends(connection: Connection, index: SqlIndex, facts: Facts, projection: Projection, new: set[Place]) -> int:
    """Append a revision for every item whose end changed; messages follow what they enclose."""
    by_item = _item_ends(index, facts.carriers, projection)
    requests = {deletion_key(state.deletion): state for state in projection.requests}
    table = schema.item
    rows = {
        (row.delivery, row.ordinal): row
        for row in (
            *_at(connection, table, set(by_item) | new),
            *rows_in(connection, table, table.c.request, requests),
        )
    }
    brought = _brought(connection, {row.identity for row in rows.values() if row.identity})
    parents = {(row.delivery, row.parent) for row in rows.values() if row.parent is not None}
    rows |= {
        (row.delivery, row.ordinal): row for row in _at(connection, table, (parents | brought.keys()) - rows.keys())
    }
    by_item |= _whole_messages(connection, index, rows, projection)
    repeated = {place for place, first in brought.items() if place != first}
    ends: dict[Place, tuple[str, str, str]] = {}
    first_requests = _first_requests(connection, requests)
    for place, row in rows.items():
        own = unpack_words(row.own_findings)
        if row.request is not None:
            state = requests[row.request]
            if first_requests[row.request] != place:
                ends[place] = ("duplicate", "", "")
            else:
                codes = (*own, *((state.code,) if state.end == "flagged" else ()))
                code = state.code if state.end in ("held", "refused") else ""
                ends[place] = (
                    state.end if not codes or state.end != "accepted" else "flagged",
                    code,
                    pack_words(codes),
                )
        elif place in by_item and row.kind == "document":
            ends[place] = _combined(by_item[place], own)
        elif row.own_end:
            ends[place] = (row.own_end, row.own_code, pack_words(own))
    _message_ends(connection, rows, by_item, ends, repeated)
    return _append(connection, rows, ends)


ItemEnds = dict[Place, list[tuple[CarrierEnd, tuple[str, ...]]]]
"""For each item the ends of the documents it carries, with the findings of their records."""


def _item_ends(index: SqlIndex, known: Iterable[CarrierFact], projection: Projection) -> ItemEnds:
    """The ends of the items that carry documents of this projection."""
    judged = {(state.doc, state.digest) for state in projection.documents}
    carriers = {(c.delivery, c.locator): c for c in known if (c.doc, c.digest) in judged}
    found: ItemEnds = defaultdict(list)
    for end in carrier_ends(projection, carriers.values()):
        carrier = carriers[(end.delivery, end.locator)]
        row = index.rows[(carrier.doc, carrier.digest)]
        codes = unpack_words(row.findings)
        if not row.holds_discordance and index.is_discordant(row):
            codes = (*codes, "IDENTITY_DISCORDANT")
        found[(end.delivery, int(end.locator.partition(".")[0]))].append((end, codes))
    return found


def _whole_messages(
    connection: Connection, index: SqlIndex, rows: dict[Place, Any], projection: Projection
) -> ItemEnds:
    """The ends of messages that carry results of other families too: those are told by their stored states."""
    table, judged = schema.carrier_fact, {state.doc for state in projection.documents}
    carriers = _at(connection, table, {place for place, row in rows.items() if row.kind == "message"})
    mixed = {(row.delivery, row.ordinal) for row in carriers if row.doc not in judged}
    if not mixed:
        return {}
    docs = {row.doc for row in carriers if (row.delivery, row.ordinal) in mixed}
    index.documents(docs)
    states = [*projection.documents, *stored_states(connection, docs - judged)]
    ends = _item_ends(index, index.carriers(docs), Projection(documents=tuple(s for s in states if s.doc in docs)))
    return {place: found for place, found in ends.items() if place in mixed}


def _combined(ends: list[tuple[CarrierEnd, tuple[str, ...]]], own: tuple[str, ...]) -> tuple[str, str, str]:
    """The end of an item from those of the documents it carries: the worst one speaks."""
    for worst in ("refused", "held"):
        for end, codes in ends:
            if end.end == worst:
                return worst, end.code, pack_words((*end.findings, *codes, *own))
    if all(end.end == "duplicate" for end, _ in ends):
        return "duplicate", "", ""
    findings = [code for end, codes in ends if end.end != "duplicate" for code in (*end.findings, *codes)]
    findings += own
    return ("flagged" if findings else "accepted"), "", pack_words(findings)


def _message_ends(
    connection: Connection,
    rows: dict[Place, Any],
    by_item: ItemEnds,
    ends: dict[Place, tuple[str, str, str]],
    repeated: set[Place],
) -> None:
    """A message ends as its worst document when that one is held or refused, else by itself; seen again, duplicate."""
    messages = {place: row for place, row in rows.items() if not row.own_end and row.kind == "message"}
    children: dict[Place, list[tuple[str, str]]] = defaultdict(list)
    table = schema.item
    for delivery in {place[0] for place in messages}:
        parents = [ordinal for found, ordinal in messages if found == delivery]
        for start in range(0, len(parents), 5000):
            found = connection.execute(
                select(table.c.ordinal, table.c.parent, table.c.end, table.c.code).where(
                    table.c.delivery == delivery, table.c.parent.in_(parents[start : start + 5000])
                )
            )
            for child in found:
                end, code, _ = ends.get((delivery, child.ordinal), (child.end, child.code, ""))
                children[(delivery, child.parent)].append((end, code))
    for place, row in messages.items():
        own = unpack_words(row.own_findings)
        end, code, findings = _combined(by_item[place], own) if place in by_item else ("", "", pack_words(own))
        for worst in ("refused", "held"):
            if end == worst:
                break
            bad = next((code for found, code in children[place] if found == worst), None)
            if bad is not None:
                end, code = worst, bad
                break
        else:
            if place in repeated:
                end, code, findings = "duplicate", "", ""
            elif not end:
                end = "flagged" if own else "accepted"
        ends[place] = (end, code, findings)
    for place, row in rows.items():
        if row.kind != "message" and row.identity and place in repeated:
            ends[place] = ("duplicate", "", "")


def _brought(connection: Connection, identities: set[str]) -> dict[Place, Place]:
    """Each item that brings one of these messages or events, and the item that brought the same first."""
    item, delivery = schema.item, schema.delivery
    same: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for chunk in chunks(sorted(identities), 5000):
        rows = connection.execute(
            select(item.c.identity, item.c.delivery, item.c.ordinal, delivery.c.position)
            .join(delivery, delivery.c.id == item.c.delivery)
            .where(item.c.identity.in_(chunk))
        )
        for row in rows:
            same[row.identity].append((row.position, row.ordinal, row.delivery))
    return {
        (delivery_id, ordinal): (min(found)[2], min(found)[1])
        for found in same.values()
        for _, ordinal, delivery_id in found
    }


def _first_requests(connection: Connection, requests: dict[str, Any]) -> dict[str, Place]:
    """Which item asked first for each deletion."""
    item, delivery = schema.item, schema.delivery
    first: dict[str, tuple[int, int, str]] = {}
    for chunk in chunks(sorted(requests), 5000):
        rows = connection.execute(
            select(item.c.request, item.c.delivery, item.c.ordinal, delivery.c.position)
            .join(delivery, delivery.c.id == item.c.delivery)
            .where(item.c.request.in_(chunk))
        )
        for row in rows:
            rank = (row.position, row.ordinal, row.delivery)
            first[row.request] = min(first.get(row.request, rank), rank)
    return {request: (delivery_id, ordinal) for request, (_, ordinal, delivery_id) in first.items()}


def _at(connection: Connection, table: Any, places: Iterable[Place]) -> list[Any]:
    """The rows of a table that stand for these items."""
    by_delivery: dict[str, list[int]] = defaultdict(list)
    for delivery, ordinal in places:
        by_delivery[delivery].append(ordinal)
    found: list[Any] = []
    for delivery, ordinals in by_delivery.items():
        for start in range(0, len(ordinals), 5000):
            found.extend(
                connection.execute(
                    select(table).where(
                        table.c.delivery == delivery, table.c.ordinal.in_(ordinals[start : start + 5000])
                    )
                )
            )
    return found


def _append(connection: Connection, rows: dict[Place, Any], ends: dict[Place, tuple[str, str, str]]) -> int:
    changed = [
        {
            "delivery": place[0],
            "ordinal": place[1],
            "revision": rows[place].revision + 1,
            "end": end,
            "code": code,
            "findings": findings,
        }
        for place, (end, code, findings) in sorted(ends.items())
        if (rows[place].end, rows[place].code, rows[place].findings) != (end, code, findings)
    ]
    if not changed:
        return 0
    append(connection, schema.item_end, changed)
    table = schema.item
    statement = (
        update(table)
        .where(table.c.delivery == bindparam("at_delivery"), table.c.ordinal == bindparam("at_ordinal"))
        .values({name: bindparam(f"new_{name}") for name in ("end", "code", "findings", "revision")})
    )
    connection.execute(
        statement,
        [
            {
                "at_delivery": row["delivery"],
                "at_ordinal": row["ordinal"],
                **{f"new_{name}": row[name] for name in ("end", "code", "findings", "revision")},
            }
            for row in changed
        ],
    )
    told = schema.delivery
    for chunk in chunks(sorted({row["delivery"] for row in changed}), 5000):
        connection.execute(update(told).where(told.c.id.in_(chunk)).values(told=told.c.told + 1))
    return len(changed)
