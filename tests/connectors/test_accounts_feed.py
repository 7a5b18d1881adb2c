"""The feed of account events as insurers, spreadsheets and truncated transfers write it."""

from __future__ import annotations

import time
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.accounts.feed import ACCOUNTS, COLUMNS
from connectors.base import AccountEvent, Ignored, Refusal, Source, Yielded
from transforms.accounts import Problem, Understood, understand

HEADER = (",".join(COLUMNS) + "\n").encode()
ROW = b"1,2,opened,2026-01-05T10:00:00+01:00,web,44,1985,F"


def read(data: bytes) -> list[Yielded]:
    assert ACCOUNTS.recognises(data[:4096], "feed")
    found = list(ACCOUNTS.read(Source.of_bytes("feed", data)))
    spans = [one.span for one in found]
    assert all(a.end <= b.start for a, b in pairwise(spans))
    return found[1:]


def ends(data: bytes) -> list[str]:
    return [one.code if isinstance(one, Refusal) else one.event for one in read(data) if not isinstance(one, Ignored)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (HEADER + ROW, ["opened"]),
        (HEADER.replace(b"\n", b"\r\n") + ROW + b"\r\n", ["opened"]),
        (b"\xef\xbb\xbf" + HEADER + ROW + b"\n", ["opened"]),
        ((HEADER + ROW).replace(b",", b";"), ["opened"]),
        (HEADER.replace(b"ins,", b'"INS",', 1) + ROW, ["opened"]),
        (HEADER + b"\n\r\n  \n" + ROW + b"\n,,,,,,,\n\n", ["opened"]),
        (HEADER + b'1,2,opened,2026-01-05,"web, mobile",44,1985,F\n', ["opened"]),
        (HEADER + b'1,2,opened,2026-01-05,"we\nb",44,1985,F\n' + ROW, ["ROW_WIDTH", "ROW_WIDTH", "opened"]),
        (HEADER + b"1,2,opened,2026-01-05,a\rb,44,1985,F\n" + ROW, ["ROW_UNREADABLE", "opened"]),
        (HEADER + ROW + b",more\n" + ROW, ["ROW_WIDTH", "opened"]),
        (b"ins,ins_oid,event,occurred_at\n1,2,opened,2026-01-05\n", ["opened"]),
        (b"note,occurred_at,event,ins_oid,ins\nx,2026-01-05,opened,2,1\n", ["opened"]),
        (HEADER + b"1,2,opened,2026-01-05,\xff,44,1985,F\n" + ROW, ["ROW_NOT_UTF8", "opened"]),
        (HEADER + b"x" * 70_000 + b"\n" + ROW, ["ROW_WIDTH", "opened"]),
        (HEADER + b"x" * 65_536 + ROW + b"\n" + ROW, ["ROW_WIDTH", "opened"]),
        (HEADER + b"x" * 200_000, ["ROW_WIDTH"]),
    ],
)
def test_a_row_is_an_event_or_a_refusal_and_the_next_row_is_read(data: bytes, expected: list[str]) -> None:
    assert ends(data) == expected


def test_lines_are_counted_as_an_editor_does() -> None:
    data = HEADER + b"x" * 200_000 + b"\n\n" + ROW
    assert [one.locator.line for one in read(data)] == [2, 4]


@given(st.lists(st.binary(max_size=60) | st.sampled_from([ROW, b'"', b"\r", b",,,", b"x" * 66_000]), max_size=6))
def test_no_rows_make_it_raise(rows: list[bytes]) -> None:
    read(HEADER + b"\n".join(rows))


TEXT = st.text(max_size=12) | st.sampled_from(
    [
        "0001-01-01",
        "9999-12-31T23:59:59-14:00",
        "２０２６-01-05",
        "2026-01-05",
        "198²",
        "１９８５",
        "1985",
        "opened",
        "2A",
    ]
)


@given(TEXT, TEXT, TEXT, TEXT)
def test_no_words_make_understanding_raise(at: str, department: str, year: str, sex: str) -> None:
    event = read(HEADER + ROW)[0]
    assert isinstance(event, AccountEvent)
    said = AccountEvent(event.locator, event.span, "1", "2", "opened", at, "web", department, year, sex)
    assert isinstance(understand(said), Understood | Problem)


@pytest.mark.parametrize("year", ["198²", "１９８５", "٢٠٢٠"])
def test_a_year_is_written_in_plain_digits(year: str) -> None:
    event = read(HEADER + ROW.replace(b"1985", year.encode()))[0]
    assert isinstance(event, AccountEvent)
    said = understand(event)
    assert isinstance(said, Understood)
    assert (said.birth_year, said.findings) == ("", ("BIRTH_YEAR_INVALID",))


def test_a_long_feed_is_read_in_steady_memory_and_time() -> None:
    def cost(rows: int) -> tuple[float, int]:
        source = Source.of_bytes("feed", HEADER + (ROW + b"\n") * rows)
        tracemalloc.start()
        started = time.process_time()
        assert sum(1 for _ in ACCOUNTS.read(source)) == rows + 1
        seconds, peak = time.process_time() - started, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return seconds, peak - source.size

    few, many = cost(5_000), cost(50_000)
    assert many[0] < 40 * few[0]
    assert many[1] < 5_000_000
