"""What is ready to be committed: items judged by themselves, with the facts they bring and the bytes they own."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from connectors.base import Envelope, Locator, Span
from transforms.documents import DocumentRecord
from transforms.facts import Flag
from transforms.routing import Destination

ENDS = ("accepted", "flagged", "held", "refused", "duplicate", "ignored")
"""The six ends of an item, in the order in which they are told."""

Kind = Literal["message", "document", "account", "enrolment", "reading", "file"]
OwnEnd = Literal["", "accepted", "flagged", "held", "refused", "ignored"]


UNQUALIFIED = "unqualified"
"""First part of the name of an INS that its sender was not sure of."""


class PatientName(msgspec.Struct, frozen=True, gc=False):
    """How an item names its patient, before the store knows them.

    `parts` is (authority OID, INS) for a qualified identity, (`local`, sender, root, extension) for a number that
    only its sender understands, (`unqualified`, sender, authority OID, INS) for an INS that its sender was not sure of,
    (`document`, id) when nobody is named: it never joins two records.
    """

    parts: tuple[str, ...]
    is_ins: bool


class Carried(msgspec.Struct, frozen=True, gc=False):
    """A document that an item brings, sound enough to become a fact."""

    record: DocumentRecord
    patient: PatientName
    sound: bool
    holds_discordance: bool
    findings: tuple[str, ...]
    """Of the record itself; those of other facts are added by the projection."""
    sent_at: str = ""
    flags: tuple[Flag, ...] = ()
    modifies_confidentiality: bool = False
    destinations: tuple[Destination, ...] = ()
    """Where this arrival may send it, once its identity is qualified."""
    twin_of: str | None = None
    """`document_id|format` of the other half, declared by one message or one submission."""
    also: tuple[PatientName, ...] = ()
    """Other names of the patient, while the identity is in doubt: the sender's other numbers, the unqualified INS."""
    lot: tuple[str, ...] = ()
    """Ids of the documents that its message declares to be one with it, whatever message brings them."""
    qualifies: bool = False
    """Whether it states a qualified INS (an identity fact)."""


class Deletion(msgspec.Struct, frozen=True, gc=False):
    """An author's request to withdraw a document, with the identity its evidence carries."""

    patient: PatientName
    organisation: str
    document_id: str
    set_id: str
    version: int | None
    sound: bool = True
    """Whether that identity is qualified by itself."""


class Masking(msgspec.Struct, frozen=True, gc=False):
    """An author's word on who may see a document that is known: its id and content, and the masks from now on."""

    organisation: str
    document_id: str
    digest: str
    sent_at: str
    flags: tuple[Flag, ...]


class Link(msgspec.Struct, frozen=True, gc=False):
    """Two patients that are one (`on`) or are not; with an INS as `b`, the traits it came with."""

    a: PatientName
    b: PatientName
    at: str
    on: bool
    traits: tuple[str, str, str] = ("", "", "")
    holds_discordance: bool = False


class Consent(msgspec.Struct, frozen=True, gc=False):
    """What a patient declared to the sender (ZFA): `scope` feeding or consultation, the word, its day and instant."""

    patient: PatientName
    scope: str
    value: str
    day: str
    at: str


class AccountFact(msgspec.Struct, frozen=True, gc=False):
    """One account event, understood. `at` is an instant in UTC, `month` the calendar month in Europe/Paris."""

    patient: PatientName
    event: str
    at: str
    day: str
    month: str
    channel: str
    department: str
    birth_year: str
    sex: str


class Answerable(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the answers to a message repeat of it, and whether its sender wants the business one (ZAM) for the DMP."""

    envelope: Envelope
    business: bool = False


class Private(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the ledger keeps of an item sealed under the delivery's key."""

    keys: tuple[str, ...] = ()
    answer: Answerable | None = None


class PreparedItem(msgspec.Struct, frozen=True, gc=False):
    """One item of a delivery, in its order."""

    ordinal: int
    kind: Kind
    locator: Locator
    end: OwnEnd
    """Empty when other facts decide it (a document, a deletion, a message that encloses some)."""
    code: str = ""
    findings: tuple[str, ...] = ()
    expected: str = ""
    came: str = ""
    parent: int | None = None
    count: int = 1
    patient: PatientName | None = None
    carried: tuple[Carried, ...] = ()
    deletion: Deletion | None = None
    masking: Masking | None = None
    links: tuple[Link, ...] = ()
    consents: tuple[Consent, ...] = ()
    account: AccountFact | None = None
    message_digest: bytes = b""
    """SHA-256 of a message's bytes: the same message in another batch is a duplicate."""
    readings: Any = None
    """A table of canonical readings (transforms.readings.schema.CANONICAL) of `patient`; the item stands for all of
    them, and becomes up to three rows: accepted, flagged, duplicate (ordinals `ordinal` to `ordinal` + 2)."""
    keys: tuple[str, ...] = ()
    """What a person may look it up by (MSH-10, IPP, order numbers): kept sealed and as keyed names."""
    answer: Answerable | None = None
    """Of a message: what its acknowledgements repeat, kept sealed."""


class Range(msgspec.Struct, frozen=True, gc=False):
    """Bytes of the delivery and who owns them: a patient, or nobody (None: envelopes, gaps, refusals)."""

    span: Span
    owner: PatientName | None


class Part(msgspec.Struct, frozen=True):
    """What one commit takes: consecutive items and the ranges they came from. Parts are cut deterministically."""

    number: int
    items: tuple[PreparedItem, ...]
    ranges: tuple[Range, ...]
    last: bool
    declared: int | None = None
