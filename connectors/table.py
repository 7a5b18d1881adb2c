"""Tables in text: rows of a CSV with a header, streamed, each with its own line and byte range.

UTF-8 with or without BOM, separated by `,` or `;`, columns in any order, known by their names. Fields hold no line
break, so that a row is a line. A line of separators only is blank: spreadsheets leave them below a table.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

from connectors.base import Ignored, Locator, Refusal, Source, Span, Yielded

LONGEST_ROW = 65_536

Build = Callable[[Mapping[str, str], Locator, Span], Yielded]
"""A row from its fields by column, its place and its bytes."""


def columns(head: bytes) -> list[str]:
    """The names in a first line, in lower case."""
    line = head.split(b"\n", 1)[0]
    text = line.decode("utf-8", "replace").lstrip("\ufeff").strip()
    return [field.strip().strip('"').lower() for field in text.split(_separator(line))]


def rows(source: Source, build: Build) -> Iterator[Yielded]:
    """What `build` makes of each row; a row of another width, or not UTF-8, is a `Refusal` of its own."""
    with source.open() as stream:
        first = stream.readline(LONGEST_ROW)
        header, separator = columns(first), _separator(first)
        start, line = len(first), 1
        yield Ignored(Locator(line=1), Span(0, len(first)), "HEADER", count=0)
        while raw := stream.readline(LONGEST_ROW):
            line += 1
            place, span = Locator(line=line), Span(start, len(raw) + _rest(stream, raw))
            start = span.end
            if span.length > len(raw):
                yield Refusal(place, span, "ROW_WIDTH", expected=_width(header), came=f"over {LONGEST_ROW} bytes")
            elif raw.strip(b" \t\r\n,;"):
                fields = _fields(raw, place, span, header, separator)
                yield fields if isinstance(fields, Refusal) else build(fields, place, span)


def _rest(stream: BinaryIO, raw: bytes) -> int:
    """How many bytes of a row that is too long come after these; they are read past."""
    length = 0
    while raw and not raw.endswith(b"\n") and (raw := stream.readline(LONGEST_ROW)):
        length += len(raw)
    return length


def _width(header: list[str]) -> str:
    return f"{len(header)} columns"


def _fields(raw: bytes, place: Locator, span: Span, header: list[str], separator: str) -> dict[str, str] | Refusal:
    try:
        text = raw.decode("utf-8").strip("\r\n")
    except UnicodeDecodeError:
        return Refusal(place, span, "ROW_NOT_UTF8", expected="UTF-8")
    try:
        fields = next(csv.reader([text], delimiter=separator), [])
    except csv.Error:
        return Refusal(place, span, "ROW_UNREADABLE", expected="one row a line")
    if len(fields) != len(header):
        return Refusal(place, span, "ROW_WIDTH", expected=_width(header), came=_width(fields))
    return {column: field.strip() for column, field in zip(header, fields, strict=True)}


def _separator(line: bytes) -> str:
    return ";" if line.count(b";") > line.count(b",") else ","
