"""A report of Schematron (SVRL) read into findings: level, place, sentence, and how many rules were tested at all."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from connectors.cda.xml import Malformed, parse
from quality.ans.compile import SVRL
from quality.ans.xpath import NAMESPACE
from quality.conformance import Level

LONGEST = 600
"""Characters of a sentence that are kept."""
_V = f"{{{SVRL}}}"
_LEVELS: dict[str, Level] = {
    "fatal": "error",
    "error": "error",
    "erreur": "error",
    "warning": "warning",
    "warn": "warning",
    "avertissement": "warning",
    "info": "advice",
    "information": "advice",
    "hint": "advice",
    "advice": "advice",
}


class Finding(msgspec.Struct, frozen=True):
    """One thing that a schematron or the XML Schema says of a document, without any value of it."""

    level: Level
    pattern: str
    rule: str
    id: str
    """Of the assertion; the type of error for the XML Schema."""
    location: str
    """`/ClinicalDocument/recordTarget[1]/patientRole[1]`."""
    line: int
    """0 when not known."""
    fr: str
    en: str
    see: str = ""


class Report(msgspec.Struct, frozen=True):
    """`fired` counts the rules that met a node; `stopped` names the patterns of those that failed, with the error."""

    fired: int
    findings: tuple[Finding, ...]
    stopped: tuple[str, ...]


def read(text: str) -> Report | None:
    """What a report says; None when it is none."""
    root = parse(text.encode())
    if isinstance(root, Malformed) or root.tag != _V + "schematron-output":
        return None
    fired, pattern, rule = 0, "", ""
    findings: list[Finding] = []
    stopped: dict[str, None] = {}
    for element in root:
        if element.tag == _V + "active-pattern":
            pattern, rule = element.get("id") or element.get("name") or "", ""
        elif element.tag == _V + "fired-rule":
            fired += 1
            rule = element.get("id") or ""
        elif element.tag in (_V + "failed-assert", _V + "successful-report"):
            failed = element.tag == _V + "failed-assert"
            said = element.find(_V + "text")
            sentence = " ".join("".join(map(str, said.itertext())).split()) if said is not None else ""
            sentence = sentence if len(sentence) <= LONGEST else sentence[: LONGEST - 1] + "…"
            findings.append(
                Finding(
                    level=_level(element.get("role", ""), element.get("flag", ""), "error" if failed else "warning"),
                    pattern=pattern,
                    rule=rule,
                    id=element.get("id", ""),
                    location=place(element.get("location", "")),
                    line=0,
                    fr=sentence,
                    en=sentence,
                    see=element.get("see", ""),
                )
            )
        elif element.tag == f"{{{NAMESPACE}}}stopped":
            stopped[f"{pattern or '?'} ({element.get('code', '')})"] = None
    return Report(fired, tuple(dict.fromkeys(findings)), tuple(stopped))


def _level(role: str, flag: str, otherwise: Literal["error", "warning"]) -> Level:
    """ISO leaves the words of `role` and `flag` open; ANS and ART-DECOR write these. A bare assertion is an error."""
    for word in (role, flag):
        if word.strip().lower() in _LEVELS:
            return _LEVELS[word.strip().lower()]
    return otherwise


def place(location: str) -> str:
    """An XPath as a person writes it: without namespaces, with positions below the root."""
    shown = re.sub(r"\*\[local-name\(\)='([^']*)'(?: and namespace-uri\(\)='[^']*')?\]", r"\1", location)
    shown = re.sub(r"Q\{[^}]*\}|\*:|\[namespace-uri\(\)=(?:'[^']*'|\"[^\"]*\")\]", "", shown)
    shown = re.sub(r"(?<=/)(@?)[\w.-]+:(?=[\w.-])", r"\1", shown)
    return re.sub(r"^(/[\w.-]+)\[1\]", r"\1", shown)
