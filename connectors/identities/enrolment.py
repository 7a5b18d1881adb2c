"""A sender's enrolment table: CSV, one local patient number (IPP) a row and the INS it stands for.

Columns, in any order: ipp, ins; and when known ipp_authority (the OID or namespace of PID-3.4; empty for numbers that
come without one), ins_oid (the authority of the INS), birth_family, birth_date, sex, action (link, unlink) and at
(ISO 8601).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connectors.base import Connector, EnrolmentRow, Locator, RawId, RawPatient, Source, Span, Yielded
from connectors.table import columns, rows

REQUIRED = frozenset({"ipp", "ins"})


def recognises(head: bytes, name: str) -> bool:
    """A first line that names both numbers."""
    return set(columns(head)) >= REQUIRED


def read(source: Source) -> Iterator[Yielded]:
    """One `EnrolmentRow` a row, the local number first, the INS second."""
    return rows(source, _row)


def _row(said: Mapping[str, str], place: Locator, span: Span) -> EnrolmentRow:
    patient = RawPatient(
        ids=(
            RawId(said.get("ipp_authority", ""), said.get("ipp", ""), "PI"),
            RawId(said.get("ins_oid", ""), said.get("ins", ""), "INS"),
        ),
        birth_family=said.get("birth_family", ""),
        birth_date=said.get("birth_date", ""),
        sex=said.get("sex", ""),
    )
    return EnrolmentRow(place, span, patient, said.get("action", ""), said.get("at", ""))


ENROLMENT = Connector(name="enrolment-csv", family="hl7", recognises=recognises, read=read)
