"""Connected holders: who they are, what their devices measure, and the exports that reach the hub month after month."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import msgspec

from carnet.synth.accounts import Account
from carnet.synth.calendar import PARIS, at, first_day, last_day
from carnet.synth.chance import chance, poisson, stable
from carnet.synth.devices_apple import export_xml
from carnet.synth.devices_libreview import export_csv
from carnet.synth.nation import Nation
from carnet.synth.population import Person

# Published: 4 % of those who activated; a little more, and at least one of each kind, so that a small nation has some.
_SHARE = 0.06
_STOPS_EARLY = 0.25
_OVERLAP = timedelta(days=7)
_MEALS = (7, 12, 16, 19)


class Reading(msgspec.Struct, frozen=True):
    """One reading. `source` is the LibreView record type (0 sensor, 1 scan, 2 strip) or the Apple device."""

    measure: str
    moment: datetime
    source: str
    value: str
    value2: str = ""
    until: datetime | None = None


class Wearer(msgspec.Struct, frozen=True):
    """A holder who sends readings: `kind` is the export, `devices` what is worn, [since, until] when."""

    person: Person
    kind: str
    devices: tuple[str, ...]
    since: date
    until: date


class Export(msgspec.Struct, frozen=True):
    """A file as it reaches the hub, and the readings in it."""

    name: str
    received: datetime
    data: bytes
    readings: tuple[Reading, ...]


def wearers(nation: Nation, holders: list[tuple[Person, Account]]) -> list[Wearer]:
    """Adults of the mainland who activated and stay, in the order of their draw."""
    fit = [
        (person, account.activated)
        for person, account in holders
        if account.activated
        and account.steady
        and len(person.department.code) == 2
        and person.age(_today(nation)) >= 18
    ]
    fit.sort(key=lambda pair: (pair[0].connected, pair[0].number))
    chosen = fit[: max(2, round(_SHARE * len(fit)))]
    return [_wearer(nation, person, activated, rank) for rank, (person, activated) in enumerate(chosen)]


def exports(nation: Nation, wearer: Wearer) -> Iterator[Export]:
    """LibreView every month with a week of overlap; Apple Health every quarter, always from the beginning."""
    person = wearer.person
    token = f"{stable(nation.number, 'export', person.number) % 16**6:06x}"
    for index, month in enumerate(nation.months, 1):
        closed = at(last_day(month), 21)
        libreview = wearer.kind == "libreview"
        if not libreview and index % 3 and index != len(nation.months):
            continue
        first = first_day(month) - _OVERLAP if libreview else wearer.since
        days = _days(max(first, wearer.since), min(last_day(month), wearer.until))
        measured = tuple(r for day in days for r in _measured(nation.seed, wearer, day) if r.moment <= closed)
        if not measured:
            continue
        received = at(last_day(month), 21, 30)
        if libreview:
            yield Export(f"{month}/libreview-{token}.csv", received, export_csv(person, closed, measured), measured)
        else:
            data = export_xml(person, closed, measured, stable(nation.seed, person.number, month))
            yield Export(f"{month}/apple-{token}/export.xml", received, data, measured)


def _today(nation: Nation) -> date:
    return first_day(nation.months[0])


def _wearer(nation: Nation, person: Person, activated: datetime, rank: int) -> Wearer:
    rng = chance(nation.seed, "wearer", person.number)
    first, last = _today(nation), last_day(nation.months[-1])
    since = max(activated.date(), first + timedelta(days=int((last - first).days * rng.random() * 0.5)))
    until = since + timedelta(days=rng.randint(20, 90)) if rng.random() < _STOPS_EARLY else last
    if rank % 5 in (0, 2):
        return Wearer(person, "libreview", ("sensor",) if rank % 5 == 0 else ("strips",), since, min(until, last))
    worn = tuple(device for device, share in (("watch", 0.6), ("scale", 0.5), ("cuff", 0.5)) if rng.random() < share)
    return Wearer(person, "apple", worn or ("watch", "scale", "cuff"), since, min(until, last))


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)


def _measured(seed: int, wearer: Wearer, day: date) -> list[Reading]:
    """The readings of a day, the same whichever export they are in."""
    return _glucose(seed, wearer, day) if wearer.kind == "libreview" else _daily(seed, wearer, day)


def _glucose(seed: int, wearer: Wearer, day: date) -> list[Reading]:
    rng = chance(seed, "glucose", wearer.person.number, day)
    mean = chance(seed, "glycaemia", wearer.person.number).gauss(158, 28)
    found: list[Reading] = []
    # A sensor lasts a fortnight; it is worn once a month. The hour that October repeats is left out: the local
    # times of such an export would not say which one they are.
    if "sensor" in wearer.devices and 15 <= day.day <= 28:
        level = mean
        start = at(day, 0).astimezone(UTC)
        for quarter in range(96):
            level += 0.15 * (mean - level) + rng.gauss(0, mean * 0.12)
            moment = (start + timedelta(minutes=15 * quarter)).astimezone(PARIS)
            if rng.random() > 0.06 and moment.date() == day and not _repeated(moment):
                found.append(Reading("glucose", moment, "0", _mg(level)))
        scans = sorted(rng.sample(range(7 * 60, 22 * 60), 5))
        found += [
            Reading("glucose", at(day, minute // 60, minute % 60), "1", _mg(rng.gauss(mean, mean * 0.3)))
            for minute in scans
            if minute % 15
        ]
    pricks = poisson(rng, 0.4 if "sensor" in wearer.devices else 2.2)
    for hour in sorted(rng.sample(_MEALS, min(len(_MEALS), pricks))):
        fasting = hour == _MEALS[0]
        found.append(
            Reading(
                "glucose", at(day, hour, rng.randrange(60)), "2", _mg(rng.gauss(*((132, 32) if fasting else (168, 45))))
            )
        )
    return sorted(found, key=lambda reading: (reading.moment, reading.source))


def _daily(seed: int, wearer: Wearer, day: date) -> list[Reading]:
    rng = chance(seed, "daily", wearer.person.number, day)
    own = chance(seed, "body", wearer.person.number)
    weight, pulse, systolic = (
        own.gauss(81 if wearer.person.sex == "M" else 68, 13),
        own.gauss(63, 8),
        own.gauss(134, 12),
    )
    stride = own.lognormvariate(0, 0.35) * (0.5 if wearer.person.age(day) > 75 else 1.0)
    found: list[Reading] = []
    if "watch" in wearer.devices:
        found.append(Reading("heart_rate", at(day, 7, rng.randrange(60), 20), "watch", f"{rng.gauss(pulse, 3):.0f}"))
        found.append(
            Reading("heart_rate", at(day, 15, rng.randrange(60), 40), "watch", f"{rng.gauss(pulse + 15, 9):.0f}")
        )
        if rng.random() > 0.12:
            steps = 6200 * stride * rng.lognormvariate(0, 0.4) * (0.92 if day.weekday() >= 5 else 1.0)
            span = (at(day, 8, rng.randrange(60), 5), at(day, 20, rng.randrange(60), 50))
            found.append(Reading("steps", span[0], "watch", str(max(40, round(steps))), until=span[1]))
    if "scale" in wearer.devices and rng.random() < 0.45:
        kilograms = max(38.0, weight + rng.gauss(0, 0.6))
        found.append(Reading("body_weight", at(day, 7, rng.randrange(60), 12), "scale", f"{kilograms:.1f}"))
    if "cuff" in wearer.devices and rng.random() < 0.6:
        high = min(210, max(95, round(rng.gauss(systolic, 9))))
        low = min(high - 20, max(50, round(rng.gauss(81, 7))))
        found.append(Reading("blood_pressure", at(day, 8, rng.randrange(60), 33), "cuff", str(high), str(low)))
    return found


def _repeated(moment: datetime) -> bool:
    """Whether the wall clock shows this time twice on this day."""
    return moment.replace(fold=0).utcoffset() != moment.replace(fold=1).utcoffset()


def _mg(level: float) -> str:
    return str(min(400, max(41, round(level))))
