"""The account of each holder, from invitation to closing, and the insurer's monthly feed of its events."""

from __future__ import annotations

from bisect import bisect_left
from datetime import date, datetime, timedelta
from random import Random

import msgspec

from carnet.synth.calendar import at, first_day, last_day, months_between, national, shift
from carnet.synth.chance import chance
from carnet.synth.population import Person
from carnet.synth.tables import MONTHS

COLUMNS = "ins,ins_oid,event,occurred_at,channel,department,birth_year,sex"

# The national curve of activations gives the month; each person has the rate of January 2026 in this unit.
_ANCHOR = national("2025-12").activated
_ACTIVATED = [row.activated for row in MONTHS]
_OPENED = [row.opened for row in MONTHS]
_CAMPAIGN_END = national("2022-10").opened
_SIX_WEEKS = timedelta(days=42)
_OPPOSED_AT_ONCE, _OPPOSED_IN_ALL = 0.013, 0.019
_CLOSED_A_YEAR = 0.004  # published: 0.001; four times that, so that a small nation has some
_REOPENED = 0.4
_LOGIN_MONTHLY = 0.35


class Event(msgspec.Struct, frozen=True):
    """`name`: invited, auto_created, opened, login, opposed, closed or reopened."""

    moment: datetime
    name: str
    channel: str


class Account(msgspec.Struct, frozen=True):
    """Events in order, and the days on which documents may be dated: [from, until[ ranges."""

    events: tuple[Event, ...] = ()
    feedable: tuple[tuple[date, date], ...] = ()

    def takes(self, day: date) -> bool:
        return any(start <= day < end for start, end in self.feedable)

    @property
    def activated(self) -> datetime | None:
        return next((event.moment for event in self.events if event.name == "opened"), None)

    @property
    def steady(self) -> bool:
        """Neither opposed nor closed, ever."""
        return not any(event.name in ("opposed", "closed") for event in self.events)


def account_of(person: Person, seed: int, months: list[str]) -> Account:
    """What happens to a person's account until the end of the feed.

    What is older than the feed is in it too, as the stock that the first file brings, without the logins.
    """
    rng = chance(seed, "account", person.number)
    end = last_day(months[-1]) + timedelta(days=1)
    activation = _activation(rng, person)
    created = _creation(rng, person)
    if activation is not None and activation <= created:
        sooner = activation - timedelta(days=rng.randint(1, 28))
        if sooner >= _earliest(person):
            created = sooner
        else:
            activation = created + timedelta(days=rng.randint(1, 60))
    invited = created - _SIX_WEEKS
    letter = "courrier" if person.age(created) >= 75 or rng.random() < 0.3 else "courriel"
    events = [Event(_moment(rng, invited), "invited", letter)]
    draw = rng.random()
    if draw < _OPPOSED_AT_ONCE:
        opposed = invited + timedelta(days=rng.randint(1, 41))
        return _until(end, [*events, Event(_moment(rng, opposed), "opposed", rng.choice(("web", "telephone")))], [])
    events.append(Event(at(created, 3, rng.randrange(60)), "auto_created", "automatique"))
    stop, back = end, end
    if draw < _OPPOSED_IN_ALL:
        stop = first_day(months[0]) + timedelta(days=rng.randrange((end - first_day(months[0])).days))
        stop = max(stop, created + timedelta(days=1))
        events.append(Event(_moment(rng, stop), "opposed", rng.choice(("web", "telephone"))))
    elif rng.random() < _CLOSED_A_YEAR * max(0, (end - created).days) / 365:
        stop = created + timedelta(days=rng.randint(30, max(31, (end - created).days)))
        events.append(Event(_moment(rng, stop), "closed", "web"))
        if rng.random() < _REOPENED:
            back = stop + timedelta(days=rng.randint(30, 200))
            events.append(Event(_moment(rng, back), "reopened", "web"))
    feedable = [(created, stop), (back + timedelta(days=1), end)]
    if activation is not None and activation < stop:
        opened = _moment(rng, activation)
        events.append(Event(opened, "opened", "appli" if rng.random() < 0.35 else "web"))
        events += _logins(rng, months, opened, [(activation + timedelta(days=1), stop), feedable[1]])
        if back < end:
            events.append(Event(at(back + timedelta(days=1), 9, rng.randrange(60)), "opened", "web"))
    return _until(end, events, feedable)


def row(person: Person, event: Event) -> str:
    """A line of the feed."""
    cells = (person.ins, person.ins_oid, event.name, event.moment.isoformat(), event.channel)
    return ",".join((*cells, person.department.code, str(person.birth.year), person.sex))


def _until(end: date, events: list[Event], feedable: list[tuple[date, date]]) -> Account:
    known = sorted((event for event in events if event.moment.date() < end), key=lambda event: event.moment)
    return Account(tuple(known), tuple((start, min(stop, end)) for start, stop in feedable if start < min(stop, end)))


def _activation(rng: Random, person: Person) -> date | None:
    """The month is where the nation's curve, scaled to the person's own rate, passes a draw."""
    reach = rng.random() * _ANCHOR / person.activation
    index = bisect_left(_ACTIVATED, reach)
    return _day(rng, MONTHS[index].month) if index < len(MONTHS) else None


def _creation(rng: Random, person: Person) -> date:
    """Six weeks after the invitation, which comes with the campaign of 2022, later for those born since."""
    campaign = _OPENED[: _OPENED.index(_CAMPAIGN_END) + 1]
    month = MONTHS[bisect_left(campaign, rng.random() * campaign[-1])].month
    return max(_day(rng, month), _earliest(person) + timedelta(days=rng.randint(0, 20)))


def _earliest(person: Person) -> date:
    """No account before this day: the invitation goes out three weeks after birth at the soonest."""
    return person.birth + timedelta(days=20) + _SIX_WEEKS


def _logins(rng: Random, months: list[str], opened: datetime, ranges: list[tuple[date, date]]) -> list[Event]:
    """Visits of those who come back, during the feed only."""
    since = max(months[0], f"{opened:%Y-%m}")
    drawn = [
        _day(rng, month)
        for month in (months_between(since, months[-1]) if since <= months[-1] else [])
        if rng.random() < _LOGIN_MONTHLY
        for _ in range(rng.randint(1, 2))
    ]
    return [
        Event(_moment(rng, day), "login", rng.choice(("appli", "web")))
        for day in drawn
        if any(start <= day < stop for start, stop in ranges)
    ]


def _day(rng: Random, month: str) -> date:
    return first_day(month) + timedelta(days=rng.randrange((first_day(shift(month, 1)) - first_day(month)).days))


def _moment(rng: Random, day: date) -> datetime:
    return at(day, rng.randint(8, 21), rng.randrange(60), rng.randrange(60))
