"""The lake: pseudonymised facts in Parquet, one segment a commit, never a transition (design §8).

Closed column lists. Pseudonym and `ref` are HMACs under a sub-key of the patient's own key, so erasure severs them.
A segment is written under a temporary name and made durable before the commit that lists it, and renamed after.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import json

from warehouse.packs import sync_folder

DOCUMENTS = pa.schema(
    [
        ("pseudonym", pa.string()),
        ("ref", pa.string()),
        ("age_band", pa.string()),
        ("sex", pa.string()),
        ("department", pa.string()),
        ("sender", pa.string()),
        ("kind", pa.string()),
        ("type_code", pa.string()),
        ("format", pa.string()),
        ("created_month", pa.string()),
        ("received_month", pa.string()),
        ("sections", pa.int32()),
        ("entries", pa.int32()),
        ("observations", pa.int32()),
        ("attachments", pa.int32()),
        ("findings", pa.list_(pa.string())),
    ]
)
ACCOUNTS = pa.schema(
    [
        ("pseudonym", pa.string()),
        ("event", pa.string()),
        ("month", pa.string()),
        ("channel", pa.string()),
        ("department", pa.string()),
        ("age_band", pa.string()),
        ("sex", pa.string()),
        ("sender", pa.string()),
        ("received_month", pa.string()),
    ]
)
READINGS = pa.schema(
    [
        ("pseudonym", pa.string()),
        ("measure", pa.string()),
        ("month", pa.string()),
        ("sender", pa.string()),
        ("received_month", pa.string()),
        ("readings", pa.int64()),
        ("flagged", pa.int64()),
    ]
)
TABLES = {"documents": DOCUMENTS, "accounts": ACCOUNTS, "readings": READINGS}


def write(folder: Path, kind: str, name: str, rows: list[dict[str, Any]]) -> str:
    """A durable segment under a temporary name; its final name is returned, to be listed by the commit."""
    (folder / kind).mkdir(parents=True, exist_ok=True)
    final = f"{kind}/{name}.parquet"
    temporary = folder / f"{final}.tmp"
    lines = b"\n".join(map(msgspec.json.encode, rows))
    # Arrow's own reader: building columns from Python lists would import pandas, a second of CPU for every command.
    table = json.read_json(io.BytesIO(lines), parse_options=json.ParseOptions(explicit_schema=TABLES[kind]))
    pq.write_table(table, temporary, compression="zstd", compression_level=1)
    with temporary.open("rb+") as stream:
        os.fsync(stream.fileno())
    sync_folder(folder / kind)
    return final


def publish_name(folder: Path, name: str) -> None:
    """Give a committed segment its final name; a no-op when it has it already (a killed worker came this far)."""
    temporary = folder / f"{name}.tmp"
    if temporary.exists():
        temporary.replace(folder / name)
        sync_folder((folder / name).parent)


def age_band(birth_year: str, month: str) -> str:
    """Ten-year band of the age reached in the year of `month`; empty when either is unknown."""
    if not (birth_year.isdigit() and len(birth_year) == 4 and month[:4].isdigit()):
        return ""
    age = int(month[:4]) - int(birth_year)
    if age < 0 or age > 130:
        return ""
    low = min(age // 10 * 10, 90)
    return f"{low}-{low + 9}" if low < 90 else "90+"
