"""An XDM archive by its metadata, and a plain batch: what each member is, in the order of the bytes."""

from __future__ import annotations

import random
import time
import zipfile

import pytest

from connectors.archive import members
from connectors.base import Enclosed, Ignored, Refusal, Source, Yielded
from connectors.cda import archives
from connectors.registry import CONNECTORS, recognise
from connectors.submissions import Metadata, Submitted
from tests.cda import cda
from tests.hl7 import batch, oru
from tests.mail import PDF
from tests.xdm import SUBSET, entry, metadata, xdm, zipped


def read(data: bytes) -> list[Yielded]:
    return list(archives.read(Source.of_bytes("x.zip", data)))


def told(found: Yielded) -> str:
    match found:
        case Metadata():
            return "metadata"
        case Submitted():
            return f"submitted {found.entry.uri}"
        case Enclosed():
            return "enclosed"
        case Ignored():
            return found.rule
        case Refusal():
            return found.code
    return type(found).__name__


def by_name(data: bytes) -> dict[str, list[str]]:
    """What is said of each member, by its name."""
    found = members(Source.of_bytes("x.zip", data))
    assert isinstance(found, list)
    names = {member.number: member.name for member in found}
    said: dict[str, list[str]] = {}
    for one in read(data):
        said.setdefault(names[one.locator.member or 0], []).append(told(one))
    return said


def test_the_members_of_an_xdm_are_index_metadata_documents() -> None:
    data = xdm(cda("1"), cda("2"), more={f"{SUBSET}DOC0001.PDF": PDF, "CDA.XSL": "<xsl/>", "__MACOSX/._x": "x"})
    assert by_name(data) == {
        "INDEX.HTM": ["ARCHIVE_INDEX"],
        "README.TXT": ["ARCHIVE_INDEX"],
        f"{SUBSET}METADATA.XML": ["metadata"],
        f"{SUBSET}DOC0001.XML": ["submitted DOC0001.XML"],
        f"{SUBSET}DOC0002.XML": ["submitted DOC0002.XML"],
        f"{SUBSET}DOC0001.PDF": ["PRINTED_COPY"],
        "CDA.XSL": ["ARCHIVE_INDEX"],
        "__MACOSX/._x": ["ARCHIVE_INDEX"],
    }


def test_an_xdm_without_index_or_readme_in_any_case_and_below_any_folder_is_one() -> None:
    described = metadata(entry(cda("1"), uri="Doc0001.xml"))
    data = zipped({"export/ihe_xdm/Subset01/Metadata.xml": described, "export/ihe_xdm/Subset01/doc0001.XML": cda("1")})
    assert list(by_name(data).values()) == [["metadata"], ["submitted Doc0001.xml"]]


def test_each_subset_has_its_own_metadata() -> None:
    data = zipped(
        {
            "IHE_XDM/SUBSET02/DOC0001.XML": cda("2"),
            "IHE_XDM/SUBSET01/METADATA.XML": metadata(entry(cda("1"))),
            "IHE_XDM/SUBSET01/DOC0001.XML": cda("1"),
            "IHE_XDM/SUBSET02/METADATA.XML": metadata(entry(cda("2"))),
        }
    )
    documents = [one for one in read(data) if isinstance(one, Submitted)]
    assert [(one.locator.member, one.metadata, one.entry.unique_id.root[-1]) for one in documents] == [
        (1, 4, "2"),
        (3, 2, "1"),
    ]


def test_an_entry_without_its_file_a_file_without_entry_and_a_file_with_two_are_refused() -> None:
    described = metadata(
        entry(cda("1")), entry(cda("1")), entry(cda("2"), "DOC0009.XML"), entry(cda("3"), "../../../etc/passwd")
    )
    data = xdm(cda("1"), cda("2"), described=described)
    said = by_name(data)
    assert said[f"{SUBSET}METADATA.XML"] == ["metadata", "ENTRY_WITHOUT_DOCUMENT", "ENTRY_WITHOUT_DOCUMENT"]
    assert said[f"{SUBSET}DOC0001.XML"] == ["METADATA_INCONSISTENT"]
    assert said[f"{SUBSET}DOC0002.XML"] == ["DOCUMENT_WITHOUT_ENTRY"]
    missing = [str(one.locator) for one in read(data) if told(one) == "ENTRY_WITHOUT_DOCUMENT"]
    assert missing == ["member 3, document 3", "member 3, document 4"]


@pytest.mark.parametrize("described", [b"<a/>", b"", b"<!DOCTYPE a><a/>"])
def test_without_metadata_that_can_be_read_no_document_is_taken(described: bytes) -> None:
    said = by_name(xdm(cda("1"), described=described))
    assert said[f"{SUBSET}METADATA.XML"] == said[f"{SUBSET}DOC0001.XML"] == ["METADATA_UNREADABLE"]


def test_without_metadata_at_all_neither() -> None:
    assert by_name(zipped({"INDEX.HTM": "x", f"{SUBSET}DOC0001.XML": cda("1")})) == {
        "INDEX.HTM": ["ARCHIVE_INDEX"],
        f"{SUBSET}DOC0001.XML": ["DOCUMENT_WITHOUT_ENTRY"],
    }


def test_a_style_sheet_that_carries_its_document_is_no_index_file() -> None:
    presenting = b'<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform">' + b" " * 300_000 + cda("1")[39:]
    presenting += b"</xsl:stylesheet>"
    said = by_name(xdm(presenting, described=metadata(), more={"EMPTY.XSL": b"<x match='n1:ClinicalDocument'/>"}))
    assert said["EMPTY.XSL"] == ["ARCHIVE_INDEX"]
    data = xdm(cda("1"), more={f"{SUBSET}DOC0002.XSL": presenting}, method=zipfile.ZIP_STORED)
    assert by_name(data)[f"{SUBSET}DOC0002.XSL"] == ["DOCUMENT_WITHOUT_ENTRY"]


def test_what_only_bears_the_name_of_an_index_or_a_copy_is_looked_at() -> None:
    data = xdm(
        cda("1"), more={f"{SUBSET}DOC0001.PDF": cda("2"), "__MACOSX/a.xml": cda("3"), f"{SUBSET}README.TXT": "x"}
    )
    said = by_name(data)
    for name in (f"{SUBSET}DOC0001.PDF", "__MACOSX/a.xml", f"{SUBSET}README.TXT"):
        assert said[name] == ["DOCUMENT_WITHOUT_ENTRY"], name


def test_thousands_of_subsets_are_read_in_the_time_of_their_number() -> None:
    files: dict[str, str | bytes] = {}
    for n in range(3000):
        files[f"IHE_XDM/S{n}/METADATA.XML"] = metadata()
        files[f"IHE_XDM/S{n}/NOTE.TXT"] = random.Random(n).randbytes(20)
    data = zipped(files)
    started = time.process_time()
    assert len(read(data)) == 6000
    assert time.process_time() - started < 10


def test_a_plain_batch_hands_on_every_file() -> None:
    data = zipped({"a.xml": cda("1"), "b.hl7": batch([oru()]), "c.zip": xdm(cda("2")), "Thumbs.db": "x"})
    assert list(by_name(data).values()) == [["enclosed"]] * 3 + [["ARCHIVE_INDEX"]]
    names = [recognise(one.source) for one in read(data) if isinstance(one, Enclosed)]
    assert [found and found.name for found in names] == ["cda", "hl7v2", "zip"]


def test_a_damaged_file_is_refused_and_those_beside_it_are_read() -> None:
    data = bytearray(zipped({"a.xml": cda("1"), "b.xml": cda("2")}, zipfile.ZIP_STORED))
    data[data.index(b"Biochimie")] ^= 1
    assert by_name(bytes(data)) == {"a.xml": ["ARCHIVE_DAMAGED"], "b.xml": ["enclosed"]}


def test_an_empty_archive_is_an_empty_delivery() -> None:
    assert [told(one) for one in read(zipped({}))] == ["EMPTY_FILE"]


def test_members_come_in_the_order_of_their_bytes() -> None:
    data = xdm(*(cda(str(n)) for n in range(1, 9)))
    starts = [one.span.start for one in read(data)]
    assert starts == sorted(starts)


def test_the_export_of_a_phone_is_left_to_its_own_reader() -> None:
    for name in ("apple_health_export/export.xml", "export.xml", "__MACOSX/apple_health_export/x"):
        data = zipped({name: "<HealthData></HealthData>"})
        assert [c.name for c in CONNECTORS if c.recognises(data, "x.zip")] == ["apple-health-zip"]
