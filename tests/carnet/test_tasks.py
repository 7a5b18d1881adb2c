"""What the tasks of the DAGs do, without Airflow: chunks, the bulkhead between deliveries, what may be told."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import pytest

from carnet import tasks
from tests.cda import INS, cda
from tests.hub import Hub


@pytest.fixture
def landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "landing"
    (folder / "demo").mkdir(parents=True)
    monkeypatch.setenv("CARNET_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CARNET_LANDING", str(folder))
    monkeypatch.setenv("CARNET_QUIET", "0")
    monkeypatch.delenv("CARNET_KEYS", raising=False)
    return folder


def drop(landing: Path, count: int) -> list[Path]:
    paths = [landing / "demo" / f"Zoé {number}.xml" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(cda(str(number)))
    return paths


@pytest.mark.parametrize(("files", "chunks"), [(0, []), (3, [3]), (120, [50, 50, 20])])
def test_claims_come_in_chunks_worth_a_task(landing: Path, files: int, chunks: list[int]) -> None:
    drop(landing, files)
    found = tasks.receive("cda")
    assert [len(chunk) for chunk in found] == chunks
    assert tasks.receive("hl7") == []
    assert not {"Zoé", "xml"} & {word for chunk in found for claim in chunk for word in claim.values()}


def test_a_chunk_is_called_by_its_sender_and_first_delivery() -> None:
    claim = {"sender": "demo", "token": "cda-1", "short": "3f2a90c1d4e5", "family": "cda"}
    assert tasks.label([claim]) == "demo 3f2a90c1d4e5"
    assert tasks.label([claim] * 50) == "demo 3f2a90c1d4e5 +49"


def test_a_claim_left_by_a_killed_worker_comes_again_and_is_taken_once(landing: Path) -> None:
    drop(landing, 2)
    (lost,) = tasks.receive("cda")
    (again,) = tasks.receive("cda")
    assert {claim["token"] for claim in again} == {claim["token"] for claim in lost}
    assert tasks.ingest(again)["taken"] == 2
    assert tasks.ingest(lost) == {"deliveries": 2, "taken": 0, "repeated": 0, "failed": 0}
    assert Hub(landing.parent / "home").ends() == {"accepted": 2}


def test_one_bad_delivery_stays_behind_and_the_others_are_taken(
    landing: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = drop(landing, 5)
    sidecar = paths[2].with_name(paths[2].name + ".meta.json")
    sidecar.write_text(f'{{"received_at": "Zoé {INS}"}}')
    (chunk,) = tasks.receive("cda")
    with caplog.at_level(logging.INFO):
        counts = tasks.ingest(chunk)
    assert counts == {"deliveries": 5, "taken": 4, "repeated": 0, "failed": 1}
    (claimed,) = landing.glob("demo/.claimed/*/*.xml")
    failed = next(claim for claim in chunk if claim["token"] == claimed.parent.name)
    assert f"delivery {failed['short']} was not taken: OperatorError at ingest.py" in caplog.text
    assert "Zoé" not in caplog.text and INS not in caplog.text

    claimed.with_name(claimed.name + ".meta.json").write_text('{"received_at": "2026-03-04T12:00:00+01:00"}')
    (rest,) = tasks.receive("cda")
    assert rest == [failed]
    assert tasks.ingest(rest)["taken"] == 1
    assert Hub(landing.parent / "home").ends() == {"accepted": 5}


def test_a_chunk_in_which_all_fail_is_a_failed_task(landing: Path) -> None:
    (path,) = drop(landing, 1)
    path.with_name(path.name + ".meta.json").write_text("no JSON")
    (chunk,) = tasks.receive("cda")
    with pytest.raises(tasks.TaskFailed, match="none of 1 deliveries"):
        tasks.ingest(chunk)


def test_an_exception_is_told_by_type_and_place_only(landing: Path) -> None:
    with pytest.raises(tasks.TaskFailed) as caught:
        tasks.ingest([{"patient": "Zoé"}])
    assert str(caught.value).startswith("TypeError at tasks.py:")
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_figures_asked_for_before_any_publication_say_what_to_do(landing: Path) -> None:
    with pytest.raises(tasks.TaskFailed, match="carnet publish"):
        tasks.measure()


def test_archived_files_are_deleted_after_their_retention_and_not_before(landing: Path) -> None:
    old, young = (landing / "demo" / ".taken" / name for name in ("old.xml", "young.xml"))
    old.parent.mkdir(parents=True)
    for path, days in ((old, 8), (young, 6)):
        path.write_bytes(b"archived")
        then = time.time() - days * 86_400
        os.utime(path, (then, then))
    tasks.receive("cda")
    assert not old.exists() and young.exists()
