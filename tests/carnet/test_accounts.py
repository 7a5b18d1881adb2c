"""The insurer's feed: events, opposition by the document's day, and what a row that is wrong is told."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.cda import INS, TEST_OID, cda
from tests.hub import Hub

HEADER = "ins,ins_oid,event,occurred_at,channel,department,birth_year,sex"


def feed(*events: tuple[str, str], ins: str = INS, rest: str = "web,44,1985,F") -> bytes:
    rows = [f"{ins},{TEST_OID},{event},{at},{rest}" for event, at in events]
    return ("\n".join([HEADER, *rows]) + "\n").encode()


def test_events_are_taken_once_whatever_file_brings_them(hub: Hub) -> None:
    hub.take(feed(("invited", "2026-01-05T09:00:00+01:00"), ("opened", "2026-02-20T18:00:00+01:00")))
    again = hub.take(feed(("opened", "2026-02-20T18:00:00+01:00"), ("login", "2026-03-01T08:00:00+01:00")))
    assert hub.ends(again) == {"duplicate": 1, "accepted": 1}


def test_opposition_before_or_after_the_documents_ends_in_one_state(tmp_path: Path) -> None:
    opposition = feed(("opposed", "2026-02-01T10:00:00+01:00"))
    before, after = cda("1", created="20260131090000+0100"), cda("2", created="20260201090000+0100")
    hashes = set()
    for name, order in (("first", [opposition, before, after]), ("last", [before, after, opposition])):
        hub = Hub(tmp_path / name)
        for data in order:
            hub.take(data)
        hashes.add(hub.hash())
        assert [row["created"][:10] for row in hub.documents()] == ["2026-01-31"]
        assert [(row["end"], row["code"]) for row in hub.quarantine()] == [("refused", "HOLDER_OPPOSED")]
    assert len(hashes) == 1


def test_the_sender_is_told_the_record_is_closed_not_that_the_holder_opposed(hub: Hub) -> None:
    hub.take(feed(("opposed", "2026-02-01T10:00:00+01:00")))
    delivery = hub.take(cda("1"))
    assert [reason["code"] for note in hub.receipt(delivery)["notes"] for reason in note["reasons"]] == [
        "RECORD_CLOSED"
    ]


def test_withdrawing_the_opposition_opens_the_future_only(hub: Hub) -> None:
    hub.take(feed(("opposed", "2026-02-01T10:00:00+01:00"), ("reopened", "2026-02-20T10:00:00+01:00")))
    hub.take(cda("1", created="20260210090000+0100"))
    hub.take(cda("2", created="20260225090000+0100"))
    assert [row["created"][:10] for row in hub.documents()] == ["2026-02-25"]


@pytest.mark.parametrize(
    ("data", "code", "came"),
    [
        (feed(("activated", "2026-01-05")), "EVENT_UNKNOWN", "9 letters"),
        (feed(("opened", "")), "EVENT_TIME_MISSING", "empty"),
        (feed(("opened", "05/01/2026")), "EVENT_TIME_INVALID", "10 characters"),
        (feed(("opened", "2026-01-05"), rest="web,44"), "ROW_WIDTH", "6 columns"),
        (feed(("opened", "2026-01-05"), ins="12345"), "INS_MALFORMED", ""),
        (f"{HEADER}\n".encode() + b"\xff\xfe,1,opened,2026-01-05,,,,\n", "ROW_NOT_UTF8", ""),
    ],
)
def test_a_row_that_is_wrong_says_what_was_expected_and_the_shape_of_what_came(
    hub: Hub, data: bytes, code: str, came: str
) -> None:
    hub.take(data)
    (row,) = hub.quarantine()
    assert (row["code"], row["came"], row["locator"]) == (code, came, "line 2")


@pytest.mark.parametrize(
    ("rest", "code"),
    [
        ("web,96,1985,F", "DEPARTMENT_UNKNOWN"),
        ("web,1985,1985,F", "DEPARTMENT_UNKNOWN"),
        ("web,44,85,F", "BIRTH_YEAR_INVALID"),
        ("web,44,1985,femme", "SEX_INVALID"),
    ],
)
def test_what_is_wrong_beside_an_event_is_a_finding_and_the_event_counts(hub: Hub, rest: str, code: str) -> None:
    delivery = hub.take(feed(("opened", "2026-01-05"), rest=rest))
    assert hub.ends(delivery) == {"flagged": 1}
    assert [reason["code"] for note in hub.receipt(delivery)["notes"] for reason in note["reasons"]] == [code]


def test_nothing_as_written_reaches_the_lake_beside_listed_words(hub: Hub) -> None:
    hub.take(feed(("opened", "2026-01-05"), rest="Zoé L'Hostis,Nantes,né 1985,femme"))
    segments = list((hub.store.lake / "accounts").glob("*.parquet"))
    (row,) = pq.read_table(segments[0]).to_pylist()
    assert (row["channel"], row["department"], row["sex"], row["age_band"]) == (
        "12 characters",
        "6 letters",
        "5 letters",
        "",
    )


def test_a_creation_that_does_not_come_six_weeks_after_the_invitation_is_a_finding(hub: Hub) -> None:
    hub.take(feed(("invited", "2026-01-05T09:00:00+01:00")))
    hub.take(feed(("invited", "2026-02-10T09:00:00+01:00"), ins="181112A00400083"))
    assert [row["findings"] for row in hub.accounts()] == [[], []]
    hub.take(feed(("login", "2026-02-17T09:00:00+01:00"), ins="124059730200076"))
    assert sorted(row["findings"] for row in hub.accounts()) == [[], [], ["AUTO_CREATION_MISSING"]]
    hub.take(feed(("auto_created", "2026-02-16T03:00:00+01:00")))
    assert [row["findings"] for row in hub.accounts()] == [[], [], []]
