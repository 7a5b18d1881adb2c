"""A dosage loses nothing: every moment and frequency, how long, the packaging, and what is said about the line."""

from __future__ import annotations

from tests.transforms.content.build import LOINC, template
from tests.transforms.fhir.check import of, one
from tests.transforms.fhir.test_bundles import bundle, drug
from transforms.fhir.values import Json

EVERY = '<effectiveTime xsi:type="PIVL_TS" operator="A"><period value="{}" unit="{}"/></effectiveTime>'
AT = '<effectiveTime xsi:type="EIVL_TS" operator="A"><event code="{}"/></effectiveTime>'
ASKED = 'classCode="SBADM" moodCode="INT"'


def line(inner: str) -> Json:
    return one(bundle(drug(inner, ASKED), section="57828-6"), "MedicationRequest")


def test_every_moment_of_the_day_is_kept() -> None:
    (said,) = line(AT.format("ACM") + AT.format("PCV") + AT.format("HS"))["dosageInstruction"]
    assert said["timing"]["repeat"] == {"when": ["ACM", "PCV", "HS"]}


def test_two_frequencies_are_two_dosages() -> None:
    said = line(EVERY.format(8, "h") + EVERY.format(1, "wk"))["dosageInstruction"]
    assert [one["timing"]["repeat"]["periodUnit"] for one in said] == ["h", "wk"]


def test_how_long_is_kept_where_no_end_is_said() -> None:
    time = '<effectiveTime xsi:type="IVL_TS"><low value="20260101"/><width value="5" unit="d"/></effectiveTime>'
    (said,) = line(time + EVERY.format(8, "h"))["dosageInstruction"]
    bounds = said["timing"]["repeat"]["boundsDuration"]
    assert (bounds["value"], bounds["code"], bounds["extension"][0]["valueString"]) == (5, "d", "2026-01-01")
    assert "boundsPeriod" not in said["timing"]["repeat"]


def test_a_packaging_is_a_code_of_edqm() -> None:
    supply = '<supply classCode="SPLY" moodCode="RQO"><quantity value="2" unit="30009000"/></supply>'
    said = line(f'<entryRelationship typeCode="COMP">{supply}</entryRelationship>')["dispenseRequest"]["quantity"]
    assert said == {"value": 2, "unit": "30009000", "system": "http://standardterms.edqm.eu", "code": "30009000"}


def test_what_is_said_about_a_line_hangs_on_it() -> None:
    detail = (
        f'<entryRelationship typeCode="COMP"><observation classCode="OBS" moodCode="EVN"><code code="9-9" {LOINC}/>'
        '<statusCode code="completed"/><value xsi:type="BL" value="true"/></observation></entryRelationship>'
    )
    told = '<act classCode="ACT" moodCode="INT"><code code="FINSTRUCT"/><text>Ne pas substituer</text></act>'
    found = bundle(
        drug(detail + f'<entryRelationship typeCode="SUBJ">{told}</entryRelationship>', ASKED), section="57828-6"
    )
    (observed,) = [e["fullUrl"] for e in found["entry"] if e["resource"]["resourceType"] == "Observation"]
    request = one(found, "MedicationRequest")
    assert request["supportingInformation"] == [{"reference": observed}]
    assert request["note"] == [{"text": "Ne pas substituer"}]


def test_the_one_author_of_a_prescription_asks_for_its_lines() -> None:
    found = bundle(drug("", ASKED), section="57828-6")
    assert line("")["requester"] == one(found, "Composition")["author"][0]
    assert "requester" not in one(bundle(drug("", ASKED), section="18776-5"), "MedicationRequest")


def test_a_line_that_only_points_to_another_document_is_no_request() -> None:
    points = template("90") + '<id root="1.2.3"/><code code="PREItem"/>'
    item = f'<substanceAdministration classCode="SBADM" moodCode="INT">{points}</substanceAdministration>'
    given = drug(f'<entryRelationship typeCode="REFR">{item}</entryRelationship>', 'classCode="SBADM" moodCode="EVN"')
    found = bundle(given, section="10160-0")
    assert of(found, "MedicationRequest") == []
    assert one(found, "MedicationStatement")["basedOn"][0]["identifier"]["value"] == "urn:oid:1.2.3"


def test_what_was_once_given_out_is_not_said_to_be_taken_still() -> None:
    supply = '<supply classCode="SPLY" moodCode="EVN"><quantity value="1"/></supply>'
    said = drug(f'<entryRelationship typeCode="REFR">{supply}</entryRelationship>')
    assert one(bundle(said, section="10160-0"), "MedicationStatement")["status"] == "unknown"
