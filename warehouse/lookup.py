"""Rows looked up by many keys at once."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Boolean, Connection, Dialect, Select, Table, bindparam, select

AT_ONCE = 4096
"""Keys in one statement (SQLite takes 32,766 parameters)."""


def rows_in(connection: Connection, table: Any, column: Any, keys: Iterable[str]) -> list[Any]:
    """All rows whose `column` is one of `keys`."""
    return columns_in(connection, (table,), column, keys)


def columns_in(connection: Connection, columns: Sequence[Any], column: Any, keys: Iterable[str]) -> list[Any]:
    """These columns of all rows whose `column` is one of `keys`, as named tuples: reading a wide row costs more than
    finding it, and binding a key one by one more than looking it up."""
    read = tuple(columns)
    wanted = sorted(set(keys))
    found: list[Any] = []
    for start in range(0, len(wanted), AT_ONCE):
        chunk = wanted[start : start + AT_ONCE]
        if connection.dialect.positional:
            size = 1 << (len(chunk) - 1).bit_length()  # few lengths, so that the statement is one met before
            keys_ = (*chunk, *[chunk[-1]] * (size - len(chunk)))
            rows = connection.exec_driver_sql(_text(connection.dialect, read, column, size), keys_).cursor.fetchall()
        else:
            rows = connection.execute(_lookup(read, column), {"keys": chunk}).all()
        found += map(_shape(read), rows)
    return found


@lru_cache(maxsize=64)
def _lookup(columns: tuple[Any, ...], column: Any) -> Select[Any]:
    """Made once: building it costs as much as running it on one key."""
    return select(*columns).where(column.in_(bindparam("keys", expanding=True)))


@lru_cache(maxsize=512)
def _text(dialect: Dialect, columns: tuple[Any, ...], column: Any, number: int) -> str:
    query = select(*columns).where(column.in_([""] * number))
    return str(query.compile(dialect=dialect, compile_kwargs={"render_postcompile": True}))


@lru_cache(maxsize=64)
def _shape(columns: tuple[Any, ...]) -> Callable[[Any], Any]:
    """A row as the driver gives it, as a named tuple; SQLite has no booleans of its own."""
    flat = [one for column in columns for one in (column.c if isinstance(column, Table) else [column])]
    made = namedtuple("Row", [one.name for one in flat])  # type: ignore[misc]
    places = [number for number, one in enumerate(flat) if isinstance(one.type, Boolean)]
    if not places:
        return made._make

    def with_booleans(row: Any) -> Any:
        values = list(row)
        for place in places:
            values[place] = bool(values[place])
        return made._make(values)

    return with_booleans
