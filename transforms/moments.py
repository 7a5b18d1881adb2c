"""Times as HL7 writes them (TS of v2 and CDA), with the precision and the offset the source gave, no more.

Grammar: `YYYY[MM[DD[HH[MM[SS[.S…]]]]]][±ZZ[ZZ]]` (HL7 v2.5 ch. 2, CDA R2 TS). Offsets of three digits
(`+100`) occur in French documents and mean one hour. `24:00` and days that do not exist are refused.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

_TS = re.compile(r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(\.\d{1,9})?)?)?)?)?)?([+-]\d{2,4})?", re.ASCII)
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(\.\d{1,9})?)?)?\s*(Z|[+-]\d\d:?\d\d)?",
    re.ASCII,
)
_YEARS = range(1000, 9999)
"""Years whose every moment has an instant in UTC."""


class Moment(msgspec.Struct, frozen=True, gc=False):
    """A time with the precision of its source."""

    iso: str
    """ISO 8601, as precise as the source: `2023-02-09T11:30+01:00`, `2023-02-09T11:30`, `2023-02-09`, `2023`."""
    zone: str
    """`source` when the text carried an offset, `none` otherwise."""

    @property
    def day(self) -> str:
        """The civil day where it was written: `YYYY-MM-DD`, or `YYYY-MM` or `YYYY` when no day was given."""
        return self.iso[:10]

    @property
    def month(self) -> str:
        return self.iso[:7]

    @property
    def utc(self) -> str:
        """The instant, fixed width, for ordering: empty without a time of day and an offset."""
        if self.zone != "source" or "T" not in self.iso:
            return ""
        text = self.iso
        hour_only = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d)([+-]\d\d:\d\d|Z)", text)
        if hour_only:
            text = f"{hour_only.group(1)}:00{hour_only.group(2)}"
        return _fixed(datetime.fromisoformat(text))


@lru_cache(2048)
def parse_ts(text: str) -> Moment | None:
    """The moment an HL7 timestamp names; None when the text is no valid one."""
    found = _TS.fullmatch(text.strip())
    if not found:
        return None
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    return _moment(year, month, day, hour, minute, second, fraction, _offset(offset) if offset else "")


def parse_iso(text: str) -> Moment | None:
    """The moment an ISO 8601 date or time names, to the day at least; None when the text is no valid one."""
    found = _ISO.fullmatch(text.strip())
    if not found:
        return None
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    written = "" if not offset else "+00:00" if offset == "Z" else _offset(offset.replace(":", ""))
    return _moment(year, month, day, hour, minute, second, fraction, written)


def _offset(text: str) -> str | None:
    """`+0100`, `+100` or `+01` as `+01:00`; None beyond ±14:00, where no zone exists."""
    digits = text[1:]
    if len(digits) == 2:
        hours, minutes = int(digits), 0
    else:
        hours, minutes = int(digits[:-2]), int(digits[-2:])
    if minutes > 59 or hours * 60 + minutes > 14 * 60:
        return None
    return f"{text[0]}{hours:02}:{minutes:02}"


def _moment(
    year: str,
    month: str | None,
    day: str | None,
    hour: str | None,
    minute: str | None,
    second: str | None,
    fraction: str | None,
    offset: str | None,
) -> Moment | None:
    if offset is None or int(year) not in _YEARS:
        return None
    try:
        date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None
    if (hour or "0") > "23" or (minute or "0") > "59" or (second or "0") > "59":  # two digits each
        return None
    if year in ("0001", "9999"):
        # Stand-ins for "unknown" and "for ever", at the edge of the calendar: they have no instant in every zone.
        return None
    iso = f"{year}-{month}-{day}" if day else f"{year}-{month}" if month else year
    if hour is None:
        # An offset without a time of day names no instant: dropped, the date is as said.
        return Moment(iso=iso, zone="none")
    iso += f"T{hour}" + (f":{minute}" if minute else "") + (f":{second}{fraction or ''}" if second else "")
    return Moment(iso=iso + offset, zone="source" if offset else "none")


@lru_cache(2048)
def ordering(moment: Moment | None, zone: ZoneInfo) -> str:
    """A moment as fixed-width UTC text, fit only for putting things in order; empty for none.

    A time without offset is read in `zone`, and missing parts as their lowest value: both serve to rank what one
    sender said, and never become a time of the record.
    """
    if moment is None:
        return ""
    if instant := moment.utc:
        return instant
    day, _, clock = moment.iso.partition("T")
    year, month, date_ = ([*day.split("-"), "01", "01"])[:3]
    hour, minute, second = ([*clock.split(":"), "00", "00", "00"] if clock else ["00", "00", "00"])[:3]
    whole = datetime.fromisoformat(f"{year}-{month}-{date_}T{hour}:{minute}:{second}")
    return _fixed(whole.replace(tzinfo=zone))


def _fixed(moment: datetime) -> str:
    """An instant in UTC, to the microsecond, fixed width."""
    return f"{moment.astimezone(UTC).isoformat(timespec='microseconds')[:-6]}Z"
