"""Batch envelopes (FHS, BHS, BTS, FTS): no items, but the counts they declare are held against what came."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.base import Ignored, Locator, Refusal, Span, Yielded, shape
from connectors.hl7.framing import Frame


class Batches:
    """Follows the envelopes of one source: what is open, and how much came since.

    Messages of a file without BHS, and messages that a BTS without BHS counts, are one implicit batch. Where there are
    envelopes, any other message between them is outside: no sender's count covers it.
    """

    def __init__(self) -> None:
        self._messages = 0
        self._batches = 0
        self._file = False
        self._batch = False
        self._any = False
        self._loose: list[int] = []  # numbers of the first message since an envelope in no open batch, and of the last
        self._outside: list[tuple[int, int]] = []

    def message(self, number: int) -> None:
        self._messages += 1
        if not self._batch:
            self._loose = [*self._loose[:1], number]

    def envelope(self, frame: Frame) -> Iterator[Yielded]:
        """An envelope segment as ignored, and an uncounted refusal when its count or its place is wrong."""
        fields = frame.data.split(frame.data[3:4] or b"|", 2)
        name = fields[0].decode("ascii")
        said = fields[1].strip() if len(fields) > 1 and name in {"BTS", "FTS"} else b""
        declared = int(said) if said.isdigit() and len(said) < 10 else None
        place = Locator(segment=name)
        self._any = True
        yield Ignored(place, frame.span, "BATCH_ENVELOPE", 0, declared)
        if said and declared is None:
            came = shape(said.decode("latin-1"))
            yield Refusal(place, frame.span, "BATCH_COUNT_UNREADABLE", f"{name}-1: number", came, counted=False)
        if name in {"BHS", "FHS"}:
            if self._batch or (name == "FHS" and self._file):
                yield self._missing(frame.span)
            self._set_apart()
            self._messages = 0
            self._batch = name == "BHS"
            self._file = self._file or name == "FHS"
            self._batches = 0 if name == "FHS" else self._batches + 1
        elif name == "BTS":
            if declared is not None and declared != self._messages:
                yield _mismatch(place, frame.span, declared, self._messages, "message")
            self._batches += not self._batch  # a trailer without a header closes a batch all the same
            self._batch = False
            self._messages = 0
            self._loose = []
        else:
            if self._batch:
                yield self._missing(frame.span)
            # A file without BHS is one implicit batch, which senders count or not.
            if declared is not None and declared not in ({self._batches} if self._batches else {0, 1}):
                yield _mismatch(place, frame.span, declared, self._batches, "batch")
            self._end_file()
            self._file = self._batch = False
            self._batches = self._messages = 0

    def end(self, size: int) -> Iterator[Yielded]:
        """The end of the source: every header must have had its trailer."""
        if self._batch or self._file:
            yield self._missing(Span(size, 0))
        self._end_file()
        if self._outside and self._any:
            first = self._outside[0][0]
            came = _counted(sum(last - first + 1 for first, last in self._outside), "message")
            yield Refusal(
                Locator(message=first), Span(size, 0), "BATCH_MESSAGES_OUTSIDE", "BHS … BTS", came, counted=False
            )

    def _end_file(self) -> None:
        """The end of a file: without any BHS or BTS its messages are its one batch."""
        if self._file and not self._batches:
            self._loose = []
        self._set_apart()

    def _set_apart(self) -> None:
        """What came since the last envelope is in no batch."""
        if self._loose:
            self._outside.append((self._loose[0], self._loose[-1]))
        self._loose = []

    def _missing(self, span: Span) -> Refusal:
        trailer = "BTS" if self._batch else "FTS"
        return Refusal(Locator(segment=trailer), span, "BATCH_TRAILER_MISSING", trailer, "empty", counted=False)


def _counted(number: int, what: str) -> str:
    plural = {"message": "messages", "batch": "batches"}[what]
    return f"{number} {what if number == 1 else plural}"


def _mismatch(place: Locator, span: Span, declared: int, came: int, what: str) -> Refusal:
    expected = f"{place.segment}-1: {_counted(declared, what)}"
    return Refusal(place, span, "BATCH_COUNT_MISMATCH", expected, _counted(came, what), counted=False)
