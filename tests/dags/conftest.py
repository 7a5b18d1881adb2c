"""A throw-away Airflow for the tests of this folder: its environment is set before airflow is imported.

Nothing here or in the test modules imports airflow at the top, so that collecting tests never makes `~/airflow`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cda import INS, cda

ROOT = Path(__file__).parents[2]
TITLE = "Titre confidentiel"
NEEDLES = (INS, "HOSTIS", "Hostis", "Zoé", "Zo\\u00e9", "confidentiel", "2026-03/", "Glyc")
"""What stands in the files dropped here (values, parts of paths) and must not stand anywhere in Airflow."""


@pytest.fixture(scope="session")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty metadata database with the DAGs of this checkout; airflow may be imported from here on."""
    home = tmp_path_factory.mktemp("airflow")
    patch = pytest.MonkeyPatch()
    for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
        patch.delenv(name)
    patch.setenv("AIRFLOW_HOME", str(home))
    patch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
    patch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(ROOT / "dags"))
    patch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", f"sqlite:///{home / 'airflow.db'}")
    assert "airflow" not in sys.modules, "airflow was imported before its environment was set"
    from airflow.utils.db import initdb

    initdb()
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    DagBundlesManager().sync_bundles_to_db()
    yield home
    patch.undo()


@pytest.fixture
def landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty landing folder and a new home, in the environment that the tasks read."""
    folder = tmp_path / "landing"
    (folder / "demo").mkdir(parents=True)
    monkeypatch.setenv("CARNET_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CARNET_KEYS", raising=False)
    monkeypatch.setenv("CARNET_LANDING", str(folder))
    monkeypatch.setenv("CARNET_QUIET", "0")
    return folder


def drop(landing: Path, *numbers: int) -> list[Path]:
    """Files as a hospital drops them: names and contents that must not show up anywhere."""
    paths = []
    for number in numbers:
        path = landing / "demo" / "2026-03" / f"Zoé L'Hostis {number}.xml"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(cda(str(number), title=TITLE))
        sidecar = path.with_name(path.name + ".meta.json")
        sidecar.write_text('{"received_at": "2026-03-04T12:00:00+01:00"}')
        paths.append(path)
    return paths
