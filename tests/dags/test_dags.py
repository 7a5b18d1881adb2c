"""The DAGs in process: what they take, what they tell, what they leave out of Airflow's pages."""

from __future__ import annotations

import ast
import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from carnet import steps
from carnet.home import open_home
from tests.cda import INS
from tests.dags.conftest import NEEDLES, ROOT, drop
from tests.hub import Hub

pytestmark = pytest.mark.airflow
FILES = sorted(path for path in (ROOT / "dags").glob("*.py") if path.name != "__init__.py")


def load() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(ROOT / "dags"))


def rows(airflow_home: Path, query: str) -> list[tuple[Any, ...]]:
    database = sqlite3.connect(airflow_home / "airflow.db")
    try:
        return database.execute(query).fetchall()
    finally:
        database.close()


def test_every_dag_is_there_imports_cleanly_and_within_a_second(airflow_home: Path) -> None:
    load()
    started = time.process_time()
    bag = load()
    assert time.process_time() - started < 1
    assert bag.import_errors == {}
    assert set(bag.dags) == {"ingest_hl7", "ingest_cda", "ingest_devices", "ingest_accounts", "adoption"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dag_file_imports_only_airflow_sdk_at_the_top(path: Path) -> None:
    imported = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.Import(names=names):
                imported += [name.name for name in names]
            case ast.ImportFrom(module=module):
                imported.append(module)
    assert set(imported) == {"__future__", "airflow.sdk"}


def test_adoption_is_triggered_by_the_asset_that_ingest_emits(airflow_home: Path) -> None:
    bag = load()
    emitted = [bag.dags[name].get_task("ingest").outlets for name in bag.dags if name != "adoption"]
    assert all(outlets == emitted[0] and len(outlets) == 1 for outlets in emitted)
    assert list(bag.dags["adoption"].timetable.asset_condition.objects) == emitted[0]


def test_ingest_takes_what_is_ready_and_tells_airflow_only_ids_and_counts(
    airflow_home: Path, landing: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    drop(landing, 1, 2, 3, 4, 5)
    run = load().dags["ingest_cda"].test()
    assert run.state == "success"
    hub = Hub(landing.parent / "home")
    assert hub.ends() == {"accepted": 5}
    assert {row["received_at"] for row in hub.deliveries()} == {"2026-03-04T12:00:00+01:00"}
    assert len(list(landing.glob("demo/.taken/**/*.xml"))) == 5

    found = rows(airflow_home, f"SELECT task_id, value FROM xcom WHERE run_id = '{run.run_id}'")
    values = {task: json.loads(value) for task, value in found}
    assert len(found) == 2
    assert values["ingest"] == {"deliveries": 5, "taken": 5, "repeated": 0, "failed": 0}
    (chunk,) = values["receive"]
    assert all(set(claim) == {"sender", "token", "short", "family"} for claim in chunk)
    (label,) = rows(
        airflow_home,
        f"SELECT rendered_map_index FROM task_instance WHERE run_id = '{run.run_id}' AND task_id = 'ingest'",
    )
    assert label == (f"demo {chunk[0]['short']} +4",)
    kept = "".join(map(str, rows(airflow_home, "SELECT * FROM xcom"))) + str(
        rows(airflow_home, "SELECT * FROM rendered_task_instance_fields")
    )
    told = kept + capfd.readouterr().out + caplog.text
    assert "taken" in told
    assert not [needle for needle in NEEDLES if needle in told]


def test_an_empty_look_skips_and_triggers_nothing(airflow_home: Path, landing: Path) -> None:
    before = rows(airflow_home, "SELECT count(*) FROM asset_event")
    run = load().dags["ingest_devices"].test()
    states = rows(airflow_home, f"SELECT task_id, state FROM task_instance WHERE run_id = '{run.run_id}'")
    assert run.state == "success"
    assert set(states) == {("receive", "success"), ("ingest", "skipped")}
    assert rows(airflow_home, "SELECT count(*) FROM asset_event") == before


def test_a_file_of_another_family_is_left_to_its_own_dag(airflow_home: Path, landing: Path) -> None:
    feed = landing / "assurance" / "comptes.csv"
    feed.parent.mkdir()
    feed.write_text(
        "ins,ins_oid,event,occurred_at,channel,department,birth_year,sex\n"
        f"{INS},1.2.250.1.213.1.4.10,opened,2026-03-01T10:00:00+01:00,web,44,1985,F\n"
    )
    dags = load().dags
    dags["ingest_cda"].test()
    assert feed.exists()
    dags["ingest_accounts"].test()
    assert not feed.exists()
    assert Hub(landing.parent / "home").ends() == {"accepted": 1}


def test_adoption_publishes_the_figures_and_repeats_them(airflow_home: Path, landing: Path) -> None:
    drop(landing, 1, 2, 3)
    dags = load().dags
    dags["ingest_cda"].test()
    figures = []
    for _ in range(2):
        assert dags["adoption"].test().state == "success"
        _, store = open_home(landing.parent / "home")
        figures.append(steps.figures(store, trusted=True))
        assert steps.figures(store)
        store.engine.dispose()
    assert figures[0] == figures[1]
    (created,) = [table["rows"] for table in figures[0] if table["name"] == "documents_by_creation"]
    assert created == [{"month": "2026-03", "documents": 3}]


def test_a_task_that_fails_tells_why_without_a_value_of_the_input(
    airflow_home: Path, landing: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    (path,) = drop(landing, 1)
    path.with_name(path.name + ".meta.json").write_text('{"received_at": "Zoé L\'Hostis"}')
    dag = load().dags["ingest_cda"]
    dag.get_task("ingest").partial_kwargs["retries"] = 0
    run = dag.test()
    told = capfd.readouterr().out + caplog.text
    assert run.state != "success"
    assert "none of 1 deliveries could be taken" in told
    assert "OperatorError at ingest.py" in told
    assert not [needle for needle in NEEDLES if needle in told]


def test_nothing_of_the_samples_stands_in_airflows_database_or_logs(
    airflow_home: Path, landing: Path, samples: Path, canaries: set[bytes], capfd: pytest.CaptureFixture[str]
) -> None:
    for path in sorted((samples / "cda").glob("*.xml"))[::4]:
        (landing / "demo" / path.name).write_bytes(path.read_bytes())
    for path in sorted(p for p in (samples / "hl7").rglob("*") if p.is_file() and p.suffix == ".er7"):
        (landing / "demo" / f"{len(path.parts)} {path.name}").write_bytes(path.read_bytes())
    dags = load().dags
    for name in ("ingest_cda", "ingest_hl7", "adoption"):
        assert dags[name].test().state == "success"
    told = capfd.readouterr()
    assert not [canary for canary in canaries if canary in (told.out + told.err).encode()]
    for path in airflow_home.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [canary for canary in canaries if canary in content], path.relative_to(airflow_home)
