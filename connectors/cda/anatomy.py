"""Anatomy: the header of a CDA as it stands, for those who explain it. Never on the way of ingestion.

The same parser reads it as on the way in. Of the body there is only what kind it is: nothing below it is looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec
from lxml import etree

from connectors.cda.elements import ROOT, local, text, xsi_type
from connectors.cda.xml import Malformed, parse

DEEPEST = 12
"""How many elements deep a header is followed: the CI-SIS goes to nine."""
_PREFIXES = {
    "urn:hl7-org:sdtc": "sdtc",
    "urn:oid:1.3.6.1.4.1.19376.1.3.2": "lab",
    "urn:hl7-org:lab": "lab",
    "urn:dicom-org:ps3-20": "ps3-20",
}
"""Extensions that are known by a prefix."""
_NAMES = """
ClinicalDocument realmCode typeId templateId id code title effectiveTime confidentialityCode languageCode setId
versionNumber copyTime recordTarget author dataEnterer informant custodian informationRecipient legalAuthenticator
authenticator participant inFulfillmentOf documentationOf relatedDocument authorization componentOf component nonXMLBody
structuredBody
patientRole patient providerOrganization administrativeGenderCode birthTime maritalStatusCode raceCode ethnicGroupCode
religiousAffiliationCode guardian guardianPerson guardianOrganization birthplace place languageCommunication modeCode
proficiencyLevelCode preferenceInd time functionCode signatureCode assignedAuthor assignedPerson assignedAuthoringDevice
manufacturerModelName softwareName asMaintainedEntity maintainingPerson assignedEntity relatedEntity relatedPerson
assignedCustodian representedCustodianOrganization intendedRecipient receivedOrganization associatedEntity
associatedPerson scopingOrganization representedOrganization standardIndustryClassCode asOrganizationPartOf
wholeOrganization statusCode order priorityCode serviceEvent performer parentDocument text consent encompassingEncounter
dischargeDispositionCode responsibleParty encounterParticipant location healthCareFacility serviceProviderOrganization
translation originalText qualifier reference low high center width value name family given prefix suffix delimiter
validTime addr telecom useablePeriod country state county city postalCode streetAddressLine houseNumber
houseNumberNumeric direction streetName streetNameBase streetNameType additionalLocator unitID unitType careOf
censusTract deliveryAddressLine deliveryInstallationType deliveryInstallationArea deliveryInstallationQualifier
deliveryMode deliveryModeIdentifier buildingNumberSuffix postBox precinct
sdtc:id sdtc:raceCode sdtc:ethnicGroupCode sdtc:birthTime sdtc:deceasedInd sdtc:deceasedTime sdtc:multipleBirthInd
sdtc:multipleBirthOrderNumber sdtc:desc sdtc:patient sdtc:signatureText sdtc:asPatientRelationship sdtc:code
sdtc:identifiedBy sdtc:alternateIdentification sdtc:statusCode sdtc:effectiveTime sdtc:admissionReferralSourceCode
sdtc:dischargeDispositionCode sdtc:templateId sdtc:specialty sdtc:birthplace sdtc:addr lab:statusCode
ps3-20:accessionNumber
"""
NAMES = frozenset(_NAMES.split())
"""The elements that a header may have: CDA R2 (POCD_MT000040) and its data types, with the extensions in use."""


class Node(msgspec.Struct, frozen=True):
    """An element: `place` is its XPath without prefixes, `[n]` where siblings share its name."""

    name: str
    place: str
    attributes: dict[str, str]
    """By local name; `type` is the resolved `@xsi:type`, whatever its prefix."""
    text: str
    children: tuple[Node, ...] = ()

    def get(self, attribute: str) -> str:
        return self.attributes.get(attribute, "")

    @property
    def null(self) -> bool:
        return "nullFlavor" in self.attributes

    def all(self, *path: str) -> Iterator[Node]:
        """Descendants along a path of names, in the order of the document."""
        if not path:
            yield self
            return
        for child in self.children:
            if child.name == path[0]:
                yield from child.all(*path[1:])

    def first(self, *path: str) -> Node | None:
        return next(self.all(*path), None)

    def walk(self) -> Iterator[Node]:
        """This element and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def anatomy(data: bytes) -> Node | None:
    """The header of a document; None when the bytes are no CDA that can be read."""
    root = parse(data)
    if isinstance(root, Malformed):
        return None
    document = root if root.tag == ROOT else next(root.iter(ROOT), None)
    return None if document is None else _node(document, "/ClinicalDocument", 0)


def _node(element: etree._Element, place: str, depth: int) -> Node:
    children: tuple[Node, ...] = ()
    name = _name(element)
    if len(element) and depth < DEEPEST and name not in ("structuredBody", "nonXMLBody"):
        named = [(_name(child), child) for child in element]
        many = Counter(name for name, _ in named)
        nth: Counter[str] = Counter()
        found = []
        for child_name, child in named:
            nth[child_name] += 1
            step = f"{child_name}[{nth[child_name]}]" if many[child_name] > 1 else child_name
            found.append(_node(child, f"{place}/{step}", depth + 1))
        children = tuple(found)
    return Node(
        name=name,
        place=place,
        attributes=_attributes(element),
        text="" if children or name in ("structuredBody", "nonXMLBody") else text(element),
        children=children,
    )


def _name(element: etree._Element) -> str:
    """The name of an element that CDA knows in a header; `?` for any other, whose name may be a value."""
    name = local(element)
    if name.startswith("{"):
        qualified = etree.QName(element)
        name = f"{_PREFIXES.get(qualified.namespace or '', '?')}:{qualified.localname}"
    return name if name in NAMES else "?"


def _attributes(element: etree._Element) -> dict[str, str]:
    found = {etree.QName(str(name)).localname: str(value).strip() for name, value in element.items()}
    resolved = xsi_type(element)
    return found if resolved is None else found | {"type": resolved[1]}
