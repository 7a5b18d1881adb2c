"""LibreView CSV: the glucose and ketone readings of FreeStyle Libre sensors and strips, in English or French.

One row is one item. Record types (column of that name): 0 sensor history, 1 sensor scan, 2 strip (capillary), 3 ketone;
4 insulin, 5 food and 6 notes are no readings. Times are the wall clock of the device, dates follow the account:
`facts` carries the order that the whole file proves, and `ambiguous` when it proves none.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pyarrow as pa

from connectors.base import READINGS, Locator, RawPatient, RawReadings, Refusal, Source, Span
from connectors.devices.date_order import Evidence
from connectors.devices.delimited import Row, encoding_of, rows
from connectors.devices.libreview_header import HEADER_LINES, READING_COLUMNS, Header, find_header, is_preamble

BATCH_ROWS = 20_000

_READINGS = {"0": "historic_glucose", "1": "scan_glucose", "2": "strip_glucose", "3": "ketone"}
_NOT_READINGS = {
    "4": ("insulin", "NOT_A_READING_INSULIN"),
    "5": ("food", "NOT_A_READING_FOOD"),
    "6": ("note", "NOT_A_READING_NOTE"),
}
_NUMBER = re.compile(r"\d{1,5}(?:[.,]\d{1,6})?")


def recognises(head: bytes, name: str) -> bool:
    """By the header among the first lines, or by the preamble alone (then a header in another language is refused)."""
    lines = _lines(head)
    return bool(lines) and (is_preamble(lines[0]) or find_header(lines) is not None)


def read(source: Source) -> Iterator[RawReadings | Refusal]:
    """Batches of at most 20,000 rows; their spans follow each other and cover the file.

    A row that can't be read is a `Refusal` of its own inside the span of the batch before it.
    """
    header = find_header(_lines(source.head(1 << 16)))
    if header is None:
        expected = "a header with a time, a record type and a glucose column on line 1, 2 or 3"
        yield Refusal(Locator(), Span(0, source.size), "HEADER_UNKNOWN", expected)
        return
    encoding = encoding_of(source)
    facts = _survey(source, header, encoding)
    patient = RawPatient(used_family=header.made_by) if header.made_by else None
    refused: list[Refusal] = []
    batch, start, end = _Columns(), 0, 0
    for row in _body(source, header, encoding):
        if len(batch) + len(refused) >= BATCH_ROWS:
            yield _readings(batch, Span(start, end - start), patient, facts)
            yield from refused
            batch, refused, start = _Columns(), [], end
        end = row.end
        if problem := _take(batch, row, header):
            refused.append(problem)
    yield _readings(batch, Span(start, source.size - start), patient, facts)
    yield from refused


class _Columns:
    """The columns of a batch while it grows."""

    def __init__(self) -> None:
        self.values: dict[str, list[Any]] = {name: [] for name in READINGS.names}

    def __len__(self) -> int:
        return len(self.values["line"])

    def add(self, **cells: Any) -> None:
        for name, values in self.values.items():
            values.append(cells.get(name))


def _readings(batch: _Columns, span: Span, patient: RawPatient | None, facts: dict[str, Any]) -> RawReadings:
    line = batch.values["line"][0] if len(batch) else None
    table = pa.RecordBatch.from_pydict(batch.values, schema=READINGS)
    return RawReadings(Locator(line=line), span, table, patient, facts)


def _take(batch: _Columns, row: Row, header: Header) -> Refusal | None:
    """Put a row into the batch, or say why it can't be."""
    if row.cells is None:
        return _refusal(row, "ROW_UNREADABLE", "one row of cells, quotes in pairs")
    cells, columns = row.cells, header.columns

    def cell(role: str) -> str:
        position = columns.get(role, len(cells))
        return cells[position] if position < len(cells) else ""

    kind = cell("type")
    measure, status = _NOT_READINGS.get(kind, (_READINGS.get(kind, ""), ""))
    value = cell(measure) if measure in READING_COLUMNS else ""
    if not status:
        filled = [role for role in READING_COLUMNS if cell(role)]
        if len(filled) > 1:
            return _refusal(row, "ROW_AMBIGUOUS", "one value a row", f"{len(filled)} values")
        known = ("device", "serial", "time", "type", measure)
        said = sum(map(bool, cells)) - sum(bool(cell(role)) for role in known)
        if len(cells) > header.width and said:
            return _refusal(row, "ROW_AMBIGUOUS", f"{header.width} cells", f"{len(cells)} cells")
    batch.add(
        line=row.line,
        measure=measure,
        value=value,
        unit=header.units.get(measure),
        time=cell("time"),
        device=_device(cell("device"), cell("serial")),
        origin="LibreView",
        status=status,
        context=msgspec.json.encode({"record_type": kind}).decode(),
    )
    return None


def _refusal(row: Row, code: str, expected: str, came: str = "") -> Refusal:
    return Refusal(Locator(line=row.line), Span(row.start, row.end - row.start), code, expected, came)


def _device(name: str, serial: str) -> str | None:
    said = [f"{label}:{value}" for label, value in (("name", name), ("serial", serial)) if value]
    return ", ".join(said) or None


def _body(source: Source, header: Header, encoding: str) -> Iterator[Row]:
    return (row for row in rows(source, encoding, header.separator, header.width) if row.line > header.line)


def _survey(source: Source, header: Header, encoding: str) -> dict[str, Any]:
    """What only the whole file tells: the order of its dates and how its glucose values lie."""
    evidence, values = Evidence(), _Values()
    columns = header.columns
    for row in _body(source, header, encoding):
        cells = dict(enumerate(row.cells or ()))
        kind = cells.get(columns["type"], "")
        evidence.add(f"{cells.get(columns.get('serial', -1), '')}|{kind}", cells.get(columns["time"], ""))
        if kind in ("0", "1", "2"):
            values.add(cells.get(columns.get(_READINGS[kind], -1), ""))
    verdict = evidence.verdict(header.made_on)
    units = {unit for role, unit in header.units.items() if role != "ketone" and unit}
    return {
        "format": "libreview",
        "date_order": verdict.order,
        "date_evidence": verdict.evidence,
        "generated_at": header.made_on,
        "locale": header.locale,
        "encoding": encoding,
        "glucose_units": tuple(sorted(units)),
        "glucose_values": values.facts(),
    }


class _Values:
    """Counts of the distinct glucose values of a file: a few hundred in any true one."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, text: str) -> None:
        if _NUMBER.fullmatch(text) and (text in self._counts or len(self._counts) < 10_000):
            self._counts[text] += 1

    def facts(self) -> dict[str, float | int]:
        """`count`, `median`, how many are `above_55`, and `smallest_fraction`: the smallest that is no whole number."""
        numbers = sorted((float(text.replace(",", ".")), n) for text, n in self._counts.items())
        if not numbers:
            return {"count": 0}
        total = sum(n for _, n in numbers)
        reached = itertools.accumulate(n for _, n in numbers)
        median = next(value for (value, _), n in zip(numbers, reached, strict=True) if 2 * n >= total)
        fractions = [value for value, _ in numbers if value % 1]
        above = sum(n for value, n in numbers if value > 55)
        facts: dict[str, float | int] = {"count": total, "median": median, "above_55": above}
        return facts | ({"smallest_fraction": fractions[0]} if fractions else {})


def _lines(head: bytes) -> list[str]:
    """The first lines as text: UTF-8 where they are, else cp1252."""
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as fault:
        whole = fault.reason == "unexpected end of data" or len(head) - fault.start < 4
        text = head.decode("utf-8" if whole else "cp1252", errors="replace")
    return [line.rstrip("\r") for line in text.removeprefix("\ufeff").split("\n")[:HEADER_LINES]]
