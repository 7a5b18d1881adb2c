"""The truth, counted again from the files alone, as a hub would."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from lxml import etree
from synth_feed import PARIS, Cda, Feed

from carnet.synth.accounts import Account, Event
from carnet.synth.calendar import at
from carnet.synth.truth import activations, holdings

KINDS = {"labo": "lab", "chu": "hospital", "clinique": "hospital"}


def units(nation: Feed) -> dict[tuple[str, str], Cda]:
    """The first arrival of each document, a structured one and its PDF twin being one; deletions bring none."""
    found: dict[tuple[str, str], Cda] = {}
    for cda in nation.documents:
        if cda.event != "MDM^T04":
            found.setdefault((cda.value("v3:setId/@root"), cda.value("v3:versionNumber/@value")), cda)
    return found


def rows(nation: Feed, metric: str, *columns: str) -> dict[tuple[str, ...], int]:
    *keys, last = columns
    return {tuple(row[key] for key in keys): row[last] for row in nation.truth["figures"][metric]}


def counted(keys: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], int]:
    return dict(Counter(keys))


def test_documents_are_counted_once_whatever_the_way_they_came(nation: Feed) -> None:
    found = list(units(nation).values())
    assert rows(nation, "documents_by_type", "month", "type_code", "documents") == counted(
        (cda.delivery.month, cda.code) for cda in found
    )
    assert rows(nation, "documents_by_sender", "month", "sender", "documents") == counted(
        (cda.delivery.month, cda.delivery.sender) for cda in found
    )
    assert rows(nation, "documents_by_source", "month", "kind", "documents") == counted(
        (cda.delivery.month, KINDS[cda.delivery.sender.split("-")[0]]) for cda in found
    )
    assert rows(nation, "documents_by_creation", "month", "documents") == counted(
        (cda.created.astimezone(PARIS).strftime("%Y-%m"),) for cda in found
    )


def test_the_states_are_those_of_the_last_versions_and_deletions(nation: Feed) -> None:
    found = units(nation)
    replaced = {str(parent) for cda in found.values() for parent in cda.all("v3:relatedDocument//v3:id/@root")}
    deleted = {cda.id for cda in nation.documents if cda.event == "MDM^T04"}
    states: dict[str, Counter[str]] = defaultdict(Counter)
    for cda in found.values():
        state = "deleted" if cda.id in deleted else "replaced" if cda.id in replaced else "current"
        states[cda.delivery.month].update([state, "received"])
    said = {row["month"]: {key: count for key, count in row.items() if key != "month"} for row in _states(nation)}
    assert said == {
        month: {key: states[month][key] for key in ("received", "current", "replaced", "deleted")} for month in said
    }
    assert set(said) == set(states)
    assert all(row["received"] == row["current"] + row["replaced"] + row["deleted"] for row in _states(nation))


def _states(nation: Feed) -> list[dict]:
    return nation.truth["figures"]["document_states"]


def test_results_are_counted_by_filler_order_and_message(nation: Feed) -> None:
    found = {
        (message.text, order): message.delivery.month
        for message in reversed(nation.messages)
        if not message.payloads
        for order in message.orders
    }
    assert rows(nation, "results_by_month", "month", "results") == counted((month,) for month in found.values())


def test_patients_with_a_document_add_up(nation: Feed) -> None:
    first: dict[tuple[str, str], str] = {}
    for cda in units(nation).values():
        first[cda.ins] = min(cda.delivery.month, first.get(cda.ins, "9999-12"))
    for row in nation.truth["figures"]["patients_with_document"]:
        assert row["patients"] == sum(month <= row["month"] for month in first.values())
    assert len(nation.truth["figures"]["patients_with_document"]) == 18


def test_activations_follow_from_the_feed(nation: Feed) -> None:
    moments = {(e["ins"], e["event"]): datetime.fromisoformat(e["occurred_at"]) for e in reversed(nation.events)}
    opened = Counter(moment.strftime("%Y-%m") for (_, event), moment in moments.items() if event == "opened")
    by_holder: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for event in nation.events:
        by_holder[event["ins"]].append((datetime.fromisoformat(event["occurred_at"]), event["event"]))
    total = 0
    for row in nation.truth["figures"]["activations"]:
        total += opened[row["month"]]
        assert (row["activations"], row["cumulative"]) == (opened[row["month"]], total)
        assert row["holders"] == sum(_holds(events, row["month"]) for events in by_holder.values())
        assert row["share"] == round(100 * total / row["holders"], 2)
    assert total == sum(opened.values()) > 80
    assert {event["event"] for event in nation.events} >= {"invited", "auto_created", "opened", "login", "opposed"}


def _holds(events: list[tuple[datetime, str]], month: str) -> bool:
    said = [name for moment, name in sorted(events) if moment.strftime("%Y-%m") <= month and name != "login"]
    return bool(said) and said[-1] not in ("opposed", "closed")


def test_the_account_comes_six_weeks_after_the_invitation_unless_opposed(nation: Feed) -> None:
    by_holder: dict[str, dict[str, datetime]] = defaultdict(dict)
    for event in nation.events:
        by_holder[event["ins"]].setdefault(event["event"], datetime.fromisoformat(event["occurred_at"]))
    end = datetime.fromisoformat("2026-06-30T23:00:00+02:00")
    for events in by_holder.values():
        due = events["invited"] + timedelta(days=42)
        if "auto_created" in events:
            assert abs(events["auto_created"] - due) < timedelta(days=1)
        else:
            assert "opened" not in events
            assert due > end or events["opposed"] < due
        assert events.get("opened", end) > events.get("auto_created", events["invited"])


def test_nothing_is_dated_once_its_holder_is_opposed_or_closed(nation: Feed) -> None:
    by_holder: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for event in nation.events:
        by_holder[event["ins"]].append((datetime.fromisoformat(event["occurred_at"]), event["event"]))
    late = [ins for ins, events in by_holder.items() if any(name in ("opposed", "closed") for _, name in events)]
    assert late
    dated = [(cda.ins[0], cda.created) for cda in nation.documents]
    dated += [
        (message.component("PID", 3, 1), datetime.strptime(str(obr[22]), "%Y%m%d%H%M%S%z"))
        for message in nation.messages
        if not message.payloads
        for obr in message.parsed.segments("OBR")
    ]
    for ins, moment in dated:
        day = moment.astimezone(PARIS).date()
        before = [name for when, name in sorted(by_holder[ins]) if when.date() <= day and name != "login"]
        assert before, "a document before the invitation"
        assert before[-1] not in ("opposed", "closed")


def test_readings_are_counted_once_however_many_exports_repeat_them(nation: Feed) -> None:
    with (nation.out / "capteurs-sa" / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        manifest = list(csv.DictReader(stream))
    exports = {str(path.path.relative_to(nation.out / "capteurs-sa")) for path in nation.deliveries if _device(path)}
    assert {row["file"] for row in manifest} == exports
    assert {(row["ins_oid"], row["zone"]) for row in manifest} == {("1.2.250.1.213.1.4.10", "Europe/Paris")}
    found: set[tuple[str, ...]] = set()
    read = 0
    for row in manifest:
        path = nation.out / "capteurs-sa" / row["file"]
        said = list(_libreview(path.read_text("utf-8")) if path.suffix == ".csv" else _apple(path.read_bytes()))
        assert len(said) == len(set(said))
        read += len(said)
        found.update((row["ins"], *reading) for reading in said)
    assert rows(nation, "readings_by_measure", "month", "measure", "readings") == counted(
        (instant[:7], measure) for _, measure, instant, *_ in found
    )
    assert read == nation.truth["items"]["readings"] > len(found)
    measures = {measure for _, measure, *_ in found}
    assert measures == {"glucose", "steps", "heart_rate", "body_weight", "blood_pressure"}


def _device(delivery: object) -> bool:
    return getattr(delivery, "sender", "") == "capteurs-sa"


def _libreview(text: str) -> Iterable[tuple[str, ...]]:
    preamble, _, *lines = csv.reader(text.splitlines())
    generated = datetime.strptime(preamble[2], "%d-%m-%Y %H:%M UTC").replace(tzinfo=ZoneInfo("UTC"))
    shape = "%Y-%m-%d %H:%M" if lines[0][2][4] == "-" else "%d-%m-%Y %H:%M"
    assert shape.startswith("%Y") or any(int(line[2][:2]) > 12 for line in lines)
    for line in lines:
        moment = datetime.strptime(line[2], shape).replace(tzinfo=PARIS)
        assert moment <= generated
        assert moment.utcoffset() == moment.replace(fold=1).utcoffset(), "a wall clock that comes twice"
        (value,) = (line[column] for column in (4, 5, 14) if line[column])
        assert 40 < int(value) <= 400
        yield "glucose", moment.strftime("%Y-%m-%dT%H:%M"), line[3]


def _apple(raw: bytes) -> Iterable[tuple[str, ...]]:
    root = etree.fromstring(raw, etree.XMLParser(resolve_entities=False, no_network=True))
    names = {"StepCount": "steps", "HeartRate": "heart_rate", "BodyMass": "body_weight"}
    pressures = []
    for element in root:
        kind = str(element.get("type", "")).removeprefix("HKQuantityTypeIdentifier")
        if element.tag not in ("Record", "Correlation"):
            continue
        moment = datetime.strptime(element.get("startDate"), "%Y-%m-%d %H:%M:%S %z").astimezone(PARIS)
        said = moment.strftime("%Y-%m-%dT%H:%M:%S")
        if element.tag == "Correlation":
            assert [record.get("startDate") for record in element] == [element.get("startDate")] * 2
            pressures.append(said)
            yield "blood_pressure", said
        elif kind in names:
            yield names[kind], said
    repeated = [record for record in root.iter("Record") if "BloodPressure" in record.get("type")]
    assert len(repeated) == 4 * len(pressures)


def test_items_are_those_of_the_glossary(nation: Feed) -> None:
    items = nation.truth["items"]
    assert items["messages"] == len(nation.messages)
    assert items["documents"] == len(nation.documents)
    assert items["account_events"] == len(nation.events)
    assert items["read"] == sum(items[kind] for kind in ("messages", "documents", "account_events", "readings"))
    assert items["read"] == sum(items["by_sender"].values())
    assert items["held"] == items["refused"] == 0
    assert items["resent"]["documents"] > 0
    assert nation.truth["figures"]["held_refused"] == []


def test_rows_are_sorted_by_their_keys(nation: Feed) -> None:
    for metric, found in nation.truth["figures"].items():
        keys = [tuple(value for value in row.values() if isinstance(value, str)) for row in found]
        assert keys == sorted(keys), metric
        assert len(keys) == len(set(keys)), metric


def _account(*events: tuple[str, str]) -> Account:
    return Account(tuple(Event(at(datetime.fromisoformat(day).date(), 9), name, "web") for day, name in events))


def test_a_holder_leaves_with_opposition_or_closing_and_comes_back_reopened() -> None:
    closed = _account(
        ("2025-01-05", "invited"), ("2025-02-16", "auto_created"), ("2025-03-02", "opened"), ("2025-04-09", "closed"),
        ("2025-06-01", "reopened"), ("2025-06-02", "opened"),
    )  # fmt: skip
    opposed = _account(("2025-01-10", "invited"), ("2025-01-31", "opposed"))
    found = {row["month"]: row for row in activations([closed, opposed])}
    assert [found[f"2025-0{month}"]["holders"] for month in range(1, 7)] == [1, 1, 1, 0, 0, 1]
    assert [found[f"2025-0{month}"]["activations"] for month in range(1, 7)] == [0, 0, 1, 0, 0, 0]
    assert found["2025-04"]["share"] is None
    assert found["2025-06"]["share"] == 100.0
    assert len(holdings(closed)) == 2
