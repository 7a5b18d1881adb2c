"""The shape of every machine output: field names are a contract (design §10), and their JSON schemas are published.

A field that is `UNSET` is left out: lists without `--identified` leave out whatever is a patient value.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

End = Literal["accepted", "flagged", "held", "refused", "duplicate", "ignored"]
Status = Literal["current", "superseded", "deleted", "withdrawn"]


class Row(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One line of NDJSON, or the one object of a command."""


class Counts(Row, kw_only=True):
    """Items by end; `read` is their sum."""

    read: int
    accepted: int
    flagged: int
    held: int
    refused: int
    duplicate: int
    ignored: int


class Summary(Row, kw_only=True):
    """`ingest --json`"""

    deliveries: int
    items: Counts
    seconds: float


class Source(Row, kw_only=True):
    """Where a row comes from. `file` is a name with `--identified`, else 12 characters of the delivery's id."""

    file: str
    item: str | UnsetType = UNSET
    line: int | UnsetType = UNSET


class DocumentRow(Row, kw_only=True):
    """`documents --json`"""

    ref: str | UnsetType = UNSET
    document_id: str | UnsetType = UNSET
    unit: str
    set_id: str | UnsetType | None = UNSET
    version: int | None
    replaces: list[str] | UnsetType = UNSET
    type_code: str
    title: str | UnsetType = UNSET
    created: str
    created_zone: Literal["source", "none"]
    format: Literal["cda-n1", "cda-n3", "hl7-oru"]
    status: Status
    confidentiality: list[str]
    destinations: list[Literal["DMP", "MSSANTEPAT", "MSSANTEPS"]]
    findings: list[str]
    sender: str
    source: Source
    sections: int
    entries: int
    observations: int
    attachments: int
    ins: str | UnsetType = UNSET
    ins_oid: str | UnsetType = UNSET


class DeliveryRow(Row, kw_only=True):
    """`deliveries --json`. `declared` is the sender's own count of messages (BTS); null when none is given."""

    delivery: str
    sender: str
    received_at: str
    status: Literal["taking", "taken"]
    items: Counts
    declared: int | None


class QuarantineRow(Row, kw_only=True):
    """`quarantine --json`: a held or refused item, and what to do about it."""

    item: str
    delivery: str
    sender: str
    source: Source
    end: Literal["held", "refused"]
    code: str
    message_fr: str
    message_en: str
    fix_fr: str
    fix_en: str
    expected: str
    came: str
    locator: str
    since: str
    count: int


class Original(Row, kw_only=True):
    """Value and unit as the export says them."""

    value: str | None
    unit: str | None


class Component(Row, kw_only=True):
    """One part of a reading with several values (systolic, diastolic)."""

    loinc: str
    value: str


class ReadingRow(Row, kw_only=True):
    """`readings --json`. `value` is decimal text in `unit` (UCUM), the canonical unit of the measure."""

    measure: str
    loinc: str
    unit: str
    status: str
    flags: list[str]
    zone_origin: str | None
    source: Source
    value: str | UnsetType | None = UNSET
    components: list[Component] | UnsetType = UNSET
    original: Original | UnsetType = UNSET
    comparator: str | UnsetType | None = UNSET
    effective: str | UnsetType = UNSET
    device: str | UnsetType | None = UNSET
    ins: str | UnsetType = UNSET


class AccountEventRow(Row, kw_only=True):
    """One event of an account, with `--identified`."""

    at: str
    event: str


class AccountRow(Row, kw_only=True):
    """`accounts --json`: a person of the insurer's feed, by pseudonym. Months are those of Europe/Paris."""

    patient: str
    events: int
    invited: str | None
    activated: str | None
    holder: bool
    findings: list[str]
    history: list[AccountEventRow] | UnsetType = UNSET


class FoundRow(Row, kw_only=True):
    """`find --json`"""

    item: str
    delivery: str
    sender: str
    received_at: str
    kind: str
    end: End
    code: str
    findings: list[str]
    locator: str


class Reason(Row, kw_only=True):
    """Why, in two languages, and what to do. `err5` is the norm's own code where it has one; `places` are the first
    places in a CDA, as paths below ClinicalDocument."""

    code: str
    message_fr: str
    message_en: str
    fix_fr: str
    fix_en: str
    err5: str | UnsetType = UNSET
    places: list[str] | UnsetType = UNSET


class Note(Row, kw_only=True):
    """An item that is not plainly accepted."""

    locator: str
    end: End
    count: int
    expected: str
    came: str
    reasons: list[Reason]
    item: int | UnsetType = UNSET


class Receipt(Row, kw_only=True):
    """`receipt --format json`: the latest revision."""

    delivery: str
    sender: str
    received_at: str
    status: Literal["taking", "taken"]
    size: int
    revision: int
    declared: int | None
    items: Counts
    notes: list[Note]


class ConformanceRow(Row, kw_only=True):
    """What a message of HL7v2 says against the French profile it follows. It changes no end.

    `sequence` is that of the segment in the message, from 1, or of the one after which `segment` is missing. `field`
    is `PID-3[2].4.2` (second repetition, component 4, sub-component 2), empty for a whole segment. `came` is a shape,
    or the value when it is in a public table. `source` says who found it.
    """

    message: int
    segment: str
    sequence: int
    field: str
    level: Literal["error", "warning", "advice"]
    code: str
    message_fr: str
    message_en: str
    fix_fr: str
    fix_en: str
    expected: str
    came: str
    source: Literal["carnet", "hl7apy"]


class Levels(Row, kw_only=True):
    """Findings of conformance by level."""

    error: int
    warning: int
    advice: int


class SecondOpinion(Row, kw_only=True):
    """Whether hl7apy was asked, the segments it was not shown, or why it was not asked."""

    applied: bool
    left_out: dict[str, int]
    reason_fr: str
    reason_en: str


class ExaminedRow(Row, kw_only=True):
    """A message held against a profile: which, how it was chosen (`declared` in MSH-21 …), its segments in order."""

    message: int
    kind: str
    profile: str
    profile_fr: str
    profile_en: str
    profile_by: Literal["", "declared", "blanks", "other", "unknown", "inferred"]
    segments: list[str]
    levels: Levels
    second_opinion: SecondOpinion


class AnsNote(Row, kw_only=True):
    """What was left out of one of ANS's files, or repaired in what is made of it; `names` are files, codes or OIDs."""

    code: str
    names: list[str]
    message_fr: str
    message_en: str


class AnsStep(Row, kw_only=True):
    """One of ANS's files held against a document. `rules_fired` counts the rules that met something to test.

    `name` is its path in the copy; empty when the document's model has no schematron.
    """

    name: str
    kind: Literal["xsd", "profile", "model"]
    status: Literal["applied", "partly", "not_applied"]
    rules_fired: int
    levels: Levels
    notes: list[AnsNote]


class AnsDocument(Row, kw_only=True):
    """A CDA document, where it is in the file, its model and what was held against it, in ANS's order."""

    document: int
    locator: str
    model: str
    levels: Levels
    steps: list[AnsStep]


class AnsFinding(Row, kw_only=True):
    """What one of ANS's files says of a place in a document. Schematrons speak one language: both messages are theirs.

    Braces stand for what an assertion would quote: `{@code}`. `line` is 0 when not known.
    """

    document: int
    step: str
    level: Literal["error", "warning", "advice"]
    pattern: str
    rule: str
    assertion: str
    location: str
    line: int
    message_fr: str
    message_en: str
    see: str


class AnsReport(Row, kw_only=True):
    """`check --ans`: what ANS's schema and schematrons say, or in `reason_…` why not. It changes no end."""

    applied: bool
    reason_fr: str
    reason_en: str
    levels: Levels
    documents: list[AnsDocument]
    documents_left: int
    findings: list[AnsFinding]


class HeaderRow(Row, kw_only=True):
    """The header of a CDA document examined: by which rules, its model, its elements in order.

    `rules` are `ci-sis` for a French document, else `cda` (HL7 CDA R2 alone).
    """

    document: int
    locator: str
    rules: Literal["ci-sis", "cda"]
    model: str
    label: str
    version: str
    elements: list[str]
    levels: Levels


class HeaderFinding(Row, kw_only=True):
    """What is said of a place in a header. It changes no end.

    `element` is the child of ClinicalDocument, `sequence` its place among them from 1, 0 when it is missing; `place` an
    XPath without prefixes. `came` is a shape, or the value when it is in a public table.
    """

    document: int
    element: str
    sequence: int
    place: str
    level: Literal["error", "warning", "advice"]
    code: str
    message_fr: str
    message_en: str
    fix_fr: str
    fix_en: str
    expected: str
    came: str


class CheckReport(Row, kw_only=True):
    """`check --json`: intrinsic ends only; conformance of the first messages, the number of the others.

    `documents` counts CDA documents; what ANS's files say of them, where the user has them, is in `ans`.
    """

    file: str
    connector: str | None
    items: Counts
    notes: list[Note]
    conformance: list[ConformanceRow]
    levels: Levels
    messages: list[ExaminedRow]
    messages_left: int
    headers: list[HeaderRow]
    header_findings: list[HeaderFinding]
    headers_left: int
    documents: int
    ans: AnsReport


class SectionRow(Row, kw_only=True):
    """A section of a document, as a reader sees it."""

    title: str
    code: str
    text: str
    depth: int


class ContentRow(Row, kw_only=True):
    """What a document carries beside its text. `media_type` and `sha256` are of its bytes, `declared` is as said;
    `label` and `type` are what the document says it is; `address` is that of content elsewhere, never fetched.

    `active` says what would act if it were opened (`javascript`, `launch`, `embedded-file` …), or that it could not be
    told (`encrypted`, `unexamined`); nothing is opened here.
    """

    number: int
    kind: Literal["body", "copy", "second-intention", "attached", "image", "inline", "external"]
    label: str
    type: str
    media_type: str
    declared: str
    size: int
    sha256: str
    section: str
    address: str
    state: Literal["", "unreadable", "incomplete"]
    active: list[str]
    integrity: Literal["", "verified", "failed", "unknown"]


class CodeRow(Row, kw_only=True):
    """A code as its sender says it."""

    code: str
    system: str
    display: str


class PanelRow(Row, kw_only=True):
    """An order (OBR) of a report as said; `notes` are those of the order and of its specimen, `results` is how many of
    the report's results are its own, in their order."""

    codes: list[CodeRow]
    collected: str
    reported: str
    status: str
    specimen: list[CodeRow]
    prescriber: str
    notes: list[str]
    results: int


class AttachmentRow(Row, kw_only=True):
    """What a result encapsulates (a PDF, an image): the bytes themselves stay in the message."""

    size: int
    sha256: str


class SaidResult(Row, kw_only=True):
    """A result as its sender says it: OBX-3, 4, 2, 5, 6, 7, 8, 11, 14, 17, 15, and the notes below it."""

    codes: list[CodeRow]
    sub_id: str
    type: str
    values: list[str]
    unit: str
    range: str
    interpretations: list[str]
    status: str
    observed: str
    method: list[CodeRow]
    producer: str
    notes: list[str]
    attachment: AttachmentRow | None


class CodedResultRow(Row, kw_only=True):
    """A result in public terms; null where there is none. Numbers are decimal text; `interpretations` are codes of v3
    ObservationInterpretation in the order said. An origin is `said` (by the sender), `table` (ours) or `map`.
    `effective` is OBX-14, else OBR-7, as precise as said."""

    loinc: str | None
    loinc_origin: Literal["said", "map"] | None
    value: str | None
    comparator: str | None
    separator: str | None
    second: str | None
    decimal_comma: bool
    unit: str | None
    unit_origin: Literal["said", "table", "map"] | None
    low: str | None
    high: str | None
    interpretations: list[str | None]
    effective: str | None


class ResultRow(Row, kw_only=True):
    """One result: as said, and in public terms beside it."""

    said: SaidResult
    coded: CodedResultRow


class TerminologyRow(Row, kw_only=True):
    """`terminology --json`: something without a public code, and how many results of a sender carry it."""

    sender: str
    kind: Literal["code", "unit", "interpretation"]
    count: int
    reason: Literal["missing", "unmapped", "check_digit", "shape", "ambiguous", "no_equivalent"]
    system: str
    shape: str
    ref: str
    said: str | UnsetType = UNSET


class CoverageRow(Row, kw_only=True):
    """`coverage --json`: what became of the entries of the documents of a model.

    `coded` entries hold a code; `mapped` of them were by their template. `templates`, `classes` and `raw` are
    statements at any depth: mapped by their template, by their class, or kept in the raw bytes alone. `narrative` are
    sections that have no entry.
    """

    model: str
    version: str
    documents: int
    sections: int
    entries: int
    coded: int
    mapped: int
    templates: int
    classes: int
    raw: int
    narrative: int
    unknown_templates: int
    templates_unknown: list[str] | UnsetType = UNSET


class Period(Row, kw_only=True):
    """Start and end, as precise as the source; empty when not given. `zone` says whether the source gave an offset."""

    start: str
    end: str
    zone: Literal["source", "none"]


class OrganisationRow(Row, kw_only=True):
    """An organisation as a document names it; `ids` are `root^extension`."""

    name: str
    ids: list[str]
    setting: CodeRow | None


class PersonRow(Row, kw_only=True):
    """Somebody, or a device, that took part in a document or an act: `part` says how, `type` is CDA's @typeCode."""

    part: Literal[
        "author",
        "data_enterer",
        "informant",
        "recipient",
        "legal_authenticator",
        "authenticator",
        "participant",
        "performer",
        "responsible",
        "encounter_participant",
    ]
    type: str
    class_: str = msgspec.field(name="class")
    function: CodeRow | None
    name: str
    device: str
    ids: list[str]
    specialty: CodeRow | None
    organisation: OrganisationRow | None
    time: Period | None
    signature: str


class ActRow(Row, kw_only=True):
    """An act that a document reports; the main one is performed at a time."""

    main: bool
    code: CodeRow | None
    ids: list[str]
    time: Period | None
    status: str
    performers: list[PersonRow]


class EncounterRow(Row, kw_only=True):
    """The stay or visit during which a document was made."""

    ids: list[str]
    code: CodeRow | None
    time: Period | None
    disposition: CodeRow | None
    facility: CodeRow | None
    place: str
    people: list[PersonRow]


class RelatedRow(Row, kw_only=True):
    """A document that another one replaces (`RPLC`)."""

    type: str
    document_id: str


class ConsentRow(Row, kw_only=True):
    """A consent or refusal that a document carries."""

    code: CodeRow | None
    status: str


class UtcRow(Row, kw_only=True):
    """A time for XDS: in UTC as precise as the source, empty when it has no instant; what was written, how decided."""

    value: str
    said: str
    how: Literal["converted", "date", "no_offset", "invalid", "absent"]


class AuthorRow(Row, kw_only=True):
    """An author in XDS: XCN, XON, role, `code^display^system`."""

    person: str
    institution: str
    role: str
    specialty: str


class MetadataRow(Row, kw_only=True):
    """The XDS DocumentEntry of a document. `missing` names the required metadata that its header does not give."""

    model: str
    model_version: str
    unique_id: str
    mime_type: str
    hash: str
    size: int
    title: str
    language_code: str
    class_code: CodeRow | None
    type_code: CodeRow | None
    format_code: CodeRow | None
    practice_setting_code: CodeRow | None
    healthcare_facility_type_code: CodeRow | None
    event_code_list: list[CodeRow]
    confidentiality_codes: list[CodeRow]
    creation_time: UtcRow
    service_start_time: UtcRow
    service_stop_time: UtcRow
    authors: list[AuthorRow]
    legal_authenticator: str
    custodian: str
    patient_id: str
    source_patient_id: str
    source_patient_info: list[str]
    reference_ids: list[str]
    replaces: list[str]
    missing: list[str]
    availability_status: str


class TimelineRow(Row, kw_only=True):
    """`patient --json`"""

    when: str
    kind: Literal["document", "result", "readings"]
    what: str
    status: str
    sender: str
    document_id: str | UnsetType = UNSET
    version: int | UnsetType | None = UNSET
    confidentiality: list[str] | UnsetType = UNSET
    sections: list[SectionRow] | UnsetType = UNSET
    attachments: list[ContentRow] | UnsetType = UNSET
    result_status: Literal["", "P", "F", "C", "X"] | UnsetType = UNSET
    status_derived: bool | UnsetType = UNSET
    panels: list[PanelRow] | UnsetType = UNSET
    results: list[ResultRow] | UnsetType = UNSET
    people: list[PersonRow] | UnsetType = UNSET
    custodian: OrganisationRow | UnsetType | None = UNSET
    acts: list[ActRow] | UnsetType = UNSET
    encounter: EncounterRow | UnsetType | None = UNSET
    orders: list[str] | UnsetType = UNSET
    related: list[RelatedRow] | UnsetType = UNSET
    consents: list[ConsentRow] | UnsetType = UNSET
    metadata: MetadataRow | UnsetType = UNSET


class DoctorRow(Row, kw_only=True):
    """`doctor --json`"""

    check: str
    well: bool
    says: str
    todo: str


OUTPUTS: dict[str, type[Row]] = {
    "ingest": Summary,
    "documents": DocumentRow,
    "deliveries": DeliveryRow,
    "quarantine": QuarantineRow,
    "readings": ReadingRow,
    "accounts": AccountRow,
    "find": FoundRow,
    "terminology": TerminologyRow,
    "coverage": CoverageRow,
    "receipt": Receipt,
    "check": CheckReport,
    "patient": TimelineRow,
    "doctor": DoctorRow,
}
"""The row of each command."""
