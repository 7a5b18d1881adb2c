"""E-mails (.eml, RFC 5322) and what they carry: XDM archives, documents, forwarded mails; MSSanté is written this way.

Source: CI-SIS, volet échange; référentiel socle MSSanté #2: one patient a mail, an IHE_XDM.zip, and for each CDA a PDF
that prints it. Who the patient is stands in the metadata and in the documents, never in the subject. Headers and body
are elements: they are kept, and are no items.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.errors import MessageError
from email.header import decode_header
from email.message import Message as Headers
from email.utils import getaddresses

from connectors.archive import Unsafe, is_zip, members
from connectors.base import Connector, Damaged, Enclosed, Ignored, Locator, Mail, Refusal, Source, Span
from connectors.mail.encodings import decoded
from connectors.mail.structure import Part, Structure, Unopened, content_type, fields, structure

_FIELD = re.compile(rb"([!-9;-~]{1,76})[ \t]*:")
_KNOWN = frozenset(
    {b"from", b"to", b"cc", b"date", b"subject", b"message-id", b"mime-version", b"received", b"return-path"}
    | {b"delivered-to", b"reply-to", b"content-type", b"sender", b"disposition-notification-to", b"x-mss-ins"}
)
_RETURNED = re.compile(r"\s*\[(?:KO\s+Intégration|Erreur\s+d.intégration)", re.IGNORECASE)
"""How an answer begins that tells of an error and has the original attached (volet LPS, courriel d'erreur)."""
_PATIENT_DOMAIN = re.compile(r"(?:.*\.)?patient\.(?:[\w-]+\.)*mssante\.fr", re.IGNORECASE)
_SIGNATURES = frozenset(f"application/{name}" for name in ("pkcs7-signature", "x-pkcs7-signature", "pgp-signature"))
_BODIES = ("text/plain", "text/html")
_PDF = b"%PDF-"


def recognises(head: bytes, name: str) -> bool:
    """Header fields from the first line on, two of them of a mail; a file named .eml needs one."""
    known: set[bytes] = set()
    for line in head.lstrip(b"\r\n").splitlines()[:-1]:
        if not line:
            break
        if line[:1] in b" \t" and known:
            continue
        found = _FIELD.match(line)
        if found is None:
            return False
        if (field := found[1].lower()) in _KNOWN:
            known.add(field)
    return len(known) > (0 if name.lower().endswith(".eml") else 1)


def read(source: Source) -> Iterator[Mail | Ignored | Refusal]:
    """One `Mail`; a refusal for one that is malformed beyond reason, or carries nothing; an answer is ignored."""
    where, span = Locator(), Span(0, source.size)
    with source.open() as stream:
        found = structure(stream)
    if isinstance(found, Unopened):
        yield Refusal(where, span, found.code, found.expected)
        return
    if _is_answer(found.headers):
        yield Ignored(where, span, "ACKNOWLEDGEMENT")
        return
    parts = tuple(_carried(source, found))
    if not any(isinstance(part, Enclosed) or (isinstance(part, Refusal) and part.counted) for part in parts):
        parts = (*parts, Refusal(where, Span(source.size, 0), "MAIL_WITHOUT_DOCUMENT", "an attached IHE_XDM.zip"))
    yield Mail(where, span, parts)


def _is_answer(headers: Headers) -> bool:
    """Whether a mail tells what became of another (RFC 3798, RFC 3464, or in plain words): the original attached to it
    is not sent again."""
    if content_type(headers) == "multipart/report":
        return True
    return bool(_RETURNED.match(_text(next(fields(headers, "subject"), ""))))


def _text(value: str) -> str:
    """A field as text (RFC 2047)."""
    try:
        return "".join(
            part.decode(charset or "latin-1", "replace") if isinstance(part, bytes) else part
            for part, charset in decode_header(value)
        )
    except (LookupError, ValueError, MessageError):
        return value


def _carried(source: Source, found: Structure) -> Iterator[Enclosed | Ignored | Refusal]:
    """What is no body: refused where it comes from a patient's mailbox, which is no source of documents."""
    from_patient = _from_patient(found.headers)
    carried = [part for part in found.parts if not _is_body(part)]
    opened = {part.number: decoded(source, part) for part in carried if part.kind not in _SIGNATURES}
    copies = () if from_patient else _copies(opened)
    for part in carried:
        where = Locator(member=part.number)
        inside = opened.get(part.number)
        if inside is None:
            yield Ignored(where, part.body, "MAIL_SIGNATURE")
        elif from_patient:
            yield Refusal(where, part.body, "MAIL_FROM_PATIENT", "a mailbox of a professional or an organisation")
        elif isinstance(inside, str):
            yield Refusal(where, part.body, inside, "base64, quoted-printable or none; at most 32 MiB")
        elif part.number in copies:
            yield Ignored(where, part.body, "PRINTED_COPY")
        else:
            yield Enclosed(where, part.body, _named(inside, part))
    if not found.complete:
        end = Span(source.size, 0)
        yield Refusal(Locator(), end, "MAIL_TRUNCATED", "a closing boundary", counted=False)


def _named(inside: Source, part: Part) -> Source:
    """A forwarded mail has no name of its own."""
    return Source("message.eml", inside.size, inside.open) if part.kind == "message/rfc822" else inside


def _is_body(part: Part) -> bool:
    """Text that is not attached, and the images that it shows."""
    if part.disposition == "attachment":
        return False
    return (part.kind in _BODIES and not part.name) or (part.related and part.kind.startswith("image/"))


def _from_patient(headers: Headers) -> bool:
    addresses = getaddresses(list(fields(headers, "from", "sender")))
    return any(_PATIENT_DOMAIN.fullmatch(address.rpartition("@")[2]) for _, address in addresses)


def _copies(opened: dict[int, Source | str]) -> tuple[int, ...]:
    """The PDFs that print the documents of this mail: as many as there are documents, at most. With more of them, one
    is no copy, nobody can say which, and none is left out."""
    sources = {number: inside for number, inside in opened.items() if isinstance(inside, Source)}
    heads = {number: _head(inside) for number, inside in sources.items()}
    printed = tuple(number for number, head in heads.items() if head.startswith(_PDF))
    if not printed:
        return ()
    documents = sum(
        _documents(sources[number]) if is_zip(head) else head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<")
        for number, head in heads.items()
    )
    return printed if len(printed) <= documents else ()


def _head(inside: Source) -> bytes:
    try:
        return inside.head(16)
    except Damaged:
        return b""


def _documents(archive: Source) -> int:
    """How many XML documents an attached archive holds, by their names."""
    found = members(archive)
    if isinstance(found, Unsafe):
        return 0
    names = (member.name.replace("\\", "/").rpartition("/")[2].upper() for member in found)
    return sum(name.endswith(".XML") and name != "METADATA.XML" for name in names)


MAIL = Connector(name="mail", family="cda", recognises=recognises, read=read, container="mail")
