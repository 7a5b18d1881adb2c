"""The samples with their headers written otherwise: what means the same gives the same metadata, what does not, not."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from lxml import etree

from connectors.base import Document, Source
from connectors.cda.reader import CDA
from transforms.documents import DocumentRecord, from_cda
from transforms.xds.entry import DocumentEntry, document_entry

V3 = "{urn:hl7-org:v3}"


def record(data: bytes) -> DocumentRecord:
    (document,) = CDA.read(Source.of_bytes("document", data))
    assert isinstance(document, Document)
    return from_cda(document)


def meaning(data: bytes) -> tuple[DocumentEntry, DocumentRecord]:
    """Metadata without those of the bytes themselves, and the record for its patient."""
    found = record(data)
    return msgspec.structs.replace(document_entry(found), hash="", size=0), found


def written(root: etree._Element) -> bytes:
    return etree.tostring(root.getroottree(), encoding="utf-8", xml_declaration=True)


def header_of(root: etree._Element) -> etree._Element:
    return next(root.iter(f"{V3}ClinicalDocument"))


def short_offsets(data: bytes) -> bytes:
    """Every `+0100` of a time as `+100`."""
    return re.sub(rb'(value="\d{8,14})([+-])0(\d00")', rb"\1\2\3", data)


def shuffled_templates(root: etree._Element, rng: random.Random) -> None:
    document = header_of(root)
    templates = document.findall(f"{V3}templateId")
    at = document.index(templates[0])
    for template in templates:
        document.remove(template)
    rng.shuffle(templates)
    for offset, template in enumerate(templates):
        document.insert(at + offset, template)


def shuffled_names(root: etree._Element, rng: random.Random) -> None:
    for name in header_of(root).iterfind(f"{V3}recordTarget/{V3}patientRole/{V3}patient/{V3}name"):
        parts = list(name)
        rng.shuffle(parts)
        name[:] = parts


def shuffled_acts(root: etree._Element, rng: random.Random) -> None:
    """Acts that only have a code put before the main one."""
    document = header_of(root)
    first = next(document.iterchildren(f"{V3}documentationOf"))
    for number in range(3):
        bare = etree.fromstring(
            f'<documentationOf xmlns="urn:hl7-org:v3"><serviceEvent><code code="X{number}" codeSystem="1.2.3"/>'
            "</serviceEvent></documentationOf>"
        )
        first.addprevious(bare)


def samples_of(folder: Path) -> list[Path]:
    return sorted((folder / "cda").glob("*.xml"))


def test_offsets_of_three_digits_mean_the_same_instant(samples: Path) -> None:
    changed = 0
    for path in samples_of(samples):
        data = path.read_bytes()
        (before, _), (after, _) = meaning(data), meaning(short_offsets(data))
        changed += before.creation_time.said != after.creation_time.said
        for name in ("creation_time", "service_start_time", "service_stop_time"):
            assert getattr(before, name).value == getattr(after, name).value, (path.name, name)
    assert changed > 55


@pytest.mark.parametrize("mutate", [shuffled_templates, shuffled_names])
def test_the_order_of_templates_and_of_name_parts_means_nothing(
    samples: Path, mutate: Callable[[etree._Element, random.Random], None]
) -> None:
    rng = random.Random(5)
    for path in samples_of(samples):
        root = etree.parse(path).getroot()
        entry, before = meaning(written(root))
        mutate(root, rng)
        again, after = meaning(written(root))
        assert again == entry, path.name
        assert after.patient == before.patient, path.name


def test_acts_without_performer_do_not_become_the_main_one(samples: Path) -> None:
    rng = random.Random(5)
    for path in samples_of(samples):
        root = etree.parse(path).getroot()
        entry, _ = meaning(written(root))
        shuffled_acts(root, rng)
        again, _ = meaning(written(root))
        codes = [code.code for code in again.event_code_list]
        assert codes[:3] == ["X0", "X1", "X2"] and len(codes) == len(entry.event_code_list) + 3, path.name
        assert msgspec.structs.replace(again, event_code_list=entry.event_code_list) == entry, path.name


def test_without_offsets_no_instant_is_made_up(samples: Path) -> None:
    for path in samples_of(samples):
        data = re.sub(rb'(value="\d{12,14})[+-]\d{3,4}"', rb'\1"', path.read_bytes())
        entry, found = meaning(data)
        assert (entry.creation_time.value, entry.creation_time.how) == ("", "no_offset"), path.name
        assert found.created_zone == "none" and "ZONE_MISSING" in found.findings
        assert "creationTime" in entry.missing


def test_whatever_element_is_taken_out_the_rest_is_read(samples: Path) -> None:
    """Each child of a header removed in turn: never a crash, and only what it says is lost."""
    path = next(path for path in samples_of(samples) if path.name.startswith("LDL-SES"))
    root = etree.parse(path).getroot()
    whole, _ = meaning(written(root))
    document = header_of(root)
    for child in [child for child in document if isinstance(child.tag, str)]:
        at = document.index(child)
        document.remove(child)
        entry, _ = meaning(written(root))
        document.insert(at, child)
        name = etree.QName(child).localname
        if name in ("informant", "informationRecipient", "participant", "realmCode", "typeId", "setId", "component"):
            assert msgspec.structs.replace(entry, model=whole.model) == whole, name
    assert meaning(written(root))[0] == whole
