"""Anatomy: a message as it stands, segment by segment, for those who explain it. Never on the way of ingestion.

Everything is decoded by the modules that `read` uses (framing, charset, tokens, values, payload): what is explained
here is what was read there. One message is in memory at a time; a payload stays in base64, out of its field.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec

from connectors.base import Source, shape
from connectors.hl7.framing import frames
from connectors.hl7.messages import decode
from connectors.hl7.payload import Payload, Unreadable, carried, cut, document
from connectors.hl7.tokens import delimiters, segments
from connectors.hl7.values import Values, values_of

MOST_EXAMINED = 100


class Segment(msgspec.Struct, frozen=True):
    """A segment: `fields[n]` is field n as written, `fields[0]` its name. MSH-1 is the separator itself."""

    name: str
    sequence: int
    """Among the segments of the message, from 1."""
    nth: int
    """Among the segments of this name, from 1."""
    fields: tuple[str, ...]
    values: Values

    def field(self, number: int) -> str:
        """Field `number` as written; empty when absent."""
        return self.fields[number] if number < len(self.fields) else ""

    def repetitions(self, number: int) -> list[str]:
        """The repetitions of a field as written; MSH-2, which is made of delimiters, is one."""
        if self.name == "MSH" and number < 3:
            return [self.field(number)]
        return self.values.repetitions(self.field(number))

    def examined(self, number: int) -> range:
        """The numbers of the repetitions that are looked at one by one: more of them say the same."""
        if self.name == "MSH" and number < 3:
            return range(1, 2)
        count = self.field(number).count(self.values.d.repetition) + 1 if self.field(number) else 0
        return range(1, min(count, MOST_EXAMINED) + 1)

    def text(self, number: int, component: int = 1, repetition: int = 1, subcomponent: int = 0) -> str:
        """A component decoded and without outer blanks, whole or one sub-component of it; empty when absent.

        A component with sub-components that is asked for whole keeps their separators.
        """
        field = self.field(number)
        if self.name == "MSH" and number < 3:
            return field if repetition == 1 else ""
        found = field.split(self.values.d.repetition, repetition)
        if len(found) < repetition:
            return ""
        parts = found[repetition - 1].split(self.values.d.component, component)
        if len(parts) < component:
            return ""
        if not subcomponent:
            return self.values.text(parts[component - 1]).strip()
        subs = self.values.subcomponents(parts[component - 1])
        return subs[subcomponent - 1].strip() if len(subs) >= subcomponent else ""

    def valued(self, number: int) -> bool:
        """Whether a field holds anything beyond delimiters. HL7's null `""` is a value: delete what was there."""
        d = self.values.d
        return bool(self.field(number).strip(f" {d.component}{d.subcomponent}{d.repetition}"))


class Anatomy(msgspec.Struct, frozen=True):
    """A message: its number in the source from 1, its segments, and what reading its characters found."""

    number: int
    segments: tuple[Segment, ...]
    delimiters: str
    """MSH-1 and MSH-2 as written."""
    encoding: str
    """The Python codec that its bytes really are in."""
    findings: tuple[str, ...]
    """Codes of `charset` and `tokens`: CHARSET_MISMATCH, SEGMENT_BROKEN …"""
    payloads: tuple[bytes, ...] = ()

    def named(self, name: str) -> list[Segment]:
        return [segment for segment in self.segments if segment.name == name]

    def first(self, name: str) -> Segment | None:
        return next((segment for segment in self.segments if segment.name == name), None)

    def payload(self, segment: Segment) -> Payload | None:
        """What an OBX encapsulates; None when it is no ED and holds neither base64 nor a CDA."""
        fields = [*segment.fields, *[""] * 18]
        return carried(segment.values.d.field.join(segment.fields), fields, segment.values, self.payloads)

    def document(self, segment: Segment) -> bytes | Unreadable | None:
        """The CDA that an OBX encapsulates, or why what it encapsulates is none; None without a payload."""
        payload = self.payload(segment)
        return None if payload is None else document(payload.data, segment.values)


class Opaque(msgspec.Struct, frozen=True):
    """A message that has no anatomy: too large, or with delimiters that cannot be used."""

    number: int
    code: str
    expected: str
    came: str


def anatomies(source: Source) -> Iterator[Anatomy | Opaque]:
    """Each message of a source in order, numbered as `read` numbers them. Never raises."""
    number = 0
    for frame in frames(source):
        if frame.kind == "oversize":
            number += 1
            yield Opaque(number, "MESSAGE_TOO_LARGE", "64 MiB", f"{frame.span.length} bytes")
        if frame.kind != "message":
            continue
        number += 1
        d = delimiters(frame.data)
        if d is None:
            came = shape(frame.data[3:10].decode("latin-1").split(frame.data[3:4].decode("latin-1"))[1])
            yield Opaque(number, "DELIMITERS_UNUSABLE", "|^~\\&", came)
            continue
        data, payloads = cut(frame.data, d)
        decoded = decode(frame, data, d)
        lines, broken = segments(decoded.text, d.field)
        values = values_of(decoded.text, d, decoded.encoding)
        yield Anatomy(
            number,
            tuple(_segments([line for line in lines if line.strip()], values)),
            decoded.text[3 : 4 + len(decoded.text[4:10].split(d.field)[0])],
            decoded.encoding,
            tuple(code for code in (decoded.finding, broken) if code),
            tuple(payloads),
        )


def _segments(lines: list[str], values: Values) -> Iterator[Segment]:
    counted: Counter[str] = Counter()
    for sequence, line in enumerate(lines, 1):
        fields = line.split(values.d.field)
        name = fields[0].strip()[:3]
        if sequence == 1:
            fields = ["MSH", values.d.field, *fields[1:]]
            name = "MSH"
        counted[name] += 1
        yield Segment(name, sequence, counted[name], tuple(fields), values)
