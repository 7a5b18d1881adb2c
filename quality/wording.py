"""French for what receipts and checks say beside the sentences of a code: ends, places, what was expected, what came.

These come in English from where they are seen, in closed words (`connectors.base.Refusal`); `phrases.csv` has the
French of each, `{}` standing for a number. What is no words (`^~\\&`, `OBX-5`) stays as it is.
"""

from __future__ import annotations

import csv
import io
import re
from functools import cache, lru_cache
from importlib import resources
from typing import Literal

from quality.catalogue import FRENCH

Language = Literal["fr", "en"]

_PLACES = {"line": "ligne", "member": "fichier", "document": "document", "message": "message"}


def end_of(end: str, number: int, lang: Language) -> str:
    """An end of `number` items in words: `3 acceptés avec remarque` has its participle alone agree."""
    if lang == "en":
        return end
    first, blank, rest = FRENCH[end].partition(" ")
    if end == "duplicate":
        return FRENCH[end] if number > 1 else FRENCH[end].removesuffix("s")
    return (first if number > 1 else first.removesuffix("s")) + blank + rest


def said(text: str, lang: Language) -> str:
    """What was expected or what came."""
    return in_french(text) if lang == "fr" else text


def place(locator: str, lang: Language) -> str:
    """A place of a delivery (`connectors.base.Locator`)."""
    if lang == "en":
        return locator
    if locator == "file":
        return "fichier"
    return re.sub(r"\b(line|member) (?=\d)", lambda found: f"{_PLACES[found[1]]} ", locator)


@lru_cache(1024)
def in_french(text: str) -> str:
    """The French of a phrase; the phrase itself where the table has none."""
    for pattern, french in _phrases():
        if found := pattern.fullmatch(text):
            return french.replace("{}", found[1]) if found.groups() else french
    return text


@cache
def _phrases() -> list[tuple[re.Pattern[str], str]]:
    text = resources.files("quality").joinpath("phrases.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return [(re.compile(re.escape(row["en"]).replace(r"\{\}", r"(\d+)")), row["fr"]) for row in rows]
