"""Mappers by class: what a statement of an unknown template says by being an observation, a procedure, a supply …

They catch every document, French or foreign, whose templates no mapper knows.
"""

from __future__ import annotations

from typing import Final

import msgspec

from connectors.statements import Binary, Concept, Relation, Statement
from transforms.content.mapping import Mapper, Mapping, Scope
from transforms.content.medicines import dispensation, medication
from transforms.content.model import Device, Encounter, Media, Medication, Observation, Other, Procedure, Use
from transforms.content.observations import is_comment, notes, observation, panel
from transforms.content.times import moment, time_of

USES: Final[dict[str, Use]] = {"EVN": "administered", "INT": "planned", "RQO": "prescribed", "PRP": "planned"}
DEVICE_PARTS: Final = frozenset({"DEV", "PRD"})
"""@typeCode of the device in a supply."""
ATTACHMENT_TYPE: Final = "69764-9"
"""LOINC: document type, in the organizer of an attached file (CI-SIS)."""


def act(statement: Statement, scope: Scope, mapping: Mapping) -> Other:
    """An act, a region: what hangs on it are its members."""
    comments, members = _apart(statement, "COMP")
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
    comments, reasons = _apart(statement, "RSON")
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
    comments, reasons = _apart(statement, "RSON")
    inner = msgspec.structs.replace(scope, when=time_of(statement, scope.when))
    return Encounter(
        **mapping.common(statement, scope),
        priority=statement.priority,
        reasons=mapping.facts(reasons, inner),
        notes=notes(comments),
        related=mapping.rest(statement, inner, done=reasons, fields=comments),
    )


def administration(statement: Statement, scope: Scope, mapping: Mapping) -> Medication:
    """A substance given or to be given; without a known template it is not told whether as a treatment of today."""
    found = medication(statement, scope, mapping)
    return msgspec.structs.replace(found, use="" if statement.negated else USES.get(statement.mood, ""))


def supply(statement: Statement, scope: Scope, mapping: Mapping) -> Medication | Device:
    """A supply: a medicine when it has a product, else a device."""
    return (device if statement.product is None else dispensation)(statement, scope, mapping)


def device(statement: Statement, scope: Scope, mapping: Mapping) -> Device:
    """A device and why it is there. Its identifier (UDI) is that of the part it plays."""
    comments, reasons = _apart(statement, "RSON")
    part = next((p for p in statement.participations if p.type_code in DEVICE_PARTS), None)
    common = mapping.common(statement, scope)
    return Device(
        **common | {"people": tuple(p for p in statement.participations if p is not part)},
        device_ids=part.ids if part else (),
        device=(part.entity or part.code) if part else statement.code,
        model=(part.model or part.name) if part else "",
        quantity=statement.quantity,
        repeats=statement.repeat,
        lasting=moment(statement.expected_use),
        product=statement.product,
        reasons=mapping.facts(reasons, scope),
        notes=notes(comments),
        related=mapping.rest(statement, scope, done=reasons, fields=comments),
    )


def attached(statement: Statement, scope: Scope, mapping: Mapping) -> Media | Observation:
    """An organizer that holds one attached file and says of what type it is (CI-SIS, document attaché)."""
    files = [r for r in statement.relations if r.statement.kind == "observationMedia"]
    types = [r for r in statement.relations if r.statement.code.code == ATTACHMENT_TYPE]
    if len(files) != 1:
        return panel(statement, scope, mapping)
    kind = next((v for r in types for v in r.statement.values if isinstance(v, Concept)), statement.code)
    return Media(
        **mapping.common(statement, scope) | {"code": kind},
        content=binary(files[0].statement),
        related=mapping.rest(statement, scope, fields=[*files, *types]),
    )


def media(statement: Statement, scope: Scope, mapping: Mapping) -> Media:
    return Media(
        **mapping.common(statement, scope),
        content=binary(statement),
        related=mapping.rest(statement, scope),
    )


def _apart(statement: Statement, type_code: str) -> tuple[list[Relation], list[Relation]]:
    """The comments of a statement, and what is related to it in this way."""
    comments = [r for r in statement.relations if is_comment(r.statement)]
    return comments, [r for r in statement.relations if r.type_code == type_code and not is_comment(r.statement)]


def binary(statement: Statement) -> Binary:
    """What an observationMedia holds."""
    return next((value for value in statement.values if isinstance(value, Binary)), Binary())


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
