"""The whole header as said: held against what the standard library's parser, told nothing of ours, finds by path."""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from connectors.base import Document, Source
from connectors.cda.reader import CDA
from connectors.heading import Header, RawEntity, RawOrganisation, RawParticipation
from connectors.said import RawAddress, RawCode, RawId, RawName, RawTelecom, RawTime
from tests.cda_header import edited, fragments, whole

NS = {"c": "urn:hl7-org:v3", "sdtc": "urn:hl7-org:sdtc", "ps": "urn:dicom-org:ps3-20"}
V3 = "{urn:hl7-org:v3}"


def read(data: bytes) -> Document:
    (document,) = CDA.read(Source.of_bytes("document", data))
    assert isinstance(document, Document)
    return document


# An independent reading: xml.etree and paths, plain values out.


def folded(element: ET.Element | None) -> str:
    return "" if element is None else " ".join("".join(element.itertext()).split())


def at(element: ET.Element | None, *names: str) -> tuple[str, ...]:
    return tuple("" if element is None else (element.get(name) or "").strip() for name in names)


def ids(element: ET.Element | None, path: str = "c:id") -> list[tuple[str, ...]]:
    return [] if element is None else [at(i, "root", "extension", "nullFlavor") for i in element.findall(path, NS)]


def code(element: ET.Element | None) -> Any:
    if element is None:
        return code(ET.Element("none"))
    return (
        *at(element, "code", "codeSystem", "displayName", "nullFlavor"),
        folded(element.find("c:originalText", NS)),
        [code(translation) for translation in element.findall("c:translation", NS)],
    )


def time(element: ET.Element | None) -> tuple[str, ...]:
    bounds = [None if element is None else element.find(f"c:{name}", NS) for name in ("low", "high")]
    return (*at(element, "value", "nullFlavor"), *at(bounds[0], "value", "nullFlavor"), *at(bounds[1], "value"))


def parts(element: ET.Element) -> list[tuple[str, ...]]:
    return [(child.tag.removeprefix(V3), folded(child), *at(child, "qualifier", "nullFlavor")) for child in element]


def contacts(element: ET.Element) -> dict[str, Any]:
    return {
        "telecoms": [at(found, "value", "use", "nullFlavor") for found in element.findall("c:telecom", NS)],
        "addresses": [(parts(found), at(found, "use", "nullFlavor")) for found in element.findall("c:addr", NS)],
    }


def organisation(element: ET.Element | None) -> Any:
    if element is None:
        return None
    return {
        "ids": ids(element),
        "names": [folded(name) for name in element.findall("c:name", NS)],
        "industry": code(element.find("c:standardIndustryClassCode", NS)),
        "part": code(element.find("c:asOrganizationPartOf/c:code", NS)),
        **contacts(element),
    }


def one(element: ET.Element, *paths: str) -> ET.Element | None:
    return next((found for path in paths for found in element.findall(path, NS)), None)


def entity(element: ET.Element | None) -> Any:
    if element is None:
        return None
    person = one(
        element,
        "c:assignedPerson",
        "c:associatedPerson",
        "c:informationRecipient",
        "c:relatedPerson",
        "c:guardianPerson",
    )
    device = one(element, "c:assignedAuthoringDevice", "c:playingDevice")
    return {
        "class": element.get("classCode", ""),
        "ids": ids(element),
        "code": code(element.find("c:code", NS)),
        "person": None if person is None else [parts(name) for name in person.findall("c:name", NS)],
        "device": None
        if device is None
        else [folded(device.find(f"c:{name}", NS)) for name in ("manufacturerModelName", "softwareName")],
        "organisation": organisation(
            one(element, "c:representedOrganization", "c:scopingOrganization", "c:receivedOrganization")
        ),
        **contacts(element),
    }


def participation(element: ET.Element | None) -> Any:
    if element is None:
        return None
    signature = element.find("c:signatureCode", NS)
    return {
        "type": element.get("typeCode", ""),
        "function": code(element.find("c:functionCode", NS)),
        "time": time(element.find("c:time", NS)),
        "signature": at(signature, "code"),
        "templates": ids(element, "c:templateId"),
        "entity": entity(
            one(
                element,
                "c:assignedAuthor",
                "c:assignedEntity",
                "c:associatedEntity",
                "c:intendedRecipient",
                "c:relatedEntity",
            )
        ),
    }


def seen(root: ET.Element) -> dict[str, Any]:
    document = next(root.iter(f"{V3}ClinicalDocument"))

    def all_(path: str) -> list[Any]:
        return [participation(found) for found in document.findall(path, NS)]

    def first(path: str) -> ET.Element | None:
        return document.find(path, NS)

    def act(element: ET.Element) -> Any:
        status = next((child for child in element if child.tag.endswith("}statusCode")), None)
        return {
            "class": element.get("classCode", ""),
            "ids": ids(element),
            "code": code(element.find("c:code", NS)),
            "time": time(element.find("c:effectiveTime", NS)),
            "status": at(status, "code"),
            "performers": [participation(found) for found in element.findall("c:performer", NS)],
        }

    role = first("c:recordTarget/c:patientRole")
    person = first("c:recordTarget/c:patientRole/c:patient")
    stay = first("c:componentOf/c:encompassingEncounter")
    facility = first("c:componentOf/c:encompassingEncounter/c:location/c:healthCareFacility")
    assert role is not None and person is not None
    where = person.find("c:birthplace/c:place/c:addr", NS)
    return {
        "realm": [at(found, "code")[0] for found in document.findall("c:realmCode", NS)],
        "type_id": at(first("c:typeId"), "root", "extension"),
        "templates": ids(document, "c:templateId"),
        "id": ids(document)[0],
        "code": code(first("c:code")),
        "title": folded(first("c:title")),
        "time": time(first("c:effectiveTime")),
        "confidentiality": [code(found) for found in document.findall("c:confidentialityCode", NS)],
        "language": at(first("c:languageCode"), "code"),
        "set_id": ids(document, "c:setId"),
        "version": at(first("c:versionNumber"), "value"),
        "patient": {
            "ids": ids(role),
            "names": [parts(name) for name in person.findall("c:name", NS)],
            "gender": code(person.find("c:administrativeGenderCode", NS)),
            "birth": time(person.find("c:birthTime", NS)),
            "birth_place": [] if where is None else parts(where),
            "guardians": [entity(found) for found in person.findall("c:guardian", NS)],
            "multiple": at(person.find("sdtc:multipleBirthInd", NS), "value"),
            "order": at(person.find("sdtc:multipleBirthOrderNumber", NS), "value"),
            **contacts(role),
        },
        "authors": all_("c:author"),
        "enterer": participation(first("c:dataEnterer")),
        "informants": all_("c:informant"),
        "custodian": organisation(first("c:custodian/c:assignedCustodian/c:representedCustodianOrganization")),
        "recipients": all_("c:informationRecipient"),
        "legal_authenticator": participation(first("c:legalAuthenticator")),
        "authenticators": all_("c:authenticator"),
        "participants": all_("c:participant"),
        "orders": [
            {
                "ids": ids(found),
                "accessions": [at(a, "root", "extension") for a in found if a.tag.endswith("}accessionNumber")],
                "code": code(found.find("c:code", NS)),
            }
            for found in document.findall("c:inFulfillmentOf/c:order", NS)
        ],
        "acts": [act(found) for found in document.findall("c:documentationOf/c:serviceEvent", NS)],
        "related": [
            (found.get("typeCode"), ids(found, "c:parentDocument/c:id"))
            for found in document.findall("c:relatedDocument", NS)
        ],
        "consents": [
            (code(found.find("c:code", NS)), at(found.find("c:statusCode", NS), "code"))
            for found in document.findall("c:authorization/c:consent", NS)
        ],
        "encounter": None
        if stay is None
        else {
            "ids": ids(stay),
            "code": code(stay.find("c:code", NS)),
            "time": time(stay.find("c:effectiveTime", NS)),
            "responsible": participation(stay.find("c:responsibleParty", NS)),
            "participants": [participation(found) for found in stay.findall("c:encounterParticipant", NS)],
            "facility": None
            if facility is None
            else (
                ids(facility),
                code(facility.find("c:code", NS)),
                folded(facility.find("c:location/c:name", NS)),
            ),
        },
    }


# What we read, as the same plain values.


def p_id(said: RawId) -> tuple[str, ...]:
    return said.root, said.extension, said.null


def p_code(said: RawCode) -> Any:
    return (said.code, said.system, said.display, said.null, said.text, [p_code(one) for one in said.alternatives])


def p_time(said: RawTime) -> tuple[str, ...]:
    return said.value, said.null, said.low, said.low_null, said.high


def p_name(said: RawName) -> list[tuple[str, ...]]:
    return [(part.kind, part.text, part.qualifier, part.null) for part in said.parts]


def p_address(said: RawAddress) -> list[tuple[str, ...]]:
    return [(part.kind, part.text, "", part.null) for part in said.parts]


def p_contacts(telecoms: tuple[RawTelecom, ...], addresses: tuple[RawAddress, ...]) -> dict[str, Any]:
    return {
        "telecoms": [(found.value, found.use, found.null) for found in telecoms],
        "addresses": [(p_address(found), (found.use, found.null)) for found in addresses],
    }


def p_organisation(said: RawOrganisation | None) -> Any:
    if said is None:
        return None
    return {
        "ids": [p_id(id_) for id_ in said.ids],
        "names": list(said.names),
        "industry": p_code(said.industry),
        "part": p_code(said.part_code),
        **p_contacts(said.telecoms, said.addresses),
    }


def p_entity(said: RawEntity) -> Any:
    return {
        "class": said.class_code,
        "ids": [p_id(id_) for id_ in said.ids],
        "code": p_code(said.code),
        "person": None if said.person is None else [p_name(name) for name in said.person.names],
        "device": None if said.device is None else [said.device.model, said.device.software],
        "organisation": p_organisation(said.organisation),
        **p_contacts(said.telecoms, said.addresses),
    }


def p_participation(said: RawParticipation | None) -> Any:
    if said is None:
        return None
    return {
        "type": said.type_code,
        "function": p_code(said.function),
        "time": p_time(said.time),
        "signature": (said.signature,),
        "templates": [p_id(id_) for id_ in said.templates],
        "entity": p_entity(said.entity),
    }


def ours(said: Header) -> dict[str, Any]:
    (subject,) = said.subjects
    stay = said.encounter
    return {
        "realm": list(said.realm),
        "type_id": (said.type_id.root, said.type_id.extension),
        "templates": [p_id(id_) for id_ in said.templates],
        "id": p_id(said.id),
        "code": p_code(said.code),
        "title": said.title,
        "time": p_time(said.time),
        "confidentiality": [p_code(found) for found in said.confidentiality],
        "language": (said.language,),
        "set_id": [p_id(said.set_id)] if said.set_id else [],
        "version": (said.version,),
        "patient": {
            "ids": [p_id(id_) for id_ in subject.ids],
            "names": [p_name(name) for name in subject.names],
            "gender": p_code(subject.gender),
            "birth": p_time(subject.birth),
            "birth_place": p_address(subject.birth_place),
            "guardians": [p_entity(found) for found in subject.guardians],
            "multiple": (subject.multiple_birth,),
            "order": (subject.birth_order,),
            **p_contacts(subject.telecoms, subject.addresses),
        },
        "authors": [p_participation(found) for found in said.authors],
        "enterer": p_participation(said.enterer),
        "informants": [p_participation(found) for found in said.informants],
        "custodian": p_organisation(said.custodian),
        "recipients": [p_participation(found) for found in said.recipients],
        "legal_authenticator": p_participation(said.legal_authenticator),
        "authenticators": [p_participation(found) for found in said.authenticators],
        "participants": [p_participation(found) for found in said.participants],
        "orders": [
            {
                "ids": [p_id(id_) for id_ in found.ids],
                "accessions": [(id_.root, id_.extension) for id_ in found.accessions],
                "code": p_code(found.code),
            }
            for found in said.orders
        ],
        "acts": [
            {
                "class": found.class_code,
                "ids": [p_id(id_) for id_ in found.ids],
                "code": p_code(found.code),
                "time": p_time(found.time),
                "status": (found.status,),
                "performers": [p_participation(one) for one in found.performers],
            }
            for found in said.acts
        ],
        "related": [(found.type_code, [p_id(id_) for id_ in found.ids]) for found in said.related],
        "consents": [(p_code(found.code), (found.status,)) for found in said.consents],
        "encounter": None
        if stay is None
        else {
            "ids": [p_id(id_) for id_ in stay.ids],
            "code": p_code(stay.code),
            "time": p_time(stay.time),
            "responsible": p_participation(stay.responsible),
            "participants": [p_participation(found) for found in stay.participants],
            "facility": None
            if stay.facility is None
            else ([p_id(id_) for id_ in stay.facility.ids], p_code(stay.facility.code), stay.facility.name),
        },
    }


def test_every_header_of_the_samples_is_read_as_an_independent_reader_sees_it(samples: Path) -> None:
    paths = [*sorted((samples / "cda").glob("*.xml")), *sorted((samples / "hl7").rglob("*.xml"))]
    assert len(paths) > 60
    for path in paths:
        data = path.read_bytes()
        document = read(data)
        expected = seen(ET.fromstring(data))
        found = ours(document.header)
        for name, value in expected.items():
            assert found[name] == value, (path.name, name)
        assert document.sha1 == hashlib.sha1(data).hexdigest()
        assert document.size == len(data)


def test_a_null_is_kept_beside_an_absence() -> None:
    said = read(
        whole(
            title='<title nullFlavor="UNK"/>',
            setId='<setId nullFlavor="NAV"/>',
            versionNumber="",
            componentOf='<componentOf><encompassingEncounter><effectiveTime nullFlavor="NASK"/></encompassingEncounter>'
            "</componentOf>",
        )
    ).header
    assert said.nulls == (("title", "UNK"), ("set_id", "NAV"))
    assert (said.title, said.set_id, said.version) == ("", None, "")
    assert said.encounter is not None and said.encounter.time.null == "NASK" and said.encounter.facility is None
    masked = read(edited("legalAuthenticator", "<family>DESSAI</family>", '<family nullFlavor="MSK"/>')).header
    assert masked.legal_authenticator is not None and masked.legal_authenticator.entity.person is not None
    (name,) = masked.legal_authenticator.entity.person.names
    assert [(part.kind, part.text, part.null) for part in name.parts][:1] == [("family", "", "MSK")]


def test_what_nests_without_end_is_followed_so_far_and_no_further() -> None:
    deep = "<asOrganizationPartOf><wholeOrganization><name>x</name>" * 100
    deep += "</wholeOrganization></asOrganizationPartOf>" * 100
    translations = "<translation code='x'>" * 100 + "</translation>" * 100
    said = read(
        whole(
            author=fragments()["author"].replace("</representedOrganization>", deep + "</representedOrganization>"),
            code=fragments()["code"].replace("/>", f">{translations}</code>"),
        )
    ).header
    organisation, depth = said.authors[0].entity.organisation, 0
    while organisation is not None:
        organisation, depth = organisation.part_of, depth + 1
    assert depth == 4


def test_the_laboratory_status_is_read_under_every_spelling_of_its_namespace() -> None:
    for namespace in ("urn:oid:1.3.6.1.4.1.19376.1.3.2", "urn:hl7-org:lab", "urn:hl7-org:v3"):
        status = f'<s:statusCode xmlns:s="{namespace}" code="completed"/>'
        acts = fragments()["documentationOf"].replace("</serviceEvent>", status + "</serviceEvent>")
        assert read(whole(documentationOf=acts)).header.acts[0].status == "completed"


def test_a_participation_has_its_time_whatever_the_prefix_of_its_type() -> None:
    for prefix in ("", "c:", "lab:"):
        time = f'<time xmlns:c="urn:hl7-org:v3" xsi:type="{prefix}IVL_TS"><low value="20260101"/></time>'
        part = fragments()["participant"].replace('<time nullFlavor="NA"/>', time)
        assert read(whole(participant=part)).header.participants[0].time.low == "20260101"
