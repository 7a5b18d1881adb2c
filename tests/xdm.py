"""Small XDM archives for tests: zips, METADATA.XML, and the entries that vouch for the documents of `tests.cda`."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

from tests.cda import INS, TEST_OID

RIM = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
VISIBILITY = "1.2.250.1.213.1.1.4.13"
SUBSET = "IHE_XDM/SUBSET01/"


def pid_lines(document: bytes) -> tuple[str, ...]:
    """`sourcePatientInfo` of a document of `tests.cda`."""
    family = said(document, '<family qualifier="BR">([^<]*)')
    birth, sex = (
        said(document, '<birthTime value="([^"]*)"'),
        said(document, '<administrativeGenderCode code="([^"]*)"'),
    )
    return (f"PID-5|{family}^Zoé^^^^^L", f"PID-7|{birth}", f"PID-8|{sex}")


def ins_of(document: bytes) -> tuple[str, str]:
    """The INS of a document of `tests.cda`, and its authority; empty texts when it names none."""
    found = re.search(r'<patientRole><id root="(1\.2\.250\.1\.213\.1\.4\.\d+)" extension="([^"]*)"', document.decode())
    return (found.group(2), found.group(1)) if found else ("", "")


def zipped(members: Mapping[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these files; equal calls give equal bytes."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, (2026, 3, 2, 10, 0, 0))
            info.compress_type = method
            archive.writestr(info, content)
    return held.getvalue()


def slot(name: str, *values: str) -> str:
    inner = "".join(f"<Value>{escape(value)}</Value>" for value in values)
    return f"<Slot name={quoteattr(name)}><ValueList>{inner}</ValueList></Slot>"


def coded(scheme: str, code: str, system: str) -> str:
    """A classification; its `classifiedObject` is wrong, as in the archives of French tools."""
    return (
        f'<Classification classificationScheme="urn:uuid:{scheme}" classifiedObject="elsewhere"'
        f' nodeRepresentation={quoteattr(code)} id="c">{slot("codingScheme", system)}'
        f'<Name><LocalizedString value="x"/></Name></Classification>'
    )


def identifier(scheme: str, value: str) -> str:
    return f'<ExternalIdentifier identificationScheme="urn:uuid:{scheme}" value={quoteattr(value)} id="i"/>'


def cx(ins: str, oid: str) -> str:
    return f"{ins}^^^&{oid}&ISO^NH"


def said(document: bytes, path: str) -> str:
    """An attribute or text of a document of `tests.cda`, by a pattern with one group."""
    found = re.search(path, document.decode())
    return found.group(1) if found else ""


def utc(text: str) -> str:
    """`20260302101500+0100` as XDS writes it: UTC, without an offset."""
    return datetime.strptime(text, "%Y%m%d%H%M%S%z").astimezone(UTC).strftime("%Y%m%d%H%M%S")


def entry(
    document: bytes,
    uri: str = "DOC0001.XML",
    *,
    ins: str | None = None,
    oid: str | None = None,
    unique_id: str | None = None,
    digest: str | None = None,
    size: str | None = None,
    masks: Sequence[str] = (),
    mask_system: str = VISIBILITY,
    confidentiality: str = "N",
    action: str = "",
    type_code: str | None = None,
    title: str | None = None,
    created: str | None = None,
    lines: Sequence[str] | None = None,
    source_id: str | None = None,
    uuid: str = "urn:uuid:00000000-0000-4000-8000-000000000001",
    status: str = "Approved",
    language: str = "fr-FR",
    class_code: str = "10",
    format_code: str | None = None,
    mime_type: str = "text/xml",
) -> str:
    """One ExtrinsicObject that says what the document says, unless told otherwise; an empty text leaves a slot out."""
    n1 = b"nonXMLBody" in document
    ins, oid = ins_of(document) if ins is None else (ins, oid or TEST_OID)
    lines = pid_lines(document) if lines is None else lines
    values = {
        "urn:action:extraMetadataSlot": action,
        "hash": hashlib.sha1(document).hexdigest() if digest is None else digest,
        "size": str(len(document)) if size is None else size,
        "URI": uri,
        "creationTime": utc(said(document, r'effectiveTime value="([^"]*)"')) if created is None else created,
        "languageCode": language,
        "sourcePatientId": f"IPP-{ins[:6]}^^^&1.2.3.4.5&ISO^PI" if source_id is None else source_id,
    }
    slots = "".join(slot(name, value) for name, value in values.items() if value)
    slots += slot("sourcePatientInfo", *lines) if lines else ""
    named = said(document, "<title>([^<]*)</title>") if title is None else escape(title)
    codes = [
        coded("f0306f51-975f-434e-a61c-c59651d33983", type_code or said(document, '<code code="([^"]*)"'), "LN"),
        coded("41a5887f-8865-4c09-adf7-e362475b143a", class_code, "1.2.250.1.213.1.1.4.1"),
        coded(
            "a09d5840-386c-46f2-b5ad-9c3699a4309d",
            format_code or ("urn:ihe:iti:xds-sd:pdf:2008" if n1 else "urn:asip:ci-sis:cr-bio:2024"),
            "1.3.6.1.4.1.19376.1.2.3",
        ),
        coded("f4f85eac-e6cb-4883-b524-f2705394840f", confidentiality, "2.16.840.1.113883.5.25"),
        *(coded("f4f85eac-e6cb-4883-b524-f2705394840f", mask, mask_system) for mask in masks),
    ]
    ids = [
        identifier("58a6f841-87b3-4a3e-92fd-a8ffeff98427", cx(ins, oid)) if ins else "",
        identifier(
            "2e82c1f6-a085-4c72-9da3-8640a32e42ab",
            said(document, '<id root="([^"]*)"') if unique_id is None else unique_id,
        ),
    ]
    return (
        f'<ExtrinsicObject id="{uuid}" mimeType="{mime_type}"'
        f' objectType="urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"'
        f' status="urn:oasis:names:tc:ebxml-regrep:StatusType:{status}">{slots}'
        f'<Name><LocalizedString value={quoteattr(named)} xml:lang="FR"/></Name>{"".join(codes)}{"".join(ids)}'
        f"</ExtrinsicObject>"
    )


def association(kind: str, source: str, target: str) -> str:
    return (
        f'<Association id="a" associationType="urn:ihe:iti:2007:AssociationType:{kind}"'
        f' sourceObject="{source}" targetObject="{target}"/>'
    )


def metadata(
    *objects: str, ins: str = INS, oid: str = TEST_OID, submitted: str = "20260302093000", more: str = ""
) -> bytes:
    """A SubmitObjectsRequest with one submission set and these entries and associations."""
    package = (
        f'<RegistryPackage id="set">{slot("submissionTime", submitted)}'
        f'<Name><LocalizedString value="Lot d&apos;essai"/></Name>'
        f'<Classification classificationScheme="urn:uuid:a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d" nodeRepresentation="">'
        f"{slot('authorInstitution', 'Structure^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^1000000001')}"
        f"{slot('authorPerson', '899000000017^Nom^Prénom^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS')}</Classification>"
        f"{coded('aa543740-bdda-424e-8c96-df4873be8500', '04', '1.2.250.1.213.2.2')}"
        f"{identifier('6b5aea1a-874d-4603-a4bc-96a0a7b38446', cx(ins, oid)) if ins else ''}"
        f"{identifier('554ac39e-e3fe-47fe-b233-965d2a147832', '1.2.250.1.999.9')}"
        f"{identifier('96fdda7c-d067-4183-912e-bf5ee74998a8', '1.2.250.1.999.9.1')}</RegistryPackage>"
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<lcm:SubmitObjectsRequest xmlns:lcm="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0" xmlns="{RIM}">'
        f"<RegistryObjectList>{package}{''.join(objects)}{association('HasMember', 'set', 'nothing')}{more}"
        "</RegistryObjectList></lcm:SubmitObjectsRequest>"
    ).encode()


def xdm(
    *documents: bytes,
    described: bytes | None = None,
    more: Mapping[str, str | bytes] | None = None,
    method: int = zipfile.ZIP_DEFLATED,
) -> bytes:
    """An IHE_XDM.zip of these documents, with entries that say what they say, or the metadata given."""
    names = [f"DOC{number:04}.XML" for number in range(1, len(documents) + 1)]
    if described is None:
        ins, oid = ins_of(documents[0]) if documents else ("", "")
        described = metadata(
            *(
                entry(document, name, uuid=f"urn:uuid:00000000-0000-4000-8000-{number:012}")
                for number, (document, name) in enumerate(zip(documents, names, strict=True), 1)
            ),
            ins=ins,
            oid=oid,
        )
    files: dict[str, str | bytes] = {
        "INDEX.HTM": "<html><body>Contact</body></html>",
        "README.TXT": "Logiciel d'essai",
        f"{SUBSET}METADATA.XML": described,
    }
    files |= {SUBSET + name: document for name, document in zip(names, documents, strict=True)}
    return zipped(files | dict(more or {}), method)
