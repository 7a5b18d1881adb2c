"""Times as XDS wants them: in UTC without offset, as precise as the source, with how each was decided.

A time of day without offset has no instant: nothing is put in its place (IHE ITI TF-3, DTM). A date is kept as said.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Literal

import msgspec

from transforms.moments import parse_ts

How = Literal["converted", "date", "no_offset", "invalid", "absent"]


class DTM(msgspec.Struct, frozen=True):
    """A time for XDS: what was written, its value in UTC (empty when there is none), and how it was decided."""

    said: str = ""
    value: str = ""
    how: How = "absent"

    def __bool__(self) -> bool:
        return bool(self.value)


_PARTS = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?(?:T(\d\d)(?::(\d\d))?(?::(\d\d))?)?")


def dtm(said: str) -> DTM:
    """An HL7 time as XDS wants it: `20260302101500+0100` is `20260302091500`; fractions of a second are dropped."""
    moment = parse_ts(said)
    if moment is None:
        return DTM(said, "", "invalid" if said else "absent")
    found = _PARTS.match(moment.iso)
    assert found is not None
    digits = "".join(part for part in found.groups() if part)
    if "T" not in moment.iso:
        return DTM(said, digits, "date")
    if moment.zone != "source":
        return DTM(said, "", "no_offset")
    length = len(digits)
    utc = datetime.fromisoformat(moment.utc).astimezone(UTC)
    if length == len("YYYYMMDDHH") and utc.minute:  # an offset with minutes under a time in hours
        length += 2
    return DTM(said, utc.strftime("%Y%m%d%H%M%S")[:length], "converted")
