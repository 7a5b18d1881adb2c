"""The whole job on CDA documents: in once, in any order, through any crash, and out of reach of the curious."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cda import ARC, INS, cda
from tests.hub import Hub
from warehouse import schema
from warehouse.archive import raw_bytes
from warehouse.database import reading

STEPS = ("sealed", "packed", "laked", "written", "committed", "renamed")


def test_every_sample_is_in_the_record_and_counted_once(hub: Hub, samples: Path) -> None:
    paths = sorted((samples / "cda").glob("*.xml"))
    hub.take_files(paths)
    ends = hub.ends()
    assert ends.get("accepted", 0) + ends.get("flagged", 0) == len(paths) == 62
    rows = hub.documents()
    assert {row["source"]["file"] for row in rows} == {path.name for path in paths}
    assert all(row["document_id"] and row["set_id"] and row["version"] and row["created"] for row in rows)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "LDL-SES_2022.01.xml",
            {
                "document_id": "1.2.250.1.213.1.1.1.29.2022.1.1",
                "set_id": "1.2.250.1.213.1.1.1.29.2022.1",
                "version": 1,
                "type_code": "11490-0",
                "created": "2019-12-03T13:30:00+01:00",
                "format": "cda-n3",
                "sections": 9,
                "entries": 18,
                "ins": "279035121518989",
                "ins_oid": "1.2.250.1.213.1.4.10",
            },
        ),
        (
            "01_Modèles_contenus_CDA.xml",
            {"version": 2, "type_code": "60591-5", "created": "2023-02-09T11:30+01:00", "sections": 30, "entries": 49},
        ),
        (
            "BIO-CR-BIO_2021.01_Auto-Presentable.xml",
            {"document_id": "1.2.250.1.213.1.1.1.55.2021.1.1", "sections": 5, "entries": 4, "format": "cda-n3"},
        ),
        ("TLM-CR_2022.01.xml", {"format": "cda-n1", "sections": 0, "entries": 0, "attachments": 1}),
        ("eDISP-MED_2024.01.xml", {"ins": "277076322082910", "ins_oid": "1.2.250.1.213.1.4.8"}),
        ("CSE-CS9_2025.01.xml", {"ins": "221042545611404", "findings": ["INS_KEY_WRONG", "REFERENCE_DANGLING"]}),
    ],
)
def test_a_sample_is_listed_as_its_header_says(hub: Hub, samples: Path, name: str, expected: dict[str, object]) -> None:
    hub.take_files([samples / "cda" / name])
    (row,) = hub.documents()
    assert {key: row[key] for key in expected} == expected


def test_the_same_files_renamed_are_duplicates_and_change_nothing(hub: Hub, tmp_path: Path) -> None:
    first = hub.take(cda("1"), "one.xml")
    before = hub.hash()
    assert hub.take(cda("1"), "other.xml") == first
    assert hub.ends() == {"accepted": 1}
    assert hub.hash() == before


def test_other_bytes_with_equal_content_are_the_same_document(hub: Hub) -> None:
    hub.take(cda("1"))
    second = hub.take(cda("1").replace(b"<realmCode", b"<!-- note -->\n   <realmCode"))
    assert hub.ends(second) == {"duplicate": 1}


def test_other_content_under_a_known_id_is_held_with_its_reason(hub: Hub) -> None:
    hub.take(cda("1"))
    hub.take(cda("1", title="Autre"))
    (row,) = hub.quarantine()
    assert (row["end"], row["code"]) == ("held", "DOCUMENT_ID_CONFLICT")
    assert row["message_fr"] and row["message_en"] and row["fix_fr"] and row["fix_en"]
    assert [found["title"] for found in hub.documents()] == ["Compte rendu d'essai"]


def test_any_order_of_versions_ends_in_one_state(tmp_path: Path) -> None:
    documents = [
        cda("1", set_id="a"),
        cda("2", set_id="a", version=2, replaces="1"),
        cda("3", set_id="a", version=3, replaces="2"),
        cda("9", replaces="404"),
        cda("7", ins="181112A00400083", family="D'ÉPINAY", birth="19811115", sex="M", place="2A004"),
    ]
    hashes = set()
    for seed in range(4):
        shuffled = documents + documents[:2]
        random.Random(seed).shuffle(shuffled)
        hub = Hub(tmp_path / str(seed))
        for data in shuffled:
            hub.take(data)
        hashes.add(hub.hash())
        states = {row["document_id"]: row["status"] for row in hub.documents()}
        assert states[f"{ARC}.1"] == states[f"{ARC}.2"] == "superseded"
        assert states[f"{ARC}.3"] == "current"
    assert len(hashes) == 1


def test_two_authorities_with_the_same_digits_stay_two_patients(hub: Hub) -> None:
    hub.take(cda("1", oid="1.2.250.1.213.1.4.10"))
    hub.take(cda("2", oid="1.2.250.1.213.1.4.11", set_id="set.1", version=2, replaces="1"))
    assert [row["status"] for row in hub.documents()] == ["current"]
    (held,) = hub.quarantine()
    assert held["code"] == "REPLACE_OTHER_PATIENT"


def test_an_identity_without_all_traits_is_held_apart_from_the_record(hub: Hub) -> None:
    hub.take(cda("1"))
    hub.take(cda("2", place=""))
    (row,) = hub.quarantine()
    assert (row["end"], row["code"]) == ("held", "IDENTITY_NOT_QUALIFIED")
    assert [found["document_id"] for found in hub.documents()] == [f"{ARC}.1"]


def test_discordant_traits_are_flagged_for_demo_and_held_in_production(tmp_path: Path) -> None:
    for mode, ends in (("flag", {"accepted": 1, "flagged": 1}), ("hold", {"accepted": 1, "held": 1})):
        hub = Hub(tmp_path / mode)
        sender = hub.sender(discordance=mode)
        hub.take(cda("1"), sender=sender)
        hub.take(cda("2", birth="19850315"), sender=sender)
        assert hub.ends() == ends
        codes = {row["code"] for row in hub.quarantine()} | {c for row in hub.documents() for c in row["findings"]}
        assert codes == {"IDENTITY_DISCORDANT"}


def test_production_refuses_test_authorities_and_wrong_keys(hub: Hub) -> None:
    production = hub.sender(admits=("1.2.250.1.213.1.4.8",), ins_key="refuse")
    hub.take(cda("1"), sender=production)
    hub.take(cda("2", ins=INS[:13] + "56", oid="1.2.250.1.213.1.4.8"), sender=production)
    assert [row["code"] for row in hub.quarantine()] == ["INS_AUTHORITY_NOT_ADMITTED", "INS_KEY_WRONG"]
    assert {row["end"] for row in hub.quarantine()} == {"refused"}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "EMPTY_FILE"),
        (b"%PDF-1.4 nothing known", "UNKNOWN_FORMAT"),
        (cda("1")[:-40], "XML_NOT_WELL_FORMED"),
        (cda("1").replace(b"?>", b'?>\n<!DOCTYPE a [<!ENTITY x "y">]>', 1), "XML_DTD_FORBIDDEN"),
        (cda("1").replace(b"UTF-8", b"UTF-7", 1), "XML_ENCODING_UNSUPPORTED"),
        (cda("1").replace(b"urn:hl7-org:v3", b"urn:other"), "NOT_A_CLINICAL_DOCUMENT"),
        (cda("1").replace(f'<id root="{ARC}.1"/>'.encode(), b""), "DOCUMENT_ID_MISSING"),
        (cda("1", created="20260230"), "CREATION_TIME_INVALID"),
        (cda("1", created=""), "EVENT_TIME_MISSING"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_words_for_it(hub: Hub, data: bytes, code: str) -> None:
    delivery = hub.take(data)
    (row,) = hub.quarantine()
    assert (row["end"], row["code"]) == ("refused", code)
    assert row["message_fr"] and row["message_en"] and row["fix_fr"] and row["fix_en"] and row["locator"]
    assert hub.ends(delivery) == {"refused": 1}


def test_a_deliverys_bytes_come_back_identical(hub: Hub) -> None:
    for data in (cda("1"), cda("1", title="Autre"), b"%PDF not a document", cda("2", place="")):
        delivery = hub.take(data)
        with reading(hub.store.engine) as connection:
            assert b"".join(raw_bytes(hub.store, connection, delivery)) == data


def test_no_patient_value_stands_in_any_file_of_the_home(hub: Hub) -> None:
    hub.take(cda("1", title="Titre confidentiel"), "Zoé-secret.xml")
    hub.take(cda("2", place="", title="Titre confidentiel"), "Zoé-secret2.xml")
    needles = [INS.encode(), b"HOSTIS", "Zoé".encode(), b"confidentiel", b"Glyc", f"{ARC}.1".encode()]
    for path in hub.store.home.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [needle for needle in needles if needle in content], path.name
    text = "".join(str(row) for row in hub.documents(identified=False)) + str(hub.quarantine())
    assert not [needle for needle in needles if needle.decode() in text]


def test_receipts_are_revised_when_later_facts_change_an_end(hub: Hub) -> None:
    delivery = hub.take(cda("2", replaces="1"))
    assert [reason["code"] for note in hub.receipt(delivery)["notes"] for reason in note["reasons"]] == [
        "TARGET_UNKNOWN"
    ]
    hub.take(cda("1", set_id="set.2"))
    receipt = hub.receipt(delivery)
    assert receipt["notes"] == [] and receipt["revision"] == 2


@pytest.mark.parametrize("step", STEPS)
def test_a_process_killed_at_any_step_leaves_what_the_next_one_finishes(tmp_path: Path, step: str) -> None:
    clean = Hub(tmp_path / "clean")
    files = []
    for number in range(3):
        path = tmp_path / f"{number}.xml"
        path.write_bytes(cda(str(number), set_id="s", version=number + 1, replaces=str(number - 1) if number else None))
        files.append(path)
    clean.take_files(files)
    program = f"""
import os, signal, sys
from pathlib import Path
from tests.hub import Hub
def kill(name):
    if name == {step!r}:
        os.kill(os.getpid(), signal.SIGKILL)
Hub(Path(sys.argv[1])).take_files(map(Path, sys.argv[2:]), step=kill)
"""
    home = tmp_path / "crashed"
    done = subprocess.run([sys.executable, "-c", program, str(home), *map(str, files)], cwd=Path(__file__).parents[2])
    assert done.returncode == -9
    again = Hub(home)
    again.take_files(files)
    assert again.hash() == clean.hash()
    assert again.ends() == clean.ends()
    with reading(again.store.engine) as connection:
        listed = [row.name for row in connection.execute(schema.lake_segment.select())]
    assert len(listed) == 1
    assert all((home / "lake" / name).is_file() for name in listed)
