"""Where the real samples lie: beside the project, never inside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def sample(relative: str) -> Path:
    """A real sample; the test skips, and says so, where the folder of samples is absent."""
    root = Path(__file__).resolve().parents[3]
    named = os.environ.get("CARNET_SAMPLES")
    folders = [Path(named)] if named else [parent / "shared" / "samples" for parent in (root, *root.parents)]
    for folder in folders:
        if (folder / "devices" / relative).is_file():
            return folder / "devices" / relative
    pytest.skip(f"no real samples: devices/{relative} is not beside the project (set CARNET_SAMPLES)")
