"""The header of a document in a record: golden of one that says everything, and the samples rebuilt byte for byte."""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.base import Document, Source
from connectors.cda.reader import CDA
from tests.cda import ARC, INS, TEST_OID, cda
from tests.cda_header import STRUCTURES, documented, whole
from tests.hub import Hub
from transforms.documents import DocumentRecord, from_cda
from transforms.xds.entry import document_entry
from warehouse import ledger
from warehouse.database import reading

CLINIC = {
    "name": "Clinique d'essai",
    "ids": ["1.2.250.1.71.4.2.2^1440000017"],
    "setting": None,
}
PERFORMING = CLINIC | {
    "setting": {
        "code": "ETABLISSEMENT",
        "system": "1.2.250.1.213.1.1.4.9",
        "display": "Etablissement de santé",
    }
}
CREATED = {"start": "2026-03-02T10:15:00+01:00", "end": "2026-03-02T10:15:00+01:00", "zone": "source"}
STAY = {"start": "2026-02-25T09:30:00+01:00", "end": "2026-03-02T10:00:00+01:00", "zone": "source"}
GENERALIST = {
    "code": "G15_10/SM26",
    "system": "1.2.250.1.213.1.1.4.5",
    "display": "Médecin - Médecine générale",
}


def someone(part: str, **said: Any) -> dict[str, Any]:
    nobody: dict[str, Any] = dict.fromkeys(("function", "specialty", "organisation", "time"))
    nobody |= {"type": "", "class": "", "name": "", "device": "", "ids": [], "signature": ""}
    return {"part": part} | nobody | said


DOCTOR: dict[str, Any] = {
    "name": "Nadège DESSAI DR",
    "ids": ["1.2.250.1.71.4.2.1^899000000017"],
    "specialty": GENERALIST,
}
USUAL: dict[str, Any] = {"name": "Yann MODÈLE", "ids": ["1.2.250.1.71.4.2.1^899000000025"]}


def code(code: str, system: str, display: str) -> dict[str, str]:
    return {"code": code, "system": system, "display": display}


def test_a_record_shows_who_wrote_signed_and_took_part_what_was_done_and_where(hub: Hub) -> None:
    hub.take(
        whole(documentationOf=documented("19935-6", performed=False, system="2.16.840.1.113883.6.1") + documented())
    )
    (row,) = hub.patient(INS, TEST_OID)
    assert row["people"] == [
        someone(
            "author",
            **DOCTOR,
            function=code("ATTPHYS", "2.16.840.1.113883.5.88", "Médecin responsable"),
            time=CREATED,
            organisation=CLINIC,
        ),
        someone(
            "informant",
            **{"class": "ECON"},
            name="Ewen TESTARD",
            specialty=code("SPS", "2.16.840.1.113883.5.111", "Conjoint"),
        ),
        someone("recipient", **USUAL),
        someone("legal_authenticator", **DOCTOR, time=CREATED, signature="S", organisation=PERFORMING),
        someone(
            "participant",
            **USUAL,
            **{"class": "PROV"},
            type="INF",
            function=code("PCP", "2.16.840.1.113883.5.88", "Médecin traitant"),
        ),
    ]
    assert row["custodian"] == CLINIC
    assert row["acts"] == [
        {
            "main": False,
            "code": code("19935-6", "2.16.840.1.113883.6.1", "Acte 19935-6"),
            "ids": [],
            "time": None,
            "status": "",
            "performers": [],
        },
        {
            "main": True,
            "code": code("IMP", "2.16.840.1.113883.5.4", "Acte IMP"),
            "ids": [],
            "time": STAY,
            "status": "",
            "performers": [someone("performer", **DOCTOR, type="PRF", organisation=PERFORMING)],
        },
    ]
    assert row["encounter"] == {
        "ids": ["1.2.250.1.999.8^S-1"],
        "code": code("IMP", "2.16.840.1.113883.5.4", "Hospitalisation"),
        "time": STAY,
        "disposition": None,
        "facility": code("SA04", "1.2.250.1.71.4.2.4", "Etablissement privé non PSPH"),
        "place": "Clinique d'essai",
        "people": [],
    }
    assert row["orders"] == ["1.2.250.1.999.7^P-1"]
    assert (row["related"], row["consents"]) == ([], [])
    said = row["metadata"]
    assert said["class_code"] == code("10", "1.2.250.1.213.1.1.4.1", "Compte rendu")
    assert said["creation_time"] == {"value": "20260302091500", "said": "20260302101500+0100", "how": "converted"}
    assert [one["code"] for one in said["event_code_list"]] == ["19935-6", "IMP"]
    assert (said["unique_id"], said["missing"]) == (f"{ARC}.77", [])


def test_a_replacement_a_refusal_and_times_of_a_day_are_shown_as_said(hub: Hub) -> None:
    hub.take(cda("1", organisation=(STRUCTURES, "1440000017")))
    refusal = (
        '<authorization typeCode="AUTH"><consent classCode="CONS" moodCode="EVN">'
        '<code code="REFUS" displayName="Refus" codeSystem="1.2.3"/><statusCode code="completed"/></consent>'
        "</authorization>"
    )
    related = (
        f'<relatedDocument typeCode="RPLC"><parentDocument><id root="{ARC}.1"/></parentDocument></relatedDocument>'
    )
    hub.take(
        whole(
            authorization=refusal,
            relatedDocument=related,
            documentationOf=documented("IMP", "20260225", ""),
        )
    )
    rows = hub.patient(INS, TEST_OID)
    row = next(row for row in rows if row["document_id"] == f"{ARC}.77")
    assert row["related"] == [{"type": "RPLC", "document_id": f"{ARC}.1"}]
    assert row["consents"] == [{"code": code("REFUS", "1.2.3", "Refus"), "status": "completed"}]
    assert row["acts"][0]["time"] == {"start": "2026-02-25", "end": "", "zone": "none"}
    assert row["metadata"]["service_start_time"] == {"value": "20260225", "said": "20260225", "how": "date"}
    assert row["metadata"]["replaces"] == [f"{ARC}.1"]
    by_id = {one["document_id"]: one["metadata"]["availability_status"].rpartition(":")[2] for one in rows}
    assert by_id == {f"{ARC}.1": "Deprecated", f"{ARC}.77": "Approved"}


def test_what_is_stored_is_what_the_bytes_say_to_the_byte(hub: Hub) -> None:
    data = whole()
    hub.take(data)
    (document,) = CDA.read(Source.of_bytes("document", data))
    assert isinstance(document, Document)
    record = from_cda(document)
    with reading(hub.store.engine) as connection:
        (found,) = ledger.documents(hub.store, connection)
    assert found.record == record
    encoded = msgspec.msgpack.encode(record)
    again = msgspec.msgpack.decode(encoded, type=DocumentRecord)
    assert msgspec.msgpack.encode(again) == encoded
    assert document_entry(found.record) == document_entry(record)
