"""The segments of a message against the grammar of its profile: missing, out of place, too many, not foreseen."""

from __future__ import annotations

from connectors.hl7.anatomy import Anatomy, Segment
from connectors.hl7.tokens import SEGMENTS
from quality.conformance.finding import Findings, Level, Place
from quality.conformance.profiles import Node, parsed

MOST_REPAIRS = 20
"""Segments taken out one by one to go on after a fault; a message with more has no order to speak of."""


def check_structure(message: Anatomy, grammar: str, findings: Findings) -> None:
    """Say how the segments depart from `grammar`; with an empty one only unknown segments are told."""
    root = parsed(grammar) if grammar else None
    foreseen = root.names if root is not None else frozenset()
    known: list[Segment] = []
    for segment in message.segments:
        if segment.name in foreseen:
            known.append(segment)
        elif segment.name.startswith("Z") and segment.name not in SEGMENTS:
            findings.say("SEGMENT_LOCAL", Place(segment))
        elif segment.name not in SEGMENTS:
            findings.say("SEGMENT_UNKNOWN", Place(segment))
        elif root is not None:
            findings.say("SEGMENT_UNEXPECTED", Place(segment), expected=grammar)
    if root is None:
        return
    displaced: list[Segment] = []
    match = _Match(known)
    match.group(root)
    while match.at < len(known) and len(displaced) < MOST_REPAIRS:
        displaced.append(known.pop(match.at))
        match = _Match(known)
        match.group(root)
    missing = [name for name, _ in match.missing]
    for segment in displaced:
        misplaced = segment.name in missing
        if misplaced:
            missing.remove(segment.name)
        several = not misplaced and match.counted(segment.name) and not segment.name.startswith("Z")
        code = "SEGMENT_REPEATED" if several else "SEGMENT_ORDER"
        # The examples give no order among the Z segments.
        local: Level | None = "advice" if segment.name.startswith("Z") else None
        findings.say(code, Place(segment), expected=grammar, level=local)
    for name, after in match.missing:
        if name in missing:
            findings.missing("SEGMENT_MISSING", name, after, grammar)


class _Match:
    """Walks the segments along a grammar, greedily; what is required and not there is noted and passed over."""

    def __init__(self, segments: list[Segment]) -> None:
        self._segments = segments
        self.at = 0
        self.missing: list[tuple[str, int]] = []

    def counted(self, name: str) -> int:
        return sum(segment.name == name for segment in self._segments)

    def group(self, group: Node) -> None:
        for node in group.children:
            self._node(node)

    def _node(self, node: Node) -> None:
        times = 0
        while self._next() in node.opens and (not node.most or times < node.most):
            before = self.at
            if node.name:
                self.at += 1
            else:
                self.group(node)
            if self.at == before:
                break
            times += 1
        if times < node.least:
            after = self._segments[self.at - 1].sequence if self.at else 0
            if node.name:
                self.missing.append((node.name, after))
            else:
                self.missing += [(child.name, after) for child in node.children if child.least and child.name]

    def _next(self) -> str:
        return self._segments[self.at].name if self.at < len(self._segments) else ""
