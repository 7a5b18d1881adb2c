"""Apple Health `export.xml`: the records of the measures that carnet knows, streamed at constant memory.

The inline DTD of some iOS versions is malformed and values hold control characters, so a strict reader stops on a true
export. Here every byte before the root element and every illegal control character becomes a blank of the same length:
line numbers and byte offsets stay true, and no entity can be declared. Then expat reads chunk by chunk.

One `Record` is one item. A blood pressure is a `Correlation` of two records that stand at top level too: the pair is
one row (at the line of the Correlation), each repeat a row with status `REPEATED_IN_CORRELATION`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO, TypeAlias
from xml.parsers import expat

from connectors.base import Damaged, Ignored, Locator, RawPatient, RawReading, RawReadings, Refusal, Source, Span
from connectors.devices.apple_pressure import DIASTOLIC, PRESSURE, SYSTOLIC, Pressures
from connectors.devices.apple_rows import Attributes, batch_of, reading

BATCH_ROWS = 20_000
BATCH_BYTES = 64 << 20
CHUNK = 1 << 18

LONGEST_TAG = 4 << 20
"""Bytes that may pass without an XML event: the parser keeps an unfinished tag in memory."""
DEEPEST = 32
"""Levels of elements: an export has four, and each level costs memory."""

_QUANTITY = "HKQuantityTypeIdentifier"
MEASURES = frozenset(
    {
        *(f"{_QUANTITY}{name}" for name in ("BloodGlucose", "BodyMass", "Height", "HeartRate", "BodyTemperature")),
        *(f"{_QUANTITY}{name}" for name in ("OxygenSaturation", "RespiratoryRate", "StepCount")),
        SYSTOLIC,
        DIASTOLIC,
        "HKCategoryTypeIdentifierSleepAnalysis",
    }
)

_IGNORED = {
    "Record": "NOT_A_MEASURE_KEPT_RAW",
    "Correlation": "NOT_A_MEASURE_KEPT_RAW",
    "Workout": "WORKOUT_KEPT_RAW",
    "ActivitySummary": "SUMMARY_KEPT_RAW",
}
_HEADING = frozenset({"ExportDate", "Me"})

_ENDED = frozenset(
    expat.errors.codes[message]
    for message in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
    )
)
"""What expat says of bytes that end too early."""

_ROOT = b"<HealthData"
_BLANK_ALL = bytes(byte if byte in b"\r\n" else 0x20 for byte in range(256))
_BLANK_CONTROLS = bytes(0x20 if byte < 0x20 and byte not in b"\t\r\n" else byte for byte in range(256))

Yield: TypeAlias = RawReadings | Ignored | Refusal


def recognises(head: bytes, name: str) -> bool:
    """By the root element or the DOCTYPE of the export; the file's name depends on the language of the phone."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and (
        b"<!DOCTYPE HealthData" in head or any(_ROOT + end in head for end in (b" ", b">", b"\n", b"\r", b"\t"))
    )


def read(source: Source) -> Iterator[Yield]:
    """Batches of about 20,000 rows whose spans follow each other and cover what was read.

    A file that breaks off or is malformed yields every complete record before the break, then a `Refusal` whose span is
    the rest. Halves of a blood pressure that no Correlation names wait for the end of the file. What is no measure is
    counted in an `Ignored` a rule behind each batch, with an empty span: its bytes lie in the span of that batch.
    """
    export = _Export()
    problem, fed = "", 0
    try:
        with source.open() as stream:
            for chunk in _blanked(stream):
                fed += len(chunk)
                export.parser.Parse(chunk, False)
                yield from export.ready()
                if fed - export.parser.CurrentByteIndex > LONGEST_TAG:
                    raise _Unfit
        export.parser.Parse(b"", True)
    except (expat.ExpatError, _Unfit):
        problem = "XML_TRUNCATED" if export.ended_early() else "XML_MALFORMED"
    except Damaged:
        problem = "ARCHIVE_DAMAGED"
    yield from export.rest(source.size, problem)


def _blanked(stream: BinaryIO) -> Iterator[bytes]:
    """The file in chunks, byte for byte as long: blanks for all before the root and for illegal control characters."""
    before = b""
    while chunk := stream.read(CHUNK):
        before += chunk
        root = before.find(_ROOT)
        if root >= 0:
            yield before[:root].translate(_BLANK_ALL) + before[root:].translate(_BLANK_CONTROLS)
            break
        yield before[: -len(_ROOT)].translate(_BLANK_ALL)
        before = before[-len(_ROOT) :]
    else:
        yield before.translate(_BLANK_ALL)
    while chunk := stream.read(CHUNK):
        yield chunk.translate(_BLANK_CONTROLS)


class _Unfit(ValueError):
    """The document can't be an export: stops the parser, leaves this module never."""


class _Export:
    """The state of one reading: what the handlers of the parser gather, and the batches cut from it."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate(encoding="UTF-8")
        self.parser.StartElementHandler = self._open
        self.parser.EndElementHandler = self._close
        self.parser.buffer_text = True
        self._full = False
        self._depth = 0
        self._rows: list[RawReading] = []
        self._start = 0
        self._ignored: Counter[str] = Counter()
        self._batches: list[Yield] = []
        self._facts: dict[str, Any] = {"format": "apple-health"}
        self._patient: RawPatient | None = None
        self._pressures = Pressures()
        self._pair: list[RawReading] | None = None
        self._record: Attributes | None = None
        self._metadata: dict[str, str] = {}
        self._line = self._begun = 0

    def ready(self) -> Iterator[Yield]:
        """The batches complete so far."""
        yield from self._batches
        self._batches.clear()
        consumed = self.parser.CurrentByteIndex - self._start
        self._full = len(self._rows) >= BATCH_ROWS or consumed >= BATCH_BYTES

    def ended_early(self) -> bool:
        """Whether the parser stopped because the bytes ended, and not at bytes that are wrong."""
        return self.parser.ErrorCode in _ENDED

    def rest(self, size: int, problem: str) -> Iterator[Yield]:
        """What is left at the end or at a break: the last rows, the halves that waited, the refusal."""
        end, line = self._place() if problem else (size, 0)
        rows = self._rows + self._pressures.rest()
        for first in range(0, max(1, len(rows)), BATCH_ROWS):
            self._rows = rows[first : first + BATCH_ROWS]
            self._cut(end)
        yield from self._batches
        if problem:
            expected = "a well-formed <HealthData> document to its end"
            yield Refusal(Locator(line=line), Span(end, size - end), problem, expected)

    def _place(self) -> tuple[int, int]:
        """Byte offset and line of the break: the start of the record that is not complete, else where expat stands."""
        if self._record is not None:
            return self._begun, self._line
        return max(self.parser.ErrorByteIndex, self._start), self.parser.ErrorLineNumber

    def _cut(self, end: int) -> None:
        """Close the batch at a byte offset: its rows, and the counts of what was ignored in between."""
        span = Span(self._start, end - self._start)
        batch = batch_of(self._rows)
        line = batch["line"][0].as_py() if self._rows else None
        self._batches.append(RawReadings(Locator(line=line), span, batch, self._patient, dict(self._facts)))
        nowhere = Span(self._start, 0)
        self._batches += [Ignored(Locator(), nowhere, rule, n) for rule, n in sorted(self._ignored.items())]
        self._rows, self._start, self._full = [], end, False
        self._ignored.clear()

    def _open(self, name: str, said: Attributes) -> None:
        self._depth += 1
        if self._depth == 2:
            if self._full:
                self._cut(self.parser.CurrentByteIndex)
            if name == "Record":
                if said.get("type") in MEASURES:
                    self._begin(said)
                else:
                    self._ignored["NOT_A_MEASURE_KEPT_RAW"] += 1
            elif name == "Correlation" and said.get("type") == PRESSURE:
                self._pair = []
                self._begin(said)
            elif name in _HEADING:
                self._heading(name, said)
            else:
                self._ignored[_IGNORED.get(name, "ELEMENT_KEPT_RAW")] += 1
        elif self._record is not None:
            self._inside(name, said)
        elif self._depth == 1:
            if name != "HealthData":
                raise _Unfit
            self._facts["locale"] = said.get("locale", "")
        elif self._depth > DEEPEST:
            raise _Unfit

    def _begin(self, said: Attributes) -> None:
        self._record, self._metadata = said, {}
        self._line, self._begun = self.parser.CurrentLineNumber, self.parser.CurrentByteIndex

    def _inside(self, name: str, said: Attributes) -> None:
        """An element below a kept Record, or below the Correlation of a blood pressure."""
        if name == "MetadataEntry" and len(self._metadata) < 100 and (self._pair is None or self._depth == 3):
            self._metadata[said.get("key", "")] = said.get("value", "")
        elif name == "Record" and self._pair is not None and self._depth == 3 and len(self._pair) < 100:
            self._pair.append(reading(said, {}, self.parser.CurrentLineNumber))
        if self._depth > DEEPEST:
            raise _Unfit

    def _close(self, name: str) -> None:
        self._depth -= 1
        if self._depth != 1 or self._record is None:
            return
        row = reading(self._record, self._metadata, self._line)
        self._record = None
        if self._pair is not None:
            self._rows += self._pressures.pair(row, self._pair)
            self._pair = None
        elif row.measure in (SYSTOLIC, DIASTOLIC):
            self._rows += self._pressures.alone(row)
        else:
            self._rows.append(row)

    def _heading(self, name: str, said: Attributes) -> None:
        if name == "ExportDate":
            self._facts["generated_at"] = said.get("value", "")
            return
        sex = said.get("HKCharacteristicTypeIdentifierBiologicalSex", "")
        birth = said.get("HKCharacteristicTypeIdentifierDateOfBirth", "")
        self._patient = RawPatient(birth_date=birth, sex=sex)
