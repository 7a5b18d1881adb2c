"""What is denied, unknown, planned or of another time is never a fact of the patient, whatever the way it is said."""

from __future__ import annotations

import pytest

from tests.transforms.content.build import LOINC, content, entry, fact, relation, template
from tests.transforms.fhir.check import of, one
from tests.transforms.fhir.test_bundles import LAB, bundle, drug
from transforms.content.model import Condition, Observation, Other
from transforms.content.read import observations

ICD = 'codeSystem="2.16.840.1.113883.6.3"'
PROBLEM = template("37") + f'<value xsi:type="CD" code="I10" {ICD}/>'
SIMPLE = template("48") + f'<code code="39111-0" {LOINC}/><statusCode code="completed"/>'
FOUND = SIMPLE + '<value xsi:type="BL" value="true"/>'


def by(inner: str, kind: str = "MFST", more: str = 'negationInd="true"') -> str:
    """A relation that denies what it leads to."""
    return (
        f'<entryRelationship typeCode="{kind}" {more}><observation classCode="OBS" moodCode="EVN" negationInd="false">'
        f"{inner}</observation></entryRelationship>"
    )


def act(inner: str, attributes: str = "") -> str:
    return entry(inner, "act", f'classCode="ACT" moodCode="EVN" {attributes}')


@pytest.mark.parametrize("kind", ["COMP", "MFST", "SPRT", "RSON"])
def test_what_a_relation_denies_is_no_observation(kind: str) -> None:
    said = entry(FOUND + by(FOUND, kind))
    found = bundle(said)
    assert len(of(found, "Observation")) == 1
    assert observations(content(said)) == 1


def test_what_a_relation_denies_further_up_stays_denied() -> None:
    assert of(bundle(entry(FOUND + by(FOUND + relation(FOUND, type_code="COMP")))), "Observation")[1:] == []


@pytest.mark.parametrize("inner", [relation(PROBLEM), relation(PROBLEM) + relation(PROBLEM)])
def test_a_denied_concern_is_no_problem(inner: str) -> None:
    found = of(bundle(act(template("39") + '<statusCode code="active"/>' + inner, 'negationInd="true"')), "Condition")
    assert {said["verificationStatus"]["coding"][0]["code"] for said in found} == {"refuted"}


def test_the_reason_of_a_denied_act_is_not_denied() -> None:
    denied = 'classCode="PROC" moodCode="EVN" negationInd="true"'
    found = content(entry(template("62") + relation(PROBLEM, type_code="RSON"), "procedure", denied)).facts[0]
    assert found.negated
    assert not found.reasons[0].negated  # type: ignore[union-attr]


@pytest.mark.parametrize("null", ["NA", "NI", "UNK"])
def test_a_statement_that_is_null_is_no_fact_and_tells_why(null: str) -> None:
    attributes = f'moodCode="EVN" nullFlavor="{null}"'
    said = fact(entry(LAB + '<value xsi:type="PQ" value="1" unit="g/L"/>', attributes=attributes))
    assert isinstance(said, Observation)
    assert said.null == null
    assert of(bundle(entry(LAB, attributes=attributes)), "Observation") == []
    assert observations(content(entry(FOUND, attributes=attributes))) == 0
    for kind in ("MedicationStatement", "MedicationRequest"):
        assert of(bundle(drug(attributes=f'classCode="SBADM" {attributes}')), kind) == []
    concern = act(template("39") + relation(PROBLEM), f'nullFlavor="{null}"')
    assert isinstance(fact(concern), Condition)
    assert of(bundle(concern), "Condition") == []


def test_an_act_that_is_null_hides_nothing_it_holds() -> None:
    said = act(template("24") + relation(FOUND, type_code="COMP"), 'nullFlavor="NA"')
    assert isinstance(fact(said), Other)
    assert len(of(bundle(said), "Observation")) == 1


def test_what_is_to_be_observed_is_not_counted() -> None:
    assert observations(content(entry(FOUND, attributes='moodCode="GOL"'))) == 0


def supply(mood: str, more: str = "") -> str:
    return (
        f'<entryRelationship typeCode="REFR"><supply classCode="SPLY" moodCode="{mood}" {more}>'
        '<id root="1.2.250.9.7" extension="7"/><quantity value="30"/></supply></entryRelationship>'
    )


@pytest.mark.parametrize("section", ["10160-0", "57828-6"])
def test_a_supply_that_is_asked_for_is_no_dispense(section: str) -> None:
    made = bundle(drug(supply("INT")), section=section)
    assert of(made, "MedicationDispense") == []
    asked = one(made, "MedicationRequest")
    assert asked["dispenseRequest"]["quantity"]["value"] == 30


def test_a_supply_that_happened_is_a_dispense_and_a_denied_one_is_not() -> None:
    for section in ("10160-0", "57828-6"):
        assert one(bundle(drug(supply("EVN")), section=section), "MedicationDispense")["quantity"]["value"] == 30
        assert of(bundle(drug(supply("EVN", 'negationInd="true"')), section=section), "MedicationDispense") == []


def test_a_planned_line_among_those_given_was_not_given() -> None:
    made = bundle(drug(attributes='classCode="SBADM" moodCode="INT"'), section="18610-6")
    assert of(made, "MedicationStatement") == []
    assert one(made, "MedicationRequest")["intent"] == "plan"


def test_a_device_that_is_denied_is_not_asked_for() -> None:
    said = '<code code="D1" codeSystem="1.2.250.9.2"/>'
    denied = 'classCode="SPLY" moodCode="RQO" negationInd="true"'
    assert of(bundle(entry(template("20") + said, "supply", denied)), "DeviceRequest") == []


def test_an_earlier_result_has_neither_the_specimen_nor_the_time_of_this_one() -> None:
    value = '<value xsi:type="PQ" value="{}" unit="g/L"/>'
    time = '<effectiveTime value="{}"/>'
    earlier = relation(LAB + time.format("20250101") + value.format(139), type_code="REFR")
    undated = relation(LAB + value.format(140), type_code="REFR")
    taken = (
        '<entryRelationship typeCode="COMP"><procedure classCode="PROC" moodCode="EVN">'
        + template("77")
        + time.format("20260105")
        + '<participant typeCode="PRD"><participantRole classCode="SPEC"><id root="1.2.250.9.3" extension="S1"/>'
        "</participantRole></participant></procedure></entryRelationship>"
    )
    result = LAB + time.format("20260106") + value.format(151) + earlier + undated
    inner = '<statusCode code="completed"/>' + taken + relation(result, type_code="COMP")
    made = bundle(f'<entry>{template("21")}<act classCode="ACT" moodCode="EVN">{inner}</act></entry>')
    told = {
        said["valueQuantity"]["value"]: (said.get("effectiveDateTime"), "specimen" in said)
        for said in of(made, "Observation")
    }
    assert told == {151: ("2026-01-05", True), 139: ("2025-01-01", False), 140: (None, False)}


def test_a_problem_did_not_start_with_what_was_done_for_it() -> None:
    attributes = 'classCode="PROC" moodCode="EVN"'
    reason = relation(PROBLEM, type_code="RSON")
    said = entry(template("62") + '<effectiveTime value="20260105"/>' + reason, "procedure", attributes)
    found = content(said).facts[0]
    assert not found.reasons[0].when  # type: ignore[union-attr]


def test_a_concern_with_several_observations_tells_each() -> None:
    made = bundle(act(template("39") + relation(PROBLEM) + relation(PROBLEM, negated=True)))
    told = [said.get("verificationStatus", {}).get("coding", [{}])[0].get("code") for said in of(made, "Condition")]
    assert told == [None, "refuted"]


def test_what_is_asked_for_says_where_in_the_body_and_what_is_aimed_at() -> None:
    site = '<targetSiteCode code="72696002" displayName="genou"/>'
    value = '<value xsi:type="PQ" value="1.8" unit="g/L"/>'
    asked = one(bundle(entry(LAB + site + value, attributes='moodCode="GOL"')), "ServiceRequest")
    assert asked["bodySite"][0]["coding"][0]["code"] == "72696002"
    assert asked["note"] == [{"text": "1.8 g/L"}]


def test_a_request_says_how_urgent_it_is() -> None:
    said = entry(template("27") + '<code code="x"/><priorityCode code="UR"/>', attributes='moodCode="RQO"')
    assert one(bundle(said), "ServiceRequest")["priority"] == "urgent"
