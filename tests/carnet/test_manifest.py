"""manifest.csv names the patient of each file, however a spreadsheet wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest

from carnet.errors import OperatorError
from carnet.judged import Vouched
from carnet.manifests import manifest_entry
from tests.cda import INS, TEST_OID

PATIENT = Vouched(INS, TEST_OID, "Europe/Paris")
ROW = f"a.csv,{INS},{TEST_OID},Europe/Paris"


@pytest.mark.parametrize(
    "text",
    [
        f"file,ins,ins_oid,zone\n{ROW}\n",
        f"\ufefffile,ins,ins_oid,zone\r\n{ROW}\r\n",
        f"file;ins;ins_oid;zone\n{ROW.replace(',', ';')}\n",
        f' File , INS ,"ins_oid",zone,note\n{ROW},"x, y"\n\n',
        f"zone,ins_oid,ins,file\nEurope/Paris,{TEST_OID},{INS},./a.csv\n",
        f"file,ins,ins_oid,zone\n{ROW}\n{ROW}\n",
        f"file,ins,ins_oid,zone\nb.csv,1,2\n{ROW}\n",
    ],
)
def test_a_file_has_the_patient_its_row_names(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.csv").write_text(text, "utf-8", newline="")
    assert manifest_entry(tmp_path / "a.csv", tmp_path) == PATIENT


def test_a_file_below_the_manifest_is_named_by_its_path_in_either_spelling(tmp_path: Path) -> None:
    """Accents come composed or not, and separators as the sender's system has them."""
    (tmp_path / "manifest.csv").write_text(f"file,ins,ins_oid,zone\nZoe\u0301\\a.csv,{INS},{TEST_OID},\n", "utf-8")
    (tmp_path / "Zo\u00e9").mkdir()
    assert manifest_entry(tmp_path / "Zo\u00e9" / "a.csv", tmp_path) == Vouched(INS, TEST_OID)


def test_the_nearest_manifest_counts_and_none_above_the_root(tmp_path: Path) -> None:
    near = tmp_path / "sender" / "phone"
    near.mkdir(parents=True)
    (tmp_path / "manifest.csv").write_text(f"file,ins,ins_oid,zone\nsender/b.csv,{INS},{TEST_OID},\n")
    (near.parent / "manifest.csv").write_text("file,ins,ins_oid,zone\nphone/a.csv,1,2,\n")
    (near / "manifest.csv").write_text(f"file,ins,ins_oid,zone\n{ROW}\n")
    assert manifest_entry(near / "a.csv", near.parent) == PATIENT
    assert manifest_entry(near.parent / "b.csv", near.parent) is None


@pytest.mark.parametrize(
    "rows",
    [f"{ROW}\na.csv,1{INS[1:]},{TEST_OID},Europe/Paris\n", f"b.csv,{INS},{TEST_OID},\n", "a.csv,,,\n", ""],
)
def test_a_file_given_to_two_patients_or_to_none_is_nobodys(tmp_path: Path, rows: str) -> None:
    (tmp_path / "manifest.csv").write_text(f"file,ins,ins_oid,zone\n{rows}")
    assert manifest_entry(tmp_path / "a.csv", tmp_path) is None


@pytest.mark.parametrize("data", [b"file,ins\n\xff", b"name,patient\na.csv,1\n", b"", b"\x00\x00"])
def test_a_manifest_that_says_nothing_is_told_to_the_operator(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "manifest.csv").write_bytes(data)
    with pytest.raises(OperatorError):
        manifest_entry(tmp_path / "a.csv", tmp_path)
