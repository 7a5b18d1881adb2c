"""The headers of a file's CDA documents explained: held against the CI-SIS or CDA R2, as data and as lines to read."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from carnet.enclosed import documents
from connectors.base import Locator, Source
from connectors.cda.anatomy import anatomy
from quality.conformance import LEVELS, Finding
from quality.conformance.cda import ExaminedHeader, examine_header
from quality.wording import Language, said

EXAMINED = 100
"""Documents of a file that are explained; more of the same sender say the same."""
LISTED = 1000
"""Findings listed for a file; the counts by level are whole."""


def explained(source: Source) -> dict[str, Any]:
    """What is said of the header of each document of a file."""
    rows: list[dict[str, Any]] = []
    findings: list[dict[str, Any]] = []
    left = 0
    for number, (place, data) in enumerate(documents(source), 1):
        if number > EXAMINED:
            left += 1
            continue
        document = anatomy(data)
        if document is None:
            continue
        examined = examine_header(document)
        rows.append(_header(number, place, examined))
        findings += [_row(number, finding) for finding in examined.findings[: LISTED - len(findings)]]
    return {"headers": rows, "header_findings": findings, "headers_left": left}


def _header(number: int, place: Locator, examined: ExaminedHeader) -> dict[str, Any]:
    return {
        "document": number,
        "locator": str(place),
        "rules": examined.rules,
        "model": examined.model,
        "label": examined.label,
        "version": examined.version,
        "elements": list(examined.elements),
        "levels": examined.levels,
    }


def _row(number: int, finding: Finding) -> dict[str, Any]:
    return {
        "document": number,
        "element": finding.segment,
        "sequence": finding.sequence,
        "place": finding.field,
        "level": finding.level,
        "code": finding.code,
        **finding.told(),
        "expected": finding.expected,
        "came": finding.came,
    }


WORDS: dict[Language, dict[str, str]] = {
    "fr": {
        "document": "Document",
        "ci-sis": "en-tête selon le CI-SIS",
        "cda": "en-tête selon HL7 CDA R2 (document d'un autre pays)",
        "unknown": "modèle inconnu",
        "conform": "conforme",
        "error": "erreur erreurs",
        "warning": "avertissement avertissements",
        "advice": "conseil conseils",
        "missing": "absents",
        "same": "{} : même remarque",
        "came": "reçu : {}",
        "left": "Documents non détaillés : {}.",
    },
    "en": {
        "document": "Document",
        "ci-sis": "header by the CI-SIS",
        "cda": "header by HL7 CDA R2 (a document of another country)",
        "unknown": "unknown model",
        "conform": "conforms",
        "error": "error errors",
        "warning": "warning warnings",
        "advice": "hint hints",
        "missing": "missing",
        "same": "{}: same remark",
        "came": "came: {}",
        "left": "Documents not shown in detail: {}.",
    },
}
MARKS = {"error": "✗", "warning": "!", "advice": "·"}


def lines(report: dict[str, Any], lang: Language) -> list[str]:
    """The headers of a report for a person: each element of a header in its order, what is said of it beneath."""
    shown: list[str] = []
    by_document: dict[int, list[dict[str, Any]]] = {}
    for row in report["header_findings"]:
        by_document.setdefault(row["document"], []).append(row)
    for header in report["headers"]:
        shown += ["", *_block(header, by_document.get(header["document"], []), lang)]
    if report["headers_left"]:
        shown += ["", WORDS[lang]["left"].format(report["headers_left"])]
    return shown


def _block(header: dict[str, Any], rows: list[dict[str, Any]], lang: Language) -> list[str]:
    words = WORDS[lang]
    model = " ".join(part for part in (header["model"], header["version"]) if part) or words["unknown"]
    counts = [_counted(number, words[level]) for level, number in header["levels"].items() if number]
    if header["levels"]["error"] == header["levels"]["warning"] == 0:
        counts.insert(0, words["conform"])
    head = [f"{words['document']} {header['document']}", model, header["label"], words[header["rules"]]]
    shown = [" · ".join(part for part in (*head, ", ".join(counts)) if part)]
    at: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        at.setdefault(row["sequence"], []).append(row)
    told: set[str] = set()
    numbered = list(enumerate(header["elements"], 1))
    for (name, clean), group in groupby(numbered, key=lambda pair: (pair[1], pair[0] not in at)):
        same = [number for number, _ in group]
        span = f"{same[0]}-{same[-1]}" if clean and len(same) > 1 else str(same[0])
        if clean:
            shown.append(f"{span:>7} ✓ {name}" + (f" × {len(same)}" if len(same) > 1 else ""))
            continue
        for number in same:
            worst = min(LEVELS.index(row["level"]) for row in at[number])
            shown.append(f"{number:>7} {MARKS[LEVELS[worst]]} {name}")
            for row in at[number]:
                shown += _told(row, lang, told)
    if 0 in at:
        worst = min(LEVELS.index(row["level"]) for row in at[0])
        shown.append(f"{'':>7} {MARKS[LEVELS[worst]]} {words['missing']}")
        for row in at[0]:
            shown += _told(row, lang, told)
    return shown


def _told(row: dict[str, Any], lang: Language, told: set[str]) -> list[str]:
    words = WORDS[lang]
    mark, signed = MARKS[row["level"]], f"[{row['code']}]"
    if row["code"] in told:
        return [f"          {mark} {words['same'].format(row['place'])} {signed}"]
    told.add(row["code"])
    shown = [f"          {mark} {row[f'message_{lang}']} {signed}", f"            → {row[f'fix_{lang}']}"]
    if row["came"] not in {"", "empty"}:
        shown.append(f"            {words['came'].format(said(row['came'], lang))}")
    return shown


def _counted(number: int, words: str) -> str:
    one, several = words.split()
    return f"{number} {several if number > 1 else one}"
