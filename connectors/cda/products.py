"""Things in a statement: the product given or dispensed, the specimen taken, as said.

The pharmacy extension (IHE PHARM) is read by local name: it travels as `urn:ihe:pharm`, `urn:ihe:pharm:medication`
and, in foreign documents, as `sdtc`.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from connectors.cda.datatypes import V3, Reading, amount, concept, instance_id, ratio
from connectors.cda.elements import text
from connectors.said import RawId
from connectors.statements import NOTHING, Amount, Concept, Ingredient, Product, Ratio, Specimen


def product(made: etree._Element, reading: Reading) -> Product:
    """A manufacturedProduct; the material may be labelled (a drug) or plain (a device)."""
    material = _first(made, "manufacturedMaterial", "manufacturedLabeledDrug")
    if material is None:
        return Product(ids=_ids(made))
    parts: dict[str, list[etree._Element]] = {}
    for part in material:
        parts.setdefault(part.tag.rpartition("}")[2], []).append(part)

    def one(name: str) -> etree._Element | None:
        return parts[name][0] if name in parts else None

    code, form, expires = one("code"), one("formCode"), one("expirationTime")
    package = _first(one("asContent"), "containerPackagedMedicine", "containerPackagedProduct")
    capacity = _first(package, "capacityQuantity")
    kinds = (_first(kind, "generalizedMedicineClass") for kind in parts.get("asSpecializedKind", ()))
    maker = _first(_first(made, "manufacturerOrganization"), "name")
    return Product(
        ids=_ids(made),
        code=concept(code, reading) if code is not None else NOTHING,
        name=text(one("name")),
        lot=text(one("lotNumberText")),
        form=concept(form, reading) if form is not None else NOTHING,
        expires=(expires.get("value") or "").strip() if expires is not None else "",
        package=_concept(package, "code", reading),
        package_form=_concept(package, "formCode", reading),
        capacity=amount(capacity, reading) if capacity is not None else None,
        classes=tuple(_concept(kind, "code", reading) for kind in kinds if kind is not None),
        ingredients=tuple(_ingredient(found, reading) for found in parts.get("ingredient", ())),
        maker=text(maker),
    )


def specimen(role: etree._Element, reading: Reading) -> Specimen:
    """A specimenRole, or a participantRole of class SPEC: what was taken, or what was isolated from it."""
    entity = _first(role, "specimenPlayingEntity", "playingEntity")
    return Specimen(
        ids=_ids(role),
        code=_concept(entity, "code", reading),
        isolate=entity is not None and entity.get("classCode") == "MIC",
    )


def _ingredient(found: etree._Element, reading: Reading) -> Ingredient:
    inner = _first(found, "ingredient", "ingredientSubstance")
    return Ingredient(
        code=_concept(inner, "code", reading),
        name=text(_first(inner, "name")),
        strength=_strength(_first(found, "quantity"), reading),
        active=found.get("classCode") != "IACT",
    )


def _strength(quantity: etree._Element | None, reading: Reading) -> Ratio | Amount | None:
    if quantity is None:
        return None
    return ratio(quantity, reading) if quantity.find(V3 + "numerator") is not None else amount(quantity, reading)


def _ids(element: etree._Element) -> tuple[RawId, ...]:
    return tuple(found for id_ in _all(element, "id") if (found := instance_id(id_)) is not None)


def _concept(element: etree._Element | None, name: str, reading: Reading) -> Concept:
    found = _first(element, name)
    return concept(found, reading) if found is not None else NOTHING


def _all(element: etree._Element | None, *names: str) -> Iterator[etree._Element]:
    if element is not None:
        for child in element:
            if child.tag.rpartition("}")[2] in names:
                yield child


def _first(element: etree._Element | None, *names: str) -> etree._Element | None:
    return next(_all(element, *names), None)
