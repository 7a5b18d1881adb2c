"""kill -9 of ingest at any moment, then the same files again: the state of a clean run."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from carnet.synth import generate
from tests.hub import Hub

PROGRAM = """
import sys
from pathlib import Path
from tests.support import take_folder
from tests.hub import Hub
take_folder(Hub(Path(sys.argv[1])), Path(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def nation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nation") / "feed"
    generate(folder, patients=40, months=3, seed=5)
    return folder


@pytest.fixture(scope="module")
def clean(nation: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, float]:
    home = tmp_path_factory.mktemp("clean") / "home"
    started = time.perf_counter()
    run(home, nation).wait()
    return Hub(home).hash(), time.perf_counter() - started


def run(home: Path, nation: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(home), str(nation)], cwd=Path(__file__).parents[2])


def crash(home: Path, nation: Path, after: float) -> bool:
    """Start ingest, kill it after so many seconds; whether it was still alive."""
    process = run(home, nation)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.kill()
    return process.wait() == -9


def check(nation: Path, clean: tuple[str, float], tmp_path: Path, moments: int, seed: int) -> None:
    expected, seconds = clean
    rng = random.Random(seed)
    killed = 0
    for number in range(moments):
        home = tmp_path / str(number)
        killed += crash(home, nation, rng.uniform(0.3, 1.0) * seconds)
        assert run(home, nation).wait() == 0
        assert Hub(home).hash() == expected
    assert killed >= moments // 3


def test_three_killed_runs_end_as_a_clean_one(nation: Path, clean: tuple[str, float], tmp_path: Path) -> None:
    check(nation, clean, tmp_path, 3, seed=1)


@pytest.mark.slow
def test_twenty_killed_runs_end_as_a_clean_one(nation: Path, clean: tuple[str, float], tmp_path: Path) -> None:
    check(nation, clean, tmp_path, 20, seed=2)


def test_two_workers_on_the_same_files_end_as_one(nation: Path, clean: tuple[str, float], tmp_path: Path) -> None:
    home = tmp_path / "home"
    Hub(home)
    workers = [run(home, nation) for _ in range(2)]
    assert [worker.wait() for worker in workers] == [0, 0]
    assert Hub(home).hash() == clean[0]
