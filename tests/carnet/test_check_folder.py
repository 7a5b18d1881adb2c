"""`carnet check FOLDER`: a sender's dry run of a whole export, file by file, then what would become of all of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from carnet.check import check_file, found
from carnet.cli import app
from tests.cda import cda
from tests.quality.conformance.whole import encoded, oru


@pytest.fixture
def export(tmp_path: Path) -> Path:
    folder = tmp_path / "export"
    for name, data in {
        "b.xml": cda(),
        "a/oru.hl7": encoded(oru()),
        "a/autre.bin": b"\x00\x01",
        "a/oru.hl7.meta.json": b"{}",
        "manifest.csv": b"file,ins,ins_oid,zone\n",
        ".cache/x.xml": cda(),
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def test_every_file_that_would_be_taken_is_checked_under_its_place(export: Path) -> None:
    """Not what stands beside deliveries, nor what is hidden; in the same order every time."""
    assert [name for _, name in found([export, export / "b.xml"])] == ["a/autre.bin", "a/oru.hl7", "b.xml", "b.xml"]


def test_a_folder_is_told_file_by_file_and_as_a_whole(export: Path) -> None:
    answer = CliRunner().invoke(app, ["check", str(export), "--lang", "fr"])
    lines = answer.stdout.splitlines()
    assert answer.exit_code == 1
    assert [line.split(" · ")[0] for line in lines if line.startswith(("a/", "b."))] == [
        "a/autre.bin",
        "a/oru.hl7",
        "b.xml",
    ]
    assert lines[-1] == "3 fichiers · 4 lus, 3 acceptés, 1 refusé"
    assert CliRunner().invoke(app, ["check", str(export), "--lang", "en"]).stdout.splitlines()[-1] == (
        "3 files · 4 read, 3 accepted, 1 refused"
    )


def test_as_data_it_is_a_line_a_file(export: Path) -> None:
    answer = CliRunner().invoke(app, ["check", str(export), "--json"])
    rows = [json.loads(line) for line in answer.stdout.splitlines()]
    assert [row["file"] for row in rows] == ["a/autre.bin", "a/oru.hl7", "b.xml"]
    assert rows[2] == check_file(export / "b.xml")


def test_an_empty_folder_is_an_operators_error(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["check", str(tmp_path)]).exit_code != 0
