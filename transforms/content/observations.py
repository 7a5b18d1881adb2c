"""Observations of any kind: a measure, an answer, a finding, and the panels that group them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from connectors.statements import Relation, Statement
from transforms.content.mapping import Mapping, Scope, specific
from transforms.content.model import Observation
from transforms.content.times import time_of

COMMENT = "48767-8"
"""LOINC: the comment of an act or observation (IHE PCC, Comment)."""


def observation(statement: Statement, scope: Scope, mapping: Mapping) -> Observation:
    """One observation. What hangs on it by `COMP` is a member; comments are notes; the rest is related."""
    comments = [r for r in statement.relations if is_comment(r.statement)]
    members = [r for r in statement.relations if r.type_code == "COMP" and r.statement.kind == "observation"]
    inner = msgspec.structs.replace(scope, when=time_of(statement, scope.when), category=category(statement, scope))
    return Observation(
        **mapping.common(statement, scope),
        category=inner.category,
        values=statement.values,
        interpretations=statement.interpretations,
        methods=statement.methods,
        sites=statement.sites,
        ranges=statement.ranges,
        specimens=statement.specimens,
        priority=statement.priority,
        members=mapping.facts(members, inner),
        notes=notes(comments),
        related=mapping.rest(statement, inner, done=members, fields=comments),
    )


def panel(statement: Statement, scope: Scope, mapping: Mapping) -> Observation:
    """An organizer: an observation without a value, whose members are its components."""
    comments = [r for r in statement.relations if is_comment(r.statement)]
    members = [r for r in statement.relations if not is_comment(r.statement)]
    inner = msgspec.structs.replace(scope, when=time_of(statement, scope.when), category=category(statement, scope))
    return Observation(
        **mapping.common(statement, scope),
        category=inner.category,
        specimens=statement.specimens,
        members=mapping.facts(members, inner),
        notes=notes(comments),
        related=mapping.rest(statement, inner, done=members, fields=comments),
    )


def is_comment(statement: Statement) -> bool:
    return statement.kind == "act" and statement.code.code == COMMENT


def notes(comments: Iterable[Relation]) -> tuple[str, ...]:
    """The words of comments."""
    return tuple(said for r in comments if (said := r.statement.text or r.statement.code.text))


def category(statement: Statement, scope: Scope) -> str:
    """That of its template, else of what it stands in."""
    template = specific(statement.templates)
    return (template.category if template else "") or scope.category
