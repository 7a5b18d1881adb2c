"""The filler orders of a message: what one OBR after another says of the same order is one report.

A laboratory repeats its filler number (OBR-3) on every panel of a request. One document is made of each filler order
(lifecycle §6, clarification d), so the panels of one message are gathered before they are understood.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from connectors.base import Order, RawId
from transforms.moments import parse_ts

LIVING = ("P", "C", "F")
"""Statuses of table 0123 in the order in which one panel speaks for all: any preliminary one leaves the report
preliminary, any corrected one corrects it; it is withdrawn (X) only when every panel is."""


def identity(order: Order) -> RawId:
    """The number that names an order: the filler's, else the placer's; its kind is no part of it."""
    id_ = order.filler if order.filler.extension else order.placer
    return RawId(id_.root, id_.extension)


def gathered(orders: Iterable[Order]) -> tuple[Order, ...]:
    """The orders of one message, those of one number joined into the first; an order without number stays alone."""
    groups: dict[RawId | int, list[Order]] = {}
    for index, order in enumerate(orders):
        id_ = identity(order)
        groups.setdefault(id_ if id_.extension else index, []).append(order)
    return tuple(group[0] if len(group) == 1 else _joined(group) for group in groups.values())


def _joined(group: list[Order]) -> Order:
    statuses = {order.status for order in group}
    return msgspec.structs.replace(
        group[0],
        reported=_latest([order.reported for order in group]),
        status=next((status for status in LIVING if status in statuses), group[0].status),
        observations=tuple(found for order in group for found in order.observations),
        notes=tuple(note for order in group for note in order.notes),
    )


def _latest(times: list[str]) -> str:
    """The latest of the times that panels were reported at, as written; one that is no time is kept, to be judged."""
    wrong = next((text for text in times if text and parse_ts(text) is None), None)
    return wrong if wrong is not None else max(times)
