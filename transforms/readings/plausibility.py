"""Whether a value can be (else it is held) and whether it is usual (else it is flagged): two tiers, from one table.

Flagging is preferred to holding: automatic outlier rules discard true readings, and a crisis is when they matter.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, TypeAlias

from transforms.readings.measures import PARTS, Measure

Verdict: TypeAlias = Literal["", "SUSPECT", "IMPLAUSIBLE"]


def judge(value: Decimal, measure: Measure) -> Verdict:
    if measure.possible is not None and value not in measure.possible:
        return "IMPLAUSIBLE"
    if measure.usual is not None and value not in measure.usual:
        return "SUSPECT"
    return ""


def judge_pressure(systolic: Decimal, diastolic: Decimal) -> Verdict:
    """The worst of the two values and their difference: a diastolic above the systolic means swapped columns."""
    values = {"systolic": systolic, "diastolic": diastolic, "pulse_pressure": systolic - diastolic}
    verdicts = {judge(value, PARTS["blood_pressure", part]) for part, value in values.items()}
    return "IMPLAUSIBLE" if "IMPLAUSIBLE" in verdicts else "SUSPECT" if "SUSPECT" in verdicts else ""
