"""Conformance of a CDA header: what it says against HL7 CDA R2 and, for a French document, the CI-SIS. Pure.

Source: CI-SIS, volet structuration minimale (its schematron, by its rules), and the annexes it names. Like the rest of
conformance it changes no end. Documents of other countries are held against CDA R2 alone.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from connectors.cda.anatomy import Node
from quality.conformance.cda.acts import check_acts
from quality.conformance.cda.contacts import check_contacts
from quality.conformance.cda.identity import check_patient
from quality.conformance.cda.people import check_people
from quality.conformance.cda.said import Said
from quality.conformance.cda.shape import check_shape
from quality.conformance.cda.templates import check_templates
from quality.conformance.cda.times import check_times
from quality.conformance.finding import LEVELS, Finding, Level
from transforms.xds.models import candidates, model

Rules = Literal["ci-sis", "cda"]


class ExaminedHeader(msgspec.Struct, frozen=True):
    """A header examined: the rules it was held against, its model, its elements in order, what is said of them."""

    rules: Rules
    model: str
    label: str
    version: str
    elements: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def levels(self) -> dict[Level, int]:
        return {level: sum(finding.level == level for finding in self.findings) for level in LEVELS}


def examine_header(document: Node) -> ExaminedHeader:
    """What is said of a header. Never raises."""
    rules: Rules = "ci-sis" if french(document) else "cda"
    said = Said(document, ("cda", "ci-sis") if rules == "ci-sis" else ("cda",))
    check_shape(document, said)
    check_times(document, said)
    if rules == "ci-sis":
        check_templates(document, said)
        check_patient(document, said)
        check_people(document, said)
        check_contacts(document, said)
    check_acts(document, said)
    roots = [template.get("root") for template in document.all("templateId")]
    kind = document.first("code")
    found = model(roots, kind.get("code") if kind else "")
    version = ""
    if found is not None:
        stated = (one for one in document.all("templateId") if one.get("root") == found.template)
        version = next((one.get("extension") for one in stated), "")
    return ExaminedHeader(
        rules=rules,
        model=found.name if found else "",
        label=found.label if found else "",
        version=version,
        elements=tuple(child.name for child in document.children),
        findings=said.ordered(),
    )


def french(document: Node) -> bool:
    """Whether a document means to follow the CI-SIS: by its templates, or because it says that it is French."""
    templates = {template.get("root") for template in document.all("templateId")}
    if templates & {"1.2.250.1.213.1.1.1.1", "2.16.840.1.113883.2.8.2.1"}:
        return True
    if any(found.family == "ci-sis" for found in candidates(templates)):
        return True
    return any(realm.get("code") == "FR" for realm in document.all("realmCode"))
