"""A file of HL7v2 messages explained: each held against its French profile, as data and as a page to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import groupby
from typing import Any

from carnet.ans import lines as ans_lines
from carnet.headers import lines as header_lines
from connectors.base import Source
from connectors.hl7.anatomy import Opaque, anatomies
from quality.conformance import LEVELS, Finding, examine
from quality.conformance.second import SHOWN, Opinion, ask
from quality.wording import Language, end_of, place, said

EXAMINED = 100
"""Messages of a file that are explained; more of the same sender say the same."""
PLACES = 3
"""Places in a CDA told to a person for one code; `--json` has the first ten."""
LISTED = 1000
"""Findings listed for a file; the counts by level are whole."""


def conformance(source: Source) -> dict[str, Any]:
    """What the messages of a source say against their profiles, and what hl7apy adds about the first of them."""
    rows: list[dict[str, Any]] = []
    messages: list[dict[str, Any]] = []
    levels: Counter[str] = Counter()
    left = 0
    for message in anatomies(source):
        if len(messages) >= EXAMINED:
            left += 1
            continue
        examined = examine(message)
        findings = examined.findings
        opinion = _not_asked(len(messages))
        if not isinstance(message, Opaque) and examined.choice is not None and len(messages) < SHOWN:
            opinion, more = ask(message, examined.choice.profile, findings)
            findings = (*findings, *more)
        counted = Counter(finding.level for finding in findings)
        levels += counted
        rows += [_row(examined.message, finding) for finding in findings[: LISTED - len(rows)]]
        profile = examined.choice.profile if examined.choice else None
        messages.append(
            {
                "message": examined.message,
                "kind": examined.kind,
                "profile": profile.id if profile else "",
                "profile_fr": profile.fr if profile else "",
                "profile_en": profile.en if profile else "",
                "profile_by": examined.choice.how if examined.choice else "",
                "segments": list(examined.segments),
                "levels": {level: counted[level] for level in LEVELS},
                "second_opinion": {
                    "applied": opinion.applied,
                    "left_out": opinion.left_out,
                    "reason_fr": opinion.reason_fr,
                    "reason_en": opinion.reason_en,
                },
            }
        )
    return {
        "conformance": rows,
        "levels": {level: levels[level] for level in LEVELS},
        "messages": messages,
        "messages_left": left,
    }


def _not_asked(done: int) -> Opinion:
    if done < SHOWN:
        return Opinion(False, {}, "message illisible", "message that cannot be read")
    return Opinion(
        False, {}, f"il ne l'est que pour les {SHOWN} premiers messages", f"it is for the first {SHOWN} messages only"
    )


def _row(message: int, finding: Finding) -> dict[str, Any]:
    return {
        "message": message,
        "segment": finding.segment,
        "sequence": finding.sequence,
        "field": finding.field,
        "level": finding.level,
        "code": finding.code,
        **finding.told(),
        "expected": finding.expected,
        "came": finding.came,
        "source": finding.source,
    }


WORDS: dict[Language, dict[str, str]] = {
    "fr": {
        "unknown": "format inconnu",
        "file": "fichier fichiers",
        "read": "lu lus",
        "of": "{} : {}",
        "expected": "attendu : {}",
        "came": "reçu : {}",
        "same": "{} : même remarque",
        "message": "Message",
        "error": "erreur erreurs",
        "warning": "avertissement avertissements",
        "advice": "conseil conseils",
        "conform": "conforme au profil",
        "opinion": "Second avis (hl7apy) : {}.",
        "nothing": "rien à ajouter",
        "added": "voir les remarques signées hl7apy",
        "left_out": "{} ; sans les segments {}, inconnus de sa grammaire",
        "not_applied": "non demandé, {}",
        "left": "Messages non détaillés : {}.",
        "more": "Autres remarques, avec --json : {}.",
        "by_guess": "(MSH-21 absent ou inconnu : profil déduit de MSH-9)",
    },
    "en": {
        "unknown": "unknown format",
        "file": "file files",
        "read": "read read",
        "of": "{}: {}",
        "expected": "expected: {}",
        "came": "came: {}",
        "same": "{}: same remark",
        "message": "Message",
        "error": "error errors",
        "warning": "warning warnings",
        "advice": "hint hints",
        "conform": "conforms to the profile",
        "opinion": "Second opinion (hl7apy): {}.",
        "nothing": "nothing to add",
        "added": "see the remarks signed hl7apy",
        "left_out": "{}; without the segments {}, unknown to its grammar",
        "not_applied": "not asked, {}",
        "left": "Messages not shown in detail: {}.",
        "more": "More remarks, with --json: {}.",
        "by_guess": "(MSH-21 absent or unknown: profile inferred from MSH-9)",
    },
}
MARKS = {"error": "✗", "warning": "!", "advice": "·"}


def page(report: dict[str, Any], lang: Language) -> str:
    """A report of `check` for a person: what would become of the file, then each message segment by segment."""
    words = WORDS[lang]
    lines = [f"{report['file']} · {report['connector'] or words['unknown']} · {_ends(report['items'], lang)}"]
    for note in report["notes"]:
        lines.append(words["of"].format(f"- {place(note['locator'], lang)}", end_of(note["end"], 1, lang)))
        for reason in note["reasons"]:
            lines.append("    " + words["of"].format(reason["code"], reason[f"message_{lang}"]))
            lines.append(f"    → {reason[f'fix_{lang}']}")
            lines += [f"      {where}" for where in reason.get("places", [])[:PLACES]]
        if note["expected"]:
            lines.append("    " + words["expected"].format(said(note["expected"], lang)))
            if note["came"]:
                lines.append("    " + words["came"].format(said(note["came"], lang)))
    by_message: dict[int, list[dict[str, Any]]] = {}
    for row in report["conformance"]:
        by_message.setdefault(row["message"], []).append(row)
    for message in report["messages"]:
        lines += ["", *_block(message, by_message.get(message["message"], []), lang)]
    more = sum(report["levels"].values()) - len(report["conformance"])
    if more:
        lines += ["", words["more"].format(more)]
    if report["messages_left"]:
        lines += ["", words["left"].format(report["messages_left"])]
    lines += header_lines(report, lang)
    if report["documents"]:
        lines += ans_lines(report["ans"], lang)
    return "\n".join(lines)


def total(files: int, items: Mapping[str, int], lang: Language) -> str:
    """What would become of several files together."""
    return f"{_counted(files, WORDS[lang]['file'])} · {_ends(items, lang)}"


def _ends(items: Mapping[str, int], lang: Language) -> str:
    ends = [f"{items[end]} {end_of(end, items[end], lang)}" for end in items if end != "read" and items[end]]
    return ", ".join([_counted(items["read"], WORDS[lang]["read"]), *ends])


def _counted(number: int, words: str) -> str:
    one, several = words.split()
    return f"{number} {several if number > 1 else one}"


def _block(message: dict[str, Any], rows: list[dict[str, Any]], lang: Language) -> list[str]:
    """One message: its head, a line a segment with its findings beneath, the second opinion."""
    words = WORDS[lang]
    counts = [_counted(number, words[level]) for level, number in message["levels"].items() if number]
    if message["levels"]["error"] == message["levels"]["warning"] == 0:
        counts.insert(0, words["conform"])
    head = [f"{words['message']} {message['message']}", message["kind"], message[f"profile_{lang}"]]
    lines = [" · ".join(part for part in (*head, ", ".join(counts)) if part)]
    if message["profile_by"] in {"unknown", "inferred"} and message["profile"] not in {"ack", "results-oru", "hl7"}:
        lines.append(f"  {words['by_guess']}")
    at: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        at.setdefault(row["sequence"], []).append(row)
    told: set[str] = set()
    numbered = list(enumerate(message["segments"], 1))
    whole = Counter(message["segments"])
    counted: Counter[str] = Counter()
    for (name, clean), group in groupby(numbered, key=lambda pair: (pair[1], pair[0] not in at)):
        same = list(group)
        if clean:
            first, last = same[0][0], same[-1][0]
            span = f"{first}-{last}" if last > first else f"{first}"
            lines.append(f"{span:>7} ✓ {name}" + (f" × {len(same)}" if last > first else ""))
            counted[name] += len(same)
            continue
        for sequence, _ in same:
            counted[name] += 1
            here = [row for row in at[sequence] if (row["segment"] == name and row["field"]) or _whole(row, name)]
            beside = [row for row in at[sequence] if row not in here]
            nth = f" {counted[name]}" if whole[name] > 1 else ""
            worst = min((LEVELS.index(row["level"]) for row in here), default=None)
            mark = "✓" if worst is None else MARKS[LEVELS[worst]]
            lines.append(f"{sequence:>7} {mark} {name}{nth}")
            for row in here:
                lines += _told(row, lang, told)
            for row in beside:
                lines.append(f"{'':>7} {MARKS[row['level']]} {row['segment']}")
                lines += _told(row, lang, told)
    if not message["segments"]:
        for row in rows:
            lines += _told(row, lang, told)
    return [*lines, f"  {_opinion(message['second_opinion'], rows, lang)}"]


def _whole(row: dict[str, Any], name: str) -> bool:
    """Whether a finding is about this segment as a whole, and not about one missing after it."""
    return row["segment"] == name and not row["field"] and row["came"] != "empty"


def _told(row: dict[str, Any], lang: Language, told: set[str]) -> list[str]:
    words = WORDS[lang]
    signed = f"[{row['code']}]" if row["source"] == "carnet" else f"[{row['code']}, {row['source']}]"
    mark, place = MARKS[row["level"]], row["field"] or row["segment"]
    if row["code"] in told and row["field"]:
        return [f"          {mark} {words['same'].format(place)} {signed}"]
    told.add(row["code"])
    lines = [f"          {mark} {row[f'message_{lang}']} {signed}", f"            → {row[f'fix_{lang}']}"]
    if row["came"] not in {"", "empty"} and row["source"] == "carnet":
        lines.append(f"            {words['came'].format(said(row['came'], lang))}")
    return lines


def _opinion(opinion: dict[str, Any], rows: list[dict[str, Any]], lang: Language) -> str:
    words = WORDS[lang]
    if not opinion["applied"]:
        return words["opinion"].format(words["not_applied"].format(opinion[f"reason_{lang}"]))
    said = words["added" if any(row["source"] == "hl7apy" for row in rows) else "nothing"]
    if opinion["left_out"]:
        said = words["left_out"].format(said, ", ".join(opinion["left_out"]))
    return words["opinion"].format(said)
