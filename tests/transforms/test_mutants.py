"""Whatever is changed in a document, its content is read and its Bundle is valid: nothing raises, nothing is broken."""

from __future__ import annotations

import warnings
from pathlib import Path

import msgspec
import pytest

from connectors.base import Document, Source
from connectors.cda.reader import read
from tests.transforms.content.build import LOINC, document, entry, relation, template
from tests.transforms.mutants import mutants
from transforms.documents import from_cda
from transforms.fhir.bundle import document_bundle, record_bundle, written
from transforms.fhir.document import Filed
from transforms.fhir.rules import broken

TIME = '<effectiveTime xsi:type="IVL_TS"><low value="20260101"/><high value="20260107"/></effectiveTime>'
PRODUCT = (
    '<consumable><manufacturedProduct><manufacturedMaterial><code code="63107752" codeSystem="1.2.250.1.213.2.3.1">'
    "<originalText>Produit</originalText></code><name>Produit 500 mg</name></manufacturedMaterial>"
    "</manufacturedProduct></consumable>"
)
RESULT = (
    template("80")
    + f'<id root="1.2.3" extension="1"/><code code="2951-2" {LOINC}/><statusCode code="completed"/>{TIME}'
    + '<value xsi:type="IVL_PQ"><high value="1.0" unit="mg/L" inclusive="false"/></value><interpretationCode code="H"/>'
    + '<performer typeCode="PRF"><assignedEntity><id root="1.2.250.1.71.4.2.1" extension="899000000017"/>'
    + "<assignedPerson><name><family>Brehat</family></name></assignedPerson></assignedEntity></performer>"
    + '<referenceRange><observationRange><value xsi:type="IVL_PQ"><low value="1" unit="mg/L"/></value>'
    + '<interpretationCode code="N"/></observationRange></referenceRange>'
)
PROBLEM = template("37") + f'{TIME}<value xsi:type="CD" code="I10" codeSystem="2.16.840.1.113883.6.3"/>'
RICH = document(
    f'<entry>{template("21")}<act classCode="ACT" moodCode="EVN"><statusCode code="completed"/>'
    + relation(RESULT, type_code="COMP")
    + "</act></entry>"
    + entry(template("39") + '<statusCode code="active"/>' + relation(PROBLEM), "act", 'classCode="ACT" moodCode="EVN"')
    + entry(
        template("42")
        + TIME
        + '<effectiveTime xsi:type="PIVL_TS" operator="A"><period value="8" unit="h"/></effectiveTime>'
        + '<effectiveTime xsi:type="EIVL_TS" operator="A"><event code="PCM"/></effectiveTime>'
        + f'<repeatNumber value="2"/><doseQuantity value="1" unit="mg"/>{PRODUCT}'
        + '<entryRelationship typeCode="REFR"><supply classCode="SPLY" moodCode="EVN"><quantity value="2"/></supply>'
        + "</entryRelationship>",
        "substanceAdministration",
        'classCode="SBADM" moodCode="EVN"',
    )
    + entry(template("45") + TIME + PRODUCT, "substanceAdministration", 'classCode="SBADM" moodCode="EVN"')
    + entry(
        template("41")
        + '<code code="414285001" codeSystem="2.16.840.1.113883.6.96"/><participant typeCode="CSM"><participantRole '
        + 'classCode="MANU"><playingEntity><code code="256349002" codeSystem="2.16.840.1.113883.6.96"/><name>N</name>'
        + "</playingEntity></participantRole></participant>"
        + relation('<value xsi:type="CD" code="24484000"/>', type_code="MFST")
    )
    + entry(template("62") + f'<code code="DDAF004"/>{TIME}', "procedure", 'classCode="PROC" moodCode="EVN"')
    + entry(template("58") + f'<code code="AMB"/>{TIME}', "encounter", 'classCode="ENC" moodCode="EVN"')
    + entry(template("20") + '<code code="D1"/><quantity value="1"/>', "supply", 'classCode="SPLY" moodCode="RQO"'),
    '<table><tr><td ID="a">Texte</td></tr></table>',
)


def sound(data: bytes) -> int:
    """How many Bundles the documents of these bytes make, each of them looked at."""
    from fhir.resources.R4B import get_fhir_model_class

    found = 0
    for item in read(Source.of_bytes("changed.xml", data)):
        if isinstance(item, Document):
            made = from_cda(item)
            for bundle in (document_bundle(Filed(made)), record_bundle([Filed(made)])):
                said = written(bundle)
                assert broken(msgspec.json.decode(said)) == []
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    get_fhir_model_class("Bundle").model_validate_json(said)
                found += 1
    return found


@pytest.mark.parametrize("seed", range(3))
def test_no_change_of_a_document_breaks_its_bundle(seed: int) -> None:
    assert sum(sound(changed) for changed in mutants(RICH, seed, 100)) > 150


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 130))
def test_many_changes_break_nothing_either(seed: int) -> None:
    assert sum(sound(changed) for changed in mutants(RICH, seed, 100, 15)) > 100


@pytest.mark.slow
def test_no_change_of_a_sample_breaks_its_bundle(samples: Path) -> None:
    for seed, path in enumerate(sorted((samples / "cda").glob("*.xml"))):
        for changed in mutants(path.read_bytes(), seed, 5, 12):
            sound(changed)
