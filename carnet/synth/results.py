"""Laboratory values: what a request measures, and how each value stands in its range."""

from __future__ import annotations

import math
from datetime import date
from functools import lru_cache
from random import Random
from statistics import NormalDist

import msgspec

from carnet.synth.chance import chance, stable
from carnet.synth.population import Person
from carnet.synth.tables import LAB_REQUESTS, LAB_TESTS, LabRequest, LabTest

CHAPTERS = {
    "18723-7": "Hématologie",
    "18720-3": "Hémostase",
    "18719-5": "Biochimie",
    "18718-7": "Protéines, marqueurs tumoraux, vitamines",
    "18727-8": "Sérologie",
    "18725-2": "Microbiologie",
}
FLAGS = {
    "N": "Normal",
    "H": "Anormalement haut",
    "L": "Anormalement bas",
    "HH": "Très anormalement haut",
    "LL": "Très anormalement bas",
    "POS": "Positif",
    "NEG": "Négatif",
}
# Out-of-range results come to 10-15 %: people vary around a level of their own.
_OWN = 0.6
_INFECTED = 0.12
_MOST = 20


class Result(msgspec.Struct, frozen=True):
    """One result. `value` has the digits of the test; `below` says that it is under `floor`, which it shows."""

    test: LabTest
    value: str
    below: bool
    flag: str
    low: str
    high: str

    @property
    def positive(self) -> bool:
        return self.flag == "POS"


class Chapter(msgspec.Struct, frozen=True):
    """The results of one chapter of a report: one filler order of the message."""

    code: str
    requests: tuple[tuple[LabRequest, tuple[Result, ...]], ...]

    @property
    def name(self) -> str:
        return CHAPTERS[self.code]

    @property
    def specimen(self) -> str:
        return self.requests[0][0].specimen

    @property
    def results(self) -> list[Result]:
        return [result for _, results in self.requests for result in results]


@lru_cache(maxsize=4096)
def chapters_of(seed: int, person: Person, serial: int, on: date) -> tuple[Chapter, ...]:
    """What the laboratory finds for a request, by chapter. Equal arguments give equal values."""
    rng = chance(seed, "laboratory", person.number, serial)
    sick = {"diabetes"} if person.diabetes else set()
    if rng.random() < _INFECTED:
        sick.add("infection")
    wanted = _wanted(rng, person, on)
    scores: dict[str, float] = {}
    values: dict[str, float] = {}

    def measure(loinc: str) -> Result:
        test = LAB_TESTS[loinc]
        own = NormalDist().inv_cdf((stable(seed, person.number, test.loinc) + 0.5) / 2**64)
        score = _OWN * own + math.sqrt(1 - _OWN**2) * rng.gauss(0, 1)
        if test.follows in scores:
            score = test.rho * scores[test.follows] + math.sqrt(1 - test.rho**2) * score
        scores[test.loinc] = score
        values[test.loinc] = _value(test, person, on, score, sick, values)
        return _judged(test, person, values[test.loinc])

    measured = []
    for request in wanted:
        # A test is measured after the one it follows, and shown where the request has it.
        found = {loinc: measure(loinc) for loinc in _ordered(request)}
        measured.append((request, tuple(found[loinc] for loinc in request.tests.split())))
    return tuple(
        Chapter(code, tuple(pair for pair in measured if pair[0].chapter == code))
        for code in CHAPTERS
        if any(request.chapter == code for request, _ in measured)
    )


def corrected(chapters: tuple[Chapter, ...]) -> tuple[Chapter, ...]:
    """The same report with its first result measured again (a little higher)."""
    first, *rest = chapters
    (request, (result, *others)), *more = first.requests
    if not result.below and result.test.law != "negative":
        value = f"{float(result.value) * 1.04 + 10.0**-result.test.digits:.{result.test.digits}f}"
        result = msgspec.structs.replace(result, value=value, flag=_flag(float(value), result.low, result.high))
    mended = ((request, (result, *others)), *more)
    return (msgspec.structs.replace(first, requests=mended), *rest)


def _wanted(rng: Random, person: Person, on: date) -> list[LabRequest]:
    """What a prescription asks for, twenty tests at most."""
    wanted = [asked for asked in LAB_REQUESTS if _for(asked, person, on) and rng.random() * 100 < asked.per_hundred]
    while sum(len(asked.tests.split()) for asked in wanted) > _MOST:
        wanted.pop(rng.randrange(len(wanted)))
    return wanted or [LAB_REQUESTS[0]]


def _ordered(request: LabRequest) -> list[str]:
    """The tests of a request, each after the one it follows, else as listed."""
    loincs = request.tests.split()
    return sorted(loincs, key=lambda loinc: LAB_TESTS[loinc].follows in loincs)


def _for(request: LabRequest, person: Person, on: date) -> bool:
    match request.who:
        case "men over 50":
            return person.sex == "M" and person.age(on) > 50
        case "antivitamin K":
            return person.antivitamin_k
        case "all":
            return True


def _value(test: LabTest, person: Person, on: date, score: float, sick: set[str], values: dict[str, float]) -> float:
    mean = test.mean_m if person.sex == "M" else test.mean_f
    spread = test.spread
    if test.sick in sick:
        mean, spread = test.sick_mean, test.sick_spread
    elif test.per_year:
        mean += test.per_year * max(0, person.age(on) - 40)
    match test.law:
        case "lognormal":
            return mean * math.exp(spread * score)
        case "ratio":
            return mean * values[test.follows]
        case "negative":
            return 1.0 if NormalDist().cdf(score) < mean else 0.0
        case "normal":
            return max(mean + spread * score, mean / 5)


def _judged(test: LabTest, person: Person, value: float) -> Result:
    low, high = (test.low_m, test.high_m) if person.sex == "M" else (test.low_f, test.high_f)
    if test.law == "negative":
        return Result(test, "", False, "POS" if value else "NEG", "", "")
    below = test.floor != "" and value < float(test.floor)
    said = test.floor if below else f"{value:.{test.digits}f}"
    return Result(test, said, below, "N" if below else _flag(float(said), low, high), low, high)


def _flag(value: float, low: str, high: str) -> str:
    if low and value < float(low):
        return "LL" if value < float(low) / 2 else "L"
    if high and value > float(high):
        return "HH" if value > float(high) * 2 else "H"
    return "N"
