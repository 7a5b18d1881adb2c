"""The plan: which documents a person gets, from whom, when they leave, and how they end. Nothing is written here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Literal, TypeAlias

import msgspec

from carnet.synth.accounts import Account
from carnet.synth.calendar import at, later, national, tilt, working_moment
from carnet.synth.chance import chance, poisson
from carnet.synth.nation import Nation
from carnet.synth.population import Person
from carnet.synth.tables import FAULTS, REGIONS, RHYTHMS, SENDERS, Rhythm

# The published mean is 6.3 documents a profile and year; these five senders bring about two thirds of them.
_YEARLY = 4.0
_MEAN_MONTH_2025 = 420 / 12
_REPLACED, _REPLACED_AGAIN, _DELETED, _RESENT, _MASKED, _LATE = 0.02, 0.05, 0.0015, 0.005, 0.02, 0.03
_BY_MESSAGE = 0.20
_LAB_PDF, _LAB_TWIN = 0.15, 0.04
_WITH_RESULTS = 0.50
_LABS = [sender.id for sender in SENDERS.values() if sender.kind == "lab"]
_HOSPITALS = [sender.id for sender in SENDERS.values() if sender.kind == "hospital"]
# How the statuses of a result follow each other (OBR-25), and how often.
_STATUSES = (("F",), ("P", "F"), ("F", "C"), ("P", "F", "C"))
_STATUS_WEIGHTS = (80, 15, 3, 2)

_Final: TypeAlias = Literal["", "current", "superseded", "deleted"]


class Sending(msgspec.Struct, frozen=True):
    """One thing that leaves a sender: a CDA file, or a message.

    `serial` numbers what the person gets; with the person it names a document through all its versions.
    `begun` is when its first version was made, `received` when the hub gets it; `status` is what becomes of the
    document once all of the feed is known.
    """

    person: int
    serial: int
    kind: str
    sender: str
    channel: Literal["file", "mdm", "oru", "results"]
    act: Literal["new", "replace", "delete", "results"]
    version: int
    begun: datetime
    created: datetime
    ready: datetime
    received: datetime
    level: Literal["n1", "n3", "twin"] = "n3"
    masks: tuple[str, ...] = ()
    status: _Final = ""
    result_status: str = ""
    resent: bool = False
    fault: str = ""

    @property
    def collected(self) -> datetime:
        """When the specimen of a laboratory request was taken."""
        return later(self.begun, -timedelta(hours=2, minutes=self.serial * 7 % 60))

    @property
    def order(self) -> tuple[object, ...]:
        """Order of writing: by delivery, then as things were ready in the sender's software."""
        return (self.received, self.ready, self.person, self.serial, self.act, self.version, self.resent)


def plan(nation: Nation, person: Person, account: Account) -> Iterator[Sending]:
    """Everything about a person that leaves a sender during the feed, in no order."""
    rng = chance(nation.seed, "documents", person.number)
    region = REGIONS[person.department.region]
    serial = 0
    for month in nation.months:
        pace = _YEARLY / 12 * national(month).documents / _MEAN_MONTH_2025 * person.documents
        for kind, rhythm in RHYTHMS.items():
            for _ in range(poisson(rng, pace * rhythm.share * tilt(month, kind))):
                serial += 1
                created = working_moment(rng, month, kind)
                usual, all_of_them = (region.laboratory, _LABS) if kind == "lab" else (region.hospital, _HOSPITALS)
                sender = rng.choice(all_of_them) if rng.random() < 0.08 else usual
                if account.takes(created.date()):
                    first = _first(nation, person, serial, kind, sender, created)
                    yield from _lineage(nation, account, first)
                    if kind == "lab":
                        yield from _results(nation, account, first)


def _first(nation: Nation, person: Person, serial: int, kind: str, sender: str, created: datetime) -> Sending:
    """A document as it is first sent; `received` is not known yet."""
    rng = chance(nation.seed, "first", person.number, serial)
    ready = later(created, _delay(rng, RHYTHMS[kind]))
    minor = person.age(created.date()) < 18
    mask = rng.choices(
        ("MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REP_LEGAUX", "CONNEXION_SECRETE"),
        (4, 4, 3 if minor else 0, 2 if minor else 0),
    )[0]
    masks = (mask,) if rng.random() < _MASKED else ()
    channel: Literal["file", "mdm", "oru"]
    level: Literal["n1", "n3", "twin"]
    if kind == "lab":
        draw = rng.random()
        channel = "oru"
        twin = sender == "labo-rhone" and draw > 1 - _LAB_TWIN
        level = "n1" if draw < _LAB_PDF else "twin" if twin else "n3"
    else:
        # A mask travels beside the document: only a message can carry it.
        channel = "mdm" if rng.random() < _BY_MESSAGE or masks else "file"
        level = "n1" if kind == "imaging" else "n3"
    fault = fault_of(nation, channel, person.number, serial) if level != "twin" else ""
    return Sending(
        person=person.number,
        serial=serial,
        kind=kind,
        sender=sender,
        channel=channel,
        act="new",
        version=1,
        begun=created,
        created=created,
        ready=ready,
        received=ready,
        level=level,
        masks=masks,
        fault=fault,
    )


def fault_of(nation: Nation, channel: str, *key: object) -> str:
    """The name of the fault of an item, mostly none. It has its own draw: the rest does not depend on it."""
    rng = chance(nation.seed, "fault", channel, *key)
    return rng.choice([f.name for f in FAULTS if channel in f.channels.split()]) if rng.random() < nation.faults else ""


def _lineage(nation: Nation, account: Account, first: Sending) -> Iterator[Sending]:
    """The versions of a document that arrive, its deletion and its resends."""
    rng = chance(nation.seed, "lineage", first.person, first.serial)
    versions: list[Sending] = []
    sent = first
    for version in count(1):
        received = nation.leaves(sent.sender, sent.channel, sent.ready)
        if received is None:
            break
        versions.append(msgspec.structs.replace(sent, received=received))
        again = rng.random() < (_REPLACED if version == 1 else _REPLACED_AGAIN)
        if not again or sent.fault or sent.level == "twin":
            break
        day = max(sent.created.date(), sent.ready.date()) + timedelta(days=rng.randint(1, 20))
        created = at(day, rng.randint(9, 17), rng.randrange(60), rng.randrange(60))
        if not account.takes(day):
            break
        ready = later(created, timedelta(minutes=rng.randint(5, 600)))
        sent = msgspec.structs.replace(sent, act="replace", version=version + 1, created=created, ready=ready)
    if not versions:
        return
    last = versions[-1]
    deletion = _deletion(nation, rng, last) if not (last.fault or last.level == "twin") else None
    for one in versions:
        final: _Final = "superseded" if one is not last else "deleted" if deletion else "current"
        sent = msgspec.structs.replace(one, status="" if one.fault else final)
        yield sent
        if rng.random() < _RESENT and not sent.fault:
            yield from _resend(nation, rng, sent)
    if deletion:
        yield deletion


def _deletion(nation: Nation, rng: Random, last: Sending) -> Sending | None:
    """The author's withdrawal of the last version, always as a message (MDM^T04)."""
    if rng.random() >= _DELETED:
        return None
    ready = later(last.received, timedelta(days=rng.randint(1, 20), hours=2))
    received = nation.leaves(last.sender, "mdm", ready)
    if received is None:
        return None
    return msgspec.structs.replace(last, channel="mdm", act="delete", ready=ready, received=received)


def _resend(nation: Nation, rng: Random, sent: Sending) -> Iterator[Sending]:
    """The same bytes once more: another file, or the same message in a later batch."""
    again = later(sent.received, timedelta(days=rng.randint(1, 10), minutes=1))
    received = nation.leaves(sent.sender, sent.channel, again)
    if received is not None:
        yield msgspec.structs.replace(sent, received=received, resent=True, status="")


def _results(nation: Nation, account: Account, report: Sending) -> Iterator[Sending]:
    """The discrete results of a laboratory request, preliminary, final and corrected."""
    rng = chance(nation.seed, "results", report.person, report.serial)
    if rng.random() >= _WITH_RESULTS:
        return
    statuses = rng.choices(_STATUSES, _STATUS_WEIGHTS)[0]
    fault = fault_of(nation, "results", report.person, report.serial)
    moment = report.created
    for version, status in enumerate(("F",) if fault else statuses, 1):
        if status == "P":
            moment = later(report.created, -timedelta(minutes=rng.randint(10, 90)))
        elif status == "C":
            moment = later(report.created, timedelta(days=rng.randint(1, 8)))
        else:
            moment = report.created
        ready = later(moment, timedelta(minutes=rng.randint(1, 9)))
        received = nation.leaves(report.sender, "results", ready)
        if received is None or not account.takes(moment.date()):
            return
        sent = msgspec.structs.replace(
            report,
            channel="results",
            act="results",
            version=version,
            created=moment,
            ready=ready,
            received=received,
            masks=(),
            result_status=status,
            fault=fault,
        )
        yield sent
        if rng.random() < _RESENT and not fault:
            yield from _resend(nation, rng, sent)


def _delay(rng: Random, rhythm: Rhythm) -> timedelta:
    """From making to leaving: lognormal, and 3 % more than a week late."""
    if rng.random() < _LATE:
        return timedelta(minutes=rng.randint(7 * 1440, 30 * 1440))
    return timedelta(minutes=min(6 * 1440.0, rhythm.delay_minutes * rng.lognormvariate(0, rhythm.delay_sigma)))
