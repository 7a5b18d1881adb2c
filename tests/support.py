"""Folders of a landing tree, ingested as the command line does; and what becomes of bytes short of the store."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from carnet.ingest import discover, incoming, ingest, received
from carnet.interpret import interpret
from carnet.judged import Context
from carnet.manifests import manifest_entry
from carnet.settings import shipped_senders
from connectors.base import Source
from connectors.registry import recognise
from tests.hub import NOON, Hub
from warehouse.prepared import PreparedItem

DEMO = shipped_senders()["demo"]
CONTEXT = Context(DEMO.id, DEMO.policy(), ZoneInfo(DEMO.zone), "2026-03-04T11:00:00Z")


def take_folder(hub: Hub, folder: Path) -> list[str]:
    """Ingest `folder/<sender>/…` with sidecars and manifests; the delivery ids in order."""
    found, _ = discover([folder], hub.settings, None)
    files = [
        incoming(f.path, f.sender, received(f.path, None, lambda: NOON), manifest_entry(f.path, f.root)) for f in found
    ]
    return [outcome.delivery for outcome in ingest(hub.store, files)]


def items_of(data: bytes) -> list[PreparedItem]:
    """Everything that the pipeline makes of a delivery, short of the store."""
    source = Source.of_bytes("delivery", data)
    connector = recognise(source)
    assert connector is not None
    return [item for step in interpret(source, connector.read(source), CONTEXT) for item in step.items]
