"""The whole job on deliveries: hash, recognise, read, interpret, commit in parts and groups."""

from __future__ import annotations

import gc
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from carnet.errors import OperatorError
from carnet.interpret import Interpreted, interpret
from carnet.judged import Context, Vouched
from carnet.manifests import SIDECAR, said_beside
from carnet.settings import Sender, Settings
from connectors.base import Connector, Locator, Refusal, Source, Span, Yielded
from connectors.registry import recognise
from transforms.moments import parse_iso
from warehouse.commit import Entry, Intake, Step, commit, finish_segments, no_step, open_deliveries
from warehouse.ledger import BETWEEN
from warehouse.prepared import Part, PreparedItem, Range
from warehouse.store import Store

GROUP_FILES = 200
GROUP_BYTES = 16 * 1024 * 1024
PART_ITEMS = 500
PART_READINGS = 100_000
PART_BYTES = 64 * 1024 * 1024
PARIS = ZoneInfo("Europe/Paris")
UNKNOWN = Sender(id="unknown", name="", kind="office")
"""Stands for whoever dropped a file in a landing folder that no declared sender owns."""


class Incoming(msgspec.Struct, frozen=True):
    """One file to take: its bytes, who sends it, when it was received, and the patient vouched for."""

    source: Source
    digest: str
    sender: Sender
    received_at: datetime
    vouched: Vouched | None = None


class Outcome(msgspec.Struct, frozen=True):
    """What one file became: its delivery id, and whether its bytes were known before."""

    delivery: str
    repeated: bool


def incoming(path: Path, sender: Sender, received_at: datetime, vouched: Vouched | None = None) -> Incoming:
    """A file, hashed. The file itself is never touched."""
    try:
        return Incoming(Source.of_path(path), sha256(path), sender, received_at, vouched)
    except OSError as error:
        raise OperatorError(f"a file of {sender.id} could not be read: {error.strerror}") from None


def ingest(store: Store, files: Iterable[Incoming], step: Step = no_step) -> Iterator[Outcome]:
    """Take files, the small ones of one sender in groups. An outcome is yielded once its delivery is committed."""
    finish_segments(store)
    group: list[Incoming] = []
    for file in files:
        full = len(group) >= GROUP_FILES or sum(one.source.size for one in group) >= GROUP_BYTES
        full = full or any(one.digest == file.digest for one in group)
        if group and (full or file.sender != group[0].sender):
            yield from _take(store, group, step)
            group = []
        group.append(file)
    if group:
        yield from _take(store, group, step)


@contextmanager
def _settled_heap() -> Iterator[None]:
    """Look for garbage seldom, and not in what was there before the work, which is all modules: the search is a fifth
    of the work otherwise, and finds next to nothing, for what a part is made of can form no cycle."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@_settled_heap()
def _take(store: Store, group: list[Incoming], step: Step) -> list[Outcome]:
    connectors = [recognise(file.source) for file in group]
    intakes = [_intake(file, connector) for file, connector in zip(group, connectors, strict=True)]
    outcomes = []
    waiting: list[Entry] = []
    for file, connector, intake, opened in zip(
        group, connectors, intakes, open_deliveries(store, intakes), strict=True
    ):
        # Half taken from another sender: its own file, still claimed or given again, brings it to its end.
        others = opened.status == "taking" and opened.parts > 0 and opened.sender != intake.sender
        outcomes.append(Outcome(intake.delivery, repeated=opened.status == "taken" or others))
        if opened.status == "taken" or others:
            continue
        if opened.status == "taking" and opened.parts:
            file = msgspec.structs.replace(file, vouched=_voucher(opened.vouched))
        intake = _intake(file, connector, opened.take)
        for part in parts(interpret(file.source, _read(file, connector), _context(file, intake))):
            if part.number >= opened.parts:
                waiting.append(Entry(intake, file.source, part))
            if _full(waiting):
                commit(store, waiting, step)
                waiting = []
    if waiting:
        commit(store, waiting, step)
    return outcomes


def _full(entries: list[Entry]) -> bool:
    items = sum(len(entry.part.items) for entry in entries)
    readings = sum(_readings(entry.part.items) for entry in entries)
    size = sum(range_.span.length for entry in entries for range_ in entry.part.ranges)
    return items >= PART_ITEMS or readings >= PART_READINGS or size >= PART_BYTES


def _readings(items: Iterable[PreparedItem]) -> int:
    return sum([item.readings.num_rows for item in items if item.readings is not None])


def _voucher(text: str) -> Vouched | None:
    """The patient and zone that a delivery was begun with (`Intake.vouched`)."""
    return Vouched(*text.split(BETWEEN)) if text else None


def _vouched(patient: Vouched | None) -> str:
    if patient is None:
        return ""
    return BETWEEN.join(field.replace(BETWEEN, "") for field in (patient.ins, patient.oid, patient.zone))


def _intake(file: Incoming, connector: Connector | None, take: int = 0) -> Intake:
    sender, received_at = file.sender, file.received_at
    return Intake(
        delivery=file.digest,
        sender=sender.id,
        kind=sender.kind,
        department=sender.department,
        received_at=received_at.isoformat(timespec="seconds"),
        received_utc=received_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        received_month=received_at.astimezone(PARIS).strftime("%Y-%m"),
        size=file.source.size,
        connector=connector.name if connector else "",
        name=file.source.name,
        vouched=_vouched(file.vouched),
        admitted=not _door(file, connector),
        take=take,
    )


def _context(file: Incoming, intake: Intake) -> Context:
    return Context(
        sender=file.sender.id,
        policy=file.sender.policy(),
        zone=ZoneInfo(file.sender.zone),
        received_at=intake.received_utc,
        vouched=file.vouched,
        formats=file.sender.formats,
    )


def _read(file: Incoming, connector: Connector | None) -> Iterator[Yielded]:
    """What the connector says, or the one refusal of a file that nobody reads."""
    code = _door(file, connector)
    if connector is None or code:
        return iter([Refusal(Locator(), Span(0, file.source.size), code)])
    return connector.read(file.source)


def _door(file: Incoming, connector: Connector | None) -> str:
    """Why a file is not read at all; empty when it is."""
    if file.sender == UNKNOWN:
        return "UNKNOWN_SENDER"
    if connector is None:
        return "UNKNOWN_FORMAT" if file.source.size else "EMPTY_FILE"
    if file.sender.formats and connector.family not in file.sender.formats and not connector.container:
        return "FORMAT_NOT_ADMITTED"
    return ""


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
        for range_ in found.ranges:
            size += range_.span.length
        readings += _readings(found.items)
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
    root: Path
    """The folder above which no manifest is looked for."""


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
        top = root if root.is_dir() else root.parent
        files = [root] if root.is_file() else sorted(p for p in root.rglob("*") if p.is_file())
        for path in files:
            inside = path.relative_to(root).parts if root.is_dir() else ()
            if said_beside(path) or any(part.startswith(".") for part in inside):
                continue
            if sender_id is not None:
                found.append(Found(path, settings.sender(sender_id), top))
            elif len(inside) > 1:
                found.append(Found(path, settings.senders.get(inside[0], UNKNOWN), root / inside[0]))
            else:
                left.append(path)
    return found, left


def received(path: Path, given: str | None, clock: Callable[[], datetime]) -> datetime:
    """When a delivery was received: as given, else its sidecar `<file>.meta.json`, else the clock."""
    if given is not None:
        return _instant(given, "--received")
    sidecar = path.with_name(path.name + SIDECAR)
    if os.path.exists(sidecar):  # noqa: PTH110 - a name may be too long to have one, where Path raises
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
