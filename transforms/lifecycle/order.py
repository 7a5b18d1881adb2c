"""Rules 7 and 8: which unit is over which, from replacement links and from version numbers.

A set of n units has up to n² pairs of versions. They are never listed: each level of a set (the units of one version)
is a place in the graph beside the units, and a unit leads to the level below its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import msgspec

from transforms.facts import DocumentFact
from transforms.lifecycle.graph import loops_bottom_up
from transforms.lifecycle.register import Register, SetKey, same, set_key
from transforms.lifecycle.units import Units

Rank: TypeAlias = int | tuple[str, str]

Place: TypeAlias = int | tuple[str, int, int]
"""A unit, or a level of a set (`("level", set, height)`), or what a disordered part is over (`("part", set, part)`)."""


class Links(msgspec.Struct, frozen=True):
    """What the replacements stated by speaking documents came to."""

    in_force: tuple[tuple[int, int], ...]
    """(document, document that it replaces)."""
    void: tuple[tuple[int, int], ...]
    """The same for links inside a loop: without effect."""
    waiting: frozenset[int]
    """Documents that replace an id not known yet."""


class Level(msgspec.Struct, frozen=True):
    """The units of one version of one set: those with a speaking document, and those that are only held."""

    speaking: tuple[int, ...]
    silent: tuple[int, ...]


class Order(msgspec.Struct, frozen=True):
    """The order of units. It has no loop."""

    superseded: frozenset[int]
    """Units that another unit is over."""
    disordered: frozenset[int]
    """Units whose versions contradict the links."""
    below: Mapping[Place, Sequence[Place]]
    """What is directly below each place."""
    bottom_up: Sequence[Place]
    """Every place that has or is something below, after all that is below it."""


def stated_links(known: Register, speaking: Iterable[int]) -> tuple[list[tuple[int, int]], frozenset[int]]:
    """Rule 7: the links of speaking documents to every document, if same, of every id they replace; and the
    documents that replace an id nobody owns."""
    stated: list[tuple[int, int]] = []
    waiting: set[int] = set()
    for number in sorted(speaking):
        for id_ in known.documents[number].replaces:
            targets = known.by_id.get(id_, ())
            if not targets:
                waiting.add(number)
            stated += [(number, target) for target in targets if same(known, number, target)]
    return stated, frozenset(waiting)


def looping(edges: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    """Rule 7: the edges inside a strongly connected part, those from a unit to itself included."""
    edges = set(edges)
    below: dict[int, list[int]] = {}
    for upper, lower in edges:
        below.setdefault(upper, []).append(lower)
    part_of = {node: number for number, part in enumerate(loops_bottom_up(below)) for node in part}
    return {(upper, lower) for upper, lower in edges if part_of[upper] == part_of[lower]}


def replacement_links(known: Register, units: Units, speaking: Iterable[int]) -> Links:
    """Rule 7: the links that place a unit over another, without those that close a loop."""
    stated, waiting = stated_links(known, speaking)
    loops = looping((units.of[a], units.of[b]) for a, b in stated)
    void = tuple(link for link in stated if (units.of[link[0]], units.of[link[1]]) in loops)
    in_force = tuple(link for link in stated if (units.of[link[0]], units.of[link[1]]) not in loops)
    return Links(in_force, void, waiting)


def rank(fact: DocumentFact) -> Rank | None:
    """Rule 8: what orders a set: versionNumber; for results their time, then their status."""
    return fact.rank if fact.level == "result" else fact.version


def version_levels(known: Register, units: Units, speaking: Iterable[int]) -> list[list[Level]]:
    """Rule 8: for each set of several units its levels from the lowest version up: one unit alone is over nothing.

    A unit whose twins carry two versions of one set stands at the higher; a held document places its unit only when
    no speaking one does.
    """
    speaks = frozenset(speaking)
    places: dict[SetKey, dict[int, tuple[bool, Rank]]] = {}
    for number in known.owners:
        key, version = set_key(known, number), rank(known.documents[number])
        if key is None or version is None:
            continue
        unit, standing = units.of[number], places.setdefault(key, {})
        candidate = (number in speaks, version)
        standing[unit] = max(standing.get(unit, candidate), candidate)
    sets: list[list[Level]] = []
    for _, standing in sorted(item for item in places.items() if len(item[1]) > 1):
        by_rank: dict[Rank, tuple[list[int], list[int]]] = {}
        for unit, (voice, version) in sorted(standing.items()):
            by_rank.setdefault(version, ([], []))[0 if voice else 1].append(unit)
        sets.append([Level(tuple(voiced), tuple(silent)) for _, (voiced, silent) in sorted(by_rank.items())])
    return sets


def order_units(units: Units, links: Links, sets: Sequence[Sequence[Level]]) -> Order:
    """Rule 8: the higher version is over the lower, except inside a part where versions and links form a loop:
    there the links win."""
    edges = sorted({(units.of[a], units.of[b]) for a, b in links.in_force})
    part_of, disordered = parts_with_versions(edges, sets)
    superseded = {lower for _, lower in edges}
    below: dict[Place, list[Place]] = {}
    for upper, lower in edges:
        below.setdefault(upper, []).append(lower)
    for number, levels in enumerate(sets):
        superseded |= under_a_higher_version(levels, part_of)
        for place, places in directly_below(number, levels, part_of, disordered):
            below.setdefault(place, []).extend(places)
    bottom_up = [place for part in loops_bottom_up(below) for place in part]
    return Order(frozenset(superseded), disordered, below, bottom_up)


def parts_with_versions(
    edges: Iterable[tuple[int, int]], sets: Sequence[Sequence[Level]]
) -> tuple[dict[int, int], frozenset[int]]:
    """Rule 8: the part of every unit when all versions and links count, and the units of parts with a loop."""
    over: dict[Place, list[Place]] = {}
    for upper, lower in edges:
        over.setdefault(upper, []).append(lower)
    for number, levels in enumerate(sets):
        for height, level in enumerate(levels):
            lower_level: list[Place] = [("level", number, height - 1)] if height else []
            over["level", number, height] = [*level.speaking, *lower_level]
            for unit in level.speaking:
                over.setdefault(unit, []).extend(lower_level)
    part_of: dict[int, int] = {}
    loops: set[int] = set()
    for number, part in enumerate(loops_bottom_up(over)):
        inside = [place for place in part if isinstance(place, int)]
        part_of.update(dict.fromkeys(inside, number))
        if len(inside) > 1:
            loops.update(inside)
    return part_of, frozenset(loops)


def under_a_higher_version(levels: Sequence[Level], part_of: Mapping[int, int]) -> set[int]:
    """Rule 8: units with a higher speaking version outside their own part. Two parts met above are enough to know:
    at least one of them is another part."""
    lower: set[int] = set()
    above: set[int] = set()
    for level in reversed(levels):
        units = level.speaking + level.silent
        lower.update(unit for unit in units if any(part != part_of.get(unit) for part in above))
        for unit in level.speaking:
            if len(above) < 2:
                above.add(part_of[unit])
    return lower


def directly_below(
    number: int, levels: Sequence[Level], part_of: Mapping[int, int], disordered: frozenset[int]
) -> Iterator[tuple[Place, list[Place]]]:
    """What is directly below each level and unit of a set: the units of the next lower level that speaks, and the
    held ones on the way. The units of a disordered part share all of the set that the part as a whole is over."""
    spans: dict[int, list[int]] = {}
    for height, level in enumerate(levels):
        lower_level: list[Place] = [("level", number, height - 1)] if height else []
        yield ("level", number, height), [*level.speaking, *level.silent, *([] if level.speaking else lower_level)]
        for unit in level.speaking:
            if unit in disordered:
                spans.setdefault(part_of[unit], []).append(height)
                yield unit, [("part", number, part_of[unit])]
            else:
                yield unit, lower_level
    for part, heights in spans.items():
        bottom: list[Place] = [("level", number, heights[0] - 1)] if heights[0] else []
        within = [unit for level in levels[heights[0] : heights[-1]] for unit in level.speaking + level.silent]
        yield ("part", number, part), [*(unit for unit in within if part_of.get(unit) != part), *bottom]
