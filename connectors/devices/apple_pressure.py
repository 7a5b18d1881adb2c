"""Blood pressure in an Apple export: systolic and diastolic belong together, and every pair is written twice.

The top-level records come before the Correlation that pairs them, so they wait, bounded, until it names them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TypeAlias

from connectors.base import RawReading

PRESSURE = "HKCorrelationTypeIdentifierBloodPressure"
SYSTOLIC = "HKQuantityTypeIdentifierBloodPressureSystolic"
DIASTOLIC = "HKQuantityTypeIdentifierBloodPressureDiastolic"

REPEATED = "REPEATED_IN_CORRELATION"
JOINED = "JOINED_TO_SYSTOLIC"

MOST_WAITING = 200_000
"""Records: two readings a day for 130 years. Beyond it a half is given as it stands, without its other half."""

_Key: TypeAlias = tuple[object, ...]


class Pressures:
    """Joins the halves of a blood pressure and tells the repeats."""

    def __init__(self) -> None:
        self._waiting: dict[_Key, list[RawReading]] = {}
        self._count = 0
        self._expected: Counter[_Key] = Counter()

    def pair(self, correlation: RawReading, parts: list[RawReading]) -> list[RawReading]:
        """The row of a Correlation, then the repeats of its parts that have waited for it."""
        repeats = []
        for part in parts:
            key = _same(part)
            if waiting := self._waiting.get(key):
                repeats.append(waiting.pop(0)._replace(status=REPEATED))
                self._count -= 1
                if not waiting:
                    del self._waiting[key]
            elif len(self._expected) < MOST_WAITING:
                self._expected[key] += 1
        systolic = [part for part in parts if part.measure == SYSTOLIC]
        diastolic = [part for part in parts if part.measure == DIASTOLIC]
        return [_joined(correlation, systolic, diastolic), *repeats]

    def alone(self, row: RawReading) -> list[RawReading]:
        """A top-level half: a repeat when its Correlation came before, else it waits and nothing comes yet."""
        key = _same(row)
        if self._expected.get(key):
            self._expected[key] -= 1
            if not self._expected[key]:
                del self._expected[key]
            return [row._replace(status=REPEATED)]
        if self._count >= MOST_WAITING:
            return [_joined(row, [row] if row.measure == SYSTOLIC else [], [row] if row.measure == DIASTOLIC else [])]
        self._waiting.setdefault(key, []).append(row)
        self._count += 1
        return []

    def rest(self) -> list[RawReading]:
        """What no Correlation named, by line: halves of one start and source joined when there is one of each."""
        groups: defaultdict[_Key, tuple[list[RawReading], list[RawReading]]] = defaultdict(lambda: ([], []))
        for rows in self._waiting.values():
            for row in rows:
                halves = groups[row.time, row.end_time, row.origin, row.device]
                halves[row.measure == DIASTOLIC].append(row)
        self._waiting.clear()
        found = []
        for systolic, diastolic in groups.values():
            if len(systolic) == len(diastolic) == 1:
                found += [_joined(systolic[0], systolic, diastolic), diastolic[0]._replace(status=JOINED)]
            else:
                found += [_joined(row, [row], []) for row in systolic] + [_joined(row, [], [row]) for row in diastolic]
        return sorted(found)


def _same(row: RawReading) -> _Key:
    return (row.measure, row.time, row.end_time, row.value, row.unit, row.origin, row.device)


def _joined(outer: RawReading, systolic: list[RawReading], diastolic: list[RawReading]) -> RawReading:
    """One row from the halves. A half that is absent or not alone leaves its value null."""
    one, other = (half[0] if len(half) == 1 else None for half in (systolic, diastolic))
    units = [half.unit or "" for half in (one, other) if half]
    first = one or other
    return outer._replace(
        measure=PRESSURE,
        value=one and one.value,
        value2=other and other.value,
        unit="/".join(dict.fromkeys(units)) or None,
        device=outer.device or (first and first.device),
        zone=outer.zone or (first and first.zone),
    )
