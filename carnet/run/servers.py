"""Airflow's processes on this machine: started on loopback, in the clone, and stopped to the last one.

`airflow standalone` is not used: its scheduler and triggerer always start log servers that listen on all interfaces
(the address is no setting of Airflow 3.3), and its parts leave its process group. The same commands are started here,
without log servers, each in a session of its own, so that what belongs to them is found by id when it has to end.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from carnet.errors import OperatorError

COMPONENTS = {
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "api-server": ("api-server",),
}
TRIGGERER = {"triggerer": ("triggerer", "--skip-serve-logs")}
"""Nothing here defers, so only the pages miss it (they show it as not healthy)."""
GRACE = 15.0
USER = "admin"
C_LIBRARY = ctypes.CDLL(None)
PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of prctl(2): a component ends also when this process is killed outright."""


class Servers(msgspec.Struct, frozen=True):
    """A running Airflow: where it answers, and the files of its password and output."""

    port: int
    password: str
    password_file: Path
    output: Path
    processes: dict[str, subprocess.Popen[bytes]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ended(self) -> str | None:
        """The name of a component that ended by itself."""
        return next((name for name, process in self.processes.items() if process.poll() is not None), None)


def environment(airflow_home: Path, clone: Path, port: int, carnet: Mapping[str, str]) -> dict[str, str]:
    """What every process of this Airflow is told; nothing of another Airflow on this machine gets in."""
    url = f"http://127.0.0.1:{port}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    settings = {
        "CORE__DAGS_FOLDER": str(clone / "dags"),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": "4",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(password_file(airflow_home)),
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{airflow_home / 'airflow.db'}",
        "DAG_PROCESSOR__REFRESH_INTERVAL": "5",
        "API__HOST": "127.0.0.1",
        "API__PORT": str(port),
        "API__WORKERS": "1",
        "API__BASE_URL": url,
        "LOGGING__LOGGING_LEVEL": "INFO",
        "USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    return {
        **kept,
        **{f"AIRFLOW__{name}": value for name, value in settings.items()},
        "AIRFLOW_HOME": str(airflow_home),
        "PYTHONPATH": str(clone),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1,localhost"])),
        "SCARF_ANALYTICS": "false",
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "false",
        **carnet,
    }


def password_file(airflow_home: Path) -> Path:
    return airflow_home / "password.json"


def free_port() -> int:
    """A port of the loopback interface that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def started(airflow_home: Path, clone: Path, carnet: Mapping[str, str], *, pages: bool) -> Iterator[Servers]:
    """A fresh Airflow with an empty history, for as long as the block lasts; nothing of it runs afterwards."""
    port = free_port()
    settings = environment(airflow_home, clone, port, carnet)
    output = airflow_home / "output"
    output.mkdir(parents=True)
    password = _new_password(airflow_home)
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        _migrate(settings, output)
        for name, command in (COMPONENTS | (TRIGGERER if pages else {})).items():
            processes[name] = _start(command, settings, output / f"{name}.log")
        yield Servers(port, password, password_file(airflow_home), output, processes)
    finally:
        stop(processes)


def _new_password(airflow_home: Path) -> str:
    password = secrets.token_urlsafe(18)
    descriptor = os.open(password_file(airflow_home), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        json.dump({USER: password}, stream)
    return password


def _migrate(settings: Mapping[str, str], output: Path) -> None:
    processes = {"migrate": _start(("db", "migrate"), settings, output / "migrate.log")}
    try:
        code = processes["migrate"].wait()
    finally:
        stop(processes)
    if code:
        raise OperatorError(f"Airflow's database could not be made: see {output / 'migrate.log'}")


def _start(command: tuple[str, ...], settings: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as stream:
        return subprocess.Popen(  # noqa: S603 - our own interpreter, fixed commands
            [sys.executable, "-m", "airflow", *command],
            env=dict(settings),
            cwd=settings["AIRFLOW_HOME"],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )


def _end_with_parent() -> None:
    """Between fork and exec: `prctl(2)` is asked for, nothing else is done there."""
    C_LIBRARY.prctl(PARENT_DEATH_SIGNAL, signal.SIGTERM)


def stop(processes: Mapping[str, subprocess.Popen[bytes]]) -> None:
    """End these and all they started: politely, and after `GRACE` seconds (or a second Ctrl-C) by force.

    The API server goes last: the others still report to it, and hang on when it does not answer.
    """
    last = {name: process for name, process in processes.items() if name == "api-server"}
    try:
        for group in ({name: process for name, process in processes.items() if name not in last}, last):
            for process in group.values():
                process.terminate()
            deadline = time.monotonic() + GRACE
            while _alive(group) and time.monotonic() < deadline:
                time.sleep(0.1)
    except KeyboardInterrupt:
        pass
    for pid in _alive(processes):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for process in processes.values():
        process.wait()
    deadline = time.monotonic() + GRACE
    while _alive(processes) and time.monotonic() < deadline:  # the kernel takes a moment to bury what was killed
        time.sleep(0.02)


def _alive(processes: Mapping[str, subprocess.Popen[bytes]]) -> list[int]:
    own = [process.pid for process in processes.values() if process.poll() is None]
    return sorted({*own, *members({process.pid for process in processes.values()})})


def members(sessions: set[int]) -> list[int]:
    """Processes of these sessions that still run (Linux; elsewhere only the components themselves are known)."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, _group, session, *_ = status.read_text("ascii", "replace").rpartition(")")[2].split()
        except (OSError, ValueError):
            continue
        if int(session) in sessions and state != "Z":
            found.append(int(status.parent.name))
    return found
