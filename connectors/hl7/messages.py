"""Messages: a source read into messages, the documents they enclose, and what could not be read."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from connectors.base import Enclosed, Envelope, Locator, Message, Refusal, Source, Span, Yielded
from connectors.hl7 import admission, charset
from connectors.hl7.acknowledge import envelope, glimpse
from connectors.hl7.batches import Batches
from connectors.hl7.body import Body, read_body
from connectors.hl7.framing import Frame, frames
from connectors.hl7.payload import cut, document
from connectors.hl7.requests import Request
from connectors.hl7.tokens import Delimiters, delimiters, segments
from connectors.hl7.values import Values, values_of

ACKNOWLEDGEMENTS = frozenset({"ACK", "ZAM"})
"""Technical (HL7 2.5, 2.9.2) and French business acknowledgements (volet transmission, ZAM^Z01 to Z03)."""

RESULTS = frozenset({"ORU^R01"})
DOCUMENTS = frozenset({"MDM^T02", "MDM^T04", "MDM^T10", "ORU^R01"})
READ = DOCUMENTS | admission.EVENTS
TYPES = frozenset(kind.partition("^")[0] for kind in READ)
VERSIONS = frozenset({f"2.{minor}" for minor in range(1, 10)} | {"2.3.1", "2.5.1", "2.7.1", "2.8.1", "2.8.2", "2.9.1"})
"""HL7 table 0104."""


Documents = Iterator[Enclosed | Refusal]

HEAD = 4096
"""Bytes in which the header of a message stands, when it is too large to be read."""


class Header(msgspec.Struct, frozen=True, gc=False):
    """MSH, as said; `kind` is `type^event`."""

    sent_at: str
    kind: str
    control_id: str
    version: str
    charset: str
    profile: str
    envelope: Envelope


def read(source: Source) -> Iterator[Yielded]:
    """Each message of a source, then its documents; envelopes as ignored; the rest as refusals. Never raises."""
    batches = Batches()
    number = 0
    for frame in frames(source):
        if frame.kind == "envelope":
            yield from batches.envelope(frame)
        elif frame.kind == "outside":
            came = f"{frame.span.length} bytes"
            yield Refusal(Locator(), frame.span, "SEGMENT_OUTSIDE_MESSAGE", "MSH at the start of a line", came)
        else:
            number += 1
            batches.message(number)
            message, enclosed = _message(source, frame, number)
            yield message
            if enclosed:
                yield from enclosed
    yield from batches.end(source.size)


def _message(
    source: Source, frame: Frame, number: int
) -> tuple[Message | Refusal, Iterator[Enclosed | Refusal] | None]:
    """A message, or why it cannot be read; and the documents that it encloses, decoded one by one."""
    locator = Locator(message=number)
    if frame.kind == "oversize":
        came, said = f"{frame.span.length} bytes", glimpse(_head(source, frame))
        return Refusal(locator, frame.span, "MESSAGE_TOO_LARGE", "64 MiB", came, envelope=said), None
    d = delimiters(frame.data)
    if d is None:
        place = msgspec.structs.replace(locator, segment="MSH", field="MSH-2")
        came = "characters that are repeated, missing or not ASCII punctuation"
        said = glimpse(frame.data)
        return Refusal(place, frame.span, "DELIMITERS_UNUSABLE", "^~\\&", came, envelope=said), None
    data, payloads = cut(frame.data, d)
    decoded = decode(frame, data, d)
    lines, break_finding = segments(decoded.text, d.field)
    values = values_of(decoded.text, d, decoded.encoding)
    header = _header(lines[0], values)
    kind = header.kind
    known = header.version in VERSIONS
    documents = known and kind in DOCUMENTS
    if known and kind in admission.EVENTS:
        admitted = admission.read_admission(lines[1:], values)
        found = _findings(header, decoded, break_finding, values)
        return _admitted(header, admitted, locator, frame.span, found), None
    if kind.partition("^")[0] in ACKNOWLEDGEMENTS:
        body = Body({"mapped": 0, "raw": 0, "ignored": len(lines)})
    else:
        body = read_body(
            lines,
            values,
            payloads,
            message=number,
            results=documents and kind in RESULTS,
            documents=documents,
            expects_document=kind.startswith("MDM") or "CISIS_CDA" in header.profile,
        )
    if body.several_patients and documents:
        return _several_patients(header, locator, frame.span), None
    findings = _findings(header, decoded, break_finding, values) + body.findings
    message = _said(header, body, locator, frame.span, findings)
    return message, _enclosed(message, body, values) if body.documents else None


def _enclosed(message: Message, body: Body, values: Values) -> Documents:
    """The documents of a message, each with what its own request says of it."""
    for index, carried in enumerate(body.documents, 1):
        place = msgspec.structs.replace(message.locator, document=index, segment=f"OBX {carried.ordinal}")
        content = document(carried.payload.data, values)
        if isinstance(content, bytes):
            said = body.requests[carried.request]
            about = message if said is body.said else _about(message, said)
            source = Source.of_bytes("document.xml", content)
            yield Enclosed(place, message.span, source, about, carried.request)
        else:
            yield Refusal(place, message.span, content.code, "OBX-5.5: a CDA document in base64", content.came)


def _about(message: Message, said: Request) -> Message:
    """The message as one of its requests has it."""
    return msgspec.structs.replace(
        message,
        order_control=said.control,
        result_status=said.status,
        flags=said.flags,
        recipients=said.recipients,
    )


def _several_patients(header: Header, locator: Locator, span: Span) -> Refusal:
    place = msgspec.structs.replace(locator, segment="PID")
    came = "PID segments that differ"
    return Refusal(place, span, "SEVERAL_PATIENTS", "one patient a message", came, envelope=header.envelope)


def _findings(header: Header, decoded: charset.Decoded, break_finding: str, values: Values) -> tuple[str, ...]:
    """What was seen of the text itself, and of the header."""
    unnamed = "" if header.control_id else "CONTROL_ID_MISSING"
    found = (decoded.finding, break_finding, "ESCAPE_UNKNOWN" if values.unknown_escapes else "", unnamed)
    return tuple([finding for finding in found if finding])


def _head(source: Source, frame: Frame) -> bytes:
    """The first bytes of a message too large to be read."""
    with source.open() as stream:
        stream.seek(frame.span.start)
        head = stream.read(HEAD)
    return head.decode(frame.encoding, "replace").encode() if frame.encoding else head


def decode(frame: Frame, data: bytes, d: Delimiters) -> charset.Decoded:
    """The text of a message whose payloads are cut out."""
    msh18 = charset.declared(data, d.field.encode())
    if not frame.encoding:
        return charset.decode(data, msh18)
    text = data.decode()
    finding = "" if msh18.upper().strip() in {"", "UNICODE", "UNICODE UTF-16"} else "CHARSET_MISMATCH"
    return charset.Decoded(text, "utf-8", "BYTES_UNDECODABLE" if "\ufffd" in text else finding)


def _header(msh: str, values: Values) -> Header:
    f = msh.split(values.d.field, 21)
    f += _ABSENT[len(f) :]
    kind, event = values.kinds[f[8]]
    return Header(
        values.component(f[6], 1),
        kind,
        values.text(f[9]).strip(),
        values.component(f[11], 1).strip(),
        values.text(f[17]),
        _trimmed(f[20], values) if f[20] else "",
        envelope(f, event, values),
    )


_ABSENT = [""] * 21


def _trimmed(field: str, values: Values) -> str:
    """MSH-21 in the usual delimiters, without the blanks that the volet's examples print after `^`."""
    repetitions = [[part.strip() for part in values.components(one)] for one in values.repetitions(field)]
    return "~".join("^".join(parts) for parts in repetitions)


def _admitted(
    header: Header, read: admission.Admitted, locator: Locator, span: Span, findings: tuple[str, ...]
) -> Message | Refusal:
    """An ADT message: one patient, or the two that a link and an un-link tell about."""
    distinct = tuple(dict.fromkeys(read.patients))
    if len(distinct) > (2 if header.kind in admission.TWO_PATIENTS else 1):
        return _several_patients(header, locator, span)
    return Message(
        locator=locator,
        span=span,
        control_id=header.control_id,
        kind=header.kind,
        version=header.version,
        profile=header.profile,
        charset=header.charset,
        sent_at=header.sent_at,
        patient=distinct[0] if distinct else None,
        admission=read.admission,
        envelope=header.envelope,
        findings=findings,
        segments={"mapped": 1 + read.mapped, "raw": read.raw, "ignored": 0},
    )


def _said(header: Header, body: Body, locator: Locator, span: Span, findings: tuple[str, ...]) -> Message:
    acknowledges = header.kind.partition("^")[0] in ACKNOWLEDGEMENTS
    understood = acknowledges or body.orders or body.documents or "DOCUMENT_MISSING" in findings
    return Message(
        locator=locator,
        span=span,
        control_id=header.control_id,
        kind=header.kind,
        version=header.version,
        profile=header.profile,
        charset=header.charset,
        sent_at=header.sent_at,
        patient=body.patient,
        order_control=body.said.control,
        result_status=body.said.status,
        document_id=body.document_id,
        parent_id=body.parent_id,
        lot=body.lot,
        author_organisation=body.author_organisation,
        flags=body.said.flags,
        recipients=body.said.recipients,
        reply=body.reply,
        orders=body.orders,
        numbers=body.numbers,
        encloses=len(body.documents),
        ignored="ACKNOWLEDGEMENT" if acknowledges else "",
        unsupported="" if understood else _unsupported(header),
        findings=findings,
        segments=body.segments,
        envelope=header.envelope,
    )


def _unsupported(header: Header) -> str:
    """Why a message is kept raw: its version, the event of a type that is read, or its type."""
    if header.version not in VERSIONS:
        return "VERSION_KEPT_RAW"
    return (
        "EVENT_KEPT_RAW" if header.kind.partition("^")[0] in TYPES and header.kind not in READ else "MESSAGE_KEPT_RAW"
    )
