"""Documents of other countries, made for tests: a C-CDA continuity of care document and an eHDSI patient summary."""

from __future__ import annotations

LOINC = "2.16.840.1.113883.6.1"
SSN = "2.16.840.1.113883.4.1"


def section(template: str, code: str, title: str, text: str, entries: int = 1) -> str:
    observed = f"""<entry typeCode="DRIV"><observation classCode="OBS" moodCode="EVN">
<code code="8302-2" codeSystem="{LOINC}"/><statusCode code="completed"/><effectiveTime value="20260301"/>
<value xsi:type="PQ" value="171" unit="cm"/></observation></entry>"""
    return f"""<component><section><templateId root="{template}"/><code code="{code}" codeSystem="{LOINC}"/>
<title>{title}</title><text><paragraph>{text}</paragraph></text>{observed * entries}</section></component>"""


def ccda(number: str = "1") -> bytes:
    """C-CDA R2.1: US Realm Header, names without qualifiers, an offset of another coast, a patient without INS."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:sdtc="urn:hl7-org:sdtc"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<realmCode code="US"/><typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
<templateId root="2.16.840.1.113883.10.20.22.1.1"/>
<templateId root="2.16.840.1.113883.10.20.22.1.1" extension="2015-08-01"/>
<templateId root="2.16.840.1.113883.10.20.22.1.2"/>
<templateId root="2.16.840.1.113883.10.20.22.1.2" extension="2015-08-01"/>
<id root="2.16.840.1.113883.19.5.99" extension="T-{number}"/>
<code code="34133-9" codeSystem="{LOINC}" displayName="Summarization of Episode Note"/>
<title>Continuity of Care Document</title><effectiveTime value="20260301171504-0500"/>
<confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/><languageCode code="en-US"/>
<recordTarget><patientRole><id root="{SSN}" extension="999-00-4321"/><id root="2.16.840.1.113883.19.5" extension="P-7"/>
<addr use="HP"><streetAddressLine>1 Test Drive</streetAddressLine><city>Springfield</city><state>OR</state></addr>
<telecom value="tel:+1(555)555-0100" use="HP"/><patient><name use="L"><given>Testa</given><given>Q</given>
<family>Sampleton</family></name>
<administrativeGenderCode code="F" codeSystem="2.16.840.1.113883.5.1"/><birthTime value="19750501"/>
<sdtc:deceasedInd value="false"/>
<raceCode code="2106-3" codeSystem="2.16.840.1.113883.6.238"/></patient>
<providerOrganization><id root="2.16.840.1.113883.4.6" extension="1122334455"/><name>Test Clinic</name>
</providerOrganization></patientRole></recordTarget>
<author><time value="20260301171504-0500"/><assignedAuthor><id root="2.16.840.1.113883.4.6" extension="5555555555"/>
<code code="207QA0505X" codeSystem="2.16.840.1.113883.6.101" displayName="Adult Medicine"/>
<assignedPerson><name><given>Doc</given><family>Testerson</family><suffix>MD</suffix></name></assignedPerson>
</assignedAuthor></author>
<author><time value="20260301"/><assignedAuthor><id nullFlavor="NI"/><assignedAuthoringDevice>
<manufacturerModelName>Test EHR</manufacturerModelName><softwareName>Test EHR 2</softwareName></assignedAuthoringDevice>
</assignedAuthor></author>
<custodian><assignedCustodian><representedCustodianOrganization>
<id root="2.16.840.1.113883.4.6" extension="1122334455"/><name>Test Clinic</name>
</representedCustodianOrganization></assignedCustodian></custodian>
<documentationOf><serviceEvent classCode="PCPR"><effectiveTime><low value="20260101"/><high value="20260301"/>
</effectiveTime><performer typeCode="PRF"><assignedEntity><id root="2.16.840.1.113883.4.6" extension="5555555555"/>
</assignedEntity></performer></serviceEvent></documentationOf>
<component><structuredBody>
{section("2.16.840.1.113883.10.20.22.2.6.1", "48765-2", "Allergies", "No known allergies")}
{section("2.16.840.1.113883.10.20.22.2.4.1", "8716-3", "Vital Signs", "Height 171 cm", 2)}
</structuredBody></component></ClinicalDocument>
""".encode()


def ehdsi() -> bytes:
    """A patient summary of MyHealth@EU: pivot document with a guardian, a contact, prefixed types of another prefix."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<c:ClinicalDocument xmlns:c="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<c:typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
<c:templateId root="1.3.6.1.4.1.12559.11.10.1.3.1.1.3"/><c:templateId root="1.3.6.1.4.1.19376.1.5.3.1.1.1"/>
<c:id root="1.2.752.999.5" extension="PS-1"/>
<c:code code="60591-5" codeSystem="{LOINC}" displayName="Patient Summary"/>
<c:title>Patient Summary</c:title><c:effectiveTime value="20260301101500+0200"/>
<c:confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/><c:languageCode code="fi-FI"/>
<c:setId root="1.2.752.999.5" extension="PS"/><c:versionNumber value="3"/>
<c:recordTarget><c:patientRole><c:id root="1.2.246.21" extension="010175-999X"/>
<c:addr nullFlavor="NI"/><c:telecom nullFlavor="NI"/>
<c:patient><c:name><c:given>Testi</c:given><c:family>Esimerkki</c:family></c:name>
<c:administrativeGenderCode code="M" codeSystem="2.16.840.1.113883.5.1"/><c:birthTime value="197501"/>
<c:guardian><c:guardianPerson><c:name><c:given>Huoltaja</c:given><c:family>Esimerkki</c:family></c:name>
</c:guardianPerson></c:guardian></c:patient></c:patientRole></c:recordTarget>
<c:author><c:functionCode code="221" codeSystem="2.16.840.1.113883.2.9.6.2.7" displayName="Medical doctors"/>
<c:time value="20260301101500+0200"/><c:assignedAuthor><c:id root="1.2.246.537.26" extension="4711"/>
<c:assignedPerson><c:name><c:given>Lääkäri</c:given><c:family>Koe</c:family></c:name></c:assignedPerson>
<c:representedOrganization><c:id root="1.2.246.10.999"/><c:name>Testisairaala</c:name></c:representedOrganization>
</c:assignedAuthor></c:author>
<c:custodian><c:assignedCustodian><c:representedCustodianOrganization><c:id root="1.2.246.10.999"/>
<c:name>Testisairaala</c:name></c:representedCustodianOrganization></c:assignedCustodian></c:custodian>
<c:legalAuthenticator><c:time value="20260301101500+0200"/><c:signatureCode code="S"/><c:assignedEntity>
<c:id root="1.2.246.537.26" extension="4711"/></c:assignedEntity></c:legalAuthenticator>
<c:participant typeCode="IND"><c:time xsi:type="c:IVL_TS"><c:low value="2026"/></c:time>
<c:associatedEntity classCode="ECON"><c:associatedPerson><c:name><c:family>Esimerkki</c:family></c:name>
</c:associatedPerson></c:associatedEntity></c:participant>
<c:documentationOf><c:serviceEvent classCode="PCPR"><c:effectiveTime><c:low nullFlavor="UNK"/>
<c:high value="20260301"/></c:effectiveTime></c:serviceEvent></c:documentationOf>
<c:component><c:structuredBody><c:component><c:section><c:templateId root="1.3.6.1.4.1.12559.11.10.1.3.1.2.4"/>
<c:code code="48765-2" codeSystem="{LOINC}"/><c:title>Allergies</c:title><c:text>Pölyallergia</c:text>
<c:entry><c:act classCode="ACT" moodCode="EVN"><c:code code="CONC" codeSystem="2.16.840.1.113883.5.6"/></c:act>
</c:entry>
</c:section></c:component></c:structuredBody></c:component></c:ClinicalDocument>
""".encode()
