"""The connector contract: what a reader of a format is, and the few types it may yield.

A connector says what the file says. It keeps text as written (dates, numbers, codes), gives every item a place
(`Locator`) and the byte range it came from (`Span`), and never raises on any bytes: what cannot be read is a
`Refusal`. What the text means is the business of `transforms`.

Structs that hold texts and one another only say `gc=False`: they can form no cycle, and a batch makes thousands.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, TypeAlias

import msgspec
import pyarrow as pa

from connectors.attachments import Attachment
from connectors.heading import Header
from connectors.said import RawCode as RawCode
from connectors.said import RawId as RawId
from connectors.statements import Statement


class Span(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A byte range of the source as delivered: offset of the first byte and length."""

    start: int
    length: int

    @property
    def end(self) -> int:
        return self.start + self.length


class Locator(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Where in a delivery: never a file name, which is a patient value below a landing folder.

    `member` counts from 1 the entries of a container, `message` the messages of a file, `document` the documents
    that a message encloses; `segment` is `OBX 12` or `PID`, `field` is `PID-3`; `line` counts from 1. In nested
    containers `outer` holds the entries around, the outermost first: `member 3/2` is entry 2 of the archive in entry 3.
    """

    member: int | None = None
    message: int | None = None
    document: int | None = None
    segment: str | None = None
    field: str | None = None
    line: int | None = None
    xpath: str | None = None
    outer: tuple[int, ...] = ()

    def __str__(self) -> str:
        parts = []
        if self.member is not None:
            parts.append(f"member {'/'.join(map(str, (*self.outer, self.member)))}")
        if self.message is not None:
            parts.append(f"message {self.message}")
        if self.document is not None:
            parts.append(f"document {self.document}")
        if self.line is not None:
            parts.append(f"line {self.line}")
        parts += [part for part in (self.segment, self.field, self.xpath) if part]
        return ", ".join(parts) or "file"

    def within(self, outer: Locator) -> Locator:
        """This place, seen from the delivery that encloses it."""
        inner = {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) not in (None, ())}
        if self.member is not None and outer.member is not None:
            inner["outer"] = (*outer.outer, outer.member, *self.outer)
        return msgspec.structs.replace(outer, **inner)


class Source:
    """Bytes to read: a name (for recognition only, never shown), a size and a seekable `open()`."""

    __slots__ = ("_opener", "name", "size")

    def __init__(self, name: str, size: int, opener: Callable[[], BinaryIO]) -> None:
        self.name = name
        self.size = size
        self._opener = opener

    @classmethod
    def of_bytes(cls, name: str, data: bytes) -> Source:
        return cls(name, len(data), lambda: io.BytesIO(data))

    @classmethod
    def of_path(cls, path: Path) -> Source:
        return cls(path.name, path.stat().st_size, lambda: path.open("rb"))

    def open(self) -> BinaryIO:
        return self._opener()

    def head(self, length: int = 4096) -> bytes:
        with self.open() as stream:
            return stream.read(length)

    def read(self) -> bytes:
        with self.open() as stream:
            return stream.read()


class Damaged(Exception):
    """What reading a source raises that lies inside another one, when the bytes around it contradict it.

    Reading a delivery never raises it. The pipeline turns it into a refusal of what was being read.
    """


class RawPatient(msgspec.Struct, frozen=True, gc=False):
    """The patient as one message or document names them; empty text means absent.

    `birth_family`, `birth_given` (first given name), `birth_givens` (full list, space separated), `birth_date`
    (as written), `sex` and `birth_place` (INSEE COG code) are the six traits that go with an INS (RNIV).
    """

    ids: tuple[RawId, ...] = ()
    birth_family: str = ""
    used_family: str = ""
    birth_given: str = ""
    used_given: str = ""
    birth_givens: str = ""
    birth_date: str = ""
    sex: str = ""
    birth_place: str = ""
    reliability: tuple[str, ...] = ()
    """PID-32, HL7 table 0445 in its French extension; a CDA has none."""


class RawParty(msgspec.Struct, frozen=True, gc=False):
    """A person or organisation as said (author, custodian, performer)."""

    id: RawId = RawId()
    name: str = ""


class RawSection(msgspec.Struct, frozen=True):
    """A section as said."""

    code: RawCode
    title: str
    narrative: str
    """Its text, white space folded, cells and lines apart, without the mark-up."""
    depth: int
    """How many sections hold it."""
    entries: int
    """Entries directly in it."""
    html: str = ""
    """Its narrative as inert XHTML: a `div` fit for a FHIR Narrative; empty when there is none."""
    dropped: int = 0
    """Elements, attributes and links that are no part of CDA, left out of `html`; their text is in it."""


class Document(msgspec.Struct, frozen=True):
    """A CDA document as its header says it, with counts of its body. Times are the text of `@value`."""

    locator: Locator
    span: Span
    patient: RawPatient
    id: RawId
    code: RawCode
    title: str
    effective_time: str
    confidentiality: RawCode
    language: str
    set_id: RawId | None
    version: str
    """`versionNumber/@value` as written; empty when absent."""
    replaces: tuple[RawId, ...]
    templates: tuple[str, ...]
    author: RawParty
    author_organisation: RawParty
    custodian: RawParty
    level: str
    """`cda-n1` (nonXMLBody) or `cda-n3` (structuredBody)."""
    media_type: str
    """Of a level 1 body, as declared; empty for level 3."""
    sections: int
    entries: int
    attachments: int
    """Contents embedded: the level 1 body, observationMedia and other base64 of entries."""
    self_presenting: bool
    canonical_digest: bytes
    """SHA-256 of the tree without comments, processing instructions and blank text."""
    narrative: tuple[RawSection, ...] = ()
    """The sections as a reader would see them; as many as `sections`."""
    header: Header = Header()
    """Everything before `component`."""
    sha1: str = ""
    """SHA-1, hex, of the bytes as sent (XDS `hash`); for a self-presenting document, of the whole stylesheet."""
    size: int = 0
    """Number of those bytes."""
    statements: tuple[tuple[Statement, ...], ...] = ()
    """The coded entries of each of these sections."""
    attached: tuple[Attachment, ...] = ()
    """Those contents, and the references to others outside the document."""
    findings: Mapping[str, tuple[str, ...]] = {}
    """Codes seen while reading the body, each with the places of the first ones below ClinicalDocument."""


class Encapsulated(msgspec.Struct, frozen=True, gc=False):
    """What an OBX encapsulates beside results (a PDF, an image): its bytes stay in those of the message."""

    size: int
    digest: str
    """SHA-256, hex; like the size, of what the base64 stands for, or of the text as written when it is none."""


class Observation(msgspec.Struct, frozen=True, gc=False):
    """One OBX of a discrete result as said. `values` holds the repetitions of OBX-5 in the usual delimiters, escapes
    decoded; of what is encapsulated, what ED says before its data (`LABO^AP^PDF^Base64`)."""

    ordinal: int
    """Among the OBX of the message, from 1."""
    value_type: str
    code: RawCode
    sub_id: str
    values: tuple[str, ...]
    unit: RawCode
    range: str
    flags: tuple[str, ...]
    status: str
    observed: str
    method: RawCode = RawCode()
    producer: str = ""
    notes: tuple[str, ...] = ()
    parts: tuple[tuple[str, ...], ...] = ()
    """Components of each repetition, for SN, CE and CWE values."""
    encapsulated: Encapsulated | None = None


class Order(msgspec.Struct, frozen=True, gc=False):
    """One OBR with its results: the discrete results of one filler order (OBR-3, else ORC-3)."""

    locator: Locator
    placer: RawId
    filler: RawId
    panel: RawCode
    collected: str
    reported: str
    """OBR-22, as written."""
    status: str
    """OBR-25."""
    observations: tuple[Observation, ...]
    specimen: RawCode = RawCode()
    notes: tuple[str, ...] = ()
    prescriber: RawParty = RawParty()
    control: str = ""
    """ORC-1."""

    def place(self, observation: Observation) -> Locator:
        """Where one of its observations stands."""
        return Locator(message=self.locator.message, segment=f"OBX {observation.ordinal}")


class Recipient(msgspec.Struct, frozen=True, gc=False):
    """A recipient that a message names (PRT-4 = `RCT`), without who it is: that stays in the raw bytes."""

    kind: Literal["ps", "patient", "application"]
    """A professional, service or organisation; the patient; an application with a mailbox of its own."""
    address: bool
    """Whether a mailbox is given (PRT-15.4)."""


class Admission(msgspec.Struct, frozen=True, gc=False):
    """What an ADT message says beside its patient, as said (HL7 v2.5, 3; French extension of IHE PAM 2.11)."""

    recorded: str = ""
    """EVN-2."""
    occurred: str = ""
    """EVN-6."""
    merged: tuple[RawId, ...] = ()
    """MRG-1: identifiers that the ones of PID-3 replace."""
    other: RawPatient | None = None
    """The second PID of a link or un-link."""
    visit: RawId = RawId()
    """PV1-19."""
    movement: RawId = RawId()
    """ZBE-1."""
    feeding: str = ""
    """ZFA-9: `INO` informed and not opposed to feeding, `IO` opposed, `NA` not collected."""
    feeding_at: str = ""
    """ZFA-10."""
    consultation: str = ""
    """ZFA-11: `IC` informed and consents to consultation, `INC` refuses, `NA` not collected."""
    consultation_at: str = ""
    """ZFA-12."""


class Envelope(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an answer repeats of a message's header, as written but in the usual delimiters (`|^~\\&`)."""

    sending_application: str = ""
    sending_facility: str = ""
    receiving_application: str = ""
    receiving_facility: str = ""
    event: str = ""
    """MSH-9.2."""
    control_id: str = ""
    processing: str = ""
    version: str = ""
    country: str = ""
    charset: str = ""


class Message(msgspec.Struct, frozen=True, gc=False):
    """An HL7v2 message as said. Flags map a canonical name (an unknown code as written) to `Y`, `N` or what stands
    there, contradictory answers joined by `~`; so are `order_control` and `result_status` where documents differ.
    """

    locator: Locator
    span: Span
    control_id: str
    kind: str
    """`ORU^R01`, `MDM^T02`, `ADT^A40` …"""
    version: str
    profile: str
    charset: str
    sent_at: str
    patient: RawPatient | None
    order_control: str = ""
    """ORC-1 of the request that carries documents."""
    result_status: str = ""
    """OBX-11 of the OBX that carries the document."""
    document_id: RawId | None = None
    """TXA-12."""
    parent_id: RawId | None = None
    """TXA-13."""
    lot: tuple[RawId, ...] = ()
    """COMP_LOT of profile 1.2: the documents of one lot, structured and printable."""
    author_organisation: RawParty = RawParty()
    """PRT-8 of the `SB` participation (sender)."""
    flags: Mapping[str, str] = {}
    recipients: tuple[Recipient, ...] = ()
    reply: str = ""
    """NTE-4 under DESTMSSANTEPAT: `FIN` when the patient may not answer that mail."""
    orders: tuple[Order, ...] = ()
    numbers: tuple[str, ...] = ()
    """Of its orders, specimens and accessions, for whoever looks it up, beside those that `orders` have."""
    admission: Admission | None = None
    """Of an ADT message that states an identity."""
    encloses: int = 0
    """Documents enclosed: each follows as an `Enclosed` or a `Refusal` with `counted=True`."""
    ignored: str = ""
    """Named rule when the message is not data (`ACKNOWLEDGEMENT`)."""
    unsupported: str = ""
    """Named reason when the message is kept raw only (`MESSAGE_KEPT_RAW`, `EVENT_KEPT_RAW`, `VERSION_KEPT_RAW`)."""
    findings: tuple[str, ...] = ()
    """Codes seen while reading (`CHARSET_MISMATCH`, `ESCAPE_UNKNOWN` …)."""
    segments: Mapping[str, int] = {}
    """How many segments were `mapped`, kept `raw` or `ignored`; their sum is the number of segments."""
    envelope: Envelope = Envelope()
    """What its acknowledgement repeats."""


class Enclosed(msgspec.Struct, frozen=True, gc=False):
    """A source inside another (a CDA in OBX-5, a member of a zip), to be routed through the registry."""

    locator: Locator
    span: Span
    """The range of the outer source it was decoded from."""
    source: Source
    message: Message | None = None
    """The envelope that says how to act on it, when there is one: as its own request has it, of several."""
    request: int = 0
    """Which request (ORC, OBR) of that envelope carries it: documents of one request may be twins."""


class AccountEvent(msgspec.Struct, frozen=True):
    """One row of the insurer's feed, as said."""

    locator: Locator
    span: Span
    ins: str
    ins_oid: str
    event: str
    occurred_at: str
    channel: str
    department: str
    birth_year: str
    sex: str


class EnrolmentRow(msgspec.Struct, frozen=True):
    """One row of a sender's enrolment table, as said: which INS a local patient number stands for."""

    locator: Locator
    span: Span
    patient: RawPatient
    """Both identifiers and the traits, as a PID would hold them."""
    action: str
    """`link`, `unlink`, or what stands there; empty: link."""
    at: str
    """When it was so, ISO 8601."""


READINGS = pa.schema(
    [
        ("line", pa.int64()),
        ("measure", pa.string()),  # the measure as the format names it (a column, a record type)
        ("value", pa.string()),  # as written
        ("value2", pa.string()),  # second component (diastolic), as written; null otherwise
        ("unit", pa.string()),
        ("time", pa.string()),  # as written; for an interval, its start
        ("end_time", pa.string()),
        ("zone", pa.string()),  # IANA name or offset when the file states one apart from the time
        ("device", pa.string()),  # device or serial as said, normalised of run-dependent parts
        ("origin", pa.string()),  # application or source that wrote it
        ("status", pa.string()),  # '' or a named rule when the row is not a reading (GOAL, CONTROL_TEST …)
        ("context", pa.string()),  # JSON object: meal moment, body site, manual entry, external id …
    ]
)
"""Columns of `RawReadings.batch`: everything as said, one row a reading or a row that is none."""


class RawReading(NamedTuple):
    """One row of `READINGS`, its columns in their order."""

    line: int
    measure: str
    value: str | None
    value2: str | None
    unit: str | None
    time: str | None
    end_time: str | None
    zone: str | None
    device: str | None
    origin: str | None
    status: str
    context: str | None


class RawReadings(msgspec.Struct, frozen=True):
    """A batch of readings of one file, columns of `READINGS`."""

    locator: Locator
    span: Span
    batch: pa.RecordBatch
    patient: RawPatient | None = None
    """What the file itself says about its holder, to be compared with the patient vouched for."""
    facts: Mapping[str, Any] = {}
    """File-level facts the normalisation needs: `format`, `date_order`, `generated_at`, `locale` …"""


class Ignored(msgspec.Struct, frozen=True, gc=False):
    """Content that is no data by a named rule, counted (an index file of an archive)."""

    locator: Locator
    span: Span
    rule: str
    count: int = 1
    """Items it stands for; 0 for an envelope segment, which is no item."""
    declared: int | None = None
    """What the sender counts there (`BTS-1`: messages of the batch, `FTS-1`: batches of the file)."""


class Mail(msgspec.Struct, frozen=True):
    """An e-mail: what it carries, in its order, to be judged together, because a mail is about one patient.

    Its headers and its body are elements, no items.
    """

    locator: Locator
    span: Span
    parts: tuple[Enclosed | Ignored | Refusal, ...]


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """What could not be read: a code of the catalogue, where, and the shape of what came (never its text)."""

    locator: Locator
    span: Span
    code: str
    expected: str = ""
    """What the norm wants there, in closed technical words (`versionNumber/@value: integer ≥ 1`)."""
    came: str = ""
    """By shape only: `3 letters`, `date without zone`, `empty`."""
    counted: bool = True
    """Whether it is an item of its own; False when it tells about an item yielded beside it."""
    envelope: Envelope | None = None
    """Of a message that could not be read: what could be read of its header."""


Yielded: TypeAlias = (
    Message | Document | AccountEvent | EnrolmentRow | RawReadings | Enclosed | Mail | Ignored | Refusal
)


class Connector(msgspec.Struct, frozen=True):
    """A format: its name, its family (the ingest DAG that runs it), and two functions.

    `recognises(head, name)` looks at the first 4,096 bytes first and at the name only to break a tie.
    `read(source)` is a lazy, deterministic generator that never raises on any bytes.
    """

    name: str
    family: str
    """`hl7`, `cda`, `devices` or `accounts`."""
    recognises: Callable[[bytes, str], bool]
    read: Callable[[Source], Iterator[Yielded]]
    container: Literal["", "archive", "mail"] = ""
    """Of a format that only holds others: whether a sender may send it is asked of each thing inside."""


def shape(text: str) -> str:
    """The shape of a value, fit for a message: `empty`, `15 digits`, `3 letters`, `12 characters`."""
    if not text:
        return "empty"
    kinds = (("digits", str.isdigit), ("letters", str.isalpha), ("letters and digits", str.isalnum))
    for kind, test in kinds:
        if test(text):
            return f"{len(text)} {kind}" if len(text) > 1 else f"1 {kind[:-1]}"
    return f"{len(text)} characters" if len(text) > 1 else "1 character"
