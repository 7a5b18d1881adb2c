"""Who looked at identified data, when: one line a look, never what was seen."""

from __future__ import annotations

from datetime import datetime

from warehouse import schema
from warehouse.database import append
from warehouse.store import Store


def record(store: Store, at: datetime, action: str, subject: str = "") -> None:
    """Write one line of the trail. `subject` is a keyed name or an id of ours, never a patient value."""
    with store.engine.begin() as connection:
        row = {"at": at.isoformat(timespec="seconds"), "action": action, "subject": subject}
        append(connection, schema.audit, [row])
