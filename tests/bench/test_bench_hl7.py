"""Speed of the HL7v2 connector against a bare split of the same fields, same machine, same run, equal output."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from connectors.base import Message, Observation, Source
from connectors.hl7 import HL7

ANALYTES = [("718-7", "Hémoglobine", "g/dL"), ("2951-2", "Sodium", "mmol/L"), ("1988-5", "Protéine C réactive", "mg/L")]
MESSAGES = 2_000


def message(i: int) -> bytes:
    """An ORU of 20 results, 3 KB: the shape of the reference figures (performance.md, section 1)."""
    lines = [
        f"MSH|^~\\&|SIL|LABO-{i % 40}|HUB|CH|20260105080000||ORU^R01^ORU_R01|M{i:09d}|P|2.5|||||FRA|UNICODE UTF-8",
        f"PID|||26603{1 + i % 95:02d}{1 + i % 990:03d}00000^^^TEST&1.2.250.1.213.1.4.10&ISO^INS"
        f"~{i:08d}^^^CHU&1.2.250.9999.2&ISO^PI||"
        f"ESSAI-{i}^LUCIE^LUCIE ANNE^^^^L||19660328|F|||1 rue X^^PARIS^^75001^FRA^H|||||||{i}^^^AFF^AN"
        "||||||||||||||VALI",
        f"PV1|1|I|UF{i % 300:04d}||||||||||||||||{i}^^^AFF^VN",
        f"ORC|NW|P{i:08d}^Labo|F{i:08d}^labo|G{i}^CHU|||||20260105",
        f"OBR|1|P{i:08d}^Labo|F{i:08d}^labo|11502-2^CR d'examens biologiques^LN|||20260105||||||||||||||||||F",
    ]
    for k in range(20):
        code, name, unit = ANALYTES[k % 3]
        lines.append(
            f"OBX|{k + 1}|NM|{code}^{name}^LN^L{k:03d}^{name} (local)^99LAB||{(i * 31 + k * 7) % 1000 / 10}|{unit}|"
            f"12.0-16.0|{'HNL'[(i + k) % 3]}|||F|||20260105080000||TECH{i % 50}^DUPONT^JEAN"
        )
    return "\r".join(lines).encode() + b"\r"


def floor(data: bytes) -> tuple[str, list[tuple[str, ...]]]:
    """The least Python can do: decode, split lines, split pipes, take what is wanted at its known place."""
    rows = []
    control = ""
    for line in data.decode().split("\r"):
        if line.startswith("OBX"):
            f = line.split("|", 15)
            k = f[3].split("^", 3)
            rows.append((f[2], k[0], k[1], k[2], f[5], f[6].partition("^")[0], f[7], f[8], f[11], f[14]))
        elif line.startswith("MSH"):
            control = line.split("|")[9]
        elif line:
            line.split("|")
    return control, rows


def rest(o: Observation) -> tuple[str, ...]:
    return (o.range, o.flags[0], o.status, o.observed)


def best(run: Callable[[], object], times: int = 5) -> float:
    """Microseconds a message, the best of some runs: noise only adds."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return min(taken) / MESSAGES * 1e6


@pytest.mark.slow
def test_reading_costs_a_small_multiple_of_a_bare_split() -> None:
    messages = [message(i) for i in range(MESSAGES)]
    source = Source.of_bytes("batch.hl7", b"".join(messages))
    for ours, data in zip(HL7.read(source), messages, strict=True):
        assert isinstance(ours, Message)
        rows = [
            (o.value_type, o.code.code, o.code.display, o.code.system, o.values[0], o.unit.code, *rest(o))
            for o in ours.orders[0].observations
        ]
        assert (ours.control_id, rows) == floor(data)

    def bare() -> None:
        for data in messages:
            floor(data)

    def read() -> None:
        for _ in HL7.read(source):
            pass

    low, cost = best(bare), best(read)
    print(f"\nhl7: {cost:.1f} us a message of {len(messages[0])} bytes and 20 OBX, {cost / low:.1f} x a bare split")
    assert cost / low < 8
