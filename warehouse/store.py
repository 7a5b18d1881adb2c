"""The sealed store of a home: who owns what, how to name it, how to open it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, func, or_, select, update

from transforms.identity import AUTHORITIES
from warehouse import packs, schema
from warehouse.database import add, connect, reading
from warehouse.keys import FileKeys, KeyProvider, KeysDoNotFit, Names, OwnerKeys, new_key, owner_keys
from warehouse.prepared import PatientName
from warehouse.seal import seal, unseal


class Known(msgspec.Struct, frozen=True):
    """A patient of the store."""

    id: str
    keys: OwnerKeys


class Erased(Exception):
    """The key of this owner was dropped: what was sealed under it cannot be opened any more."""


class Store:
    """A home, opened. Reads share snapshots; every write is a transaction of the caller's."""

    def __init__(self, home: Path, keys: KeyProvider | None = None, url: str | None = None) -> None:
        self.home = home
        self.engine: Engine = connect(home, url)
        self.keys = keys or FileKeys(home / "keys" / "root.key")
        self.names = Names(self.keys.index_key())
        self.packs = home / "packs"
        self.lake = home / "lake"
        self._owners: dict[str, OwnerKeys] = {}
        self._check_keys()

    def _check_keys(self) -> None:
        """Refuse to add anything under keys that do not open what is there."""
        fingerprint = self.names.name("fingerprint")
        with reading(self.engine) as connection:
            found = connection.execute(select(schema.meta.c.value).where(schema.meta.c.name == "keys")).scalar()
        if found is None:
            with self.engine.begin() as connection:
                add(connection, schema.meta, [{"name": "keys", "value": fingerprint}])
        elif found != fingerprint:
            raise KeysDoNotFit

    def patients(self, names: Iterable[PatientName]) -> dict[PatientName, Known]:
        """The patients of these names, made when they are new, each with a random id and a key of its own."""
        blind = {name: self.names.name("patient", *name.parts) for name in dict.fromkeys(names)}
        if not blind:
            return {}
        known = self._known(blind)
        missing = [name for name in blind if name not in known]
        if missing:
            rows = [self._patient_row(name, blind[name]) for name in missing]
            with self.engine.begin() as connection:
                add(connection, schema.patient, rows)
            known = self._known(blind)
        return known

    def _patient_row(self, name: PatientName, blind: str) -> dict[str, Any]:
        id_, key = secrets.token_hex(16), new_key()
        return {
            "id": id_,
            "blind": blind,
            "wrapped_key": self.keys.wrap(key),
            "is_ins": name.is_ins,
            "name": seal(owner_keys(key), id_, "name", msgspec.json.encode(name.parts)),
        }

    def named(self, connection: Connection, patient: str) -> tuple[str, ...]:
        """What a patient is named by (`PatientName.parts`): for the trusted zone only."""
        row = connection.execute(select(schema.patient.c.name).where(schema.patient.c.id == patient)).one()
        plain = unseal(self.owner_keys(connection, patient), patient, "name", row.name)
        return msgspec.json.decode(plain, type=tuple[str, ...])

    def _known(self, blind: dict[PatientName, str]) -> dict[PatientName, Known]:
        names = {value: name for name, value in blind.items()}
        found: dict[PatientName, Known] = {}
        table = schema.patient
        with reading(self.engine) as connection:
            for chunk in chunks(list(names), 500):
                rows = connection.execute(
                    select(table.c.id, table.c.blind, table.c.wrapped_key).where(table.c.blind.in_(chunk))
                )
                for row in rows:
                    found[names[row.blind]] = Known(row.id, self._owner(row.id, row.wrapped_key))
        return found

    def find_patient(self, connection: Connection, oid: str, ins: str) -> str | None:
        blind = self.names.name("patient", oid, ins)
        return connection.execute(select(schema.patient.c.id).where(schema.patient.c.blind == blind)).scalar()

    def find_any(self, connection: Connection, ins: str) -> str | None:
        """The patient of an INS under the only authority that has it; None when none or several do."""
        known = self.authorities_of(connection, ins)
        return self.find_patient(connection, known[0], ins) if len(known) == 1 else None

    def authorities_of(self, connection: Connection, ins: str) -> list[str]:
        """The authorities under which an INS has a record."""
        return [oid for oid in AUTHORITIES if self.find_patient(connection, oid, ins) is not None]

    def _owner(self, owner: str, wrapped: bytes | None) -> OwnerKeys:
        if owner not in self._owners:
            if wrapped is None:
                raise Erased
            self._owners[owner] = owner_keys(self.keys.unwrap(wrapped))
        return self._owners[owner]

    def delivery_keys(self, connection: Connection, delivery: str) -> OwnerKeys:
        if f"delivery:{delivery}" in self._owners:
            return self._owners[f"delivery:{delivery}"]
        row = connection.execute(select(schema.delivery.c.wrapped_key).where(schema.delivery.c.id == delivery)).one()
        return self._owner(f"delivery:{delivery}", row.wrapped_key)

    def owner_keys(self, connection: Connection, owner: str) -> OwnerKeys:
        """The keys of a patient id or of `delivery:<id>`; `Erased` when they were dropped."""
        if owner.startswith("delivery:"):
            return self.delivery_keys(connection, owner.removeprefix("delivery:"))
        if owner in self._owners:
            return self._owners[owner]
        row = connection.execute(select(schema.patient.c.wrapped_key).where(schema.patient.c.id == owner)).one()
        return self._owner(owner, row.wrapped_key)

    def cached_keys(self, owner: str) -> OwnerKeys:
        """The keys of an owner met before in this process (`patients` met it)."""
        return self._owners[owner]

    def forget_keys(self) -> None:
        """Drop the keys met so far: for a process that lives long, and must not open what was erased meanwhile."""
        self._owners.clear()

    def fresh_owner(self, owner: str) -> tuple[bytes, OwnerKeys]:
        """A new key for an owner that has none yet, wrapped, and what it opens."""
        key = new_key()
        self._owners[owner] = owner_keys(key)
        return self.keys.wrap(key), self._owners[owner]

    def open_object(self, connection: Connection, object_id: str) -> bytes:
        """The plain bytes of one sealed object: one range read."""
        table = schema.stored_object
        row = connection.execute(select(table).where(table.c.id == object_id)).one()
        keys = self.owner_keys(connection, row.owner)
        sealed = packs.read(self.packs, packs.Placement(row.pack, row.offset, row.length))
        return unseal(keys, row.owner, object_id, sealed)

    def claim_traits(self, connection: Connection, patient: str, traits: tuple[str, str, str]) -> bool:
        """The first sound item archived gives the traits later ones are held to; an unsaid trait stays open.

        Whether any of these traits is now claimed that was open before.
        """
        table = schema.patient
        said = {column: digest for column, digest in zip(("birth", "sex", "family"), traits, strict=True) if digest}
        if not said:
            return False
        done = connection.execute(
            update(table)
            .where(table.c.id == patient, or_(*(table.c[column].is_(None) for column in said)))
            .values({column: func.coalesce(table.c[column], digest) for column, digest in said.items()})
        )
        return done.rowcount > 0


def chunks(values: list[str], size: int) -> Iterable[list[str]]:
    """Lists short enough for one statement (SQLite takes 32,766 parameters)."""
    return (values[start : start + size] for start in range(0, len(values), size))
