"""From a fact to its resources: the dispatch, and what every resource has in common.

A fact that is denied never becomes a positive resource, and one that is no event never becomes an event: each kind
says how below. What R4 cannot say safely (a denied observation) has no resource: it stays in the narrative.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from transforms.content.model import (
    Allergy,
    AnyFact,
    Fact,
    Immunization,
    Mood,
    Reaction,
    Related,
    Report,
    Taken,
    When,
)
from transforms.content.times import moment
from transforms.fhir.people import kind_of, participant
from transforms.fhir.pool import Pool
from transforms.fhir.values import Json, codeable, date_time, identifier, nothing_said

INTENTS: Final[dict[Mood, str]] = {
    "intent": "plan",
    "request": "order",
    "proposal": "proposal",
    "promise": "plan",
    "appointment": "proposal",
    "goal": "plan",
    "definition": "option",
    "": "proposal",
}
"""ActMood to RequestIntent (R4)."""
REQUESTED: Final = {
    "aborted": "revoked",
    "cancelled": "revoked",
    "suspended": "on-hold",
    "nullified": "entered-in-error",
}
"""ActStatus to RequestStatus; anything else is `active`: that a request is written down does not end it."""


ANYONE: Final = ("Device", "Organization", "Patient", "Practitioner")
STRUCTURES_TOO: Final = ("Organization", "Practitioner")
PEOPLE: Final = ("Patient", "Practitioner")
PROFESSIONALS: Final = ("Practitioner",)
"""Who may stand where (R4); a `PractitionerRole` is a practitioner."""
Project: TypeAlias = Callable[[Any, "Scope"], Json | None]


class Scope(msgspec.Struct, frozen=True):
    """What the resources of one document share."""

    pool: Pool
    projectors: Mapping[type, Project]
    document: str
    """Key of the document: its id and digest."""
    subject: Json
    created: str
    """When the document was made, ISO 8601."""
    author: Json | None = None
    """The one author of the document, who wrote what names no other author (CDA, context conduction)."""
    amended: bool = False
    """It replaces another."""
    encounter: Json | None = None
    loose: list[Json] = msgspec.field(default_factory=list)
    """Resources that hang on a fact and are no part of its own: the section refers to them."""
    effective: When = When()
    """When the specimen of the results at hand was taken."""
    specimens: tuple[Json, ...] = ()

    def key(self, fact: Any) -> str:
        return f"{self.document}|{fact.path}"

    def add(self, fact: Any, resource: Json, suffix: str = "") -> Json:
        kept = {name: value for name, value in resource.items() if value not in (None, "", [], {})}
        return self.pool.add(self.key(fact) + suffix, kept)


def project(fact: AnyFact, scope: Scope) -> Json | None:
    """The resource of a fact, and those of all that is related to it.

    The specimen at hand is that of the report's own results, never of what they are compared with.
    """
    reference = None
    if fact.null:
        scope.loose.extend(projected(getattr(fact, "members", ()), scope))
    else:
        reference = scope.projectors[type(fact)](fact, scope)
    apart = msgspec.structs.replace(scope, effective=When(), specimens=())
    for related in every_related(fact):
        found = project(related.fact, apart)
        if found is not None:
            scope.loose.append(found)
    return reference


def projected(facts: Iterable[AnyFact], scope: Scope) -> list[Json]:
    return [found for fact in facts if (found := project(fact, scope)) is not None]


def every_related(fact: AnyFact) -> Iterator[Related]:
    """What is related to a fact or to one of its parts (a reaction, a specimen)."""
    yield from fact.related
    parts: Iterable[Taken | Reaction] = ()
    match fact:
        case Report():
            parts = fact.taken
        case Allergy() | Immunization():
            parts = fact.reactions
    for part in parts:
        yield from part.related


def common(fact: Fact, scope: Scope, kind: str, *, subject: str = "subject") -> Json:
    """Type, identifiers, subject and notes."""
    return {
        "resourceType": kind,
        "identifier": [found for id_ in fact.ids if (found := identifier(id_))],
        subject: scope.subject,
        "note": [{"text": note} for note in fact.notes],
    }


def code_of(fact: Fact) -> Json:
    """The code of a fact, its words, or that there is none (data-absent-reason)."""
    return codeable(fact.code, text=fact.code.text or ("" if fact.code.code else fact.text)) or nothing_said()


def performers(fact: Fact, scope: Scope, *kinds: str, among: Collection[str] = ANYONE) -> list[Json]:
    """Those who took part as one of these, once each; `among` are the types that R4 has for the place."""
    found: list[Json] = []
    for number, said in enumerate(fact.people):
        if (said.kind in kinds or said.type_code in kinds) and kind_of(scope.pool, said) in among:
            reference = participant(scope.pool, said, f"{scope.key(fact)}|{number}")
            if reference is not None and reference not in found:
                found.append(reference)
    return found


def request(fact: Fact, scope: Scope, code: Json | None, *, reasons: Iterable[AnyFact] = ()) -> Json:
    """What is asked for or planned: a ServiceRequest."""
    return scope.add(
        fact,
        common(fact, scope, "ServiceRequest")
        | {
            "status": REQUESTED.get(fact.status, "active"),
            "intent": INTENTS.get(fact.mood, "proposal"),
            "doNotPerform": True if fact.negated else None,
            "code": code,
            "encounter": scope.encounter,
            "reasonCode": reason_codes(reasons),
            "requester": next(iter(performers(fact, scope, "author")), None),
        }
        | _occurrence(fact.when)
        | authored(fact),
    )


def authored(fact: Fact) -> Json:
    """`authoredOn`: when who wrote it did."""
    times = (moment(said.time) for said in fact.people if said.kind == "author")
    return next((date_time("authoredOn", when.at or when.start) for when in times if when), {})


def only(found: Iterable[Json], scope: Scope, kind: str) -> list[Json]:
    """The references to resources of this type; the others stand in the section by themselves."""
    said = list(found)
    scope.loose.extend(one for one in said if scope.pool.resource(one)["resourceType"] != kind)
    return [one for one in said if scope.pool.resource(one)["resourceType"] == kind]


def reason_codes(reasons: Iterable[AnyFact]) -> list[Json]:
    """Reasons as concepts: the problem, else the code, else the words of each that is not denied."""
    found = []
    for reason in reasons:
        concept = getattr(reason, "problem", None) or reason.code
        said = codeable(concept, text=concept.text or reason.text)
        if said is not None and not (reason.negated or reason.null):
            found.append(said)
    return found


def _occurrence(when: When) -> Json:
    if when.at:
        return date_time("occurrenceDateTime", when.at)
    spell = date_time("start", when.start) | date_time("end", when.end)
    return {"occurrencePeriod": spell} if spell else {}
