"""What an operator should look at: each check says whether it is well, and what to do when it is not."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib.metadata import version

import msgspec

from carnet.settings import Settings
from warehouse import ledger
from warehouse.database import integrity, reading
from warehouse.store import Store

STUCK = timedelta(hours=1)
SPACE = 2 * 1024**3


class Check(msgspec.Struct, frozen=True):
    """One thing looked at."""

    name: str
    well: bool
    says: str
    todo: str = ""


def examine(settings: Settings, store: Store, now: datetime) -> Iterator[Check]:
    """All checks, in order."""
    yield Check("versions", True, f"carnet {version('carnet')}, Python {sys.version.split()[0]}")
    yield _keys(settings)
    yield _disk(settings)
    yield _database(store)
    yield _clock(store, now)
    yield _stuck(store, now)
    yield _outbox(store)
    yield _leftovers(store)


def _keys(settings: Settings) -> Check:
    mode = settings.keys.stat().st_mode & 0o777
    if mode != 0o600:
        return Check("keys", False, f"the root key has mode {mode:o}", "chmod 600 the root key")
    inside = settings.keys.is_relative_to(settings.home)
    says = "private; inside the home" if inside else "private; apart from the home"
    todo = "in production set CARNET_KEYS to a place apart from the home and its backups" if inside else ""
    return Check("keys", True, says, todo)


def _disk(settings: Settings) -> Check:
    free = shutil.disk_usage(settings.home).free
    says = f"{free / 1024**3:.1f} GiB free"
    return Check("disk", free >= SPACE, says, "" if free >= SPACE else "make room: ingest stops when the disk is full")


def _database(store: Store) -> Check:
    problem = integrity(store.engine)
    todo = "stop ingest, restore the last backup, ingest again: deliveries taken twice change nothing"
    return Check("database", not problem, problem or "sound", todo if problem else "")


def _clock(store: Store, now: datetime) -> Check:
    with reading(store.engine) as connection:
        latest = ledger.latest_receipt(connection)
    ahead = latest is not None and datetime.fromisoformat(latest) > now + timedelta(minutes=5)
    says = "a delivery was received in the future" if ahead else "not behind the deliveries"
    return Check("clock", not ahead, says, "check the clock of this machine and of the senders" if ahead else "")


def _stuck(store: Store, now: datetime) -> Check:
    limit = (now - STUCK).isoformat(timespec="seconds")
    with reading(store.engine) as connection:
        stuck = ledger.unfinished(connection, limit)
    if not stuck:
        return Check("deliveries", True, "none is half taken")
    shown = ", ".join(delivery[:12] for delivery in stuck[:5])
    todo = "ingest the same files again: they resume; a message of the wire had no answer, and resumes when sent again"
    return Check("deliveries", False, f"{len(stuck)} half taken: {shown}", todo)


def _outbox(store: Store) -> Check:
    with reading(store.engine) as connection:
        behind = ledger.behind(connection)
    says = f"{behind} delivery(ies) whose answers are not written; the next ingest, or the listener, writes them"
    return Check("outbox", True, says if behind else "every answer is written")


def _leftovers(store: Store) -> Check:
    with reading(store.engine) as connection:
        listed = ledger.listed_packs(connection)
    packs = list(store.packs.glob("*.pack")) if store.packs.exists() else []
    stray = [pack for pack in packs if pack.name not in listed]
    size = sum(pack.stat().st_size for pack in stray)
    says = f"{len(stray)} pack(s) of killed workers, {size / 1024**2:.1f} MiB; never read"
    return Check("packs", True, says if stray else f"{len(listed)} pack(s), all listed")
