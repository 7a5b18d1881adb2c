"""What senders get back as files: whole, up to date, each in the sender's own folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from carnet.cli import app
from carnet.outbox import write_outbox
from tests.carnet.test_answers import answer, rpl, wanting, zam
from tests.cda import cda
from tests.hl7 import batch, mdm, oru, pid
from tests.hub import Hub
from warehouse import ledger


def outbox(hub: Hub) -> dict[str, bytes]:
    """The files of the outbox, by `sender/name`."""
    folder = hub.store.home / "outbox"
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def test_each_delivery_has_its_receipt_and_a_message_its_acknowledgements(hub: Hub) -> None:
    document, message, both = hub.take(cda("1")), hub.take(oru()), hub.take(wanting(cda("2"), control="M2"))
    assert write_outbox(hub.store) == 3
    files = outbox(hub)
    assert sorted(files) == sorted(
        f"demo/{delivery[:12]}{end}"
        for delivery, ends in (
            (document, (".json", ".txt")),
            (message, (".json", ".txt", ".ack.hl7")),
            (both, (".json", ".txt", ".ack.hl7", ".zam.hl7")),
        )
        for end in ends
    )
    assert json.loads(files[f"demo/{message[:12]}.json"]) == hub.receipt(message)
    assert files[f"demo/{message[:12]}.txt"].decode().startswith(f"Accusé de réception du dépôt {message[:12]} (demo)")
    assert files[f"demo/{both[:12]}.ack.hl7"] == answer(hub, both)
    assert files[f"demo/{both[:12]}.zam.hl7"] == zam(hub, both)
    assert write_outbox(hub.store) == 0


def test_a_later_fact_writes_again_what_it_revises_and_nothing_else(hub: Hub) -> None:
    waits, other = hub.take(rpl(cda("2", replaces="1"))), hub.take(oru())
    write_outbox(hub.store)
    before = outbox(hub)
    hub.take(cda("1"))
    assert write_outbox(hub.store) == 2
    after = outbox(hub)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {f"demo/{waits[:12]}{end}" for end in (".json", ".txt", ".ack.hl7")}
    assert json.loads(after[f"demo/{waits[:12]}.json"])["revision"] == 2
    assert f"demo/{other[:12]}.json" in after


def test_a_business_answer_goes_when_what_it_told_is_true_no_more(hub: Hub) -> None:
    """2 replaces 1 by another organisation, which nobody knows before 1 comes."""
    first = hub.take(wanting(cda("2", replaces="1", organisation=("1.2.3", "9")), action="replace"))
    write_outbox(hub.store)
    assert f"demo/{first[:12]}.zam.hl7" in outbox(hub)
    hub.take(cda("1"))
    write_outbox(hub.store)
    assert f"demo/{first[:12]}.zam.hl7" not in outbox(hub)


def test_senders_have_folders_of_their_own(hub: Hub) -> None:
    north = hub.take(oru(), sender=hub.sender("labo-nord"))
    south = hub.take(oru(filler="F2", control="R2"), sender=hub.sender("labo-rhone"))
    write_outbox(hub.store)
    assert {name for name in outbox(hub) if name.endswith(".json")} == {
        f"labo-nord/{north[:12]}.json",
        f"labo-rhone/{south[:12]}.json",
    }


def test_no_patient_in_any_file(hub: Hub) -> None:
    hub.take(mdm(cda("1"), patient=pid(status="PROV")), "HOSTIS_Zoé.hl7")
    write_outbox(hub.store)
    said = b"".join(outbox(hub).values())
    assert not any(word in said for word in (b"HOSTIS", "Zoé".encode(), b"285034", b"19850314", b"IPP-"))


WRITER = "import sys, pathlib, carnet.home, carnet.outbox as o; o.AT_ONCE = 20; \
o.write_outbox(carnet.home.open_home(pathlib.Path(sys.argv[1]))[1])"


def test_a_killed_writer_leaves_nothing_but_work(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    for number in range(120):
        hub.take(oru(filler=f"F{number}", control=f"R{number}"))
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(hub.store.home)])
    folder = hub.store.home / "outbox" / "demo"
    while len(list(folder.glob("*.ack.hl7"))) <= 20 and writer.poll() is None:
        time.sleep(0.001)
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    left = write_outbox(hub.store)
    assert 0 < left < 120
    files = outbox(hub)
    assert len(files) == 360
    assert not any(name.endswith(".tmp") for name in files)
    assert all(
        data.startswith((b"MSH|", b"{", "Accusé".encode())) and data.endswith((b"\r", b"\n")) for data in files.values()
    )


def test_a_large_delivery_is_answered_without_being_held(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bytes whether the items are kept or read again and again."""
    sent = [oru(control=f"R{number}", filler=f"F{number}") for number in range(25)]
    delivery = hub.take(batch([*sent, mdm(cda("1"), order="RO"), wanting(cda("2"), control="M2")], declared=99))
    write_outbox(hub.store)
    kept = outbox(hub)
    monkeypatch.setattr(ledger, "AT_ONCE", 3)
    assert answer(hub, delivery) == kept[f"demo/{delivery[:12]}.ack.hl7"]
    assert zam(hub, delivery) == kept[f"demo/{delivery[:12]}.zam.hl7"]
    assert hub.receipt(delivery) == json.loads(kept[f"demo/{delivery[:12]}.json"])


def test_the_command_line_writes_the_outbox_and_shows_the_answers(tmp_path: Path) -> None:
    home, file, document = tmp_path / "home", tmp_path / "export.hl7", tmp_path / "letter.xml"
    file.write_bytes(mdm(cda("1"), order="RO"))
    document.write_bytes(cda("2"))
    run = CliRunner()
    for path in (file, document):
        run.invoke(app, ["ingest", str(path), "--sender", "demo", "--home", str(home)])
    names = sorted(path.name for path in (home / "outbox" / "demo").iterdir())
    assert [name.partition(".")[2] for name in names].count("ack.hl7") == 1
    (acknowledged,) = (home / "outbox" / "demo").glob("*.ack.hl7")
    delivery = acknowledged.name[:12]
    shown = run.invoke(app, ["receipt", delivery, "--format", "hl7", "--home", str(home)])
    assert (shown.exit_code, shown.stdout_bytes) == (0, acknowledged.read_bytes())
    other = next(name for name in names if not name.startswith(delivery))[:12]
    for asked, format_ in ((other, "hl7"), (delivery, "zam"), (delivery, "xml")):
        code = subprocess.run(
            [sys.executable, "-m", "carnet", "receipt", asked, "--format", format_, "--home", str(home)],
            capture_output=True,
            check=False,
        )
        assert (code.returncode, code.stdout, code.stderr.count(b"\n")) == (2, b"", 1)
