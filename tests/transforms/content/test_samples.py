"""The content of real French documents, against an independent reading of their XML (ElementTree, plain paths)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from connectors.base import Document, Source
from connectors.cda.reader import read
from connectors.statements import Amount, Concept, Interval, Truth, Value, Words
from transforms.content.model import (
    Allergy,
    AnyFact,
    Condition,
    Device,
    Encounter,
    FamilyMember,
    Immunization,
    Media,
    Medication,
    Observation,
    Procedure,
    Report,
)
from transforms.content.read import every_fact
from transforms.documents import DocumentRecord, from_cda

V = "{urn:hl7-org:v3}"
TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
A = "1.2.250.1.213.1.1.3."
PCC = "1.3.6.1.4.1.19376.1.5.3.1.4."
LINES = (PCC + "7", A + "42", A + "83", A + "13", A + "26")
Row = tuple[object, ...]


@pytest.fixture(scope="module")
def documents(samples: Path) -> list[tuple[str, ET.Element, DocumentRecord]]:
    """Name, the tree as ElementTree reads it, and the record as Carnet does."""
    found = []
    for path in sorted((samples / "cda").glob("*.xml")):
        (document,) = read(Source.of_path(path))
        assert isinstance(document, Document)
        root = next(ET.parse(path).getroot().iter(f"{V}ClinicalDocument"))
        found.append((path.name, root, from_cda(document)))
    return found


def having(root: ET.Element, kind: str, *templates: str) -> Iterator[ET.Element]:
    """Statements of a class that carry one of these templates themselves."""
    for element in root.iter(V + kind):
        if {t.get("root") for t in element.findall(V + "templateId")} & set(templates):
            yield element


def facts(record: DocumentRecord, kind: type[AnyFact]) -> list[AnyFact]:
    return [fact for fact in every_fact(record.content.facts) if isinstance(fact, kind)]


def code(element: ET.Element | None) -> str:
    return (element.get("code") or "").strip() if element is not None else ""


def denied(element: ET.Element) -> bool:
    return element.get("negationInd") == "true"


def said(value: ET.Element | None) -> Row:
    """A value as the XML has it: kind, number or code, unit, and which way an interval points."""
    if value is None:
        return ()
    kind = (value.get(TYPE) or "").rpartition(":")[2]
    low, high = value.find(V + "low"), value.find(V + "high")
    if kind in ("IVL_PQ", "IVL_REAL"):
        ends = [
            (e.get("value"), e.get("unit") or "", e.get("inclusive") != "false") if e is not None else None
            for e in (low, high)
        ]
        return ("interval", *ends)
    if kind in ("CD", "CE", "CV", "CO", "CS"):
        return ("code", code(value))
    if kind in ("PQ", "INT", "REAL"):
        return ("quantity", (value.get("value") or "").strip(), (value.get("unit") or "").strip())
    if kind == "BL":
        return ("boolean", value.get("value") or "")
    return ("other",)


def ours(value: Value) -> Row:
    match value:
        case Interval():
            ends = [(e.value, e.unit, e.inclusive) if e is not None else None for e in (value.low, value.high)]
            return ("interval", *ends)
        case Concept():
            return ("code", value.code)
        case Amount():
            return ("quantity", value.value, value.unit)
        case Truth():
            return ("boolean", value.value)
        case Words():
            return ("other",)
        case _:
            return ("other",)


def test_every_laboratory_result_has_its_code_value_unit_and_interpretation(
    documents: list[tuple[str, ET.Element, DocumentRecord]],
) -> None:
    total = 0
    for name, root, record in documents:
        expected = Counter(
            (
                code(e.find(V + "code")),
                tuple(code(t) for t in e.findall(f"{V}code/{V}translation")),
                said(e.find(V + "value")),
                tuple(code(i) for i in e.findall(V + "interpretationCode")),
                len(e.findall(V + "referenceRange")),
            )
            for e in having(root, "observation", A + "80", "1.3.6.1.4.1.19376.1.3.1.6")
        )
        found = Counter(
            (
                f.code.code,
                tuple(t.code for t in f.code.translations),
                ours(f.values[0]) if f.values else (),
                tuple(i.code for i in f.interpretations),
                len(f.ranges),
            )
            for f in facts(record, Observation)
            if f.template in (A + "80", "1.3.6.1.4.1.19376.1.3.1.6") and isinstance(f, Observation)
        )
        assert found == expected, name
        total += expected.total()
    assert total > 150


def _medicine(e: ET.Element) -> Row:
    material = e.find(f"{V}consumable/{V}manufacturedProduct/{V}manufacturedMaterial")
    name = material.find(V + "name") if material is not None else None
    dose = e.find(V + "doseQuantity")
    low = dose.find(V + "low") if dose is not None else None
    return (
        code(material.find(V + "code") if material is not None else None),
        " ".join((name.text or "").split()) if name is not None else "",
        code(e.find(V + "routeCode")),
        (low.get("value") if low is not None else dose.get("value")) or "" if dose is not None else "",
        denied(e),
    )


def _our_medicine(f: Medication) -> Row:
    dosage = f.dosages[0] if f.dosages else None
    dose = dosage.dose if dosage else None
    amount = (dose.low.value if dose.low else "") if isinstance(dose, Interval) else dose.value if dose else ""
    return (f.product.code.code, f.product.name, dosage.route.code if dosage else "", amount, f.negated)


def test_every_line_of_treatment_has_its_product_route_and_dose(
    documents: list[tuple[str, ET.Element, DocumentRecord]],
) -> None:
    total = 0
    for name, root, record in documents:
        lines = [
            e
            for e in having(root, "substanceAdministration", *LINES)
            if e.find(V + "code") is None or e.find(V + "code").get("code") != "PREItem"  # type: ignore[union-attr]
        ]
        within = {id(s) for supply in root.iter(V + "supply") for s in supply.iter(V + "substanceAdministration")}
        expected = Counter(_medicine(e) for e in lines if id(e) not in within)
        found = Counter(
            _our_medicine(f) for f in facts(record, Medication) if isinstance(f, Medication) and f.template in LINES
        )
        assert found == expected, name
        total += expected.total()
    assert total > 40


def test_every_dispensation_names_its_prescription(documents: list[tuple[str, ET.Element, DocumentRecord]]) -> None:
    given = [
        f
        for _, root, record in documents
        if next(having(root, "supply", A + "204"), None) is not None
        for f in facts(record, Medication)
        if isinstance(f, Medication) and f.use == "dispensed"
    ]
    assert given
    for fact in given:
        assert fact.prescription and fact.supplies[0].quantity is not None


def test_every_vaccine_has_its_product_lot_rank_and_day(
    documents: list[tuple[str, ET.Element, DocumentRecord]],
) -> None:
    total = 0
    for name, root, record in documents:
        expected: Counter[Row] = Counter()
        for e in having(root, "substanceAdministration", A + "45", A + "47", PCC + "12"):
            material = e.find(f"{V}consumable/{V}manufacturedProduct/{V}manufacturedMaterial")
            assert material is not None
            lot, time = material.find(V + "lotNumberText"), e.find(V + "effectiveTime")
            ranks = [
                o.find(V + "value").get("value")  # type: ignore[union-attr]
                for o in e.findall(f"{V}entryRelationship/{V}observation")
                if code(o.find(V + "code")) == "30973-2"
            ]
            expected[
                code(material.find(V + "code")),
                (lot.text or "").strip() if lot is not None else "",
                ranks[0] if ranks else "",
                (time.get("value") or "")[:4] if time is not None else "",
                denied(e),
            ] += 1
        found = Counter(
            (f.product.code.code, f.product.lot, f.dose_number, f.when.at[:4], f.negated)
            for f in facts(record, Immunization)
            if isinstance(f, Immunization)
        )
        assert found == expected, name
        total += expected.total()
    assert total > 60


def test_every_allergy_has_its_agent_and_every_problem_its_code(
    documents: list[tuple[str, ET.Element, DocumentRecord]],
) -> None:
    allergies = problems = 0
    for name, root, record in documents:
        expected = Counter(
            (
                code(e.find(f"{V}participant/{V}participantRole/{V}playingEntity/{V}code"))
                or code(e.find(V + "value")),
                denied(e),
            )
            for e in having(root, "observation", A + "41", PCC + "6")
        )
        found = Counter((f.agent.code, f.negated) for f in facts(record, Allergy) if isinstance(f, Allergy))
        assert found == expected, name
        allergies += expected.total()

        within = {
            id(inner)
            for kind, templates in (("observation", (A + "41", PCC + "6")), ("substanceAdministration", (A + "45",)))
            for outer in having(root, kind, *templates)
            for inner in outer.iter(V + "observation")
        } | {id(inner) for o in having(root, "organizer", A + "59") for inner in o.iter(V + "observation")}
        expected = Counter(
            (code(e.find(V + "value")), denied(e))
            for e in having(root, "observation", A + "37", PCC + "5")
            if id(e) not in within and A + "210" not in _templates(e)
        )
        found = Counter(
            (f.problem.code, f.negated)
            for f in facts(record, Condition)
            if isinstance(f, Condition) and f.template in (A + "37", A + "113")
        )
        assert found == expected, name
        problems += expected.total()
    assert allergies > 10
    assert problems > 100


COUNTED: list[tuple[str, type[AnyFact], Callable[[ET.Element], int]]] = [
    ("chapters", Report, lambda r: sum(1 for e in r.iter(V + "entry") if _templates(e) & {A + "21"})),
    ("devices", Device, lambda r: len(list(having(r, "supply", A + "20")))),
    ("families", FamilyMember, lambda r: len(list(having(r, "organizer", A + "59")))),
    ("encounters", Encounter, lambda r: len(list(having(r, "encounter", A + "58")))),
    ("acts", Procedure, lambda r: len(list(having(r, "procedure", A + "62", A + "100")))),
    ("media", Media, lambda r: len(list(r.iter(V + "observationMedia")))),
]


def _templates(element: ET.Element) -> set[str | None]:
    return {t.get("root") for t in element.findall(V + "templateId")}


@pytest.mark.parametrize(("what", "kind", "count"), COUNTED, ids=[row[0] for row in COUNTED])
def test_there_are_as_many_as_the_xml_has(
    documents: list[tuple[str, ET.Element, DocumentRecord]],
    what: str,
    kind: type[AnyFact],
    count: Callable[[ET.Element], int],
) -> None:
    for name, root, record in documents:
        assert len(facts(record, kind)) == count(root), (name, what)


def test_coded_entries_are_mapped_by_their_template(documents: list[tuple[str, ET.Element, DocumentRecord]]) -> None:
    """At least 95 % over all samples, and all of those of laboratories, medicines, allergies and vaccines."""
    coverages = [record.content.coverage for _, _, record in documents]
    coded, mapped = sum(c.coded for c in coverages), sum(c.mapped for c in coverages)
    assert mapped / coded >= 0.95
    for _, root, record in documents:
        whole = len(
            [
                e
                for kind, templates in (
                    ("observation", (A + "80",)),
                    ("substanceAdministration", (A + "42", A + "83", A + "45", A + "47")),
                    ("observation", (A + "41",)),
                )
                for e in having(root, kind, *templates)
            ]
        )
        unmapped = [t for t in record.content.coverage.unknown_templates if t.startswith(A)]
        assert unmapped == [] or whole == 0
