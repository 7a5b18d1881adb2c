"""Known bytes that come again with what was missing: a patient, or a sender who may send them."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from carnet.ingest import UNKNOWN, Incoming, incoming, ingest, parts
from carnet.interpret import interpret
from carnet.judged import Context, Vouched
from carnet.receive import look, take
from carnet.settings import Sender
from connectors.base import Enclosed, Locator, Source, Span
from tests.carnet.test_devices import PATIENT, libre, row
from tests.carnet.test_spine import STEPS
from tests.cda import ARC, INS, TEST_OID, cda
from tests.hl7 import mdm
from tests.hub import NOON, Hub
from warehouse import schema
from warehouse.archive import raw_bytes
from warehouse.commit import Entry, Intake, Step, commit, no_step, open_deliveries
from warehouse.database import reading
from warehouse.ledger import BETWEEN
from warehouse.rebuild import rebuild

EXPORT = libre(
    *(row(f"1{n}-02-2026 08:0{n}", str(100 + n)) for n in range(3, 9)), row("19-02-2026 09:00", "x")
).encode()
SIX = {"accepted": 6, "refused": 1}
APPLE = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<HealthData locale="fr_FR">\n'
    b' <Me HKCharacteristicTypeIdentifierDateOfBirth="1985-03-14"'
    b' HKCharacteristicTypeIdentifierBiologicalSex="HKBiologicalSexFemale"/>\n'
    b' <Record type="HKQuantityTypeIdentifierBodyMass" sourceName="Balance" unit="kg" value="71.5"'
    b' startDate="2026-02-13 08:00:00 +0100" endDate="2026-02-13 08:00:00 +0100"/>\n</HealthData>\n'
)
OTHER = Vouched("181112A00400083", TEST_OID)


class Arrival(msgspec.Struct, frozen=True):
    """One coming of the same bytes."""

    vouched: Vouched | None = None
    sender: Sender | None = None
    days: int = 0


BARE, WITH = Arrival(), Arrival(PATIENT, days=1)


def send(hub: Hub, data: bytes, *arrivals: Arrival, together: bool = False) -> list[bool]:
    """Ingest the same bytes; for each arrival whether nothing was to be done."""
    place = hub.store.home.parent / "export.csv"
    place.write_bytes(data)
    files: list[Incoming] = [
        incoming(place, a.sender or hub.sender(), NOON + timedelta(days=a.days), a.vouched) for a in arrivals
    ]
    batches: Sequence[list[Incoming]] = [files] if together else [[file] for file in files]
    return [outcome.repeated for batch in batches for outcome in ingest(hub.store, batch)]


def only(hub: Hub) -> dict[str, Any]:
    (found,) = hub.deliveries()
    return found


def raw(hub: Hub) -> bytes:
    with reading(hub.store.engine) as connection:
        return b"".join(raw_bytes(hub.store, connection, only(hub)["delivery"]))


def ends_in(tmp_path: Path, data: bytes, orders: list[tuple[Arrival, ...]], expected: dict[str, int]) -> None:
    """Every order of arrival ends in the state of the last one, which comes alone."""
    hashes = []
    for number, order in enumerate(orders):
        hub = Hub(tmp_path / str(number) / "home")
        send(hub, data, *order)
        assert hub.ends() == expected, order
        assert raw(hub) == data
        assert only(hub)["items"]["read"] == sum(expected.values())
        assert rebuild(hub.store).equal
        hashes.append(hub.hash())
    assert len(set(hashes)) == 1


def test_readings_of_nobody_enter_when_their_file_comes_again_with_a_patient(tmp_path: Path) -> None:
    ends_in(tmp_path, EXPORT, [(BARE, WITH), (WITH, BARE), (BARE, BARE, WITH, BARE, WITH), (WITH,)], SIX)


def test_a_receipt_is_revised_once_and_the_ends_told_before_are_kept(hub: Hub) -> None:
    assert send(hub, EXPORT, BARE) == [False]
    delivery = only(hub)["delivery"]
    assert hub.receipt(delivery)["revision"] == 1
    assert send(hub, EXPORT, WITH, WITH, BARE) == [False, True, True]
    receipt = hub.receipt(delivery)
    assert (receipt["revision"], receipt["items"]["accepted"]) == (2, 6)
    assert receipt["received_at"].startswith("2026-03-04"), "it was received when it first came"
    assert [found["ins"] for found in hub.readings()] == [INS] * 6
    with reading(hub.store.engine) as connection:
        told = connection.execute(schema.item_end.select().order_by(schema.item_end.c.revision)).all()
    assert (told[0].revision, told[0].end, told[0].code) == (1, "held", "PATIENT_UNKNOWN")


def test_both_in_one_call_count_as_one_after_the_other(hub: Hub) -> None:
    assert send(hub, EXPORT, BARE, WITH, BARE, together=True) == [False, False, True]
    assert hub.ends() == SIX


def test_the_raw_bytes_are_then_the_patients_own(hub: Hub) -> None:
    send(hub, EXPORT, BARE, WITH)
    with reading(hub.store.engine) as connection:
        owners = {r.owner for r in connection.execute(schema.stored_object.select()) if r.id.startswith("raw:")}
        listed = {r.object for r in connection.execute(schema.manifest.select())}
        known = {r.id for r in connection.execute(schema.stored_object.select()) if r.id.startswith("raw:")}
    assert any(not owner.startswith("delivery:") for owner in owners)
    assert known == listed


def test_readings_in_a_record_stay_there_whoever_is_named_later(hub: Hub) -> None:
    send(hub, EXPORT, WITH)
    before = hub.hash()
    assert send(hub, EXPORT, Arrival(OTHER)) == [True]
    assert hub.hash() == before


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (OTHER, "PATIENT_DISAGREES"),
        (Vouched("12345", TEST_OID), "INS_MALFORMED"),
        (Vouched(INS, "1.2.250.1.213.1.4.11"), "INS_AUTHORITY_NOT_ADMITTED"),
    ],
)
def test_a_patient_named_wrongly_can_be_named_again(tmp_path: Path, hub: Hub, wrong: Vouched, code: str) -> None:
    strict = hub.sender(discordance="hold", admits=(TEST_OID,))
    bad, good = Arrival(wrong, strict), Arrival(Vouched(INS, TEST_OID), strict)
    send(hub, APPLE, bad, bad)
    assert [found["code"] for found in hub.quarantine()] == [code]
    assert hub.receipt(only(hub)["delivery"])["revision"] == 1
    ends_in(tmp_path, APPLE, [(bad, good), (good, bad), (BARE, bad, good), (good,)], {"accepted": 1})


def test_a_zone_that_is_none_can_be_said_again(tmp_path: Path, hub: Hub) -> None:
    bad = Arrival(Vouched(INS, TEST_OID, "Europe/Pari"))
    send(hub, EXPORT, bad)
    assert {found["code"] for found in hub.quarantine()} == {"ZONE_UNKNOWN"}
    ends_in(tmp_path, EXPORT, [(bad, WITH), (WITH, bad), (WITH,)], SIX)


@pytest.mark.parametrize("data", [cda("1"), EXPORT])
def test_what_an_unknown_sender_dropped_is_taken_from_a_declared_one(tmp_path: Path, data: bytes) -> None:
    stranger, declared = Arrival(sender=UNKNOWN, days=-40), Arrival(PATIENT, days=2)
    expected = SIX if data == EXPORT else {"accepted": 1}
    ends_in(
        tmp_path, data, [(stranger, declared), (declared, stranger), (stranger, stranger, declared, stranger)], expected
    )


def test_a_format_is_taken_once_the_sender_may_send_it(tmp_path: Path, hub: Hub) -> None:
    closed, declared = Arrival(sender=hub.sender(formats=("hl7",)), days=-40), Arrival(days=2)
    send(hub, cda("1"), closed, closed)
    assert [found["code"] for found in hub.quarantine()] == ["FORMAT_NOT_ADMITTED"]
    assert hub.receipt(only(hub)["delivery"])["revision"] == 1
    ends_in(tmp_path, cda("1"), [(closed, declared), (declared, closed), (declared,)], {"accepted": 1})


@pytest.mark.parametrize("data", [b"nothing known", b"", b"\n"])
def test_what_nobody_can_read_stays_refused_without_new_receipts(hub: Hub, data: bytes) -> None:
    assert send(hub, data, BARE, Arrival(sender=UNKNOWN), WITH) == [False, True, True]
    assert hub.ends() == {"refused": 1}
    assert hub.receipt(only(hub)["delivery"])["revision"] == 1


def test_the_file_name_shown_is_the_one_its_sender_gave(hub: Hub, tmp_path: Path) -> None:
    for name, sender in (("strangers.xml", UNKNOWN), ("own.xml", hub.sender())):
        (tmp_path / name).write_bytes(cda("1"))
        list(ingest(hub.store, [incoming(tmp_path / name, sender, NOON)]))
    assert [found["source"]["file"] for found in hub.documents()] == ["own.xml"]


def members(documents: int) -> list[bytes]:
    """A message, documents and readings: only the readings wait for a patient."""
    return [
        mdm(cda("0"), masked=("MASQUE_PS",)),
        *(cda(str(number)) for number in range(1, documents + 1)),
        EXPORT,
        cda("9999"),
    ]


def send_archive(hub: Hub, files: list[bytes], vouched: Vouched | None, step: Step = no_step) -> str:
    """Files in one container, taken as a delivery is, whatever the container's format."""
    data = b"".join(files)
    source = Source.of_bytes("archive", data)
    intake = Intake(
        delivery=hashlib.sha256(data).hexdigest(),
        sender="demo",
        kind="hospital",
        department="",
        received_at=NOON.isoformat(),
        received_utc="2026-03-04T11:00:00Z",
        received_month="2026-03",
        size=len(data),
        connector="archive",
        name="archive",
        vouched=BETWEEN.join((vouched.ins, vouched.oid, vouched.zone)) if vouched else "",
    )
    (opened,) = open_deliveries(hub.store, [intake])
    if opened.status == "taken":
        return opened.status
    intake = msgspec.structs.replace(intake, take=opened.take)
    starts = [0, *accumulate(map(len, files))]
    enclosed = (
        Enclosed(Locator(member=number), Span(start, len(file)), Source.of_bytes("member", file))
        for number, (start, file) in enumerate(zip(starts, files, strict=False), 1)
    )
    context = Context("demo", hub.sender().policy(), ZoneInfo("Europe/Paris"), intake.received_utc, vouched)
    for part in parts(interpret(source, enclosed, context)):
        if part.number >= opened.parts:
            commit(hub.store, [Entry(intake, source, part)], step)
    return opened.status


def raw_of(hub: Hub, data: bytes) -> bytes:
    with reading(hub.store.engine) as connection:
        return b"".join(raw_bytes(hub.store, connection, hashlib.sha256(data).hexdigest()))


def test_documents_beside_the_readings_stay_as_they_are(tmp_path: Path) -> None:
    files = members(3)
    hub, clean = Hub(tmp_path / "hub" / "home"), Hub(tmp_path / "clean" / "home")
    assert send_archive(hub, files, None) == "new"
    others = (mdm(cda("2"), action="delete"), cda("1").replace(b"<realmCode", b" <realmCode"))
    for data in others:
        hub.take(data)
    before, ends = hub.documents(), hub.ends()
    assert len(before) == 5 and ends["held"] == 7
    assert send_archive(hub, files, PATIENT) == "again"
    assert hub.documents() == before
    assert hub.document(f"{ARC}.0")["confidentiality"] == ["N", "MASQUE_PS"]
    assert hub.document(f"{ARC}.9999")["source"]["item"] == "member 6"
    assert len(hub.readings()) == 6
    assert hub.ends() == {end: number for end, number in ends.items() if end != "held"} | {
        "accepted": ends["accepted"] + 6,
        "refused": 1,
    }
    assert send_archive(hub, files, PATIENT) == send_archive(hub, files, None) == "taken"
    assert raw_of(hub, b"".join(files)) == b"".join(files)
    assert rebuild(hub.store).equal
    send_archive(clean, files, PATIENT)
    for data in others:
        clean.take(data)
    assert hub.hash() == clean.hash()


class StoppedError(Exception):
    """Stands for the end of the process."""


def test_a_long_take_stopped_in_the_middle_keeps_bytes_and_masks_and_goes_on(tmp_path: Path) -> None:
    files = members(510)
    data = b"".join(files)
    hub, clean = Hub(tmp_path / "hub" / "home"), Hub(tmp_path / "clean" / "home")
    send_archive(hub, files, None)
    seen: list[str] = []

    def stop(step: str) -> None:
        seen.append(step)
        if seen.count("packed") == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        send_archive(hub, files, PATIENT, stop)
    assert only(hub)["status"] == "taking"
    assert raw_of(hub, data) == data
    assert hub.document(f"{ARC}.0")["confidentiality"] == ["N", "MASQUE_PS"]
    hub.hash()
    assert send_archive(hub, files, OTHER) == "taking"
    assert only(hub)["status"] == "taking", "another patient's voucher does not end it"
    assert send_archive(hub, files, PATIENT) == "taking"
    send_archive(clean, files, PATIENT)
    assert only(hub)["status"] == "taken"
    assert hub.hash() == clean.hash()
    assert {found["ins"] for found in hub.readings()} == {INS}
    assert raw_of(hub, data) == data
    assert rebuild(hub.store).equal


def test_a_long_export_begun_for_one_patient_is_ended_for_that_patient(tmp_path: Path) -> None:
    """A worker killed between two parts: whoever brings the bytes next, for nobody or for another, changes nothing."""
    rows = (row(f"{1 + n % 28:02}-02-2026 {n // 28 % 24:02}:{n // 672:02}", "x") for n in range(25_000))
    data = libre(*rows, row("19-02-2026 09:00", "100")).encode()
    hub, clean = Hub(tmp_path / "hub" / "home"), Hub(tmp_path / "clean" / "home")
    place = tmp_path / "export.csv"
    place.write_bytes(data)
    seen: list[str] = []

    def stop(step: str) -> None:
        seen.append(step)
        if seen.count("packed") == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        list(ingest(hub.store, [incoming(place, hub.sender(), NOON, PATIENT)], stop))
    assert only(hub)["status"] == "taking"
    assert send(hub, data, Arrival(OTHER, hub.sender("labo-nord"))) == [True]
    assert send(hub, data, Arrival(OTHER)) == [False]
    send(clean, data, Arrival(PATIENT))
    assert only(hub)["status"] == "taken"
    assert hub.hash() == clean.hash()
    assert [found["ins"] for found in hub.readings()] == [INS]


@pytest.mark.parametrize("step", STEPS)
def test_a_retake_killed_at_any_step_is_done_or_not_begun(tmp_path: Path, step: str) -> None:
    program = f"""
import os, signal, sys
from pathlib import Path
from carnet.judged import Vouched
from tests.hub import Hub
def kill(name):
    if name == {step!r}:
        os.kill(os.getpid(), signal.SIGKILL)
hub = Hub(Path(sys.argv[1]))
hub.take_files([Path(sys.argv[2])])
hub.take_files([Path(sys.argv[2])], vouched=Vouched({INS!r}, {TEST_OID!r}, "Europe/Paris"), step=kill)
"""
    home, export = tmp_path / "killed" / "home", tmp_path / "export.csv"
    export.write_bytes(EXPORT)
    done = subprocess.run([sys.executable, "-c", program, str(home), str(export)], cwd=Path(__file__).parents[2])
    assert done.returncode == -9
    hub, clean = Hub(home), Hub(tmp_path / "clean" / "home")
    assert only(hub)["status"] == "taken"
    assert hub.ends() == (SIX if step in ("committed", "renamed") else {"held": 7})
    assert raw(hub) == EXPORT
    for one in (hub, clean):
        one.take_files([export], vouched=PATIENT)
    assert hub.hash() == clean.hash()
    assert raw(hub) == EXPORT
    assert hub.receipt(only(hub)["delivery"])["revision"] == 2


def test_a_manifest_that_comes_late_is_answered_by_sending_the_file_again(hub: Hub, tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    place = landing / "demo" / "phone" / "Zoé.csv"
    place.parent.mkdir(parents=True)
    for manifest in (None, f"file;ins;ins_oid;zone\nZoé.csv;{INS};{TEST_OID};Europe/Paris\n"):
        if manifest:
            (place.parent / "manifest.csv").write_text(manifest, "utf-8")
        place.write_bytes(EXPORT)
        claims = look(landing, hub.settings, {"devices"}, quiet=0, pause=0).claims
        assert [outcome.repeated for outcome in take(hub.store, hub.settings, landing, claims, NOON)] == [False]
    assert hub.ends() == SIX
