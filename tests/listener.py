"""`carnet listen` as a process of its own, ended by its id whatever happens."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOOPBACK = "127.0.0.1"


@contextmanager
def listener(home: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The process, and the port that it listens on for `demo`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "carnet", "listen", "--port", "0", "--sender", "demo", "--home", str(home), *words],
        cwd=Path(__file__).parents[1],
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            found = re.search(r"listening on \S+:(\d+) for", line)
            assert found is not None, line
            yield process, int(found[1])
        finally:
            if process.poll() is None:
                process.kill()
