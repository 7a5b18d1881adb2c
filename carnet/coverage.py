"""How much of the documents of each model became coded content: the rows of `coverage`."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

from transforms.documents import DocumentRecord
from transforms.xds.entry import model_of, model_version
from warehouse import ledger
from warehouse.database import Connection
from warehouse.store import Store

COUNTS: Final = ("sections", "entries", "coded", "mapped", "templates", "classes", "raw", "narrative")
OTHER: Final = "other"
"""A document of level 3 whose templates name no known model."""


def coverage(
    store: Store, connection: Connection, *, identified: bool, sender: str | None = None
) -> list[dict[str, Any]]:
    """A row a model and version, most documents first. Every version of a document that is in the record counts.

    Templates that no mapper knows are counted; an OID of no public table may hold anything, so it is shown to those
    who may see patient values.
    """
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    unknown: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for found in ledger.documents(store, connection, sender=sender):
        record = found.record
        if record.format != "cda-n3":
            continue
        key = _model(record)
        row = rows.setdefault(key, {"model": key[0], "version": key[1], "documents": 0} | dict.fromkeys(COUNTS, 0))
        row["documents"] += 1
        for name, number in _counts(record).items():
            row[name] += number
        unknown[key].update(record.content.coverage.unknown_templates)
    for key, row in rows.items():
        row["unknown_templates"] = len(unknown[key])
        if identified:
            row["templates_unknown"] = sorted(unknown[key])
    return sorted(rows.values(), key=lambda row: (-row["documents"], row["model"], row["version"]))


def _model(record: DocumentRecord) -> tuple[str, str]:
    found = model_of(record)
    return (found.name, model_version(record.header, found)) if found is not None else (OTHER, "")


def _counts(record: DocumentRecord) -> dict[str, int]:
    said = record.content.coverage
    return {"sections": record.sections} | {name: getattr(said, name) for name in COUNTS if name != "sections"}
