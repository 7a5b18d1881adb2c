"""A home that is given facts, without bytes: each event of a scenario is one transaction, settled as a commit is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, delete, event, func, select

from tests.transforms.lifecycle.scenario import facts_of, joined
from transforms.facts import (
    DecisionFact,
    Facts,
    LinkState,
    MaskFact,
    MaskState,
    OppositionFact,
    PatientLinkFact,
    Projection,
    RequestState,
)
from transforms.lifecycle.ends import CarrierEnd, carrier_ends
from transforms.lifecycle.family import touched_by
from transforms.lifecycle.project import project
from warehouse import schema
from warehouse.database import add, append, reading
from warehouse.facts import deletion_key, link_key, mask_key, pack_words, stored_states
from warehouse.settle import Changes, Place, settle
from warehouse.store import Store

PATIENTS = "PQR"


def numbered(events: Sequence[str]) -> list[Facts]:
    """What each event brings; two decisions never share a number, since the hub numbers them."""
    said = sorted({line for line in events if line.split()[0] in ("hold", "release", "choose")})

    def decision(line: str, fact: DecisionFact) -> DecisionFact:
        return msgspec.structs.replace(fact, number=100 * fact.number + said.index(line))

    return [
        msgspec.structs.replace(facts, decisions=tuple(decision(line, fact) for fact in facts.decisions))
        for place, line in enumerate(events)
        for facts in [facts_of(line, place + 1, line in events[:place])]
    ]


class FactsHome:
    """A real store on SQLite, spoken to in the language of the truth table."""

    def __init__(self, home: Path) -> None:
        self.store = Store(home)
        # What is tested is what is written, not whether it outlives a power cut.
        event.listen(self.store.engine, "connect", lambda db, _: db.execute("PRAGMA synchronous=OFF"))
        self.store.engine.dispose()
        self.parts: list[Facts] = []

    def forget(self) -> None:
        """Empty the home for another scenario."""
        self.parts = []
        with self.store.engine.begin() as connection:
            for table in schema.metadata.sorted_tables:
                if table is not schema.meta:
                    connection.execute(delete(table))
            append(connection, schema.patient, [patient_row(name) for name in PATIENTS])

    def take(self, events: Sequence[str]) -> None:
        for facts in numbered(events):
            self.take_facts(facts)

    def take_facts(self, facts: Facts) -> None:
        self.parts.append(facts)
        with self.store.engine.begin() as connection:
            places = write(connection, facts)
            touched = touched_by(facts)
            changes = Changes(
                docs=set(touched.docs), ids=set(touched.ids), sets=set(touched.sets), patients=set(touched.patients)
            )
            settle(self.store, connection, changes, places)

    def facts(self) -> Facts:
        return joined(self.parts)

    def projection(self) -> Projection:
        """What the tables say: states of documents, ends of the items that first made each statement."""
        whole = project(self.facts())
        with reading(self.store.engine) as connection:
            docs = {row.doc for row in connection.execute(select(schema.document_status.c.doc))}
            states = sorted(stored_states(connection, docs), key=lambda state: (state.doc, state.digest))
            requests = tuple(stored(connection, state, deletion_key(state.deletion)) for state in whole.requests)
            masks = tuple(stored(connection, state, mask_key(state.mask)) for state in whole.masks)
            links = tuple(stored(connection, state, link_key(state.link)) for state in whole.links)
        return msgspec.structs.replace(whole, documents=tuple(states), requests=requests, masks=masks, links=links)

    def ends(self) -> tuple[CarrierEnd, ...]:
        """The end of each carrier, as the ledger has it."""
        item = schema.item
        with reading(self.store.engine) as connection:
            stating = select(schema.item_statement.c.delivery)
            query = select(item).where(item.c.delivery.not_in(stating)).order_by(item.c.delivery)
            rows = connection.execute(query).all()
        return tuple(
            CarrierEnd(row.delivery, "document 1", row.end, row.code, tuple(row.findings.split())) for row in rows
        )

    def expected_ends(self) -> tuple[CarrierEnd, ...]:
        facts = self.facts()
        return carrier_ends(project(facts), facts.carriers)

    def rows(self, *tables: Any) -> list[Any]:
        with reading(self.store.engine) as connection:
            return [tuple(row) for table in tables for row in sorted(connection.execute(select(table)), key=repr)]


State = TypeVar("State", RequestState, MaskState, LinkState)


def stored(connection: Connection, state: State, key: str) -> State:
    """The end of the item that made this statement first."""
    item, delivery, statement = schema.item, schema.delivery, schema.item_statement
    row = connection.execute(
        select(item.c.end, item.c.code, item.c.findings)
        .join(delivery, delivery.c.id == item.c.delivery)
        .join(statement, statement.c.delivery == item.c.delivery)
        .where(statement.c.key == key)
        .order_by(delivery.c.position)
        .limit(1)
    ).one()
    return msgspec.structs.replace(state, end=row.end, code=row.code or row.findings)


def patient_row(name: str) -> dict[str, Any]:
    traits = {"birth": "b", "sex": "s", "family": "f"}
    return {"id": name, "blind": name, "wrapped_key": None, "is_ins": True, "name": b"", **traits}


def write(connection: Connection, facts: Facts) -> set[Place]:
    """The rows of these facts and of the items that bring them; the items that are new."""
    places: set[Place] = set()
    for fact in facts.documents:
        columns = {
            name: getattr(fact, name)
            for name in ("doc", "digest", "id", "patient", "organisation", "set_id", "version", "level", "day", "sound")
        }
        row = columns | {
            "holds_discordance": fact.discordant,
            "birth": "other" if fact.discordant else "",
            "sex": "",
            "family": "",
            "rank_time": fact.rank[0],
            "rank_status": fact.rank[1],
            "withdrawn": fact.withdrawn,
            "findings": "",
            "ref": f"{fact.doc}:{fact.digest}",
            "format": "",
            "type_code": "",
            "created_month": fact.day[:7],
            "record": "",
            "delivery": facts.carriers[0].delivery,
            "ordinal": 0,
        }
        add(connection, schema.document_fact, [row])
        numbers = [{"doc": fact.doc, "digest": fact.digest, "patient": other} for other in fact.also]
        add(connection, schema.document_number, [number | {"filed": fact.patient} for number in numbers])
        links = [{"doc": fact.doc, "digest": fact.digest, "replaced": id_} for id_ in fact.replaces]
        add(connection, schema.replace_link, links)
    add(connection, schema.document_claim, [msgspec.structs.asdict(claim) for claim in facts.claims])
    for carrier in facts.carriers:
        if _deliver(connection, carrier.delivery, sender=carrier.sender):
            places.add((carrier.delivery, 0))
            row = {name: getattr(carrier, name) for name in ("delivery", "doc", "digest", "organisation", "sent_at")}
            row |= {"ordinal": 0, "sub": 0, "flags": pack_words(carrier.flags)}
            row |= {"modifies": carrier.modifies_confidentiality, "destinations": ""}
            append(connection, schema.carrier_fact, [row])
    stated = [
        *(deletion_key(fact) for fact in facts.deletions),
        *(mask_key(fact) for fact in facts.masks),
        *(link_key(fact) for fact in facts.links),
    ]
    for key in stated:
        name = f"stated:{key}"
        if not _deliver(connection, name, key):
            name += "+"
            assert _deliver(connection, name, key)
        places.add((name, 0))
    rows = [{"key": deletion_key(fact), **msgspec.structs.asdict(fact)} for fact in facts.deletions]
    add(connection, schema.delete_fact, rows)
    add(connection, schema.twin_fact, [msgspec.structs.asdict(twin) for twin in facts.twins])
    add(connection, schema.mask_fact, [_mask(mask) for mask in facts.masks])
    add(connection, schema.opposition_fact, [_opposition(fact) for fact in facts.oppositions])
    add(connection, schema.patient_link_fact, [_link(link) for link in facts.links])
    add(connection, schema.identity_fact, [msgspec.structs.asdict(fact) for fact in facts.identities])
    add(connection, schema.decision_fact, [msgspec.structs.asdict(fact) for fact in facts.decisions])
    return places


def _deliver(connection: Connection, name: str, statement: str | None = None, sender: str = "") -> bool:
    """Enter a delivery with one item; False when it is there already."""
    table = schema.delivery
    if connection.execute(select(table.c.id).where(table.c.id == name)).first():
        return False
    position = 1 + (connection.execute(select(func.max(table.c.position))).scalar() or 0)
    empty = {column.name: "" for column in table.columns}
    numbers = {
        "size": 0,
        "declared": None,
        "parts": 1,
        "wrapped_key": None,
        "vouched": None,
        "takes": 0,
        "told": 0,
        "written": 0,
    }
    row = empty | numbers | {"id": name, "position": position, "status": "taken", "sender": sender}
    append(connection, table, [{key: value for key, value in row.items() if key in table.c}])
    item = {column.name: "" for column in schema.item.columns} | {"delivery": name, "ordinal": 0, "kind": "document"}
    item |= {"parent": None, "patient": None, "identity": None, "private": None}
    append(connection, schema.item, [item | {"revision": 0, "number": 1}])
    if statement is not None:
        append(connection, schema.item_statement, [{"delivery": name, "ordinal": 0, "key": statement}])
    return True


def _mask(mask: MaskFact) -> dict[str, Any]:
    return msgspec.structs.asdict(mask) | {"flags": pack_words(mask.flags)}


def _opposition(fact: OppositionFact) -> dict[str, Any]:
    return msgspec.structs.asdict(fact) | {"organisation": fact.organisation or "", "sender": fact.sender or ""}


def _link(link: PatientLinkFact) -> dict[str, Any]:
    said = {name: getattr(link, name) for name in ("a", "b", "at", "on")}
    other = {"birth": "other" if link.discordance else "", "sex": "", "family": ""}
    return said | other | {"holds_discordance": link.discordance == "held"}
