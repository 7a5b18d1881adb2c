"""Rule 9: which units are deleted, and what became of each deletion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from transforms.facts import DeletionFact, Key, RequestState
from transforms.lifecycle.classes import Classes
from transforms.lifecycle.order import Order, Place
from transforms.lifecycle.register import Register
from transforms.lifecycle.units import Units

Version = tuple[Key, int, Key, Key]
"""setId, version, patient class, organisation."""


class Targets(msgspec.Struct, frozen=True):
    """Where deletions look: owners by id, and by version of a set."""

    by_id: Mapping[Key, tuple[int, ...]]
    by_version: Mapping[Version, tuple[int, ...]]


def targets(known: Register) -> Targets:
    """Rule 9: a deletion names an id, or a version of a set of its own patient and organisation."""
    versions: dict[Version, list[int]] = {}
    for number in sorted(known.owners):
        fact = known.documents[number]
        if fact.set_id is not None and fact.version is not None:
            key = (fact.set_id, fact.version, known.holders[number], fact.organisation)
            versions.setdefault(key, []).append(number)
    return Targets(known.by_id, {key: tuple(numbers) for key, numbers in versions.items()})


def named(where: Targets, classes: Classes, deletion: DeletionFact) -> tuple[int, ...]:
    """Rule 9: the documents that a deletion names, whoever wrote them."""
    if deletion.target is not None:
        return where.by_id.get(deletion.target, ())
    if deletion.set_id is None or deletion.version is None:
        return ()
    key = (deletion.set_id, deletion.version, classes.of(deletion.patient), deletion.organisation)
    return where.by_version.get(key, ())


def may_delete(known: Register, classes: Classes, deletion: DeletionFact, number: int) -> bool:
    """Rule 9: a deletion of the same organisation and patient class, by somebody who knows who the patient is."""
    return (
        known.documents[number].organisation == deletion.organisation
        and known.holders[number] == classes.of(deletion.patient)
        and identified(classes, deletion)
    )


def identified(classes: Classes, deletion: DeletionFact) -> bool:
    """Whether the identity that a deletion carries is sound, or something has qualified its patient since."""
    return deletion.sound or classes.of(deletion.patient) in classes.qualified


def struck(known: Register, where: Targets, classes: Classes, deletion: DeletionFact) -> tuple[int, ...]:
    """Rule 9: the documents that a deletion names and may delete."""
    return tuple(n for n in named(where, classes, deletion) if may_delete(known, classes, deletion, n))


def deleted_units(
    known: Register, where: Targets, classes: Classes, units: Units, deletions: Iterable[DeletionFact]
) -> frozenset[int]:
    """Rules 6 and 9: the units of documents struck and of all their declared twins; withdrawn results too."""
    hit = {number for deletion in deletions for number in struck(known, where, classes, deletion)}
    hit |= {twin for number in hit for twin in units.declared.get(number, ())}
    hit |= {number for number in known.owners if known.documents[number].withdrawn}
    return frozenset(units.of[number] for number in hit)


def under_a_living_one(order: Order, living: frozenset[int]) -> frozenset[Place]:
    """Places with a living unit somewhere over them: the later versions that stay when this one is deleted."""
    under: set[Place] = set()
    for place in reversed(order.bottom_up):
        if place in living or place in under:
            under.update(order.below.get(place, ()))
    return frozenset(under)


def request_states(
    known: Register,
    where: Targets,
    classes: Classes,
    units: Units,
    under_living: frozenset[Place],
    deletions: Iterable[DeletionFact],
) -> tuple[RequestState, ...]:
    """Rule 9: a deletion waits for its target, is refused to another organisation, and held for another patient."""

    def state(deletion: DeletionFact) -> RequestState:
        if not identified(classes, deletion):
            return RequestState(deletion, "held", "IDENTITY_NOT_QUALIFIED")
        aimed = named(where, classes, deletion)
        hit = struck(known, where, classes, deletion)
        if not aimed:
            return RequestState(deletion, "held", "TARGET_UNKNOWN")
        if any(units.of[number] in under_living for number in hit):
            return RequestState(deletion, "flagged", "NOT_LAST_VERSION")
        if hit:
            return RequestState(deletion, "accepted")
        if all(known.documents[number].organisation != deletion.organisation for number in aimed):
            return RequestState(deletion, "refused", "NOT_AUTHOR")
        return RequestState(deletion, "held", "DELETE_OTHER_PATIENT")

    def key(deletion: DeletionFact) -> tuple[Key, Key, int, Key, Key, bool]:
        version = -1 if deletion.version is None else deletion.version
        who = (deletion.organisation, deletion.patient, deletion.sound)
        return (deletion.target or "", deletion.set_id or "", version, *who)

    return tuple(state(deletion) for deletion in sorted(set(deletions), key=key))
