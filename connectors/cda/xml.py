"""THE hardened XML parser: no document type, no entity, no network, a short list of encodings.

Every XML byte that Carnet reads as a tree comes through `parse`. The list of encodings is closed because a
document type could otherwise hide behind an exotic one (UTF-7), where a look at the bytes cannot see it.
"""

from __future__ import annotations

import hashlib
import re

import msgspec
from lxml import etree

ENCODINGS = frozenset(
    {"utf-8", "utf8", "utf-16", "us-ascii", "ascii", "iso-8859-1", "iso-8859-15", "windows-1252", "latin1"}
)
HUGE = 9_000_000
"""libxml2 caps a text node at 10 MB unless told otherwise; a scanned PDF in base64 goes beyond."""
LIMIT = 256_000_000
MOST_MARKS = 1_200_000
"""`<` and `=` in a document: a tree takes 120 bytes an element, 220 an attribute. 30 MB of entries hold 0.9 million."""
_ROOT = re.compile(r"<[A-Za-z_]")
_DECLARATION = re.compile(rb"^\s*<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")


class Malformed(msgspec.Struct, frozen=True):
    """Why bytes are no acceptable XML: a code of the catalogue and the line, never the text."""

    code: str
    line: int | None = None


def parse(data: bytes) -> etree._Element | Malformed:
    """The root element, comments and processing instructions dropped; `Malformed` on any other bytes."""
    if len(data) > LIMIT:
        return Malformed("DOCUMENT_TOO_LARGE")
    if len(data) > MOST_MARKS and data.count(b"<") + data.count(b"=") > MOST_MARKS:
        return Malformed("DOCUMENT_TOO_LARGE")
    head = _prolog(data)
    if head is None:
        return Malformed("XML_ENCODING_UNSUPPORTED", 1)
    if "<!DOCTYPE" in head or "<!ENTITY" in head:
        return Malformed("XML_DTD_FORBIDDEN", head.count("\n", 0, head.find("<!")) + 1)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=len(data) > HUGE,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        return Malformed("XML_NOT_WELL_FORMED", error.lineno)
    except ValueError:
        return Malformed("XML_NOT_WELL_FORMED")
    if root.getroottree().docinfo.internalDTD is not None:
        return Malformed("XML_DTD_FORBIDDEN")
    return root


def _prolog(data: bytes) -> str | None:
    """What stands before the root element, as text; None when the encoding is not one that is admitted."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = data[:65536].decode("utf-16", "replace")
    elif data[:4] in (b"<\x00?\x00", b"\x00<\x00?"):
        text = data[:65536].decode("utf-16-le" if data[1] == 0 else "utf-16-be", "replace")
    else:
        declared = _DECLARATION.match(data[:256].removeprefix(b"\xef\xbb\xbf"))
        if declared and declared.group(1).decode().lower() not in ENCODINGS:
            return None
        text = data[:4096].decode("latin-1")
        if not _ROOT.search(text) and (b"<!DOCTYPE" in data or b"<!ENTITY" in data):
            text = data.decode("latin-1")
    root = _ROOT.search(text)
    return text[: root.start()] if root else text


def canonical_digest(root: etree._Element) -> bytes:
    """SHA-256 of the canonical XML (exclusive C14N) without comments and blank text.

    Two documents with this digest in common are the same document sent twice (lifecycle §6, clarification b).
    Attribute order, unused namespaces and the encoding do not count. In canonical XML `<` opens a tag wherever it
    stands, so that blank text is what stands alone between a `>` and the next `<`.
    """
    written = etree.tostring(root, method="c14n", exclusive=True, with_comments=False, with_tail=False)
    if len(written) < LARGE:
        return hashlib.sha256(_BLANK.sub(b"><", written)).digest()
    digest = hashlib.sha256()
    view, start = memoryview(written), 0
    for blank in _BLANK.finditer(written):
        digest.update(view[start : blank.start() + 1])
        start = blank.end() - 1
    digest.update(view[start:])
    return digest.digest()


LARGE = 4_000_000
"""Bytes of canonical XML from which no second copy is made without its blanks."""
_BLANK = re.compile(rb">[ \t\r\n]+<")
