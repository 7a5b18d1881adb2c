"""Times keep the precision and the offset of their source, and nothing is made up."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from transforms.moments import ordering, parse_iso, parse_ts

PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("text", "iso", "zone"),
    [
        ("20230209113000+0100", "2023-02-09T11:30:00+01:00", "source"),
        ("202302091130+0100", "2023-02-09T11:30+01:00", "source"),
        ("202302091130+100", "2023-02-09T11:30+01:00", "source"),
        ("20230209113000.1234-0330", "2023-02-09T11:30:00.1234-03:30", "source"),
        ("20230209113000", "2023-02-09T11:30:00", "none"),
        ("20230209", "2023-02-09", "none"),
        ("20230209+0100", "2023-02-09", "none"),
        ("202302", "2023-02", "none"),
        ("2023", "2023", "none"),
    ],
)
def test_a_timestamp_keeps_what_it_says(text: str, iso: str, zone: str) -> None:
    moment = parse_ts(text)
    assert moment is not None
    assert (moment.iso, moment.zone) == (iso, zone)


@pytest.mark.parametrize(
    "text", ["", "20230230", "20231301", "202302092400", "20230209116000", "20230209113000+1500", "2023-02-09", "abc"]
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert parse_ts(text) is None


def test_instants_order_as_text_whatever_their_offset_and_precision() -> None:
    times = ["20230209", "20230209003000+0200", "202302090000+0000", "20230209010000+0100", "20230209020000"]
    ranks = [ordering(parse_ts(text), PARIS) for text in times]
    assert all(len(rank) == 27 for rank in ranks)
    assert ordering(parse_ts("20230209010000+0100"), PARIS) == ordering(parse_ts("20230209000000+0000"), PARIS)
    assert ordering(parse_ts("20230208233000+0000"), PARIS) < ordering(parse_ts("20230209003100+0100"), PARIS)
    assert ordering(None, PARIS) == ""


@pytest.mark.parametrize("text", ["2026-03-04T18:20:00+01:00", "2026-03-04T18:20:00+0100", "2026-03-04 17:20:00Z"])
def test_iso_times_are_read_too(text: str) -> None:
    moment = parse_iso(text)
    assert moment is not None and moment.utc == "2026-03-04T17:20:00.000000Z"
