"""Words, numbers and dates of the site in one language; every text of a page comes from `words.csv`."""

from __future__ import annotations

import csv
import io
from datetime import date
from functools import cache
from importlib import resources
from typing import Any, Literal

Language = Literal["fr", "en"]
LANGUAGES: tuple[Language, ...] = ("fr", "en")

MONTHS: dict[Language, tuple[str, ...]] = {
    "fr": (
        "janvier", "février", "mars", "avril", "mai", "juin",
        "juillet", "août", "septembre", "octobre", "novembre", "décembre",
    ),
    "en": (
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
}  # fmt: skip
SHORT_MONTHS: dict[Language, tuple[str, ...]] = {
    "fr": ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."),
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}
DAYS: dict[Language, tuple[str, ...]] = {
    "fr": ("dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"),
    "en": ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
}
DECIMAL: dict[Language, str] = {"fr": ",", "en": "."}
THOUSANDS: dict[Language, str] = {"fr": "\u202f", "en": ","}
PERCENT: dict[Language, str] = {"fr": "\u00a0%", "en": "%"}


@cache
def table() -> dict[str, dict[str, str]]:
    """Every word: key → language → text."""
    text = resources.files("warehouse.dashboard").joinpath("words.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return {row["key"]: {"fr": _spaced(row["fr"]), "en": row["en"]} for row in rows}


def _spaced(text: str) -> str:
    """French text with the spaces that must not break: inside quotation marks and before high punctuation."""
    for plain, fixed in ((" »", "\u00a0»"), ("« ", "«\u00a0"), (" :", "\u00a0:"), (" ;", "\u202f;"), (" ?", "\u202f?")):
        text = text.replace(plain, fixed)
    return text


class Words:
    """The words of one language. A key that is not in the table is a bug: it raises `KeyError`."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def __call__(self, key: str, /, **values: Any) -> str:
        text = table()[key][self.language]
        return text.format(**values) if values else text

    def label(self, group: str, code: str) -> str:
        """The name of a code (`kind`, `type`, `measure` …); the code itself when it has no name."""
        found = table().get(f"{group}.{code}") or (table()["other"] if code == "other" else None)
        return found[self.language] if found else code

    def number(self, value: float) -> str:
        """Thousands apart, at most one decimal: `12 340`, `12,340`, `3,5`."""
        text = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
        return text.replace(",", "\0").replace(".", DECIMAL[self.language]).replace("\0", THOUSANDS[self.language])

    def percent(self, value: float, *, signed: bool = False) -> str:
        sign = "+" if signed and value > 0 else ""
        return sign + self.number(round(value, 1)).replace("-", "\u2212") + PERCENT[self.language]

    def month(self, month: str) -> str:
        """`2026-03` in full: `mars 2026`; anything else as it is."""
        if not _is_month(month):
            return self.label("month", month)
        return f"{MONTHS[self.language][int(month[5:]) - 1]} {month[:4]}"

    def short_month(self, month: str) -> str:
        return f"{SHORT_MONTHS[self.language][int(month[5:]) - 1]} {month[:4]}"

    def day(self, day: str) -> str:
        """`2026-03-04` in full: `4 mars 2026`; anything else as it is."""
        try:
            found = date.fromisoformat(day)
        except ValueError:
            return self.label("day", day)
        first = "1er" if found.day == 1 and self.language == "fr" else str(found.day)
        return f"{first} {MONTHS[self.language][found.month - 1]} {found.year}"

    def number_locale(self) -> dict[str, Any]:
        """For d3-format."""
        return {
            "decimal": DECIMAL[self.language],
            "thousands": THOUSANDS[self.language],
            "grouping": [3],
            "currency": ["", "\u00a0€"],
            "percent": PERCENT[self.language],
            "minus": "\u2212",
        }

    def time_locale(self) -> dict[str, Any]:
        """For d3-time-format."""
        french = self.language == "fr"
        days = DAYS[self.language]
        return {
            "dateTime": "%A %e %B %Y à %X" if french else "%x, %X",
            "date": "%d/%m/%Y",
            "time": "%H:%M:%S",
            "periods": ["AM", "PM"],
            "days": list(days),
            "shortDays": [day[:3] for day in days],
            "months": list(MONTHS[self.language]),
            "shortMonths": list(SHORT_MONTHS[self.language]),
        }


def _is_month(text: str) -> bool:
    return len(text) == 7 and text[4] == "-" and text[:4].isdigit() and text[5:].isdigit() and 1 <= int(text[5:]) <= 12
