"""One suite over every connector: recognised by one, deterministic, lazy, placed, and never raising on any bytes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Connector, Enclosed, Mail, Refusal, Source, Yielded
from connectors.registry import CONNECTORS, recognise
from tests.cda import INS, TEST_OID, cda
from tests.hl7 import batch, mdm, oru
from tests.mail import mail
from tests.xdm import xdm, zipped

COLUMNS = "ins,ins_oid,event,occurred_at,channel,department,birth_year,sex"
FEED = f"{COLUMNS}\n{INS},{TEST_OID},opened,2026-01-05,web,44,1985,F\n"
ENROLMENT = f"ipp;ipp_authority;ins;ins_oid\nIPP-1;1.2.3.4.5;{INS};{TEST_OID}\n"
LIBRE = (
    "Glucose Data,Generated on,20-02-2026 09:12 UTC\n"
    "Device,Serial Number,Device Timestamp,Record Type,Historic Glucose mg/dL,Scan Glucose mg/dL\n"
    "LibreLink,ABC-123,13-02-2026 08:03,0,103,\n"
)
APPLE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<HealthData locale="fr_FR">\n'
    ' <Record type="HKQuantityTypeIdentifierBodyMass" sourceName="Balance" unit="kg" value="71.5"'
    ' startDate="2026-02-13 08:00:00 +0100" endDate="2026-02-13 08:00:00 +0100"/>\n</HealthData>\n'
)
GOLDENS = {
    "hl7v2": batch([mdm(cda("1")), oru()]),
    "cda": cda("1"),
    "accounts-csv": FEED.encode(),
    "enrolment-csv": ENROLMENT.encode(),
    "libreview": LIBRE.encode(),
    "apple-health": APPLE.encode(),
    "apple-health-zip": zipped({"apple_health_export/export.xml": APPLE}),
    "zip": xdm(cda("1"), cda("2", level=1)),
    "mail": mail(("IHE_XDM.zip", xdm(cda("1")))),
}


def read(connector: Connector, data: bytes) -> list[Yielded]:
    """All that a connector says; of a mail, what it carries too."""
    said = list(connector.read(Source.of_bytes("export", data)))
    return [*said, *(part for one in said if isinstance(one, Mail) for part in one.parts)]


@pytest.mark.parametrize("name", GOLDENS)
def test_a_golden_is_recognised_by_exactly_one_connector(name: str) -> None:
    head = GOLDENS[name][:4096]
    assert [c.name for c in CONNECTORS if c.recognises(head, "export")] == [name]


@pytest.mark.parametrize("name", GOLDENS)
def test_reading_twice_says_the_same(name: str) -> None:
    connector = next(c for c in CONNECTORS if c.name == name)
    one, other = read(connector, GOLDENS[name]), read(connector, GOLDENS[name])
    plain = [[y for y in ys if not isinstance(y, Enclosed | Mail)] for ys in (one, other)]
    assert len(one) == len(other) > 0
    assert plain[0] == plain[1]
    inside = [[y.source.read() for y in ys if isinstance(y, Enclosed)] for ys in (one, other)]
    assert inside[0] == inside[1]


@pytest.mark.parametrize("connector", CONNECTORS, ids=lambda c: c.name)
def test_reading_is_lazy(connector: Connector) -> None:
    def refuse() -> Iterator[bytes]:
        raise AssertionError("opened before the first item was asked for")

    connector.read(Source("export", 10, refuse))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", GOLDENS)
def test_everything_has_a_place_within_the_bytes(name: str) -> None:
    connector = next(c for c in CONNECTORS if c.name == name)
    for found in read(connector, GOLDENS[name]):
        assert str(found.locator)
        assert 0 <= found.span.start <= found.span.end <= len(GOLDENS[name])


@pytest.mark.parametrize("connector", CONNECTORS, ids=lambda c: c.name)
@given(data=st.binary(max_size=400))
def test_any_bytes_are_a_value(connector: Connector, data: bytes) -> None:
    connector.recognises(data, "export")
    read(connector, data)


@pytest.mark.parametrize("name", GOLDENS)
def test_mutated_goldens_never_raise_and_refusals_quote_nothing(name: str) -> None:
    connector = next(c for c in CONNECTORS if c.name == name)
    rng = random.Random(7)
    secrets = [INS, "HOSTIS", "Glyc", "ABC-123"]
    for _ in range(150):
        data = bytearray(GOLDENS[name])
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(data))
            match rng.randrange(3):
                case 0:
                    data[at] = rng.randrange(256)
                case 1:
                    del data[at : at + rng.randint(1, 20)]
                case _:
                    data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 8)))
            if not data:
                break
        for found in read(connector, bytes(data)):
            if isinstance(found, Refusal):
                said = f"{found.locator} {found.expected} {found.came}"
                assert not [secret for secret in secrets if secret in said]


def test_every_sample_is_recognised(samples: Path) -> None:
    for path in [*(samples / "cda").glob("*.xml"), *(p for p in (samples / "hl7").rglob("*") if p.is_file())]:
        connector = recognise(Source.of_path(path))
        expected = "cda" if path.suffix.lower() == ".xml" else "hl7v2"
        assert connector is not None and connector.name == expected
