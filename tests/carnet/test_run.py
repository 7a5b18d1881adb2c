"""The runner's parts that need no Airflow: the feed it makes and throws away, the truth, the processes it ends."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from carnet.errors import OperatorError
from carnet.run import feed, servers, truth
from tests.cda import cda
from tests.hub import Hub

TABLES = {
    "documents": {"keys": ("month", "kind"), "rows": [{"month": "2026-03", "kind": "lab", "documents": 3}]},
    "activations": {"keys": ("month",), "rows": [{"month": "2026-03", "activations": 2, "share": 33.34}]},
}


@pytest.mark.parametrize(
    ("expected", "lines"),
    [
        ({"documents": [{"month": "2026-03", "kind": "lab", "documents": 3}]}, []),
        ({"activations": [{"month": "2026-03", "activations": 2, "share": 33.33}]}, []),
        (
            {"activations": [{"month": "2026-03", "activations": 3, "share": 33.34}]},
            ["activations [2026-03]: activations is 2, truth 3"],
        ),
        (
            {"documents": [{"month": "2026-04", "kind": "lab", "documents": 3}]},
            [
                "documents [2026-03, lab]: a row that the truth does not have: documents 3",
                "documents [2026-04, lab]: a row is missing: documents 3",
            ],
        ),
        (
            {"activations": [{"month": "2026-03", "activations": 2}]},
            ["activations [2026-03]: share is 33.34, truth None"],
        ),
        ({"readings": []}, ["readings: there is no such metric"]),
    ],
)
def test_the_truth_is_told_apart_row_by_row(expected: dict[str, Any], lines: list[str]) -> None:
    assert list(truth.differences(expected, TABLES)) == lines


def test_a_file_that_is_no_truth_is_the_operators_to_mend(tmp_path: Path) -> None:
    (tmp_path / "truth.json").write_text("[]")
    with pytest.raises(OperatorError, match=r"no truth\.json"):
        truth.read(tmp_path / "truth.json")


def test_a_feed_is_begun_again_and_a_home_that_holds_nothing_else_is_emptied(tmp_path: Path) -> None:
    landing, home = tmp_path / "landing", tmp_path / "home"
    assert feed.make(landing, patients=5, months=1, seed=1) == len(feed.made(landing)) > 0
    hub = Hub(home)
    hub.take_files(list(landing.glob("assurance/*.csv")))
    (home / "senders.toml").write_text("")
    assert hub.deliveries()
    hub.store.engine.dispose()

    first = feed.made(landing)
    assert feed.make(landing, patients=6, months=1, seed=2) > 0
    assert feed.made(landing) != first
    assert not feed.begin_again(home, feed.made(landing))
    assert Hub(home).deliveries()
    assert feed.begin_again(home, first)
    assert Hub(home).deliveries() == []
    assert (home / "senders.toml").exists()


def test_what_somebody_else_dropped_is_never_thrown_away(tmp_path: Path) -> None:
    landing, home = tmp_path / "landing", tmp_path / "home"
    feed.make(landing, patients=5, months=1, seed=1)
    mine = landing / "demo" / "mine.xml"
    mine.parent.mkdir()
    mine.write_bytes(cda("1"))
    with pytest.raises(OperatorError, match="1 file"):
        feed.make(landing, patients=5, months=1, seed=1)
    assert mine.exists()
    Hub(home).take(cda("1"))
    assert not feed.begin_again(home, feed.made(landing))
    assert Hub(home).ends() == {"accepted": 1}


def test_stopping_ends_a_component_with_all_it_started_also_when_they_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "GRACE", 0.5)
    stubborn = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "if os.fork() == 0: os.setpgid(0, 0)\n"
        "time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", stubborn], start_new_session=True)
    deadline = time.monotonic() + 10
    while len(servers.members({process.pid})) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(servers.members({process.pid})) == 2
    servers.stop({"stubborn": process})
    assert servers.members({process.pid}) == []
