"""Memory: a 1 GB Apple Health export, ingested whole, stays under 700 MB of resident memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cda import INS, TEST_OID

GIGABYTE = 1024**3

PROGRAM = """
import resource, sys
from pathlib import Path
from carnet.judged import Vouched
from tests.hub import Hub
hub = Hub(Path(sys.argv[1]))
(delivery,) = hub.take_files([Path(sys.argv[2])], vouched=Vouched(sys.argv[3], sys.argv[4]))
print(hub.ends(delivery))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def write_export(path: Path, size: int) -> int:
    """An Apple Health export of about `size` bytes: heart rate, steps and types nobody follows; readings expected."""
    kinds = (
        ("HKQuantityTypeIdentifierHeartRate", "count/min", True),
        ("HKQuantityTypeIdentifierStepCount", "count", True),
        ("HKQuantityTypeIdentifierActiveEnergyBurned", "kcal", False),
        ("HKQuantityTypeIdentifierDistanceWalkingRunning", "km", False),
    )
    expected = number = 0
    with path.open("w", encoding="utf-8") as stream:
        stream.write('<?xml version="1.0" encoding="UTF-8"?>\n<HealthData locale="fr_FR">\n')
        while stream.tell() < size:
            lines = []
            for _ in range(5000):
                kind, unit, followed = kinds[number % 4]
                minute, day = number % 1440, number // 1440
                day_of = f"{2015 + day // 336:04}-{day // 28 % 12 + 1:02}-{day % 28 + 1:02}"
                at = f"{day_of} {minute // 60:02}:{minute % 60:02}:0"
                device = f"&lt;&lt;HKDevice: 0x28{number % 97:04x}&gt;, name:Watch, manufacturer:Maker, model:Watch&gt;"
                lines.append(
                    f' <Record type="{kind}" sourceName="Montre" sourceVersion="10.1" device="{device}" unit="{unit}"'
                    f' creationDate="{at}9 +0100" startDate="{at}0 +0100" endDate="{at}5 +0100"'
                    f' value="{60 + number % 40}"/>\n'
                )
                expected += followed
                number += 1
            stream.write("".join(lines))
        stream.write("</HealthData>\n")
    return expected


@pytest.mark.slow
def test_a_gigabyte_of_apple_health_stays_under_700_mb(tmp_path: Path) -> None:
    export = tmp_path / "export.xml"
    write_export(export, GIGABYTE)
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "home"), str(export), INS, TEST_OID]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    ends, peak = done.stdout.splitlines()
    print(f"1 GB: {ends}, peak {peak} MB")
    assert int(peak) < 700
