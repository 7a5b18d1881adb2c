"""The command line on hostile names, titles and homes: what it prints, and how it ends."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from carnet.cli import main
from tests.cda import INS, TEST_OID, cda

NIR = "1.2.250.1.213.1.4.8"


class Answer:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def carnet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    monkeypatch.setenv("CARNET_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "300")

    def run(*words: object, stdin: str = "") -> Answer:
        monkeypatch.setattr(sys, "argv", ["carnet", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as stop:
            main()
        said = capsys.readouterr()
        return Answer(int(stop.value.code or 0), said.out, said.err)

    return run


def test_brackets_in_titles_and_ids_are_printed_as_they_are(carnet, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    odd = cda("1", title="Bilan [/] du [bold]jour :smile:").replace(b'.999.1.1"/>', b'.999.1.1" extension="[/x]"/>')
    (tmp_path / "a.xml").write_bytes(odd)
    carnet("ingest", tmp_path / "a.xml", "--sender", "demo")
    listed = carnet("documents", "--identified")
    assert (listed.code, "[/x]" in listed.out) == (0, True)
    record = carnet("patient", f"{INS}@{TEST_OID}")
    assert record.code == 0
    assert all(word in record.out for word in ("[/]", "[bold]jour", ":smile:"))


@pytest.mark.parametrize("given", ["argument", "stdin"])
def test_a_patient_asked_for_under_one_authority_is_never_shown_under_another(  # type: ignore[no-untyped-def]
    carnet, tmp_path: Path, given: str
) -> None:
    (tmp_path / "a.xml").write_bytes(cda("1"))
    carnet("ingest", tmp_path / "a.xml", "--sender", "demo")
    asked = (f"{INS}@{NIR}", "") if given == "argument" else ("-", f"{INS}@{NIR}\n")
    answer = carnet("patient", asked[0], "--json", stdin=asked[1])
    assert (answer.code, answer.out) == (2, "")
    assert carnet("patient", "-", "--json", stdin=f"{INS}\n").code == 0


def test_a_folder_of_no_declared_sender_is_refused_and_the_others_are_taken(carnet, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    landing = tmp_path / "landing"
    for sender, name, data in (("demo", "a.xml", cda("1")), ("inconnu", "b.xml", cda("2")), ("inconnu", "c", b"")):
        (landing / sender).mkdir(parents=True, exist_ok=True)
        (landing / sender / name).write_bytes(data)
    answer = carnet("ingest", landing, "--json")
    items = json.loads(answer.out)["items"]
    assert (answer.code, items["read"], items["accepted"], items["refused"]) == (1, 3, 1, 2)
    codes = [json.loads(line)["code"] for line in carnet("quarantine", "--json").out.splitlines()]
    assert codes == ["UNKNOWN_SENDER", "UNKNOWN_SENDER"]
    assert carnet("ingest", landing, "--sender", "inconnu").code == 2


@pytest.mark.parametrize(("file", "content"), [("senders.toml", b"\xff\xfe["), ("carnet.db", b"junk" * 500)])
def test_a_damaged_home_is_told_in_one_line(carnet, tmp_path: Path, file: str, content: bytes) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / file).write_bytes(content)
    answer = carnet("deliveries")
    assert answer.code == 2
    assert len(answer.err.splitlines()) == 1


def test_a_file_name_that_is_no_utf_8_does_not_stop_a_list(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9 \n.xml"
    Path(os.fsdecode(path)).write_bytes(cda("1"))
    environment = {**os.environ, "CARNET_HOME": str(tmp_path / "home"), "PYTHONIOENCODING": "utf-8:strict"}
    for words in (("ingest", path, "--sender", "demo"), ("documents", "--identified", "--json"), ("check", path)):
        done = subprocess.run(
            [sys.executable, "-m", "carnet", *words], env=environment, capture_output=True, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, b""), done.stderr
        done.stdout.decode("utf-8")


LIBREVIEW = (
    "TEST\n\nID\tHeure\tType d'enregistrement\tHistorique du taux de glucose (mg/dL)\n1\t2025/11/13 08:00\t0\t98\n"
)


@pytest.mark.parametrize(("said", "authority"), [("", TEST_OID), (f"@{NIR}", NIR)])
def test_readings_vouched_for_under_demo_join_the_record_that_has_this_ins(  # type: ignore[no-untyped-def]
    carnet, tmp_path: Path, said: str, authority: str
) -> None:
    (tmp_path / "a.xml").write_bytes(cda("1"))
    (tmp_path / "g.csv").write_text(LIBREVIEW, encoding="utf-8")
    carnet("ingest", tmp_path / "a.xml", "--sender", "demo")
    words = ("ingest", tmp_path / "g.csv", "--sender", "demo", "--patient", f"{INS}{said}", "--json")
    assert json.loads(carnet(*words).out)["items"]["accepted"] == 1
    record = [json.loads(line) for line in carnet("patient", f"{INS}@{authority}", "--json").out.splitlines()]
    assert "readings" in {row["kind"] for row in record}
