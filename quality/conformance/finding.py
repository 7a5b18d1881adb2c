"""Findings: what is said of a place in a message, in two languages, without any value of it."""

from __future__ import annotations

import csv
import io
import re
from functools import cache
from importlib import resources
from typing import Literal

import msgspec

from connectors.base import shape
from connectors.hl7.anatomy import Segment
from connectors.hl7.tokens import SEGMENTS
from quality.conformance.profiles import Profile, public

Level = Literal["error", "warning", "advice"]
LEVELS: tuple[Level, ...] = ("error", "warning", "advice")


class Words(msgspec.Struct, frozen=True):
    """A row of `conformance.csv`: `{place}`, `{name}`, `{expected}` and `{came}` stand for what a finding says."""

    code: str
    level: Level
    fr: str
    en: str
    fix_fr: str
    fix_en: str


@cache
def words() -> dict[str, Words]:
    text = resources.files("quality").joinpath("conformance.csv").read_text(encoding="utf-8")
    return {row["code"]: msgspec.convert(row, Words) for row in csv.DictReader(io.StringIO(text, newline=""))}


class Finding(msgspec.Struct, frozen=True):
    """One thing to say. `sequence` is that of the segment, or of the one after which a segment is missing."""

    level: Level
    code: str
    segment: str
    sequence: int
    field: str
    """`PID-3`, `PID-3[2].4.2` (second repetition, component 4, sub-component 2); empty for a whole segment."""
    expected: str
    came: str
    """By shape, or verbatim when it is in a closed public table."""
    fr: str
    """The name of the field in French."""
    en: str
    source: str = "carnet"

    def told(self) -> dict[str, str]:
        """The sentences and what to do, in both languages."""
        row = words()[self.code]
        place = self.field or self.segment
        given = {"place": place, "expected": self.expected, "came": self.came}
        return {
            "message_fr": row.fr.format(name=self.fr, **given),
            "message_en": row.en.format(name=self.en, **given),
            "fix_fr": row.fix_fr.format(name=self.fr, **given | {"expected": french_expected(self.expected)}),
            "fix_en": row.fix_en.format(name=self.en, **given),
        }


_WORDS = {
    "label": "libellé",
    "system": "système",
    "number": "numéro",
    "family": "nom",
    "given": "prénom",
    "givens": "prénoms",
    "name": "nom",
    "street": "rue",
    "city": "ville",
    "postcode": "code postal",
    "country": "pays",
    "subject": "objet",
    "digits": "chiffres",
    "letter": "lettre",
    "or": "ou",
    "YYYY": "AAAA",
    "DD": "JJ",
}


def french_expected(text: str) -> str:
    """What was expected, with its few English words in French."""
    return re.sub("[a-z]+|YYYY|DD", lambda found: _WORDS.get(found[0], found[0]), text)


def quoted(value: str) -> str:
    """A value that came, fit to be shown: itself when it is public, else its shape."""
    return value if value in public() else shape(value)


def shown_name(segment: str) -> str:
    """The name of a segment when HL7 or the French PAM know it: three letters of anything else may be a value."""
    if segment in SEGMENTS:
        return segment
    return "Z??" if segment.startswith("Z") else "???"


class Place(msgspec.Struct, frozen=True):
    """Somewhere in a segment."""

    segment: Segment
    number: int = 0
    component: int = 0
    subcomponent: int = 0
    repetition: int = 1

    def __str__(self) -> str:
        if not self.number:
            return ""
        again = f"[{self.repetition}]" if self.repetition > 1 else ""
        parts = [str(part) for part in (self.component, self.subcomponent) if part]
        return ".".join([f"{self.segment.name}-{self.number}{again}", *parts])

    @property
    def value(self) -> str:
        return self.segment.text(self.number, self.component or 1, self.repetition, self.subcomponent)

    def of(self, component: int, subcomponent: int = 0) -> Place:
        return msgspec.structs.replace(self, component=component, subcomponent=subcomponent)


class Findings:
    """Gathers what is said of one message."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.said: list[Finding] = []

    def say(
        self, code: str, place: Place, *, expected: str = "", came: str | None = None, level: Level | None = None
    ) -> None:
        """A finding about a place. What came is told by shape, or as `came` says it."""
        rule = self.profile.rule(place.segment.name, place.number)
        if came is None:
            came = quoted(place.value) if place.number else ""
        self.said.append(
            Finding(
                level=level or words()[code].level,
                code=code,
                segment=shown_name(place.segment.name),
                sequence=place.segment.sequence,
                field=str(place),
                expected=expected,
                came=came,
                fr=rule.fr or "champ",
                en=rule.en or "field",
            )
        )

    def missing(self, code: str, segment: str, after: int, expected: str, *, level: Level | None = None) -> None:
        """A finding about a segment that is not there, after the segment with sequence `after`."""
        self.said.append(
            Finding(level or words()[code].level, code, segment, after, "", expected, "empty", "segment", "segment")
        )


def ordered(said: list[Finding]) -> tuple[Finding, ...]:
    """In the order of the message, each thing once."""
    unique = dict.fromkeys(said)
    return tuple(sorted(unique, key=lambda f: (f.sequence, _numbers(f.field), LEVELS.index(f.level), f.code)))


def _numbers(field: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", field.partition("-")[2])))
