"""Hostile archives and mails: refused with a code, at the cost of a good one; nothing is opened, nothing written."""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from carnet.interpret import interpret
from carnet.judged import Context
from carnet.settings import shipped_senders
from connectors.base import Source
from connectors.registry import recognise
from tests.cda import cda
from tests.hostile import ARCHIVES, MAILS
from tests.hub import Hub
from tests.mail import PDF, mail
from tests.xdm import xdm
from warehouse.archive import raw_bytes
from warehouse.database import reading
from warehouse.prepared import PreparedItem

REFUSING = {
    "ARCHIVE_UNSAFE",
    "ARCHIVE_DAMAGED",
    "ATTACHMENT_TOO_LARGE",
    "MAIL_UNSAFE",
    "PAYLOAD_UNDECODABLE",
    "UNKNOWN_FORMAT",
}
GOOD = mail(("IHE_XDM.zip", xdm(cda("1"))), ("copie.pdf", PDF))
DEMO = shipped_senders()["demo"]
CONTEXT = Context(DEMO.id, DEMO.policy(), ZoneInfo(DEMO.zone), "2026-03-04T11:00:00Z")
SECOND, MEGABYTES_100 = 1.0, 100_000_000
OUTSIDE = ("open", "socket.", "os.", "subprocess.", "shutil.", "tempfile.", "glob.", "urllib.", "ctypes.")


def items_of(data: bytes) -> list[PreparedItem]:
    """Everything that the pipeline makes of a delivery, short of the store."""
    source = Source.of_bytes("delivery", data)
    connector = recognise(source)
    assert connector is not None
    return [item for step in interpret(source, connector.read(source), CONTEXT) for item in step.items]


@pytest.mark.parametrize("name", [*ARCHIVES, *MAILS])
def test_it_is_refused_with_a_code_in_less_than_a_second(name: str) -> None:
    data = (ARCHIVES | MAILS)[name]()
    started = time.process_time()
    items = items_of(data)
    assert time.process_time() - started < SECOND
    assert items
    assert {(item.end, item.code in REFUSING) for item in items} == {("refused", True)}
    assert not [item for item in items if item.carried or item.deletion or item.patient]


@pytest.mark.parametrize("name", [*ARCHIVES, *MAILS])
def test_it_costs_no_more_memory_than_a_good_one_and_100_megabytes(name: str) -> None:
    data = (ARCHIVES | MAILS)[name]()
    assert peak(lambda: items_of(data)) < peak(lambda: items_of(GOOD)) + MEGABYTES_100


def peak(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


WATCHED: list[str] = []
WATCHING = False


def watch(event: str, arguments: tuple[object, ...]) -> None:
    if WATCHING and event.startswith(OUTSIDE):
        WATCHED.append(f"{event} {arguments[:1]}")


def test_no_file_or_socket_is_opened() -> None:
    """By the audit events of the interpreter, which no library can go around."""
    global WATCHING
    everything = {name: make() for name, make in (ARCHIVES | MAILS).items()} | {"a good one": GOOD}
    items_of(GOOD)  # data files of our own are read once
    sys.addaudithook(watch)
    WATCHED.clear()
    WATCHING = True
    try:
        for data in everything.values():
            items_of(data)
        assert WATCHED == []
        Path(__file__).read_bytes()
        assert WATCHED, "the hook sees what is opened"
    finally:
        WATCHING = False


@pytest.mark.parametrize("name", ["a parent folder", "an absolute name", "a symbolic link", "a bomb", "ten levels"])
def test_nothing_is_written_but_the_sealed_delivery(hub: Hub, tmp_path: Path, name: str) -> None:
    before = {path for path in tmp_path.rglob("*") if hub.store.home not in path.parents}
    data = ARCHIVES[name]()
    delivery = hub.take(data, name="x.zip")
    assert hub.ends(delivery) == {"refused": 1}
    assert {path for path in tmp_path.rglob("*") if hub.store.home not in path.parents} == before
    assert not [path for path in hub.store.home.rglob("*") if path.suffix.lower() == ".xml"]
    with reading(hub.store.engine) as connection:
        assert b"".join(raw_bytes(hub.store, connection, delivery)) == data
