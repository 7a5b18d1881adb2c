"""Attachments of a CDA document: found, decoded, typed by their bytes, hashed; nothing is opened and nothing fetched.

Level 1: `nonXMLBody/text`. Level 3: `observationMedia/value` (PDF copies and images, alone, in an organizer or in a
regionOfInterest) and any other base64 of a statement (CI-SIS, FR-Document-attache and its kin).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import msgspec
import pybase64
from lxml import etree

from connectors import media
from connectors.attachments import Attachment, Kind
from connectors.cda.anchors import fold, outside, resolve
from connectors.cda.elements import ROOT, V3, Places, children, first, raw_code, text, value
from connectors.cda.xml import Malformed, parse
from connectors.said import RawCode

ADMITTED = frozenset(("application/pdf", "text/plain", "text/rtf", "image/jpeg", "image/tiff"))
"""Types of a level 1 body (CI-SIS, volet structuration minimale, nonXMLBody)."""
SECTIONS: Mapping[str, Kind] = {"55108-5": "copy", "101792-0": "second-intention", "55107-7": "attached"}
"""LOINC of the sections that exist to hold attachments."""
DOCUMENT_TYPE = "69764-9"
_HASHES = {"": hashlib.sha1, "SHA-1": hashlib.sha1, "SHA-256": hashlib.sha256}


def attachments(root: etree._Element, anchors: Mapping[str, str], places: Places) -> tuple[Attachment, ...]:
    """The attachments of a document in its order."""
    types: dict[etree._Element, tuple[RawCode, str]] = {}
    return tuple(
        msgspec.structs.replace(
            _attachment(element, address, _type(element, anchors, types)), number=number, place=places.of(element)
        )
        for number, (element, address) in enumerate(_found(root), 1)
    )


def content(data: bytes, number: int) -> bytes | None:
    """The bytes of the attachment with this number, from the bytes of its document; None when they are not there."""
    parsed = parse(data)
    root = None if isinstance(parsed, Malformed) else next(parsed.iter(ROOT), None)
    if root is None:
        return None
    for position, (element, _) in enumerate(_found(root), 1):
        if position == number:
            return _bytes(element)
    return None


def findings(found: Iterable[Attachment]) -> Iterator[tuple[str, str]]:
    """What is wrong with attachments: codes with their place; the rules say what each one does."""
    for one in found:
        if one.embedded:
            yield from ((code, one.place) for code in _wrong(one))


def _wrong(one: Attachment) -> Iterator[str]:
    if one.state == "unreadable":
        yield "BODY_UNREADABLE" if one.kind == "body" else "ATTACHMENT_UNREADABLE"
        return
    if one.state == "incomplete":
        yield "ATTACHMENT_INCOMPLETE"
    if media.differs(one.declared, one.media_type):
        yield "MEDIA_TYPE_DIFFERS"
    if one.kind == "body" and one.media_type not in ADMITTED:
        yield "BODY_TYPE_NOT_ADMITTED"
    if set(one.active) - media.UNSEEN:
        yield "ATTACHMENT_ACTIVE"
    if set(one.active) & media.UNSEEN:
        yield "ATTACHMENT_UNEXAMINED"
    if one.integrity == "failed":
        yield "INTEGRITY_CHECK_FAILED"


def names(found: Iterable[Attachment]) -> dict[str, str]:
    """What the narrative calls the images and copies it shows, by @ID, in the language of the documents."""
    return {
        name: f"pièce jointe {one.number} : {one.media_type or one.declared or 'hors du document'}"
        for one in found
        for name in one.ids
    }


def _found(root: etree._Element) -> Iterator[tuple[etree._Element, str]]:
    """The elements that hold or promise content, each with the address of content elsewhere."""
    for element in root.iter(V3 + "text", V3 + "value"):
        here = element.get("representation") == "B64" or _is_medium(element)
        if here and element.get("nullFlavor") and not _said(element).strip():
            here = False
        address = outside(element) if len(element) else ""
        if here or address or _is_body(element):
            yield element, address


def _attachment(element: etree._Element, address: str, type_: tuple[RawCode, str]) -> Attachment:
    section = next(element.iterancestors(V3 + "section"), None)
    code = raw_code(first(section, "code"))
    data = _bytes(element)
    found = media.media_type(data) if data else ""
    one = Attachment(
        number=0,
        kind=_kind(element, code.code, found) if data or not address or _is_body(element) else "external",
        place="",
        declared=element.get("mediaType", "").strip(),
        ids=tuple(dict.fromkeys(_ids(element))),
        section=code,
        section_title=text(first(section, "title")),
        type=type_[0],
        label=type_[1],
        address=address,
    )
    if data is None:
        return msgspec.structs.replace(one, state="unreadable") if one.embedded else one
    return msgspec.structs.replace(
        one,
        media_type=found,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        state="incomplete" if media.incomplete(data, found) else "",
        active=media.active(data, found),
        integrity=_integrity(element, data),
    )


def _is_body(element: etree._Element) -> bool:
    parent = element.getparent()
    return parent is not None and parent.tag == V3 + "nonXMLBody"


def _is_medium(element: etree._Element) -> bool:
    parent = element.getparent()
    return parent is not None and parent.tag == V3 + "observationMedia"


def _kind(element: etree._Element, section: str, found: str) -> Kind:
    if _is_body(element):
        return "body"
    if not _is_medium(element):
        return "inline"
    if section in SECTIONS and next(element.iterancestors(V3 + "regionOfInterest"), None) is None:
        return SECTIONS[section]
    return "image" if found.startswith("image/") else "attached"


def _said(element: etree._Element) -> str:
    """The text directly in an element: no part of what a reference or a thumbnail beside it says."""
    if not len(element):
        return element.text or ""
    return "".join([element.text or "", *(child.tail or "" for child in element)])


def _bytes(element: etree._Element) -> bytes | None:
    """The content of an element, decoded; None when it has none, or base64 that is none or was cut."""
    said = _said(element)
    if element.get("representation") == "B64":
        return decoded(said)
    if not (_is_body(element) or _is_medium(element)) or not said.strip():
        return None
    return said.encode("utf-8", "surrogatepass")


def decoded(said: str) -> bytes | None:
    """Base64 whatever its white space, with or without its padding; None for anything else, and for none at all.

    A length of one more than a multiple of four is what no encoder writes: the text was cut. Decoded in slices, so
    that a long text is not copied whole for its white space and its characters.
    """
    parts: list[bytes] = []
    left = b""
    for start in range(0, len(said), SLICE):
        try:
            packed = left + said[start : start + SLICE].encode("ascii").translate(None, b" \t\r\n")
        except UnicodeEncodeError:
            return None
        whole = len(packed) - (len(packed) % 4 or 4)
        if b"=" in packed[: max(whole, 0)]:  # padding is the last thing there is
            return None
        left = packed[max(whole, 0) :]
        if whole > 0 and not _decode(packed[:whole], parts):
            return None
    if not left or len(left) == 1 or not _decode(left + b"=" * (-len(left) % 4), parts):
        return None
    return b"".join(parts)


SLICE = 1 << 20


def _decode(packed: bytes, parts: list[bytes]) -> bool:
    try:
        parts.append(pybase64.b64decode(packed, validate=True))
    except ValueError:
        return False
    return True


def _integrity(element: etree._Element, data: bytes) -> Literal["", "verified", "failed", "unknown"]:
    """@integrityCheck, base64 as the norm says or hex as seen, over the decoded bytes (HL7 ED.integrityCheck)."""
    said = element.get("integrityCheck", "").strip()
    if not said:
        return ""
    algorithm = _HASHES.get(element.get("integrityCheckAlgorithm", "").strip().upper())
    if algorithm is None:
        return "unknown"
    digest = algorithm(data, usedforsecurity=False)
    matches = said.lower() == digest.hexdigest() or decoded(said) == digest.digest()
    return "verified" if matches else "failed"


def _ids(element: etree._Element) -> Iterator[str]:
    for above in element.iterancestors(V3 + "observationMedia", V3 + "regionOfInterest"):
        if name := fold(above.get("ID", "")):
            yield name


def _type(
    element: etree._Element, anchors: Mapping[str, str], types: dict[etree._Element, tuple[RawCode, str]]
) -> tuple[RawCode, str]:
    """What the observation beside it says it is (FR-Type-document-attache); `types` has the organizers seen."""
    organizer = next(element.iterancestors(V3 + "organizer"), None)
    if organizer is None:
        return RawCode(), ""
    if organizer not in types:
        types[organizer] = RawCode(), ""
        for observation in children(organizer, "component", "observation"):
            if value(first(observation, "code"), "code") == DOCUMENT_TYPE:
                said = first(observation, "value")
                label = resolve(anchors, first(said, "originalText")).text
                types[organizer] = raw_code(said), label or resolve(anchors, first(observation, "text")).text
                break
    return types[organizer]
