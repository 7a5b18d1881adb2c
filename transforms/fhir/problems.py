"""Conditions, allergies, family history, procedures, devices and encounters.

What is denied is `refuted` or `not-done`. An allergy without any agent has no resource: "none known" is in the
narrative, and a resource without a substance would read as an allergy.
"""

from __future__ import annotations

import csv
from importlib import resources
from typing import Final

from connectors.statements import Concept, Words
from transforms.content.model import Allergy, Condition, Device, Encounter, FamilyMember, Other, Procedure, Reaction
from transforms.fhir.clinical import (
    INTENTS,
    PEOPLE,
    PROFESSIONALS,
    REQUESTED,
    Scope,
    code_of,
    common,
    performers,
    projected,
    reason_codes,
    request,
)
from transforms.fhir.values import (
    Json,
    codeable,
    coding,
    date_or_period,
    date_time,
    identifier,
    nothing_said,
    period,
    quantity,
)

CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFICATION: Final = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
ALLERGY_CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
ALLERGY_VERIFICATION: Final = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
CONDITION_CATEGORIES: Final = "http://terminology.hl7.org/CodeSystem/condition-category"
CLINICAL_CODES: Final = frozenset({"active", "recurrence", "relapse", "inactive", "remission", "resolved"})
ALLERGY_CLINICAL_CODES: Final = frozenset({"active", "inactive", "resolved"})
VERIFICATION_CODES: Final = frozenset({"unconfirmed", "provisional", "differential", "confirmed", "refuted"})
ALLERGY_VERIFICATION_CODES: Final = frozenset({"unconfirmed", "confirmed", "refuted"})
STATUS_CODES: Final = {"55561003": "active", "73425007": "inactive", "413322009": "resolved"}
"""SNOMED CT codes of problem statuses (C-CDA, IHE PCC) to clinical status."""
ONGOING: Final = frozenset({"active", "recurrence", "relapse"})
CONCERNS: Final = {"active": "active", "suspended": "inactive", "aborted": "inactive", "completed": "inactive"}
"""ActStatus of a concern: no longer followed is not resolved."""
CRITICALITIES: Final = {"low": "low", "high": "high", "CRITL": "low", "CRITH": "high", "CRITU": "unable-to-assess"}
SEVERITIES: Final = {
    "255604002": "mild",
    "371923003": "mild",
    "6736007": "moderate",
    "371924009": "moderate",
    "24484000": "severe",
    "399166001": "severe",
    "L": "mild",
    "M": "moderate",
    "H": "severe",
}
"""SNOMED CT and HL7 SeverityObservation to reaction severity (R4)."""
DONE: Final = {
    "completed": "completed",
    "active": "in-progress",
    "aborted": "stopped",
    "cancelled": "not-done",
    "suspended": "on-hold",
    "held": "on-hold",
    "nullified": "entered-in-error",
}
"""ActStatus to EventStatus."""
REQUESTERS: Final = ("Device", "Organization", "Practitioner")
ENCOUNTERS: Final = "2.16.840.1.113883.5.4"


def condition(fact: Condition, scope: Scope) -> Json | None:
    """A problem. Its answer in words stands for a code; a yes or no says nothing by itself. One that ended, of which
    nothing else is said, is resolved (IHE PCC: the end of a problem is when it was); a denied one has no status."""
    words = fact.answer.text if isinstance(fact.answer, Words) else ""
    code = codeable(fact.problem, text=fact.problem.text or words or ("" if fact.problem.code else fact.text))
    if code is None or fact.mood != "event":
        return None
    known = fact.certainty.code if fact.certainty.code in VERIFICATION_CODES else ""
    verification = "refuted" if fact.negated else known
    clinical = _clinical(fact.clinical_status, CLINICAL_CODES) or CONCERNS.get(fact.concern_status, "")
    ended = date_time("abatementDateTime", fact.when.end) if clinical not in ONGOING and not fact.negated else {}
    if ended and not clinical:
        clinical = "resolved"
    if fact.negated:
        clinical = ""
    resource = common(fact, scope, "Condition") | {
        "clinicalStatus": _code(CLINICAL, clinical),
        "verificationStatus": _code(VERIFICATION, verification),
        "category": [_code(CONDITION_CATEGORIES, "problem-list-item")] if fact.concern_status and clinical else [],
        "severity": codeable(fact.severity),
        "code": code,
        "bodySite": [found for site in fact.sites if (found := codeable(site))],
        "encounter": scope.encounter,
        "recorder": next(iter(performers(fact, scope, "author", among=PEOPLE)), None),
    }
    resource |= date_time("onsetDateTime", fact.when.start or fact.when.at)
    return scope.add(fact, resource | ended | date_time("recordedDate", fact.recorded.start or fact.recorded.at))


def allergy(fact: Allergy, scope: Scope) -> Json | None:
    """An allergy or intolerance to something."""
    code = codeable(fact.agent)
    if code is None or fact.mood != "event" or not (fact.agent.code or fact.agent.text or fact.agent.translations):
        return None
    known = fact.certainty.code if fact.certainty.code in ALLERGY_VERIFICATION_CODES else ""
    clinical = _clinical(fact.clinical_status, ALLERGY_CLINICAL_CODES) or CONCERNS.get(fact.concern_status, "active")
    kind = KINDS.get(fact.code.code) or KINDS.get(fact.value.code, {})
    resource = common(fact, scope, "AllergyIntolerance", subject="patient") | {
        "clinicalStatus": nothing_said("not-applicable") if fact.negated else _code(ALLERGY_CLINICAL, clinical),
        "verificationStatus": _code(ALLERGY_VERIFICATION, "refuted" if fact.negated else known),
        "type": kind.get("type"),
        "category": [kind["category"]] if kind.get("category") else [],
        "criticality": CRITICALITIES.get(fact.criticality.code),
        "code": code,
        "encounter": scope.encounter,
        "recorder": next(iter(performers(fact, scope, "author", among=PEOPLE)), None),
        "reaction": [found for said in fact.reactions if not said.negated and (found := _reaction(said))],
    }
    resource |= date_time("onsetDateTime", fact.when.start or fact.when.at)
    return scope.add(fact, resource | date_time("recordedDate", fact.recorded.start or fact.recorded.at))


def relative(fact: FamilyMember, scope: Scope) -> Json | None:
    """A relative and their problems, without a name."""
    relation = codeable(fact.relation)
    if relation is None or fact.negated:
        return None
    problems = [said for said in fact.conditions if isinstance(said, Condition) and not (said.negated or said.null)]
    resource = common(fact, scope, "FamilyMemberHistory", subject="patient") | {
        "status": "completed",
        "relationship": relation,
        "sex": codeable(fact.sex),
        "condition": [
            {"code": code, "note": [{"text": note} for note in said.notes]} if said.notes else {"code": code}
            for said in problems
            if (code := codeable(said.problem, text=said.problem.text or said.text))
        ],
    }
    return scope.add(fact, resource)


def procedure(fact: Procedure, scope: Scope) -> Json | None:
    """An act done, or not; one that is asked for or planned is a request."""
    if fact.mood != "event":
        sites, priority = fact.sites, fact.priority
        return request(fact, scope, code_of(fact), reasons=fact.reasons, sites=sites, priority=priority)
    resource = common(fact, scope, "Procedure") | {
        "status": "not-done" if fact.negated else DONE.get(fact.status, "unknown"),
        "code": code_of(fact),
        "encounter": scope.encounter,
        "performer": [{"actor": actor} for actor in performers(fact, scope, "performer")],
        "bodySite": [found for site in fact.sites if (found := codeable(site))],
        "reasonCode": reason_codes(fact.reasons),
    }
    return scope.add(fact, resource | date_or_period("performed", fact.when))


def encounter(fact: Encounter, scope: Scope) -> Json | None:
    """A visit or stay; an appointment that is asked for is a request."""
    if fact.mood != "event":
        return request(fact, scope, code_of(fact), reasons=fact.reasons, priority=fact.priority)
    if fact.negated:
        return None
    class_ = coding(fact.code.code, fact.code.system, fact.code.display) if fact.code.code else nothing_said()
    resource = common(fact, scope, "Encounter") | {
        "note": None,
        "status": "cancelled"
        if fact.status in ("aborted", "cancelled")
        else "finished"
        if fact.when.end
        else "unknown",
        "class": class_ if fact.code.system == ENCOUNTERS else nothing_said(),
        "type": [code] if fact.code.system != ENCOUNTERS and (code := codeable(fact.code)) else [],
        "period": period(fact.when),
        "reasonCode": reason_codes(fact.reasons),
        "participant": [{"individual": who} for who in _people(fact, scope)],
    }
    return scope.add(fact, resource)


def device(fact: Device, scope: Scope) -> Json | None:
    """A device in use, or asked for. A serial number or UDI is kept as it stands."""
    kind = codeable(fact.device) or (codeable(fact.product.code) if fact.product else None)
    if fact.mood != "event":
        if fact.negated:
            return None
        resource = common(fact, scope, "DeviceRequest") | {
            "status": REQUESTED.get(fact.status, "active"),
            "intent": INTENTS.get(fact.mood, "proposal"),
            "codeCodeableConcept": kind or nothing_said(),
            "requester": next(iter(performers(fact, scope, "author", among=REQUESTERS)), None),
            "reasonCode": reason_codes(fact.reasons),
        }
        if fact.quantity is not None and (number := quantity(fact.quantity)):
            words = {"text": "quantity"}
            resource["parameter"] = [{"code": words, "valueQuantity": number}]
        if fact.lasting.width is not None and (number := quantity(fact.lasting.width)):
            words = {"text": "expected use"}
            resource.setdefault("parameter", []).append({"code": words, "valueQuantity": number})
        return scope.add(fact, resource)
    if fact.negated or not (kind or fact.device_ids or fact.model):
        return None
    thing = {
        "resourceType": "Device",
        "identifier": [found for id_ in fact.device_ids if (found := identifier(id_))],
        "udiCarrier": [{"carrierHRF": id_.extension} for id_ in fact.device_ids if id_.root in UDI and id_.extension],
        "deviceName": [{"name": fact.model, "type": "model-name"}] if fact.model else [],
        "type": kind,
        "patient": scope.subject,
    }
    resource = common(fact, scope, "DeviceUseStatement") | {
        "status": "active",
        "device": scope.add(fact, thing, "|device"),
        "reasonCode": reason_codes(fact.reasons),
    }
    if fact.when.at:
        resource |= date_time("timingDateTime", fact.when.at)
    elif spell := period(fact.when):
        resource["timingPeriod"] = spell
    return scope.add(fact, resource)


def group(fact: Other, scope: Scope) -> Json | None:
    """An act that no resource holds: what it groups stands in the section by itself."""
    scope.loose.extend(projected(fact.members, scope))
    return None


def _people(fact: Encounter, scope: Scope) -> list[Json]:
    return performers(fact, scope, "performer", "participant", among=PROFESSIONALS)


def _reaction(said: Reaction) -> Json | None:
    shown = codeable(said.code, text=said.code.text or said.text)
    if shown is None:
        return None
    found: Json = {"manifestation": [shown]}
    if said.severity.code in SEVERITIES:
        found["severity"] = SEVERITIES[said.severity.code]
    if notes := [{"text": note} for note in said.notes]:
        found["note"] = notes
    return found | date_time("onset", said.when.start or said.when.at)


def _clinical(said: Concept, known: frozenset[str]) -> str:
    code = STATUS_CODES.get(said.code, said.code)
    return code if code in known else ""


def _code(system: str, code: str) -> Json | None:
    return {"coding": [{"system": system, "code": code}]} if code else None


def _kinds() -> dict[str, dict[str, str]]:
    text = resources.files(__package__).joinpath("allergy_kinds.csv").read_text("utf-8")
    return {row["code"]: row for row in csv.DictReader(text.splitlines())}


KINDS: Final = _kinds()
UDI: Final = frozenset({"2.16.840.1.113883.3.3719", "2.51.1.1"})
"""Authorities of unique device identifiers: FDA, GS1."""
