"""What holds for any bytes: nothing raised, every byte, segment and item accounted for, nothing of the input told."""

from __future__ import annotations

import re
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from hl7_build import gaps, read_all

from carnet.check import intrinsic
from carnet.interpret import interpret
from carnet.judged import Context
from carnet.settings import shipped_senders
from connectors.base import Enclosed, Ignored, Message, Refusal, Source, Yielded
from connectors.hl7.framing import BLANK
from warehouse.prepared import ENDS

DEMO = shipped_senders()["demo"]
CONTEXT = Context(
    sender=DEMO.id, policy=DEMO.policy(), zone=ZoneInfo(DEMO.zone), received_at="9999-12-31T00:00:00+00:00"
)
_ALWAYS_A_SEGMENT = re.compile(rb"[A-Z][A-Z0-9]{2}")


def held(data: bytes, secrets: Iterable[str]) -> list[Yielded]:
    """What was read, once the promises of the connector are kept."""
    yielded = read_all(data)
    outside = gaps(data, [y.span for y in yielded])
    wide = data[1:2] == b"\x00" or data.startswith((b"\xff\xfe", b"\xfe\xff"))
    if not wide:
        assert not outside.strip(BLANK + b"\xef\xbb\xbf")
    for index, one in enumerate(yielded):
        if isinstance(one, Message):
            follow = yielded[index + 1 : index + 1 + one.encloses]
            assert all(isinstance(y, Enclosed) or (isinstance(y, Refusal) and y.counted) for y in follow)
            assert [y.locator.document for y in follow] == list(range(1, one.encloses + 1))
            assert min(one.segments.values()) >= 0
            if not wide:
                check_segments(data[one.span.start : one.span.end], sum(one.segments.values()))
        elif isinstance(one, Refusal):
            check_silence((one.came, one.expected, str(one.locator)), secrets)
    return yielded


def check_segments(message: bytes, counted: int) -> None:
    """Each line that begins a segment is one, as far as bytes alone can tell."""
    lines = [line for line in re.split(rb"[\r\n\x0b\x1c]", message) if line.strip()]
    assert 0 < counted <= len(lines)
    separator = message[3:4]
    unclosed = any(line[:3] == b"OBX" and line.count(separator) == 5 for line in lines)
    if not unclosed and all(_ALWAYS_A_SEGMENT.match(line) and line[3:4] in {b"", separator} for line in lines):
        assert counted == len(lines)


def interpreted(data: bytes, yielded: list[Yielded], secrets: Iterable[str]) -> None:
    """The items of a file: 1 + n a message, each with one of the six ends, every byte in one range, no bug."""
    count, reached = 0, 0
    for step in interpret(Source.of_bytes("mutant", data), iter(yielded), CONTEXT):
        for item in step.items:
            end, codes = intrinsic(item)
            assert end in ENDS and "BUG" not in codes, (end, codes, item.came)
            check_silence((item.came, item.expected, str(item.locator), *codes), secrets)
            count += item.count
        for owned in step.ranges:
            assert owned.span.start == reached
            reached = owned.span.end
    assert reached == len(data)
    messages = sum(1 + y.encloses for y in yielded if isinstance(y, Message))
    documents = sum(y.locator.document is not None for y in yielded)
    alone = sum(y.counted for y in yielded if isinstance(y, Refusal) and y.locator.document is None)
    assert documents == sum(y.encloses for y in yielded if isinstance(y, Message))
    assert count == (messages + alone + sum(y.count for y in yielded if isinstance(y, Ignored)) or 1)


def check_silence(told: tuple[str, ...], secrets: Iterable[str]) -> None:
    text = " ".join(told)
    assert not [secret for secret in secrets if secret in text]


def told(yielded: list[Yielded]) -> list[object]:
    """What two readings of the same bytes must share."""
    return [(y.locator, y.span, y.message, y.source.read()) if isinstance(y, Enclosed) else y for y in yielded]


def understood(yielded: list[Yielded]) -> list[object]:
    """What was read, less where its bytes lie and how many they are."""
    found: list[object] = []
    for y in yielded:
        if isinstance(y, Enclosed):
            found.append((y.locator, y.source.read()))
        else:
            bare = {"span", "came"} if isinstance(y, Refusal) and y.code == "SEGMENT_OUTSIDE_MESSAGE" else {"span"}
            found.append([(name, getattr(y, name)) for name in y.__struct_fields__ if name not in bare])
    return found
