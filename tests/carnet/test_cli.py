"""The command line as a person and a script use it: exit codes, streams, words."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from carnet.cli import main
from tests.cda import ARC, INS, TEST_OID, cda
from tests.hl7 import batch, mdm, oru


class Answer:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def rows(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def carnet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    monkeypatch.setenv("CARNET_HOME", str(tmp_path / "home"))

    def run(*words: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["carnet", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            main()
        said = capsys.readouterr()
        return Answer(int(stop.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    folder = tmp_path / "landing" / "demo"
    folder.mkdir(parents=True)
    (folder / "Zoé L'Hostis.xml").write_bytes(cda("1"))
    (folder / "resultats.hl7").write_bytes(oru())
    (folder / "resultats.hl7.meta.json").write_text('{"received_at": "2026-02-27T08:00:00+01:00"}')
    return folder.parent


def test_ingest_counts_and_exits_zero(carnet, drop: Path) -> None:  # type: ignore[no-untyped-def]
    answer = carnet("ingest", drop, "--json")
    summary = json.loads(answer.out)
    assert answer.code == 0
    assert summary["deliveries"] == 2
    assert summary["items"] == {
        "read": 2, "accepted": 2, "flagged": 0, "held": 0, "refused": 0, "duplicate": 0, "ignored": 0,
    }  # fmt: skip
    again = json.loads(carnet("ingest", drop, "--json").out)
    assert again["items"]["duplicate"] == again["items"]["read"] == 2


def test_something_held_or_refused_exits_one(carnet, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "a.hl7").write_bytes(mdm(cda("1"), payload="bm9uZQ=="))
    assert carnet("ingest", tmp_path / "a.hl7", "--sender", "demo", "--json").code == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("ingest", "nowhere", "--sender", "demo"), "no such file"),
        (("ingest", "pyproject.toml", "--sender", "nobody"), "unknown sender"),
        (("ingest", "pyproject.toml"), "--sender"),
        (("ingest", "pyproject.toml", "--sender", "demo", "--received", "hier"), "ISO 8601"),
        (("ingest", "pyproject.toml", "--sender", "demo", "--patient", "123"), "INS"),
        (("receipt", "0123456789"), "no delivery"),
        (("find", "nothing"), "nothing carries"),
        (("metrics", "unknown"), "no metric is called"),
        (("metrics",), "carnet publish"),
        (("patient", INS), "no record"),
    ],
)
def test_errors_of_operators_are_one_line_and_exit_two(carnet, words: tuple[str, ...], says: str) -> None:  # type: ignore[no-untyped-def]
    answer = carnet(*words)
    assert answer.code == 2
    assert says in answer.err and "Traceback" not in answer.err
    assert len(answer.err.strip().splitlines()) == 1
    assert answer.out == ""


def test_lists_without_identity_show_no_patient_value(carnet, drop: Path) -> None:  # type: ignore[no-untyped-def]
    carnet("ingest", drop, "--json")
    for command in ("documents", "deliveries", "quarantine", "readings", "accounts"):
        text = carnet(command, "--json").out
        assert not [word for word in (INS, "HOSTIS", "Zoé", "Compte rendu", f"{ARC}.1", "F4711") if word in text]
    row = carnet("documents", "--json").rows[0]
    assert "ref" in row and "title" not in row and "document_id" not in row and "ins" not in row


def test_identified_lists_show_it_and_are_audited(carnet, drop: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    import sqlite3

    carnet("ingest", drop, "--json")
    rows = {row["document_id"]: row for row in carnet("documents", "--identified", "--json").rows}
    assert rows[f"{ARC}.1"]["ins"] == INS and rows[f"{ARC}.1"]["source"]["file"] == "Zoé L'Hostis.xml"  # type: ignore[index]
    assert rows["1.2.250.1.999.2^F4711"]["observations"] == 3
    with sqlite3.connect(tmp_path / "home" / "carnet.db") as database:
        assert [row[0] for row in database.execute("SELECT action FROM audit")] == ["documents"]


def test_nothing_that_was_sent_acts_on_the_terminal(carnet, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    hostile = "Bilan\x1b[2J\x1b]0;x\x07\u202eegnahc"
    file = tmp_path / "essai\x1b[2J.hl7"
    file.write_bytes(oru().replace(b"Bilan lipidique", hostile.encode()).replace(b"53049-3^", b"GL\x1b[2JY^"))
    carnet("ingest", file, "--sender", "demo", "--json")
    shown = "".join(
        carnet(*words).out
        for words in (
            ("documents", "--identified"),
            ("patient", f"{INS}@{TEST_OID}"),
            ("terminology", "--identified"),
            ("check", file),
        )
    )
    assert "Bilan\\x1b[2J" in shown and "essai\\x1b[2J" in shown
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)


def test_the_receipt_speaks_french_and_names_nobody(carnet, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "Zoé.xml").write_bytes(cda("1", place=""))
    carnet("ingest", tmp_path / "Zoé.xml", "--sender", "demo", "--json")
    delivery = carnet("deliveries", "--json").rows[0]["delivery"]
    text = carnet("receipt", str(delivery)[:12]).out
    assert "L'identité du patient n'est pas qualifiée." in text and "→" in text
    assert not [word for word in (INS, "HOSTIS", "Zoé", "Compte rendu") if word in text]
    assert json.loads(carnet("receipt", delivery, "--format", "json").out)["items"]["held"] == 1


def test_find_by_control_id_local_number_order_document_and_delivery(carnet, drop: Path) -> None:  # type: ignore[no-untyped-def]
    carnet("ingest", drop, "--json")
    for text in ("R1", "IPP-285034", "F4711", f"{ARC}.1"):
        assert carnet("find", text, "--json").rows, text
    delivery = str(carnet("deliveries", "--json").rows[0]["delivery"])
    assert carnet("find", delivery[:12], "--json").rows


def test_one_record_is_a_timeline(carnet, drop: Path) -> None:  # type: ignore[no-untyped-def]
    carnet("ingest", drop, "--json")
    rows = carnet("patient", f"{INS}@{TEST_OID}", "--json").rows
    assert [row["kind"] for row in rows] == ["document", "result"]
    assert rows[0]["sections"] == [{"title": "Biochimie", "code": "18719-5", "text": "Glycémie : 0,94 g/L", "depth": 0}]
    assert carnet("patient", INS, "--json").rows == rows


def test_check_judges_without_a_home(carnet, drop: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    answer = carnet("check", *sorted(drop.glob("demo/*.xml")), "--json")
    assert answer.code == 0 and answer.rows[0]["items"]["accepted"] == 1  # type: ignore[index]
    bad = tmp_path / "bad.hl7"
    bad.write_bytes(mdm(cda("1", place="")))
    answer = carnet("check", bad)
    assert answer.code == 1
    assert "IDENTITY_NOT_QUALIFIED" in answer.out and "→" in answer.out
    assert not (tmp_path / "home").exists()


def test_figures_from_end_to_end(carnet, drop: Path) -> None:  # type: ignore[no-untyped-def]
    carnet("ingest", drop, "--json", "--received", "2026-03-02T08:00:00+01:00")
    assert carnet("publish").code == carnet("measure").code == 0
    rows = carnet("metrics", "documents_by_type", "--trusted", "--json").rows
    assert rows == [{"month": "2026-03", "type_code": "11502-2", "documents": 1}]
    assert carnet("metrics", "documents_by_type", "--json").rows == [
        {"month": "2026-03", "type_code": "other", "documents": None}
    ]
    assert "documents_by_type" in carnet("sql", "SHOW TABLES").out


def test_help_teaches(carnet) -> None:  # type: ignore[no-untyped-def]
    text = carnet("--help").out
    for command in ("ingest", "check", "receipt", "quarantine", "publish", "metrics", "synth", "doctor"):
        assert command in text


def test_doctor_says_what_to_do(carnet, drop: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    carnet("ingest", drop, "--json")
    assert carnet("doctor").code == 0
    (tmp_path / "home" / "keys" / "root.key").chmod(0o644)
    answer = carnet("doctor")
    assert answer.code == 2 and "chmod 600" in answer.out


def test_home_is_taken_before_or_after_the_command(carnet, drop: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    carnet("--home", tmp_path / "other", "ingest", drop, "--json")
    assert len(carnet("deliveries", "--home", tmp_path / "other", "--json").rows) == 2


def test_a_bug_is_told_by_place_never_by_content(carnet, drop: Path, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    from warehouse import ledger

    def broken(*_: object) -> None:
        raise RuntimeError("Zoé L'Hostis")

    carnet("ingest", drop, "--json")
    monkeypatch.setattr(ledger, "deliveries", broken)
    answer = carnet("deliveries")
    assert answer.code == 70
    assert "RuntimeError at test_cli.py" in answer.err and "Hostis" not in answer.err


def test_a_batch_that_declares_more_than_came_never_exits_zero(carnet, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "a.hl7").write_bytes(batch([oru()], declared=5))
    answer = carnet("ingest", tmp_path / "a.hl7", "--sender", "demo", "--json")
    assert answer.code == 1 and "another count" in answer.err
    assert json.loads(answer.out)["items"]["accepted"] == 1


def test_the_quarantine_tells_a_person_each_reason_once_and_what_to_do(carnet, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    for number in range(7):
        (tmp_path / f"{number}.xml").write_bytes(cda(str(number), place=""))
    carnet("ingest", *sorted(tmp_path.glob("*.xml")), "--sender", "demo", "--json")
    lines = carnet("quarantine").out.splitlines()
    assert lines[0] == "held · IDENTITY_NOT_QUALIFIED · demo · 7 item(s)"
    assert lines[2].startswith("  → ") and lines[-1] == "    and 2 more"
