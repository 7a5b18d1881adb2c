"""Who is who in a Bundle: a patient is nobody else, a number under two names is two people, each where R4 has them."""

from __future__ import annotations

import msgspec
import pytest

from tests.cda import INS, TEST_OID, cda
from tests.transforms.content.build import LOINC, document, entry, record, relation, template
from tests.transforms.fhir.check import check, of, one
from tests.transforms.fhir.test_bundles import LAB, bundle
from transforms.fhir.bundle import document_bundle, record_bundle
from transforms.fhir.document import Filed
from transforms.fhir.values import Json

OTHER = "187019900001245"
NUMBER = '<id root="1.2.250.1.71.4.2.1" extension="899000000017"/>'


def author(inner: str, kind: str = "author", role: str = "assignedAuthor") -> str:
    return f'<{kind}><time value="20260302"/><{role}>{inner}</{role}></{kind}>'


def person(family: str, given: str = "Ana") -> str:
    return f"<assignedPerson><name><family>{family}</family><given>{given}</given></name></assignedPerson>"


def result(inner: str) -> str:
    return entry(LAB + inner + '<value xsi:type="PQ" value="1" unit="g/L"/>')


def made(data: bytes) -> Json:
    return check(document_bundle(Filed(record(data))))


def url(found: Json, kind: str) -> str:
    (said,) = [entry["fullUrl"] for entry in found["entry"] if entry["resource"]["resourceType"] == kind]
    return str(said)


def test_two_patients_never_have_one_name_in_two_bundles() -> None:
    assert url(made(cda()), "Patient") != url(made(cda("2", ins=OTHER)), "Patient")
    assert url(made(cda()), "Patient") == url(made(cda("3")), "Patient")


def test_a_patient_without_an_ins_that_may_travel_is_of_the_document_alone() -> None:
    def doubted(number: str) -> Filed:
        said = record(cda(number))
        return Filed(msgspec.structs.replace(said, patient=msgspec.structs.replace(said.patient, qualified=False)))

    assert url(check(document_bundle(doubted("1"))), "Patient") != url(check(document_bundle(doubted("2"))), "Patient")
    assert len(of(check(record_bundle([doubted("1"), doubted("2")])), "Patient")) == 1


def test_one_number_under_two_names_is_two_practitioners_who_both_keep_it() -> None:
    parts = [author(NUMBER + person("Brehat")), author(NUMBER + person("Ouessant")), author(NUMBER + person("BRÉHAT"))]
    found = of(bundle("".join(map(result, parts))), "Practitioner")
    named = [said["name"][0]["family"] for said in found if "name" in said]
    assert named == ["Brehat", "Ouessant"]
    assert {said["identifier"][0]["value"] for said in found} == {"899000000017"}


def test_one_structure_number_under_two_names_is_two_structures() -> None:
    def lab(name: str) -> str:
        structure = f'<id root="1.2.250.1.71.4.2.2" extension="1010000018"/><name>{name}</name>'
        return author(f"{NUMBER}<representedOrganization>{structure}</representedOrganization>")

    found = of(bundle(result(lab("Laboratoire Nord")) + result(lab("Laboratoire Sud"))), "Organization")
    assert [said["name"] for said in found] == ["Structure", "Laboratoire Nord", "Laboratoire Sud"]


def test_the_patient_who_writes_is_the_patient_and_nobody_else_has_an_ins() -> None:
    patient = author(f'<id root="{TEST_OID}" extension="{INS}"/>' + person("Zoé"))
    found = bundle(result(patient))
    assert one(found, "Observation")["performer"] == [{"reference": url(found, "Patient")}]
    other = bundle(result(author(f'<id root="{TEST_OID}" extension="{OTHER}"/>' + person("Autre"))))
    assert OTHER not in msgspec.json.encode(other).decode()


def test_a_device_that_writes_is_the_device_of_its_result_and_performs_nothing() -> None:
    device = "<assignedAuthoringDevice><softwareName>Automate</softwareName></assignedAuthoringDevice>"
    found = one(bundle(result(author('<id root="1.2.250.9.4" extension="7"/>' + device))), "Observation")
    assert "performer" not in found
    assert "device" in found


@pytest.mark.parametrize("mood", ["RQO", "INT"])
def test_what_is_asked_for_in_a_panel_is_no_member_of_it(mood: str) -> None:
    asked = f'<component><observation classCode="OBS" moodCode="{mood}">{LAB}</observation></component>'
    done = f'<component><observation classCode="OBS" moodCode="EVN">{LAB}</observation></component>'
    panel = template("78") + f'<code code="58410-2" {LOINC}/><statusCode code="completed"/>' + asked + done
    found = bundle(entry(panel, "organizer", 'classCode="BATTERY" moodCode="EVN"'))
    (group,) = [said for said in of(found, "Observation") if "hasMember" in said]
    assert len(group["hasMember"]) == 1
    assert len(of(found, "ServiceRequest")) == 1


def test_a_document_without_an_author_says_so() -> None:
    data = cda().decode()
    start, end = data.index("<author>"), data.index("</author>") + len("</author>")
    (said,) = one(made((data[:start] + data[end:]).encode()), "Composition")["author"]
    assert "display" not in said
    assert said["extension"][0]["valueCode"] == "unknown"


def test_a_document_without_title_type_or_id_is_still_valid() -> None:
    data = cda(title="").decode()
    for tag in ("<code code=", "<id root="):
        start = data.index(tag)
        data = data[:start] + data[data.index("/>", start) + 2 :]
    made(data.encode())
    check(record_bundle([Filed(record(data.encode()))]))


def test_a_problem_that_ended_is_resolved_and_a_denied_one_has_no_status() -> None:
    time = '<effectiveTime><low value="2020"/><high value="2021"/></effectiveTime>'
    value = '<value xsi:type="CD" code="I10" codeSystem="2.16.840.1.113883.6.3"/>'
    found = one(bundle(entry(template("37") + time + value)), "Condition")
    assert found["clinicalStatus"]["coding"][0]["code"] == "resolved"
    assert found["abatementDateTime"] == "2021"
    concern = template("39") + '<statusCode code="active"/>' + relation(template("37") + value, negated=True)
    denied = one(bundle(entry(concern, "act", 'classCode="ACT" moodCode="EVN"')), "Condition")
    assert "clinicalStatus" not in denied


def test_an_address_keeps_its_parts_and_a_number_its_digits() -> None:
    address = (
        '<addr use="HP"><houseNumber>12</houseNumber><streetNameType>rue</streetNameType><streetName>des Aubiers'
        "</streetName><unitID>Appt 4</unitID><postalCode>44000</postalCode><city>Nantes</city><state>Loire</state>"
        '</addr><telecom value="0200000000"/><telecom value="tel:0200000001" use="MC"/>'
    )
    data = cda().decode().replace("<patient>", f"{address}<patient>").encode()
    found = one(made(data), "Patient")
    assert found["address"] == [
        {
            "line": ["12 rue des Aubiers", "Appt 4"],
            "city": "Nantes",
            "postalCode": "44000",
            "state": "Loire",
            "use": "home",
        }
    ]
    assert [said["value"] for said in found["telecom"]] == ["0200000000", "0200000001"]


def test_sections_are_nested_as_in_the_document() -> None:
    inner = "</section></component><component><section><title>{}</title><text>b</text>"
    nested = "<component><section><title>Dedans</title><text>a</text></section></component>"
    data = document("").decode()
    end = data.index("</section>")
    data = data[:end] + nested + inner.format("Apres") + data[end:]
    (first, second) = one(made(data.encode()), "Composition")["section"]
    assert [said["title"] for said in first["section"]] == ["Dedans"]
    assert second["title"] == "Apres"


def about(code: str, more: str = "") -> str:
    return f'<subject><relatedSubject classCode="PRS"><code code="{code}"/>{more}</relatedSubject></subject>'


def test_what_is_said_of_the_mother_is_not_said_of_the_child() -> None:
    said = entry(LAB + about("MTH") + '<value xsi:type="PQ" value="1" unit="g/L"/>')
    found = bundle(said + result(""))
    (hers, own) = of(found, "Observation")
    assert hers["focus"] == [{"reference": url(found, "RelatedPerson")}]
    assert one(found, "RelatedPerson")["relationship"][0]["coding"][0]["code"] == "MTH"
    assert "focus" not in own


def test_members_of_a_panel_about_someone_else_are_too() -> None:
    done = f'<component><observation classCode="OBS" moodCode="EVN">{LAB}</observation></component>'
    panel = template("78") + '<code code="x"/><statusCode code="completed"/>' + about("CHILD") + done
    found = bundle(entry(panel, "organizer", 'classCode="BATTERY" moodCode="EVN"'))
    assert all("focus" in said for said in of(found, "Observation"))


@pytest.mark.parametrize(
    ("number", "kind", "attributes", "resource"),
    [
        ("37", "observation", 'classCode="OBS" moodCode="EVN"', "Condition"),
        ("62", "procedure", 'classCode="PROC" moodCode="EVN"', "Procedure"),
        ("45", "substanceAdministration", 'classCode="SBADM" moodCode="EVN"', "Immunization"),
        ("27", "observation", 'classCode="OBS" moodCode="RQO"', "ServiceRequest"),
    ],
)
def test_no_other_resource_of_the_patient_is_about_someone_else(
    number: str, kind: str, attributes: str, resource: str
) -> None:
    value = '<code code="x"/><value xsi:type="CD" code="I10" codeSystem="2.16.840.1.113883.6.3"/>'
    assert len(of(bundle(entry(template(number) + value, kind, attributes)), resource)) == 1
    assert of(bundle(entry(template(number) + value + about("MTH"), kind, attributes)), resource) == []


def test_the_patient_as_subject_is_the_patient() -> None:
    assert "focus" not in one(bundle(result(about("ONESELF"))), "Observation")


def test_a_side_is_never_lost() -> None:
    side = (
        '<qualifier><name code="20228-3" displayName="Côté"/><value code="7771000" displayName="gauche"/></qualifier>'
    )
    found = one(
        bundle(result(f'<targetSiteCode code="72696002" displayName="genou">{side}</targetSiteCode>')), "Observation"
    )
    assert found["bodySite"]["text"] == "genou (Côté : gauche)"
    assert [coding["code"] for coding in found["bodySite"]["coding"]] == ["72696002"]


def test_what_is_observed_of_a_problem_says_of_which_and_an_earlier_result_is_not_about_this_one() -> None:
    status = template("31") + f'<code code="11323-3" {LOINC}/><statusCode code="completed"/>'
    problem = template("37") + '<value xsi:type="CD" code="I10" codeSystem="2.16.840.1.113883.6.3"/>'
    found = bundle(entry(problem + relation(status, type_code="REFR")))
    assert one(found, "Observation")["focus"] == [{"reference": url(found, "Condition")}]
    results = of(bundle(result(relation(LAB, type_code="REFR"))), "Observation")
    assert not any("focus" in said for said in results)
