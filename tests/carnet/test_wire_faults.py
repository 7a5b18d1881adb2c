"""Faults of the wire, from bytes to the end and the receipt: taken, or told with a reason; none costs another.

Cases 1 to 9, 13, 15 and 16 of the list of faults that peers fail on, seen from outside; the token level is tested in
`tests/connectors/hl7`.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.cda import cda
from tests.hl7 import batch, header, mdm, oru, pid
from tests.hub import Hub
from transforms.documents import DocumentRecord
from warehouse import ledger, schema
from warehouse.database import reading

CLEAN = [oru(), mdm(cda("1")), oru(control="R2", filler="F2")]


def records(hub: Hub) -> list[DocumentRecord]:
    with reading(hub.store.engine) as connection:
        return [found.record for found in ledger.documents(hub.store, connection)]


def told(hub: Hub, delivery: str) -> list[tuple[str, str, list[str]]]:
    """The notes of a receipt: where, which end, why."""
    notes = hub.receipt(delivery)["notes"]
    return [(note["locator"], note["end"], [reason["code"] for reason in note["reasons"]]) for note in notes]


def quarantined(hub: Hub) -> list[tuple[str, str, str]]:
    return [(row["end"], row["code"], row["locator"]) for row in hub.quarantine()]


def outcome(hub: Hub) -> tuple[Any, ...]:
    """What a sender and a reader see, less what each home keys for itself."""
    rows = [{name: value for name, value in row.items() if name not in {"source", "unit"}} for row in hub.documents()]
    return hub.ends(), rows, quarantined(hub)


def numbered(data: bytes, end: bytes) -> bytes:
    return data.replace(b"\r", end)


WIRES = {
    "byte order mark": b"\xef\xbb\xbf" + b"".join(CLEAN),
    "a mark before each": b"".join(b"\xef\xbb\xbf" + one for one in CLEAN),
    "LF": numbered(b"".join(CLEAN), b"\n"),
    "CRLF": numbered(b"".join(CLEAN), b"\r\n"),
    "mixed": CLEAN[0] + numbered(CLEAN[1], b"\n") + numbered(CLEAN[2], b"\r\n"),
    "blank lines inside": numbered(b"".join(CLEAN), b"\r\n\r\n"),
    "blank line after PID": b"".join(one.replace(b"\rPV1", b"\r\r\n \rPV1") for one in CLEAN),
    "MLLP": b"".join(b"\x0b" + one + b"\x1c\r" for one in CLEAN),
    "trailing FS CR": b"".join(CLEAN) + b"\x1c\r",
    "unterminated": b"".join(CLEAN).rstrip(b"\r"),
}


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_a_file_ends_as_the_clean_one_whatever_its_wire(tmp_path: Path, wire: bytes) -> None:
    clean, other = Hub(tmp_path / "clean"), Hub(tmp_path / "other")
    clean.take(b"".join(CLEAN))
    other.take(wire)
    assert outcome(other) == outcome(clean)
    assert clean.ends() == {"accepted": 4}
    assert [record.digest for record in records(other)] == [record.digest for record in records(clean)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n"])
def test_a_line_break_in_free_text_is_kept_in_the_text_and_told(hub: Hub, end: str) -> None:
    text = oru().decode().replace("|NM|", "|TX|", 1).replace("0,94", f"0,94{end}fait à jeun")
    delivery = hub.take(text.encode())
    assert told(hub, delivery) == [("message 1", "flagged", ["LINE_BREAK_IN_FIELD"])]
    kept = records(hub)[0].results[0].values[0]
    assert re.sub("\n+", "\n", kept) == "0,94\nfait à jeun"


def test_a_line_break_elsewhere_holds_the_message_and_no_other(hub: Hub) -> None:
    broken = oru(control="R9", filler="F9").replace("Zoé Anne".encode(), "Zoé\nAnne".encode())
    delivery = hub.take(CLEAN[0] + broken + CLEAN[2])
    assert hub.ends() == {"accepted": 2, "held": 1}
    assert told(hub, delivery) == [("message 2", "held", ["SEGMENT_BROKEN"])]


FRENCH = "Œdème à 5 € près"


@pytest.mark.parametrize(
    ("says", "codec", "text", "honest"),
    [
        ("UNICODE UTF-8", "utf-8", FRENCH, True),
        ("8859/15", "iso8859-15", FRENCH, True),
        ("UNICODE UTF-8", "iso8859-15", "Œdème à 5 € près", False),
        ("8859/15", "utf-8", FRENCH, False),
        ("8859/1", "utf-8", FRENCH, False),
        ("8859/1", "cp1252", FRENCH, False),
        ("ASCII", "utf-8", FRENCH, False),
    ],
)
def test_a_lie_about_the_character_set_garbles_nothing_and_is_told(
    hub: Hub, says: str, codec: str, text: str, honest: bool
) -> None:
    data = oru().decode().replace("UNICODE UTF-8", says).replace("Bilan lipidique", text).encode(codec)
    delivery = hub.take(data)
    assert [row["title"] for row in hub.documents()] == [text]
    assert records(hub)[0].patient.traits.birth_family == "L'HOSTIS-NOËL"
    assert told(hub, delivery) == ([] if honest else [("message 1", "flagged", ["CHARSET_MISMATCH"])])


@pytest.mark.parametrize("given", ["|^~\\&#", "|^~\\}", "$*:?!", "#^~\\&"])
def test_unusual_delimiters_are_read(tmp_path: Path, given: str) -> None:
    usual, other = Hub(tmp_path / "usual"), Hub(tmp_path / "other")
    usual.take(oru())
    head, rest = oru().decode()[:8], oru().decode()[8:]
    assert head == "MSH|^~\\&"
    data = "MSH" + given + rest.translate(str.maketrans("|^~\\&", given[:5]))
    other.take(data.encode())
    assert outcome(other) == outcome(usual)


@pytest.mark.parametrize("given", ["&&&&", "^˜\\&", "^~\\", ""])
def test_unusable_delimiters_cost_their_message_alone(hub: Hub, given: str) -> None:
    broken = oru(control="R9").decode().replace("^~\\&", given, 1).encode()
    delivery = hub.take(CLEAN[0] + broken + CLEAN[2])
    assert hub.ends() == {"accepted": 2, "refused": 1}
    assert told(hub, delivery) == [("message 2, MSH, MSH-2", "refused", ["DELIMITERS_UNUSABLE"])]


@pytest.mark.parametrize(
    ("written", "value", "codes"),
    [
        ("a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f", "a|b^c&d~e\\f", []),
        ("un\\.br\\deux\\X0D0A\\trois", "un\ndeux\r\ntrois", []),
        ("\\E\\F\\E\\", "\\F\\", []),
        ("\\T\\lt;b\\T\\gt;gras", "&lt;b&gt;gras", []),
        ("<b onmouseover='x()'>gras</b>", "<b onmouseover='x()'>gras</b>", []),
        ("\\Zxx\\ reste", "\\Zxx\\ reste", ["ESCAPE_UNKNOWN"]),
        ("jamais \\ fermé", "jamais \\ fermé", ["ESCAPE_UNKNOWN"]),
    ],
)
def test_escapes_are_decoded_once_on_their_way_to_the_record(
    hub: Hub, written: str, value: str, codes: list[str]
) -> None:
    delivery = hub.take(oru(value=written).decode().replace("|NM|", "|ST|", 1).encode())
    assert records(hub)[0].results[0].values[0] == value
    assert [code for _, _, found in told(hub, delivery) for code in found] == codes


NAMES = {
    "apostrophe": "O'Neil",
    "accent": "D'Épinay",
    "injection": "Robert'); DROP TABLE item;--",
    "emoji": "Sang 🩸",
    "NUL": "NOEL\x00NOEL",
    "RTL override": "\u202eLEON\u202c",
    "10 kB": "N" * 10_000,
    "format": "%s{0}${HOME}",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_hostile_name_or_number_is_stored_as_it_is(hub: Hub, name: str) -> None:
    hub.take(CLEAN[2])
    delivery = hub.take(oru(patient=pid(family=name, ipp=name[:200]), control=name[:200]))
    assert [record.patient.traits.birth_family for record in records(hub)][-1] == name
    assert hub.receipt(delivery)["items"]["read"] == 1
    with reading(hub.store.engine) as connection:
        assert ledger.find(hub.store, connection, name[:200]) == [(delivery, 0)]
    assert len(hub.documents()) == 2


CONSTANT_STATEMENTS = {
    ("warehouse/database.py", "f'PRAGMA {pragma}'"),
    ("warehouse/database.py", "f'SELECT pg_advisory_xact_lock({WRITER})'"),
    ("warehouse/marts.py", "f'SET {setting}=false'"),
}
"""Statements put together from names in the code itself, each looked at."""


def test_no_sql_is_built_from_values() -> None:
    """Every other statement is SQLAlchemy Core or a file: none is put together from text."""
    root = Path(__file__).resolve().parents[2]
    found = set()
    for package in ("carnet", "warehouse", "quality", "transforms", "connectors", "dags"):
        for path in (root / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                    runs = node.func.attr in {"execute", "executemany", "executescript", "exec_driver_sql"}
                    given = node.args[0]
                    formatted = isinstance(given, ast.Call) and ast.unparse(given.func).endswith(".format")
                    text = isinstance(given, ast.BinOp) and isinstance(given.op, ast.Add | ast.Mod)
                    if runs and (isinstance(given, ast.JoinedStr) or formatted or text):
                        found.add((str(path.relative_to(root)), ast.unparse(given)))
    assert found == CONSTANT_STATEMENTS


def many(count: int, first: int = 0) -> list[bytes]:
    return [oru(control=f"R{n}", filler=f"F{n}") for n in range(first, first + count)]


def test_a_batch_that_says_96_and_holds_31_is_loaded_and_told(hub: Hub) -> None:
    delivery = hub.take(batch(many(31), declared=96))
    assert hub.ends(delivery) == {"accepted": 31}
    (note,) = hub.receipt(delivery)["notes"]
    assert (note["locator"], note["expected"], note["came"]) == ("BTS", "BTS-1: 96 messages", "31 messages")
    assert hub.deliveries()[0]["declared"] == 96


HEADS = b"FHS|^~\\&|APP\rBHS|^~\\&|APP\r"


@pytest.mark.parametrize(
    ("data", "notes"),
    [
        (batch(many(2)).replace(b"FTS|1\r", b""), [("FTS", ["BATCH_TRAILER_MISSING"])]),
        (HEADS + b"".join(many(2)), [("BTS", ["BATCH_TRAILER_MISSING"])]),
        (b"FHS|^~\\&|APP\r" + batch(many(2)), [("FTS", ["BATCH_TRAILER_MISSING"])]),
        (batch(many(1)) + batch(many(1, 1)), []),
        (oru(control="A", filler="A") + batch(many(1)), [("message 1", ["BATCH_MESSAGES_OUTSIDE"])]),
        (batch(many(1)) + oru(control="A", filler="A"), [("message 2", ["BATCH_MESSAGES_OUTSIDE"])]),
    ],
    ids=["no FTS", "no trailer", "two FHS", "two files in one", "before BHS", "after FTS"],
)
def test_envelopes_that_are_wrong_are_told_and_cost_no_message(
    hub: Hub, data: bytes, notes: list[tuple[str, list[str]]]
) -> None:
    delivery = hub.take(data)
    assert hub.ends(delivery) == {"accepted": 2}
    assert [(place, codes) for place, _, codes in told(hub, delivery)] == notes


def test_a_batch_without_any_message_says_so(hub: Hub) -> None:
    delivery = hub.take(batch([]))
    assert hub.ends(delivery) == {"refused": 1}
    assert told(hub, delivery) == [("file", "refused", ["BATCH_EMPTY"])]


def test_content_outside_every_message_is_refused_as_one_item(hub: Hub) -> None:
    delivery = hub.take(HEADS + pid().encode() + b"\r" + CLEAN[0] + b"BTS|1\rFTS|1\r")
    assert hub.ends(delivery) == {"accepted": 1, "refused": 1}
    assert [codes for _, _, codes in told(hub, delivery)] == [["SEGMENT_OUTSIDE_MESSAGE"]]


@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_one_bad_message_costs_a_large_batch_one_message(hub: Hub, count: int) -> None:
    messages = many(count)
    messages[count // 2] = messages[count // 2].replace(b"^~\\&", b"&&&&", 1)
    delivery = hub.take(batch(messages))
    assert hub.ends(delivery) == {"accepted": count - 1, "refused": 1}
    place = f"message {count // 2 + 1}, MSH, MSH-2"
    assert told(hub, delivery) == [(place, "refused", ["DELIMITERS_UNUSABLE"])]
    assert quarantined(hub) == [("refused", "DELIMITERS_UNUSABLE", place)]


def test_an_empty_control_id_names_no_message(hub: Hub) -> None:
    hub.take(oru(control=""))
    delivery = hub.take(oru(control="", filler="F2"))
    assert (hub.ends(), told(hub, delivery)) == ({"flagged": 2}, [("message 1", "flagged", ["CONTROL_ID_MISSING"])])


def test_one_control_id_for_two_messages_is_told_of_the_later_and_counts_neither_twice(hub: Hub) -> None:
    """Case 10: the same MSH-10 with another body."""
    first, other = oru(control="C1"), oru(control="C1", filler="F2")
    assert told(hub, hub.take(first)) == []
    assert told(hub, hub.take(batch([first, other, oru(control="C2", filler="F3")]))) == [
        ("message 2", "flagged", ["CONTROL_ID_REUSED"])
    ]
    again = hub.take(batch([other, first, oru(control="C1", filler="F4")], declared=3))
    assert hub.ends(again) == {"duplicate": 2, "flagged": 1}
    assert len(hub.documents()) == 4


def test_a_control_id_belongs_to_its_application_and_its_sender(hub: Hub) -> None:
    hub.take(oru(control="C1"))
    hub.take(oru(control="C1", filler="F2").replace(b"|APP|HOP|", b"|APP|CLINIQUE|"))
    hub.take(oru(control="C1", filler="F3").replace(b"|APP|HOP|", b"|AUTRE|HOP|"))
    hub.take(oru(control="C1", filler="F4"), sender=hub.sender("labo-nord"))
    assert hub.ends() == {"accepted": 4}


@pytest.mark.parametrize("numbers", ["", '""', "&&", "^^^HOPITAL&1.2.3.4.5&ISO^PI", '""^^^HOPITAL&1.2.3.4.5&ISO^PI~'])
def test_patients_without_a_number_never_share_a_record(hub: Hub, numbers: str) -> None:
    """Case 13: two people whom nothing names wait apart, and are in no record."""
    people = [f"PID|1||{numbers}||{name}^Zoé^Zoé^^^^L||19850314|F" for name in ("MARTIN", "BERNARD")]
    for number, person in enumerate(people):
        hub.take(oru(patient=person, control=f"R{number}", filler=f"F{number}"))
    assert quarantined(hub) == [("held", "IDENTITY_NOT_QUALIFIED", "message 1")] * 2
    with reading(hub.store.engine) as connection:
        owners = list(connection.execute(select(schema.item.c.patient)).scalars())
    assert len(set(owners)) == len(owners) == 2


def test_the_ins_is_found_among_numbers_of_several_authorities(hub: Hub) -> None:
    hub.take(oru())
    several = "A1^^^LABO&1.2.250.9999.3&ISO^PI~^^^VIDE&1.2.3&ISO^PI~77^^^AUTRE&1.2.250.9999.4&ISO^AN~IPP-285034"
    hub.take(oru(patient=pid(ipp=several), control="R2", filler="F2"))
    assert hub.ends() == {"accepted": 2}
    assert {row["ins"] for row in hub.documents()} == {"285034410900055"}


@pytest.mark.parametrize(
    ("status", "ins", "ends"),
    [
        ("VALI", "285034410900055", {"accepted": 1}),
        ("PROV", "285034410900055", {"held": 1}),
        ("VALI", "285034410900056", {"flagged": 1}),
        ("VALI", "", {"held": 1}),
    ],
    ids=["qualified", "provisional", "wrong key", "no INS"],
)
def test_a_result_goes_where_its_identity_allows(hub: Hub, status: str, ins: str, ends: dict[str, int]) -> None:
    hub.take(oru(patient=pid(status=status, ins=ins)))
    assert hub.ends() == ends


@pytest.mark.parametrize("version", ["2.3.z", "", "3.0", "2.10"])
def test_a_version_we_do_not_know_is_kept_raw_and_told(hub: Hub, version: str) -> None:
    delivery = hub.take(oru().replace(b"|P|2.5|", f"|P|{version}|".encode()))
    assert (hub.ends(), hub.documents()) == ({"flagged": 1}, [])
    assert told(hub, delivery) == [("message 1", "flagged", ["VERSION_KEPT_RAW"])]


def test_segments_of_one_country_are_kept_beside_what_is_read(hub: Hub) -> None:
    local = "ZBE|1^HOP|20260302||INSERT|N\rZFA|ACTIF\rZFD|||N\rZFM|1\rZZZ|x\r"
    hub.take(oru().replace(b"PV1|1|N\r", f"PV1|1|N\r{local}".encode()))
    assert hub.ends() == {"accepted": 1}
    for event, notes in (("A01", []), ("A17", [("message 1", "flagged", ["EVENT_KEPT_RAW"])])):
        lines = [header(f"ADT^{event}^ADT_{event}", event, version="2.5"), "EVN||20260302", pid(), local]
        assert told(hub, hub.take("\r".join(lines).encode())) == notes


@pytest.mark.parametrize(
    ("written", "created"),
    [
        ("2026", "2026"),
        ("202603", "2026-03"),
        ("20260302", "2026-03-02"),
        ("202603021130", "2026-03-02T11:30"),
        ("20260302113000+1400", "2026-03-02T11:30:00+14:00"),
        ("20261025023000", "2026-10-25T02:30:00"),
        ("20240230", None),
        ("202603022400", None),
        ("20260302113000+2500", None),
    ],
)
def test_a_time_keeps_its_precision_or_is_refused(hub: Hub, written: str, created: str | None) -> None:
    hub.take(oru(reported=written))
    if created is None:
        assert quarantined(hub) == [("refused", "CREATION_TIME_INVALID", "message 1, OBR 1")]
    else:
        assert [row["created"] for row in hub.documents()] == [created]
