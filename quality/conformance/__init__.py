"""Conformance: what a message says against the French profile it follows, segment by segment. Pure but for `second`.

It explains an export before it is sent and never decides an end: `quality.rules` alone does. Advice tells where the
ANS examples and the specification differ, which is taken as the examples have it.
"""

from __future__ import annotations

import re

import msgspec

from connectors.hl7.anatomy import Anatomy, Opaque, Segment
from quality.conformance.admissions import check_admission
from quality.conformance.answers import check_acknowledgement, check_business
from quality.conformance.documents import check_documents
from quality.conformance.fields import check_fields, check_numbering
from quality.conformance.finding import LEVELS, Finding, Findings, Level, ordered, shown_name, words
from quality.conformance.flags import check_flags
from quality.conformance.header import check_header
from quality.conformance.identity import check_patients
from quality.conformance.participants import check_participants
from quality.conformance.profiles import Choice, Profile, choose, profiles, tables
from quality.conformance.results import check_results
from quality.conformance.structure import check_structure

__all__ = ["LEVELS", "Examined", "Finding", "Level", "Profile", "examine", "profiles", "words"]


class Examined(msgspec.Struct, frozen=True):
    """A message examined: number in the file, kind, profile, segments (named when HL7 knows them), what is said."""

    message: int
    kind: str
    """`ORU^R01`; empty when its type is in no table of HL7."""
    choice: Choice | None
    segments: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def levels(self) -> dict[Level, int]:
        return {level: sum(finding.level == level for finding in self.findings) for level in LEVELS}


def examine(message: Anatomy | Opaque) -> Examined:
    """What a message says against its profile. Never raises."""
    if isinstance(message, Opaque):
        code = "MESSAGE_OVERSIZE" if message.code == "MESSAGE_TOO_LARGE" else "DELIMITERS_UNREADABLE"
        opaque = Finding("error", code, "MSH", 1, "", message.expected, message.came, "", "")
        return Examined(message.number, "", None, (), (opaque,))
    choice = choose(message)
    profile = choice.profile
    msh = message.segments[0]
    findings = Findings(profile)
    event = msh.text(9, 2)
    check_structure(message, profile.structure(event), findings)
    check_header(message, choice, findings)
    check_fields(message, findings)
    check_numbering(message, findings)
    check_patients(message, findings)
    if profile.carries_documents:
        check_documents(message, findings)
        check_flags(message, findings)
        check_participants(message, findings)
    if profile.type == "ADT":
        check_admission(message, findings)
    if profile.id == "results-oru":
        check_results(message, findings)
    if profile.type == "ACK":
        check_acknowledgement(message, findings)
    if profile.type == "ZAM":
        check_business(message, findings)
    names = tuple(shown_name(segment.name) for segment in message.segments)
    return Examined(message.number, _kind(msh), choice, names, ordered(findings.said))


def _kind(msh: Segment) -> str:
    """`ORU^R01` as far as it may be quoted: a type of HL7 table 0076 and an event of a letter and two digits."""
    kind, event = msh.text(9, 1), msh.text(9, 2)
    if kind not in tables()["0076"]:
        return ""
    return f"{kind}^{event}" if re.fullmatch(r"[A-Z]\d\d", event, re.ASCII) else kind
