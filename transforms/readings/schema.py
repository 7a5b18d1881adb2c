"""The canonical reading: the one Arrow schema of what `normalise` gives, and of what it could not take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, TypeAlias

import pyarrow as pa

End: TypeAlias = Literal["held", "refused", "ignored"]

COMPONENT = pa.struct([("loinc", pa.string()), ("value", pa.string())])

CANONICAL = pa.schema(
    [
        ("measure", pa.string()),
        ("loinc", pa.string()),
        ("value", pa.string()),  # decimal text in `unit`; null when there are components
        ("components", pa.list_(COMPONENT)),  # systolic, diastolic; null otherwise
        ("unit", pa.string()),  # UCUM
        ("original_value", pa.string()),  # as said; `120/80` for two components
        ("original_unit", pa.string()),  # as said
        ("comparator", pa.string()),  # `<` or `>` of a value outside the span of the device; null otherwise
        ("effective", pa.string()),  # ISO 8601 with offset, or a date
        ("end", pa.string()),  # of an interval that lasts; null otherwise
        ("precision", pa.string()),  # `second`, `minute` or `day`: what the source says
        ("instant", pa.int64()),  # microseconds since 1970 in UTC; null for a date
        ("zone_origin", pa.string()),  # `source`, or what the caller names its zone; null for a date
        ("device", pa.string()),
        ("origin", pa.string()),  # writing application as said: may hold a first name, never in an Observation
        ("status", pa.string()),
        ("flags", pa.list_(pa.string())),  # codes of findings; empty when there is none
        ("context", pa.string()),  # JSON object with closed names: meal, motion, body_site, specimen, stage …
        ("line", pa.int64()),
        ("natural_key", pa.string()),  # JSON array that tells equal readings of two exports; to be HMACed
    ]
)

REJECTS = pa.schema([("line", pa.int64()), ("end", pa.string()), ("code", pa.string())])
"""Rows that are no reading of the record: `held`, `refused`, or `ignored` by the rule that `code` names."""


class Reading(NamedTuple):
    """A row of `CANONICAL`."""

    measure: str
    loinc: str
    value: str | None
    components: list[dict[str, str]] | None
    unit: str
    original_value: str
    original_unit: str | None
    comparator: str | None
    effective: str
    end: str | None
    precision: str
    instant: int | None
    zone_origin: str | None
    device: str | None
    origin: str | None
    status: str
    flags: list[str]
    context: str | None
    line: int
    natural_key: str


class Reject(NamedTuple):
    """A row of `REJECTS`."""

    line: int
    end: End
    code: str


class Normalised(NamedTuple):
    """Every row of the batch is in exactly one of the two tables."""

    readings: pa.Table
    rejects: pa.Table


def table(rows: Iterable[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns: Iterable[Any] = list(zip(*rows, strict=True)) or ([] for _ in schema)
    return pa.table([pa.array(c, field.type) for c, field in zip(columns, schema, strict=True)], schema=schema)
