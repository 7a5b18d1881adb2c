"""Rule 11 and the findings of section 4: what flags a document, read off the projection.

Only documents that speak carry findings: a held one has its code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from transforms.facts import Status
from transforms.lifecycle.order import Links, Order
from transforms.lifecycle.register import Register, SetKey, set_key, shared_sets
from transforms.lifecycle.units import Units


def competing(known: Register, units: Units, statuses: Mapping[int, Status]) -> set[int]:
    """Rule 11: the members of current units of a set that has several: all are shown, none is chosen."""
    heads: dict[SetKey, set[int]] = {}
    for number, status in statuses.items():
        key = set_key(known, number)
        if status == "current" and key is not None:
            heads.setdefault(key, set()).add(units.of[number])
    return {
        number for several in heads.values() if len(several) > 1 for unit in several for number in units.members[unit]
    }


def branching(units: Units, links: Links) -> set[int]:
    """Documents whose unit shares with another unit the version that it replaces (REPLACE_BRANCH)."""
    above: dict[int, set[int]] = {}
    for upper, lower in links.in_force:
        above.setdefault(units.of[lower], set()).add(units.of[upper])
    return {upper for upper, lower in links.in_force if len(above[units.of[lower]]) > 1}


def replacing_deleted(units: Units, links: Links, deleted: frozenset[int]) -> set[int]:
    """Documents that replace a deleted version (REPLACES_DELETED)."""
    return {upper for upper, lower in links.in_force if units.of[lower] in deleted}


def changing_set(known: Register, links: Links) -> set[int]:
    """Rule 7: documents that replace one of another setId (SET_CHANGED); without a setId nothing is changed."""

    def sets(link: tuple[int, int]) -> set[str | None]:
        return {known.documents[number].set_id for number in link}

    return {link[0] for link in links.in_force if len(sets(link) - {None}) == 2}


def in_shared_set(known: Register) -> set[int]:
    """Rule 3: documents whose setId serves another sender or patient too (SET_ID_SHARED)."""
    shared = frozenset(shared_sets(known))
    return {number for number, fact in enumerate(known.documents) if fact.set_id in shared}


def findings(
    known: Register,
    units: Units,
    links: Links,
    order: Order,
    deleted: frozenset[int],
    statuses: Mapping[int, Status],
) -> dict[int, tuple[str, ...]]:
    """The codes that flag each speaking document, sorted."""
    by_code: dict[str, Iterable[int]] = {
        "COMPETING_VERSIONS": competing(known, units, statuses),
        "REPLACES_DELETED": replacing_deleted(units, links, deleted),
        "REPLACE_BRANCH": branching(units, links),
        "REPLACE_CYCLE": {upper for upper, _ in links.void},
        "SET_CHANGED": changing_set(known, links),
        "SET_ID_SHARED": in_shared_set(known),
        "TARGET_UNKNOWN": links.waiting,
        "TWIN_AMBIGUOUS": units.ambiguous,
        "TWIN_SHARES_ID": units.sharing_id,
        "VERSION_DISORDER": (number for unit in order.disordered for number in units.members[unit]),
    }
    codes: dict[int, list[str]] = {}
    for code, numbers in by_code.items():
        for number in numbers:
            if statuses[number] != "held":
                codes.setdefault(number, []).append(code)
    return {number: tuple(sorted(several)) for number, several in codes.items()}
