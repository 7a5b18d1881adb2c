"""Payloads: the CDA document that an OBX-5 encloses, in base64 or, out of the norm, as XML."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Sequence

import msgspec
import pybase64

from connectors.base import Encapsulated, shape
from connectors.hl7.tokens import Delimiters
from connectors.hl7.values import Values

CUT_FROM = 1 << 15
"""Bytes of a message from which payloads are cut out before it is decoded."""

_ROOT = re.compile(rb"<(?:[\w.-]+:)?ClinicalDocument[\s/>]")
_END = re.compile(rb"</(?:[\w.-]+:)?ClinicalDocument\s*>|<(?:[\w.-]+:)?ClinicalDocument[^<>]*/>")
_BREAKS = re.compile(rb"\\(?:\.br|X(?:0D|0A)+)\\", re.IGNORECASE)
_ENCODING = re.compile(r"""(<\?xml[^>]*?)\s+encoding=(["'])[^"'>]*\2""")
_TEXT_END = re.compile(r"ClinicalDocument\s*(?:>|&gt;)")
_BREAK = re.compile(rb"[\r\n]")
_AMBIGUOUS = re.compile(rb"[\x0b\x1c]|[\r\n][ \t]*[A-Z][A-Z0-9]{2}(?:[\r\n]|$)")
"""In base64 over several lines: an MLLP byte, or a line that is, or before the next separator begins, a segment."""
_ALPHABET = re.compile(rb"[A-Za-z0-9+/]*={0,2}")


class Unreadable(msgspec.Struct, frozen=True):
    """Why a payload is no document: a refusal code and the shape of what came."""

    code: str
    came: str


class Payload(msgspec.Struct, frozen=True):
    """What an OBX-5 encapsulates, still encoded, and the subtype it declares (ED.3: `XML`, `PDF`, empty)."""

    data: str | bytes
    subtype: str

    def attached(self) -> Encapsulated:
        """What is encapsulated, by its size and digest."""
        given = self.data.encode("utf-8", "replace") if isinstance(self.data, str) else self.data
        try:
            content = pybase64.b64decode(given, validate=True)
        except ValueError:
            content = _decoded(given)
        return Encapsulated(len(content), hashlib.sha256(content).hexdigest())

    def is_document(self, values: Values) -> bool:
        """Whether this is where a CDA stands: declared XML, or a CDA, be it damaged, under another name."""
        if "XML" in self.subtype or "CDA" in self.subtype:
            return True
        found = document(self.data, values)
        return isinstance(found, bytes) or found.code != "PAYLOAD_NOT_A_DOCUMENT"


def cut(data: bytes, d: Delimiters, *, cut_from: int = CUT_FROM) -> tuple[bytes, list[bytes]]:
    """A message without the base64 of its OBX-5, each replaced by its number between SUB bytes; and what was cut.

    A large message is almost all payload: cut out, it is neither decoded nor split. Where in doubt (a line of it could
    be a segment) the payload stays in place, as does all of a message that has SUB bytes of its own.
    """
    if len(data) < cut_from or b"\x1a" in data:
        return data, []
    field, component = d.field.encode(), d.component.encode()
    named = re.compile(b"base64".join([re.escape(component)] * 2), re.IGNORECASE)
    kept: list[bytes] = []
    payloads: list[bytes] = []
    done = 0
    while found := named.search(data, done):
        line = max(data.rfind(b"\r", done, found.start()), data.rfind(b"\n", done, found.start())) + 1
        end = data.find(field, found.end())
        payload = data[found.end() : end if end >= 0 else len(data)]
        head = data[max(line, done) : found.start()].split(field)
        in_place = head[0] == b"OBX" and len(head) == 6 and head[5].count(component) == 2
        kept.append(data[done : found.end()])
        done = found.end()
        if in_place and _surely_base64(payload, several_lines=head[2] == b"ED"):
            kept.append(b"\x1a%d\x1a" % len(payloads))
            payloads.append(payload)
            done += len(payload)
    return b"".join([*kept, data[done:]]), payloads


def _surely_base64(payload: bytes, *, several_lines: bool) -> bool:
    """Whether nothing but the decoding of base64 will look at a payload: no XML, and no line that may be a segment."""
    if not payload.isascii() or payload[:64].lstrip()[:1] in {b"<", b"&", b"\\"} or _AMBIGUOUS.search(payload):
        return False
    return several_lines or not _BREAK.search(payload)


def carried(line: str, fields: list[str], values: Values, payloads: Sequence[bytes]) -> Payload | None:
    """The payload of an OBX (`fields` as split from `line`), when it is an ED, declares base64 or holds a CDA as text.

    An XML that has the field separator in it was split too early: `fields` is then put right, in place.
    """
    value = fields[5]
    parts = value.split(values.d.component, 4)
    base64 = len(parts) == 5 and parts[3].strip().lower() == "base64"
    if not base64 and _is_text(value, values):
        if fields[2] != "ED" and "ClinicalDocument" not in value:
            return None
        return Payload(_rejoined(line, fields, value, values.d.field), "XML")
    if not base64 and fields[2] != "ED":
        return None
    data = parts[-1]
    if len(parts) < 5 and data.strip().lower() == "base64":
        data = ""
    if len(parts) == 5 and _is_text(data, values):
        data = _rejoined(line, fields, data, values.d.field)
    subtype = parts[2].strip().upper() if len(parts) > 2 else ""
    if payloads and data[:1] == "\x1a":
        return Payload(payloads[int(data[1:-1])], subtype)
    return Payload(data, subtype)


def _rejoined(line: str, fields: list[str], data: str, separator: str) -> str:
    """The whole of an XML text that begins with `data`, which ends at a field separator, maybe one of its own."""
    at = line.index(data, len(separator.join(fields[:5])))
    ends = [found.end() for found in _TEXT_END.finditer(line, at)]
    if not ends or ends[-1] <= at + len(data):
        return data
    rest = line[ends[-1] :].split(separator, 13)
    fields[6:] = [*rest[1:], *[""] * 13][:13]
    return line[at : ends[-1]]


def document(data: str | bytes, values: Values) -> bytes | Unreadable:
    """The bytes of the CDA in a payload: base64, padded or not, in one line or several; else XML, escaped or not.

    `PAYLOAD_NOT_A_DOCUMENT`: a placeholder, words, a PDF, an XML that is no CDA. `PAYLOAD_TRUNCATED`: a CDA that
    stops before its end. `PAYLOAD_UNDECODABLE`: base64 of a CDA with characters that are none of base64.
    """
    text = _as_text(data, values)
    if text is not None:
        return _judged(text.encode("utf-8", "replace"), "text")
    given = data.encode("utf-8", "replace") if isinstance(data, str) else data
    try:
        return _judged(pybase64.b64decode(given, validate=True), "base64")
    except ValueError:
        return _slow(given)


def _decoded(given: bytes) -> bytes:
    """What base64 that is wrapped or unpadded stands for; what is no base64 as it is."""
    bare = _BREAKS.sub(b"", given.translate(None, b" \t\r\n\x0b\x0c")).rstrip(b"=")
    if not _ALPHABET.fullmatch(bare) or len(bare) % 4 == 1:
        return given
    content: bytes = pybase64.b64decode(bare + b"=" * (-len(bare) % 4), validate=True)
    return content


def _slow(given: bytes) -> bytes | Unreadable:
    """Base64 that is broken over lines, unpadded or damaged."""
    given = given.translate(None, b" \t\r\n\x0b\x0c")
    given = _BREAKS.sub(b"", given) if b"\\" in given else given
    if not given:
        return Unreadable("PAYLOAD_NOT_A_DOCUMENT", "empty")
    body = given.rstrip(b"=")
    if not _ALPHABET.fullmatch(body):
        # A CDA in all that decodes before the first foreign character is a damaged document, not a placeholder.
        head = re.match(rb"[A-Za-z0-9+/]*", body)
        sound = head[0] if head else b""
        begins = _ROOT.search(pybase64.b64decode(sound[: len(sound) // 4 * 4]))
        return Unreadable("PAYLOAD_UNDECODABLE" if begins else "PAYLOAD_NOT_A_DOCUMENT", shape(given.decode("latin-1")))
    whole = len(body) % 4 != 1  # no number of bytes encodes to 4n + 1 characters
    body = body if whole else body[:-1]
    found = _judged(pybase64.b64decode(body + b"=" * (-len(body) % 4), validate=True), "base64")
    if isinstance(found, bytes) and not whole:
        return Unreadable("PAYLOAD_TRUNCATED", "base64 of an impossible length")
    return found


def _judged(content: bytes, kind: str) -> bytes | Unreadable:
    """The content when it is a whole CDA document."""
    plain = _narrowed(content)
    if not plain.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") or not _ROOT.search(plain):
        return Unreadable("PAYLOAD_NOT_A_DOCUMENT", f"{len(content)} bytes of {kind}" if content else "empty")
    last = max(plain.rfind(b"ClinicalDocument") - 64, 0)
    if not _END.search(plain, last):
        return Unreadable("PAYLOAD_TRUNCATED", f"{len(content)} bytes without the closing tag")
    return content


def _narrowed(content: bytes) -> bytes:
    """The ASCII of a UTF-16 document, to be looked at only."""
    if content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return content[2:].replace(b"\x00", b"")
    return content


def _as_text(data: str | bytes, values: Values) -> str | None:
    """The XML when the payload is XML: as it is, HL7-escaped or HTML-escaped; None otherwise."""
    if isinstance(data, bytes) or not _is_text(data, values):  # bytes were cut out because they are base64
        return None
    text = values.text(data)
    if text.lstrip().startswith("&lt;"):
        text = html.unescape(text)
    # The message's character set replaces the one that the XML declares.
    return _ENCODING.sub(r"\1", text.lstrip("\ufeff \t\r\n"), count=1)


def _is_text(data: str, values: Values) -> bool:
    return data[:64].lstrip("\ufeff \t\n").startswith(("<", "&lt;", f"{values.d.escape}T{values.d.escape}lt;"))
