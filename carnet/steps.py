"""The later steps, as the command line and the DAGs call them: publish, measure, figures, queries."""

from __future__ import annotations

from typing import Any

import msgspec

from carnet.errors import GateClosed, OperatorError
from carnet.settings import Settings
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
    marts.publish(store, {sender.id: sender.kind for sender in settings.senders.values()})


def measure(settings: Settings, store: Store) -> None:
    """Every metric, protected, written to the published set."""
    try:
        exact = measuring.measure(store.home)
    except measuring.NotPublished:
        raise OperatorError("nothing is published yet: run `carnet publish` first") from None
    metrics = measuring.metrics()
    write_published(store.home, {name: protect(metrics[name], rows) for name, rows in exact.items()})


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
