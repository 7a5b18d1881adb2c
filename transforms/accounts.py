"""Account events understood, and what a series of them makes of a person: holder or not, activated when.

Definitions (design §8): *activation* is the first `opened` of a holder, never `auto_created`, `reopened` or `login`.
*Holder* is a person invited or created, not opposed and not closed. Calendar months are those of Europe/Paris.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

import msgspec

from connectors.base import AccountEvent, shape
from transforms.moments import parse_iso

PARIS = ZoneInfo("Europe/Paris")
Event = Literal["invited", "opened", "opposed", "auto_created", "closed", "reopened", "login"]
EVENTS: tuple[str, ...] = get_args(Event)

DEPARTMENT_CODES = frozenset(
    [f"{n:02}" for n in range(1, 96) if n != 20]
    + ["2A", "2B", "971", "972", "973", "974", "975", "976", "977", "978", "984", "986", "987", "988", "99"]
)


SEXES = frozenset({"M", "F"})
CHANNELS = frozenset(
    {"courrier", "courriel", "web", "telephone", "automatique", "application", "appli", "guichet", "professionnel"}
)
"""How an event came about. A channel that is not listed is kept by its shape only."""


class Problem(msgspec.Struct, frozen=True):
    """Why an event cannot be taken: a code, what was expected, and the shape of what came."""

    code: str
    expected: str
    came: str


class Understood(msgspec.Struct, frozen=True):
    """An account event with its instant. `day` is the civil day in Europe/Paris.

    `channel`, `department` and `sex` are listed words, or the shape of what stood there (`4 digits`): the lake keeps
    them, so nothing as written may pass. `birth_year` is a year or empty.
    """

    event: str
    at: str
    day: str
    month: str
    channel: str
    department: str
    birth_year: str
    sex: str
    findings: tuple[str, ...] = ()


def understand(raw: AccountEvent) -> Understood | Problem:
    """The event, or the first thing that keeps it from being one. A local time without offset is of Europe/Paris.

    Who and where the holder is (department, birth year, sex) is told beside the event: what is wrong there is a
    finding, and the event counts.
    """
    event = raw.event.lower()
    if event not in EVENTS:
        return Problem("EVENT_UNKNOWN", " | ".join(EVENTS), shape(raw.event))
    if not raw.occurred_at:
        return Problem("EVENT_TIME_MISSING", "occurred_at: ISO 8601", "empty")
    moment = parse_iso(raw.occurred_at)
    if moment is None:
        return Problem("EVENT_TIME_INVALID", "occurred_at: ISO 8601", shape(raw.occurred_at))
    department, sex, channel = raw.department.upper(), raw.sex.upper(), raw.channel.lower()
    year_valid = raw.birth_year.isascii() and raw.birth_year.isdigit() and 1880 <= int(raw.birth_year) <= 2100
    findings = {
        "DEPARTMENT_UNKNOWN": department and department not in DEPARTMENT_CODES,
        "BIRTH_YEAR_INVALID": raw.birth_year and not year_valid,
        "SEX_INVALID": sex and sex not in SEXES,
    }
    value = datetime.fromisoformat(moment.iso)
    local = value.astimezone(PARIS) if value.tzinfo else value.replace(tzinfo=PARIS)
    return Understood(
        event=event,
        at=local.astimezone(ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%SZ"),
        day=local.strftime("%Y-%m-%d"),
        month=local.strftime("%Y-%m"),
        channel=listed(channel, CHANNELS),
        department=listed(department, DEPARTMENT_CODES),
        birth_year=raw.birth_year if year_valid else "",
        sex=listed(sex, SEXES),
        findings=tuple(sorted(code for code, found in findings.items() if found)),
    )


def listed(word: str, words: Collection[str]) -> str:
    """A listed word as it is, an absent one as nothing, any other as its shape."""
    return word if not word or word in words else shape(word)


class Account(msgspec.Struct, frozen=True):
    """One person's account over time."""

    activated: str
    """Month of the first `opened`; empty when never."""
    held: tuple[tuple[str, str], ...]
    """Months at whose end the person is a holder, as half-open ranges [from, to); an empty `to` is open."""
    invited: str
    auto_created: str
    creation_missing: bool = False
    """Invited six weeks ago or more, and the feed says nothing of a creation, an opening or an opposition."""


ORDER = {event: rank for rank, event in enumerate(("invited", "auto_created", "opened", "login", "reopened"))}


SIX_WEEKS = timedelta(days=42)
"""From the invitation to the automatic creation, unless the holder opposes."""


def follow(events: Iterable[tuple[str, str, str]], until: str = "") -> Account:
    """The account of one person from their events (instant, event, month), in any order, repeats allowed.

    On equal instants `closed` and `opposed` come last: doubt closes. `until` is the latest instant that the feed knows:
    what should have happened by then and did not is told.
    """
    events = set(events)
    created = opposed = closed = False
    activated = invited = auto_created = ""
    at_end: dict[str, bool] = {}
    for _, event, month in sorted(events, key=lambda e: (e[0], ORDER.get(e[1], 9), e[1])):
        match event:
            case "invited":
                created, invited = True, invited or month
            case "auto_created":
                created, auto_created = True, auto_created or month
            case "opened":
                created, opposed = True, False
                activated = activated or month
            case "reopened":
                created, opposed, closed = True, False, False
            case "opposed":
                opposed = True
            case "closed":
                closed = True
        at_end[month] = created and not opposed and not closed
    held: list[tuple[str, str]] = []
    for month, holder in sorted(at_end.items()):
        open_range = bool(held) and held[-1][1] == ""
        if holder and not open_range:
            held.append((month, ""))
        elif not holder and open_range:
            held[-1] = (held[-1][0], month)
    return Account(
        activated=activated,
        held=tuple(held),
        invited=invited,
        auto_created=auto_created,
        creation_missing=_creation_missing(events, until),
    )


def _creation_missing(events: Collection[tuple[str, str, str]], until: str) -> bool:
    if not until or {event for _, event, _ in events} != {"invited"}:
        return False
    first = min(at for at, _, _ in events)
    return datetime.fromisoformat(until) - datetime.fromisoformat(first) >= SIX_WEEKS
