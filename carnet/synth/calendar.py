"""French time: months of the feed, bank holidays, working days and hours, all in Europe/Paris."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import accumulate
from random import Random
from zoneinfo import ZoneInfo

from carnet.synth.tables import MONTHS, RHYTHMS, NationalMonth

PARIS = ZoneInfo("Europe/Paris")

_NATIONAL = {row.month: row for row in MONTHS}
_DAY = timedelta(days=1)


def month_of(moment: date) -> str:
    """`YYYY-MM` of a day, or of a moment already in Paris."""
    return f"{moment.year:04d}-{moment.month:02d}"


def first_day(month: str) -> date:
    return date.fromisoformat(f"{month}-01")


def last_day(month: str) -> date:
    return first_day(shift(month, 1)) - _DAY


def shift(month: str, by: int) -> str:
    """The month `by` months later (or earlier)."""
    index = int(month[:4]) * 12 + int(month[5:]) - 1 + by
    return f"{index // 12:04d}-{index % 12 + 1:02d}"


def months_between(first: str, last: str) -> list[str]:
    """Every month from the first to the last, both included."""
    months = [first]
    while months[-1] < last:
        months.append(shift(months[-1], 1))
    return months


def national(month: str) -> NationalMonth:
    """The national figures of a month; outside the table, those of the nearest month it has."""
    return _NATIONAL[min(max(month, MONTHS[0].month), MONTHS[-1].month)]


def at(day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=PARIS)


def later(moment: datetime, by: timedelta) -> datetime:
    """A moment after another, in true elapsed time (arithmetic in a zone is wall-clock arithmetic)."""
    return (moment.astimezone(UTC) + by).astimezone(PARIS).replace(microsecond=0)


@cache
def easter(year: int) -> date:
    """Easter Sunday (anonymous Gregorian computus)."""
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    el = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    month, day = divmod(h + el - 7 * ((a + 11 * h + 22 * el) // 451) + 114, 31)
    return date(year, month, day + 1)


@cache
def holidays(year: int) -> frozenset[date]:
    """The eleven bank holidays of metropolitan France."""
    sunday = easter(year)
    fixed = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))
    moving = {sunday + timedelta(days=days) for days in (1, 39, 50)}
    return frozenset({date(year, month, day) for month, day in fixed} | moving)


def day_weight(day: date, weekdays: list[float]) -> float:
    """How much is made on a day: bank holidays as Sundays, bridge Fridays and the turn of the year slow."""
    off = holidays(day.year)
    weight = weekdays[6] if day in off else weekdays[day.weekday()]
    if day.weekday() == 4 and day - _DAY in off:
        weight *= 0.7
    if (day.month, day.day) >= (12, 24) or (day.month, day.day) <= (1, 2):
        weight *= 0.65
    return weight


@cache
def _days(month: str, kind: str) -> tuple[list[date], list[float]]:
    weekdays = RHYTHMS[kind].weights("weekdays")
    days = [
        first_day(month) + timedelta(days=offset) for offset in range((last_day(month) - first_day(month)).days + 1)
    ]
    return days, list(accumulate(day_weight(day, weekdays) for day in days))


@cache
def _hours(kind: str) -> list[float]:
    return list(accumulate(RHYTHMS[kind].weights("hours")))


def working_moment(rng: Random, month: str, kind: str) -> datetime:
    """A moment of a month at which a document of a kind is made."""
    days, cumulated = _days(month, kind)
    day = rng.choices(days, cum_weights=cumulated)[0]
    hour = rng.choices(range(24), cum_weights=_hours(kind))[0]
    return at(day, hour, rng.randrange(60), rng.randrange(60))


@cache
def tilt(month: str, kind: str) -> float:
    """How much a month favours a type: the national curve already holds the seasons, so the mean is 1."""
    index = int(month[5:]) - 1
    mean = sum(rhythm.share * rhythm.weights("months")[index] for rhythm in RHYTHMS.values())
    return RHYTHMS[kind].weights("months")[index] / mean
