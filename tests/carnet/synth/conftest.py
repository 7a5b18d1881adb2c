from __future__ import annotations

from pathlib import Path

import pytest
from synth_feed import Feed

from carnet.synth import generate


@pytest.fixture(scope="session")
def nation(tmp_path_factory: pytest.TempPathFactory) -> Feed:
    """A sound nation, of the size of `make run`."""
    out = tmp_path_factory.mktemp("nation")
    generate(out, patients=300, months=18, seed=2026)
    return Feed(out)


@pytest.fixture(scope="session")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Feed:
    """A nation of which a tenth is broken."""
    out: Path = tmp_path_factory.mktemp("broken")
    generate(out, patients=150, months=12, seed=9, faults=0.1)
    return Feed(out)
