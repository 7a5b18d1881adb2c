"""Hostile archives and mails: refused with a code, at the cost of a good one; nothing is opened, nothing written."""

from __future__ import annotations

import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from quality.catalogue import catalogue
from tests.cda import cda
from tests.hostile import ARCHIVES, MAILS, dense
from tests.hub import Hub
from tests.mail import PDF, mail
from tests.support import items_of
from tests.xdm import xdm
from warehouse.archive import raw_bytes
from warehouse.database import reading

REFUSING = {
    "DOCUMENT_ID_MISSING",
    "ARCHIVE_UNSAFE",
    "ARCHIVE_DAMAGED",
    "ATTACHMENT_TOO_LARGE",
    "MAIL_UNSAFE",
    "PAYLOAD_UNDECODABLE",
    "UNKNOWN_FORMAT",
}
GOOD = mail(("IHE_XDM.zip", xdm(cda("1"))), ("copie.pdf", PDF))
SECOND, MEGABYTES_100 = 1.0, 100_000_000
OUTSIDE = ("open", "socket.", "os.", "subprocess.", "shutil.", "tempfile.", "glob.", "urllib.", "ctypes.")


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


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak of a process is reset through /proc")
def test_the_whole_process_grows_by_less_than_100_megabytes(tmp_path: Path) -> None:
    """By resident memory, libraries in C included: the peak of each in one process, above that of a good one."""
    for number, make in enumerate([lambda: GOOD, *(ARCHIVES | MAILS).values()]):
        (tmp_path / f"{number:03}").write_bytes(make())
    command = [sys.executable, "-c", RESIDENT, *map(str, sorted(tmp_path.iterdir()))]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    good, *hostile = map(int, done.stdout.split())
    assert max(hostile) - good < 100_000, f"{good} kB, then {max(hostile)} kB"


RESIDENT = """
import re, sys
from pathlib import Path
from tests.support import items_of
def kilobytes(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
items_of(Path(sys.argv[1]).read_bytes())
for path in sys.argv[1:]:
    data = Path(path).read_bytes()
    Path("/proc/self/clear_refs").write_text("5")
    before = kilobytes("VmRSS")
    items_of(data)
    print(kilobytes("VmHWM") - before)
"""


def test_a_document_denser_than_any_is_refused_before_it_is_a_tree() -> None:
    (item, _) = items_of(dense(12 << 20, padding=200_000))
    assert (item.end, item.code) == ("refused", "DOCUMENT_TOO_LARGE")


WATCHED: list[str] = []
WATCHING = False


def watch(event: str, arguments: tuple[object, ...]) -> None:
    if WATCHING and event.startswith(OUTSIDE):
        WATCHED.append(f"{event} {arguments[:1]}")


def test_no_file_or_socket_is_opened() -> None:
    """By the audit events of the interpreter, which no library can go around."""
    global WATCHING
    everything = {name: make() for name, make in (ARCHIVES | MAILS).items()} | {"a good one": GOOD}
    catalogue()  # data files of our own are read once
    items_of(GOOD)
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
