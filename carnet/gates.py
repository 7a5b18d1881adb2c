"""The step between the lake and the marts: hold what is new to the suites, say what came of it, open or close.

The `adoption` DAG runs `gates` before `publish`. It is the only way to the engine of expectations: a command may
import this module, and pays for the engine only by running `gates`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from carnet.errors import GateClosed, OperatorError
from carnet.settings import Settings
from quality.expectations import Past, suites
from quality.gates import Batch, BatchReport, GateReport, run
from quality.report import Language, Shown, render
from warehouse import gated
from warehouse.gated import Segment
from warehouse.store import Store

BATCH_ROWS = 500_000
"""A larger delivery is judged in several batches, so that memory does not grow with it."""
ALONE = 50
"""A delivery of fewer rows says little by itself: a sender's small deliveries are judged together."""
PAGE_BATCHES = 500


def gates(settings: Settings, store: Store, now: datetime) -> GateReport:
    """Judge what no gate has let through yet and write the report of the trusted zone.

    `GateClosed` when a critical expectation failed; run again, it says the same until the batch is mended or accepted.
    """
    batches = batched(gated.pending(store))
    report = run(_Tables(store, batches), suites(), senders=list(settings.senders), past=_past(store))
    at = now.isoformat(timespec="seconds")
    gated.record(
        store,
        [(one.batch.segments, one.outcome, msgspec.json.encode(one.trimmed()).decode()) for one in report.batches],
        at,
    )
    write_page(store, at)
    if report.stops:
        closed = [one for one in report.batches if one.stops]
        senders = ", ".join(sorted({one.batch.sender for one in closed}))
        raise GateClosed(
            f"{len(closed)} batch(es) of {senders} failed a critical expectation, nothing was published: "
            "see trusted/quality.html; once it is understood or corrected, `carnet gates --accept SEGMENT`"
        )
    return report


def accept(store: Store, segment: str, now: datetime) -> list[str]:
    """An operator lets a stopped batch through, named by one of its segments. It becomes the sender's reference."""
    at = now.isoformat(timespec="seconds")
    names = gated.accept(store, segment, at)
    if not names:
        raise OperatorError("no stopped batch has a segment of this name: `carnet gates` lists those that stop")
    write_page(store, at)
    return names


def stopped(store: Store) -> list[dict[str, Any]]:
    """One row a batch that keeps the gate closed."""
    return [
        {
            "segment": one.batch.name,
            "kind": one.batch.kind,
            "sender": one.batch.sender,
            "deliveries": list(one.batch.deliveries),
            "rows": one.rows,
            "failed": [check.name for check in one.faults],
        }
        for one, outcome, _ in _kept(store)
        if outcome == gated.STOPPED
    ]


def quality_page(home: Path) -> Path:
    """The report of the gates. It has exact counts by sender: it stays in the trusted zone, out of the site."""
    return home / "trusted" / "quality.html"


def write_page(store: Store, at: str) -> None:
    """The report in both languages, from what is kept: `quality.html` (fr) and `quality.en.html`."""
    kept = [Shown(report, outcome, when) for report, outcome, when in _kept(store)]
    shown = kept[-PAGE_BATCHES:]
    shown = [one for one in kept[:-PAGE_BATCHES] if one.outcome == gated.STOPPED] + shown
    page = quality_page(store.home)
    page.parent.mkdir(parents=True, exist_ok=True)
    pages: dict[Language, Path] = {"fr": page, "en": page.with_name("quality.en.html")}
    for language, path in pages.items():
        fresh = path.with_suffix(".fresh")
        fresh.write_text(render(shown, at, language), encoding="utf-8")
        fresh.replace(path)


def batched(segments: list[Segment]) -> list[Batch]:
    """Segments put together: what was stopped stays as it was, a large delivery stands alone, small ones meet."""
    rows: dict[str, int] = {}
    for one in segments:
        rows[one.delivery] = rows.get(one.delivery, 0) + one.rows
    groups: dict[tuple[str, str, str], list[list[Segment]]] = {}
    for one in segments:
        together = one.batch or (one.delivery if rows[one.delivery] >= ALONE else "")
        found = groups.setdefault((one.kind, one.sender, together), [[]])
        if found[-1] and not one.batch and sum(s.rows for s in found[-1]) + one.rows > BATCH_ROWS:
            found.append([])
        found[-1].append(one)
    return [
        Batch(
            kind=kind,
            sender=sender,
            deliveries=tuple(dict.fromkeys(one.delivery[:12] for one in part)),
            segments=tuple(one.name for one in part),
        )
        for (kind, sender, _), parts in groups.items()
        for part in parts
    ]


class _Tables(Mapping[Batch, Any]):
    """The rows of each batch, read when they are asked for."""

    def __init__(self, store: Store, batches: list[Batch]) -> None:
        self._store = store
        self._batches = batches

    def __getitem__(self, batch: Batch) -> Any:
        return gated.load(self._store, batch.segments)

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._batches)

    def __len__(self) -> int:
        return len(self._batches)


def _kept(store: Store) -> list[tuple[BatchReport, str, str]]:
    return [(msgspec.json.decode(one.report, type=BatchReport), one.outcome, one.at) for one in gated.judged(store)]


def _past(store: Store) -> dict[tuple[str, str], Past]:
    """What each sender's batches held that were let through; an accepted batch begins a new past."""
    found: dict[tuple[str, str], Past] = {}
    for report, outcome, _ in _kept(store):
        key = (report.batch.kind, report.batch.sender)
        if outcome == gated.STOPPED:
            continue
        before = Past() if outcome == gated.ACCEPTED else found.get(key, Past())
        found[key] = before.joined(report.departments, report.rows)
    return found
