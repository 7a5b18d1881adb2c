"""Feeds of account events for tests: persons nobody is, under the test authority and order number 000."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec

OID = "1.2.250.1.213.1.4.10"
HEADER = "ins,ins_oid,event,occurred_at,channel,department,birth_year,sex"
BRITTANY = ("22", "29", "35", "56", "44")


class Person(msgspec.Struct, frozen=True):
    ins: str
    birth_year: int
    sex: str
    department: str


def people(number: int, seed: int, departments: tuple[str, ...] = BRITTANY) -> list[Person]:
    """Distinct persons born from 1926 to 1995, never the same one under two seeds below 90."""
    rng = random.Random(seed)
    found = []
    for rank in range(number):
        sex, year = rng.choice("MF"), rng.randint(1926, 1995)
        stem = f"{'1' if sex == 'M' else '2'}{year % 100:02}{rank % 12 + 1:02}{10 + seed:02}{rank // 12:03}000"
        found.append(Person(f"{stem}{97 - int(stem) % 97:02}", year, sex, rng.choice(departments)))
    return found


def feed(
    persons: list[Person],
    *,
    event: str = "invited",
    at: str = "2026-01-15T09:00:00+01:00",
    channel: Callable[[Person], str] = lambda _: "courrier",
    department: Callable[[Person], str] = lambda person: person.department,
    birth_year: Callable[[Person], str] = lambda person: str(person.birth_year),
) -> bytes:
    """One event a person; what a column holds is the caller's, as an exporter that shifts its columns would."""
    rows = [f"{p.ins},{OID},{event},{at},{channel(p)},{department(p)},{birth_year(p)},{p.sex}" for p in persons]
    return "\n".join([HEADER, *rows, ""]).encode()
