"""What all files of one synthetic nation share: its number, its professionals, its identifiers, its deadlines."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime, timedelta
from functools import cached_property, lru_cache

import msgspec

from carnet.synth.calendar import at, first_day, last_day, months_between, shift
from carnet.synth.chance import chance, stable
from carnet.synth.identity import EXAMPLE_ARC, national_person, rpps, uuid_oid
from carnet.synth.tables import HABITS, NAMES, Habit

# From so many patients on, laboratories send a batch a day instead of one a week.
DAILY_FROM = 3000
# Doctors of the town who prescribe, and doctors of each sender.
_TOWN, _STAFF = 60, 8

_SPECIALTIES = {
    "lab": ("G15_10/SM03", "Médecin - Biologie médicale (SM)"),
    "imaging": ("G15_10/SM44", "Médecin - Radio-diagnostic (SM)"),
    "discharge": ("G15_10/SM27", "Médecin - Médecine interne (SM)"),
    "prescription": ("G15_10/SM26", "Médecin - Qualifié en Médecine Générale (SM)"),
}


class Professional(msgspec.Struct, frozen=True):
    """A doctor: RPPS (with its prefix 8), names, and the specialty code of JDV_J01."""

    id: str
    family: str
    given: str
    specialty: str
    specialty_name: str


class Nation(msgspec.Struct, frozen=True, dict=True):
    """The parameters of a run. `number` is an OID arc that two different runs do not share."""

    seed: int
    patients: int
    months: tuple[str, ...]
    faults: float

    @classmethod
    def of(cls, patients: int, months: int, seed: int, faults: float, end_month: str) -> Nation:
        if patients < 1 or months < 1 or not 0 <= faults <= 1:
            raise ValueError("a nation needs at least one patient and one month, and a share of faults from 0 to 1")
        return cls(seed, patients, tuple(months_between(shift(end_month, 1 - months), end_month)), faults)

    @cached_property
    def number(self) -> int:
        return 1 + stable(self.seed, self.patients, self.months, self.faults) % 10**9

    @cached_property
    def end(self) -> datetime:
        """Nothing is received after it."""
        return at(last_day(self.months[-1]), 23, 45)

    @cached_property
    def closings(self) -> dict[str, list[datetime]]:
        """When each sender's batches leave: weekly or daily, and a last one as the feed ends."""
        return {sender: self._closings(habit) for sender, habit in HABITS.items()}

    def _closings(self, habit: Habit) -> list[datetime]:
        first, last = first_day(self.months[0]), last_day(self.months[-1])
        days = [first + timedelta(days=offset) for offset in range((last - first).days)]
        daily = self.patients >= DAILY_FROM
        regular = [at(day, habit.batch_hour) for day in days if daily or day.isoweekday() == habit.batch_day]
        return [*regular, at(last, 22, 30)]

    def leaves(self, sender: str, channel: str, ready: datetime) -> datetime | None:
        """When something ready leaves a sender: files at once, messages with the next batch; None past the end."""
        if channel == "file":
            return ready if ready <= self.end else None
        closings = self.closings[sender]
        index = bisect_left(closings, ready)
        return closings[index] if index < len(closings) else None

    def document_id(self, sender: str, person: int, serial: int, version: int, twin: bool = False) -> str:
        """An OID without extension, never given twice."""
        key = (person, serial, version, 1 if twin else 0)
        if HABITS[sender].ids == "uuid":
            return uuid_oid(stable(self.number, sender, "id", *key) << 64 | stable(self.number, sender, "low", *key))
        return f"{EXAMPLE_ARC}.{HABITS[sender].arc}.2.{self.number}." + ".".join(map(str, key))

    def set_id(self, sender: str, person: int, serial: int) -> str:
        return f"{EXAMPLE_ARC}.{HABITS[sender].arc}.3.{self.number}.{person}.{serial}"

    def order_number(self, person: int, serial: int) -> str:
        """The number of a request in the laboratory's own books."""
        return f"{self.number % 10**4:04d}{person:06d}{serial:04d}"

    def staff(self, sender: str, kind: str, draw: int) -> Professional:
        """A doctor of a sender who makes documents of a kind."""
        return _professional(self.seed, f"{sender} {kind}", draw % _STAFF, kind)

    def prescriber(self, draw: int) -> Professional:
        """A doctor of the town."""
        return _professional(self.seed, "town", draw % _TOWN, "prescription")


def local_id_root(sender: str) -> str:
    """The authority of a sender's own patient numbers (IPP)."""
    return f"{EXAMPLE_ARC}.{HABITS[sender].arc}.1"


def order_root(sender: str) -> str:
    """The authority of a sender's own order numbers."""
    return f"{EXAMPLE_ARC}.{HABITS[sender].arc}.4"


def local_id(sender: str, person: int) -> str:
    """The number of a person in a sender's own books."""
    return f"{HABITS[sender].arc}{person * 7 + 1_000_000:09d}"


@lru_cache(maxsize=1024)
def _professional(seed: int, where: str, number: int, kind: str) -> Professional:
    rng = chance(seed, "professional", where, number)
    families = [name.name.upper() for name in NAMES if name.kind == "family"]
    givens = [name.name for name in NAMES if name.kind in ("F", "M") and name.since in (1951, 1976)]
    code, display = _SPECIALTIES[kind]
    id_ = national_person(rpps(stable(seed, "rpps", where, number)))
    return Professional(id_, rng.choice(families), rng.choice(givens), code, display)
