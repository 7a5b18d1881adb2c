"""From a fact to its resources: the dispatch, and what every resource has in common.

A fact that is denied never becomes a positive resource, and one that is no event never becomes an event: each kind
says how below. What R4 cannot say safely (a denied observation) has no resource: it stays in the narrative.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from connectors.statements import NOTHING, Concept, Participation
from transforms.content.model import (
    Allergy,
    AnyFact,
    Fact,
    FamilyMember,
    Immunization,
    Mood,
    Observation,
    Other,
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


ABOUT_OTHERS: Final = (Observation, FamilyMember, Other)
"""Facts of others than the patient that R4 can tell apart from the patient's own."""
ANYONE: Final = ("Device", "Organization", "Patient", "Practitioner")
STRUCTURES_TOO: Final = ("Organization", "Practitioner")
PEOPLE: Final = ("Patient", "Practitioner")
PROFESSIONALS: Final = ("Practitioner",)
"""Who may stand where (R4); a `PractitionerRole` is a practitioner."""

PRIORITIES: Final = {"R": "routine", "UR": "urgent", "A": "asap", "S": "stat"}
"""HL7 ActPriority to RequestPriority (R4)."""
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
    copies: tuple[Json, ...] = ()
    """Copies of the whole document that it holds (PDF), without their bytes."""
    about: Participation | None = None
    """Of whom this is said, where it is not the patient: a mother, a child."""

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
    about = someone_else(fact)
    if about is not None:
        scope = msgspec.structs.replace(scope, about=about)
    if fact.null or (scope.about is not None and not isinstance(fact, ABOUT_OTHERS)):
        scope.loose.extend(projected(getattr(fact, "members", ()), scope))
    else:
        reference = scope.projectors[type(fact)](fact, scope)
    apart = msgspec.structs.replace(scope, effective=When(), specimens=())
    for related in every_related(fact):
        found = project(related.fact, apart)
        if found is not None:
            scope.loose.append(found)
            if reference is not None and related.type_code not in ("RSON", "CAUS"):
                _focus(scope, found, reference, related.type_code)
    return reference


def someone_else(fact: Fact) -> Participation | None:
    """Who a fact is about, when it says that it is not the patient (CDA, subject)."""
    for said in fact.people:
        if said.kind == "subject" and said.role_class != "PAT" and said.code.code != "ONESELF":
            return said
    return None


def related_person(said: Participation, scope: Scope) -> Json:
    """Someone by the relation to the patient, without a name."""
    resource: Json = {"resourceType": "RelatedPerson", "patient": scope.subject}
    if relationship := codeable(said.code):
        resource["relationship"] = [relationship]
    return scope.pool.add(f"{scope.document}|related|{said.code.code}|{said.family}|{said.given}", resource)


def _focus(scope: Scope, found: Json, reference: Json, type_code: str) -> None:
    """What an observation that hangs on another fact is about (R4, Observation.focus); an earlier result (`REFR`) is
    not about the result it is compared with."""
    own, around = scope.pool.resource(found), scope.pool.resource(reference)["resourceType"]
    if own["resourceType"] == "Observation" and not (around == "Observation" and type_code == "REFR"):
        own.setdefault("focus", [reference])


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
    found: dict[str, Json] = {}
    for number, said in enumerate(fact.people):
        if (said.kind in kinds or said.type_code in kinds) and kind_of(scope.pool, said) in among:
            reference = participant(scope.pool, said, f"{scope.key(fact)}|{number}")
            if reference is not None:
                found.setdefault(reference["reference"], reference)
    return list(found.values())


def request(
    fact: Fact,
    scope: Scope,
    code: Json | None,
    *,
    reasons: Iterable[AnyFact] = (),
    sites: Iterable[Concept] = (),
    aims: Iterable[str] = (),
    priority: Concept = NOTHING,
) -> Json:
    """What is asked for or planned, and where in the body: a ServiceRequest. R4 has no place for the value that is
    aimed at: `aims` are notes."""
    said = common(fact, scope, "ServiceRequest")
    return scope.add(
        fact,
        said
        | {
            "note": [*said["note"], *({"text": aim} for aim in aims if aim)],
            "priority": PRIORITIES.get(priority.code),
            "bodySite": [found for site in sites if (found := codeable(site))],
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
