"""Medicines and vaccines: taken, given, stopped, prescribed, dispensed (IHE PCC and PHARM; CI-SIS; C-CDA alike).

What a line of treatment is follows from its section, its document and its mood (`medication_sections.csv`), never from
its words. The steps of a changing dose are dosages in their order; what is prescribed and what was given out are
supplies.
"""

from __future__ import annotations

import csv
from importlib import resources
from typing import Final

import msgspec

from connectors.statements import NOTHING, Amount, Product, Relation, Statement
from transforms.content.mapping import MOODS, Mapping, Scope, place
from transforms.content.model import Dosage, Immunization, Medication, Supply, Use, When
from transforms.content.observations import is_comment, notes
from transforms.content.problems import reaction
from transforms.content.times import moment, time_of, when

PATIENT_INSTRUCTIONS: Final = "PINSTRUCT"
DISPENSER_INSTRUCTIONS: Final = "FINSTRUCT"
SUBSTITUTION: Final = "2.16.840.1.113883.5.1070"
"""HL7 substanceAdminSubstitution."""
PRESCRIPTION_LINE: Final = "PREItem"
DOSE_NUMBER: Final = "30973-2"
SHOWN: Final = ("CAUS", "MFST")
"""How a reaction to a vaccine is related to it."""
FREQUENCIES: Final = ("PIVL_TS", "EIVL_TS", "SXPR_TS")


class SectionUse(msgspec.Struct, frozen=True):
    """A row of `medication_sections.csv`: what a line of a section is, in documents of a model or in all."""

    section: str
    model: str
    use: Use
    source: str


def medication(statement: Statement, scope: Scope, mapping: Mapping) -> Medication:
    """A line of treatment or of a prescription, with its dosages and supplies."""
    own = dosage(statement, time_of(statement, scope.when))
    return _line(statement, scope, mapping, _use(statement, scope), dosages=(own,) if own else ())


def dispensation(statement: Statement, scope: Scope, mapping: Mapping) -> Medication:
    """A supply of a medicine: what was given out, how much, for which line of which prescription."""
    use: Use = "dispensed" if statement.mood == "EVN" else "prescribed"
    return _line(
        statement, scope, mapping, use, supplies=(msgspec.structs.replace(supplied(statement, scope), product=None),)
    )


def immunization(statement: Statement, scope: Scope, mapping: Mapping) -> Immunization:
    """A vaccine given or, by its mood, recommended. `negated` says that it was not given."""
    comments = [r for r in statement.relations if is_comment(r.statement)]
    ranks = [r for r in statement.relations if r.statement.code.code == DOSE_NUMBER]
    reasons = [r for r in statement.relations if r.type_code == "RSON" and not is_comment(r.statement)]
    reactions = [r for r in statement.relations if r.type_code in SHOWN and r.statement.kind == "observation"]
    supplies = [r for r in statement.relations if r.statement.kind == "supply"]
    return Immunization(
        **mapping.common(statement, scope),
        product=statement.product or Product(),
        dose=statement.dose,
        route=statement.route,
        sites=statement.approach_sites,
        dose_number=_dose_number(ranks),
        reasons=mapping.facts(reasons, scope),
        reactions=tuple(reaction(r.statement, scope, mapping) for r in reactions),
        supplies=tuple(supplied(r.statement, scope) for r in supplies),
        notes=notes(comments),
        related=mapping.rest(statement, scope, done=[*reasons, *reactions], fields=[*comments, *ranks, *supplies]),
    )


def dosage(statement: Statement, period: When) -> Dosage | None:
    """How a line is taken; None when it says nothing of it."""
    found = Dosage(
        timings=tuple(time for time in statement.times if time.kind in FREQUENCIES),
        dose=statement.dose,
        rate=statement.rate,
        max_dose=statement.max_dose,
        route=statement.route,
        sites=statement.approach_sites,
        unit=statement.administration_unit,
        conditions=statement.preconditions,
    )
    return None if found == Dosage() and not period else msgspec.structs.replace(found, period=period)


def supplied(statement: Statement, scope: Scope) -> Supply:
    """How much is given out, when and by whom."""
    return Supply(
        path=place(statement, scope),
        ids=statement.ids,
        mood=MOODS.get(statement.mood, ""),
        negated=statement.negated,
        null=statement.null,
        quantity=statement.quantity,
        repeats=statement.repeat,
        when=when(statement.times),
        lasting=moment(statement.expected_use),
        product=statement.product,
        people=statement.participations,
        text=statement.text,
    )


def _line(
    statement: Statement,
    scope: Scope,
    mapping: Mapping,
    use: Use,
    *,
    dosages: tuple[Dosage, ...] = (),
    supplies: tuple[Supply, ...] = (),
) -> Medication:
    relations = statement.relations
    inner = msgspec.structs.replace(scope, when=time_of(statement, scope.when))
    comments = [r for r in relations if is_comment(r.statement)]
    steps = [r for r in relations if _is_step(r, statement)]
    given = [r for r in relations if r.statement.kind == "supply"]
    instead = [r for r in relations if r.statement.code.system == SUBSTITUTION]
    for_patient = [r for r in relations if r.statement.code.code == PATIENT_INSTRUCTIONS]
    for_dispenser = [r for r in relations if r.statement.code.code == DISPENSER_INSTRUCTIONS]
    fields = [*comments, *steps, *given, *instead, *for_patient, *for_dispenser]
    taken = {id(r) for r in fields}
    reasons = [r for r in relations if r.type_code == "RSON" and id(r) not in taken]
    details = [r for r in relations if r.type_code == "COMP" and r.statement.kind == "observation"]
    lines = [r.statement for r in relations if r.statement.code.code == PRESCRIPTION_LINE]
    return Medication(
        **mapping.common(statement, scope),
        use="" if statement.negated else use,
        product=statement.product or Product(),
        dosages=dosages + tuple(found for r in steps if (found := _step(r)) is not None),
        repeats=statement.repeat,
        supplies=supplies + tuple(supplied(r.statement, scope) for r in given),
        substitution=instead[0].statement.code if instead else NOTHING,
        reasons=mapping.facts(reasons, inner),
        prescription=tuple(id_ for line in lines for id_ in (*line.ids, *line.references))
        + (statement.references if use == "dispensed" else ()),
        patient_instructions=_said(for_patient),
        dispenser_instructions=_said(for_dispenser),
        details=mapping.facts(details, inner),
        notes=notes(comments),
        related=mapping.rest(statement, inner, done=[*reasons, *details], fields=fields),
    )


def _is_step(relation: Relation, line: Statement) -> bool:
    """A part of the dosage of a line: an administration under it that names no other product."""
    said = relation.statement
    if relation.type_code != "COMP" or said.kind != "substanceAdministration" or said.code.code == PRESCRIPTION_LINE:
        return False
    own, whole = said.product, line.product
    return own is None or not (own.code.code or own.name) or (whole is not None and own.code.code == whole.code.code)


def _step(relation: Relation) -> Dosage | None:
    found = dosage(relation.statement, when(relation.statement.times))
    if found is None and not relation.statement.text:
        return None
    return msgspec.structs.replace(found or Dosage(), sequence=relation.sequence, text=relation.statement.text)


def _said(relations: list[Relation]) -> tuple[str, ...]:
    return tuple(said for r in relations if (said := r.statement.text or r.statement.code.text))


def _dose_number(ranks: list[Relation]) -> str:
    values = (value for r in ranks for value in r.statement.values)
    return next((value.value for value in values if isinstance(value, Amount)), "")


def _use(statement: Statement, scope: Scope) -> Use:
    """By the section, in this model of document first; else by the mood: an event is a statement of what was taken."""
    if statement.code.code == PRESCRIPTION_LINE:
        return "prescribed"
    for model in (*scope.models, ""):
        found = SECTIONS.get((scope.code.code, model))
        if found is not None and (found != "administered" or statement.mood == "EVN"):
            return found
    return "statement" if statement.mood == "EVN" else "prescribed" if statement.mood == "RQO" else "planned"


def _sections() -> dict[tuple[str, str], Use]:
    text = resources.files(__package__).joinpath("medication_sections.csv").read_text("utf-8")
    rows = (msgspec.convert(row, SectionUse) for row in csv.DictReader(text.splitlines()))
    return {(row.section, row.model): row.use for row in rows}


SECTIONS: Final = _sections()
