"""Chance that can be repeated: generators seeded by a stable hash of what they are for."""

from __future__ import annotations

import math
import random
from hashlib import blake2b


def stable(*key: object) -> int:
    """A 64-bit number for a key, the same on every machine (unlike `hash`)."""
    text = "\x1f".join(str(part) for part in key)
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())


def chance(*key: object) -> random.Random:
    """A generator for one thing only: what it draws does not depend on what else is generated."""
    return random.Random(stable(*key))  # noqa: S311  (synthetic data, no secret)


def poisson(rng: random.Random, mean: float) -> int:
    """A Poisson count (Knuth; the means here are small)."""
    limit, count, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count
