"""The synthetic feed: made in the clone's landing folder, and thrown away with the home that it filled.

A list of what was made (`.feed.json`, SHA-256 of each file) stands in the landing folder. By it a later run knows that
a landing folder or a home holds nothing but an earlier synthetic feed and may be begun again; anything else is left
alone, with a word on what to do.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from carnet import listing
from carnet.errors import OperatorError
from carnet.home import open_home
from carnet.ingest import sha256
from carnet.manifests import MANIFEST, SIDECAR
from carnet.receive import READY
from warehouse.database import reading

LIST = ".feed.json"
TRUTH = "truth.json"
KEPT = ("senders.toml", "keys")
"""What a home keeps when it is begun again."""


def make(landing: Path, *, patients: int, months: int, seed: int) -> int:
    """Write a nation's feed into the landing folder; how many files a sender would have dropped."""
    from carnet.synth import generate

    known = made(landing)
    strange = [path for path in _dropped(landing) if sha256(path) not in known]
    if strange:
        raise OperatorError(
            f"{landing} holds {len(strange)} file(s) that are not of a synthetic feed: "
            f"take them with --landing {landing}, or move them away"
        )
    shutil.rmtree(landing, ignore_errors=True)
    landing.mkdir(parents=True)
    generate(landing, patients=patients, months=months, seed=seed)
    files = _dropped(landing)
    (landing / LIST).write_text(json.dumps(sorted({sha256(path) for path in files})))
    return len(files)


def made(landing: Path) -> set[str]:
    """Ids of the deliveries that the last synthetic feed of this landing folder was made of."""
    try:
        return set(json.loads((landing / LIST).read_text()))
    except (OSError, ValueError):
        return set()


def _dropped(landing: Path) -> list[Path]:
    """Files of senders, wherever they are by now (waiting, claimed, taken)."""
    return [
        path
        for path in sorted(landing.glob("*/**/*"))
        if path.is_file() and path.name != MANIFEST and not path.name.endswith((SIDECAR, READY, "patient.json"))
    ]


def begin_again(home: Path, synthetic: set[str]) -> bool:
    """Empty a home in which all deliveries came from a synthetic feed; False when it holds something else.

    True as well when there is no home, or nothing in it.
    """
    if not home.exists():
        return True
    settings, store = open_home(home)
    try:
        with reading(store.engine) as connection:
            taken = {row["delivery"] for row in listing.deliveries(connection)}
    finally:
        store.engine.dispose()
    if not taken:
        return True
    if settings.database is not None or not taken <= synthetic:
        return False
    for path in home.iterdir():
        if path.name in KEPT:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return True
