"""From files to pages: what was taken shows on the site, protected, and under its own definition."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from carnet import steps
from carnet.cli import app
from carnet.errors import OperatorError
from tests.accounts import feed, people
from tests.cda import cda
from tests.hub import Hub

NOW = datetime.fromisoformat("2026-04-05T06:00:00+02:00")


@pytest.fixture
def measured(hub: Hub) -> Hub:
    persons = people(120, seed=1)
    hub.take(feed(persons, event="invited", at="2026-01-15T09:00:00+01:00"))
    hub.take(feed(persons[:57], event="opened", at="2026-02-10T18:00:00+01:00", channel=lambda _: "web"))
    for rank, person in enumerate(persons[:23], 1):
        birth = f"{person.birth_year}{person.ins[3:5]}14"
        hub.take(cda(str(rank), ins=person.ins, sex=person.sex, birth=birth, family=f"ESSAI{chr(64 + rank)}"))
    steps.publish(hub.settings, hub.store)
    steps.measure(hub.settings, hub.store)
    return hub


def cells(page: Path, section: str) -> dict[str, list[str]]:
    text = page.read_text("utf-8")
    text = text[text.index(f'id="{section}"') :]
    rows = re.findall(r"<tr><th scope=\"row\"[^>]*>(.*?)</th>(.*?)</tr>", text[: text.index("</table>")], re.DOTALL)
    return {name: re.findall(r"<td[^>]*>(.*?)</td>", rest, re.DOTALL) for name, rest in rows}


def test_what_was_taken_shows_on_the_site_rounded(measured: Hub) -> None:
    site = steps.dashboard(measured.settings, measured.store, now=NOW)
    assert site == measured.store.home / "site"
    assert cells(site / "activations.html", "activations-month") == {"janvier 2026": ["0"], "février 2026": ["60"]}
    assert cells(site / "activations.html", "activations-holders")["février 2026"] == ["120", "60"]
    assert cells(site / "documents.html", "documents-source") == {"mars 2026": ["20"]}
    (sender,) = cells(site / "feeds.html", "freshness").values()
    assert sender[1:3] == ["4 mars 2026", "il y a 32 jours"]


def test_fewer_people_than_the_threshold_are_nowhere_on_the_site(hub: Hub) -> None:
    hub.take(feed(people(7, seed=1), event="opened"))
    steps.publish(hub.settings, hub.store)
    steps.measure(hub.settings, hub.store)
    site = steps.dashboard(hub.settings, hub.store, now=NOW)
    assert cells(site / "activations.html", "activations-month") == {"janvier 2026": ["secret statistique"]}
    for path in site.rglob("*.csv"):
        assert not re.search(r"\b7\b", path.read_text("utf-8").partition("\n")[2])


def test_the_command_makes_the_site_where_it_is_told(measured: Hub, tmp_path: Path) -> None:
    arguments = ["dashboard", "--home", str(measured.store.home), "--out", str(tmp_path / "www")]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert done.stdout.strip() == str(tmp_path / "www" / "index.html")
    assert (tmp_path / "www" / "en" / "index.html").is_file()


def test_there_is_no_site_before_there_are_figures_nor_over_other_things(measured: Hub, tmp_path: Path) -> None:
    with pytest.raises(OperatorError):
        steps.dashboard(measured.settings, measured.store, measured.store.home, now=NOW)
    fresh = Hub(tmp_path / "fresh")
    with pytest.raises(OperatorError):
        steps.dashboard(fresh.settings, fresh.store, now=NOW)
