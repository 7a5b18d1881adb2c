"""Batch envelopes (FHS, BHS, BTS, FTS): no items, but the counts they declare are held against what came."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.base import Ignored, Locator, Refusal, Span, Yielded
from connectors.hl7.framing import Frame


class Batches:
    """Follows the envelopes of one source: what is open, and how much came since."""

    def __init__(self) -> None:
        self._messages = 0
        self._batches = 0
        self._file = False
        self._batch = False

    def message(self) -> None:
        self._messages += 1

    def envelope(self, frame: Frame) -> Iterator[Yielded]:
        """An envelope segment as ignored, and an uncounted refusal when its count or its place is wrong."""
        fields = frame.data.split(frame.data[3:4] or b"|", 2)
        name = fields[0].decode("ascii")
        said = fields[1].strip() if len(fields) > 1 and name in {"BTS", "FTS"} else b""
        declared = int(said) if said.isdigit() and len(said) < 10 else None
        place = Locator(segment=name)
        yield Ignored(place, frame.span, "BATCH_ENVELOPE", 0, declared)
        if name in {"BHS", "FHS"}:
            if self._batch or (name == "FHS" and self._file):
                yield self._missing(frame.span)
            self._messages = 0
            self._batch = name == "BHS"
            self._file = self._file or name == "FHS"
            self._batches = 0 if name == "FHS" else self._batches + 1
        elif name == "BTS":
            if declared is not None and declared != self._messages:
                yield _mismatch(place, frame.span, declared, self._messages, "messages")
            self._batches += not self._batch  # a trailer without a header closes a batch all the same
            self._batch = False
            self._messages = 0
        else:
            if self._batch:
                yield self._missing(frame.span)
            # A file without BHS is one implicit batch, which senders count or not.
            if declared is not None and declared not in ({self._batches} if self._batches else {0, 1}):
                yield _mismatch(place, frame.span, declared, self._batches, "batches")
            self._file = self._batch = False
            self._batches = self._messages = 0

    def end(self, size: int) -> Iterator[Yielded]:
        """The end of the source: every header must have had its trailer."""
        if self._batch or self._file:
            yield self._missing(Span(size, 0))

    def _missing(self, span: Span) -> Refusal:
        trailer = "BTS" if self._batch else "FTS"
        return Refusal(Locator(segment=trailer), span, "BATCH_TRAILER_MISSING", trailer, "empty", counted=False)


def _mismatch(place: Locator, span: Span, declared: int, came: int, what: str) -> Refusal:
    expected = f"{place.segment}-1: {declared} {what}"
    return Refusal(place, span, "BATCH_COUNT_MISMATCH", expected, f"{came} {what}", counted=False)
