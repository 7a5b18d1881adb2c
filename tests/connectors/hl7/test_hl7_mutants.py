"""Mutants of the samples: read or refused, within a second, accounted for to the byte, and without a word of theirs."""

from __future__ import annotations

import base64
import random
import re
import time
from collections import Counter

import pytest
from hl7_mutate import CANARY, FILES, mutant, parts_moved, rewired, segments_moved
from hl7_promises import held, interpreted, told, understood

from tests.cda import cda
from tests.conftest import find_samples

QUICK = range(2_000)
LONG = range(2_000, 102_000)
WHOLE = 100
"""One mutant in so many is of a sample as it is; the others, of one with a small document in place of its large one."""


def samples() -> list[bytes]:
    found = find_samples()
    files = sorted((found / "hl7").rglob("*")) if found else []
    return [path.read_bytes() for path in files if path.is_file() and path.suffix.lower() != ".xml"]


SAMPLES = samples()
SMALL_DOCUMENT = base64.b64encode(cda("1"))
SMALL = FILES + [re.sub(rb"(?<=\^)[A-Za-z0-9+/=]{4000,}", SMALL_DOCUMENT, data) for data in SAMPLES]


def secrets(bases: list[bytes]) -> set[str]:
    """Names and numbers of the patients of these files."""
    found = {CANARY.decode()}
    for data in bases:
        for line in re.split(rb"[\r\n]", data):
            fields = line.split(b"|")
            if fields[0] == b"PID" and len(fields) > 5:
                words = re.split(r"[\^~&]", b"^".join((fields[3], fields[5])).decode("utf-8", "replace"))
                found |= {word for word in words if len(word) > 5}
    return found


SECRETS = secrets(SMALL)


def hunt(seeds: range) -> tuple[Counter[str], float]:
    """What mutants were read as, and the longest time one took (seconds of processor)."""
    kinds: Counter[str] = Counter()
    slowest = 0.0
    for seed in seeds:
        data = mutant(SAMPLES if SAMPLES and seed % WHOLE == 0 else SMALL, seed)
        started = time.thread_time()
        try:
            yielded = held(data, SECRETS)
            interpreted(data, yielded, SECRETS)
        except Exception as error:
            raise AssertionError(f"mutant {seed}") from error
        taken = time.thread_time() - started
        slowest = max(slowest, taken)
        assert taken < 1, f"mutant {seed}"
        assert told(yielded) == told(held(data, SECRETS)), f"mutant {seed}"
        kinds.update(type(one).__name__ for one in yielded)
    return kinds, slowest


def test_mutants_are_read_or_refused_and_accounted_for() -> None:
    kinds, _ = hunt(QUICK)
    assert min(kinds[kind] for kind in ("Message", "Refusal", "Enclosed", "Ignored")) > 100


@pytest.mark.slow
def test_a_hundred_thousand_mutants_are_read_or_refused_and_accounted_for() -> None:
    kinds, slowest = hunt(LONG)
    print(f"\n{len(LONG)} mutants: {dict(kinds)}; the slowest took {slowest * 1000:.0f} ms")
    assert kinds["Message"] > len(LONG) // 2


@pytest.mark.parametrize(
    "seeds", [range(300), pytest.param(range(300, 10_300), marks=pytest.mark.slow)], ids=["quick", "long"]
)
def test_line_ends_marks_and_blank_lines_change_nothing(seeds: range) -> None:
    for seed in seeds:
        rng = random.Random(seed)
        data = rng.choice(SMALL)
        for _ in range(rng.choice((0, 0, 1, 3))):
            data = rng.choice((segments_moved, parts_moved))(data, rng)
        assert understood(held(rewired(data, rng), SECRETS)) == understood(held(data, SECRETS)), f"seed {seed}"
