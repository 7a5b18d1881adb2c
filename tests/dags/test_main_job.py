"""`python -m carnet.run` in a copy of the clone: a real scheduler, real workers, and nothing left of them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.dags.conftest import ROOT

pytestmark = pytest.mark.airflow
PACKAGES = ("carnet", "connectors", "dags", "quality", "transforms", "warehouse")


class Place(msgspec.Struct, frozen=True):
    """A clone of its own, and the empty folders that stand for everything outside it."""

    clone: Path
    outside: Path

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("AIRFLOW", "CARNET", "XDG", "PYTEST"))}
        folders = {name: str(self.outside / name) for name in ("HOME", "TMPDIR")}
        return subprocess.Popen(
            [sys.executable, "-m", "carnet.run", *arguments],
            cwd=self.clone,
            env=kept | folders,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def processes(self) -> list[str]:
        """What still runs with this clone's environment or in its folders."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                told = (process / "environ").read_bytes() + os.fsencode(os.readlink(process / "cwd"))
                if os.fsencode(self.clone) in told:
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found

    def strays(self) -> list[Path]:
        return list(self.outside.glob("*/*"))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    found = Place(tmp_path / "clone", tmp_path / "outside")
    found.clone.mkdir()
    for name in ("HOME", "TMPDIR"):
        (found.outside / name).mkdir(parents=True)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, found.clone / name, ignore=shutil.ignore_patterns("__pycache__"))
    yield found


def values_of(landing: Path) -> set[bytes]:
    """INS, birth names and file names of a feed: what no page, log or list of Airflow may show."""
    found: set[bytes] = set()
    for path in landing.rglob("*"):
        if not path.is_file() or path.parent == landing:
            continue
        data = path.read_bytes()
        found |= set(re.findall(rb"\b[12][0-9]{14}\b", data))
        found |= set(re.findall(rb'<family qualifier="BR">([^<]{6,})<', data))
        if path.suffix in (".xml", ".hl7") or path.name.startswith("libreview"):
            found.add(path.stem.encode())
    return found - {b"export"}


def test_the_main_job_takes_a_feed_shows_its_figures_and_leaves_nothing(place: Place) -> None:
    process = place.start("--patients", "40", "--months", "2", "--seed", "7", "--timeout", "200")
    out, progress = process.communicate(timeout=240)
    assert process.returncode == 0, out + progress
    assert "figures equal truth.json" in out
    assert re.search(r"documents_by_creation +[\d·]", out)
    assert "nothing left running" in progress
    assert place.processes() == []
    assert place.strays() == []

    airflow = place.clone / ".airflow"
    assert stat.S_IMODE((airflow / "password.json").stat().st_mode) == 0o600
    listening = (airflow / "output" / "api-server.log").read_text()
    assert "http://127.0.0.1:" in listening and "0.0.0.0" not in listening
    assert not list((place.clone / "landing").glob("*/.claimed/*"))

    database = sqlite3.connect(airflow / "airflow.db")
    try:
        states = dict(database.execute("SELECT dag_id, group_concat(DISTINCT state) FROM dag_run GROUP BY dag_id"))
    finally:
        database.close()
    assert set(states.values()) == {"success"} and len(states) == 5

    needles = values_of(place.clone / "landing")
    assert len(needles) > 40
    logs = [path for path in airflow.rglob("*") if path.is_file()]
    assert any(path.match("logs/dag_id=ingest_cda/*/task_id=ingest/*/*.log") for path in logs)
    leaks = {path.name for path in logs for needle in needles if needle in path.read_bytes()}
    assert leaks == set()


def test_a_run_that_is_told_to_stop_takes_airflow_down_with_it(place: Place) -> None:
    landing = place.clone / "in"
    (landing / "demo").mkdir(parents=True)
    process = place.start("--landing", str(landing))
    deadline = time.monotonic() + 60
    while not (place.clone / ".airflow" / "output" / "api-server.log").exists():
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert len(place.processes()) > 2
    process.send_signal(signal.SIGTERM)
    _, progress = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped" in progress
    assert place.processes() == []
    assert place.strays() == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("--landing", "nowhere"), "--landing nowhere is no folder"), (("--seed", "x"), "invalid int value")],
)
def test_what_the_operator_has_to_mend_is_said_in_a_line(place: Place, arguments: tuple[str, ...], said: str) -> None:
    process = place.start(*arguments)
    _, progress = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said in progress and "Traceback" not in progress
    assert not (place.clone / ".airflow").exists()
