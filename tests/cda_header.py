"""A CDA document whose header is whole and sound by the CI-SIS, in fragments that a test may replace or leave out."""

from __future__ import annotations

import re

from tests.cda import ARC, INS, TEST_OID

PERSONS, STRUCTURES = "1.2.250.1.71.4.2.1", "1.2.250.1.71.4.2.2"
LOINC = "2.16.840.1.113883.6.1"
ACT_CODES = "2.16.840.1.113883.5.4"
MODEL = "1.2.250.1.213.1.1.1.29"
CREATED, ADMITTED, LEFT = "20260302101500+0100", "20260225093000+0100", "20260302100000+0100"


def organisation(tag: str, number: str = "1440000017", name: str = "Clinique d'essai", industry: str = "") -> str:
    setting = f"""<standardIndustryClassCode code="{industry}" displayName="Etablissement de santé"
codeSystem="1.2.250.1.213.1.1.4.9"/>"""
    return f"""<{tag}><id root="{STRUCTURES}" extension="{number}"/><name>{name}</name>
<telecom value="tel:+33199000001" use="WP"/>
<addr><houseNumber>3</houseNumber><streetName>rue de l'Exemple</streetName><postalCode>44000</postalCode>
<city>NANTES</city></addr>{setting if industry else ""}</{tag}>"""


def professional(number: str = "899000000017", family: str = "DESSAI", given: str = "Nadège") -> str:
    """Id, speciality, address, telecom and person, in the order of CDA."""
    return f"""<id root="{PERSONS}" extension="{number}"/>
<code code="G15_10/SM26" displayName="Médecin - Médecine générale" codeSystem="1.2.250.1.213.1.1.4.5"/>
<addr nullFlavor="NAV"/><telecom nullFlavor="NAV"/>
<assignedPerson><name><family>{family}</family><given>{given}</given><suffix>DR</suffix></name></assignedPerson>"""


def documented(
    code: str = "IMP", low: str = ADMITTED, high: str = LEFT, *, performed: bool = True, system: str = ACT_CODES
) -> str:
    """One `documentationOf`: an act with its performer and times, or one that only has a code."""
    ends = f'<high value="{high}"/>' if high else ""
    done = f"""<effectiveTime><low value="{low}"/>{ends}</effectiveTime><performer typeCode="PRF"><assignedEntity>
{professional()}{organisation("representedOrganization", industry="ETABLISSEMENT")}</assignedEntity></performer>"""
    said = f'<code code="{code}" displayName="Acte {code}" codeSystem="{system}"/>'
    return f"""<documentationOf><serviceEvent classCode="ACT">{said if code else ""}{done if performed else ""}
</serviceEvent></documentationOf>"""


def fragments() -> dict[str, str]:
    """The header and the body, in the order of the schema."""
    return {
        "realmCode": '<realmCode code="FR"/>',
        "typeId": '<typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>',
        "templates": f"""<templateId root="2.16.840.1.113883.2.8.2.1"/><templateId root="1.2.250.1.213.1.1.1.1"/>
<templateId root="{MODEL}" extension="2022.01"/>""",
        "id": f'<id root="{ARC}.77"/>',
        "code": f"""<code code="11490-0" codeSystem="{LOINC}"
displayName="Lettre de liaison à la sortie d'un établissement de soins"/>""",
        "title": "<title>Lettre de liaison à la sortie</title>",
        "effectiveTime": f'<effectiveTime value="{CREATED}"/>',
        "confidentialityCode": """<confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"
displayName="Normal"/>""",
        "languageCode": '<languageCode code="fr-FR"/>',
        "setId": f'<setId root="{ARC}.0.77"/>',
        "versionNumber": '<versionNumber value="1"/>',
        "recordTarget": f"""<recordTarget><patientRole><id root="{TEST_OID}" extension="{INS}"/>
<id root="1.2.3.4.5" extension="IPP-285034"/><addr><streetAddressLine>3 rue des Tests</streetAddressLine></addr>
<telecom value="tel:+33639980000" use="MC"/><patient classCode="PSN"><name><family qualifier="BR">L'HOSTIS-NOËL</family>
<given>Zoé Anne</given><given qualifier="BR">Zoé</given><family qualifier="CL">TESTARD</family>
<given qualifier="CL">Anne</given></name>
<administrativeGenderCode code="F" codeSystem="2.16.840.1.113883.5.1" displayName="Féminin"/>
<birthTime value="19850314"/><birthplace><place><addr><county>44109</county><city>NANTES</city></addr></place>
</birthplace></patient></patientRole></recordTarget>""",
        "author": f"""<author>
<functionCode code="ATTPHYS" displayName="Médecin responsable" codeSystem="2.16.840.1.113883.5.88"/>
<time value="{CREATED}"/><assignedAuthor>{professional()}{organisation("representedOrganization")}</assignedAuthor>
</author>""",
        "informant": """<informant><relatedEntity classCode="ECON">
<code code="SPS" displayName="Conjoint" codeSystem="2.16.840.1.113883.5.111"/><addr nullFlavor="NASK"/>
<telecom value="tel:+33639980001" use="MC"/>
<relatedPerson><name><family>TESTARD</family><given>Ewen</given></name></relatedPerson></relatedEntity></informant>""",
        "custodian": f"""<custodian><assignedCustodian>{organisation("representedCustodianOrganization")}
</assignedCustodian></custodian>""",
        "informationRecipient": f"""<informationRecipient><intendedRecipient>
<id root="{PERSONS}" extension="899000000025"/>
<informationRecipient><name><family>MODÈLE</family><given>Yann</given></name></informationRecipient>
</intendedRecipient></informationRecipient>""",
        "legalAuthenticator": f"""<legalAuthenticator><time value="{CREATED}"/><signatureCode code="S"/><assignedEntity>
{professional()}{organisation("representedOrganization", industry="ETABLISSEMENT")}</assignedEntity>
</legalAuthenticator>""",
        "authenticator": "",
        "participant": f"""<participant typeCode="INF">
<functionCode code="PCP" displayName="Médecin traitant" codeSystem="2.16.840.1.113883.5.88"/><time nullFlavor="NA"/>
<associatedEntity classCode="PROV"><id root="{PERSONS}" extension="899000000025"/>
<associatedPerson><name><family>MODÈLE</family><given>Yann</given></name></associatedPerson></associatedEntity>
</participant>""",
        "inFulfillmentOf": """<inFulfillmentOf><order><id root="1.2.250.1.999.7" extension="P-1"/></order>
</inFulfillmentOf>""",
        "documentationOf": documented(),
        "relatedDocument": "",
        "authorization": "",
        "componentOf": f"""<componentOf><encompassingEncounter><id root="1.2.250.1.999.8" extension="S-1"/>
<code code="IMP" displayName="Hospitalisation" codeSystem="{ACT_CODES}"/>
<effectiveTime><low value="{ADMITTED}"/><high value="{LEFT}"/></effectiveTime><location><healthCareFacility>
<code code="SA04" displayName="Etablissement privé non PSPH" codeSystem="1.2.250.1.71.4.2.4"/>
<location><name>Clinique d'essai</name></location></healthCareFacility></location></encompassingEncounter>
</componentOf>""",
        "component": """<component><structuredBody><component><section><code code="42349-1"/><title>Motif</title>
<text>Essai</text></section></component></structuredBody></component>""",
    }


def whole(**changes: str) -> bytes:
    """The document, with fragments replaced; an empty one is left out."""
    parts = fragments()
    assert changes.keys() <= parts.keys()
    inner = "\n".join(part for part in (parts | changes).values() if part)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xmlns:lab="urn:oid:1.3.6.1.4.1.19376.1.3.2">
{inner}
</ClinicalDocument>
""".encode()


def edited(fragment: str, old: str, new: str = "") -> bytes:
    """The document with something in one fragment replaced: a text, or the first match of a pattern (`re:…`)."""
    before = fragments()[fragment]
    after = re.sub(old[3:], new, before, count=1, flags=re.S) if old.startswith("re:") else before.replace(old, new)
    assert after != before, (fragment, old)
    return whole(**{fragment: after})
