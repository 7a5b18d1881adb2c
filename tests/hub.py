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
from carnet.ingest import Incoming, incoming, ingest
from carnet.judged import Vouched
from carnet.receipt import receipt
from carnet.record import timeline
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
        file = Incoming(
            Source.of_bytes(name, data), hashlib.sha256(data).hexdigest(), sender or self.sender(), received
        )
        return next(ingest(self.store, [file], step)).delivery

    def take_files(
        self, paths: Iterable[Path], sender: str = "demo", vouched: Vouched | None = None, step: Step = no_step
    ) -> list[str]:
        """Ingest files in groups, as the command line does."""
        files = [incoming(path, self.settings.sender(sender), NOON, vouched) for path in paths]
        return [outcome.delivery for outcome in ingest(self.store, files, step)]

    def documents(self, *, identified: bool = True) -> list[dict[str, Any]]:
        with reading(self.store.engine) as connection:
            return list(listing.documents(self.store, connection, identified=identified))

    def document(self, document_id: str) -> dict[str, Any]:
        return next(row for row in self.documents() if row["document_id"] == document_id)

    def readings(self) -> list[dict[str, Any]]:
        with reading(self.store.engine) as connection:
            return list(listing.readings(self.store, connection, identified=True))

    def accounts(self) -> list[dict[str, Any]]:
        with reading(self.store.engine) as connection:
            return list(listing.accounts(self.store, connection, identified=False))

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

    def told(self, delivery: str) -> list[tuple[str, str]]:
        """End and code of each item of a delivery, in order."""
        with reading(self.store.engine) as connection:
            return [(row.end, row.code) for row in ledger.sheet(connection, delivery).items()]

    def patient(self, ins: str, oid: str) -> list[dict[str, Any]]:
        """One record as a timeline."""
        with reading(self.store.engine) as connection:
            id_ = self.store.find_patient(connection, oid, ins)
            assert id_ is not None
            return timeline(self.store, connection, id_)

    def found(self, text: str) -> list[str]:
        """The deliveries that carry a number."""
        with reading(self.store.engine) as connection:
            return [delivery for delivery, _ in ledger.find(self.store, connection, text)]

    def receipt(self, delivery: str) -> dict[str, Any]:
        with reading(self.store.engine) as connection:
            return receipt(connection, delivery)

    def hash(self) -> str:
        return state_hash(self.store, self.settings.kinds())
