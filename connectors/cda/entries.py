"""The entries of a section as clinical statements: one walk over direct children, nothing understood, nothing dropped.

Only direct children are read: the `interpretationCode` of a reference range or the `code` of a nested act are never
those of the statement above. A child without a place in `Statement` is named in `unread`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeAlias, cast, get_args

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
from connectors.cda.elements import child as child_of
from connectors.cda.products import product, specimen
from connectors.cda.taking_part import TAKING_PART, participation
from connectors.said import RawId
from connectors.statements import Kind, Product, Range, Relation, Specimen, Statement

Read: TypeAlias = Callable[[etree._Element, Reading], Any]
KINDS: Final[dict[str, Kind]] = {V3 + kind: cast("Kind", kind) for kind in get_args(Kind)}
DEEPEST: Final = 40
"""Statements nested deeper are left raw: no French model goes beyond ten, and a recursion must end."""


def entry_statements(section: etree._Element, reading: Reading) -> tuple[Statement, ...]:
    """The statements of a section's entries, in order; `path` counts entries from 1."""
    found: list[Statement] = []
    for number, entry in enumerate(section.iterchildren(V3 + "entry"), 1):
        templates: list[str] = []
        clinical: list[etree._Element] = []
        for child in entry:
            tag = child.tag
            if tag in KINDS:
                clinical.append(child)
            elif tag == _TEMPLATE and (root := child.get("root")):
                templates.append(root)
        found.extend(statement(child, reading, str(number), templates) for child in clinical)
    return tuple(found)


def statement(element: etree._Element, reading: Reading, path: str, templates: Sequence[str] = ()) -> Statement:
    """One clinical statement with all that hangs on it."""
    one: dict[str, Any] = {}
    many: dict[str, list[Any]] = {"templates": list(templates)} if templates else {}
    related: list[etree._Element] = []
    before = reading.dangling
    for child in element:
        tag = child.tag
        if tag in PLACES:
            field, read, repeats = PLACES[tag]
            if not repeats:
                if field not in one:
                    one[field] = read(child, reading)
            elif (found := read(child, reading)) is not None:
                if field in many:
                    many[field].append(found)
                else:
                    many[field] = [found]
        elif tag in RELATED:
            related.append(child)
        elif tag not in NO_CONTENT:
            many.setdefault("unread", []).append(etree.QName(child).localname)
    if reading.dangling > before:
        one["dangling"] = reading.dangling - before
    if related:
        one["relations"] = relations = _relations(related, reading, path)
        if len(relations) < len(related):
            unread = [element for element in related if path.count(".") >= DEEPEST or not _holds(element)]
            many.setdefault("unread", []).extend(etree.QName(element).localname for element in unread)
            one["left"] = sum(1 for element in unread for _ in element.iter(*KINDS))
    for field, several in many.items():
        one[field] = tuple(several)
    get = element.get
    return Statement(
        kind=KINDS[element.tag],
        path=path,
        class_code=get("classCode") or "",
        mood=get("moodCode") or "",
        negated=get("negationInd") in ("true", "1"),
        null=get("nullFlavor") or "",
        **one,
    )


def _relations(related: list[etree._Element], reading: Reading, path: str) -> tuple[Relation, ...]:
    """entryRelationships and components, numbered in their order."""
    if path.count(".") >= DEEPEST:
        return ()
    found = []
    for number, element in enumerate(related, 1):
        inner = sequence = None
        for child in element:
            tag = child.tag
            if tag in KINDS:
                inner = child if inner is None else inner
            elif tag == _SEQUENCE and sequence is None:
                sequence = child
        if inner is None:
            continue
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


def _holds(related: etree._Element) -> bool:
    return any(child.tag in KINDS for child in related)


def _template(element: etree._Element, _: Reading) -> str | None:
    return element.get("root") or None


def _id(element: etree._Element, _: Reading) -> RawId | None:
    return instance_id(element)


def _words(element: etree._Element, reading: Reading) -> str:
    return reading.words(element)


def _code(element: etree._Element, _: Reading) -> str:
    return element.get("code") or ""


def _made(element: etree._Element, reading: Reading) -> Product | None:
    """What is consumed or supplied."""
    found = child_of(element, V3 + "manufacturedProduct")
    return product(found, reading) if found is not None else None


def _range(element: etree._Element, reading: Reading) -> Range | None:
    found = child_of(element, V3 + "observationRange")
    return observation_range(found, reading) if found is not None else None


def _specimen(element: etree._Element, reading: Reading) -> Specimen | None:
    found = child_of(element, V3 + "specimenRole")
    return specimen(found, reading) if found is not None else None


def _precondition(element: etree._Element, reading: Reading) -> str | None:
    found = child_of(element, V3 + "criterion")
    return (criterion_words(found, reading) or None) if found is not None else None


def _reference(element: etree._Element, _: Reading) -> RawId | None:
    """The id of what stands outside the document: a prescription, an earlier act."""
    found = next((id_ for outside in element for id_ in outside.iterchildren(V3 + "id")), None)
    return instance_id(found) if found is not None else None


ONE: Final[dict[str, tuple[str, Read]]] = {
    V3 + name: (field, read)
    for name, field, read in (
        ("code", "code", concept),
        ("text", "text", _words),
        ("statusCode", "status", _code),
        ("routeCode", "route", concept),
        ("priorityCode", "priority", concept),
        ("administrationUnitCode", "administration_unit", concept),
        ("doseQuantity", "dose", measured),
        ("rateQuantity", "rate", measured),
        ("maxDoseQuantity", "max_dose", ratio),
        ("repeatNumber", "repeat", measured),
        ("quantity", "quantity", amount),
        ("expectedUseTime", "expected_use", timing),
        ("consumable", "product", _made),
        ("product", "product", _made),
    )
}
"""Children that count once, the first of them: field and reader."""
MANY: Final[dict[str, tuple[str, Read]]] = {
    V3 + name: (field, read)
    for name, field, read in (
        ("templateId", "templates", _template),
        ("id", "ids", _id),
        ("effectiveTime", "times", timing),
        ("value", "values", value),
        ("interpretationCode", "interpretations", concept),
        ("methodCode", "methods", concept),
        ("targetSiteCode", "sites", concept),
        ("approachSiteCode", "approach_sites", concept),
        ("referenceRange", "ranges", _range),
        ("specimen", "specimens", _specimen),
        ("precondition", "preconditions", _precondition),
        ("reference", "references", _reference),
    )
} | {tag: ("participations", partial(participation, kind)) for tag, kind in TAKING_PART.items()}
"""Children that may repeat."""
PLACES: Final = {
    **{tag: (field, read, False) for tag, (field, read) in ONE.items()},
    **{tag: (field, read, True) for tag, (field, read) in MANY.items()},
}
_SEQUENCE: Final = V3 + "sequenceNumber"
_TEMPLATE: Final = V3 + "templateId"
RELATED: Final = frozenset((V3 + "entryRelationship", V3 + "component"))
NO_CONTENT: Final = frozenset(V3 + name for name in ("realmCode", "typeId", "independentInd", "uncertaintyCode"))
