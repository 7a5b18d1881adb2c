"""The coded content of a document: the one list of mappers, and the call that uses it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from transforms.content import mapping
from transforms.content.classes import CLASSES, act, attached, device, encounter, media, procedure
from transforms.content.laboratory import isolate, report
from transforms.content.mapping import Mapper, Part
from transforms.content.medicines import dispensation, immunization, medication
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
    Reaction,
    Report,
    Taken,
)
from transforms.content.observations import observation, panel
from transforms.content.problems import allergy, concern, problem, relative

MAPPERS: Final[dict[str, Mapper]] = {
    "act": act,
    "allergy": allergy,
    "attached": attached,
    "concern": concern,
    "device": device,
    "dispensation": dispensation,
    "encounter": encounter,
    "immunization": immunization,
    "isolate": isolate,
    "media": media,
    "medication": medication,
    "observation": observation,
    "panel": panel,
    "problem": problem,
    "procedure": procedure,
    "relative": relative,
    "report": report,
}
"""Mappers by the name that `templates.csv` gives them."""


def read(parts: Iterable[Part], models: tuple[str, ...]) -> Content:
    """The facts of the sections of a document, and how much of it was mapped; `models` are the document's templates."""
    return mapping.content(parts, models, MAPPERS, CLASSES)


def observations(content: Content) -> int:
    """How many coded observations there are, at any depth; a panel counts by its members.

    What is denied, not known or yet to be observed is none.
    """
    return sum(
        1
        for fact in every_fact(content.facts)
        if isinstance(fact, Observation)
        and fact.mood == "event"
        and not (fact.negated or fact.null)
        and (fact.values or not fact.members)
        and (fact.code.code or fact.code.translations)
    )


def every_fact(facts: Iterable[AnyFact]) -> Iterator[AnyFact]:
    """These facts and all that they hold or relate to, in the order of the document."""
    for fact in facts:
        yield fact
        yield from every_fact(inside(fact))


def inside(fact: AnyFact) -> Iterator[AnyFact]:
    """The facts directly in a fact, or related to it or to one of its parts."""
    parts: Iterable[Reaction | Taken] = ()
    match fact:
        case Observation() | Other():
            yield from fact.members
        case Report():
            yield from fact.members
            parts = fact.taken
        case Medication():
            yield from (*fact.reasons, *fact.details)
        case Immunization():
            yield from fact.reasons
            parts = fact.reactions
        case Procedure() | Device() | Encounter():
            yield from fact.reasons
        case FamilyMember():
            yield from fact.conditions
        case Allergy():
            parts = fact.reactions
        case Condition() | Media():
            pass
    yield from (related.fact for part in parts for related in part.related)
    yield from (related.fact for related in fact.related)
