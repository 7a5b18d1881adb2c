"""The people: where they live, how old they are, their INS and six traits, and how much care they get."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import accumulate
from random import Random

import msgspec

from carnet.synth.chance import chance
from carnet.synth.identity import INS_TEST_OID, ins
from carnet.synth.tables import AGES, COMMUNES, DEPARTMENTS, NAMES, AgeBand, Commune, Department

_BANDS = [(band, sex, band.male if sex == "M" else band.female) for band in AGES for sex in "MF"]
_BAND_WEIGHTS = list(accumulate(weight for *_, weight in _BANDS))
_DEPARTMENTS = list(DEPARTMENTS.values())
_DEPARTMENT_WEIGHTS = list(accumulate(department.population_k for department in _DEPARTMENTS))
_FRENCH = [commune for commune in COMMUNES if commune.code[:2] not in ("97", "99")]
_OVERSEAS = [commune for commune in COMMUNES if commune.code.startswith("97")]
_ABROAD = [commune for commune in COMMUNES if commune.code.startswith("99")]
_STREETS = ("rue des Lilas", "avenue de la République", "rue de l'Église", "place du Marché", "chemin des Vignes")
# Shares of long-term illness by age (reference national-figures 3.4).
_CHRONIC = ((20, 0.03), (40, 0.06), (60, 0.14), (75, 0.32), (200, 0.50))


class Person(msgspec.Struct, frozen=True):
    """Somebody who doesn't exist. Traits are written as civil registration does: capitals, accents kept."""

    number: int
    ins: str
    ins_oid: str
    sex: str
    birth: date
    birth_place: str
    birth_town: str
    family: str
    givens: tuple[str, ...]
    used_family: str
    department: Department
    house: int
    street: str
    chronic: bool
    diabetes: bool
    antivitamin_k: bool
    activation: float
    """Chance to have opened the record by January 2026."""
    documents: float
    """Mean number of documents, relative to the nation's."""
    connected: float
    """Rank (0 to 1) in the draw of those who have a connected device."""

    @property
    def given(self) -> str:
        """First given name of birth."""
        return self.givens[0]

    def age(self, on: date) -> int:
        return on.year - self.birth.year - ((on.month, on.day) < (self.birth.month, self.birth.day))


class Registry:
    """Civil registration: it gives each INS once."""

    def __init__(self, seed: int, today: date) -> None:
        self._seed = seed
        self._today = today
        self._given: set[str] = set()

    def enrol(self, number: int) -> Person:
        """The person of a number. Numbers are to be enrolled in the same order to get the same people."""
        rng = chance(self._seed, "person", number)
        band, sex, _ = rng.choices(_BANDS, cum_weights=_BAND_WEIGHTS)[0]
        department = rng.choices(_DEPARTMENTS, cum_weights=_DEPARTMENT_WEIGHTS)[0]
        birth = self._birth(rng, band)
        place = _birth_place(rng, birth, department, adult=band.low >= 20)
        number_given = ins(sex, birth, place.code)
        while number_given in self._given:
            birth = self._birth(rng, band)
            place = _fictitious_commune(rng) if rng.random() < 0.2 else _birth_place(rng, birth, department, adult=True)
            number_given = ins(sex, birth, place.code)
        self._given.add(number_given)
        family = _family(rng)
        age = (self._today - birth).days // 365
        chronic = rng.random() < next(share for limit, share in _CHRONIC if age < limit)
        married = sex == "F" and age >= 28 and rng.random() < 0.3
        woman = 1.10 if sex == "F" else 0.90
        where = chance(self._seed, "department", department.code).uniform(0.9, 1.1)
        return Person(
            number=number,
            ins=number_given,
            ins_oid=INS_TEST_OID,
            sex=sex,
            birth=birth,
            birth_place=place.code,
            birth_town=place.name,
            family=family,
            givens=_givens(rng, sex, birth),
            used_family=_family(rng) if married else family,
            department=department,
            house=rng.randint(1, 120),
            street=rng.choice(_STREETS),
            chronic=chronic,
            diabetes=rng.random() < (0.22 if chronic and age > 40 else 0.02),
            antivitamin_k=age > 60 and rng.random() < 0.06,
            activation=min(0.95, band.activation * woman * where),
            # A gamma rate makes Poisson counts negative binomial; k = 0.70 leaves 30 % without a document.
            documents=band.documents * woman * (2.5 if chronic else 0.67) / 1.18 * rng.gammavariate(0.70, 1 / 0.70),
            connected=rng.random(),
        )

    def _birth(self, rng: Random, band: AgeBand) -> date:
        youngest = self._today - timedelta(days=round(band.low * 365.25) + 1)
        high = min(band.high, band.low + 9)
        return youngest - timedelta(days=rng.randrange(round((high + 1 - band.low) * 365.25) - 1))


def people(registry: Registry, count: int) -> Iterator[Person]:
    return (registry.enrol(number) for number in range(count))


def _birth_place(rng: Random, birth: date, home: Department, adult: bool) -> Commune:
    draw = rng.random()
    if adult and draw < 0.13:
        choices = _ABROAD
    elif draw > (0.15 if len(home.code) == 3 else 0.97):
        choices = _OVERSEAS
    else:
        near = [commune for commune in _FRENCH if commune.code.startswith(home.code)]
        choices = near if near and rng.random() < 0.6 else _FRENCH
    fit = [commune for commune in choices if commune.since <= birth.year]
    return rng.choice(fit or [commune for commune in _FRENCH if commune.since <= birth.year])


def _fictitious_commune(rng: Random) -> Commune:
    """A commune number that no geography has (950 to 989), for nations larger than the table of communes."""
    codes = [code for code in DEPARTMENTS if code.isdigit() and len(code) == 2 and code not in ("75", "78")]
    department = rng.choice([code for code in codes if not "91" <= code <= "95"])
    return Commune(f"{department}{rng.randint(950, 989)}", f"Commune fictive ({DEPARTMENTS[department].name})", 1900)


def _named(kind: str, year: int) -> list[str]:
    since = max(name.since for name in NAMES if name.kind == kind and name.since <= max(year, 1900))
    return [name.name for name in NAMES if name.kind == kind and name.since == since]


def _family(rng: Random) -> str:
    return rng.choice(_FAMILIES)


_FAMILIES = [name.name.upper() for name in NAMES if name.kind == "family"]


def _givens(rng: Random, sex: str, birth: date) -> tuple[str, ...]:
    """One to three given names, the first hyphenated for 8 % of people."""
    plain = _named(sex, birth.year)
    first = rng.choice(_named(f"{sex}-", birth.year)) if rng.random() < 0.08 else rng.choice(plain)
    draw = rng.random()
    others = rng.sample([name for name in plain if name != first], 2 if draw < 0.20 else 1 if draw < 0.55 else 0)
    return tuple(name.upper() for name in (first, *others))
