"""CDA documents: the CI-SIS header and its cardinalities, bodies, versions, and the shape of real samples."""

from __future__ import annotations

import base64
import re
from collections import defaultdict
from pathlib import Path

import pytest
from lxml import etree
from synth_feed import V3, Cda, Feed

# Beside the clone, or beside the folder of a worktree.
BESIDE = [folder / "shared" / "samples" / "cda" for folder in Path(__file__).parents[4:6]]
SAMPLES = next((folder for folder in BESIDE if folder.is_dir()), None)

# French formats, section 3.1: an XPath from ClinicalDocument, the least and the most (None: any number).
CARDINALITIES = [
    ("v3:realmCode[@code='FR']", 1, 1),
    ("v3:typeId[@root='2.16.840.1.113883.1.3'][@extension='POCD_HD000040']", 1, 1),
    ("v3:templateId", 3, None),
    ("v3:templateId[@root='2.16.840.1.113883.2.8.2.1']", 1, 1),
    ("v3:templateId[@root='1.2.250.1.213.1.1.1.1']", 1, 1),
    ("v3:id[@root][not(@extension)][not(@nullFlavor)]", 1, 1),
    ("v3:code[@code][@codeSystem][@displayName]", 1, 1),
    ("v3:title[string-length(.) > 0]", 1, 1),
    ("v3:effectiveTime[@value]", 1, 1),
    ("v3:confidentialityCode[@codeSystem='2.16.840.1.113883.5.25']", 1, 1),
    ("v3:languageCode[@code='fr-FR']", 1, 1),
    ("v3:setId[@root]", 1, 1),
    ("v3:versionNumber[@value >= 1]", 1, 1),
    ("v3:recordTarget/v3:patientRole", 1, 1),
    ("v3:recordTarget/v3:patientRole/v3:id[@root][@extension]", 1, None),
    ("v3:recordTarget/v3:patientRole/v3:patient/v3:name", 1, 1),
    ("v3:recordTarget/v3:patientRole/v3:patient/v3:administrativeGenderCode[@code]", 1, 1),
    ("v3:recordTarget/v3:patientRole/v3:patient/v3:birthTime[@value]", 1, 1),
    ("v3:recordTarget/v3:patientRole/v3:patient/v3:birthplace/v3:place/v3:addr/v3:county", 1, 1),
    ("v3:author", 1, None),
    ("v3:author/v3:time[@value]", 1, None),
    ("v3:author/v3:assignedAuthor/v3:id[@root][@extension]", 1, None),
    ("v3:author/v3:assignedAuthor/v3:code", 1, None),
    ("v3:author/v3:assignedAuthor/v3:assignedPerson", 1, None),
    ("v3:author/v3:assignedAuthor/v3:representedOrganization/v3:id", 1, None),
    ("v3:custodian/v3:assignedCustodian/v3:representedCustodianOrganization/v3:id[@root='1.2.250.1.71.4.2.2']", 1, 1),
    ("v3:legalAuthenticator", 1, 1),
    ("v3:legalAuthenticator/v3:time", 1, 1),
    ("v3:legalAuthenticator/v3:signatureCode[@code='S']", 1, 1),
    ("v3:legalAuthenticator/v3:assignedEntity/v3:id[@root][@extension]", 1, 1),
    ("v3:legalAuthenticator/v3:assignedEntity/v3:assignedPerson/v3:name/v3:family", 1, 1),
    ("v3:legalAuthenticator/v3:assignedEntity/v3:representedOrganization/v3:standardIndustryClassCode", 1, 1),
    ("v3:documentationOf/v3:serviceEvent", 1, None),
    ("v3:documentationOf/v3:serviceEvent[v3:performer][v3:effectiveTime/v3:low]", 1, 1),
    (
        "v3:documentationOf/v3:serviceEvent/v3:performer/v3:assignedEntity/v3:representedOrganization"
        "/v3:standardIndustryClassCode",
        1,
        1,
    ),
    ("v3:relatedDocument", 0, 1),
    ("v3:relatedDocument[not(@typeCode='RPLC')]", 0, 0),
    ("v3:componentOf/v3:encompassingEncounter", 1, 1),
    ("v3:componentOf/v3:encompassingEncounter/v3:effectiveTime/v3:low", 1, 1),
    ("v3:componentOf/v3:encompassingEncounter/v3:location/v3:healthCareFacility/v3:code", 1, 1),
    ("v3:component", 1, 1),
    ("v3:component/v3:nonXMLBody | v3:component/v3:structuredBody", 1, 1),
]
# What each type must hold when it is structured (sections 3.4 and 3.5 of the same page).
SECTIONS = {
    "11490-0": {"33557-0", "42349-1", "42545-4", "10183-2", "18776-5", "48765-2"},
    "57833-6": {"57828-6"},
}


def test_every_header_has_the_cardinalities_of_the_norm(nation: Feed) -> None:
    finders = [(path, etree.XPath(path, namespaces=V3), least, most) for path, least, most in CARDINALITIES]
    for cda in nation.documents:
        for path, find, least, most in finders:
            count = len(find(cda.root))
            assert count >= least, f"{cda.code}: {path}"
            assert most is None or count <= most, f"{cda.code}: {path}"


def test_a_level_1_document_declares_exactly_three_templates_and_holds_a_pdf(nation: Feed) -> None:
    level_1 = [cda for cda in nation.documents if cda.all("v3:component/v3:nonXMLBody")]
    assert {cda.code for cda in level_1} == {"18748-4", "11502-2"}
    for cda in level_1:
        assert [template.get("root") for template in cda.all("v3:templateId")] == [
            "2.16.840.1.113883.2.8.2.1",
            "1.2.250.1.213.1.1.1.1",
            "1.3.6.1.4.1.19376.1.2.20",
        ]
        pdf = base64.b64decode(cda.value("v3:component/v3:nonXMLBody/v3:text/text()"), validate=True)
        assert_pdf(pdf)


def assert_pdf(pdf: bytes) -> None:
    """One page whose cross-reference table is right."""
    assert pdf.startswith(b"%PDF-1.4")
    assert pdf.endswith(b"%%EOF\n")
    start = int(pdf.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    assert pdf[start:].startswith(b"xref")
    offsets = [int(entry[:10]) for entry in re.findall(rb"\d{10} \d{5} n \n", pdf[start:])]
    for number, offset in enumerate(offsets, 1):
        assert pdf[offset:].startswith(b"%d 0 obj" % number)
    length = int(re.search(rb"/Length (\d+)", pdf)[1])  # type: ignore[index]
    assert len(pdf.split(b"stream\n", 1)[1].split(b"\nendstream")[0]) == length


def test_structured_documents_have_their_sections_and_coded_entries(nation: Feed) -> None:
    structured = [cda for cda in nation.documents if cda.all("v3:component/v3:structuredBody")]
    assert {cda.code for cda in structured} == {"11502-2", "11490-0", "57833-6"}
    for cda in structured:
        codes = {str(code) for code in cda.all("//v3:section/v3:code/@code")}
        assert SECTIONS.get(cda.code, {"18719-5", "18723-7", "18720-3", "18718-7", "18727-8", "18725-2"}) & codes
        assert codes >= SECTIONS.get(cda.code, set())
        if cda.code == "11502-2":
            assert cda.all("//v3:observation/v3:value")
        if cda.code == "57833-6":
            assert cda.all("//v3:substanceAdministration")


def test_every_reference_to_the_narrative_finds_it(nation: Feed) -> None:
    for cda in nation.documents:
        anchors = [str(anchor) for anchor in cda.all("//@ID")]
        assert len(anchors) == len(set(anchors))
        assert {str(value) for value in cda.all("//v3:reference/@value")} <= {f"#{anchor}" for anchor in anchors}


def test_every_id_is_an_oid_and_names_one_document(nation: Feed) -> None:
    contents = defaultdict(set)
    for cda in nation.documents:
        assert re.fullmatch(r"[0-2](\.(0|[1-9]\d*))+", cda.id)
        assert len(cda.id) <= 64
        contents[cda.id].add(cda.raw)
    assert all(len(found) == 1 for found in contents.values())
    assert any(identifier.startswith("2.25.") for identifier in contents)


def test_a_new_version_replaces_the_one_before_it_in_the_same_set(nation: Feed) -> None:
    known: dict[str, Cda] = {}
    replacements = 0
    for cda in nation.documents:
        if cda.all("v3:relatedDocument"):
            old = known[cda.value("v3:relatedDocument/v3:parentDocument/v3:id/@root")]
            assert old.value("v3:setId/@root") == cda.value("v3:setId/@root")
            assert int(cda.value("v3:versionNumber/@value")) == int(old.value("v3:versionNumber/@value")) + 1
            assert old.ins == cda.ins
            assert old.code == cda.code
            assert old.created < cda.created
            replacements += 1
        else:
            assert cda.value("v3:versionNumber/@value") == "1"
        known[cda.id] = cda
    assert replacements > 10


def test_a_structured_report_and_its_pdf_share_set_and_version(nation: Feed) -> None:
    twins = [message for message in nation.messages if len(message.payloads) == 2]
    assert twins
    for message in twins:
        structured, printed = (Cda(message.delivery, base64.b64decode(payload)) for payload in message.payloads)
        assert structured.all("v3:component/v3:structuredBody")
        assert printed.all("v3:component/v3:nonXMLBody")
        assert structured.id != printed.id
        for path in ("v3:setId/@root", "v3:versionNumber/@value", "v3:effectiveTime/@value"):
            assert structured.value(path) == printed.value(path)


@pytest.mark.skipif(SAMPLES is None, reason="the ANS samples are not here")
def test_elements_stand_where_the_samples_of_the_norm_have_them(nation: Feed) -> None:
    """No schema is at hand: the children, attributes and order seen in real documents stand for it."""
    assert SAMPLES
    children, attributes, order = defaultdict(set), defaultdict(set), defaultdict(set)

    def names(element: etree._Element) -> list[str]:
        return [etree.QName(child).localname for child in element if isinstance(child.tag, str)]

    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    for sample in SAMPLES.glob("*.xml"):
        for element in etree.parse(sample, parser).iter("{*}*"):
            name, inside = etree.QName(element).localname, names(element)
            children[name].update(inside)
            attributes[name].update(element.keys())
            order[name].update((one, other) for index, one in enumerate(inside) for other in set(inside[index + 1 :]))
    for cda in nation.documents[::4]:
        for element in cda.root.iter("{*}*"):
            name, inside = etree.QName(element).localname, names(element)
            assert set(inside) <= children[name], name
            assert set(element.keys()) <= attributes[name], name
            for one, other in {(one, other) for index, one in enumerate(inside) for other in set(inside[index + 1 :])}:
                assert one == other or (one, other) in order[name] or (other, one) not in order[name], (
                    name,
                    one,
                    other,
                )
