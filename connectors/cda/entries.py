"""The entries of a section as clinical statements: one walk over direct children, nothing understood, nothing dropped.

Only direct children are read: the `interpretationCode` of a reference range or the `code` of a nested act are never
those of the statement above. A child without a place in `Statement` is named in `unread`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, cast, get_args

from lxml import etree

from connectors.cda.datatypes import (
    V3,
    Reading,
    amount,
    concept,
    criterion_words,
    instance_id,
    measured,
    observation_range,
    ratio,
    timing,
    value,
)
from connectors.cda.products import product, specimen
from connectors.cda.taking_part import TAKING_PART, participation
from connectors.said import RawId
from connectors.statements import NOTHING, Kind, Participation, Product, Range, Relation, Specimen, Statement

KINDS: dict[str, Kind] = {V3 + kind: cast("Kind", kind) for kind in get_args(Kind)}
DEEPEST = 40
"""Statements nested deeper are left raw: no French model goes beyond ten, and a recursion must end."""


def entry_statements(section: etree._Element, reading: Reading) -> tuple[Statement, ...]:
    """The statements of a section's entries, in order; `path` counts entries from 1."""
    found: list[Statement] = []
    for number, entry in enumerate(section.iterchildren(V3 + "entry"), 1):
        templates = tuple(root for t in entry.iterchildren(V3 + "templateId") if (root := t.get("root")))
        found.extend(statement(child, reading, str(number), templates) for child in entry if child.tag in KINDS)
    return tuple(found)


def statement(element: etree._Element, reading: Reading, path: str, templates: tuple[str, ...] = ()) -> Statement:
    """One clinical statement with all that hangs on it."""
    by: dict[str, list[etree._Element]] = {}
    for child in element:
        by.setdefault(child.tag, []).append(child)
    take = by.pop
    relations = _relations(take(_RELATION, ()), take(_COMPONENT, ()), reading, path)
    before = reading.dangling
    code, text = take(_CODE, None), take(_TEXT, None)
    route, priority, unit = take(_ROUTE, None), take(_PRIORITY, None), take(_UNIT, None)
    dose, rate, most = take(_DOSE, None), take(_RATE, None), take(_MOST, None)
    repeat, quantity, use = take(_REPEAT, None), take(_QUANTITY, None), take(_USE, None)
    status = take(_STATUS, None)
    get = element.get
    return Statement(
        kind=KINDS[element.tag],
        path=path,
        class_code=get("classCode") or "",
        mood=get("moodCode") or "",
        negated=get("negationInd") in ("true", "1"),
        null=get("nullFlavor") or "",
        templates=templates + tuple(root for t in take(_TEMPLATE, ()) if (root := t.get("root"))),
        ids=tuple(found for e in take(_ID, ()) if (found := instance_id(e)) is not None),
        code=concept(code[0], reading) if code else NOTHING,
        text=reading.words(text[0]) if text else "",
        status=(status[0].get("code") or "") if status else "",
        times=tuple(timing(e, reading) for e in take(_TIME, ())),
        values=tuple(value(e, reading) for e in take(_VALUE, ())),
        interpretations=tuple(concept(e, reading) for e in take(_INTERPRETATION, ())),
        methods=tuple(concept(e, reading) for e in take(_METHOD, ())),
        sites=tuple(concept(e, reading) for e in take(_SITE, ())),
        approach_sites=tuple(concept(e, reading) for e in take(_APPROACH, ())),
        route=concept(route[0], reading) if route else NOTHING,
        priority=concept(priority[0], reading) if priority else NOTHING,
        administration_unit=concept(unit[0], reading) if unit else NOTHING,
        dose=measured(dose[0], reading) if dose else None,
        rate=measured(rate[0], reading) if rate else None,
        max_dose=ratio(most[0], reading) if most else None,
        repeat=measured(repeat[0], reading) if repeat else None,
        quantity=amount(quantity[0], reading) if quantity else None,
        expected_use=timing(use[0], reading) if use else None,
        product=_product(take(_CONSUMABLE, ()), take(_PRODUCT, ()), reading),
        ranges=_ranges(take(_REFERENCE_RANGE, ()), reading),
        specimens=_specimens(take(_SPECIMEN, ()), reading),
        participations=_participations(by, reading),
        preconditions=_preconditions(take(_PRECONDITION, ()), reading),
        references=_references(take(_REFERENCE, ())),
        relations=relations,
        dangling=reading.dangling - before,
        unread=tuple(etree.QName(e).localname for left in by.values() for e in left if e.tag not in _NO_CONTENT),
    )


Elements: TypeAlias = Sequence[etree._Element]


def _relations(related: Elements, components: Elements, reading: Reading, path: str) -> tuple[Relation, ...]:
    """entryRelationships and components, numbered together in the order of the schema."""
    if path.count(".") >= DEEPEST:
        return ()
    found = []
    for number, element in enumerate((*related, *components), 1):
        inner = next((child for child in element if child.tag in KINDS), None)
        if inner is None:
            continue
        sequence = element.find(V3 + "sequenceNumber")
        found.append(
            Relation(
                type_code=element.get("typeCode") or "COMP",
                statement=statement(inner, reading, f"{path}.{number}"),
                inverted=element.get("inversionInd") in ("true", "1"),
                negated=element.get("negationInd") in ("true", "1"),
                sequence=(sequence.get("value") or "") if sequence is not None else "",
            )
        )
    return tuple(found)


def _product(consumables: Elements, products: Elements, reading: Reading) -> Product | None:
    for element in (*consumables, *products):
        made = element.find(V3 + "manufacturedProduct")
        if made is not None:
            return product(made, reading)
    return None


def _ranges(elements: Elements, reading: Reading) -> tuple[Range, ...]:
    found = (element.find(V3 + "observationRange") for element in elements)
    return tuple(observation_range(element, reading) for element in found if element is not None)


def _specimens(elements: Elements, reading: Reading) -> tuple[Specimen, ...]:
    found = (element.find(V3 + "specimenRole") for element in elements)
    return tuple(specimen(element, reading) for element in found if element is not None)


def _participations(by: dict[str, list[etree._Element]], reading: Reading) -> tuple[Participation, ...]:
    return tuple(
        participation(element, kind, reading) for tag, kind in TAKING_PART.items() for element in by.pop(tag, ())
    )


def _preconditions(elements: Elements, reading: Reading) -> tuple[str, ...]:
    criteria = (criterion for element in elements for criterion in element.iterchildren(V3 + "criterion"))
    return tuple(said for criterion in criteria if (said := criterion_words(criterion, reading)))


def _references(elements: Elements) -> tuple[RawId, ...]:
    """Ids of what stands outside the document: a prescription, an earlier act."""
    ids = (id_ for element in elements for outside in element for id_ in outside.iterchildren(_ID))
    return tuple(found for id_ in ids if (found := instance_id(id_)) is not None)


_ID, _CODE, _TEXT, _STATUS = V3 + "id", V3 + "code", V3 + "text", V3 + "statusCode"
_TEMPLATE, _TIME, _VALUE = V3 + "templateId", V3 + "effectiveTime", V3 + "value"
_INTERPRETATION, _METHOD, _REFERENCE_RANGE = V3 + "interpretationCode", V3 + "methodCode", V3 + "referenceRange"
_SITE, _APPROACH, _ROUTE, _PRIORITY = (
    V3 + "targetSiteCode",
    V3 + "approachSiteCode",
    V3 + "routeCode",
    V3 + "priorityCode",
)
_DOSE, _RATE, _MOST, _UNIT = (
    V3 + "doseQuantity",
    V3 + "rateQuantity",
    V3 + "maxDoseQuantity",
    V3 + "administrationUnitCode",
)
_REPEAT, _QUANTITY, _USE = V3 + "repeatNumber", V3 + "quantity", V3 + "expectedUseTime"
_CONSUMABLE, _PRODUCT, _SPECIMEN = V3 + "consumable", V3 + "product", V3 + "specimen"
_PRECONDITION, _REFERENCE = V3 + "precondition", V3 + "reference"
_RELATION, _COMPONENT = V3 + "entryRelationship", V3 + "component"
_NO_CONTENT = frozenset(V3 + name for name in ("realmCode", "typeId", "independentInd", "uncertaintyCode"))
