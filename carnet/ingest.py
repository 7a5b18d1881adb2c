"""The whole job on one delivery: hash, recognise, read, interpret, commit in parts."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from carnet.errors import OperatorError
from carnet.interpret import Interpreted, interpret
from carnet.judged import Context, Vouched
from carnet.settings import Sender, Settings
from connectors.base import Locator, Refusal, Source, Span, Yielded
from connectors.registry import recognise
from transforms.moments import parse_iso
from warehouse.commit import Intake, Step, commit, finish_segments, no_step, open_delivery
from warehouse.prepared import Part, PreparedItem, Range
from warehouse.store import Store

PART_ITEMS = 500
PART_READINGS = 100_000
PART_BYTES = 64 * 1024 * 1024
PARIS = ZoneInfo("Europe/Paris")
SIDECAR = ".meta.json"
MANIFEST = "manifest.csv"


class Outcome(msgspec.Struct, frozen=True):
    """What one file became: its delivery id, and whether its bytes were known before."""

    delivery: str
    repeated: bool


def ingest_file(
    store: Store,
    path: Path,
    sender: Sender,
    received_at: datetime,
    *,
    vouched: Vouched | None = None,
    step: Step = no_step,
) -> Outcome:
    """Take one file. The file itself is never touched."""
    try:
        digest = sha256(path)
        source = Source.of_path(path)
    except OSError as error:
        raise OperatorError(f"a file of {sender.id} could not be read: {error.strerror}") from None
    return ingest_source(store, source, digest, sender, received_at, vouched=vouched, step=step)


def ingest_source(
    store: Store,
    source: Source,
    digest: str,
    sender: Sender,
    received_at: datetime,
    *,
    vouched: Vouched | None = None,
    step: Step = no_step,
) -> Outcome:
    """Take a delivery whose SHA-256 is known. Known bytes are a repeat: counted, not read again."""
    finish_segments(store)
    connector = recognise(source)
    intake = Intake(
        delivery=digest,
        sender=sender.id,
        kind=sender.kind,
        department=sender.department,
        received_at=received_at.isoformat(timespec="seconds"),
        received_utc=received_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        received_month=received_at.astimezone(PARIS).strftime("%Y-%m"),
        size=source.size,
        connector=connector.name if connector else "",
        name=source.name,
        vouched=f"{vouched.ins}@{vouched.oid}" if vouched else "",
    )
    status, committed = open_delivery(store, intake)
    if status == "taken":
        return Outcome(digest, repeated=True)
    if connector is None:
        code = "UNKNOWN_FORMAT" if source.size else "EMPTY_FILE"
        yielded: Iterator[Yielded] = iter([Refusal(Locator(), Span(0, source.size), code)])
    elif sender.formats and connector.family not in sender.formats:
        yielded = iter([Refusal(Locator(), Span(0, source.size), "FORMAT_NOT_ADMITTED")])
    else:
        yielded = connector.read(source)
    context = Context(
        sender=sender.id,
        policy=sender.policy(),
        zone=ZoneInfo(sender.zone),
        received_at=intake.received_utc,
        vouched=vouched,
    )
    for part in parts(interpret(source, yielded, context)):
        if part.number >= committed:
            commit(store, intake, source, part, step)
    return Outcome(digest, repeated=False)


def parts(steps: Iterable[Interpreted]) -> Iterator[Part]:
    """Steps cut into parts by what they hold, never by time: the same delivery is always cut the same way."""
    items: list[PreparedItem] = []
    ranges: list[Range] = []
    number, size, readings = 0, 0, 0
    declared: int | None = None
    held_back: Part | None = None
    for found in steps:
        items.extend(found.items)
        ranges.extend(found.ranges)
        size += sum(r.span.length for r in found.ranges)
        readings += sum(item.readings.num_rows for item in found.items if item.readings is not None)
        if found.declared is not None:
            declared = (declared or 0) + found.declared
        if len(items) >= PART_ITEMS or readings >= PART_READINGS or size >= PART_BYTES:
            if held_back is not None:
                yield held_back
            held_back = Part(number, tuple(items), tuple(ranges), last=False, declared=declared)
            items, ranges, number, size, readings = [], [], number + 1, 0, 0
    if items or ranges or held_back is None:
        if held_back is not None:
            yield held_back
        held_back = Part(number, tuple(items), tuple(ranges), last=True, declared=declared)
    yield msgspec.structs.replace(held_back, last=True, declared=declared)


class Found(msgspec.Struct, frozen=True):
    """A file to ingest and who sends it."""

    path: Path
    sender: Sender


def manifest_entry(path: Path) -> Vouched | None:
    """What the `manifest.csv` (file, ins, ins_oid, zone) beside a file says of its patient; None when nothing does."""
    manifest = path.with_name(MANIFEST)
    if path.name == MANIFEST or not manifest.is_file():
        return None
    try:
        with manifest.open(encoding="utf-8-sig", newline="") as stream:
            rows = [row for row in csv.DictReader(stream) if (row.get("file") or "").strip() == path.name]
    except (OSError, UnicodeDecodeError, csv.Error):
        raise OperatorError("a manifest.csv cannot be read: file,ins,ins_oid,zone in UTF-8 is expected") from None
    said = {
        ((row.get("ins") or "").strip(), (row.get("ins_oid") or "").strip(), (row.get("zone") or "").strip())
        for row in rows
    }
    if len(said) != 1:
        return None
    return Vouched(*said.pop())


def discover(paths: Iterable[Path], settings: Settings, sender_id: str | None) -> tuple[list[Found], list[Path]]:
    """Files under these paths with their senders, sorted; and the files nobody sends.

    With `sender_id` every file is that sender's. Without, `PATH/<sender>/…` names the sender by folder, and a file
    beside the folders (a `truth.json`, a note) belongs to nobody and is said to be left out.
    """
    found: list[Found] = []
    left: list[Path] = []
    for root in paths:
        if not root.exists():
            raise OperatorError("no such file or folder among the paths given")
        files = [root] if root.is_file() else sorted(p for p in root.rglob("*") if p.is_file())
        for path in files:
            inside = path.relative_to(root).parts if root.is_dir() else ()
            if path.name.endswith(SIDECAR) or path.name == MANIFEST or any(part.startswith(".") for part in inside):
                continue
            if sender_id is not None:
                found.append(Found(path, settings.sender(sender_id)))
            elif len(inside) > 1:
                found.append(Found(path, settings.sender(inside[0])))
            else:
                left.append(path)
    return found, left


def received(path: Path, given: str | None, clock: Callable[[], datetime]) -> datetime:
    """When a delivery was received: as given, else its sidecar `<file>.meta.json`, else the clock."""
    if given is not None:
        return _instant(given, "--received")
    sidecar = path.with_name(path.name + SIDECAR)
    if sidecar.exists():
        try:
            said = json.loads(sidecar.read_text(encoding="utf-8"))["received_at"]
        except (OSError, ValueError, KeyError, TypeError):
            raise OperatorError("a sidecar (.meta.json) holds no received_at") from None
        return _instant(str(said), "a sidecar's received_at")
    return clock()


def _instant(text: str, what: str) -> datetime:
    moment = parse_iso(text)
    if moment is None:
        raise OperatorError(f"{what} is no ISO 8601 time")
    value = datetime.fromisoformat(moment.iso)
    return value if value.tzinfo else value.replace(tzinfo=PARIS)


def sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
