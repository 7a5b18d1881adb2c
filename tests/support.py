"""Folders of a landing tree, ingested as the command line does."""

from __future__ import annotations

from pathlib import Path

from carnet.ingest import discover, incoming, ingest, received
from carnet.manifests import manifest_entry
from tests.hub import NOON, Hub


def take_folder(hub: Hub, folder: Path) -> list[str]:
    """Ingest `folder/<sender>/…` with sidecars and manifests; the delivery ids in order."""
    found, _ = discover([folder], hub.settings, None)
    files = [
        incoming(f.path, f.sender, received(f.path, None, lambda: NOON), manifest_entry(f.path, f.root)) for f in found
    ]
    return [outcome.delivery for outcome in ingest(hub.store, files)]
