"""The real messages of ansforge/hl7V2-exemples: all read, and read as python-hl7 reads them where both do."""

from __future__ import annotations

import os
import re
from pathlib import Path

import hl7
import pytest
from hl7_build import gaps

from connectors.base import Enclosed, Message, Refusal, Source
from connectors.hl7 import HL7
from connectors.registry import recognise

ROOT = Path(__file__).resolve().parents[3]
BESIDE = (folder / "shared" / "samples" for folder in ROOT.parents)
GIVEN = os.environ.get("CARNET_SAMPLES")
SAMPLES = (Path(GIVEN) if GIVEN else next((s for s in BESIDE if s.is_dir()), ROOT / "absent")) / "hl7"
FILES = sorted(path for path in SAMPLES.rglob("*") if path.is_file())
MESSAGES = [path for path in FILES if path.suffix.lower() != ".xml"]
pytestmark = pytest.mark.skipif(not FILES, reason="no samples: set CARNET_SAMPLES")


def place(path: Path) -> str:
    return str(path.relative_to(SAMPLES)).encode("ascii", "replace").decode()


@pytest.fixture(params=MESSAGES, ids=place)
def sample(request: pytest.FixtureRequest) -> Path:
    path = request.param
    assert isinstance(path, Path)
    return path


def test_messages_are_ours_and_the_documents_beside_them_are_not() -> None:
    assert all(recognise(Source.of_path(path)) is HL7 for path in MESSAGES)
    assert not any(HL7.recognises(Source.of_path(path).head(), path.name) for path in FILES if path not in MESSAGES)


def test_every_message_is_read(sample: Path) -> None:
    data = sample.read_bytes()
    broken = "^˜\\&".encode() in data  # one sample has a small tilde for a delimiter
    yielded = list(HL7.read(Source.of_path(sample)))
    assert not gaps(data, [y.span for y in yielded]).strip()
    if broken:
        assert [y.code for y in yielded if isinstance(y, Refusal)] == ["DELIMITERS_UNUSABLE"]
        return
    message = yielded[0]
    assert isinstance(message, Message) and len(yielded) == 1 + message.encloses
    kind = data.split(b"|")[8].decode().rpartition("^")[0]
    assert (message.kind, message.findings) == (kind, ())
    assert sum(message.segments.values()) == sum(bool(line.strip()) for line in data.split(b"\n"))
    assert bool(message.ignored) == kind.startswith(("ACK", "ZAM"))
    assert message.unsupported == ""
    assert bool(message.admission) == kind.startswith("ADT")
    xml = [line for line in data.decode().split("\n") if line.startswith("OBX") and "^xml^base64^" in line.lower()]
    assert message.encloses == len(xml)
    for line, found in zip(xml, yielded[1:], strict=True):
        if len(line) < 1000:  # a placeholder
            assert isinstance(found, Refusal) and found.code == "PAYLOAD_NOT_A_DOCUMENT"
        else:
            assert isinstance(found, Enclosed) and found.source.read().rstrip().endswith(b"ClinicalDocument>")
    if xml:
        assert message.flags and set(message.flags.values()) <= {"Y", "N"}
    if message.patient is not None:
        ins = [i for i in message.patient.ids if i.root.startswith("1.2.250.1.213.1.4.")]
        assert len(ins) == 1 and len(ins[0].extension) == 15 and ins[0].kind == "INS"
        born_at = re.search(r"\^BDL\^\^(\w+)", data.decode())
        assert born_at is not None and message.patient.birth_place == born_at[1]
        assert message.patient.reliability == ("VALI",)


def test_python_hl7_reads_the_same(sample: Path) -> None:
    data = sample.read_bytes()
    ours = next(iter(HL7.read(Source.of_bytes("", data))))
    if not isinstance(ours, Message):
        pytest.skip("its delimiters are unusable")
    theirs = hl7.parse("\r".join(line for line in data.decode().split("\n") if line))

    def said(accessor: str) -> str:
        try:
            return str(theirs[accessor])
        except (IndexError, KeyError):
            return ""

    assert ours.sent_at == said("MSH.F7")
    assert ours.kind == f"{said('MSH.F9.R1.C1')}^{said('MSH.F9.R1.C2')}"
    assert (ours.control_id, ours.version, ours.charset) == (said("MSH.F10"), said("MSH.F12.R1.C1"), said("MSH.F18"))
    assert ours.profile == "^".join(part for part in (said("MSH.F21.R1.C1"), said("MSH.F21.R1.C2")) if part)
    assert sum(ours.segments.values()) == len(theirs)
    if ours.patient is not None:
        pid = theirs.segment("PID")
        for number, identifier in enumerate(ours.patient.ids, 1):
            assert identifier.extension == said(f"PID.F3.R{number}.C1")
            assert identifier.root == said(f"PID.F3.R{number}.C4.S2")
            assert identifier.kind == said(f"PID.F3.R{number}.C5")
        assert len(ours.patient.ids) == len(pid[3])
        assert (ours.patient.birth_family, ours.patient.birth_given) == (said("PID.F5.R1.C1"), said("PID.F5.R1.C2"))
        assert (ours.patient.birth_date, ours.patient.sex) == (said("PID.F7"), said("PID.F8"))
    if ours.flags:
        spelling = {"INVISIBLE_REP_LEGAUX": "INVISIBLE_REPRESENTANTS_LEGAUX"}
        spelling["MODIF_CONFIDENTIALITYCODE"] = "MODIF_CONF_CODE"
        rows = [(str(x[3][0][0][0]), str(x[5][0][0])) for x in theirs.segments("OBX") if str(x[2]) in {"CE", "CWE"}]
        flags = {spelling.get(code, code): value for code, value in rows if code != "COMP_LOT"}
        assert ours.flags == flags
    if any(str(segment[0]) == "ORC" for segment in theirs):
        assert ours.order_control == said("ORC.F1")
