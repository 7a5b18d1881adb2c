"""Rows of a delimited text file with their line and byte range, in bounded memory and without trusting a quote.

The standard reader swallows the rest of a file after one stray quote. Here a quoted field may run over lines only
while these do not look like rows of their own; else the row is `broken` and the next line starts afresh.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from connectors.base import Source

LONGEST_ROW = 1 << 20
"""Bytes. A longer line is broken: no export has one."""

_CHUNK = 1 << 20


class Row(msgspec.Struct, frozen=True):
    """A row: the line it starts on (from 1), its byte range, and its cells; None when it can't be read."""

    line: int
    start: int
    end: int
    cells: tuple[str, ...] | None


def encoding_of(source: Source) -> str:
    """`utf-8` when the whole file is, else `cp1252`: what a French spreadsheet writes."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with source.open() as stream:
        try:
            while chunk := stream.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8"


def rows(source: Source, encoding: str, separator: str, width: int) -> Iterator[Row]:
    """Every non-blank line as a row. `width` is the number of columns that makes a line look like a whole row."""
    with source.open() as stream:
        line, offset, ahead = 0, 0, b""
        while data := ahead or stream.readline(LONGEST_ROW):
            ahead = b""
            line += 1
            start, first = offset, line
            offset += len(data)
            if len(data) == LONGEST_ROW and not data.endswith(b"\n"):
                offset += _rest_of_line(stream)
                yield Row(first, start, offset, None)
                continue
            parts, held, balanced = [data], len(data), data.count(b'"') % 2 == 0
            while not balanced:
                more = stream.readline(LONGEST_ROW)
                held += len(more)
                if not more or held > LONGEST_ROW or more.count(separator.encode()) >= width - 1:
                    ahead = more
                    break
                parts.append(more)
                balanced = more.count(b'"') % 2 == 1
            if len(parts) > 1 and not balanced:
                yield Row(first, start, offset, None)
                for part in parts[1:]:
                    line += 1
                    if part.strip():
                        yield Row(line, offset, offset + len(part), None)
                    offset += len(part)
                continue
            offset += sum(map(len, parts[1:]))
            line += len(parts) - 1
            if not balanced:
                yield Row(first, start, offset, None)
                continue
            text = b"".join(parts).decode(encoding, errors="replace").rstrip("\r\n")
            if first == 1:
                text = text.removeprefix("\ufeff")
            if text.strip():
                yield Row(first, start, offset, cells_of(text, separator))


def cells_of(text: str, separator: str) -> tuple[str, ...] | None:
    """The cells of one row of text, without surrounding blanks; None when the quoting makes no sense."""
    if '"' not in text:
        return tuple(cell.strip() for cell in text.split(separator))
    try:
        found = list(csv.reader([text], delimiter=separator, strict=True))
    except csv.Error:
        return None
    return tuple(cell.strip() for cell in found[0]) if len(found) == 1 else None


def _rest_of_line(stream: BinaryIO) -> int:
    """Skip to the end of an over-long line; returns the bytes skipped."""
    skipped = 0
    while data := stream.readline(LONGEST_ROW):
        skipped += len(data)
        if data.endswith(b"\n"):
            break
    return skipped
