"""The landing folder: what is ready, claimed once, handed over, and put aside when it is archived.

`landing/<sender>/…` is watched. A file is ready when its `<file>.ok` stands beside it, or when it has been quiet for a
while and keeps its size between two looks; names that end in .tmp, .part or .filepart are still being written. A claim
is one rename into `.claimed/<token>/`, so two workers never take one file. A token begins with its family, because
four families look at one folder at once and none may touch a claim that another is just making; of one family, nobody
removes a folder that is not empty. After the commit the
file moves to `.taken/`, where it stays for its retention. Paths below a sender's folder are patient values: only
tokens leave this module.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from carnet.errors import OperatorError
from carnet.ingest import (
    UNKNOWN,
    Incoming,
    Outcome,
    incoming,
    ingest,
    received,
    sha256,
)
from carnet.judged import Vouched
from carnet.manifests import MANIFEST, SIDECAR, manifest_entry
from carnet.settings import Settings
from connectors.base import Source
from connectors.registry import recognise
from warehouse.commit import Step, no_step
from warehouse.store import Store

WRITING = (".tmp", ".part", ".filepart", ".crdownload")
READY = ".ok"
CLAIMED, TAKEN = ".claimed", ".taken"
NOTE = "patient.json"
"""Beside a claimed file: the patient vouched for when it was claimed."""
AHEAD = 60.0
"""Seconds by which clocks of one network differ; a file dated further ahead says nothing by its date."""
CATCH_ALL = "cda"
"""The family whose DAG also takes what no connector recognises, so that it is refused with a reason."""


class Claim(msgspec.Struct, frozen=True):
    """One file taken out of the landing folder, named by a token that says nothing."""

    sender: str
    token: str
    short: str
    """First 12 characters of the delivery's id, for labels."""
    family: str


class Look(msgspec.Struct, frozen=True):
    """What one look at the landing folder found, by sender and reason; counts only."""

    claims: tuple[Claim, ...]
    waiting: dict[str, dict[str, int]]
    """sender → reason (`growing`, `writing`, `vanished`, `unreadable`, `link`, `special`, `manifest`) → number of files
    left in place."""


def look(landing: Path, settings: Settings, families: set[str], *, quiet: float = 5.0, pause: float = 0.2) -> Look:
    """Claim what is ready and of these families; the rest stays, with a reason for each file that is not taken."""
    waiting: dict[str, dict[str, int]] = {}
    candidates: list[tuple[str, Path, int]] = []
    claims: list[Claim] = []
    for folder in sorted(p for p in landing.iterdir() if p.is_dir() and not p.name.startswith(".")):
        claims.extend(_left_behind(folder, families))
        for path in _files(folder):
            reason, size = _readiness(path, quiet)
            if reason:
                _note(waiting, folder.name, reason)
            else:
                candidates.append((folder.name, path, size))
    if candidates:
        time.sleep(pause)
    for sender, path, size in candidates:
        claimed = _claim(landing / sender, sender, path, size, families)
        match claimed:
            case Claim():
                claims.append(claimed)
            case str():
                _note(waiting, sender, claimed)
            case None:
                pass
    return Look(claims=tuple(claims), waiting=waiting)


def _files(folder: Path) -> Iterator[Path]:
    """What lies in a sender's folder, links to folders too; nothing that begins with a dot."""
    for path in sorted(_walk(folder, hidden=False)):
        if not path.name.endswith((SIDECAR, READY)) and path.name != MANIFEST:
            yield path


def _walk(folder: Path, *, hidden: bool) -> Iterator[Path]:
    """Files and links below a folder; folders that another worker removes meanwhile are passed over."""
    for place, folders, files in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]  # noqa: PTH114, PTH118
        if not hidden:
            folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place, name) for name in (*links, *files) if hidden or not name.startswith("."))


def _readiness(path: Path, quiet: float) -> tuple[str, int]:
    """('', size) when ready, else the reason it is left where it is."""
    if path.name.lower().endswith(WRITING):
        return "writing", 0
    if path.is_symlink():
        return "link", 0
    try:
        found = path.stat()
    except FileNotFoundError:
        return "vanished", 0
    if not stat.S_ISREG(found.st_mode):
        return "special", 0
    if _exists(_beside(path, READY)) or not -AHEAD <= time.time() - found.st_mtime < quiet:
        return "", found.st_size
    return "growing", found.st_size


def _claim(folder: Path, sender: str, path: Path, size: int, families: set[str]) -> Claim | str | None:
    """The claim, the reason it could not be made, or None when another family takes the file."""
    try:
        if path.stat().st_size != size:
            return "growing"
        source = Source.of_path(path)
        connector = recognise(source)
        family = connector.family if connector else CATCH_ALL
        if family not in families:
            return None
        token = f"{family}-{secrets.token_hex(12)}"
        home = folder / CLAIMED / token
        inside = home / path.relative_to(folder)
        vouched = manifest_entry(path, folder)
        inside.parent.mkdir(parents=True)
        path.rename(inside)
        _note_patient(home, vouched)
        _follow(path, inside)
        return Claim(sender=sender, token=token, short=_short(inside), family=family)
    except FileNotFoundError:
        return "vanished"
    except OperatorError:
        return "manifest"
    except OSError:
        return "unreadable"


def _note_patient(home: Path, vouched: Vouched | None) -> None:
    """Keep who was vouched for with the claim: the sender may change the manifest before the file is taken.

    Written after the file is claimed, so that a folder without a file can be cleared away by anybody.
    """
    if vouched is not None:
        fresh = home / f"{NOTE}.{secrets.token_hex(4)}"
        fresh.write_bytes(msgspec.json.encode(vouched))
        fresh.replace(home / NOTE)


def _left_behind(folder: Path, families: set[str]) -> Iterator[Claim]:
    """Claims of these families whose worker was killed: before the file was put aside, or while it was claimed."""
    for home in sorted((folder / CLAIMED).glob("*")):
        family = home.name.partition("-")[0]
        if family not in families:
            continue
        path = _claimed_file(home)
        if path is None:
            _clear(home)
            continue
        origin = folder / path.relative_to(home)
        try:
            if not (home / NOTE).exists():
                _note_patient(home, manifest_entry(origin, folder))
            _follow(origin, path)
            yield Claim(sender=folder.name, token=home.name, short=_short(path), family=family)
        except (OSError, OperatorError):
            continue  # put aside by another worker meanwhile, or not readable now: the next look tries again


def _clear(home: Path) -> None:
    """Remove a claim's folder, never a file that was claimed into it meanwhile."""
    for path in _walk(home, hidden=True):
        if _is_note(home, path):
            path.unlink(missing_ok=True)
    for place, _, _ in os.walk(home, topdown=False):
        try:
            os.rmdir(place)  # noqa: PTH106
        except OSError:
            return


def _follow(origin: Path, claimed: Path) -> None:
    """Bring the sidecar and the mark of a claimed file after it, unless a new file of that name came meanwhile."""
    for extra in (SIDECAR, READY):
        beside = _beside(origin, extra)
        if not origin.exists() and _exists(beside):
            beside.rename(_beside(claimed, extra))


def _beside(path: Path, extra: str) -> Path:
    return path.with_name(path.name + extra)


def _exists(path: Path) -> bool:
    """Unlike `Path.exists`, no for a name too long to be one."""
    return os.path.exists(path)  # noqa: PTH110


def remaining(landing: Path) -> tuple[int, int]:
    """How many files wait in the landing folder: (not claimed, claimed but not put aside)."""
    folders = [path for path in landing.iterdir() if path.is_dir() and not path.name.startswith(".")]
    waiting = sum(1 for folder in folders for _ in _files(folder))
    claimed = sum(1 for folder in folders for home in (folder / CLAIMED).glob("*") if _claimed_file(home))
    return waiting, claimed


def _claimed_file(home: Path) -> Path | None:
    return next(
        (
            path
            for path in sorted(_walk(home, hidden=True))
            if path.is_file() and not path.name.endswith((SIDECAR, READY)) and not _is_note(home, path)
        ),
        None,
    )


def _is_note(home: Path, path: Path) -> bool:
    return path.parent == home and path.name.startswith(NOTE)


def take(
    store: Store, settings: Settings, landing: Path, claims: Iterable[Claim], now: datetime, step: Step = no_step
) -> Iterator[Outcome]:
    """Ingest claimed files in groups, and put each aside once it is committed. A claim taken already is passed over."""
    homes: list[tuple[Path, Path, Path]] = []

    def files() -> Iterator[Incoming]:
        for claim in claims:
            folder = landing / claim.sender
            home = folder / CLAIMED / claim.token
            path = _claimed_file(home)
            if path is None:
                continue
            vouched_file = home / NOTE
            vouched = msgspec.json.decode(vouched_file.read_bytes(), type=Vouched) if vouched_file.exists() else None
            sender = settings.senders.get(claim.sender, UNKNOWN)
            try:
                file = incoming(path, sender, received(path, None, lambda: now), vouched)
            except OperatorError:
                if path.exists():
                    raise
                continue  # another worker put it aside meanwhile
            homes.append((folder, home, path))
            yield file

    for done, outcome in enumerate(ingest(store, files(), step)):
        _put_aside(*homes[done])
        yield outcome


def _put_aside(folder: Path, home: Path, path: Path) -> None:
    """Move a taken file to `.taken/`, below a folder of its own where its name is taken; its retention begins now."""
    inside = path.relative_to(home)
    target = folder / TAKEN / inside
    if any(_exists(place) and (place == target or not place.is_dir()) for place in (target, *target.parents)):
        target = folder / TAKEN / home.name / inside
    target.parent.mkdir(parents=True, exist_ok=True)
    for extra in ("", SIDECAR, READY):
        beside = _beside(path, extra)
        if _exists(beside):
            try:
                os.utime(beside)
                beside.rename(_beside(target, extra))
            except FileNotFoundError:
                continue  # another worker took the same claim and put it aside
    _clear(home)


def clear_taken(landing: Path, now: datetime, days: int = 7) -> int:
    """Delete archived files older than their retention; how many went."""
    limit = now.timestamp() - days * 86_400
    gone = 0
    for path in landing.glob(f"*/{TAKEN}/**/*"):
        with contextlib.suppress(FileNotFoundError):  # another DAG clears the same folder
            if path.is_file() and path.stat().st_mtime < limit:
                path.unlink()
                gone += 1
    return gone


def _short(path: Path) -> str:
    return sha256(path)[:12]


def _note(waiting: dict[str, dict[str, int]], sender: str, reason: str) -> None:
    reasons = waiting.setdefault(sender, {})
    reasons[reason] = reasons.get(reason, 0) + 1
