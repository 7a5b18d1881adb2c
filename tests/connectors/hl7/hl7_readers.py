"""Three readers of one message, each as a flat map of its leaves: ours, python-hl7 and hl7apy."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from typing import Any

import hl7
import msgspec
from hl7_generate import Leaf
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.core import is_base_datatype
from hl7apy.exceptions import HL7apyException, InvalidName
from hl7apy.parser import get_message_info, parse_message, parse_segment

from connectors.base import Source
from connectors.hl7 import charset
from connectors.hl7.framing import frames
from connectors.hl7.tokens import delimiters, segments
from connectors.hl7.values import values_of

logging.getLogger(hl7.util.__file__).disabled = True  # it logs what it cannot decode; we compare the outcome


class Reading(msgspec.Struct, frozen=True):
    """What a reader made of a message: the segments it kept, its leaves that are not empty, or why it refused."""

    names: tuple[str, ...] = ()
    raw: dict[Leaf, str] = {}
    values: dict[Leaf, str] = {}
    """Escapes decoded; empty for hl7apy, which leaves them to its callers."""
    refused: str = ""
    """The class of what was raised."""
    unplaced: frozenset[tuple[int, int]] = frozenset()
    """Segment and field (0 for the whole segment) in which something was kept without its number."""


def our_reading(data: bytes) -> list[Reading]:
    """Every message of a file, through framing, character set, tokens and values, as `connectors.hl7.read` does."""
    found = []
    for frame in frames(Source.of_bytes("", data)):
        if frame.kind != "message":
            continue
        d = delimiters(frame.data)
        if d is None:
            found.append(Reading(refused="DELIMITERS_UNUSABLE"))
            continue
        if frame.encoding:
            decoded = charset.Decoded(frame.data.decode(), "utf-8")
        else:
            decoded = charset.decode(frame.data, charset.declared(frame.data, d.field.encode()))
        lines, _ = segments(decoded.text, d.field)
        values = values_of(decoded.text, d, decoded.encoding)
        raw: dict[Leaf, str] = {}
        for number, line in enumerate(lines):
            fields = line.split(d.field)
            if number == 0:
                raw |= {(0, 1, 1, 1, 1): d.field, (0, 2, 1, 1, 1): fields[1]}
                fields = [fields[0], "", "", *fields[2:]]
            for f, field in enumerate(fields[1:], 1):
                for r, repetition in enumerate(values.repetitions(field), 1):
                    for c, component in enumerate(repetition.split(d.component), 1):
                        for s, sub in enumerate(component.split(d.subcomponent), 1):
                            if sub:
                                raw[(number, f, r, c, s)] = sub
        decoded_values = {place: text if place[:2] == (0, 2) else values.text(text) for place, text in raw.items()}
        found.append(Reading(tuple(line[:3] for line in lines), raw, decoded_values))
    return found


def python_hl7_reading(text: str) -> Reading:
    """python-hl7, which reads text; `Message.unescape` decodes."""
    try:
        message = hl7.parse(text)
    except Exception as error:  # noqa: BLE001 - any of them is a refusal
        return Reading(refused=type(error).__name__)
    raw = {}
    for number, segment in enumerate(message):
        for f, field in enumerate(segment):
            for r, c, s, value in _strings(field) if f else ():
                if value:
                    raw[(number, f, r, c, s)] = value
    values = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its logger's `warn` is deprecated
        for place, value in raw.items():
            try:
                values[place] = value if place[:2] in {(0, 1), (0, 2)} else message.unescape(value)
            except Exception as error:  # noqa: BLE001
                values[place] = type(error).__name__
    return Reading(tuple(str(segment[0]) for segment in message), raw, values)


def _strings(field: Any) -> Iterator[tuple[int, int, int, str]]:
    for r, repetition in enumerate(field, 1):
        for c, component in enumerate([repetition] if isinstance(repetition, str) else repetition, 1):
            for s, sub in enumerate([component] if isinstance(component, str) else component, 1):
                yield r, c, s, str(sub)


def hl7apy_reading(text: str) -> Reading:
    """hl7apy, tolerant and without groups; segment by segment when a name it does not know stops the whole message."""
    refused = ""
    try:
        parsed = parse_message(text, validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=False).children
    except InvalidName as error:
        refused = type(error).__name__
        parsed = _each(text)
    except Exception as error:  # noqa: BLE001 - any of them is a refusal
        return Reading(refused=type(error).__name__)
    raw: dict[Leaf, str] = {}
    names = []
    unplaced = set()
    for number, segment in enumerate(parsed):
        if segment is None:
            names.append("")
            continue
        names.append(segment.name)
        repetitions: dict[int, int] = {}
        for field in segment.children:
            if field.name is None:
                unplaced.add((number, 0))
                continue
            f = int(field.name.rpartition("_")[2])
            repetitions[f] = repetitions.get(f, 0) + 1
            for c, component in _numbered(field):
                for s, sub in _numbered(component):
                    if c and s:
                        raw[(number, f, repetitions[f], c, s)] = _written(sub.value)
                    else:
                        unplaced.add((number, f))
    raw = {place: value for place, value in raw.items() if value}
    return Reading(tuple(names), raw, {}, refused, frozenset(unplaced))


def _each(text: str) -> Iterator[Any]:
    encoding, _, version = get_message_info(text.lstrip())
    for line in text.lstrip().split("\r"):
        if line:
            try:
                yield parse_segment(line, version, encoding, VALIDATION_LEVEL.TOLERANT)
            except HL7apyException:
                yield None


def _numbered(parent: Any) -> Iterator[tuple[int, Any]]:
    """Children with their numbers: of a structured type by name (`CX_4`; 0 beyond what it defines), else by order."""
    structured = parent.datatype not in {None, "varies"} and not is_base_datatype(parent.datatype, parent.version)
    for order, child in enumerate(parent.children, 1):
        number = re.search(r"_(\d+)$", child.name or "")
        yield int(number[1]) if number else 0 if structured else order, child


def _written(value: Any) -> str:
    """Text as it was; what became a number or a time as the library writes it again."""
    if isinstance(value, str):
        return value
    return value.value if isinstance(value.value, str) else str(value.to_er7())
