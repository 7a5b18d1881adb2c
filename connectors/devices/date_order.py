"""Whether the dates of a file say day or month first: decided once for a file, by evidence, or not at all.

Three kinds of evidence, strongest first: a component above 12; the day the file was made (no reading is later);
the order of rows (a device writes each series in time). When both orders still fit, the answer is `ambiguous`.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

DateOrder: TypeAlias = Literal["DMY", "MDY", "YMD", "ambiguous"]

STAMP = re.compile(
    r"(\d{1,2}|\d{4})([-/.])(\d{1,2})\2(\d{4}|\d{1,2})"
    r"(?:[ T\u00a0\u202f]+(\d{1,2})[:h](\d{2})(?::(\d{2}))?(?:[ \u00a0\u202f]*([AaPp])\.?[ ]?[Mm]\.?)?)?"
)
"""A date with three numeric components and a year of four digits first or last, then maybe a time of day."""

_SLACK = datetime.timedelta(hours=24)
"""A local clock can be 14 hours ahead of the UTC time of the preamble; a day covers it."""

_SERIES = 1_000
"""Series followed for monotony: far more than the sensors of a lifetime."""

_Moment: TypeAlias = tuple[int, int, int, int, int, int]


class Verdict(msgspec.Struct, frozen=True):
    """The order and the evidence that gave it."""

    order: DateOrder
    evidence: Literal["year first", "component", "same either way", "bound", "order of rows", "contradiction", "none"]


class Evidence:
    """Gathers what the dates of one file tell; `add` them in file order, then ask for the `verdict`."""

    def __init__(self) -> None:
        self._year_first = False
        self._first_day = False
        self._second_day = False
        self._differ = False
        self._latest: dict[str, _Moment] = {}
        self._last: dict[tuple[str, str], _Moment] = {}
        self._steps: dict[tuple[str, str], set[int]] = {}

    def add(self, series: str, text: str) -> None:
        """One date as written, of a series (device, kind of record) that is written in time."""
        match = STAMP.fullmatch(text)
        if match is None:
            return
        first, _, second, third = match[1], match[2], match[3], match[4]
        if len(first) == 4:
            self._year_first = True
            return
        if len(third) != 4:
            return
        a, b = int(first), int(second)
        self._first_day |= a > 12
        self._second_day |= b > 12
        self._differ |= a != b
        for order, (day, month) in (("DMY", (a, b)), ("MDY", (b, a))):
            moment = (int(third), month, day, *_clock(match))
            if moment > self._latest.get(order, (0, 0, 0, 0, 0, 0)):
                self._latest[order] = moment
            key = (order, series)
            previous = self._last.get(key)
            if previous is None and len(self._last) >= 2 * _SERIES:
                continue
            self._last[key] = moment
            if previous is not None and previous != moment:
                self._steps.setdefault(key, set()).add(1 if moment > previous else -1)

    def verdict(self, made: str = "") -> Verdict:
        """`made` is when the file says it was made, as written; empty when it does not say."""
        if self._year_first:
            return Verdict("ambiguous", "contradiction") if self._latest else Verdict("YMD", "year first")
        match (self._first_day, self._second_day):
            case (True, True):
                return Verdict("ambiguous", "contradiction")
            case (True, False):
                return Verdict("DMY", "component")
            case (False, True):
                return Verdict("MDY", "component")
        if self._latest and not self._differ:
            return Verdict("DMY", "same either way")
        orders: tuple[DateOrder, ...] = ("DMY", "MDY")
        bound = _latest_reading(made)
        bounded = [order for order in orders if bound is None or self._latest.get(order, bound) <= bound]
        if len(bounded) == 1:
            return Verdict(bounded[0], "bound")
        monotone = [order for order in orders if self._monotone(order)]
        if len(monotone) == 1:
            return Verdict(monotone[0], "order of rows")
        return Verdict("ambiguous", "none")

    def _monotone(self, order: str) -> bool:
        """Whether every series runs one way. One direction a series: newest first is an order too."""
        return all(len(steps) < 2 for (of, _), steps in self._steps.items() if of == order)


def _clock(match: re.Match[str]) -> tuple[int, int, int]:
    hour = int(match[5] or 0)
    if match[8]:
        hour = hour % 12 + (12 if match[8] in "pP" else 0)
    return hour, int(match[6] or 0), int(match[7] or 0)


def _latest_reading(made: str) -> _Moment | None:
    """The latest local time a reading can have: the later reading of `made`, and a day."""
    match = STAMP.match(made.strip())
    if match is None:
        return None
    a, b, c = int(match[1]), int(match[3]), int(match[4])
    dates: Iterable[tuple[int, int, int]]
    if len(match[1]) == 4:
        dates = [(a, b, c)]
    elif len(match[4]) == 4:
        dates = [(c, b, a), (c, a, b)]
    else:
        return None
    moments = []
    for date in dates:
        try:
            moments.append(datetime.datetime(*date, *_clock(match)) + _SLACK)
        except (ValueError, OverflowError):
            continue
    if not moments:
        return None
    last = max(moments)
    return (last.year, last.month, last.day, last.hour, last.minute, last.second)
