"""What kind of document a header declares: its templates, its model, its type, what the DMP takes, how it is masked."""

from __future__ import annotations

from connectors.cda.anatomy import Node
from quality.conformance.cda.said import Said
from quality.conformance.fields import OID
from transforms.oids import meant
from transforms.xds.models import candidates, model
from transforms.xds.tables import DocumentType, models, types

FRANCE, CI_SIS, LEVEL_1 = "2.16.840.1.113883.2.8.2.1", "1.2.250.1.213.1.1.1.1", "1.3.6.1.4.1.19376.1.2.20"
MASKS = ("MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX", "CONNEXION_SECRETE")


def check_templates(document: Node, said: Said) -> None:
    """Say what is wrong with the templates, the type and the confidentiality of a French document."""
    nodes = list(document.all("templateId"))
    roots = [node.get("root") for node in nodes]
    for template in (FRANCE, CI_SIS):
        if template not in roots:
            said.missing("CDA_TEMPLATE_MISSING", document, "templateId", expected=template)
    for node in nodes:
        if meant(node.get("root")) != node.get("root") and meant(node.get("root")) in models():
            said.say("CDA_OID_TYPO", node, "root", expected=meant(node.get("root")), came="")
    level_1 = document.first("component", "nonXMLBody") is not None
    if level_1 and (LEVEL_1 not in roots or len(roots) != 3):
        said.missing("CDA_LEVEL_1_TEMPLATES", document, "templateId", expected=f"{FRANCE}, {CI_SIS}, {LEVEL_1}")
    code = document.first("code")
    _model(document, roots, code, said)
    if code is not None:
        _type(code, said)
    for node in document.all("confidentialityCode"):
        if node.get("code") in MASKS:
            said.say("CDA_MASK_IN_DOCUMENT", node, "code", expected="N | R | V", came=node.get("code"))
    id_ = document.first("id")
    if id_ is not None and id_.get("extension"):
        said.say("DOCUMENT_ID_EXTENSION", id_, "extension", expected="OID", came="OID^extension")
    elif id_ is not None and id_.get("root") and not OID.fullmatch(id_.get("root")) and "-" in id_.get("root"):
        said.say("CDA_DOCUMENT_ID_UUID", id_, "root", expected="1.2.250.1…", came="UUID")


def _model(document: Node, roots: list[str], code: Node | None, said: Said) -> None:
    kind = code.get("code") if code is not None else ""
    found = candidates(roots)
    if not found:
        said.missing("CDA_MODEL_UNKNOWN", document, "templateId", expected="1.2.250.1.213.1.1.1.…")
        return
    if model(roots, kind) is None:
        names = " | ".join(one.name for one in found)
        said.missing("CDA_MODEL_AMBIGUOUS", document, "templateId", expected=names)
        return
    one = model(roots, kind)
    if one is not None and code is not None and kind and one.type_codes and kind not in one.type_codes.split():
        said.say("CDA_MODEL_TYPE", code, "code", expected=one.type_codes.replace(" ", " | "))


def _type(code: Node, said: Said) -> None:
    value, system = code.get("code"), code.get("codeSystem")
    if not value or not system:
        return
    known = types().get((value, meant(system)))
    if known is None:
        said.say("CDA_TYPE_UNKNOWN", code, "code", expected="JDV_J07")
        return
    if not known.dmp:
        said.say("CDA_TYPE_NOT_IN_DMP", code, "code", expected="JDV_J66")
    if known.label and "’" in code.get("displayName"):
        _apostrophe(code, known, said)


def _apostrophe(code: Node, known: DocumentType, said: Said) -> None:
    """A typographic apostrophe makes a label differ from the one that schematrons compare it with."""
    if code.get("displayName").replace("’", "'") == known.label:
        said.say("CDA_APOSTROPHE", code, "displayName", expected=known.label, came="’")
