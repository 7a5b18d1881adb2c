"""The coded content of a document: the one list of mappers, and the call that uses it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from transforms.content import mapping
from transforms.content.classes import CLASSES, act, administration, encounter, media, procedure, supply
from transforms.content.mapping import Mapper, Part
from transforms.content.model import (
    Allergy,
    AnyFact,
    Condition,
    Content,
    Device,
    Encounter,
    FamilyMember,
    Immunization,
    Media,
    Medication,
    Observation,
    Other,
    Procedure,
    Report,
)
from transforms.content.observations import observation, panel

MAPPERS: Final[dict[str, Mapper]] = {
    "act": act,
    "encounter": encounter,
    "media": media,
    "medication": administration,
    "observation": observation,
    "panel": panel,
    "procedure": procedure,
    "supply": supply,
}
"""Mappers by the name that `templates.csv` gives them."""


def read(parts: Iterable[Part]) -> Content:
    """The facts of the sections of a document, and how much of it was mapped."""
    return mapping.content(parts, MAPPERS, CLASSES)


def observations(content: Content) -> int:
    """How many coded observations there are, at any depth; a panel counts by its members."""
    return sum(
        1
        for fact in every_fact(content.facts)
        if isinstance(fact, Observation)
        and (fact.values or not fact.members)
        and (fact.code.code or fact.code.translations)
    )


def every_fact(facts: Iterable[AnyFact]) -> Iterator[AnyFact]:
    """These facts and all that they hold or relate to, in the order of the document."""
    for fact in facts:
        yield fact
        yield from every_fact(inside(fact))


def inside(fact: AnyFact) -> Iterator[AnyFact]:
    """The facts directly in a fact."""
    match fact:
        case Observation() | Report() | Other():
            yield from fact.members
        case Medication():
            yield from (*fact.reasons, *fact.details)
        case Immunization() | Procedure() | Device() | Encounter():
            yield from fact.reasons
        case FamilyMember():
            yield from fact.conditions
        case Allergy() | Condition() | Media():
            pass
    yield from (related.fact for related in fact.related)
