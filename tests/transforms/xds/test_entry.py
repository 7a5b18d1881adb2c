"""XDS metadata from a header: each from its place, in UTC, never guessed; over the samples, each model known."""

from __future__ import annotations

import csv
import hashlib
import re
from pathlib import Path

import pytest

from connectors.base import Document, Source
from connectors.cda.reader import CDA
from tests.cda import ARC, INS, TEST_OID
from tests.cda_header import LOINC, MODEL, documented, fragments, organisation, professional, whole
from transforms.documents import DocumentRecord, from_cda
from transforms.oids import meant
from transforms.xds import tables
from transforms.xds.entry import Coded, DocumentEntry, document_entry
from transforms.xds.models import candidates, model
from transforms.xds.times import dtm

TABLES = Path(__file__).parents[3] / "transforms" / "xds" / "tables"


def record(data: bytes) -> DocumentRecord:
    (document,) = CDA.read(Source.of_bytes("document", data))
    assert isinstance(document, Document)
    return from_cda(document)


def entry(data: bytes, masks: tuple[str, ...] = ()) -> DocumentEntry:
    return document_entry(record(data), masks)


def test_every_metadata_comes_from_its_place_in_the_header() -> None:
    data = whole()
    found = entry(data, ("MASQUE_PS",))
    assert found.missing == ()
    assert (found.model, found.model_version) == ("LDL-SES", "2022.01")
    assert found.unique_id == f"{ARC}.77"
    assert found.mime_type == "text/xml"
    assert found.hash == hashlib.sha1(data).hexdigest()
    assert found.size == len(data)
    assert found.title == "Lettre de liaison à la sortie"
    assert found.language_code == "fr-FR"
    assert found.class_code == Coded("10", "1.2.250.1.213.1.1.4.1", "Compte rendu")
    assert found.type_code == Coded("11490-0", LOINC, "Lettre de liaison à la sortie d'un établissement de soins")
    assert found.format_code.code == "urn:asip:ci-sis:ldl-ses:2017"
    assert found.format_code.system == "1.2.250.1.213.1.1.4.2.282"
    assert found.practice_setting_code == Coded("ETABLISSEMENT", "1.2.250.1.213.1.1.4.9", "Etablissement de santé")
    assert found.healthcare_facility_type_code.code == "SA04"
    assert [code.code for code in found.event_code_list] == ["IMP"]
    assert [code.code for code in found.confidentiality_codes] == ["N", "MASQUE_PS"]
    assert found.confidentiality_codes[1].system == "1.2.250.1.213.1.1.4.13"
    assert found.creation_time.value == "20260302091500"
    assert found.service_start_time.value == "20260225083000"
    assert found.service_stop_time.value == "20260302090000"
    doctor = "899000000017^DESSAI^Nadège^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS"
    clinic = "Clinique d'essai^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^1440000017"
    (author,) = found.authors
    assert (author.person, author.institution, author.role) == (doctor, clinic, "Médecin responsable")
    assert author.specialty == "G15_10/SM26^Médecin - Médecine générale^1.2.250.1.213.1.1.4.5"
    assert (found.legal_authenticator, found.custodian) == (doctor, clinic)
    assert found.patient_id == f"{INS}^^^&{TEST_OID}&ISO^NH"
    assert found.source_patient_id == "IPP-285034^^^&1.2.3.4.5&ISO^PI"
    assert found.source_patient_info == (
        "PID-5|L'HOSTIS-NOËL^Zoé^^^^^L",
        "PID-5|TESTARD^Anne^^^^^D",
        "PID-7|19850314",
        "PID-8|F",
    )
    assert found.reference_ids == ("P-1^^^&1.2.250.1.999.7&ISO^urn:ihe:iti:xds:2013:order",)


def test_the_hash_is_over_the_bytes_as_sent_not_over_the_tree() -> None:
    data = whole()
    commented = data.replace(b"<title>", b"<!-- essai -->\r\n<title>")
    one, other = entry(data), entry(commented)
    assert record(data).digest == record(commented).digest
    assert (other.hash, other.size) == (hashlib.sha1(commented).hexdigest(), len(commented))
    assert one.hash != other.hash


def test_a_self_presenting_document_is_hashed_whole_and_has_its_own_type() -> None:
    inner = whole().split(b"?>", 1)[1].strip()
    sheet = (
        b'<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:d="urn:x">'
        b"<d:Contenu>" + inner + b"</d:Contenu></xsl:stylesheet>"
    )
    found = entry(sheet)
    assert (found.mime_type, found.size) == ("application/xslt+xml", len(sheet))
    assert found.hash == hashlib.sha1(sheet).hexdigest()


def test_the_main_act_is_the_one_performed_wherever_it_stands() -> None:
    bare = documented("19935-6", performed=False, system=LOINC)
    main = documented("IMP", "20260225093000+0100", "")
    for order in (bare + main, main + bare, bare + bare + main):
        found = entry(whole(documentationOf=order))
        assert found.service_start_time.value == "20260225083000"
        assert found.service_stop_time.value == ""
        assert found.practice_setting_code.code == "ETABLISSEMENT"
        assert {code.code for code in found.event_code_list} == {"19935-6", "IMP"}


def test_without_a_performed_act_nothing_is_taken_from_another() -> None:
    performer_only = documented().replace("<effectiveTime>", "<x>").replace("</effectiveTime>", "</x>")
    time_only = re.sub("<performer.*</performer>", "", documented(), flags=re.S)
    found = entry(whole(documentationOf=performer_only + time_only))
    assert found.service_start_time.how == "absent"
    assert {"serviceStartTime", "practiceSettingCode"} == set(found.missing)


@pytest.mark.parametrize(
    ("said", "value", "how"),
    [
        ("20260302101500+0100", "20260302091500", "converted"),
        ("20260302101500+100", "20260302091500", "converted"),  # three digits mean one hour
        ("20260302101500+0000", "20260302101500", "converted"),
        ("20260101003000+0100", "20251231233000", "converted"),  # over midnight and New Year
        ("20260702003000+0200", "20260701223000", "converted"),
        ("20260302101500.123+0100", "20260302091500", "converted"),
        ("202603021015+0100", "202603020915", "converted"),  # no second is invented
        ("2026030210+0530", "202603020430", "converted"),
        ("20260302-0330", "20260302", "date"),
        ("20260302", "20260302", "date"),  # no midnight is invented
        ("202603", "202603", "date"),
        ("20260302101500", "", "no_offset"),  # no zone is invented
        ("20260231", "", "invalid"),
        ("le 3 mars", "", "invalid"),
        ("", "", "absent"),
    ],
)
def test_times_are_in_utc_as_precise_as_the_source(said: str, value: str, how: str) -> None:
    found = dtm(said)
    assert (found.said, found.value, found.how) == (said, value, how)


def test_a_creation_time_without_offset_leaves_the_metadata_empty_and_says_why() -> None:
    found = entry(whole(effectiveTime='<effectiveTime value="20260302101500"/>'))
    assert (found.creation_time.value, found.creation_time.how) == ("", "no_offset")
    assert found.missing == ("creationTime",)


def test_a_type_without_a_known_class_has_none_and_is_flagged() -> None:
    data = whole(code=f'<code code="99999-9" codeSystem="{LOINC}" displayName="Essai"/>')
    assert entry(data).class_code == Coded("")
    assert "CLASS_CODE_UNKNOWN" in record(data).findings
    assert "CLASS_CODE_UNKNOWN" not in record(whole()).findings


def test_the_most_specific_template_names_the_model_wherever_it_stands() -> None:
    lab = ["2.16.840.1.113883.2.8.2.1", "1.2.250.1.213.1.1.1.1", "1.3.6.1.4.1.19376.1.3.3", "1.2.250.1.213.1.1.1.55"]
    child = ["1.2.250.1.213.1.1.1.1", "1.2.250.1.213.1.1.1.5", "1.2.250.1.213.1.1.1.5.2"]
    for templates, name in ((lab, "BIO-CR-BIO"), (child, "CSE-CS9"), (lab[:3], "XD-LAB")):
        for shift in range(len(templates)):
            found = model([*templates[shift:], *templates[:shift]])
            assert found is not None and found.name == name


def test_two_models_are_told_apart_by_the_type_or_not_at_all() -> None:
    both = ["1.2.250.1.213.1.1.1.29", "1.2.250.1.213.1.1.1.21"]
    assert [one.name for one in candidates(both)] == ["LDL-EES", "LDL-SES"]
    assert model(both) is None
    found = model(both, "18761-7")
    assert found is not None and found.name == "LDL-EES"


def test_headers_and_bases_are_no_model() -> None:
    assert model(["2.16.840.1.113883.2.8.2.1", "1.2.250.1.213.1.1.1.1", "1.3.6.1.4.1.19376.1.5.3.1.1.1"]) is None
    assert entry(whole(templates='<templateId root="1.2.250.1.213.1.1.1.1"/>')).missing == ("formatCode",)


def test_typing_errors_of_oids_are_undone_to_recognise_never_to_send() -> None:
    assert meant("2.16.840.1.11383.10.20.1.7") == "2.16.840.1.113883.10.20.1.7"
    assert meant("1.3.5.1.4.1.19376.1.5.3.2") == "1.3.6.1.4.1.19376.1.5.3.2"
    assert meant("urn:oid:1.2.3 ") == "1.2.3"
    data = whole(templates='<templateId root="1.3.5.1.4.1.19376.1.3.3"/>')
    assert entry(data).model == "XD-LAB"
    assert record(data).templates == ("1.3.5.1.4.1.19376.1.3.3",)


@pytest.mark.parametrize(
    ("media", "format_code"),
    [
        ("application/pdf", "urn:ihe:iti:xds-sd:pdf:2008"),
        ("text/plain", "urn:ihe:iti:xds-sd:text:2008"),
        ("text/rtf", "urn:ihe:iti-fr:xds-sd:rtf:2010"),
        ("image/jpeg", "urn:ihe:iti-fr:xds-sd:jpeg:2010"),
        ("image/tiff", "urn:ihe:iti-fr:xds-sd:tiff:2010"),
        ("image/png", ""),
    ],
)
def test_the_format_of_a_level_1_body_goes_by_its_media_type(media: str, format_code: str) -> None:
    text = f'<text mediaType="{media}" representation="B64">JVBERi0=</text>'
    body = f"<component><nonXMLBody>{text}</nonXMLBody></component>"
    templates = fragments()["templates"].replace(MODEL, "1.3.6.1.4.1.19376.1.2.20")
    found = entry(whole(component=body, templates=templates))
    assert (found.model, found.format_code.code) == ("N1", format_code)


def test_an_unqualified_ins_does_not_travel() -> None:
    data = whole(recordTarget=fragments()["recordTarget"].replace('<birthTime value="19850314"/>', ""))
    found = entry(data)
    assert (found.patient_id, found.source_patient_id) == ("", "IPP-285034^^^&1.2.3.4.5&ISO^PI")
    assert found.missing == ("patientId",)


def test_a_device_and_a_local_number_are_written_as_the_annex_says() -> None:
    device = (
        '<author><time value="20260302101500+0100"/><assignedAuthor>'
        '<id root="1.2.250.1.71.4.2.1" extension="3440000017/7"/>'
        "<assignedAuthoringDevice><manufacturerModelName>Modèle ^ 2</manufacturerModelName>"
        f"<softwareName>Logiciel</softwareName></assignedAuthoringDevice>{organisation('representedOrganization')}"
        "</assignedAuthor></author>"
    )
    local = f"<author><assignedAuthor>{professional('3440000017/42')}</assignedAuthor></author>"
    one, other = entry(whole(author=device + local)).authors
    assert one.person == "3440000017/7^Logiciel^Modèle \\S\\ 2^^^^^^&1.2.250.1.71.4.2.1&ISO^U^^^RI"
    assert other.person == "3440000017/42^DESSAI^Nadège^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^EI"


def test_two_patients_in_one_document_are_refused() -> None:
    one = fragments()["recordTarget"]
    assert "SEVERAL_PATIENTS" in record(whole(recordTarget=one + one.replace(INS, "180012B00100134"))).findings
    assert "SEVERAL_PATIENTS" not in record(whole(recordTarget=one + one)).findings


def test_every_row_of_the_tables_has_its_source_and_date_and_fits_the_others() -> None:
    for path in TABLES.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                assert row["source"] and re.fullmatch(r"20\d\d(-\d\d){1,2}", row["date"]), (path.name, row)
    codes = {code for code, _ in tables.types()}
    for found in tables.models().values():
        assert set(found.type_codes.split()) <= codes, found.name
        assert not found.format_code or found.format_code.startswith("urn:"), found.name
    assert {kind.class_code for kind in tables.types().values()} <= tables.classes().keys()


def test_every_sample_gives_every_required_metadata_and_its_model_is_known(samples: Path) -> None:
    for path in sorted((samples / "cda").glob("*.xml")):
        data = path.read_bytes()
        found = entry(data)
        assert found.missing == (), path.name
        assert found.hash == hashlib.sha1(data).hexdigest()
        name = path.name.split("_20")[0].removeprefix("01_")
        told = re.sub(r"[^A-Z0-9]", "", found.model.upper())
        if found.model not in ("N1", "VSM", "DLU-DLU", "DLU-FLUDT"):
            assert re.sub(r"[^A-Z0-9]", "", name.upper()).startswith(told), (path.name, found.model)
