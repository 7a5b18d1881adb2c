"""The truth of a nation: what the hub must find, counted from the plan and not from the files."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import msgspec

from carnet.synth.accounts import Account
from carnet.synth.calendar import last_day, month_of, months_between
from carnet.synth.documents import Sending
from carnet.synth.tables import FAULTS, RHYTHMS, SENDERS

_CODES = {fault.name: fault for fault in FAULTS}
_STATES = {"current": "current", "superseded": "replaced", "deleted": "deleted"}


class Truth(msgspec.Struct, frozen=True):
    """`figures`: rows by metric, sorted by their key columns; `items`: how much the files hold."""

    parameters: dict[str, Any]
    figures: dict[str, list[dict[str, Any]]]
    items: dict[str, Any]

    def to_json(self) -> str:
        return json.dumps(msgspec.to_builtins(self), ensure_ascii=False, indent=1) + "\n"


class Counting:
    """What is counted as files are written; it owns the counters and makes the truth of them."""

    def __init__(self) -> None:
        self._documents: Counter[tuple[str, str, str]] = Counter()
        self._created: Counter[str] = Counter()
        self._states: Counter[tuple[str, str]] = Counter()
        self._results: Counter[str] = Counter()
        self._readings: Counter[tuple[str, str]] = Counter()
        self._first: dict[int, str] = {}
        self._faults: Counter[tuple[str, str, str]] = Counter()
        self._items: Counter[str] = Counter()
        self._by_sender: Counter[str] = Counter()
        self._resent: Counter[str] = Counter()

    def item(self, sender: str, kind: str, number: int = 1) -> None:
        """Items as the glossary counts them: `messages`, `documents`, `account_events`, `readings`."""
        self._items[kind] += number
        self._by_sender[sender] += number

    def fault(self, sender: str, name: str, items: int) -> None:
        """Items that end held or refused: the document and the message around it."""
        self._faults[sender, _CODES[name].end, _CODES[name].code] += items

    def sending(self, sent: Sending, orders: int) -> None:
        """A file or message as it arrives. `orders`: filler orders in a message of results, else 0."""
        enclosed = 2 if sent.level == "twin" else 1
        documents = 0 if sent.channel == "results" else enclosed
        if documents:
            self.item(sent.sender, "documents", documents)
        if sent.channel != "file":
            self.item(sent.sender, "messages")
        if sent.fault:
            self.fault(sent.sender, sent.fault, documents + (sent.channel != "file"))
        elif sent.resent:
            self._resent["results" if sent.channel == "results" else "documents"] += 1
        elif sent.act == "results":
            self._results[month_of(sent.received)] += orders
        elif sent.act != "delete":
            self._document(sent)

    def _document(self, sent: Sending) -> None:
        month = month_of(sent.received)
        self._documents[month, sent.kind, sent.sender] += 1
        self._created[month_of(sent.created)] += 1
        self._states[month, _STATES[sent.status]] += 1
        self._first[sent.person] = min(month, self._first.get(sent.person, month))

    def readings(self, readings: Iterable[tuple[str, str]]) -> None:
        """Distinct readings of a wearer: month and measure of each."""
        self._readings.update(readings)

    def truth(self, parameters: dict[str, Any], accounts: Iterable[Account]) -> Truth:
        read = sum(self._items.values())
        ends: Counter[str] = Counter()
        for (_, end, _), count in self._faults.items():
            ends[end] += count
        items = {
            "read": read,
            **{kind: self._items[kind] for kind in ("messages", "documents", "account_events", "readings")},
            "held": ends["held"],
            "refused": ends["refused"],
            "resent": {kind: self._resent[kind] for kind in ("documents", "results")},
            "by_sender": dict(sorted(self._by_sender.items())),
        }
        return Truth(parameters, self._figures(accounts), items)

    def _figures(self, accounts: Iterable[Account]) -> dict[str, list[dict[str, Any]]]:
        by_type: Counter[tuple[str, str]] = Counter()
        by_sender: Counter[tuple[str, str]] = Counter()
        by_source: Counter[tuple[str, str]] = Counter()
        for (month, kind, sender), count in self._documents.items():
            by_type[month, RHYTHMS[kind].type_code] += count
            by_sender[month, sender] += count
            by_source[month, SENDERS[sender].kind] += count
        months = sorted({month for month, _ in self._states})
        states = [
            {"month": month, "received": sum(found.values()), **found}
            for month in months
            for found in [{state: self._states[month, state] for state in _STATES.values()}]
        ]
        return {
            "documents_by_type": _rows(("month", "type_code", "documents"), by_type),
            "documents_by_sender": _rows(("month", "sender", "documents"), by_sender),
            "documents_by_source": _rows(("month", "kind", "documents"), by_source),
            "documents_by_creation": _rows(("month", "documents"), {(m,): n for m, n in self._created.items()}),
            "document_states": states,
            "results_by_month": _rows(("month", "results"), {(m,): n for m, n in self._results.items()}),
            "activations": activations(accounts),
            "patients_with_document": self._patients(),
            "readings_by_measure": _rows(("month", "measure", "readings"), self._readings),
            "held_refused": _rows(("sender", "end", "code", "items"), self._faults),
        }

    def _patients(self) -> list[dict[str, Any]]:
        new = Counter(self._first.values())
        total = 0
        rows = []
        for month in months_between(min(new), max(month for month, *_ in self._documents)) if new else []:
            total += new[month]
            rows.append({"month": month, "patients": total})
        return rows


def activations(accounts: Iterable[Account]) -> list[dict[str, Any]]:
    """Activation = first `opened`. Holder = invited, created or opened, not opposed, not closed, at the month's end."""
    first: Counter[str] = Counter()
    becoming: list[date] = []
    leaving: list[date] = []
    seen: set[str] = set()
    for account in accounts:
        seen.update(month_of(event.moment) for event in account.events)
        if account.activated:
            first[month_of(account.activated)] += 1
        for since, until in holdings(account):
            becoming.append(since.date())
            if until:
                leaving.append(until.date())
    becoming.sort()
    leaving.sort()
    rows: list[dict[str, Any]] = []
    cumulative = 0
    for month in months_between(min(seen), max(seen)) if seen else []:
        cumulative += first[month]
        end = last_day(month)
        holders = bisect_right(becoming, end) - bisect_right(leaving, end)
        share = round(100 * cumulative / holders, 2) if holders else None
        rows.append(
            {"month": month, "activations": first[month], "cumulative": cumulative, "holders": holders, "share": share}
        )
    return rows


def holdings(account: Account) -> list[tuple[datetime, datetime | None]]:
    """When somebody is a holder: from the first event to `opposed` or `closed`, and again from `reopened`."""
    spans: list[tuple[datetime, datetime | None]] = []
    since: datetime | None = None
    for event in account.events:
        match event.name:
            case "invited" | "auto_created" | "opened" | "reopened" if since is None:
                since = event.moment
            case "opposed" | "closed" if since is not None:
                spans.append((since, event.moment))
                since = None
            case _:
                pass
    return [*spans, (since, None)] if since else spans


def _rows(columns: tuple[str, ...], counts: dict[Any, int]) -> list[dict[str, Any]]:
    """Rows of counts, sorted by key; the last column is the count."""
    return [dict(zip(columns, (*key, count), strict=True)) for key, count in sorted(counts.items())]
