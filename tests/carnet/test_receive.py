"""The landing folder under several lookers and killed workers."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from carnet.receive import look, remaining
from carnet.settings import load
from tests.cda import cda

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
