"""Speed of the HL7v2 connector against a bare split, python-hl7 and hl7apy: same machine, same run, equal output.

CPU time, each side in turn, the best of some rounds: noise only adds. `SAID` is what is held today; the goals stand in
the printed line.
"""

from __future__ import annotations

import gc
import time
import warnings
from collections.abc import Callable, Iterable, Sequence

import hl7
import pytest

from connectors.base import Message, Source
from connectors.hl7 import HL7
from tests.bench.hl7_floor import Header, Row, narrow, said, whole
from tests.hl7 import laboratory

MESSAGES = 2_000
FEW = 40
"""Messages that hl7apy is given: it takes tens of milliseconds for each."""
FLOOR_GOAL, PYTHON_HL7_GOAL, HL7APY_GOAL = 2, 35, 1_000
FLOOR_SAID = 4.5
"""Times a bare split of the same output, every field of `Message` and `Observation` filled (goal 2)."""


def cost(runs: Sequence[tuple[Callable[[], object], int]], rounds: int = 5) -> list[float]:
    """Microseconds of CPU a message of each of these, `int` messages in each run."""
    gc.collect()
    gc.freeze()  # what was imported is no part of anybody's cost
    best = [float("inf")] * len(runs)
    for _ in range(rounds):
        for number, (run, messages) in enumerate(runs):
            start = time.process_time()
            run()
            best[number] = min(best[number], (time.process_time() - start) / messages * 1e6)
    gc.unfreeze()
    return best


def discard(results: Iterable[object]) -> None:
    """Make them all and keep none: a list of results costs its maker memory and collections."""
    for _ in results:
        pass


def python_hl7(data: bytes) -> tuple[Header, list[Row]]:
    """The same output by python-hl7's own accessors."""
    message = hl7.parse(data.decode())
    msh, pid, orc, obr = (message.segment(name) for name in ("MSH", "PID", "ORC", "OBR"))
    ids = [(str(one[3][1]), str(one[0]), str(one[4])) for one in pid[3]]
    name, born_at = pid[5][0], str(pid[11][1][8])
    placer, filler, panel = obr[2][0], obr[3][0], obr[4][0]
    kind = msh[9][0]
    header = (
        *(str(msh[n]) for n in (3, 4, 5, 6)),
        *(str(kind[1]), str(msh[10]), str(msh[11]), str(msh[12]), str(msh[17]), str(msh[18]), str(msh[7])),
        f"{kind[0]}^{kind[1]}",
        *(ids, str(name[0]), str(name[1]), str(name[2]), str(pid[7]), str(pid[8]), born_at, str(pid[32])),
        *(str(orc[1]), str(placer[1]), str(placer[0]), str(filler[1]), str(filler[0])),
        *(str(panel[0]), str(panel[2]), str(panel[1]), str(obr[7]), str(obr[22]), str(obr[25])),
    )
    rows = []
    for obx in message.segments("OBX"):
        k = obx[3][0]
        row = (obx[2], k[0], k[2], k[1], k[3], k[5], k[4], obx[4], obx[5], obx[6], obx[7], obx[8], obx[11], obx[14])
        rows.append((*(str(part) for part in row), str(obx[15]), str(obx[1])))
    return header, rows


@pytest.mark.slow
def test_reading_costs_a_small_multiple_of_a_bare_split_and_a_small_part_of_what_others_cost() -> None:
    messages = [laboratory(i) for i in range(MESSAGES)]
    source = Source.of_bytes("batch.hl7", b"".join(messages))
    for ours, data in zip(HL7.read(source), messages, strict=True):
        assert isinstance(ours, Message)
        assert said(ours) == whole(data)
        assert python_hl7(data) == whole(data)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from hl7apy.consts import VALIDATION_LEVEL
        from hl7apy.parser import parse_message

    few = [data.decode() for data in messages[:FEW]]
    ours_, bare, less, theirs, tree = cost(
        [
            (lambda: discard(HL7.read(source)), MESSAGES),
            (lambda: discard(map(whole, messages)), MESSAGES),
            (lambda: discard(map(narrow, messages)), MESSAGES),
            (lambda: discard(map(python_hl7, messages[:200])), 200),
            (
                lambda: discard(
                    parse_message(text, validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=False) for text in few
                ),
                FEW,
            ),
        ]
    )
    print(
        f"\nhl7: {ours_:.0f} us of CPU a message of {len(messages[0])} bytes and 20 OBX"
        f"\n  {ours_ / bare:.1f} x a bare split of the same output (goal {FLOOR_GOAL}),"
        f" {ours_ / less:.1f} x one of fewer fields"
        f"\n  python-hl7 {theirs / ours_:.0f} x ours (goal {PYTHON_HL7_GOAL})"
        f"\n  hl7apy's bare parse {tree / ours_:.0f} x ours (goal {HL7APY_GOAL})"
    )
    assert ours_ / bare < FLOOR_SAID
    assert theirs / ours_ > PYTHON_HL7_GOAL / 2
    assert tree / ours_ > HL7APY_GOAL / 2
