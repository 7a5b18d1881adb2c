"""Recompute what a commit touched: the families, their projection, and the ends that follow from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, select, update

from transforms.facts import CarrierFact, DocumentState, Facts, Projection
from transforms.lifecycle.ends import CarrierEnd, carrier_ends
from transforms.lifecycle.family import Touched, family_of, project_family
from warehouse import schema
from warehouse.database import append, change
from warehouse.facts import deletion_key, link_key, mask_key, pack_words, stored_states, unpack_words, write_projection
from warehouse.index import SqlIndex
from warehouse.lookup import rows_in
from warehouse.numbers import fitted
from warehouse.store import Store, chunks

Place = tuple[str, int]
"""(delivery, ordinal) of an item."""

FEW = 50
"""Items of one delivery looked up together with those of others."""


class Changes(msgspec.Struct):
    """What a transaction changed: the seeds of the families to recompute, and the requests it repeated."""

    docs: set[str] = msgspec.field(default_factory=set)
    ids: set[str] = msgspec.field(default_factory=set)
    sets: set[tuple[str, str, str]] = msgspec.field(default_factory=set)
    patients: set[str] = msgspec.field(default_factory=set)


def settle(store: Store, connection: Connection, changes: Changes, new: set[Place]) -> int:
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
    facts = fitted(store, connection, index, family.facts)
    projection = _with_discordance(index, project_family(msgspec.structs.replace(family, facts=facts)))
    write_projection(connection, projection)
    return _write_ends(connection, index, facts, projection, new)


def _with_discordance(index: SqlIndex, projection: Projection) -> Projection:
    """Documents that policy only flags for their traits carry that finding."""

    def told(state: DocumentState) -> DocumentState:
        name = state.doc, state.digest
        if not index.is_discordant(name) or index.rows[name].holds_discordance:
            return state
        return msgspec.structs.replace(state, findings=tuple(sorted({*state.findings, "IDENTITY_DISCORDANT"})))

    return msgspec.structs.replace(projection, documents=tuple(map(told, projection.documents)))


class Entered(msgspec.Struct, frozen=True, gc=False):
    """An item of the ledger, as far as its end depends on it."""

    delivery: str
    ordinal: int
    parent: int | None
    kind: str
    identity: str | None
    own_end: str
    own_code: str
    own_findings: str
    end: str
    code: str
    findings: str
    revision: int


def _write_ends(connection: Connection, index: SqlIndex, facts: Facts, projection: Projection, new: set[Place]) -> int:
    """Append a revision for every item whose end changed; messages follow what they enclose."""
    by_item = _item_ends(index, facts.carriers, projection)
    told = _told(projection)
    asked = _stating(connection, told)
    rows = _entered(connection, set(by_item) | asked.keys() | new)
    brought = _brought(connection, {row.identity for row in rows.values() if row.identity})
    parents = {(row.delivery, row.parent) for row in rows.values() if row.parent is not None}
    rows |= _entered(connection, (parents | brought.keys()) - rows.keys())
    by_item |= _whole_messages(connection, index, rows, projection)
    repeated = {place for place, first in brought.items() if place != first}
    ends: dict[Place, tuple[str, str, str]] = {}
    stated = {place: _stated_end([told[key] for key in keys]) for place, keys in asked.items()}
    first = _first_to_state(connection, {key for place, keys in asked.items() for key in keys})
    for place, row in rows.items():
        own = unpack_words(row.own_findings)
        if place in stated and not row.own_end and row.kind != "message":
            again = row.kind == "document" and all(first[key] != place for key in asked[place])
            ends[place] = ("duplicate", "", "") if again else _with_own(stated[place], own)
        elif place in by_item and row.kind == "document":
            ends[place] = _combined(by_item[place], own)
        elif row.own_end:
            ends[place] = (row.own_end, row.own_code, pack_words(own))
    _message_ends(connection, rows, by_item, stated, ends, repeated)
    return _append(connection, rows, ends)


Told = tuple[str, str]
"""End and code of a statement: a deletion, a masking, a patient link."""


def _told(projection: Projection) -> Mapping[str, Told]:
    """What became of each statement that the projection knows, by its key."""
    return (
        {deletion_key(state.deletion): (state.end, state.code) for state in projection.requests}
        | {mask_key(state.mask): (state.end, state.code) for state in projection.masks}
        | {link_key(state.link): (state.end, state.code) for state in projection.links}
    )


def _stating(connection: Connection, told: Mapping[str, Told]) -> dict[Place, list[str]]:
    """The items that made these statements, each with all of its own (what one item says lies in one family)."""
    table = schema.item_statement
    asked: dict[Place, list[str]] = defaultdict(list)
    for row in rows_in(connection, table, table.c.key, told):
        asked[(row.delivery, row.ordinal)].append(row.key)
    return asked


def _stated_end(told: list[Told]) -> Told:
    """The end of an item by what became of its statements: the worst speaks."""
    return max(told, key=lambda one: _RANK.index(one[0]))


_RANK = ("accepted", "flagged", "held", "refused")


def _with_own(told: Told, own: tuple[str, ...]) -> tuple[str, str, str]:
    end, code = told
    if end in ("held", "refused"):
        return end, code, pack_words(own)
    findings = (*own, *((code,) if code else ()))
    return ("flagged" if findings else "accepted"), "", pack_words(findings)


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
        found[(end.delivery, int(end.locator.partition(".")[0]))].append((end, unpack_words(row.findings)))
    return found


def _whole_messages(
    connection: Connection, index: SqlIndex, rows: dict[Place, Entered], projection: Projection
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
    rows: dict[Place, Entered],
    by_item: ItemEnds,
    stated: Mapping[Place, Told],
    ends: dict[Place, tuple[str, str, str]],
    repeated: set[Place],
) -> None:
    """A message ends as its worst document when that one is held or refused, else by itself; seen again, duplicate."""
    messages = {place: row for place, row in rows.items() if not row.own_end and row.kind == "message"}
    children: dict[Place, list[tuple[str, str]]] = defaultdict(list)
    table = schema.item
    for child in _rows_at(connection, table, table.c.parent, messages):
        end, code, _ = ends.get((child.delivery, child.ordinal), (child.end, child.code, ""))
        children[(child.delivery, child.parent)].append((end, code))
    for place, row in messages.items():
        own = unpack_words(row.own_findings)
        if place in by_item:
            end, code, findings = _combined(by_item[place], own)
        elif place in stated:
            end, code, findings = _with_own(stated[place], own)
        else:
            end, code, findings = "", "", pack_words(own)
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


def _first_to_state(connection: Connection, keys: Iterable[str]) -> dict[str, Place]:
    """Which item made each statement first."""
    table, delivery = schema.item_statement, schema.delivery
    first: dict[str, tuple[int, int, str]] = {}
    for chunk in chunks(sorted(set(keys)), 5000):
        rows = connection.execute(
            select(table.c.key, table.c.delivery, table.c.ordinal, delivery.c.position)
            .join(delivery, delivery.c.id == table.c.delivery)
            .where(table.c.key.in_(chunk))
        )
        for row in rows:
            rank = (row.position, row.ordinal, row.delivery)
            first[row.key] = min(first.get(row.key, rank), rank)
    return {key: (delivery_id, ordinal) for key, (_, ordinal, delivery_id) in first.items()}


def _entered(connection: Connection, places: Iterable[Place]) -> dict[Place, Entered]:
    columns = [schema.item.c[name] for name in Entered.__struct_fields__]
    return {(row[0], row[1]): Entered(*row) for row in _at(connection, schema.item, places, *columns)}


def _at(connection: Connection, table: Any, places: Iterable[Place], *columns: Any) -> list[Any]:
    """The rows of a table that stand for these items: whole, or these columns of them."""
    return _rows_at(connection, table, table.c.ordinal, places, *columns)


def _rows_at(connection: Connection, table: Any, ordinal: Any, places: Iterable[Place], *columns: Any) -> list[Any]:
    """The rows of these deliveries whose column `ordinal` is that of these places: whole, or these columns of them.

    Deliveries with few places share a query, by a list for each column: SQLite looks pairs up by reading all rows.
    """
    by_delivery: dict[str, list[int]] = defaultdict(list)
    for delivery, number in sorted(set(places)):
        by_delivery[delivery].append(number)
    small = [delivery for delivery, numbers in by_delivery.items() if len(numbers) <= FEW]
    queries = [
        ([delivery], numbers[start : start + 5000])
        for delivery, numbers in by_delivery.items()
        if len(numbers) > FEW
        for start in range(0, len(numbers), 5000)
    ]
    queries += [
        (part, sorted({number for delivery in part for number in by_delivery[delivery]})) for part in chunks(small, 500)
    ]
    found: list[Any] = []
    for deliveries, numbers in queries:
        query = select(*(columns or (table,))).where(table.c.delivery.in_(deliveries), ordinal.in_(numbers))
        rows = connection.execute(query).all()
        if len(deliveries) > 1:
            wanted = {delivery: set(by_delivery[delivery]) for delivery in deliveries}
            rows = [row for row in rows if row._mapping[ordinal] in wanted[row.delivery]]
        found += rows
    return found


_REVISE = (
    update(schema.item)
    .where(schema.item.c.delivery == bindparam("at_delivery"), schema.item.c.ordinal == bindparam("at_ordinal"))
    .values({name: bindparam(f"new_{name}") for name in ("end", "code", "findings", "revision")})
)


def _append(connection: Connection, rows: dict[Place, Entered], ends: dict[Place, tuple[str, str, str]]) -> int:
    changed = []
    for place, told in sorted(ends.items()):
        row = rows[place]
        if (row.end, row.code, row.findings) != told:
            changed.append((*place, row.revision + 1, *told))
    if not changed:
        return 0
    names = ("delivery", "ordinal", "revision", "end", "code", "findings")
    append(connection, schema.item_end, [dict(zip(names, one, strict=True)) for one in changed])
    names = ("at_delivery", "at_ordinal", "new_revision", "new_end", "new_code", "new_findings")
    change(connection, _REVISE, [dict(zip(names, one, strict=True)) for one in changed])
    table = schema.delivery
    for chunk in chunks(sorted({delivery for delivery, *_ in changed}), 5000):
        connection.execute(update(table).where(table.c.id.in_(chunk)).values(told=table.c.told + 1))
    return len(changed)
