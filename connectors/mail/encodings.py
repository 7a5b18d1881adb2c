"""Transfer encodings (RFC 2045): a part's bytes as they were before the mail, measured first and decoded when read.

A part is measured in pieces, so that what is not wanted costs no memory; what is read is held whole, because archives
are read back and forth.
"""

from __future__ import annotations

import binascii
import io
from collections.abc import Iterator

import pybase64

from connectors.base import Damaged, Source, Span
from connectors.mail.structure import Part

LARGEST = 32 << 20
"""Bytes of an attachment, decoded."""
CHUNK = 1 << 20
_BLANK = b" \t\r\n\x0b\x0c"
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_PLAIN = ("", "7bit", "8bit", "binary")


def decoded(mail: Source, part: Part) -> Source | str:
    """A part as a source; else the code that says why it can't be one."""
    if part.body.length > 2 * LARGEST:
        return "ATTACHMENT_TOO_LARGE"
    if part.encoding in _PLAIN:
        size: int | None = part.body.length
    elif part.encoding == "base64":
        size = _size_of_base64(mail, part.body)
    elif part.encoding == "quoted-printable":
        size = len(binascii.a2b_qp(_bytes(mail, part.body)))
    else:
        size = None
    if size is None:
        return "PAYLOAD_UNDECODABLE"
    if size > LARGEST:
        return "ATTACHMENT_TOO_LARGE"
    return Source(part.name, size, lambda: io.BytesIO(_decoded(mail, part)))


def _decoded(mail: Source, part: Part) -> bytes:
    if part.encoding == "base64":
        return b"".join(_from_base64(mail, part.body))
    data = _bytes(mail, part.body)
    return binascii.a2b_qp(data) if part.encoding == "quoted-printable" else data


def _bytes(mail: Source, span: Span) -> bytes:
    with mail.open() as stream:
        stream.seek(span.start)
        return stream.read(span.length)


def _pieces(mail: Source, span: Span) -> Iterator[bytes]:
    """A body in pieces, without blanks."""
    left = span.length
    with mail.open() as stream:
        stream.seek(span.start)
        while left and (chunk := stream.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk.translate(None, _BLANK)


def _from_base64(mail: Source, span: Span) -> Iterator[bytes]:
    kept = b""
    try:
        for piece in _pieces(mail, span):
            kept += piece.rstrip(b"=")
            whole = len(kept) // 4 * 4
            yield pybase64.b64decode(kept[:whole], validate=True)
            kept = kept[whole:]
        yield pybase64.b64decode(kept + b"=" * (-len(kept) % 4), validate=True)
    except ValueError:
        raise Damaged from None


def _size_of_base64(mail: Source, span: Span) -> int | None:
    """Bytes that a base64 body decodes to; None for a character that is none of it, data after its end, a wrong length.

    Line breaks and blanks are dropped, as RFC 2045 wants; a missing padding is forgiven.
    """
    characters, padding = 0, 0
    for piece in _pieces(mail, span):
        bare = piece.rstrip(b"=")
        if bare.translate(None, _ALPHABET) or (padding and bare):
            return None
        characters += len(bare)
        padding += len(piece) - len(bare)
    if padding > 2 or characters % 4 == 1:
        return None
    return characters * 3 // 4
