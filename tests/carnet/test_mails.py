"""Mails of MSSanté through the whole job: the patient of the metadata, one a mail, and never the one of the subject."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from carnet.check import check_file
from carnet.cli import app
from tests.carnet.test_submissions import OTHER, owners
from tests.cda import ARC, INS, TEST_OID, cda
from tests.hl7 import mdm, oru
from tests.hub import Hub
from tests.mail import PDF, built, mail
from tests.xdm import entry, metadata, xdm, zipped
from warehouse.archive import raw_bytes
from warehouse.database import reading

XDM = ("IHE_XDM.zip", xdm(cda("1")))
IN_XDM = [("ignored", "ARCHIVE_INDEX")] * 3


def test_the_patient_is_that_of_the_metadata_never_of_the_subject(hub: Hub) -> None:
    hub.take(mail(XDM, ("20260302_CR_DUPONT_Jeanne.pdf", PDF)), "x.eml")
    (document,) = hub.documents()
    assert (document["ins"], document["ins_oid"], document["source"]["item"]) == (INS, TEST_OID, "member 2/4")


def test_the_archive_its_documents_and_the_printed_copy_are_counted_the_body_is_not(hub: Hub) -> None:
    delivery = hub.take(mail(XDM, ("copie.pdf", PDF), html="<p>Bonjour</p>"), "x.eml")
    assert hub.told(delivery) == [*IN_XDM, ("accepted", ""), ("ignored", "PRINTED_COPY")]


def test_the_whole_mail_is_sealed_for_its_patient_and_comes_back_identical(hub: Hub) -> None:
    data = mail(XDM, ("copie.pdf", PDF))
    delivery = hub.take(data, "x.eml")
    (owner,) = set(owners(hub, delivery).values())
    assert not owner.startswith("delivery:")
    with reading(hub.store.engine) as connection:
        assert b"".join(raw_bytes(hub.store, connection, delivery)) == data


def test_several_archives_about_one_patient_are_all_taken(hub: Hub) -> None:
    delivery = hub.take(mail(XDM, ("IHE_XDM_2.zip", xdm(cda("2")))))
    assert hub.ends(delivery) == {"accepted": 2, "ignored": 6}


def test_a_mail_about_two_patients_is_refused_whole_whatever_carries_them(hub: Hub) -> None:
    other = cda("2", ins=OTHER, family="AUTRE", birth="19770615")
    for attachment in (
        ("2.zip", xdm(other)),
        ("2.xml", other),
        ("2.hl7", mdm(cda("3"))),
        ("3.zip", zipped({"a": other})),
    ):
        first = XDM if attachment[0] != "2.hl7" else ("1.xml", other)
        delivery = hub.take(mail(first, attachment))
        told = [one for one in hub.told(delivery) if one[0] != "ignored"]
        assert set(told) == {("refused", "MAIL_SEVERAL_PATIENTS")}, attachment[0]
        (owner,) = set(owners(hub, delivery).values())
        assert owner == f"delivery:{delivery}"
    assert hub.documents() == []
    assert hub.told(hub.take(mdm(cda("3")))) == [("accepted", "")] * 2, "what was refused there is no duplicate here"


def test_two_patients_are_told_apart_though_a_third_document_fits_both(hub: Hub) -> None:
    bare = re.sub(
        rb"<id root=[^>]*/><id root=[^>]*/>\n<patient>.*</patient>",
        b'<id root="9.9" extension="7"/>',
        cda("3"),
        flags=re.S,
    )
    assert b"HOSTIS" not in bare
    other = cda("2", ins=OTHER, family="AUTRE", birth="19770615")
    for order in ((bare, cda("1"), other), (cda("1"), bare, other)):
        delivery = hub.take(mail(*((f"{n}.xml", document) for n, document in enumerate(order))))
        assert set(hub.told(delivery)) == {("refused", "MAIL_SEVERAL_PATIENTS")}


def test_two_mails_in_one_batch_may_be_about_two_patients(hub: Hub) -> None:
    other = xdm(cda("2", ins=OTHER, family="AUTRE", birth="19770615"))
    delivery = hub.take(zipped({"1.eml": mail(XDM), "2.eml": mail(("x.zip", other))}))
    assert hub.ends(delivery) == {"accepted": 2, "ignored": 6}
    assert len(set(owners(hub, delivery).values())) == 3, "each mail its patient, the directory the delivery"


def test_a_document_attached_bare_and_results_in_hl7_are_taken(hub: Hub) -> None:
    delivery = hub.take(mail(("cr.xml", cda("1")), ("resultats.hl7", oru())))
    assert hub.told(delivery) == [("accepted", ""), ("accepted", "")]
    assert [row["format"] for row in hub.documents()] == ["cda-n3", "hl7-oru"]


def test_a_pdf_without_its_document_is_refused_with_its_reason(hub: Hub) -> None:
    assert hub.told(hub.take(mail(("lettre.pdf", PDF)))) == [("refused", "PDF_ALONE")]


def test_a_forwarded_mail_is_read_and_one_from_a_patient_in_it_is_not(hub: Hub) -> None:
    assert hub.ends(hub.take(mail(built(XDM)))) == {"accepted": 1, "ignored": 3}
    patient = built(("b.xml", cda("2")), sender=f"{INS}@patient.mssante.fr")
    assert hub.told(hub.take(mail(patient, subject="TR"))) == [("refused", "MAIL_FROM_PATIENT")]


def test_what_the_metadata_refuse_a_mail_does_not_carry_in(hub: Hub) -> None:
    mismatch = xdm(cda("1"), described=metadata(entry(cda("1"), ins=OTHER)))
    assert hub.told(hub.take(mail(("IHE_XDM.zip", mismatch)))) == [*IN_XDM, ("refused", "PATIENT_MISMATCH")]


def test_a_mail_cut_short_gives_what_it_holds_and_says_so(hub: Hub) -> None:
    data = mail(("1.xml", cda("1")), ("2.xml", cda("2")))
    delivery = hub.take(data[: data.rindex(b"--=-limite")])
    assert hub.ends(delivery) == {"accepted": 2}
    assert [reason["code"] for note in hub.receipt(delivery)["notes"] for reason in note["reasons"]] == [
        "MAIL_TRUNCATED"
    ]


@pytest.mark.parametrize("name", ["x.zip", "x.eml"])
def test_the_command_line_takes_and_checks_them(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(XDM[1] if name == "x.zip" else mail(XDM))
    checked = check_file(path)
    assert checked["connector"] == ("zip" if name == "x.zip" else "mail")
    assert checked["items"] == checked["items"] | {"read": 4, "accepted": 1, "ignored": 3}
    told = CliRunner().invoke(
        app,
        ["--home", str(tmp_path / "home"), "ingest", str(path), "--sender", "demo", "--json"],
        catch_exceptions=False,
    )
    assert told.exit_code == 0
    items = json.loads(told.stdout)["items"]
    assert (items["read"], items["accepted"], items["ignored"]) == (4, 1, 3)
    assert not [other for other in tmp_path.iterdir() if other.name not in (name, "home")]


def test_nothing_of_a_mail_is_in_the_clear(hub: Hub) -> None:
    hub.take(mail(XDM, subject="XDM/1.0/DDM+CR MARTINGALE Philibert"), "MARTINGALE.eml")
    for path in hub.store.home.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [word for word in (b"MARTINGALE", b"HOSTIS", INS.encode(), ARC.encode()) if word in content], (
                path
            )
