"""When a statement holds: the times of its effectiveTime understood, and inherited where it says none."""

from __future__ import annotations

import msgspec

from connectors.statements import Statement, Timing
from transforms.content.model import NEVER, When
from transforms.moments import parse_ts


def when(times: tuple[Timing, ...]) -> When:
    """The moment or period of a statement: its `TS` and `IVL_TS`, also those inside an `SXPR_TS`.

    Frequencies (`PIVL_TS`, `EIVL_TS`) say how often and are no period. Of several periods the first counts.
    """
    for time in _periods(times):
        found = moment(time)
        if found or found.absent or found.invalid:
            return found
    return NEVER


def moment(time: Timing | None) -> When:
    """One time. A time that is no date is marked, and never replaced."""
    if time is None:
        return NEVER
    at, start, end = _iso(time.value), _iso(time.low), _iso(time.high)
    if not at and time.center:
        at = _iso(time.center)
    said = ((time.value or time.center, at), (time.low, start), (time.high, end))
    found = When(
        at=at,
        start=start,
        end=end,
        absent="" if at or start or end else time.null or time.low_null,
        end_absent=time.high_null if not end else "",
        width=time.width,
        invalid=any(text and not iso for text, iso in said),
    )
    return NEVER if found == NEVER else found


def inherited(own: When, outer: When) -> When:
    """The time of a statement, or that of the one around it when it says none (`NASK` of the vital signs too)."""
    if own or own.invalid or not outer:
        return own
    return msgspec.structs.replace(outer, inherited=True)


def time_of(statement: Statement, outer: When = NEVER) -> When:
    return inherited(when(statement.times), outer)


def _periods(times: tuple[Timing, ...]) -> tuple[Timing, ...]:
    found: list[Timing] = []
    for time in times:
        if time.kind == "SXPR_TS":
            found.extend(_periods(time.parts))
        elif time.kind in ("TS", "IVL_TS"):
            found.append(time)
    return tuple(found)


def _iso(text: str) -> str:
    found = parse_ts(text) if text else None
    return found.iso if found else ""
