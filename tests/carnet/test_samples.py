"""The real samples: each listed as an independent reader sees it, in any order, twice, and never in the clear."""

from __future__ import annotations

import random
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from tests.hub import Hub
from warehouse import ledger
from warehouse.database import reading

V3 = "{urn:hl7-org:v3}"
AUTHORITIES = [f"1.2.250.1.213.1.4.{n}" for n in (8, 9, 10, 11)]


def seen(path: Path) -> dict[str, Any]:
    """What the standard library's parser, told nothing of ours, finds in a header."""
    document = next(ET.parse(path).getroot().iter(f"{V3}ClinicalDocument"))

    def ids(place: str) -> list[tuple[str, str]]:
        return [(e.get("root", ""), e.get("extension", "")) for e in document.findall(place)]

    def joined(pair: tuple[str, str]) -> str:
        return f"{pair[0]}^{pair[1]}" if pair[1] else pair[0]

    patient = ids(f"{V3}recordTarget/{V3}patientRole/{V3}id")
    oid, ins = next(pair for authority in AUTHORITIES for pair in patient if pair[0] == authority)
    time = document.find(f"{V3}effectiveTime")
    code = document.find(f"{V3}code")
    version = document.find(f"{V3}versionNumber")
    assert time is not None and code is not None and version is not None
    return {
        "document_id": joined(ids(f"{V3}id")[0]),
        "set_id": joined(ids(f"{V3}setId")[0]),
        "version": int(version.get("value", "")),
        "type_code": code.get("code"),
        "created": time.get("value"),
        "sections": sum(1 for _ in document.iter(f"{V3}section")),
        "entries": sum(1 for _ in document.iter(f"{V3}entry")),
        "ins": ins,
        "ins_oid": oid,
    }


def compact(iso: str) -> str:
    """`2019-12-03T13:30:00+01:00` as a document writes it: `20191203133000+0100`."""
    return iso.replace("-", "", 2).replace(":", "").replace("T", "")


def test_every_sample_is_listed_as_an_independent_reader_sees_it(hub: Hub, samples: Path) -> None:
    paths = sorted((samples / "cda").glob("*.xml"))
    hub.take_files(paths)
    listed = {row["source"]["file"]: row for row in hub.documents()}
    for path in paths:
        expected = seen(path)
        row = listed[path.name] | {"created": compact(listed[path.name]["created"])}
        assert {name: row[name] for name in expected} == expected, path.name


def test_the_samples_in_three_orders_and_twice_end_in_one_state(tmp_path: Path, samples: Path) -> None:
    hashes = set()
    paths = sorted((samples / "cda").glob("*.xml"))
    for seed in range(3):
        shuffled = list(paths)
        random.Random(seed).shuffle(shuffled)
        hub = Hub(tmp_path / str(seed))
        hub.take_files(shuffled)
        hashes.add(hub.hash())
    hub.take_files([_renamed(path, tmp_path) for path in paths])
    hashes.add(hub.hash())
    assert len(hashes) == 1
    assert sum(hub.ends().values()) == len(paths)


def _renamed(path: Path, folder: Path) -> Path:
    copy = folder / f"copy-{path.stat().st_size}-{len(path.name)}-{abs(hash(path.name)) % 9973}.xml"
    copy.write_bytes(path.read_bytes())
    return copy


def test_nothing_of_the_samples_stands_in_the_clear_in_a_home(hub: Hub, samples: Path, canaries: set[bytes]) -> None:
    from carnet import steps

    hub.take_files(p for p in sorted(samples.rglob("*")) if p.is_file() and p.parent.name == "cda")
    hub.take_files(p for p in sorted((samples / "hl7").rglob("*")) if p.is_file())
    steps.publish(hub.settings, hub.store)
    steps.measure(hub.settings, hub.store)
    steps.dashboard(hub.settings, hub.store)
    assert len(canaries) > 60
    for path in hub.store.home.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [canary for canary in canaries if canary in content], path.relative_to(hub.store.home)
    said = "".join(str(hub.receipt(row["delivery"])) for row in hub.deliveries()).encode()
    assert not [canary for canary in canaries if canary in said]


def test_the_narrative_of_every_section_is_kept_readable(hub: Hub, samples: Path) -> None:
    paths = sorted((samples / "cda").glob("*.xml"))
    hub.take_files(paths)
    with reading(hub.store.engine) as connection:
        for found in ledger.documents(hub.store, connection):
            assert len(found.record.narrative) == found.record.sections
            assert sum(section.entries for section in found.record.narrative) <= found.record.entries
        (letter,) = [d for d in ledger.documents(hub.store, connection) if d.record.type_code == "11490-0"]
    assert [section.code.code for section in letter.record.narrative][:3] == ["33557-0", "42349-1", "42545-4"]
    assert all(section.title for section in letter.record.narrative)
    assert sum(bool(section.narrative) for section in letter.record.narrative) >= 7
