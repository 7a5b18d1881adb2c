"""Mappers by class: what a statement of an unknown template says by being an observation, a procedure, a supply …

They catch every document, French or foreign, whose templates no mapper knows.
"""

from __future__ import annotations

from typing import Final

import msgspec

from connectors.statements import Product, Statement
from transforms.content.mapping import Mapper, Mapping, Scope
from transforms.content.model import Binary as BinaryContent
from transforms.content.model import Device, Dosage, Encounter, Media, Medication, Other, Procedure, Supply, Use
from transforms.content.observations import is_comment, notes, observation, panel
from transforms.content.times import time_of

USES: Final[dict[str, Use]] = {"EVN": "administered", "INT": "planned", "RQO": "prescribed", "PRP": "planned"}
DEVICE_PARTS: Final = frozenset({"DEV", "PRD"})


def act(statement: Statement, scope: Scope, mapping: Mapping) -> Other:
    """An act, a region: what hangs on it are its members."""
    comments = [r for r in statement.relations if is_comment(r.statement)]
    members = [r for r in statement.relations if r.type_code == "COMP" and not is_comment(r.statement)]
    inner = msgspec.structs.replace(scope, when=time_of(statement, scope.when))
    return Other(
        **mapping.common(statement, scope),
        class_code=statement.class_code,
        members=mapping.facts(members, inner),
        notes=notes(comments),
        related=mapping.rest(statement, inner, done=members, fields=comments),
    )


def procedure(statement: Statement, scope: Scope, mapping: Mapping) -> Procedure:
    """A procedure; what it was done for (`RSON`) apart."""
    comments = [r for r in statement.relations if is_comment(r.statement)]
    reasons = [r for r in statement.relations if r.type_code == "RSON" and not is_comment(r.statement)]
    inner = msgspec.structs.replace(scope, when=time_of(statement, scope.when))
    return Procedure(
        **mapping.common(statement, scope),
        sites=statement.sites,
        approach_sites=statement.approach_sites,
        methods=statement.methods,
        priority=statement.priority,
        reasons=mapping.facts(reasons, inner),
        notes=notes(comments),
        related=mapping.rest(statement, inner, done=reasons, fields=comments),
    )


def encounter(statement: Statement, scope: Scope, mapping: Mapping) -> Encounter:
    comments = [r for r in statement.relations if is_comment(r.statement)]
    reasons = [r for r in statement.relations if r.type_code == "RSON" and not is_comment(r.statement)]
    inner = msgspec.structs.replace(scope, when=time_of(statement, scope.when))
    return Encounter(
        **mapping.common(statement, scope),
        priority=statement.priority,
        reasons=mapping.facts(reasons, inner),
        notes=notes(comments),
        related=mapping.rest(statement, inner, done=reasons, fields=comments),
    )


def administration(statement: Statement, scope: Scope, mapping: Mapping) -> Medication:
    """A substance given or to be given, and how; what else there is hangs on it."""
    comments = [r for r in statement.relations if is_comment(r.statement)]
    period = time_of(statement, scope.when)
    inner = msgspec.structs.replace(scope, when=period)
    dosage = Dosage(
        period=period,
        timings=tuple(time for time in statement.times if time.kind in ("PIVL_TS", "EIVL_TS", "SXPR_TS")),
        dose=statement.dose,
        rate=statement.rate,
        max_dose=statement.max_dose,
        route=statement.route,
        sites=statement.approach_sites,
        unit=statement.administration_unit,
        conditions=statement.preconditions,
    )
    return Medication(
        **mapping.common(statement, scope),
        use="" if statement.negated else USES.get(statement.mood, ""),
        product=statement.product or Product(),
        dosages=() if dosage == Dosage(period=period) and not period else (dosage,),
        repeats=statement.repeat,
        notes=notes(comments),
        related=mapping.rest(statement, inner, fields=comments),
    )


def supply(statement: Statement, scope: Scope, mapping: Mapping) -> Medication | Device:
    """A supply: a medicine when its product is one, else a device."""
    if statement.product is not None:
        return _dispensed(statement, scope, mapping)
    comments = [r for r in statement.relations if is_comment(r.statement)]
    part = next((p for p in statement.participations if p.type_code in DEVICE_PARTS), None)
    common = mapping.common(statement, scope)
    return Device(
        **common | {"people": tuple(p for p in statement.participations if p is not part)},
        device_ids=part.ids if part else (),
        device=(part.entity or part.code) if part else statement.code,
        model=(part.model or part.name) if part else "",
        quantity=statement.quantity,
        notes=notes(comments),
        related=mapping.rest(statement, scope, fields=comments),
    )


def media(statement: Statement, scope: Scope, mapping: Mapping) -> Media:
    content = next((value for value in statement.values if isinstance(value, BinaryContent)), BinaryContent())
    return Media(
        **mapping.common(statement, scope),
        content=content,
        related=mapping.rest(statement, scope),
    )


def _dispensed(statement: Statement, scope: Scope, mapping: Mapping) -> Medication:
    comments = [r for r in statement.relations if is_comment(r.statement)]
    given = Supply(
        path=f"{scope.section}/{statement.path}",
        mood=mapping.common(statement, scope)["mood"],
        quantity=statement.quantity,
        repeats=statement.repeat,
        when=time_of(statement, scope.when),
        text=statement.text,
    )
    return Medication(
        **mapping.common(statement, scope),
        use="dispensed" if statement.mood == "EVN" else "prescribed" if statement.mood in ("RQO", "INT") else "",
        product=statement.product or Product(),
        supplies=(given,),
        notes=notes(comments),
        related=mapping.rest(statement, scope, fields=comments),
    )


CLASSES: Final[dict[str, Mapper]] = {
    "act": act,
    "encounter": encounter,
    "observation": observation,
    "observationMedia": media,
    "organizer": panel,
    "procedure": procedure,
    "regionOfInterest": act,
    "substanceAdministration": administration,
    "supply": supply,
}
