"""`python -m carnet.run`: a feed through a real Airflow, its figures, and nothing left running.

Exit: 0 done · 1 figures differ from truth.json · 2 the operator has something to mend · 70 a run of a DAG failed.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from carnet import receive, settings, steps
from carnet.errors import OperatorError
from carnet.home import open_home
from carnet.run import feed, report, truth
from carnet.run.rest import ADOPTION, INGEST, Airflow, NoAnswer, Progress, progress
from carnet.run.servers import USER, Servers, started
from warehouse.audit import record
from warehouse.store import Store

CLONE = Path(__file__).resolve().parents[2]
STARTED = time.monotonic()
DIFFERENCES_SHOWN = 50
PATIENCE = 10.0
"""Seconds until adoption is triggered by hand for records that Airflow does not trigger it for."""


class RunFailed(Exception):
    """A run of a DAG failed, or a file could not be taken: what, and where to look."""


class Job(msgspec.Struct, frozen=True):
    """What was asked, and where things are."""

    landing: Path
    home: Path
    synthetic: bool
    ui: bool
    deadline: float
    airflow: Path = CLONE / ".airflow"


def main() -> None:
    """Run; turn errors into the exit codes of the contract."""
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, _interrupt)
    try:
        sys.exit(run(_arguments()))
    except OperatorError as error:
        print(f"carnet: {error}", file=sys.stderr)
        sys.exit(2)
    except RunFailed as error:
        print(f"carnet: {error}", file=sys.stderr)
        sys.exit(70)
    except KeyboardInterrupt:
        say("stopped")
        sys.exit(130)


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m carnet.run", description=__doc__)
    parser.add_argument("--landing", type=Path, help="folder of senders' folders (default: a synthetic feed)")
    parser.add_argument("--ui", action="store_true", help="keep Airflow's pages up until Ctrl-C")
    parser.add_argument("--patients", type=int, default=400, help="people of the synthetic feed (400)")
    parser.add_argument("--months", type=int, default=18, help="months of the synthetic feed (18)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the synthetic feed (1)")
    parser.add_argument("--timeout", type=float, default=280, help="seconds the whole job may take (280)")
    return parser.parse_args()


def run(asked: argparse.Namespace) -> int:
    """The main job: feed, Airflow, ingest, adoption, figures, truth; the exit code."""
    with _alone(CLONE / ".airflow.lock"):
        job = _prepare(asked)
        _, store = open_home(job.home)
        try:
            with started(_emptied(job.airflow), CLONE, _for_tasks(job), pages=job.ui) as servers:
                _take(job, servers)
                code = _tell(job, store)
                if job.ui:
                    _hold(servers)
                say("stopping Airflow")
        finally:
            store.engine.dispose()
    say("done, nothing left running")
    return code


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OperatorError("another run is going on in this clone: wait for it, or stop it") from None
        yield


def _prepare(asked: argparse.Namespace) -> Job:
    """The landing folder with a feed in it, and a home that may take it."""
    home = settings.load(Path(os.environ["CARNET_HOME"]) if "CARNET_HOME" in os.environ else CLONE / ".carnet").home
    own = CLONE / "landing"
    landing = own if asked.landing is None else asked.landing.absolute()
    if asked.landing is not None and not landing.is_dir():
        raise OperatorError(f"--landing {asked.landing} is no folder")
    free = feed.begin_again(home, feed.made(own))
    if asked.landing is None:
        if not free:
            raise OperatorError(
                f"{home} holds deliveries that are not synthetic: choose another CARNET_HOME, or give --landing"
            )
        count = feed.make(own, patients=asked.patients, months=asked.months, seed=asked.seed)
        say(f"synthetic feed: {count} files in {own}")
    return Job(landing, home, asked.landing is None, asked.ui, STARTED + asked.timeout)


def _emptied(folder: Path) -> Path:
    if folder.exists():
        shutil.rmtree(folder)
    return folder


def _for_tasks(job: Job) -> dict[str, str]:
    """The environment of the tasks. The feed was written before Airflow started: none of its files is growing."""
    found = {"CARNET_HOME": str(job.home), "CARNET_LANDING": str(job.landing)}
    if job.synthetic:
        found["CARNET_QUIET"] = "0"
    if not job.ui:
        found["CARNET_SCHEDULE"] = ""
    return found


def _take(job: Job, servers: Servers) -> None:
    """All four ingest DAGs, and the adoption run that saw the last of it."""
    airflow = Airflow(servers)
    say("starting Airflow")
    while not airflow.ready():
        _check(job, servers, "Airflow to start")
    say("Airflow is up; triggering " + ", ".join(INGEST))
    since = datetime.now(UTC)
    for dag in INGEST:
        airflow.trigger(dag)
    found = _finished(job, servers, airflow, since)
    waiting, claimed = receive.remaining(job.landing)
    if waiting:
        say(f"{waiting} file(s) are still in place (being written, links, or changed while looked at)")
    logs = job.airflow / "logs"
    if found.failed:
        names = ", ".join(f"{run.dag} {run.id}" for run in found.failed)
        raise RunFailed(f"failed: {names}; the tasks' logs are in {logs}")
    if claimed:
        raise RunFailed(f"{claimed} file(s) could not be taken and wait for the next run; the reasons are in {logs}")


def _finished(job: Job, servers: Servers, airflow: Airflow, since: datetime) -> Progress:
    """The end of it all. Adoption is triggered by hand when nothing came in, or when Airflow leaves it out."""
    waiting, waiting_since = "", time.monotonic()
    while True:
        _check(job, servers, "the runs")
        try:
            found = progress(airflow, since)
        except NoAnswer:
            continue
        if not found.waiting_for:
            return found
        if found.waiting_for != waiting:
            waiting, waiting_since = found.waiting_for, time.monotonic()
            say(f"waiting for {waiting}")
        if found.adoption_due and (not found.received or time.monotonic() - waiting_since > PATIENCE):
            say("triggering adoption" if found.received else "nothing new came in; adoption on what is there")
            airflow.trigger(ADOPTION)


def _check(job: Job, servers: Servers, what: str) -> None:
    """One turn of waiting: half a second, unless time is up or a component is gone."""
    if ended := servers.ended():
        raise OperatorError(f"Airflow's {ended} ended by itself: see {servers.output / ended}.log")
    if time.monotonic() > job.deadline:
        raise OperatorError(f"out of time waiting for {what}: see {servers.output} and {job.airflow / 'logs'}")
    time.sleep(0.5)


def _tell(job: Job, store: Store) -> int:
    report.print_ends(store)
    report.print_figures(steps.figures(store))
    site = job.home / "site" / "index.html"
    if site.exists():
        print(f"dashboard: {site.as_uri()}")
    return _compare(job.landing / feed.TRUTH, store)


def _compare(path: Path, store: Store) -> int:
    """0 when there is no truth, or the exact figures equal it; else 1, and the differences."""
    if not path.exists():
        return 0
    record(store, datetime.now(UTC), "metrics --trusted", "truth.json")
    tables: dict[str, Any] = {table["name"]: table for table in steps.figures(store, trusted=True)}
    found = list(truth.differences(truth.read(path), tables))
    if not found:
        print("figures equal truth.json")
        return 0
    print(f"figures differ from truth.json in {len(found)} place(s):")
    for line in found[:DIFFERENCES_SHOWN]:
        print(f"  {line}")
    if len(found) > DIFFERENCES_SHOWN:
        print(f"  and {len(found) - DIFFERENCES_SHOWN} more")
    return 1


def _hold(servers: Servers) -> None:
    print(f"\nAirflow: {servers.url}  user {USER}, password in {servers.password_file}")
    print("Ctrl-C stops everything", flush=True)
    try:
        while servers.ended() is None:
            time.sleep(1)
    except KeyboardInterrupt:
        return
    raise OperatorError(f"Airflow's {servers.ended()} ended by itself: see {servers.output}")


def say(text: str) -> None:
    """A line of progress, with the seconds since the start."""
    print(f"[{time.monotonic() - STARTED:6.1f} s] {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
