"""Models, types, classes and formats of documents: rows of `tables/*.csv`, each with its source and date."""

from __future__ import annotations

import csv
import io
from functools import cache
from importlib import resources
from typing import Literal

import msgspec

LOINC = "2.16.840.1.113883.6.1"
TRE_A05 = "1.2.250.1.213.1.1.4.12"
TRE_A06 = "1.2.250.1.213.1.1.4.2.282"
TRE_A11 = "1.3.6.1.4.1.19376.1.2.3"
"""French format codes, and those of IHE with what HL7 adds to them."""


class Model(msgspec.Struct, frozen=True):
    """A template of a whole document."""

    template: str
    level: int
    """0: a header or a base that other models build on; 1: an international model; 2: a national one, or finer."""
    family: Literal["ci-sis", "hl7-france", "ihe", "dicom", "ips", "c-cda", "ehdsi"]
    name: str
    type_codes: str
    """Types that its documents have, blank between them; empty: any."""
    format_code: str
    label: str
    source: str
    date: str


class DocumentType(msgspec.Struct, frozen=True):
    """A type of document (JDV_J07) and the class it belongs to (ASS_X04)."""

    code: str
    system: str
    label: str
    class_code: str
    dmp: str
    """`yes` when the DMP takes it (JDV_J66, as of ASS_X16 of 2024-02-23)."""
    source: str
    date: str


class DocumentClass(msgspec.Struct, frozen=True):
    """A class of documents (TRE_A03)."""

    code: str
    system: str
    label: str
    source: str
    date: str


class Body(msgspec.Struct, frozen=True):
    """A kind of level 1 body and its format (ASS_A12)."""

    media_type: str
    format_code: str
    label: str
    source: str
    date: str


@cache
def models() -> dict[str, Model]:
    """By template OID."""
    return {row["template"]: msgspec.convert(row, Model, strict=False) for row in _rows("models")}


@cache
def types() -> dict[tuple[str, str], DocumentType]:
    """By code and system."""
    return {(row["code"], row["system"]): msgspec.convert(row, DocumentType) for row in _rows("types")}


@cache
def classes() -> dict[str, DocumentClass]:
    return {row["code"]: msgspec.convert(row, DocumentClass) for row in _rows("classes")}


@cache
def bodies() -> dict[str, Body]:
    """By media type."""
    return {row["media_type"]: msgspec.convert(row, Body) for row in _rows("bodies")}


def format_system(format_code: str) -> str:
    """The code system of a format code; empty when none is published."""
    if format_code.startswith(("urn:asip:", "urn:ans:")):
        return TRE_A06
    return TRE_A11 if format_code.startswith(("urn:ihe:", "urn:hl7-org:")) else ""


def _rows(name: str) -> list[dict[str, str]]:
    text = resources.files("transforms.xds").joinpath("tables", f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text, newline="")))
