"""Identifiers of documents in TXA-12 and TXA-13, which senders write in three ways (french-formats, 2.3)."""

from __future__ import annotations

import re

from connectors.base import RawId
from connectors.hl7.values import Values

_OID = re.compile(r"[0-2](\.\d+)+")
_OID_AND_MORE = re.compile(r"([0-2](?:\.\d+)+)\.([^.]*[^.\d].*)")


def document_id(field: str, values: Values) -> RawId | None:
    """TXA-12 or 13 as (root, extension); None when empty.

    The norm: `ext^^root^ISO`, or the OID alone. Seen: `root^Organisation-Y` (a namespace, dropped), and root and
    extension joined by a full stop, split here when the end cannot be part of an OID. When it can (`1.2.3.4711`)
    the whole is the root, and `same_document` finds the split.
    """
    value, _, universal, kind = (*values.components(values.first(field)), "", "", "", "")[:4]
    value, universal = value.strip(), universal.strip()
    if not value and not universal:
        return None
    if _OID.fullmatch(universal) or (universal and not _OID.fullmatch(value)):
        return RawId(universal, value, kind)
    if _OID.fullmatch(value):
        return RawId(value)
    joined = _OID_AND_MORE.fullmatch(value)
    return RawId(joined[1], joined[2]) if joined else RawId("", value)


def lot_member(value: str, values: Values) -> RawId | None:
    """A COMP_LOT of version 1.2, `root^extension`; None when empty."""
    root, extension = (part.strip() for part in (*values.components(value), "", "")[:2])
    return RawId(root, extension) if root else None


def same_document(one: RawId, other: RawId) -> bool:
    """Whether two identifiers name one document, however root and extension were joined."""
    return _joined(one) == _joined(other)


def _joined(given: RawId) -> str:
    return ".".join(part for part in (given.root, given.extension) if part)
