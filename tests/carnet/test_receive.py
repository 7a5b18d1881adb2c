"""The landing folder under several lookers and killed workers."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from carnet.ingest import Outcome
from carnet.receive import clear_taken, look, remaining, take
from carnet.settings import load
from tests.cda import INS, TEST_OID, cda
from tests.hub import NOON, Hub

FEED = "ins,ins_oid,event,occurred_at\n"


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    folder = tmp_path / "landing"
    (folder / "demo").mkdir(parents=True)
    return folder


def claims(landing: Path, *families: str) -> list[tuple[str, str]]:
    found = look(landing, load(landing.parent / "home", {}), set(families), quiet=0, pause=0)
    return sorted((claim.family, claim.token) for claim in found.claims)


def test_families_that_look_at_once_claim_every_file_once(landing: Path) -> None:
    for number in range(60):
        (landing / "demo" / f"{number}.xml").write_bytes(cda(str(number)))
        (landing / "demo" / f"{number}.csv").write_text(FEED + f"{number}\n")
    found: dict[str, list[tuple[str, str]]] = {}

    def run(family: str) -> None:
        found[family] = claims(landing, family)

    threads = [threading.Thread(target=run, args=(family,)) for family in ("hl7", "cda", "devices", "accounts")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {family: len(taken) for family, taken in found.items()} == {
        "hl7": 0,
        "cda": 60,
        "devices": 0,
        "accounts": 60,
    }
    assert remaining(landing) == (0, 120)


def test_the_folder_of_a_claim_that_another_family_is_making_is_left_alone(landing: Path) -> None:
    making = landing / "demo" / ".claimed" / "accounts-0123456789abcdef"
    making.mkdir(parents=True)
    claims(landing, "hl7", "cda", "devices")
    assert making.exists()
    claims(landing, "accounts")
    assert not making.exists()


def test_a_worker_killed_while_claiming_loses_neither_file_nor_sidecar(landing: Path) -> None:
    claimed = landing / "demo" / ".claimed" / "cda-0123456789abcdef"
    claimed.mkdir(parents=True)
    (claimed / "a.xml").write_bytes(cda("1"))
    (landing / "demo" / "a.xml.meta.json").write_text('{"received_at": "2026-03-04T12:00:00+01:00"}')
    assert claims(landing, "cda") == [("cda", claimed.name)]
    assert (claimed / "a.xml.meta.json").exists()


def test_the_sidecar_of_a_new_file_of_the_same_name_stays_with_it(landing: Path) -> None:
    claimed = landing / "demo" / ".claimed" / "cda-0123456789abcdef"
    claimed.mkdir(parents=True)
    (claimed / "a.xml").write_bytes(cda("1"))
    (landing / "demo" / "a.xml.tmp").write_bytes(cda("2"))
    (landing / "demo" / "a.xml").write_bytes(cda("2"))
    (landing / "demo" / "a.xml.meta.json").write_text('{"received_at": "2026-03-05T12:00:00+01:00"}')
    assert len(claims(landing, "cda")) == 2
    assert not (claimed / "a.xml.meta.json").exists()
    assert remaining(landing) == (1, 2)


def waiting(landing: Path, *families: str, quiet: float = 0) -> dict[str, dict[str, int]]:
    found = look(
        landing,
        load(landing.parent / "home", {}),
        set(families or ("hl7", "cda", "devices", "accounts")),
        quiet=quiet,
        pause=0,
    )
    return found.waiting


def drop(landing: Path, name: str, data: bytes) -> Path:
    path = landing / "demo" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", ["a.xml.tmp", "a.XML.TMP", "a.part", "a.filepart", "a.crdownload"])
def test_a_file_that_is_being_written_stays(landing: Path, name: str) -> None:
    path = drop(landing, name, cda("1"))
    assert waiting(landing) == {"demo": {"writing": 1}}
    assert path.exists()


def test_a_fresh_file_stays_until_it_is_quiet_or_marked(landing: Path) -> None:
    path = drop(landing, "a.xml", cda("1"))
    assert waiting(landing, quiet=60) == {"demo": {"growing": 1}}
    path.with_name("a.xml.ok").touch()
    assert waiting(landing, quiet=60) == {}
    assert remaining(landing) == (0, 1)


def test_a_file_dated_in_the_future_is_not_growing_for_ever(landing: Path) -> None:
    path = drop(landing, "a.xml", cda("1"))
    later = time.time() + 86_400
    os.utime(path, (later, later))
    assert waiting(landing, quiet=5) == {}
    assert remaining(landing) == (0, 1)


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_is_no_regular_file_is_never_opened(landing: Path, kind: str) -> None:
    place = landing / "demo" / "a.xml"
    place.symlink_to("/dev/zero") if kind == "link" else os.mkfifo(place)
    assert waiting(landing) == {"demo": {"link" if kind == "link" else "special": 1}}


def test_a_link_to_a_folder_is_told_and_not_followed(landing: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.xml").write_bytes(cda("1"))
    (landing / "demo" / "more").symlink_to(elsewhere)
    assert waiting(landing) == {"demo": {"link": 1}}
    assert [path.name for path in elsewhere.iterdir()] == ["a.xml"]


@pytest.mark.parametrize(
    "name",
    [
        "é" * 127 + "a",
        "x" * 255,
        "two\nlines.xml",
        "a b;c'\".xml",
        b"latin-\xe9.xml".decode("utf-8", "surrogateescape"),
    ],
)
def test_any_name_is_claimed_taken_and_put_aside_twice(landing: Path, hub: Hub, name: str) -> None:
    for number in ("1", "2"):
        drop(landing, name, cda(number))
        assert len(take_all(landing, hub)) == 1
    assert remaining(landing) == (0, 0)
    assert len(hub.documents()) == 2
    assert len([p for p in (landing / "demo" / ".taken").rglob("*") if p.is_file()]) == 2


def test_a_file_and_a_folder_of_one_name_are_put_aside(landing: Path, hub: Hub) -> None:
    path = drop(landing, "export", cda("1"))
    take_all(landing, hub)
    assert not path.exists()
    drop(landing, "export/1.xml", cda("2"))
    take_all(landing, hub)
    assert remaining(landing) == (0, 0)
    assert len(hub.documents()) == 2


def take_all(landing: Path, hub: Hub) -> list[Outcome]:
    families = {"hl7", "cda", "devices", "accounts"}
    found = look(landing, hub.settings, families, quiet=0, pause=0)
    return list(take(hub.store, hub.settings, landing, found.claims, NOON))


def test_empty_files_and_unknown_senders_are_refused_with_a_reason(landing: Path, hub: Hub) -> None:
    drop(landing, "empty.xml", b"")
    drop(landing, "../nobody/a.xml", cda("1"))
    take_all(landing, hub)
    assert sorted((row["sender"], row["code"]) for row in hub.quarantine()) == [
        ("demo", "EMPTY_FILE"),
        ("unknown", "UNKNOWN_SENDER"),
    ]


def test_a_declared_sender_may_be_called_unknown(landing: Path, hub: Hub) -> None:
    hub.take(cda("1"), sender=hub.sender(id="unknown"))
    assert hub.quarantine() == []


def test_two_workers_of_one_family_lose_no_file(landing: Path) -> None:
    for number in range(80):
        drop(landing, f"{number}.xml", cda(str(number)))
    barrier = threading.Barrier(4)
    failures: list[OSError] = []

    def run() -> None:
        barrier.wait()
        try:
            for _ in range(3):
                claims(landing, "cda")
        except OSError as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert remaining(landing) == (0, 80)


def test_two_workers_with_the_same_claims_take_each_file_once(landing: Path, tmp_path: Path) -> None:
    for number in range(6):
        drop(landing, f"{number}.xml", cda(str(number)))
    hubs = [Hub(tmp_path / "home"), Hub(tmp_path / "home")]
    found = look(landing, hubs[0].settings, {"cda"}, quiet=0, pause=0)
    workers = [take(hub.store, hub.settings, landing, found.claims, NOON) for hub in hubs]
    outcomes = [next(worker) for worker in workers] + [outcome for worker in workers for outcome in worker]
    assert len({outcome.delivery for outcome in outcomes}) == 6
    assert hubs[0].ends() == {"accepted": 6}
    assert remaining(landing) == (0, 0)


def test_what_is_kept_after_taking_is_kept_from_then_on(landing: Path, hub: Hub) -> None:
    """A sender's copy keeps its old date: the retention counts from the day it was taken."""
    path = drop(landing, "a.xml", cda("1"))
    os.utime(path, (0, 0))
    take_all(landing, hub)
    now = datetime.now(UTC)
    assert clear_taken(landing, now) == 0
    assert clear_taken(landing, now + timedelta(days=8)) == 1


def test_a_manifest_that_cannot_be_read_stops_its_own_files_only(landing: Path) -> None:
    drop(landing, "phone/manifest.csv", b"file,ins,ins_oid,zone\n\xff\xfe")
    drop(landing, "phone/a.xml", cda("1"))
    drop(landing, "b.xml", cda("2"))
    (landing / "labo-nord").mkdir()
    (landing / "labo-nord" / "c.xml").write_bytes(cda("3"))
    assert waiting(landing) == {"demo": {"manifest": 1}}
    assert remaining(landing) == (1, 2)


def test_a_worker_killed_between_claim_and_note_of_the_patient_finds_the_patient_again(landing: Path) -> None:
    claimed = landing / "demo" / ".claimed" / "cda-0123456789abcdef"
    claimed.mkdir(parents=True)
    (claimed / "a.xml").write_bytes(cda("1"))
    drop(landing, "manifest.csv", f"file,ins,ins_oid,zone\na.xml,{INS},{TEST_OID},Europe/Paris\n".encode())
    claims(landing, "cda")
    assert INS in (claimed / "patient.json").read_text()
