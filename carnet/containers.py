"""Containers of a delivery while it is read: how much is unpacked, who is named together, whose the metadata are."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import Any

import msgspec

from connectors.base import Connector, Enclosed, Refusal, Source, Span
from connectors.registry import recognise
from connectors.submissions import Metadata, Submitted
from transforms.identity import Patient, same_person
from warehouse.prepared import PatientName, PreparedItem, Range

NESTED = 2
"""How many archives, and how many mails, may lie in each other: a batch of XDM archives, a forwarded mail."""
FREE = 16 << 20
"""Bytes that any delivery may unpack to, at all depths together."""
MOST_UNPACKED = 100
"""Beyond them, times its size."""
MOST_WAYS = 20
"""In which one patient is identified by what a mail carries."""

Key = tuple[int, ...]
"""A METADATA.XML, by its number and those of the containers around."""


class Containers:
    """What is remembered of the containers of one delivery until it ends."""

    def __init__(self, delivery: Source, formats: tuple[str, ...]) -> None:
        self._delivery = delivery
        self._around: list[str] = []
        self._most = max(FREE, MOST_UNPACKED * delivery.size)
        self._unpacked = 0
        self._formats = formats
        self._spans: dict[Key, Span] = {}
        self._owners: dict[Key, set[PatientName | None]] = {}
        self._halves: dict[Key, tuple[str, str]] = {}

    def unfit(self, found: Enclosed, connector: Connector) -> Refusal | None:
        """Why an enclosed source is not read: it lies too deep, unpacks to too much, or may not be sent."""
        self._unpacked += found.source.size
        if self._unpacked > self._most:
            return _refusal(
                found, "ARCHIVE_UNSAFE", f"a delivery that unpacks to at most {MOST_UNPACKED} times its size"
            )
        if connector.container and self._levels(connector.container) >= NESTED:
            return _refusal(found, "ARCHIVE_UNSAFE", f"at most {NESTED} archives, or mails, in each other")
        if self._formats and not connector.container and connector.family not in self._formats:
            return _refusal(found, "FORMAT_NOT_ADMITTED", "a format that this sender may send")
        return None

    def _levels(self, kind: str) -> int:
        whole = recognise(self._delivery)
        return self._around.count(kind) + (whole is not None and whole.container == kind)

    def enter(self, connector: Connector) -> None:
        self._around.append(connector.container)

    def leave(self) -> None:
        self._around.pop()

    def joined(self, found: Submitted, item: PreparedItem) -> PreparedItem:
        """The second of two documents of one submission, declared the twin of the first when their levels differ."""
        if not found.of_two or not item.carried:
            return item
        record = item.carried[0].record
        first = self._halves.setdefault(_key(found), (record.document_id, record.format))
        if first[1] == record.format:
            return item
        twin = msgspec.structs.replace(item.carried[0], twin_of="|".join(first))
        return msgspec.structs.replace(item, carried=(twin,))

    def kept(self, metadata: Metadata) -> None:
        """Bytes of a METADATA.XML of the delivery itself, to be given to an owner in the end."""
        assert metadata.locator.member is not None
        self._spans[(metadata.locator.member,)] = metadata.span

    def owned(self, found: Submitted, owner: PatientName | None) -> None:
        self._owners.setdefault(_key(found), set()).add(owner)

    def ranges(self) -> list[Range]:
        """The bytes that were kept: of the one patient whose documents they describe, else of the delivery."""
        return [Range(span, only(self._owners.get(key, set()))) for key, span in self._spans.items()]


def only(owners: set[PatientName | None]) -> PatientName | None:
    """The one patient that all name."""
    return next(iter(owners)) if len(owners) == 1 else None


def unread(found: Enclosed) -> Refusal:
    """What no reader takes: nothing at all, a PDF without the document it prints, another format."""
    if not found.source.size:
        return _refusal(found, "EMPTY_FILE", "a file with something to read")
    pdf = found.source.head(5) == b"%PDF-"
    return _refusal(found, "PDF_ALONE" if pdf else "UNKNOWN_FORMAT", "HL7v2, CDA or a listed export")


def damaged(found: Enclosed) -> Refusal:
    return _refusal(found, "ARCHIVE_DAMAGED", "a file that can be unpacked whole")


def _refusal(found: Enclosed, code: str, expected: str) -> Refusal:
    return Refusal(found.locator, found.span, code, expected)


def several(people: Iterable[Patient]) -> bool:
    """Whether two of these patients can't be one person. Nobody is written in more ways than `MOST_WAYS`."""
    ways = list(dict.fromkeys(people))
    return len(ways) > MOST_WAYS or any(not same_person(one, other) for one, other in combinations(ways, 2))


def of_nobody(item: PreparedItem) -> PreparedItem:
    """An item of a mail about several patients: which of them the sender meant is not known, and none is guessed."""
    if item.patient is None and not item.carried and item.masking is None:
        return item
    nothing: dict[str, Any] = {"carried": (), "links": (), "consents": (), "patient": None, "message_digest": b""}
    nothing |= dict.fromkeys(("deletion", "masking", "account", "readings"))
    return msgspec.structs.replace(item, end="refused", code="MAIL_SEVERAL_PATIENTS", expected="one patient", **nothing)


def _key(found: Submitted) -> Key:
    return (*found.locator.outer, found.metadata)
