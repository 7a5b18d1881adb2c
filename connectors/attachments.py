"""What a document carries beside its text: bodies, copies, images, and content that lies elsewhere."""

from __future__ import annotations

from typing import Literal

import msgspec

from connectors.said import RawCode

Kind = Literal["body", "copy", "second-intention", "attached", "image", "inline", "external"]
"""The body of a level 1 document; a PDF copy of a structured one (section 55108-5); a second-intention report
(101792-0); another attached document (55107-7); an image of the report; content of a statement; content elsewhere."""


class Attachment(msgspec.Struct, frozen=True, omit_defaults=True):
    """One content that is no text. Its bytes stay in the document (`connectors.cda.attachments.content`)."""

    number: int
    """Its place among those of the document, from 1."""
    kind: Kind
    place: str
    """Path below ClinicalDocument, local names with positions: `structuredBody/component[7]/section/entry/…`."""
    media_type: str = ""
    """By the bytes; empty when they are of no known format, or are not here."""
    declared: str = ""
    """@mediaType as said."""
    size: int = 0
    sha256: str = ""
    """Of the decoded bytes, hex."""
    ids: tuple[str, ...] = ()
    """@ID by which the narrative shows it: of the observationMedia, and of the regionOfInterest around it."""
    section: RawCode = RawCode()
    """Code of the section that holds it."""
    section_title: str = ""
    type: RawCode = RawCode()
    """Value of the observation 69764-9 beside it (type of the attached document)."""
    label: str = ""
    """What that observation says in words."""
    address: str = ""
    """`reference/@value` as said, of content outside the document; it is never fetched."""
    state: Literal["", "unreadable", "incomplete"] = ""
    """Empty base64, or none at all; or bytes that stop before the end that their format has."""
    active: tuple[str, ...] = ()
    """What would act if it were opened (`javascript`, `launch`, `embedded-file`, `script` …), or why that could not be
    told (`encrypted`, `unexamined`). Nobody opens it here."""
    integrity: Literal["", "verified", "failed", "unknown"] = ""
    """@integrityCheck against the bytes; `unknown` for an algorithm that is neither SHA-1 nor SHA-256."""

    @property
    def embedded(self) -> bool:
        """Whether the document says that its bytes are in it."""
        return self.kind != "external"
