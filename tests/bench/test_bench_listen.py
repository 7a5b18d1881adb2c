"""The listener under load: messages a second, time to an answer, CPU a message, memory (`make bench`)."""

from __future__ import annotations

import os
import re
import threading
import time
from pathlib import Path

import pytest
from hl7.client import MLLPClient

from tests.hl7 import oru
from tests.listener import LOOPBACK, listener

CPU_MS = 15.0
"""CPU a message over eight connections; 5 to 6 ms were measured."""
RSS_MIB = 150
"""Growth of memory: two page caches of SQLite, 64 MiB each, and little else."""


@pytest.mark.slow
@pytest.mark.parametrize(("connections", "number"), [(1, 200), (8, 1600)])
def test_every_message_is_answered_in_bounded_cpu_and_memory(tmp_path: Path, connections: int, number: int) -> None:
    sent = [oru(control=f"R{n}", filler=f"F{n}") for n in range(number)]
    seconds: list[float] = []
    wrong: list[bytes] = []

    def speak(port: int, first: int) -> None:
        with MLLPClient(LOOPBACK, port) as client:
            for message in sent[first::connections]:
                started = time.perf_counter()
                answer = client.send_message(message)
                seconds.append(time.perf_counter() - started)
                if b"MSA|AA|" not in answer:
                    wrong.append(answer)

    with listener(tmp_path) as (process, port):
        before, cpu, memory = time.perf_counter(), cpu_of(process.pid), rss_of(process.pid)
        threads = [threading.Thread(target=speak, args=(port, first)) for first in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wall = time.perf_counter() - before
        cpu, memory = cpu_of(process.pid) - cpu, rss_of(process.pid) - memory
        process.terminate()
        assert process.wait(60) == 0
    seconds.sort()
    middle, late = seconds[number // 2], seconds[number * 99 // 100]
    each = 1000 * cpu / number
    print(
        f"\n{number} messages over {connections} connection(s): {number / wall:.0f}/s, p50 {1000 * middle:.0f} ms, "
        f"p99 {1000 * late:.0f} ms, {each:.1f} ms of CPU a message, {memory:+.0f} MiB"
    )
    assert (len(seconds), wrong) == (number, [])
    assert connections == 1 or each < CPU_MS
    assert memory < RSS_MIB


def cpu_of(pid: int) -> float:
    """Seconds of CPU of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_of(pid: int) -> float:
    """MiB of a process."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024
