"""Entries as clinical statements: data types by QName, direct children only, everything kept."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from lxml import etree

from connectors.base import Document, Source
from connectors.cda.anchors import anchors
from connectors.cda.datatypes import Reading
from connectors.cda.entries import DEEPEST, entry_statements
from connectors.cda.reader import read
from connectors.cda.xml import parse
from connectors.statements import Amount, Bound, Concept, Interval, Kind, Statement, Timing, Truth, Words
from tests.connectors.cda import documents
from transforms.documents import from_cda

V3 = "urn:hl7-org:v3"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
CLASSES = get_args(Kind)


def section(entries: str, narrative: str = "", prefix: str = "") -> etree._Element:
    """A section; with a prefix, the same one as a self-presenting document writes it."""
    text = f'<section xmlns="{V3}" xmlns:xsi="{XSI}"><text>{narrative}</text>{entries}</section>'
    if prefix:
        text = (
            text.replace("</", f"</{prefix}:")
            .replace("<", f"<{prefix}:")
            .replace(f"<{prefix}:/{prefix}:", f"</{prefix}:")
        )
        text = text.replace(f'xmlns="{V3}"', f'xmlns:{prefix}="{V3}"').replace('xsi:type="', f'xsi:type="{prefix}:')
    root = parse(text.encode())
    assert isinstance(root, etree._Element)
    return root


def one(inner: str, narrative: str = "", prefix: str = "", negation: str = "") -> Statement:
    said = f'<entry><observation classCode="OBS" moodCode="EVN"{negation}>{inner}</observation></entry>'
    root = section(said, narrative, prefix)
    (found,) = entry_statements(root, Reading(anchors(etree.ElementTree(root).getroot())))
    return found


@pytest.mark.parametrize("prefix", ["", "c"])
def test_a_type_is_the_same_under_any_prefix(prefix: str) -> None:
    found = one('<value xsi:type="PQ" value="4.2" unit="mmol/L"/>', prefix=prefix)
    assert found.values == (Amount("4.2", "mmol/L"),)


@pytest.mark.parametrize(
    ("said", "read_as"),
    [
        ('<value xsi:type="IVL_PQ"><high value="1.0" unit="mg/L"/></value>', Interval(high=Bound("1.0", "mg/L"))),
        (
            '<value xsi:type="IVL_PQ"><low value="8" unit="mg/L" inclusive="false"/></value>',
            Interval(low=Bound("8", "mg/L", inclusive=False)),
        ),
        ('<value xsi:type="BL" value="false"/>', Truth("false")),
        ('<value xsi:type="BL" nullFlavor="UNK"/>', Truth(null="UNK")),
        ('<value xsi:type="INT" value="3"/>', Amount("3")),
        ('<value xsi:type="ST">deux mots</value>', Words("deux mots", said_type="ST")),
        ('<value xsi:type="TS" value="2026"/>', Timing("TS", "2026")),
        ('<value xsi:type="PQ" nullFlavor="NAV"/>', Amount(null="NAV")),
        ('<value code="260385009"/>', Concept("260385009")),
        ('<value xsi:type="FOO" value="x"/>', Words("x", said_type="FOO")),
    ],
)
def test_a_value_keeps_its_type_and_its_text(said: str, read_as: object) -> None:
    assert one(said).values == (read_as,)


def test_the_interpretation_of_a_range_is_not_that_of_the_result() -> None:
    found = one(
        '<interpretationCode code="H"/><referenceRange><observationRange><value xsi:type="IVL_PQ"><low value="3"/>'
        '<high value="5"/></value><interpretationCode code="N"/></observationRange></referenceRange>'
    )
    assert [concept.code for concept in found.interpretations] == ["H"]
    assert found.ranges[0].interpretation == "N"
    assert found.ranges[0].value == Interval(low=Bound("3"), high=Bound("5"))


@pytest.mark.parametrize(("said", "negated"), [("true", True), ("1", True), ("false", False), ("", False)])
def test_a_negation_is_read(said: str, negated: bool) -> None:
    assert one("", negation=f' negationInd="{said}"').negated is negated


def test_words_come_from_the_narrative_with_and_without_a_sharp_sign_and_what_is_dangling_is_counted() -> None:
    found = one(
        '<code nullFlavor="NA"><originalText><reference value="#a"/></originalText></code>'
        '<text><reference value="a"/></text>'
        '<value xsi:type="CD"><originalText><reference value="#nowhere"/></originalText></value>',
        narrative='<content ID="a">Glycémie</content>',
    )
    assert (found.code.text, found.code.null, found.text, found.dangling) == ("Glycémie", "NA", "Glycémie", 1)


def test_what_has_no_place_is_named_and_what_is_too_deep_stays_raw() -> None:
    assert one("<derivationExpr>a+b</derivationExpr>").unread == ("derivationExpr",)
    opening = '<entryRelationship typeCode="COMP"><act classCode="ACT" moodCode="EVN">'
    deep = one(opening * 60 + "</act></entryRelationship>" * 60)
    depth = 0
    while deep.relations:
        deep, depth = deep.relations[0].statement, depth + 1
    assert depth == DEEPEST
    assert (deep.left, deep.unread) == (60 - DEEPEST, ("entryRelationship",))
    assert one('<entryRelationship typeCode="COMP"/>').unread == ("entryRelationship",)


def test_what_is_too_deep_is_counted_as_raw() -> None:
    """The acts nested in the observation of the entry: 40 are read, 20 are left."""
    opening = '<entryRelationship typeCode="COMP"><act classCode="ACT" moodCode="EVN">'
    deep = f"<entry><observation>{opening * 60}{'</act></entryRelationship>' * 60}</observation></entry>"
    (document,) = read(Source.of_bytes("x.xml", documents.level_3(documents.section("", deep))))
    assert isinstance(document, Document)
    coverage = from_cda(document).content.coverage
    assert coverage.raw == 60 - DEEPEST
    assert coverage.templates + coverage.classes == 1 + DEEPEST


def test_every_statement_of_the_samples_is_read_and_mapped_once(samples: Path) -> None:
    """Counted apart by local name; nothing is left without a place."""
    for path in sorted((samples / "cda").glob("*.xml")):
        data = path.read_bytes()
        (document,) = read(Source.of_bytes(path.name, data))
        content = from_cda(document).content
        whole = sum(1 for name in CLASSES for _ in etree.fromstring(data).iter(f"{{{V3}}}{name}"))
        coverage = content.coverage
        assert coverage.templates + coverage.classes + coverage.raw == whole, path.name
        assert coverage.raw == 0
