"""A Bundle looked at by the model of FHIR types (R4B) and by our own rules."""

from __future__ import annotations

import warnings

import msgspec

from transforms.fhir.bundle import written
from transforms.fhir.rules import broken
from transforms.fhir.values import Json


def check(bundle: Json) -> Json:
    """The Bundle as it is written and read again; fails on anything that either of the two says."""
    data = written(bundle)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from fhir.resources.R4B import get_fhir_model_class

        get_fhir_model_class("Bundle").model_validate_json(data)
    read: Json = msgspec.json.decode(data)
    assert broken(read) == []
    return read


def of(bundle: Json, kind: str) -> list[Json]:
    """The resources of a type, in their order."""
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def one(bundle: Json, kind: str) -> Json:
    (found,) = of(bundle, kind)
    return found
