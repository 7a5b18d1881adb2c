"""What the tasks of the DAGs do, as plain functions: ids and counts in, ids and counts out.

Where things are comes from the environment: `CARNET_HOME` and `CARNET_KEYS` (settings), `CARNET_LANDING` (default
`landing`), `CARNET_QUIET` (seconds a file has to be quiet before it is taken, default 5).

The scheduler stores and logs whatever a task returns or raises, so nothing that an input could have put there leaves
this module: exceptions are told by type and place. Imports are inside, because a scheduler reads the DAGs often.
"""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from carnet.errors import OperatorError

if TYPE_CHECKING:
    from carnet.receive import Claim
    from carnet.settings import Settings
    from warehouse.store import Store

FAMILIES = ("hl7", "cda", "devices", "accounts")
SMALLEST, LARGEST, SPREAD = 50, 500, 8
"""Deliveries in a chunk: a scheduler starts about one task a second, so a task takes many; and there should be
enough of them (`SPREAD`) to keep every worker busy."""
MOST = 50_000
"""Claims handed over in one run; the others stay claimed and come with the next."""

P = ParamSpec("P")
R = TypeVar("R")
log = logging.getLogger("carnet.tasks")


class TaskFailed(Exception):
    """Why a task failed, in words that no input has a part in."""


def private(step: Callable[P, R]) -> Callable[P, R]:
    """Let an exception out by its type and place only: its text may hold a patient value (a path, a parameter)."""

    @wraps(step)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return step(*args, **kwargs)
        except (OperatorError, TaskFailed) as error:
            raise TaskFailed(str(error)) from None
        except Exception as error:  # noqa: BLE001 - whatever it is, its text stays here
            raise TaskFailed(_told(error)) from None

    return guarded


def _told(error: Exception) -> str:
    """`KeyError at ingest.py:41`: the type, and the last line of ours that it passed."""
    ours = Path(__file__).parents[1]
    frames = traceback.extract_tb(error.__traceback__)
    places = [f for f in frames if Path(f.filename).is_relative_to(ours) and "site-packages" not in f.filename]
    return type(error).__name__ + (f" at {Path(places[-1].filename).name}:{places[-1].lineno}" if places else "")


@private
def receive(family: str) -> list[list[dict[str, str]]]:
    """Claim what is ready for a family: chunks of claims (sender, token, short, family); a file name is not in them.

    What was archived longer ago than its retention is deleted on the way.
    """
    import msgspec

    from carnet.receive import clear_taken, look
    from carnet.settings import load

    quiet = float(os.environ.get("CARNET_QUIET", "5"))
    clear_taken(_landing(), datetime.now(UTC))
    found = look(_landing(), load(), {family}, quiet=quiet)
    for sender, reasons in found.waiting.items():
        log.info("left in place for %s: %s", sender, reasons)
    claims = [msgspec.structs.asdict(claim) for claim in found.claims[:MOST]]
    size = min(LARGEST, max(SMALLEST, -(-len(claims) // SPREAD)))
    return [claims[start : start + size] for start in range(0, len(claims), size)]


def label(chunk: list[dict[str, str]]) -> str:
    """What a chunk is called on the scheduler's pages: `labo-nord 3f2a90c1d4e5 +49`."""
    more = f" +{len(chunk) - 1}" if len(chunk) > 1 else ""
    return f"{chunk[0]['sender']} {chunk[0]['short']}{more}"


@private
def ingest(chunk: list[dict[str, str]]) -> dict[str, int]:
    """Take the claims of a chunk; how many were `taken`, `repeated` (known bytes) and `failed` now.

    What an earlier try took is in none of these. A delivery that fails keeps its claim for the next run and does not
    disturb the others: they are taken together, and one by one when that fails. `TaskFailed` when all fail: then it
    is rather the disk, the database or the keys, and the task has to be tried again.
    """
    from carnet.outbox import write_outbox
    from carnet.receive import Claim

    claims = [Claim(**row) for row in chunk]
    counts = {"deliveries": len(claims), "taken": 0, "repeated": 0, "failed": 0}
    with _opened() as (settings, store):
        try:
            _take(settings, store, claims, counts)
        except Exception as error:  # noqa: BLE001 - a bulkhead: whose fault it is shows below
            log.warning("a group of deliveries was not taken (%s); they are taken one by one", _told(error))
            for claim in claims:
                try:
                    _take(settings, store, [claim], counts)
                except Exception as alone:  # noqa: BLE001 - the bulkhead between deliveries of one chunk
                    log.error("delivery %s was not taken: %s", claim.short, _told(alone))
                    counts["failed"] += 1
        try:
            write_outbox(store)
        except OSError as error:
            log.warning("answers wait for the next run (%s): the outbox cannot be written", _told(error))
    if claims and counts["failed"] == len(claims):
        raise TaskFailed(f"none of {len(claims)} deliveries could be taken; the lines above tell why")
    return counts


def _take(settings: Settings, store: Store, claims: list[Claim], counts: dict[str, int]) -> None:
    from carnet.receive import take

    for outcome in take(store, settings, _landing(), claims, datetime.now(UTC).astimezone()):
        counts["repeated" if outcome.repeated else "taken"] += 1


@private
def gates() -> None:
    """Hold the new batches to the suites; a critical failure stops what follows."""
    from carnet.gates import gates as judge

    with _opened() as (settings, store):
        judge(settings, store, datetime.now(UTC).astimezone())


@private
def publish() -> None:
    """Build the marts of the trusted zone."""
    from carnet import steps

    with _opened() as (settings, store):
        steps.publish(settings, store)


@private
def measure() -> None:
    """Compute every metric and publish what passes disclosure control."""
    from carnet import steps

    with _opened() as (settings, store):
        steps.measure(settings, store)


@private
def dashboard() -> None:
    """Draw the site from the published tables."""
    from carnet import steps

    with _opened() as (settings, store):
        steps.dashboard(settings, store)


def _landing() -> Path:
    return Path(os.environ.get("CARNET_LANDING", "landing")).absolute()


@contextmanager
def _opened() -> Iterator[tuple[Settings, Store]]:
    from carnet.home import open_home

    settings, store = open_home()
    try:
        yield settings, store
    finally:
        store.engine.dispose()
