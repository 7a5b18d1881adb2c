"""The site put in place: built beside its folder, then swapped in, so that a reader sees one build or the other."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from warehouse.dashboard.figures import Rows
from warehouse.dashboard.pages import MARKER, METRICS, build
from warehouse.dashboard.scene import Sender
from warehouse.measure import Metric

__all__ = ["METRICS", "NotOurs", "Sender", "put"]


class NotOurs(Exception):
    """The folder holds something that is no site of ours: it is left alone."""


def put(
    target: Path,
    tables: Mapping[str, Rows],
    definitions: Mapping[str, Metric],
    generated_at: str,
    senders: Mapping[str, Sender],
) -> None:
    """Build the site and swap it in at `target`. A build that is killed leaves the old site where it was.

    Two renames, as no folder can replace another in one: for the moment between them there is no site.
    """
    if target.exists() and not (target.is_dir() and ((target / MARKER).is_file() or not any(target.iterdir()))):
        raise NotOurs
    fresh, old = target.with_name(f".{target.name}.fresh"), target.with_name(f".{target.name}.old")
    for left in (fresh, old):
        shutil.rmtree(left, ignore_errors=True)
    build(tables, definitions, fresh, generated_at, senders)
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)
