"""A second opinion: what hl7apy says of the part of a message that its grammar covers. The one home of hl7apy.

hl7apy knows the international HL7: it refuses PRT, which France adopts ahead of time, and local segments, so it is
shown a copy without them and without payloads, and what was left out is said. What it says of tables that France
extends is not repeated.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec

from connectors.hl7.anatomy import Anatomy, Segment
from connectors.hl7.tokens import SEGMENTS
from quality.conformance.finding import Finding, Level, shown_name
from quality.conformance.profiles import Profile

SHOWN = 5
"""Messages of a file that hl7apy is asked about: each costs it 20 to 200 ms."""
MOST_SEGMENTS = 200
"""It needs seconds for longer messages."""
LONGEST = 1000
"""Characters of a field it is shown; what is longer is a payload or a text, whose length says nothing."""
_VERSIONS = frozenset({"2.4", "2.5", "2.5.1", "2.6"})
"""Those of the French profiles and next to them: its older grammars require what HL7 has conditional."""
_TABLES = frozenset(
    {"0003", "0008", "0038", "0065", "0074", "0080", "0085", "0091", "0103", "0104", "0119", "0123", "0136", "0155"}
)
"""Tables that HL7 itself closes and France does not extend."""


class Opinion(msgspec.Struct, frozen=True):
    """What hl7apy was shown, or why it was not asked."""

    applied: bool
    left_out: dict[str, int] = {}
    """Segments it was not shown, by name."""
    reason_fr: str = ""
    reason_en: str = ""


def ask(message: Anatomy, profile: Profile, said: tuple[Finding, ...]) -> tuple[Opinion, tuple[Finding, ...]]:
    """hl7apy's opinion on a message, and those of its complaints that `said` does not already tell. Never raises."""
    msh = message.segments[0]
    version = msh.text(12)
    if version not in _VERSIONS:
        return _not_applied("consulté pour HL7 2.4 à 2.6 seulement", "asked about HL7 2.4 to 2.6 only"), ()
    if message.delimiters != "|^~\\&":
        return _not_applied("séparateurs que hl7apy ne lit pas", "delimiters that hl7apy does not read"), ()
    if len(message.segments) > MOST_SEGMENTS:
        return _not_applied(f"plus de {MOST_SEGMENTS} segments", f"more than {MOST_SEGMENTS} segments"), ()
    try:
        shown = [s for s in message.segments if _known(s.name, version)]
        complaints = list(_complaints(shown))
    except Exception as error:  # noqa: BLE001 whatever hl7apy raises, on whatever input, is its own limit
        kind = type(error).__name__
        return _not_applied(f"hl7apy ne lit pas ce message ({kind})", f"hl7apy does not read this message ({kind})"), ()
    left_out = Counter(shown_name(s.name) for s in message.segments if s not in shown)
    told = {(f.sequence, f.field.partition(".")[0].partition("[")[0]) for f in said}
    placed = {f.segment for f in said if not f.field}
    doubtful = any(f.code in {"MESSAGE_STRUCTURE", "EVENT_UNKNOWN_HERE"} for f in said)  # it goes by MSH-9
    found: dict[Finding, None] = {}
    for segment, complaint in complaints:
        finding = _translated(segment, complaint, version, profile)
        if finding is None or (finding.sequence, finding.field.partition(".")[0]) in told:
            continue
        if finding.field or (finding.segment not in placed and not doubtful):
            found[finding] = None
    return Opinion(True, dict(left_out)), tuple(found)


def _not_applied(fr: str, en: str) -> Opinion:
    return Opinion(False, {}, fr, en)


def _known(segment: str, version: str) -> bool:
    """Whether the grammar of that version has the segment: local ones and PRT are in none."""
    from hl7apy import load_reference
    from hl7apy.exceptions import ChildNotFound

    try:
        return bool(load_reference(segment, "Segment", version))
    except ChildNotFound:
        return False


def _complaints(shown: list[Segment]) -> Iterator[tuple[Segment, str]]:
    """The lines of hl7apy's report on each segment, and on the structure of the whole with MSH."""
    from hl7apy.consts import VALIDATION_LEVEL
    from hl7apy.parser import parse_message, parse_segment

    version = shown[0].text(12)
    lines = [_line(segment) for segment in shown]
    for segment, line in zip(shown, lines, strict=True):
        element = parse_segment(line, version=version, validation_level=VALIDATION_LEVEL.TOLERANT)
        for complaint in _report(element):
            yield segment, complaint
    message = parse_message("\r".join(lines), validation_level=VALIDATION_LEVEL.TOLERANT)
    structure = f" {message.name}"
    for complaint in _report(message):
        if structure in complaint and complaint.rpartition(".")[2] in SEGMENTS:
            yield shown[0], complaint


def _line(segment: Segment) -> str:
    fields = [field if len(field) <= LONGEST else "x" for field in segment.fields]
    fields = ["MSH", *fields[2:]] if segment.name == "MSH" else fields
    if segment.name == "MSH":
        fields[11] = segment.text(12)  # France writes the version of its profile in components 2 and 3
    return segment.values.d.field.join(fields)


def _report(element: Any) -> list[str]:
    """The report of hl7apy's validator, which it can only write to a file: one in memory, since it quotes values."""
    from hl7apy.exceptions import HL7apyException
    from hl7apy.validation import Validator

    memory = os.memfd_create("hl7apy")
    try:
        with suppress(HL7apyException):  # it raises the first of what the report holds
            Validator.validate(element, report_file=os.dup(memory))
        os.lseek(memory, 0, os.SEEK_SET)
        with os.fdopen(os.dup(memory), encoding="utf-8") as report:
            return report.read().splitlines()
    finally:
        os.close(memory)


_SHAPES: tuple[tuple[str, Level, re.Pattern[str]], ...] = (
    ("HL7_REQUIRED", "warning", re.compile(r"Error: Missing required child (?P<parent>[\w.]+)\.(?P<child>\w+)$")),
    ("HL7_LIMIT", "warning", re.compile(r"Error: Child limit exceeded (?P<parent>[\w.]+)\.(?P<child>\w+)$")),
    ("HL7_CHILD", "advice", re.compile(r"Error: Invalid children detected for .*")),
    ("HL7_TYPE", "warning", re.compile(r"Error: Datatype \w+ is not correct for (?P<parent>\w+)\.(?P<child>\w+) .*")),
    (
        "HL7_TABLE",
        "advice",
        re.compile(r"Warning: Value .* not in table HL7(?P<expected>\d+) in element (?P<parent>\w+)\.(?P<child>\w+)$"),
    ),
)


def _translated(segment: Segment, complaint: str, version: str, profile: Profile) -> Finding | None:
    """A line of the report as a finding; None when it says nothing of use here."""
    for code, level, pattern in _SHAPES:
        found = pattern.fullmatch(complaint)
        if not found:
            continue
        given = found.groupdict()
        expected = given.get("expected") or ""
        if code == "HL7_TABLE" and expected not in _TABLES:
            return None
        child = given.get("child") or ""
        if child in SEGMENTS and code in {"HL7_REQUIRED", "HL7_LIMIT"}:
            return Finding(level, code, child, segment.sequence, "", "", version, "segment", "segment", source="hl7apy")
        holder = re.search(rf"<Field {segment.name}_(\d+)", complaint) if code == "HL7_CHILD" else None
        field = f"{segment.name}-{holder[1]}" if holder else _field(segment.name, given.get("parent") or "", child)
        if not field and code != "HL7_CHILD":
            return None
        number = int(field.partition("-")[2].partition(".")[0] or 0)
        rule = profile.rule(segment.name, number)
        return Finding(
            level, code, segment.name, segment.sequence, field, expected, version, rule.fr, rule.en, source="hl7apy"
        )
    return None


def _field(segment: str, parent: str, child: str) -> str:
    """`PID` and `PID_3`, or `PID_3` and `CX_4`, as `PID-3` or `PID-3.4`; empty for deeper or foreign paths."""
    own = re.fullmatch(rf"{segment}_(\d+)", child)
    if own:
        return f"{segment}-{own[1]}"
    above, below = re.fullmatch(rf"{segment}_(\d+)", parent), re.fullmatch(r"[A-Z]{2,3}_(\d+)", child)
    return f"{segment}-{above[1]}.{below[1]}" if above and below else ""
