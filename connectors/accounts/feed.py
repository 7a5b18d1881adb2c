"""The insurer's feed of account events: CSV, one event a row, read by header.

Columns: ins, ins_oid, event, occurred_at, channel, department, birth_year, sex, in any order, separated by `,` or `;`,
UTF-8 with or without BOM. Fields hold no line break, so that a row is a line and has a byte range of its own. A line
of separators only is blank: spreadsheets leave them below a table.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import BinaryIO

from connectors.base import AccountEvent, Connector, Ignored, Locator, Refusal, Source, Span, Yielded

COLUMNS = ("ins", "ins_oid", "event", "occurred_at", "channel", "department", "birth_year", "sex")
REQUIRED = frozenset({"ins", "ins_oid", "event", "occurred_at"})
LONGEST_ROW = 65_536


def recognises(head: bytes, name: str) -> bool:
    """A first line that names the columns every event has."""
    header = _fields(head.split(b"\n", 1)[0])
    return set(header) >= REQUIRED and "event" in header


def read(source: Source) -> Iterator[Yielded]:
    """One `AccountEvent` a row; a row of another width, or not UTF-8, is a `Refusal` of its own."""
    with source.open() as stream:
        first = stream.readline(LONGEST_ROW)
        header = _fields(first)
        where = {column: header.index(column) for column in COLUMNS if column in header}
        separator = _separator(first)
        start, line = len(first), 1
        yield Ignored(Locator(line=1), Span(0, len(first)), "HEADER", count=0)
        while raw := stream.readline(LONGEST_ROW):
            line += 1
            place, span = Locator(line=line), Span(start, len(raw) + _rest(stream, raw))
            start = span.end
            if span.length > len(raw):
                yield Refusal(place, span, "ROW_WIDTH", expected=_columns(header), came=f"over {LONGEST_ROW} bytes")
            elif raw.strip(b" \t\r\n,;"):
                yield _row(raw, place, span, header, where, separator)


def _rest(stream: BinaryIO, raw: bytes) -> int:
    """How many bytes of a row that is too long come after these; they are read past."""
    length = 0
    while raw and not raw.endswith(b"\n") and (raw := stream.readline(LONGEST_ROW)):
        length += len(raw)
    return length


def _columns(header: list[str]) -> str:
    return f"{len(header)} columns"


def _row(
    raw: bytes, place: Locator, span: Span, header: list[str], where: dict[str, int], separator: str
) -> AccountEvent | Refusal:
    try:
        text = raw.decode("utf-8").strip("\r\n")
    except UnicodeDecodeError:
        return Refusal(place, span, "ROW_NOT_UTF8", expected="UTF-8")
    try:
        fields = next(csv.reader([text], delimiter=separator), [])
    except csv.Error:
        return Refusal(place, span, "ROW_UNREADABLE", expected="one event a line")
    if len(fields) != len(header):
        return Refusal(place, span, "ROW_WIDTH", expected=_columns(header), came=_columns(fields))
    said = {column: fields[index].strip() for column, index in where.items()}
    return AccountEvent(locator=place, span=span, **{column: said.get(column, "") for column in COLUMNS})


def _fields(line: bytes) -> list[str]:
    text = line.decode("utf-8", "replace").lstrip("\ufeff").strip()
    return [field.strip().strip('"').lower() for field in text.split(_separator(line))]


def _separator(line: bytes) -> str:
    return ";" if line.count(b";") > line.count(b",") else ","


ACCOUNTS = Connector(name="accounts-csv", family="accounts", recognises=recognises, read=read)
