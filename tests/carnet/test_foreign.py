"""Documents of other countries: the same code reads header, sections and entries; what France adds is not asked."""

from __future__ import annotations

from connectors.base import Document, Source
from connectors.cda.anatomy import anatomy
from connectors.cda.reader import CDA
from quality.conformance.cda import ExaminedHeader, examine_header
from tests.foreign import SSN, ccda, ehdsi
from tests.hub import Hub
from transforms.documents import DocumentRecord, from_cda
from transforms.xds.entry import document_entry


def read(data: bytes) -> DocumentRecord:
    (document,) = CDA.read(Source.of_bytes("document", data))
    assert isinstance(document, Document)
    return from_cda(document)


def examined(data: bytes) -> ExaminedHeader:
    document = anatomy(data)
    assert document is not None
    return examine_header(document)


def test_a_ccda_is_read_header_and_sections() -> None:
    record = read(ccda())
    said = record.header
    (subject,) = said.subjects
    assert record.document_id == "2.16.840.1.113883.19.5.99^T-1"
    assert record.created == "2026-03-01T17:15:04-05:00"
    assert [part.text for part in subject.names[0].parts] == ["Testa", "Q", "Sampleton"]
    assert (subject.deceased, subject.provider and subject.provider.name) == ("false", "Test Clinic")
    assert [(id_.root, id_.extension) for id_ in record.patient.local] == [
        (SSN, "999-00-4321"),
        ("2.16.840.1.113883.19.5", "P-7"),
    ]
    assert record.patient.ins == "" and not record.patient.qualified
    doctor, device = said.authors
    assert doctor.entity.code.code == "207QA0505X"
    assert device.entity.device is not None and device.entity.device.software == "Test EHR 2"
    assert device.entity.ids[0].null == "NI"
    assert [(section.title, section.entries) for section in record.narrative] == [("Allergies", 1), ("Vital Signs", 2)]
    assert (record.sections, record.entries, record.format) == (2, 3, "cda-n3")


def test_metadata_of_a_ccda_are_what_it_says_and_no_more() -> None:
    entry = document_entry(read(ccda()))
    assert (entry.model, entry.model_version) == ("C-CDA-CCD", "2015-08-01")
    assert entry.format_code.code == "urn:hl7-org:sdwg:ccda-structuredBody:2.1"
    assert entry.class_code.code == "11"
    assert entry.creation_time.value == "20260301221504"
    assert (entry.service_start_time.value, entry.service_start_time.how) == ("20260101", "date")
    assert entry.authors[0].person == "5555555555^Testerson^Doc^^^^^^&2.16.840.1.113883.4.6&ISO^D^^^"
    assert set(entry.missing) == {
        "legalAuthenticator",
        "healthcareFacilityTypeCode",
        "practiceSettingCode",
        "patientId",
    }


def test_an_ehdsi_summary_under_another_prefix_is_read_alike() -> None:
    record = read(ehdsi())
    said = record.header
    entry = document_entry(record)
    assert (entry.model, entry.format_code.code) == ("eHDSI-PS", "urn:epSOS:ps:ps:2010")
    assert (record.set_id, record.version) == ("1.2.752.999.5^PS", 3)
    assert said.subjects[0].addresses[0].null == "NI"
    assert said.subjects[0].guardians[0].person is not None
    assert said.participants[0].time.low == "2026"
    assert said.acts[0].time.low_null == "UNK"
    assert entry.service_start_time.how == "absent"  # nobody performed: no act is the main one
    assert entry.creation_time.value == "20260301081500"
    assert [section.narrative for section in record.narrative] == ["Pölyallergia"]


def test_check_asks_them_for_nothing_that_is_french() -> None:
    for data, model in ((ccda(), "C-CDA-CCD"), (ehdsi(), "eHDSI-PS")):
        found = examined(data)
        assert (found.rules, found.model, found.findings) == ("cda", model, ())
    broken = ccda().replace(b"<custodian>", b"<x>").replace(b"</custodian>", b"</x>")
    assert {finding.code for finding in examined(broken).findings} == {"CDA_ELEMENT_MISSING", "CDA_ELEMENT_UNKNOWN"}


def test_a_foreign_document_waits_for_a_french_identity_with_all_it_says(hub: Hub) -> None:
    hub.take(ccda("1"))
    hub.take(ehdsi())
    assert hub.ends() == {"held": 2}
    assert {row["code"] for row in hub.quarantine()} == {"IDENTITY_NOT_QUALIFIED"}
