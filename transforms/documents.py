"""The canonical record of a document: what a CDA header or the results of a filler order mean.

One record per document and version. It is derived from the raw bytes and can be rebuilt from them, byte for byte
the same; it is what is sealed beside the raw range, listed by `carnet documents` and projected to FHIR.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from connectors.attachments import Attachment
from connectors.base import Document, Encapsulated, Message, Observation, Order, RawCode, RawId, RawParty, RawSection
from connectors.heading import Header
from connectors.statements import Concept
from transforms.content.mapping import Part
from transforms.content.model import Content
from transforms.content.read import observations, read
from transforms.identity import Patient, understand
from transforms.moments import Moment, ordering, parse_ts
from transforms.oids import meant
from transforms.orders import Report, Status, available, identity, understood
from transforms.xds.tables import types

Format = Literal["cda-n1", "cda-n3", "hl7-oru"]


class Result(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One discrete result, codes, numbers and units as said (LOINC and UCUM are kept, not corrected)."""

    code: RawCode
    value_type: str
    values: tuple[str, ...]
    unit: RawCode = RawCode()
    comparator: str = ""
    range: str = ""
    flags: tuple[str, ...] = ()
    status: str = ""
    observed: str = ""
    method: RawCode = RawCode()
    notes: tuple[str, ...] = ()
    sub_id: str = ""
    parts: tuple[tuple[str, ...], ...] = ()
    producer: str = ""
    encapsulated: Encapsulated | None = None


class Panel(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One OBR of a report, as said. `results` is how many of the record's results are its own, in their order."""

    code: RawCode
    results: int
    collected: str = ""
    reported: str = ""
    status: str = ""
    specimen: RawCode = RawCode()
    notes: tuple[str, ...] = ()
    """Of the order and of its specimen."""
    prescriber: RawParty = RawParty()


class DocumentRecord(msgspec.Struct, frozen=True, gc=False):
    """One document, understood. Empty text means the source does not say; nothing is filled in."""

    document_id: str
    """`root` or `root^extension`; for results `<filler authority OID>^<filler number>`."""
    set_id: str
    version: int | None
    replaces: tuple[str, ...]
    type_code: str
    type_system: str
    title: str
    created: str
    created_zone: str
    day: str
    format: Format
    media_type: str
    language: str
    confidentiality: str
    templates: tuple[str, ...]
    patient: Patient
    organisation: str
    """The author's organisation as `root^extension`; falls back to the custodian. Empty when neither is named."""
    author: RawId
    custodian: RawId
    sections: int
    entries: int
    observations: int
    """Of results: those that can be read, neither deleted, wrong, unobtainable nor not asked. Of a CDA: the coded
    observations of its content, panels apart."""
    attachments: int
    digest: str
    """SHA-256, hex, of the canonical content: equal for equal documents whatever their comments and blanks."""
    self_presenting: bool = False
    results: tuple[Result, ...] = ()
    panels: tuple[Panel, ...] = ()
    """Of results: the OBR they came under."""
    rank: tuple[str, str] = ("", "")
    """Of a result version: (time in UTC, position of its status in P F C X)."""
    result_status: Status = ""
    status_derived: bool = False
    """The status follows from those of the results (OBX-11), not from OBR-25."""
    findings: tuple[str, ...] = ()
    narrative: tuple[RawSection, ...] = ()
    """The sections of a level 3 body, readable."""
    header: Header = Header()
    """Everything that a CDA says before its body, as said."""
    sha1: str = ""
    """SHA-1, hex, of the bytes as sent, and their number: XDS `hash` and `size`."""
    size: int = 0
    content: Content = Content()
    """The coded content of these sections."""
    attached: tuple[Attachment, ...] = ()
    """What it carries beside its text; the bytes stay in the raw range (`connectors.cda.attachments.content`)."""
    places: Mapping[str, tuple[str, ...]] = {}
    """Where findings about the body are, the first of each code: paths below ClinicalDocument."""


def normalised_id(id_: RawId | None) -> str:
    """`root` or `root^extension`; UUID roots in upper case, as equal UUIDs are one id (RFC 9562)."""
    if id_ is None or not id_.root:
        return ""
    root = id_.root.upper() if "-" in id_.root else id_.root
    return f"{root}^{id_.extension}" if id_.extension else root


STRUCTURES = "1.2.250.1.71.4.2.2"
"""Struct_IdNat: a prefix that says the kind of number, then the number; `1` + FINESS is the usual one."""


def organisation_id(id_: RawId | None) -> str:
    """An organisation in one spelling: a bare FINESS (9 characters) gets the prefix that the norm wants."""
    if id_ is not None and id_.root == STRUCTURES and len(id_.extension) == 9:
        return f"{STRUCTURES}^1{id_.extension}"
    return normalised_id(id_)


def from_cda(document: Document) -> DocumentRecord:
    """A CDA header understood. Missing or invalid parts stay empty and are judged by the rules."""
    created = parse_ts(document.effective_time)
    content = read(_parts(document), document.templates)
    organisation = organisation_id(document.author_organisation.id) or organisation_id(document.custodian.id)
    return DocumentRecord(
        document_id=normalised_id(document.id),
        set_id=normalised_id(document.set_id),
        version=_version(document.version),
        replaces=tuple(dict.fromkeys(normalised_id(i) for i in document.replaces)),
        type_code=document.code.code,
        type_system=document.code.system,
        title=document.title,
        created=created.iso if created else "",
        created_zone=created.zone if created else "none",
        day=created.day if created else "",
        format="cda-n1" if document.level == "cda-n1" else "cda-n3",
        media_type=document.media_type,
        language=document.language,
        confidentiality=document.confidentiality.code,
        templates=document.templates,
        patient=understand(document.patient, from_cda=True),
        organisation=organisation,
        author=document.author.id,
        custodian=document.custodian.id,
        sections=document.sections,
        entries=document.entries,
        observations=observations(content),
        attachments=document.attachments,
        digest=document.canonical_digest.hex(),
        self_presenting=document.self_presenting,
        narrative=document.narrative,
        header=document.header,
        sha1=document.sha1,
        size=document.size,
        content=content,
        attached=document.attached,
        places=document.findings,
        findings=(*_header_findings(document, created), *document.findings),
    )


def _parts(document: Document) -> Iterator[Part]:
    for number, (section, said) in enumerate(zip(document.narrative, document.statements, strict=True), 1):
        code = Concept(section.code.code, section.code.system, section.code.display)
        yield Part(number, code, said, narrative=bool(section.narrative))


def _version(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text) < 1_000_000_000 else None


def _header_findings(document: Document, created: Moment | None) -> tuple[str, ...]:
    """What the header lacks or garbles, as codes; the rules say what each one does."""
    codes = []
    if not document.id.root:
        codes.append("DOCUMENT_ID_MISSING")
    if not document.code.code:
        codes.append("TYPE_CODE_MISSING")
    elif (document.code.code, meant(document.code.system)) not in types():
        codes.append("CLASS_CODE_UNKNOWN")
    if not document.effective_time:
        codes.append("EVENT_TIME_MISSING")
    elif created is None:
        codes.append("CREATION_TIME_INVALID")
    elif created.zone == "none" and "T" in created.iso:
        codes.append("ZONE_MISSING")
    if document.set_id is None:
        codes.append("SET_ID_MISSING")
    if not document.version:
        codes.append("VERSION_MISSING")
    elif _version(document.version) is None:
        codes.append("VERSION_INVALID")
    if not document.patient.ids:
        codes.append("PATIENT_ID_MISSING")
    if len({frozenset(subject.ids) for subject in document.header.subjects}) > 1:
        codes.append("SEVERAL_PATIENTS")
    return tuple(codes)


_PUBLIC_TYPES = {
    "2.16.840.1.113883.6.1": re.compile(r"\d{1,7}-\d"),
    "LN": re.compile(r"\d{1,7}-\d"),
    "1.2.250.1.213.1.1.4.12": re.compile(r"[A-Z][A-Z0-9_-]{1,15}"),
}
"""LOINC under its OID and its HL7v2 name, and TRE_A05: the tables of document types, and the shape of their codes."""


def public_type(record: DocumentRecord) -> str:
    """The type code where identity must not show: as said when it is of a public table, else the word `local`."""
    shape_ = _PUBLIC_TYPES.get(record.type_system)
    if not record.type_code or (shape_ is not None and shape_.fullmatch(record.type_code)):
        return record.type_code
    return "local"


_OID = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]*))+")

STATUS_RANK: dict[Status, str] = {"P": "1", "F": "2", "": "2", "C": "3", "X": "4"}
"""Statuses in the order in which a filler order lives (lifecycle §6, clarification d)."""


def from_order(message: Message, report: Report, patient: Patient, sender: str, zone: ZoneInfo) -> DocumentRecord:
    """The results of one filler order in one message: one version of an `hl7-oru` document.

    `document_id` is the order's identity, under the OID of its authority, else under the sender; the set key holds
    apart the namespaces that a sender names without an OID. `digest` covers what the order's own segments say, so that
    the same results sent again are the same version whatever message carries them.
    """
    order = report.order
    number = identity(order)
    owner = f"sender:{sender}"
    document_id = f"{number.root if _OID.fullmatch(number.root) else owner}^{number.extension}"
    reported, collected = _time(order.reported), _time(order.collected)
    created = parse_ts(reported) or parse_ts(collected) or parse_ts(message.sent_at)
    ranked = parse_ts(reported) or parse_ts(message.sent_at)
    organisation = organisation_id(message.author_organisation.id)
    results = tuple([_result(one) for one in order.observations])
    codes = []
    if not number.extension:
        codes.append("FILLER_ORDER_MISSING")
    if parse_ts(reported or collected or message.sent_at) is None and (reported or collected):
        codes.append("CREATION_TIME_INVALID")
    elif created is None:
        codes.append("EVENT_TIME_MISSING")
    if not understood(order):
        codes.append("RESULT_STATUS_UNKNOWN")
    panels = tuple(map(_panel, report.panels or (order,)))
    times = {result.observed for result in results}.union(panel.collected for panel in panels)
    if any(_time(said) and parse_ts(said) is None for said in times):
        codes.append("RESULT_TIME_INVALID")
    return DocumentRecord(
        document_id=document_id,
        set_id=f"{number.root or owner}^{number.extension}",
        version=None,
        replaces=(),
        type_code=order.panel.code,
        type_system=order.panel.system,
        title=order.panel.display,
        created=created.iso if created else "",
        created_zone=created.zone if created else "none",
        day=created.day if created else "",
        format="hl7-oru",
        media_type="",
        language="",
        confidentiality="N",
        templates=(),
        patient=patient,
        organisation=organisation,
        author=RawId(),
        custodian=RawId(),
        sections=0,
        entries=0,
        observations=available(order.observations),
        attachments=sum(result.encapsulated is not None for result in results),
        digest=_results_digest(order, panels, results, patient),
        results=results,
        panels=panels,
        rank=(ordering(ranked, zone), STATUS_RANK[report.status]),
        result_status=report.status,
        status_derived=report.derived,
        findings=tuple(codes),
    )


def _time(said: str) -> str:
    """A time as said; HL7's null says none."""
    return "" if said == '""' else said


def effective(record: DocumentRecord) -> list[str]:
    """When each result was so, ISO 8601 as precise as said: OBX-14 where there is one (HL7 v2.5, 7.4.2.14), else OBR-7
    of its panel; empty for none, or one that is no date."""
    under = [panel.collected for panel in record.panels for _ in range(panel.results)]
    under += [""] * (len(record.results) - len(under))
    said = (_time(result.observed) or _time(at) for result, at in zip(record.results, under, strict=True))
    return [moment.iso if (moment := parse_ts(time)) else "" for time in said]


def _result(said: Observation) -> Result:
    parts = said.parts
    return Result(
        said.code,
        said.value_type,
        said.values,
        said.unit,
        parts[0][0] if parts and said.value_type == "SN" and parts[0] else "",
        said.range,
        said.flags,
        said.status,
        said.observed,
        said.method,
        said.notes,
        said.sub_id,
        parts,
        said.producer,
        said.encapsulated,
    )


def _panel(order: Order) -> Panel:
    return Panel(
        order.panel,
        len(order.observations),
        order.collected,
        order.reported,
        order.status,
        order.specimen,
        order.notes,
        order.prescriber,
    )


def _results_digest(order: Order, panels: tuple[Panel, ...], results: tuple[Result, ...], patient: Patient) -> str:
    """Equal for equal results of one person: no segment of an order names its patient, as the bytes of a CDA do. Who
    prescribed them may be said in one message and not in the next."""
    said = (
        (patient.ins, patient.oid) if patient.ins else patient.local[:1],
        order.placer,
        order.filler,
        [(p.code, p.results, p.collected, p.reported, p.status, p.specimen, p.notes) for p in panels],
        results,
    )
    return hashlib.sha256(msgspec.msgpack.encode(said)).hexdigest()
