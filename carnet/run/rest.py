"""What the runner asks of Airflow's REST API, and the one question that matters: is everything done?"""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlencode

import msgspec

from carnet.run.servers import USER, Servers
from carnet.tasks import FAMILIES

INGEST = tuple(f"ingest_{family}" for family in FAMILIES)
ADOPTION = "adoption"
ASSET = "carnet://records"
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

    @property
    def over(self) -> bool:
        return self.state in OVER


class Event(msgspec.Struct, frozen=True):
    """An asset event, and the adoption runs that consumed it."""

    id: int
    consumers: tuple[str, ...]


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
        return [Run(dag, row["dag_run_id"], row["state"]) for row in rows]

    def events(self) -> list[Event]:
        """The newest events of the asset, newest first."""
        rows = self._rows("/api/v2/assets/events", "asset_events", order_by="-timestamp", name_pattern=ASSET)
        return [
            Event(row["id"], tuple(run["run_id"] for run in row["created_dagruns"] if run["dag_id"] == ADOPTION))
            for row in rows
        ]

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


class Progress(msgspec.Struct, frozen=True):
    """Where the job stands: what is still going on (empty: nothing), what failed, and whether anything came in."""

    waiting_for: str
    failed: tuple[Run, ...] = ()
    events: int = 0


def progress(airflow: Airflow) -> Progress:
    """Done means: no ingest run is going, every asset event was consumed, and every adoption run is over.

    The first adoption run may have begun while other families were still being taken; what counts is the run that
    consumed the newest event. Events are looked at after the ingest runs, so none of theirs can be missed.
    """
    ingest = [run for dag in INGEST for run in airflow.runs(dag)]
    going = sorted({run.dag for run in ingest if not run.over})
    if going:
        return Progress(", ".join(going))
    events = airflow.events()
    adoption = airflow.runs(ADOPTION)
    if any(not event.consumers for event in events):
        return Progress("adoption to begin")
    if any(not run.over for run in adoption):
        return Progress(ADOPTION)
    newest = events[0].consumers[-1] if events else (adoption[0].id if adoption else "")
    failed = [run for run in ingest if run.state == "failed"]
    failed += [run for run in adoption if run.state == "failed" and run.id == newest]
    return Progress("", tuple(failed), len(events))
