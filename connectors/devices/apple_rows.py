"""One `Record` of Apple Health as a row of `READINGS`, as said but for what changes from one export to the next."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TypeAlias

import msgspec
import pyarrow as pa

from connectors.base import READINGS, RawReading

Attributes: TypeAlias = dict[str, str]


def reading(said: Attributes, metadata: Attributes, line: int) -> RawReading:
    """A row from the attributes of a Record or Correlation and its MetadataEntry keys and values."""
    get = said.get
    unit, device, origin = get("unit"), get("device"), get("sourceName")
    return RawReading(
        line,
        sys.intern(get("type", "")),
        get("value"),
        None,
        sys.intern(unit) if unit else None,
        get("startDate"),
        get("endDate"),
        metadata.get("HKTimeZone"),
        sys.intern(device_of(device)) if device else None,
        sys.intern(origin) if origin else None,
        "",
        msgspec.json.encode(metadata, order="sorted").decode() if metadata else None,
    )


def device_of(text: str) -> str:
    """The device as said without the memory address, which differs from record to record.

    `<<HKDevice: 0x28>, name:Apple Watch, model:Watch>` → `name:Apple Watch, model:Watch`
    """
    if not text.startswith("<<HKDevice:"):
        return text
    return text.partition(">")[2].removeprefix(",").strip().removesuffix(">").strip()


def batch_of(rows: Sequence[RawReading]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True) if rows else ([] for _ in READINGS)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, READINGS, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=READINGS)
