"""Rules 13 and 14: what a reader is shown of a projection, and how its units are counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from transforms.facts import DocumentState, Facts, Flag, Key, Projection

IN_RECORD = ("current", "superseded", "deleted")


class Line(msgspec.Struct, frozen=True):
    """One unit of a list: what to display, and its printable form when a twin is that."""

    unit: Key
    display: DocumentState
    printable: DocumentState | None = None
    history: tuple[Line, ...] = ()
    """The superseded units of the same lineage; only below a current one."""


class Counts(msgspec.Struct, frozen=True):
    """Units by status. A twin counts nothing beside its unit."""

    current: int = 0
    superseded: int = 0
    deleted: int = 0
    held: int = 0
    refused: int = 0

    @property
    def received(self) -> int:
        return self.current + self.superseded + self.deleted


def levels(facts: Facts) -> dict[tuple[Key, Key], str]:
    """The body level of each (doc, digest)."""
    return {(fact.doc, fact.digest): fact.level for fact in facts.documents}


def reader_lines(facts: Facts, projection: Projection, hidden: Iterable[Flag] = ()) -> tuple[Line, ...]:
    """Rule 13: current units, one line a unit, less those with a flag that hides from this reader.

    Superseded units come as the history of a line that the reader sees, under the same condition.
    """
    level, hiding = levels(facts), frozenset(hidden)
    members: dict[tuple[str, Key], list[DocumentState]] = {}
    for state in projection.documents:
        if state.status in ("current", "superseded") and hiding.isdisjoint(state.mask):
            members.setdefault((state.status, state.unit), []).append(state)
    trees: dict[Key, list[Line]] = {}
    for (status, _), group in sorted(members.items()):
        if status == "superseded":
            trees.setdefault(group[0].lineage, []).append(line(group, level))
    return tuple(
        line(group, level, tuple(trees.get(group[0].lineage, ())))
        for (status, _), group in sorted(members.items())
        if status == "current"
    )


def line(group: Sequence[DocumentState], level: dict[tuple[Key, Key], str], history: tuple[Line, ...] = ()) -> Line:
    """Rule 13: N3 for display, N1 as its printable form."""
    structured = [state for state in group if level[state.doc, state.digest] != "N1"]
    printable = [state for state in group if level[state.doc, state.digest] == "N1"]
    display = (structured or printable)[0]
    return Line(display.unit, display, printable[0] if structured and printable else None, history)


def counts(projection: Projection) -> Counts:
    """Rule 14: one row a unit. A unit with a member in the record counts by it; else as held, else as refused; other
    bytes of an id that is taken count as held by themselves."""
    units: dict[tuple[Key, Key], str] = {}
    weight = (*IN_RECORD, "held", "refused")
    for state in projection.documents:
        key = (state.unit, state.digest if state.code == "DOCUMENT_ID_CONFLICT" else "")
        units[key] = min(units.get(key, state.status), state.status, key=weight.index)
    found = list(units.values())
    return Counts(**{status: found.count(status) for status in weight})


def unit_months(facts: Facts, projection: Projection) -> dict[Key, str]:
    """Rule 14: the creation month of the earliest member of each unit in the record (`YYYY`, when no more is known)."""
    days = {(fact.doc, fact.digest): fact.day for fact in facts.documents}
    months: dict[Key, str] = {}
    for state in projection.documents:
        if state.status in IN_RECORD:
            month = days[state.doc, state.digest][:7]
            months[state.unit] = min(months.get(state.unit, month), month)
    return months
