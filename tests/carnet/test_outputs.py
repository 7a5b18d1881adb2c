"""Machine outputs have the fields of the contract, and the reference pages say what the code does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from carnet import listing
from carnet.check import check_file
from carnet.coverage import coverage
from carnet.outputs import OUTPUTS
from carnet.record import timeline
from carnet.reference import ROOT, pages
from carnet.terms import terminology
from tests.cda import INS, TEST_OID, cda
from tests.cda_header import whole
from tests.hl7 import mdm, oru
from tests.hub import Hub
from warehouse import ledger
from warehouse.database import reading

FEED = f"ins,ins_oid,event,occurred_at\n{INS},{TEST_OID},opened,2026-01-05\n".encode()


@pytest.fixture
def full(hub: Hub) -> Hub:
    local = oru(filler="F2", control="R2").replace(b"^LN||0,94|g/L^g/L^UCUM|0,70-1,08|N", b"^99LAB||0,94|x^x^L||haut")
    for data in (cda("1"), oru(), local, mdm(cda("2"), payload="bm9uZQ=="), cda("3", replaces="404"), whole(), FEED):
        hub.take(data)
    return hub


def rows_of(hub: Hub, command: str, *, identified: bool) -> list[Any]:
    with reading(hub.store.engine) as connection:
        match command:
            case "documents":
                return list(listing.documents(hub.store, connection, identified=identified))
            case "deliveries":
                return list(listing.deliveries(connection))
            case "quarantine":
                return list(listing.quarantine(hub.store, connection, identified=identified))
            case "accounts":
                return list(listing.accounts(hub.store, connection, identified=identified))
            case "find":
                return listing.found(connection, ledger.find(hub.store, connection, "R1"))
            case "terminology":
                return terminology(hub.store, connection, {}, identified=identified)
            case "coverage":
                return coverage(hub.store, connection, identified=identified)
            case "receipt":
                return [hub.receipt(row["delivery"]) for row in hub.deliveries()]
            case _:
                id_ = hub.store.find_patient(connection, TEST_OID, INS)
                assert id_ is not None
                return timeline(hub.store, connection, id_, {})


@pytest.mark.parametrize("identified", [False, True])
@pytest.mark.parametrize(
    "command",
    ["documents", "deliveries", "quarantine", "accounts", "find", "terminology", "coverage", "receipt", "patient"],
)
def test_every_row_has_the_fields_of_its_schema_and_no_other(full: Hub, command: str, identified: bool) -> None:
    rows = rows_of(full, command, identified=identified)
    assert rows
    for row in rows:
        msgspec.convert(json.loads(json.dumps(row)), OUTPUTS[command], strict=True)


def test_a_check_report_fits_its_schema(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes(cda("1", place=""))
    msgspec.convert(json.loads(json.dumps(check_file(path))), OUTPUTS["check"], strict=True)


def test_the_reference_pages_are_those_the_code_generates() -> None:
    stale = [
        place
        for place, text in pages().items()
        if not (ROOT / place).exists() or (ROOT / place).read_text("utf-8") != text
    ]
    assert stale == [], "run make docs"
