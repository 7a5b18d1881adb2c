"""The FHIR projection: what is said stays said, what is denied or planned is never a fact, every Bundle validates."""

from __future__ import annotations

import uuid
from pathlib import Path

import msgspec
import pytest

from connectors.base import Document, Source
from connectors.cda.reader import read
from tests.transforms.content.build import LOINC, document, entry, record, relation, template
from tests.transforms.fhir.check import check, of, one
from transforms.documents import from_cda
from transforms.fhir.bundle import document_bundle, record_bundle, written
from transforms.fhir.document import Filed
from transforms.fhir.pool import NAMESPACE, Pool
from transforms.fhir.values import Json

LAB = template("80") + f'<code code="2951-2" {LOINC} displayName="Sodium"/><statusCode code="completed"/>'
SNOMED = 'codeSystem="2.16.840.1.113883.6.96"'


def bundle(entries: str, narrative: str = "Voir", **more: str) -> Json:
    return check(document_bundle(Filed(record(document(entries, narrative, **more)))))


def lab(value: str) -> Json:
    return one(bundle(entry(LAB + value)), "Observation")


def act(inner: str) -> str:
    return entry(inner, "act", 'classCode="ACT" moodCode="EVN"')


def drug(inner: str = "", attributes: str = 'classCode="SBADM" moodCode="EVN"') -> str:
    made = (
        '<consumable><manufacturedProduct><manufacturedMaterial><code code="63107752" '
        'codeSystem="1.2.250.1.213.2.3.1"/>'
        "<name>Produit 500 mg</name></manufacturedMaterial></manufacturedProduct></consumable>"
    )
    return entry(template("42") + inner + made, "substanceAdministration", attributes)


def test_every_sample_gives_a_bundle_that_validates_and_resolves(samples: Path) -> None:
    for path in sorted((samples / "cda").glob("*.xml")):
        (found,) = read(Source.of_path(path))
        assert isinstance(found, Document)
        made = from_cda(found)
        assert check(document_bundle(Filed(made)))["entry"][0]["resource"]["resourceType"] == "Composition"
        whole = check(record_bundle([Filed(made)]))
        assert len(of(whole, "DocumentReference")) == 1, path.name


@pytest.mark.parametrize(
    ("inclusive", "end", "comparator"),
    [("true", "high", "<="), ("false", "high", "<"), ("true", "low", ">="), ("false", "low", ">")],
)
def test_a_comparator_is_kept(inclusive: str, end: str, comparator: str) -> None:
    found = lab(f'<value xsi:type="IVL_PQ"><{end} value="1.0" unit="mg/L" inclusive="{inclusive}"/></value>')
    assert found["valueQuantity"]["comparator"] == comparator
    assert found["valueQuantity"]["code"] == "mg/L"


def test_both_ends_are_a_range_and_digits_are_kept() -> None:
    entries = entry(
        LAB + '<value xsi:type="IVL_PQ"><low value="1.0" unit="g/L"/><high value="2.50" unit="g/L"/></value>'
    )
    data = written(document_bundle(Filed(record(document(entries)))))
    assert b'"low":{"value":1.0,' in data
    assert b'"high":{"value":2.50,' in data


def test_the_same_quantity_in_another_unit_stays_beside_it() -> None:
    found = lab('<value xsi:type="PQ" value="1.00" unit="g/L"><translation value="5.6" code="mmol/L"/></value>')
    (other,) = found["valueQuantity"]["extension"]
    assert (other["valueQuantity"]["value"], other["valueQuantity"]["code"]) == (5.6, "mmol/L")
    assert (found["valueQuantity"]["value"], found["valueQuantity"]["code"]) == (1.0, "g/L")


def test_a_unit_that_is_no_ucum_is_words() -> None:
    assert lab('<value xsi:type="PQ" value="5" unit="bidules"/>')["valueQuantity"] == {"value": 5, "unit": "bidules"}


def test_the_interpretation_is_the_result_s_own() -> None:
    found = lab(
        '<value xsi:type="PQ" value="151" unit="mmol/L"/><interpretationCode code="H"/><referenceRange>'
        '<observationRange><value xsi:type="IVL_PQ"><low value="136" unit="mmol/L"/></value>'
        '<interpretationCode code="N"/></observationRange></referenceRange>'
    )
    assert [one["coding"][0]["code"] for one in found["interpretation"]] == ["H"]
    assert found["referenceRange"][0]["low"]["value"] == 136


def test_completed_is_final_and_a_replacement_s_result_is_corrected() -> None:
    said = document(entry(LAB + '<value xsi:type="PQ" value="1" unit="g/L"/>'))
    assert one(check(document_bundle(Filed(record(said)))), "Observation")["status"] == "final"
    again = said.replace(
        b"<component><structuredBody>",
        b'<relatedDocument typeCode="RPLC"><parentDocument><id root="1.2.3.4"/></parentDocument></relatedDocument>'
        b"<component><structuredBody>",
    )
    assert one(check(document_bundle(Filed(record(again)))), "Observation")["status"] == "corrected"


def test_a_local_code_stays_local() -> None:
    found = one(
        bundle(
            entry(
                template("80")
                + '<code><originalText>CRP</originalText><translation code="CRPU" codeSystem="1.2.250.9.1"/></code>'
                '<statusCode code="completed"/><value xsi:type="PQ" value="3" unit="mg/L"/>'
            )
        ),
        "Observation",
    )
    assert found["code"] == {"coding": [{"system": "urn:oid:1.2.250.9.1", "code": "CRPU"}], "text": "CRP"}


@pytest.mark.parametrize(("null", "reason"), [("UNK", "unknown"), ("NASK", "not-asked"), ("MSK", "masked")])
def test_why_there_is_no_value_is_told(null: str, reason: str) -> None:
    assert lab(f'<value xsi:type="PQ" nullFlavor="{null}"/>')["dataAbsentReason"]["coding"][0]["code"] == reason


def test_a_time_without_an_offset_is_a_day_and_what_was_said() -> None:
    found = lab('<effectiveTime value="202601050815"/>')
    assert found["effectiveDateTime"] == "2026-01-05"
    assert found["_effectiveDateTime"]["extension"][0]["valueString"] == "2026-01-05T08:15"
    assert lab('<effectiveTime value="202601050815+0100"/>')["effectiveDateTime"] == "2026-01-05T08:15:00+01:00"


def test_what_is_denied_is_no_observation() -> None:
    denied = entry(LAB + '<value xsi:type="PQ" value="1" unit="g/L"/>', attributes='moodCode="EVN" negationInd="true"')
    assert of(bundle(denied), "Observation") == []


def test_a_denied_problem_is_refuted() -> None:
    said = template("37") + '<value xsi:type="CD" code="I10" codeSystem="2.16.840.1.113883.6.3"/>'
    found = one(bundle(act(template("39") + '<statusCode code="active"/>' + relation(said, negated=True))), "Condition")
    assert found["verificationStatus"]["coding"][0]["code"] == "refuted"


def test_a_denied_treatment_is_not_taken_and_a_denied_vaccine_not_done() -> None:
    denied = 'classCode="SBADM" moodCode="EVN" negationInd="true"'
    assert one(bundle(drug(attributes=denied), section="10160-0"), "MedicationStatement")["status"] == "not-taken"
    vaccine = entry(template("45") + '<effectiveTime nullFlavor="NAV"/>', "substanceAdministration", denied)
    found = one(bundle(vaccine), "Immunization")
    assert (found["status"], found["occurrenceString"]) == ("not-done", "temp-unknown")


@pytest.mark.parametrize(
    ("section", "mood", "kind", "status"),
    [
        ("10160-0", "EVN", "MedicationStatement", "active"),
        ("18610-6", "EVN", "MedicationStatement", "completed"),
        ("57828-6", "INT", "MedicationRequest", "active"),
        ("18776-5", "INT", "MedicationRequest", "active"),
    ],
)
def test_a_line_of_treatment_is_what_its_section_says(section: str, mood: str, kind: str, status: str) -> None:
    found = one(bundle(drug(attributes=f'classCode="SBADM" moodCode="{mood}"'), section=section), kind)
    assert found["status"] == status
    assert found["medicationCodeableConcept"]["coding"][0]["system"] == "urn:oid:1.2.250.1.213.2.3.1"


def test_a_dosage_is_data() -> None:
    said = (
        '<effectiveTime xsi:type="IVL_TS"><low value="20260101"/><high value="20260107"/></effectiveTime>'
        '<effectiveTime xsi:type="PIVL_TS" operator="A"><period value="8" unit="h"/></effectiveTime>'
        '<doseQuantity><low value="1" unit="{tbl}"/><high value="2" unit="{tbl}"/></doseQuantity>'
    )
    (dosage,) = one(bundle(drug(said), section="57828-6"), "MedicationRequest")["dosageInstruction"]
    assert dosage["timing"]["repeat"] == {
        "frequency": 1,
        "period": 8,
        "periodUnit": "h",
        "boundsPeriod": {"start": "2026-01-01", "end": "2026-01-07"},
    }
    assert dosage["doseAndRate"][0]["doseRange"]["high"]["value"] == 2


@pytest.mark.parametrize(("mood", "intent"), [("INT", "plan"), ("RQO", "order"), ("PRP", "proposal"), ("GOL", "plan")])
def test_what_is_no_event_is_a_request(mood: str, intent: str) -> None:
    planned = entry(template("62") + '<code code="DDAF004"/>', "procedure", f'classCode="PROC" moodCode="{mood}"')
    made = bundle(planned)
    assert of(made, "Procedure") == []
    assert one(made, "ServiceRequest")["intent"] == intent
    aimed = bundle(entry(template("27") + '<code code="x"/>', attributes=f'moodCode="{mood}"'))
    assert of(aimed, "Observation") == []


def test_an_allergy_to_nothing_is_no_allergy_and_a_denied_one_is_refuted() -> None:
    nothing = template("41") + f'<code code="416098002" {SNOMED}/><value xsi:type="CD"/>'
    assert of(bundle(act(template("40") + relation(nothing))), "AllergyIntolerance") == []
    agent = template("41") + f'<code code="414285001" {SNOMED}/><value xsi:type="CD" code="256349002" {SNOMED}/>'
    found = one(bundle(act(template("40") + relation(agent, negated=True))), "AllergyIntolerance")
    assert found["verificationStatus"]["coding"][0]["code"] == "refuted"
    assert (found["type"], found["category"]) == ("allergy", ["food"])


def test_an_earlier_result_is_not_in_the_report() -> None:
    earlier = relation(f'<code code="2951-2" {LOINC}/><value xsi:type="PQ" value="139" unit="g/L"/>', type_code="REFR")
    inner = LAB + '<value xsi:type="PQ" value="151" unit="g/L"/>' + earlier
    said = relation(inner, type_code="COMP")
    made = bundle(
        f'<entry>{template("21")}<act classCode="ACT" moodCode="EVN"><statusCode code="completed"/>{said}</act></entry>'
    )
    report = one(made, "DiagnosticReport")
    assert len(of(made, "Observation")) == 2
    assert len(report["result"]) == 1


def test_an_ins_travels_only_when_it_is_qualified() -> None:
    made = record(document(""))
    assert one(check(document_bundle(Filed(made))), "Patient")["identifier"][0]["use"] == "official"
    doubted = msgspec.structs.replace(made, patient=msgspec.structs.replace(made.patient, qualified=False))
    systems = [one["system"] for one in one(check(document_bundle(Filed(doubted))), "Patient")["identifier"]]
    assert systems == ["urn:oid:1.2.3.4.5"]


def test_states_and_masks_are_of_the_reference() -> None:
    made = record(document(""))
    masked = one(check(record_bundle([Filed(made, "superseded", ("MASQUE_PS",))])), "DocumentReference")
    assert masked["status"] == "superseded"
    assert [label["coding"][0]["code"] for label in masked["securityLabel"]] == ["N", "MASQUE_PS"]
    for status in ("deleted", "withdrawn"):
        found = check(record_bundle([Filed(made, status)]))
        assert one(found, "DocumentReference")["status"] == "entered-in-error"
        assert of(found, "Composition") == []


def test_equal_records_give_equal_bytes() -> None:
    data = document(entry(LAB + '<value xsi:type="PQ" value="1.10" unit="g/L"/>'), "Texte <content>gras</content>")
    assert written(document_bundle(Filed(record(data)))) == written(document_bundle(Filed(record(data))))


def test_a_stay_says_who_was_in_charge_and_where_it_was() -> None:
    party = "<responsibleParty><assignedEntity><id root='1.2.250.1.71.4.2.1' extension='899700000010'/>"
    person = "<assignedPerson><name><family>ESSAI</family></name></assignedPerson></assignedEntity></responsibleParty>"
    care = "<location><healthCareFacility><id root='1.2.250.1.999.3' extension='S7'/><location><name>Salle 7</name>"
    inside = f"<id root='1.2.250.1.999.2' extension='4'/><code code='IMP'/>{party}{person}{care}</location>"
    wrapped = f"<componentOf><encompassingEncounter>{inside}</healthCareFacility></location></encompassingEncounter>"
    text = document("", "Voir").decode()
    start = text.index("<componentOf>") if "<componentOf>" in text else text.index("<component>")
    end = text.index("<component>")
    found = check(document_bundle(Filed(record((text[:start] + wrapped + "</componentOf>" + text[end:]).encode()))))
    stay, place = one(found, "Encounter"), one(found, "Location")
    (practitioner,) = (who for who in of(found, "Practitioner") if who.get("name") == [{"family": "ESSAI"}])
    who = stay["participant"][0]
    assert who["type"][0]["coding"][0]["code"] == "RESP"
    assert who["individual"]["reference"].endswith(practitioner["id"])
    assert place["name"] == "Salle 7"
    assert stay["location"][0]["location"]["reference"].endswith(place["id"])


def test_a_resource_is_named_by_the_uuid_of_its_key() -> None:
    for key in ("patient", "organisation|1.2.250.1.71.4.2.2^1000000001", "rôle|é", *map(str, range(64))):
        assert Pool().name(key) == f"urn:uuid:{uuid.uuid5(NAMESPACE, key)}"
