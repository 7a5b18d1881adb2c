"""Rebuild: the whole projection and every end, computed again from the facts; what was other than the facts say.

On a sound home nothing changes: incremental settling equals this, whatever the order in which the facts came. After a
change of rules, or on a projection that was damaged or dropped, it brings states and receipts up to date.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, select

from transforms.facts import DocumentState
from transforms.lifecycle.family import Touched, family_of
from warehouse import schema
from warehouse.database import reading
from warehouse.facts import stored_states
from warehouse.index import SqlIndex
from warehouse.lookup import rows_in
from warehouse.settle import Changes, settle
from warehouse.store import Store, chunks

BATCH = 500
"""Documents whose families are projected in one transaction: writers wait for no longer than that."""


class Rebuilt(msgspec.Struct, frozen=True):
    """What a rebuild found: nothing changed when the projection was what the facts say."""

    documents: int
    """States computed."""
    changed: tuple[tuple[str, str], ...]
    """(doc, digest) of the documents whose state was missing, or other than the facts say, or without a fact."""
    ends: int
    """Items whose end had to be revised."""

    @property
    def equal(self) -> bool:
        return not self.changed and not self.ends


def rebuild(store: Store, batch: int = BATCH) -> Rebuilt:
    """Project every family again, then judge every item again. May run beside writers, and be killed and repeated."""
    with reading(store.engine) as connection:
        docs = _column(connection, schema.document_fact.c.doc)
        statements = _column(connection, schema.item_statement.c.key)
        deliveries = _column(connection, schema.delivery.c.id)
    done: set[str] = set()
    changed: set[tuple[str, str]] = set()
    ends = 0
    for some in chunks(docs, batch):
        if left := set(some) - done:
            with store.engine.begin() as connection:
                family = family_of(SqlIndex(connection), Touched(docs=frozenset(left))).docs
                before = _states(connection, family)
                ends += settle(store, connection, Changes(docs=left), new=set())
                after = _states(connection, family)
            done |= family
            changed |= {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    for some in chunks(statements, batch):
        with store.engine.begin() as connection:
            ends += settle(store, connection, _asked(connection, some), new=set())
    for delivery in deliveries:
        with store.engine.begin() as connection:
            ends += _judge_again(store, connection, delivery)
    with store.engine.begin() as connection:
        changed |= _drop_strays(connection)
    return Rebuilt(documents=len(docs), changed=tuple(sorted(changed)), ends=ends)


def _column(connection: Connection, column: Any) -> list[str]:
    return [row[0] for row in connection.execute(select(column).distinct().order_by(column))]


def _states(connection: Connection, docs: Iterable[str]) -> dict[tuple[str, str], DocumentState]:
    return {(state.doc, state.digest): state for state in stored_states(connection, docs)}


def _asked(connection: Connection, keys: list[str]) -> Changes:
    """The seeds of these statements: also those that wait for a document."""
    table = schema.delete_fact
    rows = rows_in(connection, table, table.c.key, keys)
    said = [key.split("|") for key in keys]
    return Changes(
        ids={row.target for row in rows if row.target} | {parts[1] for parts in said if parts[0] == "mask"},
        sets={(row.set_id, row.organisation, row.patient) for row in rows if row.set_id},
        patients={patient for parts in said if parts[0] == "link" for patient in parts[1:3]},
    )


def _judge_again(store: Store, connection: Connection, delivery: str) -> int:
    """The ends of the items that no document decides: messages, events, what was stopped by itself."""
    table, stated = schema.item, schema.item_statement
    states = select(stated.c.key).where(stated.c.delivery == table.c.delivery, stated.c.ordinal == table.c.ordinal)
    rows = connection.execute(select(table.c.ordinal).where(table.c.delivery == delivery, ~states.exists()))
    return settle(store, connection, Changes(), new={(delivery, row.ordinal) for row in rows})


def _drop_strays(connection: Connection) -> set[tuple[str, str]]:
    """States of documents that no fact knows, taken out."""
    fact, status = schema.document_fact, schema.document_status
    known = select(fact.c.doc).where(fact.c.doc == status.c.doc, fact.c.digest == status.c.digest)
    strays = {(row.doc, row.digest) for row in connection.execute(select(status).where(~known.exists()))}
    if strays:
        connection.execute(delete(status).where(~known.exists()))
    return strays
