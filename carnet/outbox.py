"""The outbox: what senders get back, as files in `<home>/outbox/<sender>/`.

`<first 12 of the delivery>.json` and `.txt` (the receipt), and for HL7v2 `.ack.hl7` and `.zam.hl7`. The ledger counts
how often ends of a delivery were stated, and up to which statement its files are written: what is behind is written
here, whenever that is. Files appear whole: temporary name, fsync, rename; a killed writer leaves nothing but work.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from carnet import answers
from carnet.receipt import as_json, as_text, head, notes
from warehouse import ledger
from warehouse.database import reading
from warehouse.ledger import Sheet
from warehouse.packs import sync_folder
from warehouse.store import Store

AT_ONCE = 500
"""Deliveries written between two transactions."""
FEW = 40
"""Files for which an fsync each is cheaper than a `sync` of the machine."""


def write_outbox(store: Store) -> int:
    """Write what is behind; how many deliveries it was. One process at a time, so that no older state comes last."""
    written = 0
    with _alone(store) as folder:
        while batch := _write_some(store, folder, AT_ONCE):
            written += batch
    return written


def write_some(store: Store, most: int) -> int:
    """Write the first of what is behind, for a process that must not be kept; nothing while another one writes."""
    try:
        with _alone(store, wait=False) as folder:
            return _write_some(store, folder, most)
    except BlockingIOError:
        return 0


@contextmanager
def _alone(store: Store, *, wait: bool = True) -> Iterator[Path]:
    """The outbox, locked. The lock goes with the process, however it ends."""
    folder = store.home / "outbox"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield folder


def _write_some(store: Store, folder: Path, most: int) -> int:
    fresh: dict[Path, Path] = {}
    gone: list[Path] = []
    done: list[tuple[str, int]] = []
    with reading(store.engine) as connection:
        for sheet in ledger.due(connection, most):
            done.append((sheet.row.id, sheet.row.told))
            place = folder / sheet.row.sender
            place.mkdir(exist_ok=True)
            for name, pieces in _files(store, sheet):
                target = place / f"{sheet.row.id[:12]}{name}"
                temporary = target.with_name(f".{target.name}.tmp")
                if _written(temporary, pieces):
                    fresh[temporary] = target
                else:
                    gone += [temporary, target]
    _make_durable(fresh)
    for temporary, target in fresh.items():
        temporary.replace(target)
    for path in gone:
        path.unlink(missing_ok=True)
    for place in {folder, *(target.parent for target in fresh.values())}:
        sync_folder(place)
    with store.engine.begin() as connection:
        ledger.note_written(connection, done)
    return len(done)


def _files(store: Store, sheet: Sheet) -> Iterator[tuple[str, Iterable[bytes]]]:
    """The ends of the names of a delivery's files, with their pieces; one without pieces is not there."""
    said = head(sheet)
    yield ".json", (text.encode() for text in as_json(said, notes(sheet.items())))
    yield ".txt", (text.encode() for text in as_text(said, notes(sheet.items())))
    messages = answers.messages(store, sheet)
    yield ".ack.hl7", answers.hl7_answer(sheet, messages)
    yield ".zam.hl7", answers.zam_answer(sheet, messages)


def _written(path: Path, pieces: Iterable[bytes]) -> bool:
    """Whether there is anything in the file."""
    first = next(pieces := iter(pieces), None)
    if first is None:
        return False
    with path.open("wb") as stream:
        stream.write(first)
        stream.writelines(pieces)
    return True


def _make_durable(files: Iterable[Path]) -> None:
    """One by one while they are few; many at once by `sync`, which also waits for what others write."""
    files = list(files)
    if len(files) > FEW:
        os.sync()
        return
    for path in files:
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
