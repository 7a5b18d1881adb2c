"""From the statements of a document to its facts: a mapper by template, else by class; nothing is left out.

`templates.csv` says which mapper a template has, and how specific it is: of the templates of a statement the most
specific one chooses, wherever it stands. What a mapper does not take as a field of its fact is mapped in turn and
hangs on it as `related`, so that every statement of the document is in the content, once.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from importlib import resources
from typing import Any, Final, TypeAlias

import msgspec

from connectors.statements import NOTHING, Concept, Relation, Statement
from transforms.content.model import NEVER, AnyFact, Content, Coverage, Mood, Related, When
from transforms.content.times import time_of
from transforms.oids import meant

MOODS: Final[dict[str, Mood]] = {
    "EVN": "event",
    "INT": "intent",
    "RQO": "request",
    "PRP": "proposal",
    "PRMS": "promise",
    "APT": "appointment",
    "ARQ": "appointment",
    "GOL": "goal",
    "DEF": "definition",
}


APART: Final = frozenset({"CAUS", "REFR", "RSON", "SAS"})
"""ActRelationshipType to a cause, a reason, an earlier act, a start: what has its own time, or none."""


class Scope(msgspec.Struct, frozen=True):
    """Where a statement stands: its section, and what it inherits from the statement around it."""

    section: int
    code: Concept = NOTHING
    """Of the section."""
    when: When = NEVER
    category: str = ""
    """Of the observation or report around it."""
    models: tuple[str, ...] = ()
    """Templates of the document."""


class Template(msgspec.Struct, frozen=True):
    """A row of `templates.csv`."""

    oid: str
    mapper: str
    category: str
    rank: int
    name: str
    source: str


class Part(msgspec.Struct, frozen=True):
    """A section and its statements."""

    number: int
    code: Concept
    statements: tuple[Statement, ...]
    narrative: bool


class Mapping:
    """One pass over a document: which statements were mapped, and by what."""

    def __init__(self, mappers: dict[str, Mapper], classes: dict[str, Mapper]) -> None:
        self._mappers = mappers
        self._classes = classes
        self._seen = 0
        self._by_class = 0
        self._unknown: set[str] = set()

    def fact(self, statement: Statement, scope: Scope) -> AnyFact:
        """The fact of a statement, by its most specific template, else by its class."""
        template = specific(statement.templates)
        self._seen += 1
        if template is not None:
            return self._mappers[template.mapper](statement, scope, self)
        self._by_class += 1
        self._unknown.update(statement.templates)
        return self._classes[statement.kind](statement, scope, self)

    def take(self, statement: Statement) -> Statement:
        """A statement that becomes part of the fact being made; what is under it still goes through `rest`."""
        self._seen += 1
        return statement

    def facts(self, relations: Iterable[Relation], scope: Scope) -> tuple[AnyFact, ...]:
        return tuple(self.fact(relation.statement, _beside(scope, relation)) for relation in relations)

    def rest(
        self,
        statement: Statement,
        scope: Scope,
        *,
        done: Collection[Relation] = (),
        fields: Collection[Relation] = (),
    ) -> tuple[Related, ...]:
        """What is related to a statement and has no place in its fact.

        `done` were mapped or taken by the caller, with all under them. `fields` are taken here as fields of the fact
        (a comment, a severity): only what hangs on them in turn is related.
        """
        ours, inner = {id(relation) for relation in done}, {id(relation) for relation in fields}
        found: list[Related] = []
        for relation in statement.relations:
            if id(relation) in inner:
                found.extend(self.rest(self.take(relation.statement), scope))
            elif id(relation) not in ours:
                fact = self.fact(relation.statement, _beside(scope, relation))
                found.append(Related(relation.type_code, fact, relation.inverted))
        return tuple(found)

    def common(self, statement: Statement, scope: Scope) -> dict[str, Any]:
        """The fields that every fact has, but for `related` and `notes`."""
        template = specific(statement.templates)
        return {
            "path": place(statement, scope),
            "template": template.oid if template else "",
            "mood": MOODS.get(statement.mood, ""),
            "negated": statement.negated,
            "null": statement.null,
            "status": statement.status,
            "ids": statement.ids,
            "code": statement.code,
            "text": statement.text,
            "when": time_of(statement, scope.when),
            "people": statement.participations,
            "references": statement.references,
        }

    def coverage(self, parts: Iterable[Part]) -> Coverage:
        parts = tuple(parts)
        entries = [statement for part in parts for statement in part.statements]
        coded = [entry for entry in entries if has_code(entry)]
        whole = sum(1 + statement.left for entry in entries for statement in every(entry))
        return Coverage(
            templates=self._seen - self._by_class,
            classes=self._by_class,
            raw=whole - self._seen,
            entries=len(entries),
            coded=len(coded),
            mapped=sum(1 for entry in coded if specific(entry.templates) is not None),
            narrative=sum(1 for part in parts if part.narrative and not part.statements),
            unknown_templates=tuple(sorted(self._unknown)),
        )


Mapper: TypeAlias = Callable[[Statement, Scope, Mapping], AnyFact]


def content(
    parts: Iterable[Part], models: tuple[str, ...], mappers: dict[str, Mapper], classes: dict[str, Mapper]
) -> Content:
    """The coded content of a document; `models` are its own templates."""
    parts = tuple(parts)
    mapping = Mapping(mappers, classes)
    facts = tuple(
        mapping.fact(denied(statement), Scope(part.number, part.code, models=models))
        for part in parts
        for statement in part.statements
    )
    return Content(facts, mapping.coverage(parts))


def _beside(scope: Scope, relation: Relation) -> Scope:
    """What a related statement inherits: no time, where the relation is to something of another time."""
    return msgspec.structs.replace(scope, when=NEVER) if relation.type_code in APART and scope.when else scope


def denied(statement: Statement, around: bool = False) -> Statement:
    """The statement with every denial where it counts: on what is denied.

    Some documents deny a finding by the relation that leads to it (`entryRelationship/@negationInd`), some a problem by
    the act around it: what either holds is then no fact.
    """
    negated = statement.negated or around
    inner = tuple(_denied(relation, negated and _holds(statement, relation)) for relation in statement.relations)
    same = all(new is old for new, old in zip(inner, statement.relations, strict=True))
    if same and negated == statement.negated:
        return statement
    return msgspec.structs.replace(statement, negated=negated, relations=inner)


def _denied(relation: Relation, around: bool) -> Relation:
    found = denied(relation.statement, around or relation.negated)
    return relation if found is relation.statement else msgspec.structs.replace(relation, statement=found)


def _holds(outer: Statement, relation: Relation) -> bool:
    """Whether a relation leads to a part of the statement, and not to a reason or a remark."""
    if relation.type_code == "COMP":
        return True
    return outer.kind == "act" and relation.type_code == "SUBJ" and not relation.inverted


def place(statement: Statement, scope: Scope) -> str:
    return f"{scope.section}/{statement.path}"


@lru_cache(maxsize=4096)
def specific(templates: tuple[str, ...]) -> Template | None:
    """The most specific template with a mapper, the first of equals."""
    known = [TEMPLATES[oid] for said in templates if (oid := meant(said)) in TEMPLATES]
    return max(known, key=lambda row: row.rank, default=None)


def has_code(statement: Statement) -> bool:
    """Whether a statement or one under it holds a code."""
    return any(s.code.code or any(isinstance(v, Concept) and v.code for v in s.values) for s in every(statement))


def every(statement: Statement) -> Iterable[Statement]:
    """A statement and all under it."""
    yield statement
    for relation in statement.relations:
        yield from every(relation.statement)


def _read() -> dict[str, Template]:
    text = resources.files(__package__).joinpath("templates.csv").read_text("utf-8")
    return {row["oid"]: msgspec.convert(row, Template, strict=False) for row in csv.DictReader(text.splitlines())}


TEMPLATES: Final = _read()
