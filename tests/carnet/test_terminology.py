"""What has no public code, told with counts by sender; a map that speaks for old results at once."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select

from carnet.cli import main
from carnet.errors import OperatorError
from carnet.maps import sender_maps
from carnet.synth import generate
from carnet.terms import terminology
from tests.cda import INS, TEST_OID
from tests.hl7 import batch, oru
from tests.hub import Hub
from warehouse import schema
from warehouse.database import reading

NAME = "MARTIN Zoé 0612345678"
"""What a sender may well write where a code is wanted."""


def mixed(filler: str) -> bytes:
    """Three results: one of a local code and unit, one of a wrong LOINC code, one sound."""
    message = oru(filler=filler, control=f"C{filler}").decode()
    message = message.replace("53049-3^Glycémie^LN", f"{NAME}^Glycémie^99LAB").replace("g/L^g/L^UCUM", "gpl^g/L^99LAB")
    message = message.replace("0,70-1,08|N", "0,70-1,08|haut~MS").replace("1988-5^CRP^LN", "1988-6^CRP^LN")
    return message.encode()


def gaps(hub: Hub, *, identified: bool = True, sender: str | None = None) -> list[dict[str, object]]:
    with reading(hub.store.engine) as connection:
        return terminology(hub.store, connection, sender_maps(hub.settings), identified=identified, sender=sender)


def write_map(hub: Hub, *rows: str, sender: str = "demo") -> Path:
    path = hub.settings.home / "maps" / f"{sender}.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(("kind,system,said,code,display", *rows)) + "\n", encoding="utf-8")
    return path


def test_what_has_no_public_code_is_counted_by_sender_the_most_frequent_first(hub: Hub) -> None:
    hub.take(batch([mixed("F1"), mixed("F2"), oru(filler="F3")]))
    hub.take(mixed("F9"), sender=hub.sender("labo-nord"))
    rows = gaps(hub)
    assert [row["count"] for row in rows] == [2] * 5 + [1] * 5
    assert {(row["sender"], row["kind"], row["said"], row["reason"]) for row in rows if row["sender"] == "demo"} == {
        ("demo", "code", NAME, "unmapped"),
        ("demo", "code", "1988-6", "check_digit"),
        ("demo", "unit", "gpl", "unmapped"),
        ("demo", "interpretation", "haut", "unmapped"),
        ("demo", "interpretation", "MS", "no_equivalent"),
    }
    assert gaps(hub, sender="labo-nord") == [row for row in rows if row["sender"] == "labo-nord"]
    assert gaps(hub, sender="labo-rhone") == []


def test_without_identity_a_local_code_is_a_shape_and_a_keyed_name(hub: Hub) -> None:
    hub.take(mixed("F1"))
    shown = json.dumps(gaps(hub, identified=False), ensure_ascii=False)
    for said in (NAME, "gpl", "99LAB", "haut", "1988-6", "Glycémie"):
        assert said not in shown
    row = next(row for row in gaps(hub, identified=False) if row["shape"] == f"{len(NAME)} characters")
    assert row["system"] == "local" and len(str(row["ref"])) == 12
    assert "said" not in row
    assert [row["said"] for row in gaps(hub, identified=False) if "said" in row] == ["MS"]
    assert [row["ref"] for row in gaps(hub)] == [row["ref"] for row in gaps(hub, identified=False)]


def test_a_new_map_speaks_for_old_results_and_leaves_the_record_as_said(hub: Hub) -> None:
    hub.take(mixed("F1"))
    before = hub.hash()
    write_map(
        hub,
        f"code,99LAB,{NAME},53049-3,Glycémie",
        "code,LN,1988-6,1988-5,CRP",
        "unit,99LAB,gpl,g/L,",
        "interpretation,,haut,H,",
    )
    assert [(row["kind"], row["said"]) for row in gaps(hub)] == [("interpretation", "MS")]
    assert hub.hash() == before


def test_the_map_of_one_sender_is_not_that_of_another(hub: Hub) -> None:
    hub.take(mixed("F1"))
    write_map(hub, "unit,99LAB,gpl,g/L,", sender="labo-nord")
    assert "gpl" in [row["said"] for row in gaps(hub)]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("test,,HB,718-7,", "line 2: the kind is code, unit or interpretation"),
        ("code,,HB,718-8,", "line 2: the code is no LOINC code, or its check digit is wrong"),
        ("unit,,x,furlong,", "line 2: the code is no UCUM code of the table of units"),
        ("code,,HB,718-7,\ncode,,HB,718-7,", "line 3: said twice"),
    ],
)
def test_an_error_in_a_map_is_one_line_for_the_operator(hub: Hub, row: str, told: str) -> None:
    path = write_map(hub, row)
    with pytest.raises(OperatorError) as error:
        sender_maps(hub.settings)
    assert str(error.value) == f"{path}, {told}"


def test_a_map_of_an_unknown_sender_or_of_other_bytes_is_told(hub: Hub) -> None:
    path = write_map(hub, sender="labo-sud")
    with pytest.raises(OperatorError, match="unknown sender 'labo-sud'"):
        sender_maps(hub.settings)
    path.unlink()
    write_map(hub).write_bytes(b"kind;\xe9")
    with pytest.raises(OperatorError, match="cannot be read as UTF-8 text"):
        sender_maps(hub.settings)


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: object) -> list[dict[str, object]]:
    """The rows that a command prints as JSON."""
    monkeypatch.setattr(sys, "argv", ["carnet", *map(str, words), "--json"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_commands_show_both_forms_and_looking_is_recorded(
    hub: Hub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.take(mixed("F1"))
    home = ("--home", hub.settings.home)
    write_map(hub, "unit,99LAB,gpl,g/L,")
    assert "said" not in run(capsys, monkeypatch, "terminology", *home)[0]
    assert {
        row["kind"] for row in run(capsys, monkeypatch, "terminology", "--identified", "--sender", "demo", *home)
    } == {
        "code",
        "interpretation",
    }
    (row,) = run(capsys, monkeypatch, "patient", f"{INS}@{TEST_OID}", *home)
    assert (row["result_status"], row["status_derived"]) == ("F", False)
    glucose, crp, group = row["results"]  # type: ignore[misc]
    assert glucose["said"]["codes"] == [{"code": NAME, "system": "99LAB", "display": "Glycémie"}]
    assert (glucose["said"]["values"], glucose["said"]["unit"], glucose["said"]["range"]) == (
        ["0,94"],
        "gpl",
        "0,70-1,08",
    )
    assert glucose["coded"] | {"loinc": None} == glucose["coded"]
    assert (glucose["coded"]["value"], glucose["coded"]["decimal_comma"]) == ("0.94", True)
    assert (glucose["coded"]["unit"], glucose["coded"]["unit_origin"]) == ("g/L", "map")
    assert (glucose["coded"]["low"], glucose["coded"]["high"]) == ("0.70", "1.08")
    assert glucose["coded"]["interpretations"] == [None, None]
    assert (crp["coded"]["loinc"], crp["coded"]["comparator"], crp["coded"]["value"]) == (None, "<", "5")
    assert (group["coded"]["loinc"], group["coded"]["loinc_origin"], group["coded"]["value"]) == ("882-1", "said", None)
    with reading(hub.store.engine) as connection:
        looked = [row.action for row in connection.execute(select(schema.audit).order_by(schema.audit.c.id))]
    assert looked == ["terminology", "patient"]


def counted(folder: Path) -> Counter[tuple[str, str, str]]:
    """OBX of discrete results by sender, kind and text, by splitting lines and bars; codes are ASCII in any charset."""
    found: Counter[tuple[str, str, str]] = Counter()
    for path in folder.rglob("*.hl7"):
        sender = path.relative_to(folder).parts[0]
        for line in path.read_bytes().decode("latin-1").replace("\n", "\r").split("\r"):
            fields = line.split("|")
            if fields[0] == "OBX" and fields[2] != "ED" and "MetaDMPMSS" not in line:
                code, _, system = fields[3].split("^")[:3]
                if system != "LN":
                    found[sender, "code", code] += 1
                if fields[6].startswith("@"):
                    found[sender, "unit", fields[6].split("^")[0]] += 1
    return found


def test_counts_by_sender_equal_an_independent_count_over_a_nation(hub: Hub, tmp_path: Path) -> None:
    nation = tmp_path / "nation"
    generate(nation, patients=150, months=6, seed=21)
    for path in nation.rglob("*.hl7"):
        text = path.read_bytes().decode("latin-1")
        match path.relative_to(nation).parts[0]:
            case "labo-rhone":
                text = text.replace("|g/L^", "|@g^")
            case "labo-nord":  # its codes lose the name of their system and the local ones beside them
                text = re.sub(r"([\r\n]OBX\|\d+\|(?!ED)[^|]*\|\d+-\d\^[^^|]*)\^LN\^[^|]*", r"\1^99N", text)
        path.write_bytes(text.encode("latin-1"))
    hub.take_files(sorted(nation.glob("labo-nord/*/*.hl7")), "labo-nord")
    hub.take_files(sorted(nation.glob("labo-rhone/*/*.hl7")), "labo-rhone")
    expected = counted(nation)
    assert {sender for sender, _, _ in expected} == {"labo-nord", "labo-rhone"} and sum(expected.values()) > 100
    assert {(row["sender"], row["kind"], row["said"]): row["count"] for row in gaps(hub)} == expected
