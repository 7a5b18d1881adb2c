"""Rule 6: twins, the structured document and its printable form that are one unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from transforms.facts import Key, TwinFact
from transforms.lifecycle.graph import smallest_connected
from transforms.lifecycle.register import Register, SetKey, same, set_key


class Units(msgspec.Struct, frozen=True):
    """A unit is a pair of twins or a single document, named by the smaller number of its members."""

    of: tuple[int, ...]
    """The unit of each document."""
    members: Mapping[int, tuple[int, ...]]
    """The documents of each unit."""
    declared: Mapping[int, frozenset[int]]
    """The declared twins of a document, also when there are too many to pair."""
    ambiguous: frozenset[int]
    sharing_id: frozenset[int]
    """Paired documents of two body levels under one id."""


def can_be_twins(known: Register, a: int, b: int) -> bool:
    """Rule 6: same, and one is N1 and the other N3."""
    return same(known, a, b) and {known.documents[a].level, known.documents[b].level} == {"N1", "N3"}


def twins_under_one_id(known: Register) -> set[tuple[int, int]]:
    """Clarification (b): an N1 and an N3 document that share id, set, version and patient are twins."""
    pairs = ((group[0], group[1]) for group in known.by_id.values() if len(group) == 2)
    return {
        (a, b)
        for a, b in pairs
        if can_be_twins(known, a, b)
        and known.documents[a].set_id == known.documents[b].set_id
        and known.documents[a].version == known.documents[b].version
    }


def declared_twins(known: Register, twins: Iterable[TwinFact]) -> set[tuple[int, int]]:
    """Rule 6: the declared pairs that count. A twin is named by its doc, or by its id."""
    by_doc: dict[Key, set[int]] = {id_: set(numbers) for id_, numbers in known.by_id.items()}
    for number in known.owners:
        by_doc.setdefault(known.documents[number].doc, set()).add(number)
    return {
        (min(a, b), max(a, b))
        for twin in twins
        for a in by_doc.get(twin.a, ())
        for b in by_doc.get(twin.b, ())
        if can_be_twins(known, a, b)
    }


def undeclared_twins(known: Register, declared: Mapping[int, frozenset[int]]) -> tuple[set[tuple[int, int]], set[int]]:
    """Rule 6: the pairs that one set and version make by having exactly one N1 and one N3, and the documents of a
    version that has both levels but more documents than that. A declared twin takes its members out."""
    versions: dict[tuple[SetKey, int], list[int]] = {}
    for number in sorted(known.owners):
        fact, key = known.documents[number], set_key(known, number)
        if key is not None and fact.version is not None and fact.level != "result":
            versions.setdefault((key, fact.version), []).append(number)
    pairs: set[tuple[int, int]] = set()
    ambiguous: set[int] = set()
    for group in versions.values():
        free = [number for number in group if number not in declared]
        if len({known.documents[number].level for number in group}) < 2:
            continue
        if len(group) > 2:
            ambiguous.update(free)
        elif len(free) == 2:
            pairs.add((free[0], free[1]))
    return pairs, ambiguous


def pair_twins(known: Register, twins: Iterable[TwinFact]) -> Units:
    """Rule 6: pair the documents that have exactly one partner; with more partners nobody is paired."""
    sharing = twins_under_one_id(known)
    stated = declared_twins(known, twins) | sharing
    declared: dict[int, frozenset[int]] = {}
    for a, b in stated:
        declared[a] = declared.get(a, frozenset()) | {b}
        declared[b] = declared.get(b, frozenset()) | {a}
    parts: dict[int, list[int]] = {}
    for number, part in smallest_connected(stated).items():
        parts.setdefault(part, []).append(number)
    crowded = {number for part in parts.values() if len(part) > 2 for number in part}
    undeclared, unclear = undeclared_twins(known, declared)
    of = list(range(len(known.documents)))
    for a, b in {pair for pair in stated if pair[0] not in crowded} | undeclared:
        of[b] = a
    members: dict[int, list[int]] = {}
    for number, unit in enumerate(of):
        members.setdefault(unit, []).append(number)
    return Units(
        of=tuple(of),
        members={unit: tuple(numbers) for unit, numbers in members.items()},
        declared=declared,
        ambiguous=frozenset(crowded | unclear),
        sharing_id=frozenset(number for pair in sharing if pair[0] not in crowded for number in pair),
    )
