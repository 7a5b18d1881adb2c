"""Times of a header: that they are times, say their offset, in two digits of hours, and do not run backwards."""

from __future__ import annotations

import re

from connectors.cda.anatomy import Node
from quality.conformance.cda.said import Said
from transforms.moments import Moment, parse_ts

TIMES = ("effectiveTime", "time", "birthTime", "copyTime", "low", "high", "sdtc:deceasedTime")
_SHORT = re.compile(r"[+-]\d{3}")


def check_times(document: Node, said: Said) -> None:
    """Say what is wrong with every time of the header."""
    for node in document.walk():
        if node.name in TIMES:
            moment = _time(node, said)
            if node.name == "birthTime" and moment is not None and "T" in moment.iso:
                continue  # an hour of birth is rare and needs no zone
            if moment is not None and moment.zone == "none" and "T" in moment.iso:
                said.say("CDA_OFFSET_MISSING", node, "value", expected="±HHMM", came="")
        low, high = node.first("low"), node.first("high")
        if low is not None and high is not None:
            start, end = parse_ts(low.get("value")), parse_ts(high.get("value"))
            if start is not None and end is not None and _after(start, end):
                said.say("CDA_TIMES_REVERSED", node, expected="low ≤ high", came="")


def _time(node: Node, said: Said) -> Moment | None:
    value = node.get("value")
    if not value:
        return None
    moment = parse_ts(value)
    if moment is None:
        said.say("TIME_INVALID", node, "value", expected="YYYYMMDDHHMMSS±ZZZZ")
    elif _SHORT.search(value[-5:]) and len(value.replace("-", "+").rpartition("+")[2]) == 3:
        said.say("CDA_OFFSET_SHORT", node, "value", expected="±HHMM", came="±HMM")
    return moment


def _after(start: Moment, end: Moment) -> bool:
    """Whether an interval ends before it begins, as far as both ends can be told apart."""
    if start.utc and end.utc:
        return start.utc > end.utc
    shared = min(len(start.day), len(end.day))
    return start.day[:shared] > end.day[:shared]
