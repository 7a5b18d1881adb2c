"""`carnet patient INS --fhir`: the whole record as one valid Bundle about one patient, and nobody else's."""

from __future__ import annotations

from pathlib import Path

import msgspec
from typer.testing import CliRunner

from carnet.cli import app
from tests.cda import INS, TEST_OID, cda
from tests.hub import Hub
from tests.transforms.fhir.check import check, of
from tests.transforms.mutants import mutants
from tests.transforms.test_mutants import RICH

OTHER = "187019900001245"


def test_a_record_of_several_documents_is_one_valid_bundle_about_one_patient(hub: Hub, tmp_path: Path) -> None:
    rich = RICH.replace(b'"1.2.250.1.999.1.1"', b'"1.2.250.1.999.1.7"').replace(b"set.1", b"set.7")
    for data in (cda("1"), cda("2", set_id="set.1", version=2, replaces="1"), rich, cda("9", ins=OTHER)):
        hub.take(data)
    for changed in mutants(rich, 3, 6):
        hub.take(changed)
    said = CliRunner().invoke(app, ["patient", f"{INS}@{TEST_OID}", "--fhir", "--home", str(tmp_path / "home")])
    assert said.exit_code == 0, said.output
    found = check(msgspec.json.decode(said.stdout_bytes))
    assert len(of(found, "Patient")) == 1
    assert OTHER not in said.output
    assert len(of(found, "DocumentReference")) >= 3
    assert {one["status"] for one in of(found, "DocumentReference")} >= {"current", "superseded"}
