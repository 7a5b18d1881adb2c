"""Points in time: what a time as written says, and the offset of a wall clock where a zone is known.

The two nights when clocks change: an hour that does not exist is not taken; an hour that comes twice is taken as the
first of the two and flagged, since most exports do not say which. Without offset and zone nothing is guessed.
"""

from __future__ import annotations

import datetime
import re
from functools import lru_cache
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from connectors.devices.date_order import STAMP, DateOrder

Precision: TypeAlias = Literal["second", "minute", "day"]

AMBIGUOUS = "TIME_AMBIGUOUS"

_ISO = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2})(:[0-9]{2}(?:[.,][0-9]{1,6})?)? ?(Z|[+-][0-9]{2}:?[0-9]{2})"
)
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)
_YEARS = range(1940, 2200)
"""No reading is older, and from then on every offset is of whole minutes."""


class Moment(msgspec.Struct, frozen=True):
    """A point in time: with an offset, or a day alone."""

    effective: str
    """ISO 8601 with offset, seconds always; or a date."""
    local: str
    """The same without the offset: what the clock showed."""
    precision: Precision
    instant: int | None
    """Microseconds since 1970 in UTC; None for a day."""
    stated: bool
    """Whether the text says the offset itself."""
    flag: str = ""


def moment(text: str, order: DateOrder, zone: str | None) -> Moment | str:
    """The point in time of a text, or the code of what is missing or wrong."""
    if match := _ISO.fullmatch(text):
        try:
            when = datetime.datetime.fromisoformat(f"{match[1]} {match[2]}{match[3] or ''}{match[4]}".replace(",", "."))
        except ValueError:
            return "TIME_UNREADABLE"
        return _known(when, "second" if match[3] else "minute", stated=True)
    match = STAMP.fullmatch(text)
    if match is None:
        return "TIME_UNREADABLE"
    wall = _wall(match, order)
    if isinstance(wall, str):
        return wall
    if match[5] is None:
        return Moment(wall.date().isoformat(), wall.date().isoformat(), "day", None, stated=False)
    rules = zone_rules(zone) if zone else None
    if rules is None:
        return "ZONE_UNKNOWN"
    first, second = (wall.replace(tzinfo=rules, fold=fold) for fold in (0, 1))
    before, after = first.utcoffset(), second.utcoffset()
    if before is None or after is None or before < after:
        return "TIME_NONEXISTENT"
    return _known(first, "second" if match[7] else "minute", stated=False, flag=AMBIGUOUS if before > after else "")


@lru_cache(maxsize=64)
def zone_rules(name: str) -> ZoneInfo | None:
    """The rules of an IANA zone; None when there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def microseconds(when: datetime.datetime) -> int:
    """Of an aware time, since 1970 in UTC."""
    return (when - _EPOCH) // _MICROSECOND


def _known(when: datetime.datetime, precision: Precision, *, stated: bool, flag: str = "") -> Moment | str:
    if when.year not in _YEARS:
        return "TIME_UNREADABLE"
    text = when.isoformat()
    return Moment(text, text[:-6], precision, microseconds(when), stated, flag)


def _wall(match: re.Match[str], order: DateOrder) -> datetime.datetime | str:
    """The wall clock a date with numeric components says, or a code."""
    a, b, c = match[1], match[3], match[4]
    if len(a) == 4:
        year, month, day = a, b, c
    elif len(c) != 4:
        return "TIME_UNREADABLE"
    elif order == "ambiguous":
        return "DATE_ORDER_AMBIGUOUS"
    else:
        year, (day, month) = c, ((a, b) if order == "DMY" else (b, a))
    hour, half = int(match[5] or 0), match[8]
    if half:
        if not 1 <= hour <= 12:
            return "TIME_UNREADABLE"
        hour = hour % 12 + (12 if half in "pP" else 0)
    try:
        wall = datetime.datetime(int(year), int(month), int(day), hour, int(match[6] or 0), int(match[7] or 0))
    except ValueError:
        return "TIME_UNREADABLE"
    return wall if wall.year in _YEARS else "TIME_UNREADABLE"
