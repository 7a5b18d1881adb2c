"""`export.zip` hands on the one document it is about, lazily, and an unsafe archive is not opened at all."""

from __future__ import annotations

import io
import stat
import warnings
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import Enclosed, Ignored, RawReadings, Refusal, Source
from connectors.devices import apple_archive, apple_health
from connectors.registry import recognise
from tests.connectors.devices.exports import health, record, rows_of, zipped
from tests.connectors.devices.samples import sample

FOLDER = "apple_health_export/"


def read(data: bytes) -> list[Enclosed | Ignored | Refusal]:
    return list(apple_archive.read(Source.of_bytes("export.zip", data)))


def code_of(data: bytes) -> str:
    (refusal,) = read(data)
    assert isinstance(refusal, Refusal)
    return refusal.code


def test_a_real_archive_gives_the_records_of_the_document_inside() -> None:
    source = Source.of_path(sample("apple-health-parser/tests/data/export.zip"))
    connector = recognise(source)
    assert connector is not None and connector.name == "apple-health-zip"
    items = list(connector.read(source))
    (enclosed,) = [item for item in items if isinstance(item, Enclosed)]
    inner = recognise(enclosed.source)
    assert inner is not None and inner.name == "apple-health"
    plain = Source.of_path(sample("apple-health-parser/tests/data/export.xml"))
    assert rows_of(inner.read(enclosed.source)) == rows_of(inner.read(plain))
    assert [item.rule for item in items if isinstance(item, Ignored)] == ["ARCHIVE_INDEX"] * 3


def test_the_document_is_found_by_content_and_the_rest_is_ignored_by_rule() -> None:
    data = zipped(
        {
            FOLDER + "exportation.xml": health(record()),
            FOLDER + "export_cda.xml": '<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3"/>',
            FOLDER + "workout-routes/route.gpx": "<gpx/>",
            FOLDER + "electrocardiograms/ecg.csv": "x",
            "__MACOSX/" + FOLDER + "._exportation.xml": "x",
        }
    )
    items = read(data)
    assert [(item.locator.member, item.rule) for item in items if isinstance(item, Ignored)] == [
        (2, "EXPORT_CDA_COPY"),
        (3, "ATTACHMENT_KEPT_RAW"),
        (4, "ATTACHMENT_KEPT_RAW"),
        (5, "ARCHIVE_INDEX"),
    ]
    (enclosed,) = [item for item in items if isinstance(item, Enclosed)]
    assert enclosed.locator.member == 1
    assert len(rows_of(apple_health.read(enclosed.source))) == 1
    assert data[enclosed.span.start :].startswith(b"PK\x03\x04")


def test_a_member_inflates_as_it_is_read_and_can_be_read_again() -> None:
    text = health("".join(record(value=str(n)) for n in range(20_000))).encode()
    (enclosed,) = read(zipped({FOLDER + "export.xml": text}))
    assert isinstance(enclosed, Enclosed)
    with enclosed.source.open() as stream:
        assert stream.read(100) == text[:100]
        stream.seek(50)
        assert stream.read(50) == text[50:100]
    assert enclosed.source.size == len(text)
    assert enclosed.source.read() == text


@pytest.mark.parametrize("name", ["../export.xml", "a/../../x.xml", "/etc/x.xml", "C:\\x.xml", "..\\x.xml"])
def test_a_name_that_leaves_the_archive_makes_it_unsafe(name: str) -> None:
    assert code_of(zipped({FOLDER + "export.xml": health(""), name: "x"})) == "ARCHIVE_UNSAFE"


def test_a_bomb_is_not_inflated() -> None:
    assert code_of(zipped({FOLDER + "export.xml": b"<HealthData>" + b" " * (64 << 20)})) == "ARCHIVE_UNSAFE"


def test_a_password_a_link_and_a_repeated_name_make_it_unsafe() -> None:
    data = bytearray(zipped({FOLDER + "export.xml": health("")}))
    central = data.rindex(b"PK\x01\x02")
    data[central + 8] |= 1
    assert code_of(bytes(data)) == "ARCHIVE_UNSAFE"

    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        archive.writestr("export.xml", "a")
        archive.writestr("export.xml", "b")
    assert code_of(held.getvalue()) == "ARCHIVE_UNSAFE"

    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        link = zipfile.ZipInfo("export.xml")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/hostname")
    assert code_of(held.getvalue()) == "ARCHIVE_UNSAFE"


def test_too_many_entries_make_it_unsafe() -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for n in range(50_001):
            archive.writestr(f"{n}", b"")
    assert code_of(held.getvalue()) == "ARCHIVE_UNSAFE"


def test_a_directory_too_large_to_hold_is_not_read() -> None:
    data = bytearray(zipped({FOLDER + "export.xml": health("")}))
    end = data.rindex(b"PK\x05\x06")
    data[end + 12 : end + 16] = (9 << 20).to_bytes(4, "little")
    (refusal,) = read(bytes(data))
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.expected) == ("ARCHIVE_UNSAFE", "a central directory of at most 8 MiB")


def test_an_archive_without_the_export_or_cut_short_is_refused() -> None:
    whole = zipped({FOLDER + "export.xml": health("")})
    assert code_of(whole[:-30]) == "ARCHIVE_DAMAGED"
    items = read(zipped({FOLDER + "other.xml": "<x/>"}))
    assert [item.code for item in items if isinstance(item, Refusal)] == ["EXPORT_XML_MISSING"]


def test_a_damaged_member_gives_its_sound_records_then_a_refusal() -> None:
    text = health("".join(record(value=str(n % 200), start=f"2025-11-03 08:{n % 60:02}:00 +0100") for n in range(9000)))
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(FOLDER + "export.xml", text)
    data = bytearray(held.getvalue())
    at = data.index(b'value="150"', len(data) // 2)
    data[at + 7 : at + 10] = b"151"
    (enclosed,) = read(bytes(data))
    assert isinstance(enclosed, Enclosed)
    items = list(apple_health.read(enclosed.source))
    assert [item.code for item in items if isinstance(item, Refusal)] == ["ARCHIVE_DAMAGED"]
    assert len(rows_of(items)) > 1000
    spans = sum(item.span.length for item in items if isinstance(item, RawReadings | Refusal))
    assert spans == enclosed.source.size


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5000), st.binary(min_size=1, max_size=6)), max_size=4), st.booleans())
def test_mutated_archives_never_raise(changes: list[tuple[int, bytes]], cut: bool) -> None:
    data = bytearray(zipped({FOLDER + "export.xml": health(record() * 40), FOLDER + "a.gpx": "<gpx/>"}))
    for at, put in changes:
        data[at % len(data) : at % len(data) + len(put)] = put
    if cut:
        del data[-(changes[0][0] % len(data)) if changes else -1 :]
    for item in read(bytes(data)):
        if isinstance(item, Enclosed):
            list(apple_health.read(item.source))
