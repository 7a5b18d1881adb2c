"""What the runner asks of Airflow's REST API, and the one question that matters: is everything done?"""

from __future__ import annotations

import http.client
import json
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from carnet.run.servers import USER, Servers
from carnet.tasks import FAMILIES

INGEST = tuple(f"ingest_{family}" for family in FAMILIES)
ADOPTION = "adoption"
ASSET = "carnet://records"
DUE = "adoption to begin"
OVER = ("success", "failed")
PAGE = 100
"""Rows asked for: Airflow's own limit for one answer."""


class NoAnswer(Exception):
    """The server does not answer, or not as it should; it may still be starting."""


class Run(msgspec.Struct, frozen=True):
    """A run of a DAG."""

    dag: str
    id: str
    state: str
    started: datetime | None = None

    @property
    def over(self) -> bool:
        return self.state in OVER


class Airflow:
    """Airflow's REST API on loopback, as its administrator."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._token = ""

    def ready(self) -> bool:
        """Whether all parts are healthy and every DAG is known."""
        try:
            health = self._ask("GET", "/api/v2/monitor/health")
            parts = ("metadatabase", "scheduler", "dag_processor")
            if not all(health[part]["status"] == "healthy" for part in parts):
                return False
            return {*INGEST, ADOPTION} <= {row["dag_id"] for row in self._rows("/api/v2/dags", "dags")}
        except (NoAnswer, KeyError):
            return False

    def import_errors(self) -> list[str]:
        """Files of DAGs that cannot be imported."""
        return [str(row["filename"]) for row in self._rows("/api/v2/importErrors", "import_errors")]

    def trigger(self, dag: str) -> Run:
        row = self._ask("POST", f"/api/v2/dags/{dag}/dagRuns", {"logical_date": None})
        return Run(dag, row["dag_run_id"], row["state"])

    def runs(self, dag: str) -> list[Run]:
        """The newest runs of a DAG."""
        rows = self._rows(f"/api/v2/dags/{dag}/dagRuns", "dag_runs", order_by="-id")
        return [Run(dag, row["dag_run_id"], row["state"], _moment(row["start_date"])) for row in rows]

    def newest_event(self) -> datetime | None:
        """When records last came in."""
        rows = self._rows("/api/v2/assets/events", "asset_events", order_by="-timestamp", name_pattern=ASSET)
        return _moment(rows[0]["timestamp"]) if rows else None

    def _rows(self, path: str, name: str, **query: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._ask("GET", f"{path}?{urlencode({'limit': PAGE, **query})}")[name]
        return rows

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        if not self._token and path != "/api/v2/monitor/health":
            said = {"username": USER, "password": self._servers.password}
            self._token = self._send("POST", "/auth/token", said)["access_token"]
        return self._send(method, path, body)

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._servers.port, timeout=20)
        headers = {"content-type": "application/json"}
        if self._token:
            headers["authorization"] = f"Bearer {self._token}"
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(f"{method} {path}: {type(error).__name__}") from None
        finally:
            connection.close()
        if answer.status >= 300:
            raise NoAnswer(f"{method} {path}: status {answer.status}")
        return json.loads(data)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


class Progress(msgspec.Struct, frozen=True):
    """Where the job stands: what is still going on (empty: nothing), what failed, and whether anything came in."""

    waiting_for: str
    failed: tuple[Run, ...] = ()
    received: bool = True

    @property
    def adoption_due(self) -> bool:
        """All is taken, and no adoption run has begun since."""
        return self.waiting_for == DUE


def progress(airflow: Airflow, since: datetime) -> Progress:
    """Done means: no ingest run is going, and an adoption run that began after the newest asset event is over.

    The first adoption run may have begun while other families were still being taken. Which run consumed an event
    cannot be asked: at `max_active_runs` Airflow 3.3 forgets to say so of all but the oldest that waited
    (apache/airflow issue 56050). What began later has seen its records, as they were committed before it.
    `since` stands for the newest event when there is none. Events are asked for after the ingest runs, so that none
    of theirs is missed.
    """
    ingest = [run for dag in INGEST for run in airflow.runs(dag)]
    going = sorted({run.dag for run in ingest if not run.over})
    if going:
        return Progress(", ".join(going))
    newest = airflow.newest_event()
    adoption = airflow.runs(ADOPTION)
    if any(not run.over for run in adoption):
        return Progress(ADOPTION)
    covering = [run for run in adoption if run.started and run.started > (newest or since)]
    if not covering:
        return Progress(DUE, received=newest is not None)
    failed = [run for run in (*ingest, covering[0]) if run.state == "failed"]
    return Progress("", tuple(failed), received=newest is not None)
