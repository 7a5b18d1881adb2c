"""Observations, panels, isolates, reports and specimens.

`completed` is a status of acts and never one of observations: it is `final`. A result of a version that replaces
another is `corrected`. Of a laboratory result the effective time is that of the specimen, where it is said, and its
own time is when it was issued.
"""

from __future__ import annotations

from typing import Final

import msgspec

from connectors.statements import Concept
from transforms.content.model import Media, Observation, Report, Taken, When
from transforms.fhir.clinical import (
    PROFESSIONALS,
    STRUCTURES_TOO,
    Scope,
    code_of,
    common,
    only,
    performers,
    projected,
    related_person,
    request,
)
from transforms.fhir.people import kind_of, participant
from transforms.fhir.values import (
    Json,
    codeable,
    coding,
    date_or_period,
    date_time,
    identifier,
    nothing_said,
    reference_range,
    value_words,
    value_x,
)

PERFORMERS: Final = ("Organization", "Patient", "Practitioner")
CATEGORIES: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
SECTIONS: Final = "http://terminology.hl7.org/CodeSystem/v2-0074"
LABORATORY: Final = "laboratory"
STATUSES: Final = {
    "completed": "final",
    "active": "preliminary",
    "new": "registered",
    "held": "registered",
    "aborted": "cancelled",
    "cancelled": "cancelled",
    "nullified": "entered-in-error",
    "suspended": "preliminary",
}
"""ActStatus to ObservationStatus and DiagnosticReportStatus (R4)."""
INTERPRETATIONS: Final = "2.16.840.1.113883.5.83"


def status(said: str, scope: Scope) -> str:
    found = STATUSES.get(said, "unknown")
    return "corrected" if found == "final" and scope.amended else found


def observation(fact: Observation, scope: Scope) -> Json | None:
    """An observation. Denied, it has no resource; asked for or aimed at, it is a request."""
    if fact.negated:
        return None
    if fact.mood != "event":
        if scope.about is not None:
            return None
        scope.loose.extend(projected(fact.members, scope))
        aims = [value_words(value) for value in fact.values]
        return request(fact, scope, code_of(fact), sites=fact.sites, aims=aims, priority=fact.priority)
    inner = scope
    if fact.organism or any(specimen.isolate for specimen in fact.specimens):
        inner = msgspec.structs.replace(scope, specimens=_isolates(fact, scope) or scope.specimens)
    members = only(projected(fact.members, inner), scope, "Observation")
    resource = common(fact, scope, "Observation") | {
        "status": status(fact.status, scope),
        "category": _category(fact.category),
        "code": code_of(fact),
        "encounter": scope.encounter,
        "focus": [related_person(scope.about, scope)] if scope.about is not None else [],
        "performer": performers(fact, scope, "performer", "AUTHEN", "author", among=PERFORMERS),
        "device": next(iter(performers(fact, scope, "DEV", "author", "performer", among=("Device",))), None),
        "interpretation": [found for said in fact.interpretations if (found := _interpretation(said))],
        "method": codeable(fact.methods[0]) if fact.methods else None,
        "bodySite": codeable(fact.sites[0]) if fact.sites else None,
        "referenceRange": [found for said in fact.ranges if (found := reference_range(said))],
        "specimen": inner.specimens[0] if inner.specimens else None,
        "hasMember": members,
    }
    resource |= _times(fact, scope)
    if fact.organism:
        resource["valueCodeableConcept"] = codeable(fact.organism)
    elif len(fact.values) == 1:
        resource |= value_x(fact.values[0])
    else:
        resource["component"] = [{"code": code_of(fact)} | value_x(value) for value in fact.values]
    return scope.add(fact, resource)


def report(fact: Report, scope: Scope) -> Json | None:
    """A laboratory report: its specimens, its results, who validated them."""
    if fact.negated or fact.mood != "event":
        return None
    specimens = tuple(_specimen(taken, scope) for taken in fact.taken)
    collected = next((taken.collected for taken in fact.taken if taken.collected), When())
    one = specimens if len(specimens) == 1 else ()
    inner = msgspec.structs.replace(scope, specimens=one, effective=collected if len(fact.taken) == 1 else When())
    chapter = codeable(fact.category)
    resource = {
        "resourceType": "DiagnosticReport",
        "identifier": [found for id_ in fact.ids if (found := identifier(id_))],
        "status": status(fact.status, scope),
        "category": [{"coding": [{"system": SECTIONS, "code": "LAB"}]}, *([chapter] if chapter else [])],
        "code": code_of(fact),
        "subject": scope.subject,
        "encounter": scope.encounter,
        "performer": performers(fact, scope, "performer", among=STRUCTURES_TOO),
        "resultsInterpreter": performers(fact, scope, "AUTHEN", among=STRUCTURES_TOO),
        "specimen": list(specimens),
        "result": only(projected(fact.members, inner), scope, "Observation"),
        "conclusion": "\n".join(fact.notes),
        "presentedForm": list(scope.copies),
    }
    return scope.add(fact, resource | date_or_period("effective", _ended(collected or fact.when)))


def media(fact: Media, scope: Scope) -> Json | None:
    """An image or file of the entry: what it is; its bytes are in the document."""
    if fact.negated or fact.mood != "event" or not fact.content.media_type:
        return None
    resource = common(fact, scope, "Media") | {
        "status": "completed",
        "modality": codeable(fact.code),
        "content": {"contentType": fact.content.media_type},
    }
    return scope.add(fact, resource | date_or_period("created", fact.when))


def _specimen(taken: Taken, scope: Scope) -> Json:
    people = (person for person in taken.people if kind_of(scope.pool, person) in PROFESSIONALS)
    takers = (participant(scope.pool, person, f"{scope.key(taken)}|collector") for person in people)
    said = {"collector": next((taker for taker in takers if taker), None), "bodySite": codeable(taken.site)}
    collection: Json = {name: value for name, value in said.items() if value}
    collection |= date_or_period("collected", _ended(taken.collected))
    resource = {
        "resourceType": "Specimen",
        "identifier": [found for id_ in taken.ids if (found := identifier(id_))],
        "type": codeable(taken.code),
        "subject": scope.subject,
        "collection": collection,
    }
    received = taken.received
    return scope.add(taken, resource | date_time("receivedTime", received.at or received.end or received.start))


def _ended(when: When) -> When:
    """A collection of which only the end is said was done then."""
    return When(at=when.end) if when.end and not (when.at or when.start) else when


def _isolates(fact: Observation, scope: Scope) -> tuple[Json, ...]:
    """The isolate as a specimen of its own, taken from the one at hand."""
    found = []
    for number, said in enumerate(fact.specimens):
        resource = {
            "resourceType": "Specimen",
            "identifier": [one for id_ in said.ids if (one := identifier(id_))],
            "type": codeable(said.code),
            "subject": scope.subject,
            "parent": list(scope.specimens),
        }
        found.append(scope.add(fact, resource, f"|isolate {number}"))
    return tuple(found)


def _times(fact: Observation, scope: Scope) -> Json:
    if fact.category == LABORATORY and scope.effective:
        found = date_or_period("effective", _ended(scope.effective))
        issued = date_time("issued", fact.when.at)
        return found | (issued if "T" in issued.get("issued", "") else {})
    return date_or_period("effective", fact.when)


def _category(code: str) -> list[Json]:
    return [{"coding": [{"system": CATEGORIES, "code": code}]}] if code else []


def _interpretation(said: Concept) -> Json | None:
    """The result's own interpretation; a bare code is of the one code system that CDA admits there."""
    if said.code and not said.system:
        return {"coding": [coding(said.code, INTERPRETATIONS, said.display)]}
    return codeable(said) or (nothing_said() if said.null else None)
