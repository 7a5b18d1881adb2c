"""The filler orders of a message: what one OBR after another says of the same order is one report, with one status.

A laboratory repeats its filler number (OBR-3) on every panel of a request. One document is made of each filler order
(lifecycle §6, clarification d), so the panels of one message are gathered before they are understood.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

import msgspec

from connectors.base import Observation, Order, RawId
from transforms.moments import parse_ts

Status: TypeAlias = Literal["", "P", "F", "C", "X"]
"""Preliminary, final, corrected, withdrawn; empty when the sender says something that no table knows."""

STATUSES: Final[dict[str, Status]] = {
    **dict.fromkeys(("A", "I", "O", "P", "R", "S"), "P"),
    "F": "F",
    "C": "C",
    "X": "X",
}
"""OBR-25, HL7 table 0123. Its Y and Z (no order, no patient on record) answer a query and say nothing of results."""

WITHDRAWN: Final = frozenset({"D", "W"})
"""OBX-11, HL7 table 0085: deleted, posted as wrong."""
UNAVAILABLE: Final = WITHDRAWN | {"X", "N"}
"""And cannot be obtained, not asked: no result to read."""
_AMENDED: Final = frozenset({"C", "A"})
_PENDING: Final = frozenset({"P", "I", "R", "S", "O"})
_KNOWN: Final = UNAVAILABLE | _AMENDED | _PENDING | {"F", "U", "V", "B", ""}
"""OBX-11 of every version; empty says nothing."""

LIVING: Final[tuple[Status, ...]] = ("P", "C", "F")
"""Statuses in the order in which one panel speaks for all: any preliminary one leaves the report preliminary, any
corrected one corrects it; it is withdrawn (X) only when every panel is."""


BETWEEN: Final = "\x1f"
"""Between what several panels say."""


class Report(msgspec.Struct, frozen=True, gc=False):
    """The results of one filler order in one message, and where they stand."""

    order: Order
    status: Status
    derived: bool
    """The status is not that of OBR-25: it follows from OBX-11, at least for one panel."""
    panels: tuple[Order, ...] = ()
    """Each OBR of it, when there are several; their observations are those of `order`, in this order."""


def identity(order: Order) -> RawId:
    """The number that names an order: the filler's, else the placer's; its kind is no part of it."""
    id_ = order.filler if order.filler.extension else order.placer
    return RawId(id_.root, id_.extension)


def gathered(orders: Iterable[Order]) -> tuple[Report, ...]:
    """The orders of one message, those of one number joined into the first; an order without number stays alone."""
    groups: dict[RawId | int, list[Order]] = {}
    for index, order in enumerate(orders):
        id_ = identity(order)
        groups.setdefault(id_ if id_.extension else index, []).append(order)
    return tuple(_report(group[0]) if len(group) == 1 else _joined(group) for group in groups.values())


def available(observations: Iterable[Observation]) -> int:
    """How many of these observations are results that can be read."""
    return sum(one.status.strip() not in UNAVAILABLE for one in observations)


def understood(order: Order) -> bool:
    """Whether OBR-25, of several panels each, and every OBX-11 are silent or say what their table knows."""
    known = all(not said or said in STATUSES for said in order.status.split(BETWEEN))
    return known and {one.status.strip() for one in order.observations} <= _KNOWN


def _report(order: Order) -> Report:
    """One panel. A report of which every result is deleted or wrong is withdrawn, whatever OBR-25 says."""
    said = {one.status.strip() for one in order.observations}
    if said and said <= WITHDRAWN:
        return Report(order, "X", derived=order.status != "X")
    if order.status or not said:
        return Report(order, STATUSES.get(order.status, ""), derived=False)
    return Report(order, _derived(said), derived=True)


def _derived(said: set[str]) -> Status:
    """Where a report stands by the statuses of its results alone."""
    if said <= WITHDRAWN | {"X"}:
        return "X"
    if said & _AMENDED:
        return "C"
    return "P" if said & _PENDING else "F"


def _joined(group: list[Order]) -> Report:
    """Panels of one number. One whose status nobody knows leaves that of the others to speak."""
    order = msgspec.structs.replace(
        group[0],
        collected=next((order.collected for order in group if order.collected), ""),
        reported=_latest([order.reported for order in group]),
        status=BETWEEN.join(dict.fromkeys(order.status for order in group)),
        observations=tuple(found for order in group for found in order.observations),
        notes=tuple(note for order in group for note in order.notes),
    )
    whole = _report(order)
    if whole.status == "X":
        return msgspec.structs.replace(whole, panels=tuple(group))
    panels = [_report(panel) for panel in group]
    statuses = {panel.status for panel in panels}
    status: Status = next((one for one in LIVING if one in statuses), "X" if statuses == {"X"} else "")
    return Report(order, status, any(panel.derived for panel in panels), tuple(group))


def _latest(times: list[str]) -> str:
    """The latest of the times that panels were reported at, as written; one that is no time is kept, to be judged."""
    wrong = next((text for text in times if text and parse_ts(text) is None), None)
    return wrong if wrong is not None else max(times)
