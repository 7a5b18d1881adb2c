"""Two foreign documents of our own: a C-CDA R2.1 continuity of care document, a European patient summary."""

from __future__ import annotations

XSI = 'xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
SNOMED = 'codeSystem="2.16.840.1.113883.6.96"'
LOINC = 'codeSystem="2.16.840.1.113883.6.1"'
RXNORM = 'codeSystem="2.16.840.1.113883.6.88"'
CCDA = "2.16.840.1.113883.10.20.22."
PCC = "1.3.6.1.4.1.19376.1.5.3.1.4."


def _t(*roots: str) -> str:
    return "".join(f'<templateId root="{root}"/>' for root in roots)


def _section(code: str, title: str, narrative: str, entries: str) -> str:
    return (
        f'<component><section><code code="{code}" {LOINC}/><title>{title}</title><text>{narrative}</text>'
        f"{entries}</section></component>"
    )


def _entry(inner: str) -> str:
    return f'<entry typeCode="DRIV">{inner}</entry>'


def _relation(kind: str, inner: str, more: str = "") -> str:
    return f'<entryRelationship typeCode="{kind}" {more}>{inner}</entryRelationship>'


def _observation(inner: str, more: str = "") -> str:
    return f'<observation classCode="OBS" moodCode="EVN" {more}>{inner}</observation>'


def _act(inner: str, more: str = "") -> str:
    return f'<act classCode="ACT" moodCode="EVN" {more}>{inner}</act>'


def _drug(code: str, name: str) -> str:
    return (
        f'<consumable><manufacturedProduct>{_t(CCDA + "4.23")}<manufacturedMaterial><code code="{code}"'
        f' {RXNORM} displayName="{name}"/></manufacturedMaterial></manufacturedProduct></consumable>'
    )


def _document(
    template: str, code: str, title: str, language: str, country: str, sections: str, *, sdtc: str = ""
) -> bytes:
    author = (
        '<author><time value="20260110093000-0500"/><assignedAuthor><id root="2.16.840.1.113883.4.6"'
        ' extension="1999999999"/><addr><country>XX</country></addr><telecom value="tel:+1-555-0100"/><assignedPerson>'
        "<name><given>Ada</given><family>Quill</family></name></assignedPerson></assignedAuthor></author>"
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument {XSI} xmlns:sdtc="urn:hl7-org:sdtc">
<realmCode code="{country}"/><typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
<templateId root="{template}" extension="2015-08-01"/><id root="2.999.10.1" extension="DOC-7"/>
<code code="{code}" {LOINC}/><title>{title}</title><effectiveTime value="20260110093000-0500"/>
<confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/><languageCode code="{language}"/>
<recordTarget><patientRole><id root="2.999.20" extension="MRN-42"/><addr use="HP"><streetAddressLine>1 Elm Way
</streetAddressLine><city>Springfield</city><state>ZZ</state><postalCode>00001</postalCode><country>US</country></addr>
<telecom value="tel:+1-555-010-0001" use="HP"/><patient><name use="L"><given>Io</given><family>Calloway</family></name>
<administrativeGenderCode code="F" codeSystem="2.16.840.1.113883.5.1"/><birthTime value="19610704"/>{sdtc}
</patient></patientRole></recordTarget>{author}<custodian><assignedCustodian><representedCustodianOrganization>
<id root="2.999.30"/><name>Riverbend Clinic</name></representedCustodianOrganization></assignedCustodian></custodian>
<component><structuredBody>{sections}</structuredBody></component></ClinicalDocument>""".encode()


PROBLEM = _observation(
    _t(CCDA + "4.4")
    + f'<id root="2.999.40" extension="P1"/><code code="55607006" {SNOMED}/><statusCode code="completed"/>'
    + '<effectiveTime><low value="20110305"/></effectiveTime>'
    + f'<value xsi:type="CD" code="38341003" {SNOMED} displayName="Hypertension"><translation code="I10" '
    + 'codeSystem="2.16.840.1.113883.6.90"/></value>'
)
NO_PROBLEM = PROBLEM.replace('moodCode="EVN" ', 'moodCode="EVN" negationInd="true"').replace("38341003", "73211009")
ALLERGY = _observation(
    _t(CCDA + "4.7")
    + '<id root="2.999.40" extension="A1"/><code code="ASSERTION" codeSystem="2.16.840.1.113883.5.4"/>'
    + '<statusCode code="completed"/><effectiveTime><low value="2004"/></effectiveTime>'
    + f'<value xsi:type="CD" code="419511003" {SNOMED} displayName="Propensity to adverse reaction to drug"/>'
    + '<participant typeCode="CSM"><participantRole classCode="MANU"><playingEntity classCode="MMAT"><code code="7980" '
    + f'{RXNORM} displayName="Penicillin G"/></playingEntity></participantRole></participant>'
    + _relation(
        "MFST",
        _observation(_t(CCDA + "4.9") + f'<value xsi:type="CD" code="247472004" {SNOMED} displayName="Hives"/>'),
        'inversionInd="true"',
    )
)
NO_ALLERGY = _observation(
    _t(CCDA + "4.7")
    + f'<code code="ASSERTION"/><value xsi:type="CD" code="419199007" {SNOMED} displayName="Allergy to substance"/>'
    + '<participant typeCode="CSM"><participantRole classCode="MANU"><playingEntity classCode="MMAT">'
    + '<code nullFlavor="NA"/></playingEntity></participantRole></participant>',
    'negationInd="true"',
)
MEDICATION = (
    f'<substanceAdministration classCode="SBADM" moodCode="EVN">{_t(CCDA + "4.16")}<statusCode code="active"/>'
    '<effectiveTime xsi:type="IVL_TS"><low value="20250601"/></effectiveTime>'
    '<effectiveTime xsi:type="PIVL_TS" operator="A" institutionSpecified="true"><period value="12" unit="h"/>'
    f'</effectiveTime><doseQuantity value="1"/>{_drug("197361", "Amlodipine 5 MG Oral Tablet")}'
    + _relation(
        "REFR",
        f'<supply classCode="SPLY" moodCode="INT">{_t(CCDA + "4.17")}<statusCode code="completed"/><repeatNumber '
        'value="1"/><quantity value="60"/></supply>',
    )
    + "</substanceAdministration>"
)
RESULTS = (
    f'<organizer classCode="BATTERY" moodCode="EVN">{_t(CCDA + "4.1")}<code code="24321-2" {LOINC}/><statusCode '
    'code="completed"/><component>'
    + _observation(
        _t(CCDA + "4.2")
        + f'<code code="2823-3" {LOINC} displayName="Potassium"/><statusCode code="completed"/>'
        + '<effectiveTime value="202601091015-0500"/><value xsi:type="PQ" value="5.9" unit="mmol/L"/>'
        + '<interpretationCode code="H" codeSystem="2.16.840.1.113883.5.83"/><referenceRange><observationRange>'
        + '<value xsi:type="IVL_PQ"><low value="3.5" unit="mmol/L"/><high value="5.1" unit="mmol/L"/></value>'
        + "</observationRange></referenceRange>"
    )
    + "</component></organizer>"
)
VACCINE = (
    f'<substanceAdministration classCode="SBADM" moodCode="EVN" negationInd="false">{_t(CCDA + "4.52")}<statusCode '
    'code="completed"/><effectiveTime value="20251015"/><consumable><manufacturedProduct classCode="MANU">'
    '<manufacturedMaterial><code code="140" codeSystem="2.16.840.1.113883.12.292" displayName="Influenza"/>'
    "<lotNumberText>L-99</lotNumberText></manufacturedMaterial></manufacturedProduct></consumable>"
    "</substanceAdministration>"
)
UNKNOWN = _observation(
    _t("2.999.99")
    + f'<code code="9279-1" {LOINC} displayName="Respiratory rate"/><statusCode code="completed"/>'
    + '<value xsi:type="PQ" value="18" unit="/min"/>'
)
CONTINUITY = _document(
    CCDA + "1.2",
    "34133-9",
    "Continuity of Care Document",
    "en-US",
    "US",
    _section(
        "11450-4",
        "Problems",
        '<list><item ID="p1">Hypertension</item></list>',
        _entry(_act(_t(CCDA + "4.3") + '<statusCode code="active"/>' + _relation("SUBJ", PROBLEM)))
        + _entry(_act(_t(CCDA + "4.3") + '<statusCode code="active"/>' + _relation("SUBJ", NO_PROBLEM))),
    )
    + _section(
        "48765-2",
        "Allergies",
        "Penicillin: hives",
        _entry(_act(_t(CCDA + "4.30") + '<statusCode code="active"/>' + _relation("SUBJ", ALLERGY)))
        + _entry(_act(_t(CCDA + "4.30") + '<statusCode code="active"/>' + _relation("SUBJ", NO_ALLERGY))),
    )
    + _section("10160-0", "Medications", "Amlodipine", _entry(MEDICATION))
    + _section("30954-2", "Results", "Potassium 5.9", _entry(RESULTS))
    + _section("11369-6", "Immunizations", "Influenza", _entry(VACCINE))
    + _section("10210-3", "Other", "Rate 18", _entry(UNKNOWN)),
    sdtc='<sdtc:deceasedInd value="false"/>',
)

SUMMARY = _document(
    "1.3.6.1.4.1.12559.11.10.1.3.1.1.3",
    "60591-5",
    "Patient Summary",
    "pt-PT",
    "PT",
    _section(
        "48765-2",
        "Alergias",
        "Desconhecidas",
        _entry(
            _act(
                _t(PCC + "5.1", PCC + "5.3")
                + '<statusCode code="completed"/>'
                + _relation(
                    "SUBJ",
                    _observation(
                        _t(PCC + "5", PCC + "6")
                        + f'<code code="420134006" {SNOMED}/><statusCode code="completed"/>'
                        + f'<value xsi:type="CD" code="716186003" {SNOMED} displayName="No known allergy"/>'
                    ),
                    'inversionInd="false"',
                )
            )
        ),
    )
    + _section(
        "11450-4",
        "Problemas",
        "Asma",
        _entry(
            _act(
                _t(PCC + "5.1", PCC + "5.2")
                + '<statusCode code="active"/><effectiveTime><low value="20190301"/></effectiveTime>'
                + _relation(
                    "SUBJ",
                    _observation(
                        _t(PCC + "5")
                        + f'<code code="55607006" {SNOMED}/><effectiveTime><low value="2019"/></effectiveTime>'
                        + '<value xsi:type="CD" code="J45" codeSystem="1.3.6.1.4.1.12559.11.10.1.3.1.44.2" '
                        + 'displayName="Asma"><translation code="J45" codeSystem="2.16.840.1.113883.6.3" '
                        + 'displayName="Asthma"><translation displayName="Asthme"/></translation></value>'
                    ),
                    'inversionInd="false"',
                )
            )
        ),
    )
    + _section(
        "10160-0",
        "Medicamentos",
        "Salbutamol",
        _entry(
            f'<substanceAdministration classCode="SBADM" moodCode="INT">{_t(PCC + "7", PCC + "7.1")}<statusCode '
            'code="completed"/><effectiveTime xsi:type="IVL_TS"><low value="20250101"/><high nullFlavor="UNK"/>'
            '</effectiveTime><effectiveTime xsi:type="EIVL_TS" operator="A"><event code="HS"/></effectiveTime>'
            '<routeCode code="20020000" codeSystem="0.4.0.127.0.16.1.1.2.1"/><doseQuantity><low value="1" unit="{puff}"'
            '/><high value="2" unit="{puff}"/></doseQuantity><consumable><manufacturedProduct><manufacturedMaterial '
            'xmlns:epsos="urn:epsos-org:ep:medication"><code code="R03AC02" codeSystem="2.16.840.1.113883.6.73"/>'
            '<name>Salbutamol</name><epsos:formCode code="11109000" codeSystem="0.4.0.127.0.16.1.1.2.1"/>'
            "</manufacturedMaterial></manufacturedProduct></consumable></substanceAdministration>"
        ),
    )
    + _section(
        "46264-8",
        "Dispositivos",
        "Pacemaker",
        _entry(
            f'<supply classCode="SPLY" moodCode="EVN">{_t("1.3.6.1.4.1.12559.11.10.1.3.1.3.5")}<effectiveTime '
            'xsi:type="IVL_TS"><low value="2018"/></effectiveTime><participant typeCode="DEV"><participantRole '
            f'classCode="MANU"><playingDevice><code code="14106009" {SNOMED} displayName="Pacemaker"/></playingDevice>'
            "</participantRole></participant></supply>"
        ),
    ),
)
