"""The sealed store of a home: who owns what, how to name it, how to open it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, bindparam, select, update

from transforms.identity import AUTHORITIES
from warehouse import packs, schema
from warehouse.database import add, change, connect, reading
from warehouse.keys import FileKeys, KeyProvider, KeysDoNotFit, Names, OwnerKeys, new_key, owner_keys
from warehouse.prepared import PatientName
from warehouse.seal import seal, unseal

KEYS_KEPT = 10_000
"""Owners whose keys are kept at hand: a delivery may name a million patients."""


class Known(msgspec.Struct, frozen=True):
    """A patient of the store."""

    id: str
    blind: str
    keys: OwnerKeys


Traits = tuple[str, str, str]
"""Keyed names of birth date, sex and birth name; empty where unsaid."""


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
                for id_, value, wrapped in rows.all():
                    found[names[value]] = Known(id_, value, self._owner(id_, wrapped))
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
        known = self._owners.get(owner)
        if known is None:
            if wrapped is None:
                raise Erased
            known = owner_keys(self.keys.unwrap(wrapped))
            if len(self._owners) >= KEYS_KEPT:
                self._owners.pop(next(iter(self._owners)), None)
            self._owners[owner] = known
        return known

    def delivery_keys(self, connection: Connection, delivery: str) -> OwnerKeys:
        owner, table = f"delivery:{delivery}", schema.delivery
        if (known := self._owners.get(owner)) is not None:
            return known
        row = connection.execute(select(table.c.wrapped_key).where(table.c.id == delivery)).one()
        return self._owner(owner, row.wrapped_key)

    def owner_keys(self, connection: Connection, owner: str) -> OwnerKeys:
        """The keys of a patient id or of `delivery:<id>`; `Erased` when they were dropped."""
        if owner.startswith("delivery:"):
            return self.delivery_keys(connection, owner.removeprefix("delivery:"))
        if (known := self._owners.get(owner)) is not None:
            return known
        row = connection.execute(select(schema.patient.c.wrapped_key).where(schema.patient.c.id == owner)).one()
        return self._owner(owner, row.wrapped_key)

    def keys_of_delivery(self, delivery: str) -> OwnerKeys:
        """The keys of a delivery that this process takes."""
        with reading(self.engine) as connection:
            return self.delivery_keys(connection, delivery)

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

    def claim_traits(self, connection: Connection, claims: Iterable[tuple[str, Traits]]) -> set[str]:
        """The first sound item archived gives the traits that later ones of its patient are held to; an unsaid trait
        stays open. `claims` are in the order of archiving.

        The patients of whom a trait is now claimed that was open before.
        """
        given = list(claims)
        table = schema.patient
        held: dict[str, list[str | None]] = {}
        for chunk in chunks(sorted({patient for patient, _ in given}), 5000):
            query = select(table.c.id, table.c.birth, table.c.sex, table.c.family).where(table.c.id.in_(chunk))
            held |= {id_: list(traits) for id_, *traits in connection.execute(query).all()}
        changed = set()
        for patient, traits in given:
            known = held[patient]
            for place, digest in enumerate(traits):
                if digest and known[place] is None:
                    known[place] = digest
                    changed.add(patient)
        rows = [{"patient": patient, **_said(held[patient])} for patient in sorted(changed)]
        change(connection, _CLAIM, rows)
        return changed


_TRAITS = ("birth", "sex", "family")


_CLAIM = (
    update(schema.patient)
    .where(schema.patient.c.id == bindparam("patient"))
    .values({name: bindparam(f"said_{name}") for name in _TRAITS})
)


def _said(traits: list[str | None]) -> dict[str, str | None]:
    return {f"said_{name}": digest for name, digest in zip(_TRAITS, traits, strict=True)}


def chunks(values: list[str], size: int) -> Iterable[list[str]]:
    """Lists short enough for one statement (SQLite takes 32,766 parameters)."""
    return (values[start : start + size] for start in range(0, len(values), size))
