"""Documents of XDM archives through the whole job: vouched for by their metadata, or not taken."""

from __future__ import annotations

import base64
import hashlib
import itertools
import random
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from carnet.interpret import interpret
from connectors.base import Source
from connectors.cda import archives
from tests.cda import ARC, INS, TEST_OID, cda
from tests.hl7 import batch, mdm, oru
from tests.hub import Hub
from tests.support import CONTEXT, items_of
from tests.xdm import SUBSET, association, entry, metadata, xdm, zipped
from transforms.xds.entry import document_entry
from warehouse import schema
from warehouse.archive import raw_bytes
from warehouse.database import reading
from warehouse.rebuild import rebuild

OTHER = "277076322082910"
UUID = "urn:uuid:00000000-0000-4000-8000-000000000001"
INDEXES = 3
"""INDEX.HTM, README.TXT, METADATA.XML."""


def vouched(document: bytes, submitted: str = "20260302093000", more: str = "", **changes: Any) -> bytes:
    """An XDM archive of one document whose entry says something special."""
    return xdm(document, described=metadata(entry(document, **changes), submitted=submitted, more=more))


def outcome(hub: Hub, data: bytes) -> tuple[str, str]:
    """End and code of the one document of an archive."""
    delivery = hub.take(data, "IHE_XDM.zip")
    told = hub.told(delivery)
    assert told[:INDEXES] == [("ignored", "ARCHIVE_INDEX")] * INDEXES
    ((end, code),) = told[INDEXES:]
    return end, code


def findings(hub: Hub, data: bytes) -> tuple[str, list[str], str]:
    """End, finding codes and what was expected, of the one item that is not ignored."""
    delivery = hub.take(data, "IHE_XDM.zip")
    (note,) = [note for note in hub.receipt(delivery)["notes"] if note["end"] != "ignored"]
    return note["end"], [reason["code"] for reason in note["reasons"]], note["expected"]


def test_an_archive_is_no_item_its_documents_are_in_the_record(hub: Hub) -> None:
    data = xdm(cda("1"), cda("2"))
    delivery = hub.take(data, "IHE_XDM.zip")
    assert hub.ends(delivery) == {"accepted": 2, "ignored": INDEXES}
    assert [(row["document_id"], row["status"], row["source"]["item"]) for row in hub.documents()] == [
        (f"{ARC}.1", "current", "member 4"),
        (f"{ARC}.2", "current", "member 5"),
    ]
    with reading(hub.store.engine) as connection:
        assert b"".join(raw_bytes(hub.store, connection, delivery)) == data
    assert rebuild(hub.store).equal


def owners(hub: Hub, delivery: str) -> dict[int, str]:
    """Whose key seals each range of a delivery: `patient` or `delivery`."""
    with reading(hub.store.engine) as connection:
        query = (
            select(schema.manifest.c.start, schema.stored_object.c.owner)
            .join(schema.stored_object, schema.stored_object.c.id == schema.manifest.c.object)
            .where(schema.manifest.c.delivery == delivery)
        )
        return {row.start: row.owner for row in connection.execute(query)}


def test_the_metadata_are_sealed_for_the_patient_they_name(hub: Hub) -> None:
    one, other = cda("1"), cda("2", ins=OTHER, family="AUTRE", birth="19770615")
    data = zipped(
        {
            "IHE_XDM/SUBSET01/METADATA.XML": metadata(entry(one)),
            "IHE_XDM/SUBSET02/METADATA.XML": metadata(entry(other), ins=OTHER),
            "IHE_XDM/SUBSET01/DOC0001.XML": one,
            "IHE_XDM/SUBSET02/DOC0001.XML": other,
        }
    )
    delivery = hub.take(data)
    assert hub.ends(delivery) == {"accepted": 2, "ignored": 2}
    found = owners(hub, delivery)
    first, second, third, fourth, directory = (found[start] for start in sorted(found))
    assert (first, second) == (third, fourth) and first != second
    assert directory == f"delivery:{delivery}" not in (first, second)


def test_the_same_document_by_mail_by_archive_and_bare_is_one_whatever_the_order(tmp_path: Path) -> None:
    hashes = set()
    sendings = (xdm(cda("1")), cda("1"), xdm(cda("1"), cda("2")))
    for number, order in enumerate(itertools.permutations(sendings)):
        hub = Hub(tmp_path / str(number) / "home")
        for data in order:
            hub.take(data)
        assert {end: n for end, n in hub.ends().items() if end != "ignored"} == {"accepted": 2, "duplicate": 2}
        hashes.add(hub.hash())
    assert len(hashes) == 1


def test_the_masks_of_the_metadata_are_those_of_the_document(hub: Hub) -> None:
    masks = ("MASQUE_PS", "INVISIBLE_REPRESENTANTS_LEGAUX")
    assert outcome(hub, vouched(cda("1"), masks=masks)) == ("accepted", "")
    assert hub.document(f"{ARC}.1")["confidentiality"] == ["N", *masks]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"masks": ("MASQUE_PSOCIAL",)}, "PRIVACY_CODE_UNKNOWN"),
        ({"masks": ("SECRET",), "mask_system": "1.2.3"}, "PRIVACY_CODE_UNKNOWN"),
        ({"confidentiality": ""}, "PRIVACY_CODE_UNKNOWN"),
        ({"confidentiality": "V"}, "CONFIDENTIALITY_DIFFERS"),
    ],
)
def test_a_privacy_code_nobody_can_respect_fails_closed(hub: Hub, changes: dict[str, Any], code: str) -> None:
    assert outcome(hub, vouched(cda("1"), **changes)) == ("held", code)
    assert hub.documents() == []


def test_another_patient_in_the_metadata_than_in_the_document_is_refused(hub: Hub) -> None:
    document = cda("1")
    assert outcome(hub, vouched(document, ins=OTHER)) == ("refused", "PATIENT_MISMATCH")
    assert outcome(hub, vouched(document, lines=("PID-7|19500101",))) == ("refused", "PATIENT_MISMATCH")
    other_set = xdm(document, described=metadata(entry(document), ins=OTHER))
    assert outcome(hub, other_set) == ("refused", "PATIENT_MISMATCH")
    assert hub.documents() == []


def test_other_bytes_than_those_vouched_for_are_refused(hub: Hub) -> None:
    document = cda("1")
    described = metadata(entry(document))
    assert outcome(hub, xdm(document + b"\n", described=described)) == ("refused", "METADATA_HASH_MISMATCH")
    assert outcome(hub, vouched(document, digest="0" * 40)) == ("refused", "METADATA_HASH_MISMATCH")
    assert outcome(hub, vouched(document, digest="", size="7")) == ("refused", "METADATA_HASH_MISMATCH")
    assert hub.documents() == []


def test_a_hash_in_capitals_or_in_base64_is_a_hash(hub: Hub) -> None:
    sha1 = hashlib.sha1(cda("1")).digest()
    assert outcome(hub, vouched(cda("1"), digest=sha1.hex().upper())) == ("accepted", "")
    assert outcome(hub, vouched(cda("1"), digest=base64.b64encode(sha1).decode()))[0] == "duplicate"


def test_another_id_in_the_metadata_is_refused(hub: Hub) -> None:
    assert outcome(hub, vouched(cda("1"), unique_id=f"{ARC}.2")) == ("refused", "METADATA_ID_DIFFERS")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"title": "Autre titre"}, "title"),
        ({"type_code": "34133-9"}, "typeCode"),
        ({"created": "20260302101500"}, "creationTime"),  # local time where UTC is meant
        ({"created": "2026030292150"}, "creationTime"),  # hours subtracted digit by digit
        ({"size": "7"}, "size"),
        ({"status": "Deprecated", "language": "en-US"}, "languageCode, availabilityStatus"),
    ],
)
def test_metadata_that_differ_are_told_by_name_and_the_document_counts(
    hub: Hub, changes: dict[str, Any], expected: str
) -> None:
    assert findings(hub, vouched(cda("1"), **changes)) == ("flagged", ["METADATA_DIFFERS"], expected)
    assert hub.document(f"{ARC}.1")["title"] == "Compte rendu d'essai"


def test_a_creation_time_is_the_same_instant_in_utc_as_far_as_both_go(hub: Hub) -> None:
    for number, (own, said) in enumerate(
        (("20260702233000+0200", "20260702213000"), ("20260302101500+100", "202603020915"), ("20260302", "20260302")), 1
    ):
        assert outcome(hub, vouched(cda(str(number), created=own), created=said))[0] == "accepted", own


def test_a_required_metadata_that_is_missing_is_told(hub: Hub) -> None:
    assert findings(hub, vouched(cda("1"), digest=""))[:2] == ("flagged", ["METADATA_INCOMPLETE"])


def test_the_patient_is_that_of_the_metadata_where_the_document_names_no_ins(hub: Hub) -> None:
    bare = cda("1").replace(f'<id root="{TEST_OID}" extension="{INS}"/>'.encode(), b"")
    assert outcome(hub, vouched(bare, ins=INS, oid=TEST_OID)) == ("accepted", "")
    assert hub.document(f"{ARC}.1")["ins"] == INS


@pytest.mark.parametrize("lines", [(), ("PID-5|L'HOSTIS-NOËL^Zoé^^^^^L", "PID-8|F")])
def test_but_not_where_their_traits_do_not_prove_it(hub: Hub, lines: tuple[str, ...]) -> None:
    bare = cda("1").replace(f'<id root="{TEST_OID}" extension="{INS}"/>'.encode(), b"")
    assert outcome(hub, vouched(bare, ins=INS, oid=TEST_OID, lines=lines)) == ("held", "IDENTITY_NOT_QUALIFIED")


def test_that_patient_is_theirs_whichever_arrival_came_first(tmp_path: Path) -> None:
    bare = cda("1").replace(f'<id root="{TEST_OID}" extension="{INS}"/>'.encode(), b"")
    hashes = set()
    for number, order in enumerate(itertools.permutations((bare, vouched(bare, ins=INS, oid=TEST_OID)))):
        hub = Hub(tmp_path / str(number) / "home")
        for data in order:
            hub.take(data)
        assert hub.document(f"{ARC}.1")["ins"] == INS
        hashes.add(hub.hash())
    assert len(hashes) == 1


def test_two_levels_of_one_submission_are_twins(hub: Hub) -> None:
    hub.take(xdm(cda("1", set_id="a"), cda("2", set_id="b", level=1)))
    one, other = hub.documents()
    assert one["unit"] == other["unit"]
    hub.take(xdm(cda("3"), cda("4")))
    assert len({row["unit"] for row in hub.documents()}) == 3


REPLACEMENT = cda("2", set_id="set.1", version=2, replaces="1")


@pytest.mark.parametrize(
    "changes",
    [
        {"action": "C"},
        {"more": association("RPLC", UUID, f"{ARC}.1")},
        {"more": association("RPLC", UUID, "urn:uuid:11111111-1111-4111-8111-111111111111")},
        {"action": "c", "more": association("urn:ihe:iti:2007:AssociationType:RPLC", UUID, f"{ARC}.1")},
    ],
)
def test_a_replacement_replaces_in_every_order(tmp_path: Path, changes: dict[str, Any]) -> None:
    hashes = set()
    for number, order in enumerate(itertools.permutations((xdm(cda("1")), vouched(REPLACEMENT, **changes)))):
        hub = Hub(tmp_path / str(number) / "home")
        for data in order:
            hub.take(data)
        assert {row["document_id"][-1]: row["status"] for row in hub.documents()} == {"1": "superseded", "2": "current"}
        assert hub.quarantine() == []
        hashes.add(hub.hash())
    assert len(hashes) == 1


def test_a_deletion_deletes_in_every_order_and_stores_no_document(tmp_path: Path) -> None:
    hashes = set()
    for number, order in enumerate(itertools.permutations((xdm(cda("1")), vouched(cda("1"), action="D")))):
        hub = Hub(tmp_path / str(number) / "home")
        for data in order:
            hub.take(data)
        assert [row["status"] for row in hub.documents()] == ["deleted"]
        hashes.add(hub.hash())
    assert len(hashes) == 1


def test_a_replacement_that_only_the_document_tells_is_followed_and_told(hub: Hub) -> None:
    hub.take(xdm(cda("1")))
    assert findings(hub, vouched(REPLACEMENT)) == ("flagged", ["METADATA_DIFFERS"], "action")
    assert hub.document(f"{ARC}.1")["status"] == "superseded"


def test_c_for_a_second_version_that_names_no_predecessor_is_ranked_by_its_version(hub: Hub) -> None:
    hub.take(xdm(cda("1")))
    assert outcome(hub, vouched(cda("2", set_id="set.1", version=2), action="C")) == ("accepted", "")
    assert hub.document(f"{ARC}.1")["status"] == "superseded"


@pytest.mark.parametrize(
    ("document", "changes"),
    [
        (cda("1"), {"action": "C"}),
        (cda("1"), {"action": "X"}),
        (REPLACEMENT, {"action": "F"}),
        (REPLACEMENT, {"action": "D", "more": association("RPLC", UUID, f"{ARC}.1")}),
    ],
)
def test_an_action_that_contradicts_itself_is_refused(hub: Hub, document: bytes, changes: dict[str, Any]) -> None:
    assert outcome(hub, vouched(document, **changes)) == ("refused", "METADATA_ACTION_INCONSISTENT")


def test_a_replacement_sent_later_loosens_no_mask_and_times_of_submission_are_utc(hub: Hub) -> None:
    hub.take(vouched(cda("1"), masks=("MASQUE_PS",)))
    hub.take(vouched(REPLACEMENT, action="C", submitted="20260303093000"))
    assert hub.document(f"{ARC}.2")["confidentiality"] == ["N", "MASQUE_PS"]
    with reading(hub.store.engine) as connection:
        sent = {row.sent_at for row in connection.execute(select(schema.carrier_fact))}
    assert sent == {"2026-03-02T09:30:00.000000Z", "2026-03-03T09:30:00.000000Z"}


def test_a_file_that_is_no_document_is_refused_under_its_own_code(hub: Hub) -> None:
    described = metadata(entry(b"%PDF-1.4 x", created="20260302091500"))
    assert outcome(hub, xdm(b"%PDF-1.4 x", described=described)) == ("refused", "ENTRY_NOT_A_DOCUMENT")
    broken = cda("1")[:-20]
    assert outcome(hub, xdm(broken, described=metadata(entry(broken)))) == ("refused", "XML_NOT_WELL_FORMED")


def test_what_a_sender_may_not_send_is_not_taken_out_of_an_archive_either(hub: Hub) -> None:
    feed = "ins,ins_oid,event,occurred_at,channel,department,birth_year,sex\n"
    feed += f"{INS},{TEST_OID},opened,2026-01-05,web,44,1985,F\n"
    data = zipped({"a.xml": cda("1"), "comptes.csv": feed})
    delivery = hub.take(data, sender=hub.sender(formats=("cda", "hl7")))
    assert hub.told(delivery) == [("accepted", ""), ("refused", "FORMAT_NOT_ADMITTED")]
    assert hub.accounts() == []
    only_hl7 = hub.take(zipped({"a.xml": cda("2")}), sender=hub.sender(formats=("hl7",)))
    assert hub.told(only_hl7) == [("refused", "FORMAT_NOT_ADMITTED")]
    assert hub.take(xdm(cda("3")), sender=hub.sender(formats=("hl7",))) and len(hub.documents()) == 1


def test_a_delivery_refused_in_part_is_taken_again_from_somebody_who_may_send_it(hub: Hub) -> None:
    data = zipped({"a.xml": cda("1"), "b.xml": cda("2")})
    hub.take(data, sender=hub.sender(formats=("hl7",)))
    assert hub.documents() == []
    delivery = hub.take(data)
    assert hub.ends(delivery) == {"accepted": 2}
    before = hub.hash()
    hub.take(data)
    assert hub.hash() == before


def test_f_is_a_new_document_as_no_action_is(hub: Hub) -> None:
    assert outcome(hub, vouched(cda("1"), action="F")) == ("accepted", "")


def test_a_batch_of_messages_in_a_zip_is_the_batch(tmp_path: Path) -> None:
    messages = batch([mdm(cda("1")), oru(), mdm(cda("2"), control="M2", action="delete")])
    zipped_batch = zipped({"export.hl7": messages, "again.hl7": messages})
    first, other = Hub(tmp_path / "a" / "home"), Hub(tmp_path / "b" / "home")
    delivery = first.take(zipped_batch)
    other.take(messages)
    assert [(row["document_id"], row["status"], row["ins"]) for row in first.documents()] == [
        (row["document_id"], row["status"], row["ins"]) for row in other.documents()
    ]
    assert first.ends(delivery) == {"accepted": 3, "held": 2, "duplicate": 5}
    (row,) = first.deliveries()
    assert (row["items"]["read"], row["declared"]) == (10, 6)


class StoppedError(Exception):
    """Stands for the end of the process."""


def test_an_archive_stopped_in_the_middle_is_taken_to_its_end_and_no_document_twice(tmp_path: Path) -> None:
    documents = [cda(str(n)) for n in range(520)]
    data = xdm(*documents)
    hub, clean = Hub(tmp_path / "a" / "home"), Hub(tmp_path / "b" / "home")
    seen: list[str] = []

    def stop(step: str) -> None:
        seen.append(step)
        if seen.count("packed") == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        hub.take(data, step=stop)
    assert hub.deliveries()[0]["status"] == "taking"
    delivery = hub.take(data)
    clean.take(data)
    assert hub.ends(delivery) == {"accepted": 520, "ignored": INDEXES}
    assert hub.hash() == clean.hash()
    with reading(hub.store.engine) as connection:
        assert b"".join(raw_bytes(hub.store, connection, delivery)) == data


def test_every_sample_is_taken_from_an_archive_as_it_is_bare(samples: Path) -> None:
    """Under the metadata that the header gives: none of them differs, and nothing of the document changes."""
    for path in sorted((samples / "cda").glob("*.xml")):
        document = path.read_bytes()
        (bare,) = items_of(document)
        if not bare.carried:
            continue
        record = bare.carried[0].record
        own = document_entry(record)
        described = entry(
            document,
            ins=record.patient.ins,
            oid=record.patient.oid,
            unique_id=own.unique_id,
            type_code=own.type_code.code,
            class_code=own.class_code.code,
            format_code=own.format_code.code,
            title=own.title,
            created=own.creation_time.value,
            language=own.language_code,
            confidentiality=own.confidentiality_codes[0].code,
            lines=own.source_patient_info,
            source_id=own.source_patient_id,
            mime_type=own.mime_type,
            action="C" if record.replaces else "",
        )
        items = items_of(xdm(document, described=metadata(described, ins=record.patient.ins, oid=record.patient.oid)))
        (item,) = [item for item in items if item.end != "ignored"]
        assert (item.end, item.code, item.findings, item.expected) == ("", "", (), ""), path.name
        assert item.carried[0].record == record and item.carried[0].sound == bare.carried[0].sound


def test_memory_does_not_grow_with_the_number_of_documents() -> None:
    filler = random.Random(7).randbytes(30_000).hex()
    few, many = (zipped({f"{n}.xml": cda(str(n), body=filler) for n in range(count)}) for count in (20, 200))
    assert consumed(many) < consumed(few) + 2_000_000


def consumed(data: bytes) -> int:
    """The peak of memory while a delivery is read and each of its items let go."""
    source = Source.of_bytes("x.zip", data)
    tracemalloc.start()
    try:
        for _ in interpret(source, archives.read(source), CONTEXT):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_batch_of_everything_is_counted_to_the_last_file(hub: Hub) -> None:
    data = zipped(
        {
            "a.xml": cda("1"),
            "archives/IHE_XDM.zip": xdm(cda("2"), more={f"{SUBSET}NOTE.TXT": "x"}),
            "vide.xml": b"",
            "lettre.pdf": b"%PDF-1.4",
            "note.docx": zipped({"word/document.xml": "<w/>"}),
        }
    )
    delivery = hub.take(data)
    assert [(end, code) for end, code in hub.told(delivery)] == [
        ("accepted", ""),
        *[("ignored", "ARCHIVE_INDEX")] * INDEXES,
        ("accepted", ""),
        ("refused", "DOCUMENT_WITHOUT_ENTRY"),
        ("refused", "EMPTY_FILE"),
        ("refused", "PDF_ALONE"),
        ("refused", "UNKNOWN_FORMAT"),
    ]
    assert hub.document(f"{ARC}.2")["source"]["item"] == "member 2/4"
    with reading(hub.store.engine) as connection:
        assert b"".join(raw_bytes(hub.store, connection, delivery)) == data
