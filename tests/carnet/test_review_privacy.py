"""Free text in coded places stays inside, and what is wrong with an identity is told by its own code."""

from __future__ import annotations

from pathlib import Path

from tests.cda import INS, cda
from tests.hl7 import oru
from tests.hub import Hub


def test_a_type_code_of_no_public_table_shows_only_with_identity(tmp_path: Path) -> None:
    hub = Hub(tmp_path / "home")
    hub.take(cda("1", code="MARTIN"))
    hub.take(oru().replace(b"24331-1^Bilan lipidique^LN", b"MARTIN^Bilan^L"))
    hub.take(cda("2"))
    assert [row["type_code"] for row in hub.documents(identified=False)] == ["local", "local", "11502-2"]
    assert [row["type_code"] for row in hub.documents()] == ["MARTIN", "MARTIN", "11502-2"]
    files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert files
    assert not [path.name for path in files if b"MARTIN" in path.read_bytes()]


def test_a_malformed_ins_is_told_beside_the_hold(hub: Hub) -> None:
    delivery = hub.take(cda("1", ins=INS[:-1]))
    (note,) = hub.receipt(delivery)["notes"]
    assert (note["end"], [reason["code"] for reason in note["reasons"]]) == (
        "held",
        ["IDENTITY_NOT_QUALIFIED", "INS_MALFORMED"],
    )
