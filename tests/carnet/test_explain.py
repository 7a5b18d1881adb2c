"""`carnet check` on HL7v2: a page a person can read, data a machine can, in time, and without a patient in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import msgspec
import pytest

from carnet.check import check_file
from carnet.explain import EXAMINED, LISTED, page
from carnet.outputs import CheckReport
from quality.conformance.second import SHOWN
from tests.cda import INS
from tests.quality.conformance.whole import adt, encoded, lps, mdm, oru, put, results, without

FAULTY = put(put(without(oru(), "PV1"), "OBX-5.1", "O", 3), "OBX-11", "C", 4)


def checked(tmp_path: Path, data: bytes) -> dict[str, object]:
    path = tmp_path / "essai.hl7"
    path.write_bytes(data)
    report = check_file(path)
    msgspec.convert(json.loads(json.dumps(report)), CheckReport, strict=True)
    return report


def test_a_message_is_told_segment_by_segment(tmp_path: Path) -> None:
    said = page(checked(tmp_path, encoded(FAULTY)), "fr").splitlines()
    head = said.index(next(line for line in said if line.startswith("Message 1")))
    assert said[head] == ("Message 1 · ORU^R01 · Transmission d'un document CDA en HL7v2 2.1 (ORU) · 3 erreurs")
    assert said[head + 1 : head + 6] == [
        "      1 ✓ MSH",
        "      2 ✓ PID",
        "        ✗ PV1",
        "          ✗ Le segment PV1 manque ici ; le profil l'exige. [SEGMENT_MISSING]",
        "            → Ajoutez PV1. Structure : MSH PID PV1 { ORC OBR [{NTE}] [{TQ1}] { OBX [{PRT}] [{NTE}] } }",
    ]
    assert "     11 ✗ OBX 3" in said
    assert "          ✗ OBX-5.1 (valeur) n'est ni Y ni N. [FLAG_VALUE]" in said
    assert "            → Écrivez Y | N." in said
    assert "  13-20 ✓ OBX × 8" in said
    assert "  Second avis (hl7apy) : rien à ajouter ; sans les segments PRT, inconnus de sa grammaire." in said


def test_and_in_english(tmp_path: Path) -> None:
    said = page(checked(tmp_path, encoded(FAULTY)), "en")
    assert "OBX-5.1 (observation value) is neither Y nor N. [FLAG_VALUE]" in said
    assert "Second opinion (hl7apy): nothing to add; without the segments PRT, unknown to its grammar." in said


def test_the_same_remark_is_told_once(tmp_path: Path) -> None:
    lines = put(put(oru(), "OBX-3.3", "L", 2), "OBX-3.3", "L", 3)
    said = page(checked(tmp_path, encoded(lines)), "fr")
    assert said.count("n'est pas le système des indicateurs") == 1
    assert "OBX-3.3 : même remarque [FLAG_SYSTEM]" in said


def test_the_data_has_the_fields_of_its_contract(tmp_path: Path) -> None:
    report = checked(tmp_path, encoded(without(oru(), "PV1")))
    (row,) = report["conformance"]  # type: ignore[misc]
    assert {
        key: row[key] for key in ("message", "segment", "sequence", "field", "level", "code", "came", "source")
    } == {
        "message": 1,
        "segment": "PV1",
        "sequence": 2,
        "field": "",
        "level": "error",
        "code": "SEGMENT_MISSING",
        "came": "empty",
        "source": "carnet",
    }
    (message,) = report["messages"]  # type: ignore[misc]
    assert (message["profile"], message["profile_by"], message["kind"]) == ("volet-2.1-oru", "declared", "ORU^R01")
    assert message["second_opinion"]["left_out"] == {"PRT": 4}
    assert report["levels"] == {"error": 1, "warning": 0, "advice": 0} == message["levels"]


def test_conformance_changes_no_end(tmp_path: Path) -> None:
    """A fault of form alone: the items are taken as they were."""
    whole, faulty = (checked(tmp_path, encoded(lines)) for lines in (results(), put(results(), "OBX-5", "0,94")))
    assert faulty["items"] == whole["items"] and faulty["levels"] != whole["levels"]


def test_a_file_that_is_no_hl7_has_nothing_to_conform_to(tmp_path: Path) -> None:
    report = checked(tmp_path, b"<a/>")
    assert report["conformance"] == report["messages"] == [] and "Message" not in page(report, "fr")


def test_a_batch_is_explained_in_bounds_that_are_said(tmp_path: Path) -> None:
    count = EXAMINED + 20
    faulty = encoded(put(results(), "OBX-5", "0,94"))
    report = checked(tmp_path, b"FHS|^~\\&\r" + faulty * count + b"FTS|1\r")
    assert len(report["messages"]) == EXAMINED and report["messages_left"] == 20  # type: ignore[arg-type]
    asked = [message["second_opinion"]["applied"] for message in report["messages"]]  # type: ignore[attr-defined]
    assert asked == [True] * SHOWN + [False] * (EXAMINED - SHOWN)
    said = page(report, "fr")
    assert "Messages non détaillés : 20." in said and f"il ne l'est que pour les {SHOWN} premiers messages" in said


def test_a_message_full_of_faults_lists_the_first_and_counts_all(tmp_path: Path) -> None:
    lines = results()
    for number in range(6, LISTED + 50):
        lines.append(f"OBX|{number}|NM|53049-3^Glycémie^LN||0,94|g/L^g/L^UCUM|||||F")
    report = checked(tmp_path, encoded(lines))
    assert len(report["conformance"]) == LISTED and report["levels"]["error"] == LISTED + 44  # type: ignore[index,arg-type]
    assert "Autres remarques, avec --json : 44." in page(report, "fr")


def run(*words: str, **environment: str) -> tuple[int, str]:
    answer = subprocess.run(
        [sys.executable, "-m", "carnet", "check", *words],
        capture_output=True,
        text=True,
        env=os.environ | {"LC_ALL": ""} | environment,
        timeout=60,
    )
    return answer.returncode, answer.stdout


@pytest.mark.parametrize("lines", [oru(), mdm(), lps(), adt(), results()], ids=["oru", "mdm", "lps", "adt", "results"])
def test_a_small_file_is_checked_in_two_seconds(tmp_path: Path, lines: list[str]) -> None:
    """The whole command, its start and the first word of hl7apy included, in seconds of processor."""
    path = tmp_path / "essai.hl7"
    path.write_bytes(encoded(lines))
    before = getrusage(RUSAGE_CHILDREN)
    code, said = run(str(path))
    after = getrusage(RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2
    assert code == 0 and "conforme au profil" in said


def test_the_language_is_that_of_the_terminal_or_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "essai.hl7"
    path.write_bytes(encoded(results()))
    assert "Second avis" in run(str(path), LANG="fr_FR.UTF-8")[1]
    assert "Second opinion" in run(str(path), LANG="en_GB.UTF-8")[1]
    assert "Second avis" in run(str(path), "--lang", "fr", LANG="en_GB.UTF-8")[1]
    assert run(str(path), "--lang", "de")[0] == 2


def test_exit_codes_are_those_of_the_ends(tmp_path: Path) -> None:
    """0 with errors of conformance alone; 1 when something would be held or refused."""
    path = tmp_path / "essai.hl7"
    path.write_bytes(encoded(put(results(), "OBX-5", "0,94")))
    code, said = run(str(path), "--json")
    assert code == 0 and json.loads(said)["levels"]["error"] == 1
    path.write_bytes(encoded(put(oru(), "OBX-5.5", "Ym9uam91cg==")))
    assert run(str(path), "--json")[0] == 1


def test_no_sample_gives_away_its_patient(samples: Path) -> None:
    """Names, numbers, addresses and dates of the real examples, in the page and in the data."""
    secrets = {INS, "PAT-TROIS", "DOMINIQUE", "279035121518989", "274075176079430", "276037510669380", "VINCI"}
    secrets |= {"DONATELLO", "19790328", "20050101", "Breteuil", "Hoda", "DIAZ", "adam.hoda", "000897406", "405660"}
    for path in sorted((samples / "hl7").rglob("*")):
        if path.is_file() and path.suffix.lower() != ".xml":
            report = check_file(path) | {"file": ""}
            told = json.dumps(report, ensure_ascii=False) + page(report, "fr") + page(report, "en")
            assert not [secret for secret in secrets if secret in told], path.name
