"""METADATA.XML read as said: submission set, entries, associations; whatever the tool that wrote it."""

from __future__ import annotations

import pytest

from connectors.base import RawCode, RawId
from connectors.cda.metadata import Submission, read_metadata
from connectors.cda.xml import Malformed
from tests.cda import ARC, INS, TEST_OID, cda
from tests.xdm import RIM, VISIBILITY, association, entry, metadata

UUID = "urn:uuid:00000000-0000-4000-8000-000000000001"


def read(data: bytes) -> Submission:
    found = read_metadata(data)
    assert isinstance(found, Submission)
    return found


def test_every_metadata_of_a_submission_and_its_entries_is_read() -> None:
    document = cda("1")
    found = read(metadata(entry(document, masks=("MASQUE_PS",), action="C")))
    assert found.set.unique_id == "1.2.250.1.999.9.1"
    assert found.set.source_id == "1.2.250.1.999.9"
    assert found.set.submitted == "20260302093000"
    assert found.set.content_type.code == "04"
    assert found.set.title == "Lot d'essai"
    assert found.set.author_persons[0].startswith("899000000017^Nom^")
    assert found.set.patient.ids == (RawId(TEST_OID, INS, "NH"),)
    (one,) = found.entries
    assert (one.entry_uuid, one.unique_id, one.uri) == (UUID, RawId(f"{ARC}.1"), "DOC0001.XML")
    assert one.patient.ids == (RawId(TEST_OID, INS, "NH"), RawId("1.2.3.4.5", f"IPP-{INS[:6]}", "PI"))
    assert (one.patient.birth_family, one.patient.birth_given) == ("L'HOSTIS-NOËL", "Zoé")
    assert (one.patient.birth_date, one.patient.sex) == ("19850314", "F")
    assert (one.size, one.mime_type, one.status, one.action) == (str(len(document)), "text/xml", "Approved", "C")
    assert (one.created, one.title, one.language) == ("20260302091500", "Compte rendu d'essai", "fr-FR")
    assert one.type_code == RawCode("11502-2", "LN", "x")
    assert [(code.code, code.system) for code in one.confidentiality] == [
        ("N", "2.16.840.1.113883.5.25"),
        ("MASQUE_PS", VISIBILITY),
    ]


def test_an_extension_in_a_unique_id_and_a_used_name_are_told_apart() -> None:
    lines = ("PID-5|DURAND^Zoé^^^^^D", "PID-5|L'HOSTIS-NOËL^Zoé^^^^^L", "PID-3|77^^^&1.2.3&ISO^PI")
    (one,) = read(metadata(entry(cda("1"), unique_id="1.2.3^AB", lines=lines))).entries
    assert one.unique_id == RawId("1.2.3", "AB")
    assert (one.patient.birth_family, one.patient.used_family) == ("L'HOSTIS-NOËL", "DURAND")
    assert RawId("1.2.3", "77", "PI") in one.patient.ids


def test_ampersands_escaped_twice_name_the_same_authority() -> None:
    data = metadata(entry(cda("1"))).replace(b"&amp;", b"&amp;amp;")
    (one,) = read(data).entries
    assert one.patient.ids[0] == RawId(TEST_OID, INS, "NH")


def test_a_replacement_names_its_target_by_id_or_through_an_entry_of_the_same_submission() -> None:
    other = "urn:uuid:00000000-0000-4000-8000-000000000002"
    found = read(
        metadata(
            entry(cda("2")),
            entry(cda("1"), "DOC0002.XML", uuid=other),
            more=association("RPLC", UUID, other) + association("RPLC", UUID, f"{ARC}.7"),
        )
    )
    assert found.entries[0].replaces == (RawId(f"{ARC}.1"), RawId(f"{ARC}.7"))
    assert found.entries[1].replaces == ()


@pytest.mark.parametrize("namespace", ["urn:oasis:names:tc:ebxml-regrep:rim:xsd:2.1", "urn:x"])
def test_the_namespace_of_the_registry_model_does_not_matter(namespace: str) -> None:
    assert len(read(metadata(entry(cda("1"))).replace(RIM.encode(), namespace.encode())).entries) == 1


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "XML_NOT_WELL_FORMED"),
        (b"<a/>", "METADATA_UNREADABLE"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "XML_DTD_FORBIDDEN"),
        (metadata(entry(cda("1")))[:-30], "XML_NOT_WELL_FORMED"),
    ],
)
def test_what_describes_no_submission_is_malformed(data: bytes, code: str) -> None:
    found = read_metadata(data)
    assert isinstance(found, Malformed) and found.code == code
