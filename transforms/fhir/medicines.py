"""Medicines and vaccines: statements, requests, dispenses, immunizations, with the dosage as data.

A line that is denied is `not-taken`; a vaccine that was not given is `not-done`; what is planned is a request with the
intent `plan`. Nothing is read out of the words of a dosage.
"""

from __future__ import annotations

from typing import Final

from connectors.statements import Amount, Interval, Product, Timing
from transforms.content.medicines import PRESCRIPTION_LINE
from transforms.content.model import Dosage, Immunization, Medication, Reaction, Supply, When
from transforms.content.times import moment
from transforms.fhir.clinical import (
    INTENTS,
    STRUCTURES_TOO,
    Scope,
    authored,
    common,
    performers,
    projected,
    reason_codes,
    request,
)
from transforms.fhir.people import participant
from transforms.fhir.values import (
    AS_SAID,
    NULLS,
    REASON,
    Json,
    codeable,
    date_or_period,
    date_time,
    decimal,
    identifier,
    nothing_said,
    period,
    quantity,
    range_,
    ratio,
    simple_quantity,
)
from transforms.moments import parse_ts

PERIODS: Final = {"s": "s", "min": "min", "h": "h", "d": "d", "wk": "wk", "mo": "mo", "a": "a"}
"""UCUM units of a frequency: UnitsOfTime (R4), a required binding."""
EVENTS: Final = frozenset(["HS", "WAKE", "C", "CM", "CD", "CV", "AC", "ACM", "ACD", "ACV", "PC", "PCM", "PCD", "PCV"])
"""HL7 TimingEvent as EventTiming (R4) has them."""
STATEMENTS: Final = {"administered": "completed", "stopped": "stopped"}


def medication(fact: Medication, scope: Scope) -> Json | None:
    """A line of treatment by what it is: statement, request, or dispense."""
    if fact.negated:
        return _statement(fact, scope, "not-taken")
    if fact.code.code == PRESCRIPTION_LINE and _nothing(fact):
        return None
    match fact.use:
        case "prescribed" | "planned":
            return _request(fact, scope)
        case "dispensed":
            return _dispense(fact, scope, fact.supplies[0] if fact.supplies else None)
        case _:
            return _statement(fact, scope, STATEMENTS.get(fact.use) or _taken(fact, scope))


def _nothing(fact: Medication) -> bool:
    """Whether a line names no product and says nothing: a mere reference to a line of another document."""
    said = fact.product
    named = said.name or any(c.code or c.text or c.translations for c in (said.code, said.package, *said.classes))
    return not (named or said.ingredients or fact.dosages or fact.supplies or fact.text)


def immunization(fact: Immunization, scope: Scope) -> Json | None:
    """A vaccine given, or not; one that is recommended is a request."""
    code = product_code(fact.product)
    if fact.mood != "event":
        return request(fact, scope, code, reasons=fact.reasons)
    resource = common(fact, scope, "Immunization", subject="patient") | {
        "status": "not-done" if fact.negated else "completed",
        "vaccineCode": code,
        "lotNumber": fact.product.lot,
        "expirationDate": _day(fact.product.expires),
        "site": codeable(fact.sites[0]) if fact.sites else None,
        "route": codeable(fact.route),
        "doseQuantity": simple_quantity(fact.dose),
        "performer": [{"actor": actor} for actor in performers(fact, scope, "performer", among=STRUCTURES_TOO)],
        "reasonCode": reason_codes(fact.reasons),
        "encounter": scope.encounter,
        "protocolApplied": [{"doseNumberString": fact.dose_number}] if fact.dose_number else [],
        "reaction": [
            found for reaction in fact.reactions if not reaction.negated and (found := _reaction(reaction, scope))
        ],
    }
    when = date_time("occurrenceDateTime", fact.when.at or fact.when.start)
    return scope.add(fact, resource | (when or _unknown_time(fact.when)))


def _unknown_time(when: When) -> Json:
    """R4 wants a time of every vaccine: where none is known, the words say so and an extension says why."""
    reason = NULLS.get(when.absent, "unknown")
    return {"occurrenceString": reason, "_occurrenceString": {"extension": [{"url": REASON, "valueCode": reason}]}}


def product_code(product: Product, words: str = "") -> Json:
    """The product as a concept: its code, presentation and classes, each in its own system, with its name; the words of
    its line where it has none of these."""
    name = product.name or product.code.text or ("" if product.code.code else words)
    return codeable(product.code, product.package, *product.classes, text=name) or nothing_said()


def dosage(said: Dosage) -> list[Json]:
    """One dosage: when, how much, how. Frequencies that no one timing can hold are dosages that go together, which
    the same sequence says."""
    return [found for timing in _timings(said.timings) or [{}] if (found := _dosage(said, timing))]


def _dosage(said: Dosage, timing: Json) -> Json:
    dose = {"doseQuantity": simple_quantity(said.dose)}
    if dose["doseQuantity"] is None and isinstance(said.dose, Interval):
        dose = {"doseRange": range_(said.dose)}
    rate = {"rateQuantity": simple_quantity(said.rate)}
    if rate["rateQuantity"] is None and isinstance(said.rate, Interval):
        rate = {"rateRange": range_(said.rate)}
    amounts = {name: value for name, value in (dose | rate).items() if value}
    repeat = timing | _bounds(said.period)
    words = [time.text for time in _flat(said.timings) if time.text]
    found: Json = {
        "sequence": int(said.sequence)
        if said.sequence.isascii() and said.sequence.isdigit() and len(said.sequence) < 10
        else None,
        "text": said.text or "; ".join(dict.fromkeys(words)),
        "additionalInstruction": [{"text": condition} for condition in said.conditions],
        "timing": {"repeat": repeat} if repeat else None,
        "site": codeable(said.sites[0]) if said.sites else None,
        "route": codeable(said.route),
        "doseAndRate": [amounts] if amounts else [],
        "maxDosePerPeriod": ratio(said.max_dose) if said.max_dose else None,
    }
    return {name: value for name, value in found.items() if value not in (None, "", [])}


def _bounds(when: When) -> Json:
    """From when to when; for how long, where that is said instead of the end, with the start as it was said."""
    width = when.width
    number = quantity(width) if width is not None and not when.end and width.unit in PERIODS else None
    if number is not None:
        said = {"extension": [{"url": AS_SAID, "valueString": when.start}]} if when.start else {}
        return {"boundsDuration": said | number}
    spell = period(when)
    return {"boundsPeriod": spell} if spell else {}


def _statement(fact: Medication, scope: Scope, status: str) -> Json:
    resource = common(fact, scope, "MedicationStatement") | {
        "status": status,
        "medicationCodeableConcept": product_code(fact.product, fact.text),
        "derivedFrom": projected(fact.details, scope),
        "reasonCode": reason_codes(fact.reasons),
        "dosage": _dosages(fact),
        "basedOn": _prescription(fact),
    }
    statement = scope.add(fact, resource | date_or_period("effective", fact.when))
    scope.loose.extend(_supplied(fact, scope, ordered=True))
    return statement


def _supplied(fact: Medication, scope: Scope, *, ordered: bool) -> list[Json]:
    """The supplies of a line: what was given out is a dispense; what was only to be given out, a request for it."""
    found = []
    for supply in fact.supplies:
        if fact.negated or supply.negated or supply.null:
            continue
        if supply.mood == "event":
            found.append(_dispense(fact, scope, supply, f"|{supply.path}"))
        elif ordered:
            resource = common(fact, scope, "MedicationRequest") | {
                "identifier": [one for id_ in supply.ids if (one := identifier(id_))],
                "status": "unknown",
                "intent": INTENTS.get(supply.mood, "proposal"),
                "medicationCodeableConcept": product_code(supply.product or fact.product, fact.text),
                "dispenseRequest": _to_dispense(supply, supply.repeats),
            }
            found.append(scope.add(fact, resource, f"|{supply.path}"))
    return found


def _to_dispense(supply: Supply | None, repeats: Interval | Amount | None) -> Json:
    found: Json = {}
    if supply is not None and supply.quantity is not None and (number := quantity(supply.quantity)):
        found["quantity"] = number
    if isinstance(repeats, Amount) and repeats.value.isascii() and repeats.value.isdigit() and len(repeats.value) < 10:
        found["numberOfRepeatsAllowed"] = int(repeats.value)
    if supply is not None and supply.lasting.width is not None and (number := quantity(supply.lasting.width)):
        found["expectedSupplyDuration"] = number
    return found


def _taken(fact: Medication, scope: Scope) -> str:
    """Still taken when the document was made, unless it ended before: that a line is written down does not end it.
    What was once given out, without any period, nobody says to be taken still (reimbursement history)."""
    if fact.status in ("aborted", "suspended"):
        return "stopped" if fact.status == "aborted" else "on-hold"
    if fact.mood != "event":
        return "intended"
    if not fact.when and any(supply.mood == "event" for supply in fact.supplies):
        return "unknown"
    return "completed" if fact.when.end and fact.when.end[:10] < scope.created[:10] else "active"


def _request(fact: Medication, scope: Scope) -> Json:
    asked = (supply for supply in fact.supplies if not (supply.mood == "event" or supply.negated or supply.null))
    supply = next(asked, None)
    repeats = fact.repeats or (supply.repeats if supply is not None else None)
    resource = common(fact, scope, "MedicationRequest") | {
        "note": _notes(fact),
        "status": {"aborted": "stopped", "cancelled": "cancelled", "suspended": "on-hold"}.get(fact.status, "active"),
        "intent": "order" if fact.use == "prescribed" else INTENTS.get(fact.mood, "plan"),
        "medicationCodeableConcept": product_code(fact.product, fact.text),
        "encounter": scope.encounter,
        "requester": next(iter(performers(fact, scope, "author")), None)
        or (scope.author if fact.use == "prescribed" else None),
        "reasonCode": reason_codes(fact.reasons),
        "dosageInstruction": _dosages(fact),
        "dispenseRequest": _to_dispense(supply, repeats),
        "substitution": _substitution(fact, "allowedCodeableConcept"),
        "supportingInformation": projected(fact.details, scope),
    }
    scope.loose.extend(_supplied(fact, scope, ordered=False))
    return scope.add(fact, resource | authored(fact))


def _dispense(fact: Medication, scope: Scope, supply: Supply | None, suffix: str = "") -> Json:
    when = supply.when if supply is not None else When()
    given = next((p for p in supply.people if p.kind == "performer"), None) if supply is not None else None
    actor = participant(scope.pool, given, f"{scope.key(fact)}{suffix}|given by") if given is not None else None
    handed = when.at or when.start or (moment(given.time).at if given is not None else "")
    resource = common(fact, scope, "MedicationDispense") | {
        "note": _notes(fact) if not suffix else [],
        "supportingInformation": projected(fact.details, scope) if not suffix else [],
        "status": "completed",
        "medicationCodeableConcept": product_code((supply.product if supply else None) or fact.product, fact.text),
        "performer": [{"actor": actor}] if actor else [],
        "authorizingPrescription": _prescription(fact),
        "quantity": quantity(supply.quantity) if supply is not None and supply.quantity is not None else None,
        "dosageInstruction": _dosages(fact) if not suffix else [],
        "substitution": _substitution(fact, "type", wasSubstituted=True)
        if fact.substitution.code in TAKEN_PLACE
        else None,
    }
    return scope.add(fact, resource | date_time("whenHandedOver", handed), suffix)


def _dosages(fact: Medication) -> list[Json]:
    found = [one for said in fact.dosages for one in dosage(said)]
    words = " ".join(fact.patient_instructions)
    if words and found:
        found[0] = found[0] | {"patientInstruction": words}
    return found or ([{"patientInstruction": words}] if words else [])


def _notes(fact: Medication) -> list[Json]:
    """Comments, and what is said to who dispenses: R4 has no place of its own for it."""
    return [{"text": note} for note in (*fact.notes, *fact.dispenser_instructions)]


def _prescription(fact: Medication) -> list[Json]:
    """The line it follows, by its identifier: it is in another document."""
    found = (identifier(id_) for id_ in fact.prescription)
    return [{"type": "MedicationRequest", "identifier": one} for one in found if one]


def _substitution(fact: Medication, name: str, **more: bool) -> Json | None:
    code = codeable(fact.substitution)
    return more | {name: code} if code else None


def _reaction(reaction: Reaction, scope: Scope) -> Json | None:
    code = codeable(reaction.code, text=reaction.code.text or reaction.text)
    if code is None:
        return None
    seen = scope.add(
        reaction,
        {"resourceType": "Observation", "status": "final", "code": code, "subject": scope.subject}
        | date_or_period("effective", reaction.when),
    )
    return {"detail": seen} | date_time("date", reaction.when.at or reaction.when.start)


def _flat(timings: tuple[Timing, ...]) -> list[Timing]:
    found: list[Timing] = []
    for time in timings:
        found.extend(_flat(time.parts) if time.kind == "SXPR_TS" else [time])
    return found


def _timings(timings: tuple[Timing, ...]) -> list[Json]:
    """The moments of the day as one timing, each frequency as another."""
    found = [timing for time in _flat(timings) if (timing := _timing(time))]
    moments = list(dict.fromkeys(moment for timing in found for moment in timing.get("when", ())))
    return [*([{"when": moments}] if moments else []), *(timing for timing in found if "when" not in timing)]


def _timing(time: Timing) -> Json:
    """A frequency: once in so long, or at a moment of the day."""
    if time.kind == "EIVL_TS" and time.event in EVENTS:
        return {"when": [time.event]}
    if time.kind == "PIVL_TS" and time.period is not None:
        number = decimal(time.period.value)
        if number is not None and time.period.unit in PERIODS:
            return {"frequency": 1, "period": number, "periodUnit": PERIODS[time.period.unit]}
    return {}


def _day(said: str) -> str:
    found = parse_ts(said)
    return found.day if found else ""


TAKEN_PLACE: Final = frozenset({"E", "EC", "BC", "G", "TE", "TB", "TG", "F"})
"""substanceAdminSubstitution: another product took the place; `N` says that none did."""
