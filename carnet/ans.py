"""ANS's schema and schematrons held against the CDA documents of a file, as data and as lines to read.

They come from a copy of ANS's test repository that the user has (`check --ans`); nothing of it is in Carnet.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from carnet.enclosed import documents
from carnet.errors import OperatorError
from connectors.base import Source
from quality.ans import FOLDERS, LEVELS, Cache, Engine, Examiner, Finding, Note, Step, Tree

Language = Literal["fr", "en"]

EXAMINED = 100
"""Documents of a file that are examined; more of the same sender say the same."""
LISTED = 1000
"""Findings listed for a file; the counts by level are whole."""
PLACES = 3
"""Places shown for one sentence on the page."""


def open_copy(
    folder: Path, cache: Path | None, engine: Engine = "carnet", told: Callable[[str], None] = lambda _: None
) -> Examiner:
    """A copy of ANS's repository, ready. `OperatorError` when the folder is none."""
    if not folder.is_dir():
        raise OperatorError(f"--ans: {folder.name or folder} is no folder")
    if not any(entry.name.casefold() in FOLDERS and entry.is_dir() for entry in folder.iterdir()):
        raise OperatorError("--ans: neither schematrons/ nor infrastructure/ is in that folder (a copy of ANS's tests)")
    return Examiner(Tree(folder), Cache(cache or _cache_folder()), engine, told)


def _cache_folder() -> Path | None:
    """Where a user's caches are (XDG Base Directory); None when nobody says."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "carnet" / "ans"
    except RuntimeError:
        return None


def not_asked() -> dict[str, Any]:
    """The report when no copy was given."""
    return _report([], [], Counter(), 0, Note("NOT_GIVEN"))


def examined(source: Source, examiner: Examiner) -> dict[str, Any]:
    """What ANS's files say of each document of a file."""
    rows: list[dict[str, Any]] = []
    findings: list[dict[str, Any]] = []
    levels: Counter[str] = Counter()
    left = 0
    for number, (place, data) in enumerate(documents(source), 1):
        if number > EXAMINED:
            left += 1
            continue
        said = examiner.examine(data)
        counted = Counter(finding.level for step in said.steps for finding in step.findings)
        levels += counted
        found = [_finding(number, step, finding) for step in said.steps for finding in step.findings]
        findings += found[: LISTED - len(findings)]
        rows.append(
            {
                "document": number,
                "locator": str(place),
                "model": said.model,
                "levels": {level: counted[level] for level in LEVELS},
                "steps": [_step(step) for step in said.steps],
            }
        )
    return _report(rows, findings, levels, left, None)


def _report(
    rows: list[dict[str, Any]], findings: list[dict[str, Any]], levels: Counter[str], left: int, reason: Note | None
) -> dict[str, Any]:
    told = reason.told() if reason else {"fr": "", "en": ""}
    return {
        "applied": any(step["status"] != "not_applied" for row in rows for step in row["steps"]),
        "reason_fr": told["fr"],
        "reason_en": told["en"],
        "levels": {level: levels[level] for level in LEVELS},
        "documents": rows,
        "documents_left": left,
        "findings": findings,
    }


def _step(step: Step) -> dict[str, Any]:
    counted = Counter(finding.level for finding in step.findings)
    return {
        "name": step.name,
        "kind": step.kind,
        "status": step.status,
        "rules_fired": step.fired,
        "levels": {level: counted[level] for level in LEVELS},
        "notes": [
            {
                "code": note.code,
                "names": list(note.names),
                "message_fr": note.told()["fr"],
                "message_en": note.told()["en"],
            }
            for note in step.notes
        ],
    }


def _finding(number: int, step: Step, finding: Finding) -> dict[str, Any]:
    return {
        "document": number,
        "step": step.name,
        "level": finding.level,
        "pattern": finding.pattern,
        "rule": finding.rule,
        "assertion": finding.id,
        "location": finding.location,
        "line": finding.line,
        "message_fr": finding.fr,
        "message_en": finding.en,
        "see": finding.see,
    }


WORDS: dict[Language, dict[str, str]] = {
    "fr": {
        "not_asked": "Les schématrons de l'ANS n'ont pas été appliqués : {}.",
        "document": "Document {}",
        "ans": "contrôles de l'ANS : {}",
        "error": "erreur erreurs",
        "warning": "avertissement avertissements",
        "advice": "conseil conseils",
        "clean": "aucune remarque",
        "rules": "règle vérifiée règles vérifiées",
        "model": "schématron du modèle",
        "not_applied": "non appliqué : {}",
        "partly": "appliqué en partie",
        "line": "ligne {}",
        "more": "et {} autre(s) endroit(s)",
        "left": "Documents non examinés : {}.",
        "cut": "Autres remarques de l'ANS, comptées et non listées : {}.",
    },
    "en": {
        "not_asked": "ANS schematrons were not applied: {}.",
        "document": "Document {}",
        "ans": "ANS checks: {}",
        "error": "error errors",
        "warning": "warning warnings",
        "advice": "hint hints",
        "clean": "nothing to say",
        "rules": "rule tested rules tested",
        "model": "schematron of the model",
        "not_applied": "not applied: {}",
        "partly": "applied in part",
        "line": "line {}",
        "more": "and {} other place(s)",
        "left": "Documents not examined: {}.",
        "cut": "More remarks of ANS, counted and not listed: {}.",
    },
}
MARKS = {"error": "✗", "warning": "!", "advice": "·"}


def lines(report: dict[str, Any], lang: Language) -> list[str]:
    """A report for a person: each document, each schema and schematron, its sentences with their places."""
    words = WORDS[lang]
    if report[f"reason_{lang}"]:
        return ["", words["not_asked"].format(report[f"reason_{lang}"])]
    found: list[str] = []
    for row in report["documents"]:
        where = words["document"].format(row["document"])
        where += "" if row["locator"] == "file" else f" ({row['locator']})"
        head = (where, row["model"], words["ans"].format(_counts(row["levels"], lang)))
        found += ["", " · ".join(part for part in head if part)]
        for step in row["steps"]:
            said = [
                one for one in report["findings"] if (one["document"], one["step"]) == (row["document"], step["name"])
            ]
            found += _step_lines(step, said, lang)
    cut = sum(report["levels"].values()) - len(report["findings"])
    found += ["", words["cut"].format(cut)] if cut else []
    found += ["", words["left"].format(report["documents_left"])] if report["documents_left"] else []
    return found


def _step_lines(step: dict[str, Any], said: list[dict[str, Any]], lang: Language) -> list[str]:
    words = WORDS[lang]
    name = step["name"].rpartition("/")[2] or words["model"]
    if step["status"] == "not_applied":
        reasons = " ; ".join(note[f"message_{lang}"] for note in step["notes"])
        return [f"  - {name} · {words['not_applied'].format(reasons)}"]
    worst = next((MARKS[level] for level in LEVELS if step["levels"][level]), "✓")
    head = [f"  {worst} {name}"]
    if step["kind"] != "xsd":
        head.append(_number(step["rules_fired"], words["rules"]))
    if step["status"] == "partly":
        head.append(words["partly"])
    found = [" · ".join(head)]
    found += [f"      ({note[f'message_{lang}']})" for note in step["notes"]]
    by_sentence: dict[tuple[str, str], list[str]] = {}
    for one in said:
        place = one["location"] + (f" ({words['line'].format(one['line'])})" if one["line"] else "")
        by_sentence.setdefault((one["level"], one[f"message_{lang}"]), []).append(place)
    for (level, sentence), places in by_sentence.items():
        found.append(f"      {MARKS[level]} {sentence}")
        found += [f"          {place}" for place in places[:PLACES]]
        if len(places) > PLACES:
            found.append(f"          {words['more'].format(len(places) - PLACES)}")
    return found


def _counts(levels: dict[str, int], lang: Language) -> str:
    counted = [_number(number, WORDS[lang][level]) for level, number in levels.items() if number]
    return ", ".join(counted) or WORDS[lang]["clean"]


def _number(number: int, words: str) -> str:
    """A count with its words, of which the first half is the singular."""
    parts = words.split()
    half = len(parts) // 2
    return f"{number} {' '.join(parts[half:] if number > 1 else parts[:half])}"
