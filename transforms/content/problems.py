"""Problems, diagnoses, past illnesses, allergies and what runs in the family (IHE PCC; CI-SIS; C-CDA alike).

The concern around a problem says whether it is still followed; the observation in it says what it is. Severity,
certainty, status and criticality are observations that hang on it, told apart by their code.
"""

from __future__ import annotations

from typing import Final

import msgspec

from connectors.statements import NOTHING, Concept, Participation, Relation, Statement
from transforms.content.mapping import Mapping, Scope, place
from transforms.content.model import Allergy, AnyFact, Condition, FamilyMember, Other, Reaction
from transforms.content.observations import is_comment, notes
from transforms.content.times import time_of

SEVERITY: Final = "SEV"
STATUS: Final = "33999-4"
CERTAINTY: Final = "66455-7"
CRITICALITY: Final = "82606-5"
REACTION: Final = "MFST"
AGENT: Final = "CSM"
SUBJECT: Final = "subject"


def concern(statement: Statement, scope: Scope, mapping: Mapping) -> Condition | Allergy | Other:
    """The act that follows a problem or an allergy. With one observation in it, it is that fact; else a group."""
    inside = [r for r in statement.relations if r.statement.kind == "observation" and r.type_code == "SUBJ"]
    comments = [r for r in statement.relations if is_comment(r.statement)]
    common = mapping.common(statement, scope)
    if len(inside) == 1 and not inside[0].inverted:
        found = mapping.fact(inside[0].statement, scope)
        if isinstance(found, Condition | Allergy):
            rest = mapping.rest(statement, scope, done=inside, fields=comments)
            followed = {
                "null": found.null or statement.null,
                "recorded": common["when"],
                "notes": found.notes + notes(comments),
                "related": found.related + rest,
                "people": found.people + statement.participations,
            }
            if isinstance(found, Condition):
                return msgspec.structs.replace(found, concern_status=statement.status, **followed)
            return msgspec.structs.replace(found, concern_status=statement.status, **followed)
        members: tuple[AnyFact, ...] = (found,)
    else:
        members = mapping.facts(inside, scope)
    return Other(
        **common,
        class_code=statement.class_code,
        members=members,
        notes=notes(comments),
        related=mapping.rest(statement, scope, done=inside, fields=comments),
    )


def problem(statement: Statement, scope: Scope, mapping: Mapping) -> Condition:
    """A problem observation: what it is, how sure, how severe. Without a coded value its answer is kept as it is."""
    fields, named = _fields(statement, (SEVERITY, STATUS, CERTAINTY))
    coded = next((value for value in statement.values if isinstance(value, Concept)), None)
    return Condition(
        **mapping.common(statement, scope),
        problem=coded or NOTHING,
        answer=next((value for value in statement.values if not isinstance(value, Concept)), None),
        severity=named[SEVERITY],
        clinical_status=named[STATUS],
        certainty=named[CERTAINTY],
        sites=statement.sites,
        notes=notes([r for r in fields if is_comment(r.statement)]),
        related=mapping.rest(statement, scope, fields=fields),
    )


def allergy(statement: Statement, scope: Scope, mapping: Mapping) -> Allergy:
    """An allergy or intolerance. The agent is the product that takes part, else the value."""
    fields, named = _fields(statement, (SEVERITY, STATUS, CERTAINTY, CRITICALITY))
    reactions = [r for r in statement.relations if r.type_code == REACTION and r.statement.kind == "observation"]
    product = next((p for p in statement.participations if p.type_code == AGENT), None)
    value = next((value for value in statement.values if isinstance(value, Concept)), NOTHING)
    agent = _agent(product)
    common = mapping.common(statement, scope)
    return Allergy(
        **common | {"people": tuple(p for p in statement.participations if p is not product)},
        agent=agent or value,
        value=value if agent else NOTHING,
        severity=named[SEVERITY],
        clinical_status=named[STATUS],
        certainty=named[CERTAINTY],
        criticality=named[CRITICALITY],
        reactions=tuple(reaction(r.statement, scope, mapping) for r in reactions),
        notes=notes([r for r in fields if is_comment(r.statement)]),
        related=mapping.rest(statement, scope, done=reactions, fields=fields),
    )


def reaction(statement: Statement, scope: Scope, mapping: Mapping) -> Reaction:
    """How an allergy or a vaccine showed, and how severely."""
    mapping.take(statement)
    fields, named = _fields(statement, (SEVERITY,))
    coded = next((value for value in statement.values if isinstance(value, Concept)), None)
    return Reaction(
        path=place(statement, scope),
        code=coded or NOTHING,
        severity=named[SEVERITY],
        when=time_of(statement, scope.when),
        text=statement.text,
        negated=statement.negated,
        notes=notes([r for r in fields if is_comment(r.statement)]),
        related=mapping.rest(statement, scope, fields=fields),
    )


def relative(statement: Statement, scope: Scope, mapping: Mapping) -> FamilyMember:
    """A relative by the relation, and the problems known of them: they are never the patient's."""
    subject = next((p for p in statement.participations if p.kind == SUBJECT), None)
    problems = [r for r in statement.relations if r.statement.kind == "observation" and not is_comment(r.statement)]
    comments = [r for r in statement.relations if is_comment(r.statement)]
    common = mapping.common(statement, scope)
    return FamilyMember(
        **common | {"people": tuple(p for p in statement.participations if p is not subject)},
        relation=subject.code if subject else NOTHING,
        sex=subject.sex if subject else NOTHING,
        conditions=tuple(problem(mapping.take(r.statement), scope, mapping) for r in problems),
        notes=notes(comments),
        related=mapping.rest(statement, scope, done=problems, fields=comments),
    )


def _agent(product: Participation | None) -> Concept | None:
    """The coded agent; a name without a code is its words."""
    if product is None or not (product.entity or product.name):
        return None
    if product.entity and not product.entity.null:
        return product.entity
    return msgspec.structs.replace(product.entity, text=product.entity.text or product.name)


def _fields(statement: Statement, codes: tuple[str, ...]) -> tuple[list[Relation], dict[str, Concept]]:
    """The relations that say one of these things by a coded value, with the comments; and what they say."""
    named = dict.fromkeys(codes, NOTHING)
    fields = []
    for relation in statement.relations:
        said = relation.statement
        if is_comment(said):
            fields.append(relation)
        elif said.kind == "observation" and said.code.code in named and not named[said.code.code] and not said.negated:
            value = next((value for value in said.values if isinstance(value, Concept)), None)
            if value is not None:
                named[said.code.code] = value
                fields.append(relation)
    return fields, named
