"""The tables that shape the nation: CSV files of `data/` as frozen rows, and the senders."""

from __future__ import annotations

import csv
import tomllib
from importlib.resources import files
from typing import Literal, TypeVar

import msgspec

Row = TypeVar("Row", bound=msgspec.Struct)

_DATA = files("carnet.synth") / "data"


def _table(name: str, row: type[Row]) -> tuple[Row, ...]:
    """The rows of a table; lines that start with `#` say where it comes from, empty cells take the default."""
    lines = [line for line in (_DATA / name).read_text("utf-8").splitlines() if not line.startswith("#")]
    said = ({key: value for key, value in cells.items() if value != ""} for cells in csv.DictReader(lines))
    return tuple(msgspec.convert(cells, row, strict=False) for cells in said)


class Department(msgspec.Struct, frozen=True):
    code: str
    name: str
    region: str
    population_k: int
    city: str
    postcode: str


class Region(msgspec.Struct, frozen=True):
    code: str
    name: str
    laboratory: str
    hospital: str


class AgeBand(msgspec.Struct, frozen=True):
    """`male`, `female`: % of the population; `activation`: rate in January 2026; `documents`: multiplier."""

    low: int
    high: int
    male: float
    female: float
    activation: float
    documents: float


class NationalMonth(msgspec.Struct, frozen=True):
    """Millions: profiles activated and opened at the end of the month, documents of the month."""

    month: str
    activated: float
    documents: float
    opened: float


class Rhythm(msgspec.Struct, frozen=True):
    """When a type of document is made, and how long it takes to leave. Lists are blank separated."""

    key: str
    type_code: str
    share: float
    weekdays: str
    months: str
    hours: str
    delay_minutes: float
    delay_sigma: float

    def weights(self, scale: Literal["weekdays", "months", "hours"]) -> list[float]:
        said: str = getattr(self, scale)
        return [float(weight) for weight in said.split()]


class Commune(msgspec.Struct, frozen=True):
    code: str
    name: str
    since: int


class Name(msgspec.Struct, frozen=True):
    kind: str
    since: int
    name: str


class LabTest(msgspec.Struct, frozen=True):
    """A laboratory test; the columns are explained on the first lines of the table."""

    loinc: str
    name: str
    local: str
    mean_m: float
    mean_f: float
    spread: float
    law: Literal["normal", "lognormal", "ratio", "negative"]
    digits: int
    unit: str = ""
    low_m: str = ""
    high_m: str = ""
    low_f: str = ""
    high_f: str = ""
    floor: str = ""
    per_year: float = 0.0
    sick: str = ""
    sick_mean: float = 0.0
    sick_spread: float = 0.0
    follows: str = ""
    rho: float = 0.0
    check: str = ""


class LabRequest(msgspec.Struct, frozen=True):
    local: str
    name: str
    per_hundred: float
    who: Literal["all", "men over 50", "antivitamin K"]
    chapter: str
    specimen: str
    tests: str


class Stay(msgspec.Struct, frozen=True):
    reason: str
    nights: float
    weight: float
    age_low: int
    age_high: int
    summary: str
    plan: str
    sex: str = ""
    months: str = ""
    drugs: str = ""


class Drug(msgspec.Struct, frozen=True):
    atc: str
    name: str
    substance: str
    unit: str
    unit_fr: str
    dose: int
    per_day: int
    days: int
    weight: float
    since: int
    cis: str = ""


class Imaging(msgspec.Struct, frozen=True):
    act: str
    weight: float
    text: str


class Allergy(msgspec.Struct, frozen=True):
    kind_code: str
    kind: str
    agent_code: str
    agent_system: str
    agent: str
    weight: float


class Fault(msgspec.Struct, frozen=True):
    """A named way to break an item, and what the hub is expected to say of it."""

    name: str
    channels: str
    end: Literal["held", "refused"]
    code: str
    ours: str


class Habit(msgspec.Struct, frozen=True):
    """How a sender feeds the hub; the columns are explained on the first lines of the table."""

    sender: str
    arc: int
    charset: str
    segment_end: Literal["CR", "LF"]
    decimal: str
    batch_day: int
    batch_hour: int
    ids: Literal["arc", "uuid"]


class Sender(msgspec.Struct, frozen=True):
    """An entry of `senders.toml`."""

    id: str
    name: str
    kind: Literal["lab", "hospital", "device", "insurer"]
    finess: str
    department: str
    region: str
    software: str
    zone: str


def _senders() -> tuple[Sender, ...]:
    text = (files("carnet.synth") / "senders.toml").read_text("utf-8")
    return tuple(msgspec.convert(entry, Sender) for entry in tomllib.loads(text)["sender"])


DEPARTMENTS = {row.code: row for row in _table("departments.csv", Department)}
REGIONS = {row.code: row for row in _table("regions.csv", Region)}
AGES = _table("ages.csv", AgeBand)
MONTHS = _table("months.csv", NationalMonth)
RHYTHMS = {row.key: row for row in _table("rhythm.csv", Rhythm)}
COMMUNES = _table("communes.csv", Commune)
NAMES = _table("names.csv", Name)
LAB_TESTS = {row.loinc: row for row in _table("lab_tests.csv", LabTest)}
LAB_REQUESTS = _table("lab_requests.csv", LabRequest)
STAYS = _table("stays.csv", Stay)
DRUGS = {row.atc: row for row in _table("drugs.csv", Drug)}
IMAGING = _table("imaging.csv", Imaging)
ALLERGIES = _table("allergies.csv", Allergy)
FAULTS = _table("faults.csv", Fault)
SENDERS = {sender.id: sender for sender in _senders()}
HABITS = {row.sender: row for row in _table("habits.csv", Habit)}
