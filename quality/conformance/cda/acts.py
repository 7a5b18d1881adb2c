"""What a document is about and what it replaces: its main act, its body, its versions."""

from __future__ import annotations

from connectors.cda.anatomy import Node
from quality.conformance.cda.said import Said


def check_acts(document: Node, said: Said) -> None:
    """Say what is wrong with the acts documented, the document replaced and the body."""
    acts = list(document.all("documentationOf", "serviceEvent"))
    if said.french and acts:
        _main(acts, said)
    _replacement(document, said)
    component = document.first("component")
    if component is not None:
        bodies = [child for child in component.children if child.name in ("structuredBody", "nonXMLBody")]
        if len(bodies) != 1 and not component.null:
            said.say("CDA_BODY_KIND", component, expected="structuredBody | nonXMLBody", came=str(len(bodies)))


def _main(acts: list[Node], said: Said) -> None:
    """One act is performed at a time: XDS takes serviceStartTime and practiceSettingCode from it."""
    performed = [act for act in acts if act.first("performer") is not None and _begins(act)]
    if not performed:
        said.say("CDA_MAIN_ACT_MISSING", acts[0], expected="performer, effectiveTime/low")
        return
    path = ("performer", "assignedEntity", "representedOrganization", "standardIndustryClassCode")
    if not any(code.get("code") for act in performed[:1] for code in act.all(*path)):
        said.missing("CDA_ELEMENT_MISSING", performed[0], "/".join(path), expected="JDV_J04")


def _begins(act: Node) -> bool:
    low, time = act.first("effectiveTime", "low"), act.first("effectiveTime")
    return bool((low is not None and low.get("value")) or (time is not None and time.get("value")))


def _replacement(document: Node, said: Said) -> None:
    replaced = [one for one in document.all("relatedDocument") if one.get("typeCode") == "RPLC"]
    own, version = document.first("id"), document.first("versionNumber")
    for related in replaced:
        for id_ in related.all("parentDocument", "id"):
            if own is not None and _key(id_) == _key(own):
                said.say("CDA_REPLACES_ITSELF", id_, expected="")
    if len(replaced) > 1:
        said.say("CDA_ELEMENT_REPEATED", replaced[1], expected="1", came=str(len(replaced)))
    if version is not None and version.get("value") == "1" and replaced:
        said.say("CDA_VERSION_OF_REPLACEMENT", version, "value", expected="2, 3 …")


def _key(id_: Node) -> tuple[str, str]:
    return id_.get("root").upper(), id_.get("extension")
