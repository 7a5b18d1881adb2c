"""The connection: SQLite (embedded) or PostgreSQL, with the settings that make a commit a commit."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal, TypeAlias

from sqlalchemy import Connection, Dialect, Engine, Insert, Update, create_engine, event, insert, inspect, select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine.interfaces import Compiled
from sqlalchemy.exc import DatabaseError, InterfaceError, OperationalError
from sqlalchemy.schema import Table

from warehouse import schema

__all__ = [
    "Connection",
    "Unusable",
    "WrongSchema",
    "add",
    "append",
    "connect",
    "integrity",
    "put",
    "reading",
    "unavailable",
]

WRITER = 0x6361726E  # "carn"
SCHEMA_VERSION = "6"


_How: TypeAlias = Literal["add", "put", "append"]


class WrongSchema(Exception):
    """The database was written by another version of the schema."""


class Unusable(Exception):
    """The database is damaged, locked, read-only or out of reach."""


def unavailable(error: Exception) -> bool:
    """Whether an error says that the database or the disk cannot be used now, rather than that we are wrong."""
    return isinstance(error, (OperationalError, InterfaceError, OSError))


def connect(home: Path, url: str | None = None) -> Engine:
    """The engine of a home; the schema is made on first use.

    SQLite: WAL, `synchronous=FULL`, `BEGIN IMMEDIATE` for every transaction (a deferred one that reads, then writes,
    fails under two processes), and a wait of two minutes for the other writer.
    """
    if url is None:
        home.mkdir(parents=True, exist_ok=True)
        engine = create_engine(f"sqlite:///{home / 'carnet.db'}", connect_args={"timeout": 120})
        event.listen(engine, "connect", _sqlite_settings)
        event.listen(engine, "begin", _begin_immediate)
    else:
        engine = create_engine(url)
        event.listen(engine, "begin", _one_writer)
    try:
        _ensure_schema(engine)
    except DatabaseError:
        raise Unusable from None
    return engine


def _sqlite_settings(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "busy_timeout=120000",
        "cache_size=-65536",
        "wal_autocheckpoint=8000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get("reading") else "BEGIN IMMEDIATE")


def _one_writer(connection: Connection) -> None:
    """Writers take turns, as on SQLite: a family read in a transaction is the family when it commits."""
    if not connection.get_execution_options().get("reading"):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER})")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection for reading: one consistent snapshot, never waiting for a writer."""
    with engine.connect().execution_options(reading=True) as connection:
        yield connection


def _ensure_schema(engine: Engine) -> None:
    with reading(engine) as connection:
        if inspect(connection).has_table("meta"):
            found = connection.execute(select(schema.meta.c.value).where(schema.meta.c.name == "schema")).scalar()
            if found == SCHEMA_VERSION:
                return
            if found is not None:
                raise WrongSchema
    with engine.begin() as connection:
        schema.metadata.create_all(connection)
        add(connection, schema.meta, [{"name": "schema", "value": SCHEMA_VERSION}])


Rows = Sequence[Mapping[str, Any]]
"""Rows of one table, all with the same columns."""


def add(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert what is not there yet: a fact repeated is a no-op (ON CONFLICT DO NOTHING)."""
    _write(connection, table, rows, "add")


def put(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert, or replace the row of the same key (the projection)."""
    _write(connection, table, rows, "put")


def append(connection: Connection, table: Table, rows: Rows) -> None:
    _write(connection, table, rows, "append")


def _write(connection: Connection, table: Table, rows: Rows, how: _How) -> None:
    """Hand rows to the driver as they are: SQLAlchemy's own binding of each costs more than the insert (9 us a row)."""
    if not rows:
        return
    _run(connection, rows, *_insert(connection.dialect, table, tuple(rows[0]), how))


def _run(connection: Connection, rows: Rows, text: str, order: tuple[str, ...] | None) -> None:
    if order is None:
        connection.exec_driver_sql(text, list(rows))
    elif len(order) == 1:
        connection.exec_driver_sql(text, [(row[order[0]],) for row in rows])
    else:
        connection.exec_driver_sql(text, list(map(itemgetter(*order), rows)))


_Compiled: TypeAlias = tuple[str, tuple[str, ...] | None]
"""SQL, and the order of its parameters where they go by position."""


@lru_cache(256)
def _insert(dialect: Dialect, table: Table, columns: tuple[str, ...], how: _How) -> _Compiled:
    upsert = (pg_insert if dialect.name == "postgresql" else sqlite_insert)(table)
    statement: Insert = insert(table)
    if how == "add":
        statement = upsert.on_conflict_do_nothing()
    elif how == "put":
        keys = [column.name for column in table.primary_key]
        changed = {c.name: upsert.excluded[c.name] for c in table.columns if c.name not in keys}
        statement = upsert.on_conflict_do_update(index_elements=keys, set_=changed)
    return _text(statement.compile(dialect=dialect, column_keys=list(columns)))


@lru_cache(64)
def _compiled(dialect: Dialect, statement: Update) -> _Compiled:
    return _text(statement.compile(dialect=dialect))


def _text(compiled: Compiled) -> _Compiled:
    order = getattr(compiled, "positiontup", None)
    return str(compiled), tuple(order) if order is not None else None


def change(connection: Connection, statement: Update, rows: Rows) -> None:
    """Run an update of a module's own for each of these rows, which name its parameters."""
    if rows:
        _run(connection, rows, *_compiled(connection.dialect, statement))


def integrity(engine: Engine) -> str:
    """What is wrong with the database itself; empty when nothing is."""
    if engine.dialect.name != "sqlite":
        return ""
    with reading(engine) as connection:
        found = str(connection.exec_driver_sql("PRAGMA quick_check").scalar())
    return "" if found == "ok" else found.splitlines()[0]
