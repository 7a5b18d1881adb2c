"""The later steps, as the command line and the DAGs call them: publish, measure, figures, queries."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from carnet.errors import GateClosed, OperatorError
from carnet.settings import Settings
from transforms.accounts import PARIS
from warehouse import gated, marts
from warehouse import measure as measuring
from warehouse.disclosure import protect
from warehouse.published import NotReadable, ask, read_published, write_published
from warehouse.store import Store


def publish(settings: Settings, store: Store) -> None:
    """Build the marts and swap them in. A batch that a gate stopped keeps it from happening."""
    closed = gated.stopped(store)
    if closed:
        raise GateClosed(
            f"{len(closed)} batch(es) wait behind the quality gate: see trusted/quality.html, then "
            "`carnet gates --accept SEGMENT`"
        )
    marts.publish(store, settings.kinds())


def measure(settings: Settings, store: Store) -> None:
    """Every metric, protected, written to the published set."""
    try:
        exact = measuring.measure(store.home)
    except measuring.NotPublished:
        raise OperatorError("nothing is published yet: run `carnet publish` first") from None
    metrics = measuring.metrics()
    write_published(store.home, {name: protect(metrics[name], rows) for name, rows in exact.items()})


def dashboard(settings: Settings, store: Store, out: Path | None = None, *, now: datetime | None = None) -> Path:
    """Build the static site from the published set and put it in place of the one before; the folder it is in.

    `out` is `<home>/site` by default. A folder that holds anything else than a site of ours is never replaced.
    """
    from warehouse.dashboard import site  # the drawing libraries cost a second that no other step should pay

    at = (now or datetime.now(PARIS)).astimezone(PARIS).isoformat(timespec="seconds")
    senders = {one.id: site.Sender(one.name, one.kind, one.rhythm) for one in settings.senders.values()}
    target = (out or store.home / "site").absolute()
    try:
        rows = read_published(store.home, list(site.METRICS))
        site.put(target, rows, measuring.metrics(), at, senders)
    except measuring.NotPublished:
        raise OperatorError("no figures yet: run `carnet publish`, then `carnet measure`") from None
    except site.NotOurs:
        raise OperatorError("--out is a folder with other things in it: name a new or an empty one") from None
    except OSError as error:
        raise OperatorError(f"the site cannot be written: {error.strerror}") from None
    return target


def figures(store: Store, name: str | None = None, *, trusted: bool = False) -> list[dict[str, Any]]:
    """Tables of figures with their definitions, exact or as published."""
    metrics = measuring.metrics()
    if name is not None and name not in metrics:
        raise OperatorError(f"no metric is called {name}: there are {', '.join(metrics)}")
    wanted = [name] if name is not None else list(metrics)
    try:
        if trusted:
            rows = {key: measuring.trusted(found) for key, found in measuring.measure(store.home, wanted).items()}
        else:
            rows = read_published(store.home, wanted)
    except measuring.NotPublished:
        raise OperatorError("no figures yet: run `carnet publish`, then `carnet measure`") from None
    return [_described(metrics[key], rows[key]) for key in wanted]


def _described(metric: measuring.Metric, rows: list[dict[str, Any]]) -> dict[str, Any]:
    words = {field: value for field, value in msgspec.structs.asdict(metric).items() if field != "sql"}
    return words | {"columns": list(rows[0]) if rows else list(metric.keys), "rows": rows}


def query(store: Store, text: str, *, trusted: bool = False) -> str:
    """The answer to one query on the published set (or the marts), as text."""
    try:
        return ask(store.home, text, trusted=trusted)
    except measuring.NotPublished:
        raise OperatorError("nothing is published yet: run `carnet publish`, then `carnet measure`") from None
    except NotReadable as error:
        raise OperatorError(str(error)) from None
