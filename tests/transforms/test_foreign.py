"""Foreign documents are read with the same code: a C-CDA and a European patient summary, whole, and valid in FHIR."""

from __future__ import annotations

import pytest

from connectors.statements import Amount, Bound, Interval
from tests.transforms.content.build import record
from tests.transforms.fhir.check import check, of, one
from tests.transforms.foreign import CONTINUITY, SUMMARY
from tests.transforms.mutants import mutants
from tests.transforms.test_mutants import sound
from transforms.content.model import Allergy, Condition, Immunization, Medication, Observation
from transforms.fhir.bundle import document_bundle, record_bundle
from transforms.fhir.document import Filed


def test_a_continuity_of_care_document_is_read_whole() -> None:
    made = record(CONTINUITY)
    assert (made.document_id, made.type_code, made.language) == ("2.999.10.1^DOC-7", "34133-9", "en-US")
    assert (made.sections, made.entries, made.observations) == (6, 8, 2)
    assert made.patient.traits.birth_date == "19610704"
    problem, denied, allergy, none, line, panel, vaccine, rate = made.content.facts
    assert isinstance(problem, Condition)
    assert (problem.problem.code, problem.when.start, problem.concern_status) == ("38341003", "2011-03-05", "active")
    assert isinstance(denied, Condition)
    assert denied.negated
    assert isinstance(allergy, Allergy)
    assert (allergy.agent.code, allergy.reactions[0].code.code) == ("7980", "247472004")
    assert isinstance(none, Allergy)
    assert none.negated
    assert not none.agent.code
    assert isinstance(line, Medication)
    assert (line.use, line.product.code.code, line.supplies[0].mood) == ("statement", "197361", "intent")
    assert isinstance(panel, Observation)
    (potassium,) = panel.members
    assert isinstance(potassium, Observation)
    assert potassium.values == (Amount("5.9", "mmol/L"),)
    assert [said.code for said in potassium.interpretations] == ["H"]
    assert isinstance(vaccine, Immunization)
    assert (vaccine.product.code.code, vaccine.product.lot) == ("140", "L-99")
    assert isinstance(rate, Observation)
    assert (rate.template, rate.values) == ("", (Amount("18", "/min"),))


def test_a_continuity_of_care_document_in_fhir() -> None:
    found = check(document_bundle(Filed(record(CONTINUITY))))
    assert one(found, "AllergyIntolerance")["code"]["coding"][0]["code"] == "7980"
    told = [said["verificationStatus"]["coding"][0]["code"] for said in of(found, "Condition")[1:]]
    assert told == ["refuted"]
    assert one(found, "MedicationStatement")["status"] == "active"
    assert of(found, "MedicationDispense") == []
    assert one(found, "MedicationRequest")["dispenseRequest"]["quantity"]["value"] == 60
    assert [said["valueQuantity"]["value"] for said in of(found, "Observation") if "valueQuantity" in said] == [5.9, 18]
    patient = one(found, "Patient")
    assert (patient["name"][0]["family"], patient["address"][0]["state"]) == ("Calloway", "ZZ")
    check(record_bundle([Filed(record(CONTINUITY))]))


def test_a_european_summary_is_read_whole() -> None:
    made = record(SUMMARY)
    allergy, asthma, line, _ = made.content.facts
    assert isinstance(allergy, Allergy)
    assert allergy.agent.code == "716186003"
    assert isinstance(asthma, Condition)
    assert asthma.problem.translations[0].translations[0].display == "Asthme"
    assert asthma.recorded.start == "2019-03-01"
    assert isinstance(line, Medication)
    assert line.dosages[0].dose == Interval(low=Bound("1", "{puff}"), high=Bound("2", "{puff}"))
    assert line.product.form.code == "11109000"
    found = check(document_bundle(Filed(made)))
    (statement,) = of(found, "MedicationStatement")
    assert statement["status"] == "intended"
    assert statement["dosage"][0]["timing"]["repeat"]["when"] == ["HS"]
    assert one(found, "Device")["type"]["coding"][0]["code"] == "14106009"


@pytest.mark.parametrize("data", [CONTINUITY, SUMMARY])
def test_no_change_of_a_foreign_document_breaks_its_bundle(data: bytes) -> None:
    assert sum(sound(changed) for changed in mutants(data, 7, 40)) > 30
