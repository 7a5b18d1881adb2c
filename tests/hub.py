"""A home under test: ingest bytes or folders, look at what every list says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from carnet import listing
from carnet.home import open_home
from carnet.ingest import ingest_file, ingest_source
from carnet.receipt import receipt
from carnet.settings import Sender
from connectors.base import Source
from warehouse import ledger
from warehouse.commit import Step, no_step
from warehouse.database import reading
from warehouse.state import state_hash

NOON = datetime.fromisoformat("2026-03-04T12:00:00+01:00")


class Hub:
    """A store of its own, with the shipped senders."""

    def __init__(self, home: Path) -> None:
        self.settings, self.store = open_home(home)

    def sender(self, id_: str = "demo", **changes: Any) -> Sender:
        return msgspec.structs.replace(self.settings.sender(id_), **changes)

    def take(
        self,
        data: bytes,
        name: str = "export",
        *,
        sender: Sender | None = None,
        received: datetime = NOON,
        step: Step = no_step,
    ) -> str:
        """Ingest bytes; the delivery's id."""
        digest = hashlib.sha256(data).hexdigest()
        source = Source.of_bytes(name, data)
        return ingest_source(self.store, source, digest, sender or self.sender(), received, step=step).delivery

    def take_files(self, paths: Iterable[Path], sender: str = "demo") -> list[str]:
        return [ingest_file(self.store, path, self.settings.sender(sender), NOON).delivery for path in paths]

    def documents(self, *, identified: bool = True) -> list[dict[str, Any]]:
        with reading(self.store.engine) as connection:
            return list(listing.documents(self.store, connection, identified=identified))

    def document(self, document_id: str) -> dict[str, Any]:
        return next(row for row in self.documents() if row["document_id"] == document_id)

    def quarantine(self) -> list[dict[str, Any]]:
        with reading(self.store.engine) as connection:
            return list(listing.quarantine(self.store, connection, identified=False))

    def deliveries(self) -> list[dict[str, Any]]:
        with reading(self.store.engine) as connection:
            return list(listing.deliveries(connection))

    def ends(self, delivery: str | None = None) -> dict[str, int]:
        """Items by end, of one delivery or of all, without the zeros."""
        with reading(self.store.engine) as connection:
            counted = ledger.counts(connection, [delivery] if delivery else None)
        totals: dict[str, int] = {}
        for ends in counted.values():
            for end, number in ends.items():
                if number and end != "read":
                    totals[end] = totals.get(end, 0) + number
        return totals

    def receipt(self, delivery: str) -> dict[str, Any]:
        with reading(self.store.engine) as connection:
            return receipt(connection, delivery)

    def hash(self) -> str:
        with reading(self.store.engine) as connection:
            return state_hash(self.store, connection)
