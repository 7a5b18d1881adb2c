"""What is said of a schematron beside its findings, in two languages: what was left out, and what was repaired."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Literal

import msgspec

Bearing = Literal["stops", "lessens", "tells"]
"""Whether nothing was applied, something was left out, or it is merely told (a repair of what is in use)."""


class Note(msgspec.Struct, frozen=True):
    """A row of `sentences.csv` about some files, assertions or code systems, by name."""

    code: str
    names: tuple[str, ...] = ()

    @property
    def bearing(self) -> Bearing:
        return sentences()[self.code].bearing

    def told(self) -> dict[str, str]:
        row = sentences()[self.code]
        names, left = self.names[:NAMED], len(self.names) - NAMED
        listed = ", ".join((*names, f"+ {left}") if left > 0 else names)
        return {"fr": row.fr.format(names=listed), "en": row.en.format(names=listed)}


NAMED = 20
"""Names told in a note; the number of the others follows."""


class Sentence(msgspec.Struct, frozen=True):
    code: str
    bearing: Bearing
    fr: str
    en: str


@cache
def sentences() -> dict[str, Sentence]:
    text = resources.files("quality").joinpath("ans", "sentences.csv").read_text(encoding="utf-8")
    return {row["code"]: msgspec.convert(row, Sentence) for row in csv.DictReader(io.StringIO(text, newline=""))}


class Notes:
    """Gathers names under codes, in the order in which they are first said."""

    def __init__(self, said: Iterable[Note] = ()) -> None:
        self._said: dict[str, dict[str, None]] = {note.code: dict.fromkeys(note.names) for note in said}

    def say(self, code: str, name: str = "") -> None:
        self._said.setdefault(code, {}).update({name: None} if name else {})

    def all(self) -> tuple[Note, ...]:
        return tuple(Note(code, tuple(names)) for code, names in self._said.items())
