"""The CI-SIS header of a CDA document, complete from realmCode to componentOf (volet structuration minimale)."""

from __future__ import annotations

from datetime import datetime

import msgspec

from carnet.synth.identity import PERSON_OID, STRUCTURE_OID, national_structure
from carnet.synth.markup import LOINC, attribute, coded, day, stamp, templates, text
from carnet.synth.nation import Professional, local_id, local_id_root
from carnet.synth.population import Person
from carnet.synth.tables import DEPARTMENTS, Sender

PRACTICE = ("1.2.250.1.213.1.1.4.9", "practiceSettingCode")
ACT_CODE = ("2.16.840.1.113883.5.4", "HL7:ActCode")
LEVEL_1 = "1.3.6.1.4.1.19376.1.2.20"
_PROFESSIONS = ("1.2.250.1.213.1.1.4.5", "")
_FACILITIES = {
    "lab": ("SA25", "Laboratoire de biologie médicale"),
    "chu-garonne": ("SA01", "Etablissement public de santé"),
    "clinique-armor": ("SA04", "Etablissement privé non PSPH"),
}


class Act(msgspec.Struct, frozen=True):
    """A documented act; the first of a document is the main one and gets performer and times."""

    code: str
    display: str
    system: tuple[str, str]


class Header(msgspec.Struct, frozen=True):
    """What a document says about itself. `models` are templateId elements; `start` and `end` frame the main act."""

    id: str
    set_id: str
    version: int
    replaces: str
    models: str
    code: str
    display: str
    title: str
    created: datetime
    person: Person
    sender: Sender
    author: Professional
    gp: Professional
    acts: tuple[Act, ...]
    start: datetime
    end: datetime
    encounter: tuple[str, str]
    order: str = ""
    """Root and number of the order a laboratory report fulfils, as an `id` element."""


def header(h: Header) -> str:
    """Everything of a document before its body, in the order of the schema."""
    author = _identified(h.author)
    lab = h.sender.kind == "lab"
    parent = f'<parentDocument><id root="{h.replaces}"/></parentDocument>'
    replaced = f'<relatedDocument typeCode="RPLC">{parent}</relatedDocument>\n' if h.replaces else ""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:lab="urn:oid:1.3.6.1.4.1.19376.1.3.2"\
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<realmCode code="FR"/>
<typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
{templates("2.16.840.1.113883.2.8.2.1", "1.2.250.1.213.1.1.1.1")}{h.models}
<id root="{h.id}"/>
{coded("code", h.code, h.display, LOINC)}
<title>{text(h.title)}</title>
<effectiveTime value="{stamp(h.created)}"/>
{coded("confidentialityCode", "N", "Normal", ("2.16.840.1.113883.5.25", ""))}
<languageCode code="fr-FR"/>
<setId root="{h.set_id}"/>
<versionNumber value="{h.version}"/>
{_patient(h.person, h.sender)}
<author>
<time value="{stamp(h.created)}"/>
<assignedAuthor classCode="ASSIGNED">
{author}
<assignedPerson>{_name(h.author)}</assignedPerson>
<representedOrganization>{organisation(h.sender)}</representedOrganization>
</assignedAuthor>
</author>
<custodian>
<assignedCustodian>
<representedCustodianOrganization>{organisation(h.sender)}</representedCustodianOrganization>
</assignedCustodian>
</custodian>
{"" if lab else _recipient(h.gp)}<legalAuthenticator>
<time value="{stamp(h.created)}"/>
<signatureCode code="S"/>
<assignedEntity>
{author}
<assignedPerson>{_name(h.author)}</assignedPerson>
<representedOrganization>{organisation(h.sender)}{_practice(h.sender)}</representedOrganization>
</assignedEntity>
</legalAuthenticator>
{_prescriber(h.gp, h.start) if lab else _usual_doctor(h.gp)}{h.order}{_acts(h, author)}{replaced}<componentOf>
<encompassingEncounter>
{coded("code", *h.encounter, ACT_CODE)}
<effectiveTime><low value="{stamp(h.start)}"/><high value="{stamp(min(h.end, h.created))}"/></effectiveTime>
<location>
<healthCareFacility>
{coded("code", *_FACILITIES.get(h.sender.id, _FACILITIES["lab"]), ("1.2.250.1.71.4.2.4", ""))}
<location><name>{text(h.sender.name)}</name>{_address(h.sender)}</location>
</healthCareFacility>
</location>
</encompassingEncounter>
</componentOf>
"""


def organisation(sender: Sender) -> str:
    """Id, name, telecom and address, in the order that organisations and custodians share."""
    return (
        f'\n<id root="{STRUCTURE_OID}" extension="{national_structure(sender.finess)}"/>\n'
        f"<name>{text(sender.name)}</name>\n"
        f'<telecom value="{phone(sender)}" use="WP"/>\n{_address(sender)}\n'
    )


def phone(sender: Sender) -> str:
    """A number of the range that the regulator keeps for fiction."""
    return f"tel:+33199{sender.finess[3:]}"


def _patient(person: Person, sender: Sender) -> str:
    sex = "Masculin" if person.sex == "M" else "Féminin"
    where = person.department
    return f"""<recordTarget>
<patientRole>
<id extension="{person.ins}" root="{person.ins_oid}"/>
<id extension="{local_id(sender.id, person.number)}" root="{local_id_root(sender.id)}"/>
<addr use="H">
<houseNumber>{person.house}</houseNumber>
<streetName>{text(person.street)}</streetName>
<postalCode>{where.postcode}</postalCode>
<city>{text(where.city.upper())}</city>
<country>FRANCE</country>
</addr>
<telecom value="tel:+336399{person.number % 100000:05d}" use="MC"/>
<telecom value="mailto:{person.ins}@patient.mssante.fr"/>
<patient classCode="PSN">
<name>
<family qualifier="BR">{text(person.family)}</family>
<given>{text(" ".join(person.givens))}</given>
<given qualifier="BR">{text(person.given)}</given>
<family qualifier="CL">{text(person.used_family)}</family>
<given qualifier="CL">{text(person.given)}</given>
</name>
{coded("administrativeGenderCode", person.sex, sex, ("2.16.840.1.113883.5.1", ""))}
<birthTime value="{day(person.birth)}"/>
<birthplace>
<place>
<addr>
<county>{person.birth_place}</county>
<city>{text(person.birth_town.upper())}</city>
</addr>
</place>
</birthplace>
</patient>
</patientRole>
</recordTarget>"""


def _identified(doctor: Professional) -> str:
    return (
        f'<id root="{PERSON_OID}" extension="{doctor.id}"/>\n'
        + coded("code", doctor.specialty, doctor.specialty_name, _PROFESSIONS)
        + '\n<addr nullFlavor="NAV"/>\n<telecom nullFlavor="NAV"/>'
    )


def _name(doctor: Professional) -> str:
    return f"<name><given>{text(doctor.given)}</given><family>{text(doctor.family)}</family><suffix>DR</suffix></name>"


def _address(sender: Sender) -> str:
    where = DEPARTMENTS[sender.department]
    return (
        f"<addr><houseNumber>{int(sender.finess[3:6])}</houseNumber><streetName>rue de l'Exemple</streetName>"
        f"<postalCode>{where.postcode}</postalCode><city>{text(where.city.upper())}</city></addr>"
    )


def _practice(sender: Sender) -> str:
    setting = ("AMBULATOIRE", "Ambulatoire") if sender.kind == "lab" else ("ETABLISSEMENT", "Etablissement de santé")
    return coded("standardIndustryClassCode", *setting, PRACTICE)


def _recipient(doctor: Professional) -> str:
    return (
        f'<informationRecipient>\n<intendedRecipient>\n<id root="{PERSON_OID}" extension="{doctor.id}"/>\n'
        f"<informationRecipient>{_name(doctor)}</informationRecipient>\n</intendedRecipient>\n</informationRecipient>\n"
    )


def _prescriber(doctor: Professional, prescribed: datetime) -> str:
    return (
        f'<participant typeCode="REF">\n{templates("1.3.6.1.4.1.19376.1.3.3.1.6")}\n'
        f'<time xsi:type="IVL_TS"><high value="{stamp(prescribed)}"/></time>\n<associatedEntity classCode="PROV">\n'
        f"{_identified(doctor)}\n<associatedPerson>{_name(doctor)}</associatedPerson>\n</associatedEntity>\n</participant>\n"
    )


def _usual_doctor(doctor: Professional) -> str:
    function = coded("functionCode", "PCP", "Médecin Traitant", ("2.16.840.1.113883.5.88", ""))
    return (
        f'<participant typeCode="INF">\n{function}\n<time nullFlavor="NA"/>\n<associatedEntity classCode="PROV">\n'
        f"{_identified(doctor)}\n<associatedPerson>{_name(doctor)}</associatedPerson>\n</associatedEntity>\n</participant>\n"
    )


def _acts(h: Header, author: str) -> str:
    main, *others = h.acts
    status = '<lab:statusCode code="completed"/>\n' if h.sender.kind == "lab" else ""
    listed = "".join(
        "<documentationOf><serviceEvent>"
        f"{coded('code', act.code, act.display, act.system)}</serviceEvent></documentationOf>\n"
        for act in others
    )
    return (
        f'<documentationOf>\n<serviceEvent classCode="ACT" moodCode="EVN">\n'
        f"{coded('code', main.code, main.display, main.system)}\n{status}"
        f'<effectiveTime><low value="{stamp(h.start)}"/><high value="{stamp(h.end)}"/></effectiveTime>\n'
        f'<performer typeCode="PRF">\n<assignedEntity>\n{author}\n<assignedPerson>{_name(h.author)}</assignedPerson>\n'
        f"<representedOrganization>{organisation(h.sender)}{_practice(h.sender)}</representedOrganization>\n"
        f"</assignedEntity>\n</performer>\n</serviceEvent>\n</documentationOf>\n{listed}"
    )


def order(root: str, number: str) -> str:
    """`inFulfillmentOf` of a laboratory report."""
    return f'<inFulfillmentOf><order><id root="{root}" extension="{attribute(number)}"/></order></inFulfillmentOf>\n'
