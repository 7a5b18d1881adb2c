"""Small CDA documents for tests, with a complete CI-SIS header and an identity that no person has."""

from __future__ import annotations

import base64
from xml.sax.saxutils import escape, quoteattr

INS = "285034410900055"
TEST_OID = "1.2.250.1.213.1.4.10"
ARC = "1.2.250.1.999.1"
ORGANISATION = ("1.2.250.1.71.4.2.2", "1000000001")


def cda(
    number: str = "1",
    *,
    set_id: str | None = None,
    version: int | str | None = 1,
    replaces: str | None = None,
    ins: str = INS,
    oid: str = TEST_OID,
    family: str = "L'HOSTIS-NOËL",
    birth: str = "19850314",
    sex: str = "F",
    place: str = "44109",
    created: str = "20260302101500+0100",
    title: str = "Compte rendu d'essai",
    code: str = "11502-2",
    organisation: tuple[str, str] = ORGANISATION,
    level: int = 3,
    body: str = "",
    confidentiality: str = "N",
) -> bytes:
    """One document: `number` is the last arc of its id, `replaces` that of another's."""
    inner = (
        f'<component><structuredBody><component><section><code code="18719-5"/><title>Biochimie</title>'
        f"<text>{body or 'Glycémie : 0,94 g/L'}</text><entry><act classCode='ACT' moodCode='EVN'/></entry>"
        f"</section></component></structuredBody></component>"
        if level == 3
        else '<component><nonXMLBody><text mediaType="application/pdf" representation="B64">'
        + base64.b64encode(b"%PDF-1.4 " + (body or number).encode() + b"\n%%EOF\n").decode()
        + "</text></nonXMLBody></component>"
    )
    parent = f'<parentDocument><id root="{ARC}.{replaces}"/></parentDocument>'
    related = f'<relatedDocument typeCode="RPLC">{parent}</relatedDocument>' if replaces else ""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3">
<realmCode code="FR"/><typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
<templateId root="2.16.840.1.113883.2.8.2.1"/><templateId root="1.2.250.1.213.1.1.1.1"/>
<id root="{ARC}.{number}"/><code code="{code}" codeSystem="2.16.840.1.113883.6.1" displayName="essai"/>
<title>{escape(title)}</title><effectiveTime value="{created}"/>
<confidentialityCode code="{confidentiality}" codeSystem="2.16.840.1.113883.5.25"/><languageCode code="fr-FR"/>
<setId root="{ARC}.{set_id or f"set.{number}"}"/>{"" if version is None else f'<versionNumber value="{version}"/>'}
<recordTarget><patientRole><id root="{oid}" extension="{ins}"/><id root="1.2.3.4.5" extension="IPP-{ins[:6]}"/>
<patient><name><family qualifier="BR">{escape(family)}</family><given>Zoé Anne</given>
<given qualifier="BR">Zoé</given></name><administrativeGenderCode code="{sex}"/><birthTime value="{birth}"/>
<birthplace><place><addr><county>{place}</county></addr></place></birthplace></patient></patientRole></recordTarget>
<author><time value="{created}"/><assignedAuthor><id root="1.2.250.1.71.4.2.1" extension="899000000017"/>
<representedOrganization><id root="{organisation[0]}" extension={quoteattr(organisation[1])}/><name>Structure</name>
</representedOrganization></assignedAuthor></author>
<custodian><assignedCustodian><representedCustodianOrganization><id root="{organisation[0]}"
 extension={quoteattr(organisation[1])}/></representedCustodianOrganization></assignedCustodian></custodian>
{related}{inner}</ClinicalDocument>
""".encode()
