"""The words for every code: what it does by default, and what is said in French and in English.

The table is `codes.csv`; the sentences name no person and quote no content (lifecycle §4).
"""

from __future__ import annotations

import csv
import io
from functools import cache
from importlib import resources
from typing import Literal

import msgspec

Effect = Literal["flagged", "held", "refused", "ignored"]


class Code(msgspec.Struct, frozen=True):
    """One row of the catalogue."""

    code: str
    default: Effect
    err5: str
    """ERR-5 of the norm (900-906) to send beside ours; empty when it has none."""
    fr: str
    en: str
    fix_fr: str
    fix_en: str
    err3: str = ""
    """ERR-3 of an HL7v2 acknowledgement (HL7 table 0357): 207 when `err5` says more. Empty: no HL7v2 file causes it."""
    place: str = ""
    """ERR-2 where the item's own place says no field: a segment and field (`PID-3`), a segment, or nothing."""


@cache
def catalogue() -> dict[str, Code]:
    text = resources.files("quality").joinpath("codes.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(io.StringIO(text, newline=""), restval="")
    return {row["code"]: msgspec.convert(row, Code) for row in rows}


def told(code: str) -> dict[str, str]:
    """A code with its words, as lists, receipts and checks carry them."""
    words = sentence(code)
    return {
        "code": words.code,
        "message_fr": words.fr,
        "message_en": words.en,
        "fix_fr": words.fix_fr,
        "fix_en": words.fix_en,
    }


def sentence(code: str) -> Code:
    """The row of a code. An unlisted code is a bug: it raises `KeyError`."""
    return catalogue()[code]
