"""What bytes are, by looking at them: the media type, whether the end of the format is there, and what is active.

A declared media type is a claim. It is compared with what the bytes say, never trusted in their place; nothing is
opened, rendered or run.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from connectors import pdf

MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"MZ", "application/vnd.microsoft.portable-executable"),
    (b"\x7fELF", "application/x-executable"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
)
"""First bytes of binary formats that an attachment may have, or pretend not to be."""
SYNONYMS = {
    "application/x-pdf": "application/pdf",
    "application/rtf": "text/rtf",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/tif": "image/tiff",
    "application/xml": "text/xml",
    "application/xhtml+xml": "text/html",
    "image/x-ms-bmp": "image/bmp",
}
HEAD = 65_536
"""Bytes looked at to tell text from the rest."""
_CONTROL = bytes(code for code in range(32) if code not in b"\t\n\f\r\x1b") + b"\x7f"
_MARKUP = re.compile(
    rb"(?>(?><\?xml[^>]*>)|(?><!--.*?-->)|(?><!doctype[^>]*>)|\s+)*+<(?:[\w.-]+:)?([A-Za-z][\w.-]*)", re.S | re.I
)
_HTML = frozenset({b"html", b"head", b"body", b"script", b"div", b"p", b"table", b"iframe", b"img", b"a", b"style"})


def media_type(data: bytes) -> str:
    """The type that the bytes have; empty when they are of no format known here.

    >>> media_type(b"%PDF-1.4 ..."), media_type(b"\\xff\\xd8\\xff\\xe0"), media_type("été".encode())
    ('application/pdf', 'image/jpeg', 'text/plain')
    """
    head = data[:1024]
    if head.startswith(b"{\\rtf"):
        return "text/rtf"
    textual = _textual(data[:HEAD])
    if head.lstrip().startswith(b"%PDF-") or (b"%PDF-" in head and not textual):
        return "application/pdf"
    return textual or _binary(head)


def _binary(head: bytes) -> str:
    for magic, found in MAGIC:
        if head.startswith(magic):
            return found
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return "image/bmp"
    if head[128:132] == b"DICM":
        return "application/dicom"
    if head[4:8] == b"ftyp":
        return "video/mp4"
    if head[:4] == b"RIFF":
        return {b"WAVE": "audio/wav", b"WEBP": "image/webp"}.get(head[8:12], "")
    return ""


def _textual(head: bytes) -> str:
    if not head or head.translate(None, _CONTROL) != head:
        return ""
    found = _MARKUP.match(head.removeprefix(b"\xef\xbb\xbf"))
    if found is None:
        return "text/plain"
    root = found.group(1).lower()
    if root == b"svg":
        return "image/svg+xml"
    if root in _HTML or b"<!doctype html" in head[:1024].lower():
        return "text/html"
    return "text/xml"


def declared_type(said: str) -> str:
    """A media type as declared, in one spelling and without parameters (`image/jpg; q=1` is `image/jpeg`)."""
    name = said.partition(";")[0].strip().lower()
    return SYNONYMS.get(name, name)


def differs(declared: str, found: str) -> bool:
    """Whether bytes are something else than declared. Without a declaration the norm says text (HL7 ED.mediaType)."""
    said = declared_type(declared) or "text/plain"
    if not found:
        return said in _KNOWN
    if found in ("text/plain", "text/xml", "text/html"):
        return not said.startswith("text/") or said == "text/rtf"
    if found == "application/zip":
        return said in _KNOWN and said != found
    return said != found


_KNOWN = frozenset({"application/pdf", "application/dicom", "image/bmp", "text/rtf", *(name for _, name in MAGIC)})


def _ends(mark: bytes, within: int) -> Callable[[bytes], bool]:
    return lambda data: mark in data[-within:]


_END: dict[str, Callable[[bytes], bool]] = {
    "application/pdf": _ends(b"%%EOF", 1024),  # ISO 32000-1, implementation note: within the last 1,024 bytes
    "image/png": _ends(b"IEND\xaeB`\x82", 64),
    "image/jpeg": _ends(b"\xff\xd9", 1024),
    "text/rtf": lambda data: data[-64:].rstrip(b"\r\n\t \x00").endswith(b"}"),
}


def incomplete(data: bytes, found: str) -> bool:
    """Whether the end that the format prescribes is missing: the file was cut."""
    return found in _END and not _END[found](data)


UNSEEN = frozenset(("encrypted", "unexamined"))
"""Words of `active` for what could not be looked at."""


def active(data: bytes, found: str) -> tuple[str, ...]:
    """What of the bytes would act if somebody opened them: `javascript`, `launch`, `script`, `program` …, sorted."""
    if found == "application/pdf":
        return pdf.active(data)
    if found in ("text/html", "image/svg+xml"):
        return ("script",)
    if found in ("application/vnd.microsoft.portable-executable", "application/x-executable"):
        return ("program",)
    return ()
