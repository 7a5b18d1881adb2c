"""The report of the gates as one static page a language: what failed, where, how often, what to do."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any, Literal

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from quality.gates import BatchReport, Check

Language = Literal["fr", "en"]

SHOWN_DELIVERIES = 4


class Shown(msgspec.Struct, frozen=True):
    """One batch on the page: its report, what became of it (an operator may have accepted it), and when."""

    report: BatchReport
    outcome: str
    at: str

    @property
    def stops(self) -> bool:
        return self.outcome == "stopped"


def render(batches: Sequence[Shown], at: str, language: Language) -> str:
    """The whole page. Stopped batches come first, then the newest."""
    words = _words(language)
    newest = batches[::-1]
    order = sorted(newest, key=lambda one: not one.stops)
    faults = [(one, check) for one in order for check in one.report.faults]
    faults.sort(key=lambda pair: (not pair[0].stops, pair[1].severity != "critical"))
    verdict = "none" if not batches else "open"
    if any(one.stops for one in batches):
        verdict = "closed"
    elif any(one.outcome == "warned" for one in batches):
        verdict = "open_warned"
    totals = {
        "n_batches": len(batches),
        "n_rows": sum(one.report.rows for one in batches),
        "n_stopped": sum(one.stops for one in batches),
        "n_warned": sum(one.outcome == "warned" for one in batches),
    }
    text: str = _page().render(
        w=words, language=language, at=_time(at), verdict=verdict, totals=totals, batches=order, faults=faults,
        number=lambda value: _number(value, language), fault=lambda check: _fault(check, language),
        share=lambda check: _share(check, language), deliveries=lambda one: _deliveries(one, words), time=_time,
    )  # fmt: skip
    return text


def _fault(check: Check, language: Language) -> dict[str, str]:
    words = check.words
    title, fix = (words.title_fr, words.fix_fr) if language == "fr" else (words.title_en, words.fix_en)
    return {"title": title, "fix": fix}


def _share(check: Check, language: Language) -> str:
    """`37 of 120 (31 %)`, the measure of a whole batch, or nothing for what could not be evaluated."""
    words = _words(language)
    if check.outcome == "broken":
        return "–"
    if not check.checked:
        observed = "" if check.observed is None else f" ({_number(check.observed, language)})"
        return f"{words['whole']}{observed}"
    percent = f"{round(100 * check.unexpected / check.checked)}" + ("\u00a0%" if language == "fr" else "%")
    return f"{_number(check.unexpected, language)} {words['of']} {_number(check.checked, language)} ({percent})"


def _number(value: float, language: Language) -> str:
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
    return text.replace(",", "\u202f").replace(".", ",") if language == "fr" else text


def _deliveries(one: Shown, words: dict[str, str]) -> str:
    names = one.report.batch.deliveries
    more = len(names) - SHOWN_DELIVERIES
    return ", ".join(names[:SHOWN_DELIVERIES]) + (f" {words['more'].format(n=more)}" if more > 0 else "")


def _time(at: str) -> str:
    return at[:16].replace("T", " ")


@cache
def _words(language: Language) -> dict[str, str]:
    text = resources.files("quality").joinpath("words.csv").read_text(encoding="utf-8")
    return {row["key"]: row[language] for row in csv.DictReader(io.StringIO(text, newline=""))}


@cache
def _page() -> Any:
    environment = Environment(
        loader=PackageLoader("quality", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("report.html.j2")
