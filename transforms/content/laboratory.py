"""Laboratory content (IHE PaLM XD-LAB, CI-SIS volet CR-BIO): reports, specimens, batteries, isolates, results.

A chapter or examination is a `Report`; what it holds is in the category `laboratory`. An isolate is an observation
with its organism, whose members are the count and the antibiogram. Earlier results (`REFR`) hang on the result they
are given for and are no results of this report.
"""

from __future__ import annotations

from typing import Final

import msgspec

from connectors.statements import NOTHING, Participation, Specimen, Statement
from transforms.content.mapping import Mapping, Scope, place
from transforms.content.model import NEVER, Observation, Report, Taken
from transforms.content.observations import is_comment, notes, panel
from transforms.content.times import moment, time_of, when

LABORATORY: Final = "laboratory"
RECEIVED: Final = "SPRECEIVE"
"""Code of the act of receiving a specimen (IHE PaLM, Specimen Received)."""


def report(statement: Statement, scope: Scope, mapping: Mapping) -> Report:
    """A chapter or an examination: how the specimens were taken, and its results."""
    inner = msgspec.structs.replace(scope, when=time_of(statement, scope.when), category=LABORATORY)
    comments = [r for r in statement.relations if is_comment(r.statement)]
    taking = [r for r in statement.relations if _takes(r.statement)]
    others = [r for r in statement.relations if not (is_comment(r.statement) or _takes(r.statement))]
    members = [r for r in others if r.type_code == "COMP"]
    return Report(
        **mapping.common(statement, scope),
        category=scope.code,
        taken=tuple(taken(r.statement, inner, mapping) for r in taking),
        members=mapping.facts(members, inner),
        notes=notes(comments),
        related=mapping.rest(statement, inner, done=[*taking, *members], fields=comments),
    )


def taken(statement: Statement, scope: Scope, mapping: Mapping) -> Taken:
    """The procedure of taking a specimen. The time is when it ended, which is when the specimen was there."""
    mapping.take(statement)
    received = [r for r in statement.relations if r.statement.code.code == RECEIVED]
    source = next((p for p in statement.participations if p.role_class == "SPEC"), None)
    material = _material(statement, source)
    for relation in received:
        mapping.take(relation.statement)
    return Taken(
        path=place(statement, scope),
        ids=material.ids,
        code=material.code,
        act=statement.code,
        site=statement.sites[0] if statement.sites else NOTHING,
        collected=when(statement.times),
        received=moment(received[0].statement.times[0]) if received and received[0].statement.times else NEVER,
        people=tuple(p for p in statement.participations if p is not source),
        text=statement.text,
        related=mapping.rest(statement, scope, done=received),
    )


def isolate(statement: Statement, scope: Scope, mapping: Mapping) -> Observation:
    """A cluster of microbiology: the organism, its count, its antibiogram."""
    found = panel(statement, scope, mapping)
    organism = next((specimen for specimen in statement.specimens if specimen.isolate), None)
    return found if organism is None else msgspec.structs.replace(found, organism=organism.code)


def _takes(statement: Statement) -> bool:
    return statement.kind == "procedure"


def _material(statement: Statement, source: Participation | None) -> Specimen:
    if source is not None:
        return Specimen(source.ids, source.entity)
    return statement.specimens[0] if statement.specimens else Specimen()
