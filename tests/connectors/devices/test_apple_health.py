"""Apple Health exports are streamed whole: broken DTDs, control characters, pairs of pressures, files cut short."""

from __future__ import annotations

import itertools
import random
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import Ignored, RawReadings, Refusal, Source
from connectors.devices import apple_health
from connectors.devices.apple_health import Yield
from connectors.registry import recognise
from tests.connectors.devices.exports import correlation, element, health, pressure, record, rows_of
from tests.connectors.devices.samples import sample

STATM = Path("/proc/self/statm")
ROOT = Path(__file__).parents[3]


def read(text: bytes | str) -> list[Yield]:
    data = text if isinstance(text, bytes) else text.encode()
    return list(apple_health.read(Source.of_bytes("x", data)))


def refusals(items: list[Yield]) -> list[tuple[str, int | None]]:
    return [(item.code, item.locator.line) for item in items if isinstance(item, Refusal)]


def ignored(items: list[Yield]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for item in items:
        if isinstance(item, Ignored):
            counts[item.rule] += item.count
    return counts


@pytest.mark.parametrize(
    ("path", "kept", "rules"),
    [
        (
            "applehealthdata/testdata/export6s3sample.xml",
            10,
            {"NOT_A_MEASURE_KEPT_RAW": 5, "SUMMARY_KEPT_RAW": 2, "WORKOUT_KEPT_RAW": 1},
        ),
        ("apple-health-parser/tests/data/export.xml", 4, {"NOT_A_MEASURE_KEPT_RAW": 4}),
    ],
)
def test_real_exports_are_recognised_and_every_record_counted(path: str, kept: int, rules: dict[str, int]) -> None:
    source = Source.of_path(sample(path))
    connector = recognise(source)
    assert connector is not None and connector.name == "apple-health"
    items = cast(list[Yield], list(connector.read(source)))
    assert len(rows_of(items)) == kept
    assert ignored(items) == rules
    assert refusals(items) == []
    lines = source.read().decode().split("\n")
    for row in rows_of(items):
        assert str(row["measure"]) in lines[int(str(row["line"])) - 1]


def test_a_record_keeps_what_it_says_with_its_line_and_context() -> None:
    device = "&lt;&lt;HKDevice: 0x28f&gt;, name:Apple Watch, model:Watch, hardware:Watch6,7&gt;"
    entries = element("MetadataEntry", key="HKTimeZone", value="Europe/Paris") + element(
        "MetadataEntry", key="HKWasUserEntered", value="1"
    )
    text = health(record(body=entries, device=device, sourceName="L&apos;iPhone"))
    (batch,) = [item for item in read(text) if isinstance(item, RawReadings)]
    (row,) = batch.batch.to_pylist()
    assert row == {
        "line": 1 + text[: text.index("<Record")].count("\n"),
        "measure": "HKQuantityTypeIdentifierHeartRate",
        "value": "70",
        "value2": None,
        "unit": "count/min",
        "time": "2025-11-03 08:00:00 +0100",
        "end_time": "2025-11-03 08:00:00 +0100",
        "zone": "Europe/Paris",
        "device": "name:Apple Watch, model:Watch, hardware:Watch6,7",
        "origin": "L'iPhone",
        "status": "",
        "context": '{"HKTimeZone":"Europe/Paris","HKWasUserEntered":"1"}',
    }
    assert batch.patient is not None
    assert (batch.patient.birth_date, batch.patient.sex) == ("1970-02-03", "HKBiologicalSexFemale")
    assert batch.facts == {
        "format": "apple-health",
        "locale": "fr_FR",
        "generated_at": "2025-11-28 09:00:00 +0100",
    }


def test_the_address_of_a_device_does_not_make_two_devices() -> None:
    devices = [f"&lt;&lt;HKDevice: 0x{n}&gt;, name:Watch&gt;" for n in ("1a", "ff")]
    found = rows_of(read(health("".join(record(device=device) for device in devices))))
    assert [row["device"] for row in found] == ["name:Watch", "name:Watch"]


def test_a_broken_dtd_and_control_characters_do_not_stop_it() -> None:
    text = health(record() + record(sourceName="a\x0bb\x00c"))
    items = read(text)
    assert refusals(items) == []
    assert [row["origin"] for row in rows_of(items)] == ["Montre", "a b c"]


def test_an_entity_can_not_be_declared_so_none_is_resolved() -> None:
    dtd = '<!DOCTYPE HealthData [<!ENTITY x SYSTEM "file:///etc/hostname"><!ENTITY y "&x;&x;">]>\n'
    items = read(health(record() + record(sourceName="&y;"), dtd=dtd))
    assert len(rows_of(items)) == 1
    assert [code for code, _ in refusals(items)] == ["XML_MALFORMED"]


@pytest.mark.parametrize("first", ["records", "correlation"])
def test_a_pressure_pair_is_one_reading_and_its_repeats_are_told(first: str) -> None:
    parts = [pressure("120", "80"), correlation(pressure("120", "80"))]
    items = read(health("".join(parts if first == "records" else reversed(parts))))
    found = Counter((row["measure"], row["value"], row["value2"], row["status"]) for row in rows_of(items))
    assert found == {
        ("HKCorrelationTypeIdentifierBloodPressure", "120", "80", ""): 1,
        ("HKQuantityTypeIdentifierBloodPressureSystolic", "120", None, "REPEATED_IN_CORRELATION"): 1,
        ("HKQuantityTypeIdentifierBloodPressureDiastolic", "80", None, "REPEATED_IN_CORRELATION"): 1,
    }


def test_halves_without_a_correlation_join_by_start_and_source_only_when_that_is_certain() -> None:
    later, twice = "2025-11-03 09:00:00 +0100", "2025-11-03 10:00:00 +0100"
    alone = record("HKQuantityTypeIdentifierBloodPressureSystolic", "130", "mmHg", later)
    items = read(health(pressure("120", "80") + alone + pressure("121", "81", twice) + pressure("122", "82", twice)))
    found = [(row["value"], row["value2"], row["status"]) for row in rows_of(items)]
    assert found == [
        ("120", "80", ""),
        ("80", None, "JOINED_TO_SYSTOLIC"),
        ("130", None, ""),
        ("121", None, ""),
        (None, "81", ""),
        ("122", None, ""),
        (None, "82", ""),
    ]


def test_what_is_no_measure_is_counted_by_rule() -> None:
    inner = element("WorkoutEvent", type="x") + record("HKQuantityTypeIdentifierEnergy")
    body = (
        record("HKQuantityTypeIdentifierDistanceWalkingRunning", unit="km")
        + element("Workout", inner)
        + element("ActivitySummary")
        + element("Correlation", record("HKQuantityTypeIdentifierDietaryWater"), type="Food")
        + element("Novelty")
    )
    items = read(health(body))
    assert rows_of(items) == []
    assert ignored(items) == {
        "NOT_A_MEASURE_KEPT_RAW": 2,
        "WORKOUT_KEPT_RAW": 1,
        "SUMMARY_KEPT_RAW": 1,
        "ELEMENT_KEPT_RAW": 1,
    }


def test_a_truncated_file_gives_every_record_before_the_break_then_says_where() -> None:
    whole = health("".join(record(value=str(60 + n)) for n in range(5)))
    cut = whole.index('value="63"')
    items = read(whole[:cut])
    assert [row["value"] for row in rows_of(items)] == ["60", "61", "62"]
    assert refusals(items) == [("XML_TRUNCATED", whole[:cut].count("\n") + 1)]
    inside = health(record() + record(body=element("MetadataEntry", key="k", value="v")))
    start = inside.rindex("<Record")
    items = read(inside[: inside.index("<MetadataEntry")])
    (refusal,) = [item for item in items if isinstance(item, Refusal)]
    assert (refusal.code, refusal.span.start, refusal.locator.line) == (
        "XML_TRUNCATED",
        start,
        inside[:start].count("\n") + 1,
    )


def test_a_malformed_file_gives_every_record_before_the_fault() -> None:
    items = read(health(record() + " <Record type=HeartRate/>\n" + record()))
    assert len(rows_of(items)) == 1
    assert [code for code, _ in refusals(items)] == ["XML_MALFORMED"]


def test_depth_and_unfinished_tags_are_bounded() -> None:
    deep = health("<a>" * 2000 + "</a>" * 2000)
    assert [code for code, _ in refusals(read(deep))] == ["XML_MALFORMED"]
    endless = health(record(sourceName="x" * (9 << 20)))
    assert [code for code, _ in refusals(read(endless))] == ["XML_MALFORMED"]


def test_the_spans_of_batches_and_refusal_cover_the_file_in_order() -> None:
    for text in (health(record() * 25_000), health(record() * 25_000)[:-5000]):
        parts = [item for item in read(text) if isinstance(item, RawReadings | Refusal)]
        assert len(parts) >= 2
        assert parts[0].span.start == 0 and parts[-1].span.end == len(text)
        assert all(one.span.end == other.span.start for one, other in itertools.pairwise(parts))
        for item in parts[1:]:
            assert item.span.length == 0 or text[item.span.start :].startswith(("<Record", "</Heal"))


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_mutated_bytes_never_raise_and_nothing_of_them_is_repeated_in_a_refusal(data: st.DataObject) -> None:
    whole = bytearray(health(pressure("120", "80") + correlation(pressure("120", "80")) + record() * 3).encode())
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, len(whole) - 1))
        match data.draw(st.sampled_from(["cut", "drop", "put", "double"])):
            case "cut":
                del whole[at:]
                whole = whole or bytearray(b"<")
            case "drop":
                del whole[at : at + data.draw(st.integers(1, 30))]
                whole = whole or bytearray(b"<")
            case "put":
                whole[at:at] = data.draw(st.binary(min_size=1, max_size=8))
            case _:
                whole[at:at] = whole[at : at + 60]
    items = read(bytes(whole))
    assert [type(item) for item in items] == [type(item) for item in read(bytes(whole))]
    spans = sum(item.span.length for item in items if isinstance(item, RawReadings | Refusal))
    assert spans == len(whole)
    assert not any("Montre" in str(item) for item in items if isinstance(item, Refusal))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_arbitrary_bytes_never_raise(data: bytes) -> None:
    apple_health.recognises(data, "")
    assert any(isinstance(item, Refusal) for item in read(data))


class Generated(BytesIO):
    """A long export made while it is read, so that only the reader's memory counts."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._parts = self._text(size)
        self._held = b""

    @staticmethod
    def _text(size: int) -> Iterator[bytes]:
        head, _, tail = health("@").partition("@")
        yield head.encode()
        seed, done = random.Random(7), 0
        block = "".join(
            record(
                seed.choice(["HKQuantityTypeIdentifierHeartRate", "HKQuantityTypeIdentifierActiveEnergyBurned"]),
                str(seed.randrange(50, 150)),
                start=f"2025-11-{seed.randrange(1, 28):02} 08:00:{seed.randrange(60):02} +0100",
                device="&lt;&lt;HKDevice: 0x28f&gt;, name:Apple Watch, model:Watch&gt;",
            )
            for _ in range(2000)
        ).encode()
        while done < size:
            yield block
            done += len(block)
        yield tail.encode()

    def read(self, size: int | None = -1, /) -> bytes:
        while len(self._held) < (size or 0) and (part := next(self._parts, b"")):
            self._held += part
        found, self._held = self._held[:size], self._held[size:]
        return found


def resident() -> int:
    """Bytes of this process in memory."""
    return int(STATM.read_text().split()[1]) * resource.getpagesize()


def peak_of(size: int) -> int:
    """Bytes of memory that reading an export of this size takes at most."""
    source = Source("x", size, lambda: cast(BinaryIO, Generated(size)))
    rows = peak = 0
    for item in apple_health.read(source):
        rows += item.batch.num_rows if isinstance(item, RawReadings) else 0
        peak = max(peak, resident())
    assert rows > size / 700
    return peak


@pytest.mark.skipif(not STATM.exists(), reason="memory is measured through /proc")
def test_memory_does_not_grow_with_the_export() -> None:
    """Each size in a process of its own: what other tests left in this one would be measured too."""
    program = (
        "import sys; from tests.connectors.devices.test_apple_health import peak_of; print(peak_of(int(sys.argv[1])))"
    )
    small, large = (
        int(
            subprocess.run([sys.executable, "-c", program, str(size)], cwd=ROOT, capture_output=True, check=True).stdout
        )
        for size in (15 << 20, 60 << 20)
    )
    assert large - small < 12 << 20
