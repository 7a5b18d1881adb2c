"""Rows and facts: how a fact is spelt in a row, and the projection written back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from transforms.facts import DeletionFact, DocumentState, Flag, MaskFact, PatientLinkFact, Projection
from warehouse import schema
from warehouse.database import put
from warehouse.lookup import rows_in


def pack_words(words: Iterable[str]) -> str:
    """A set of codes as one column: sorted, space separated."""
    return " ".join(sorted(set(words))) if words else ""


def unpack_words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def deletion_key(fact: DeletionFact) -> str:
    """The identity of a deletion: a repeat is the same row."""
    named = (fact.target or "", fact.set_id or "", str(fact.version or ""))
    return "|".join(("delete", fact.organisation, fact.patient, *named))


def mask_key(fact: MaskFact) -> str:
    return "|".join(("mask", fact.id, fact.organisation, fact.sent_at, pack_words(fact.flags), fact.digest))


def link_key(fact: PatientLinkFact) -> str:
    """The identity of a statement about two patients, whatever traits it came with."""
    return "|".join(("link", fact.a, fact.b, fact.at, "on" if fact.on else "off"))


def deletion_of(row: Any) -> DeletionFact:
    return DeletionFact(
        organisation=row.organisation,
        patient=row.patient,
        target=row.target,
        set_id=row.set_id,
        version=row.version,
        sound=row.sound,
    )


def flags_of(text: str) -> tuple[Flag, ...]:
    return msgspec.convert(unpack_words(text), tuple[Flag, ...]) if text else ()


def discordant(document: Any, claim: Any) -> bool:
    """Whether a document's traits differ from those its patient is held to; an unsaid trait differs from none."""
    return differ((document.birth, document.sex, document.family), (claim.birth, claim.sex, claim.family))


def differ(said: Sequence[str | None], held: Sequence[str | None]) -> bool:
    """Whether traits differ; one that is not said, or not held yet, differs from none."""
    return said != held and any(one and other and one != other for one, other in zip(said, held, strict=True))


def write_projection(connection: Connection, projection: Projection) -> None:
    """The states of a family, in place of those it had."""
    put(
        connection,
        schema.document_status,
        [
            {
                "doc": state.doc,
                "digest": state.digest,
                "status": state.status,
                "code": state.code,
                "findings": pack_words(state.findings),
                "unit": state.unit,
                "lineage": state.lineage,
                "mask": pack_words(state.mask),
                "patient_class": state.patient_class,
                "withdrawn": state.withdrawn,
            }
            for state in projection.documents
        ],
    )


def stored_states(connection: Connection, docs: Iterable[str]) -> list[DocumentState]:
    """The states of these docs as last written."""
    table = schema.document_status
    return [
        DocumentState(
            doc=row.doc,
            digest=row.digest,
            status=row.status,
            code=row.code,
            findings=unpack_words(row.findings),
            unit=row.unit,
            lineage=row.lineage,
            mask=flags_of(row.mask),
            patient_class=row.patient_class,
            withdrawn=row.withdrawn,
        )
        for row in rows_in(connection, table, table.c.doc, docs)
    ]
