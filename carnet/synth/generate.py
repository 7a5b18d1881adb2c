"""The generator: people, their accounts and documents, the files of seven senders, and the truth about them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from pathlib import Path

import msgspec

from carnet.synth.accounts import COLUMNS, Account, Event, account_of, row
from carnet.synth.calendar import at, first_day, last_day, month_of
from carnet.synth.cda import document
from carnet.synth.devices import exports, wearers
from carnet.synth.documents import Sending, fault_of, plan
from carnet.synth.hl7 import batch, encoded
from carnet.synth.hl7_documents import document_message
from carnet.synth.hl7_results import chapters_sent, results_message
from carnet.synth.identity import INS_OID, ins_key
from carnet.synth.nation import Nation
from carnet.synth.population import Person, Registry, people
from carnet.synth.tables import SENDERS
from carnet.synth.truth import Counting, Truth

# What each hospital calls a file of a kind.
_FILE_NAMES = {
    "chu-garonne": {"discharge": "LDL-SES", "prescription": "ORDO", "imaging": "CR-IMG"},
    "clinique-armor": {
        "discharge": "Lettre de liaison",
        "prescription": "Ordonnance",
        "imaging": "Compte rendu d'imagerie",
    },
}


def generate(
    out: Path, *, patients: int, months: int, seed: int, faults: float = 0.0, end_month: str = "2026-06"
) -> Truth:
    """Write a nation under `out`: `<sender>/…` with a sidecar beside each delivery, and `truth.json`.

    A pure function of its arguments: equal arguments give equal bytes. `months` months end with `end_month`.
    `ValueError` for arguments that make no nation; `FileExistsError` where a sender's folder holds files already.
    """
    nation = Nation.of(patients, months, seed, faults, end_month)
    registry = Registry(seed, first_day(nation.months[0]))
    everybody = list(people(registry, patients))
    holders = [(person, account_of(person, seed, list(nation.months))) for person in everybody]
    counting = Counting()
    files = _Files(out)

    _feed_accounts(nation, holders, files, counting)
    _feed_documents(nation, holders, registry, files, counting)
    _feed_devices(nation, holders, files, counting)

    parameters = {"patients": patients, "months": months, "seed": seed, "faults": faults, "end_month": end_month}
    truth = counting.truth(parameters, (account for _, account in holders))
    (out / "truth.json").write_text(truth.to_json(), "utf-8")
    return truth


class _Files:
    """The landing folder: every delivery gets the sidecar that says when it was received."""

    def __init__(self, out: Path) -> None:
        taken = [sender for sender in SENDERS if (out / sender).is_dir() and any((out / sender).iterdir())]
        if taken:
            raise FileExistsError(f"{taken[0]}: the folder of this sender is not empty")
        out.mkdir(parents=True, exist_ok=True)
        self._out = out
        self._made: set[Path] = set()

    def write(self, sender: str, name: str, received: datetime, parts: Iterable[bytes]) -> None:
        path = self._out / sender / name
        if path.parent not in self._made:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(path.parent)
        with path.open("wb") as stream:
            for part in parts:
                stream.write(part)
        sidecar = json.dumps({"received_at": received.isoformat()}) + "\n"
        path.with_name(f"{path.name}.meta.json").write_text(sidecar, "utf-8")

    def note(self, sender: str, name: str, header: str, rows: list[list[str]]) -> None:
        """An index for the operator's side of the landing folder: no delivery, so no sidecar."""
        path = self._out / sender / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(header.split(","))
            writer.writerows(rows)


def _feed_accounts(nation: Nation, holders: list[tuple[Person, Account]], files: _Files, counting: Counting) -> None:
    """One file a month; the first also brings the stock of what happened before."""
    lines: dict[str, list[tuple[datetime, str]]] = {month: [] for month in nation.months}
    for person, account in holders:
        for index, event in enumerate(account.events):
            said = _event_as_sent(nation, person, event, index, counting)
            month = max(month_of(event.moment), nation.months[0])
            lines[month].append((event.moment, row(person, said)))
    for month, found in lines.items():
        found.sort()
        counting.item("assurance", "account_events", len(found))
        text = "\n".join([COLUMNS, *(line for _, line in found), ""])
        if found:
            files.write("assurance", f"comptes_{month}.csv", at(last_day(month), 23, 30), [text.encode()])


def _event_as_sent(nation: Nation, person: Person, event: Event, index: int, counting: Counting) -> Event:
    """Only visits are broken: no figure depends on them."""
    if event.name != "login" or not fault_of(nation, "accounts", person.number, index):
        return event
    counting.fault("assurance", "unknown_event", 1)
    return msgspec.structs.replace(event, name="connexion")


def _feed_documents(
    nation: Nation, holders: list[tuple[Person, Account]], registry: Registry, files: _Files, counting: Counting
) -> None:
    """Hospital files one by one, messages in the batches of their sender, all in order of arrival."""
    sendings = [sent for person, account in holders for sent in plan(nation, person, account)]
    sendings.sort(key=lambda sent: (sent.sender, sent.channel == "file", *sent.order))
    by_number = [person for person, _ in holders]
    strangers = _Strangers(registry, len(holders))
    for (sender, alone), group in groupby(sendings, key=lambda sent: (sent.sender, sent.channel == "file")):
        if alone:
            for index, sent in enumerate(group, 1):
                counting.sending(sent, 0)
                body = document(nation, strangers.broken(by_number[sent.person], sent), sent)
                files.write(sender, _file_name(sent, index), sent.received, [body])
            continue
        for closed, messages in groupby(group, key=lambda sent: sent.received):
            written = _messages(nation, by_number, strangers, messages, counting)
            name = f"{closed:%Y-%m}/{SENDERS[sender].software}_{closed:%Y%m%d%H%M}.hl7"
            enveloped = SENDERS[sender].kind == "lab"
            parts = batch(nation, SENDERS[sender], Path(name).name, closed, written) if enveloped else written
            files.write(sender, name, closed, parts)


def _messages(
    nation: Nation,
    by_number: list[Person],
    strangers: _Strangers,
    sendings: Iterable[Sending],
    counting: Counting,
) -> Iterator[bytes]:
    for sent in sendings:
        person = strangers.broken(by_number[sent.person], sent)
        if sent.channel == "results":
            counting.sending(sent, len(chapters_sent(nation, person, sent)))
            yield encoded(sent.sender, results_message(nation, person, sent))
        else:
            counting.sending(sent, 0)
            named = strangers.enrol() if sent.fault == "patient_mismatch" else None
            yield encoded(sent.sender, document_message(nation, person, sent, named))


def _file_name(sent: Sending, index: int) -> str:
    copy = " (1)" if sent.resent else ""
    name = _FILE_NAMES[sent.sender][sent.kind]
    return f"{sent.received:%Y-%m}/{name} {sent.received:%Y%m%d} {index:06d}{copy}.xml"


class _Strangers:
    """The identities that faults need: people of no account, and numbers with a wrong key."""

    def __init__(self, registry: Registry, first: int) -> None:
        self._registry = registry
        self._next = first

    def enrol(self) -> Person:
        self._next += 1
        return self._registry.enrol(self._next)

    def broken(self, person: Person, sent: Sending) -> Person:
        """Whom the item names: somebody nothing else qualifies, or a production number with a wrong key."""
        if sent.fault == "not_qualified":
            return self.enrol()
        if sent.fault == "ins_key":
            body = person.ins[:13]
            wrong = f"{int(ins_key(body)) % 97 + 1:02d}"
            return msgspec.structs.replace(person, ins=body + wrong, ins_oid=INS_OID)
        return person


def _feed_devices(nation: Nation, holders: list[tuple[Person, Account]], files: _Files, counting: Counting) -> None:
    manifest = []
    for wearer in wearers(nation, holders):
        known: dict[tuple[str, datetime, str], tuple[str, str]] = {}
        for export in exports(nation, wearer):
            counting.item("capteurs-sa", "readings", len(export.readings))
            known |= {(r.measure, r.moment, r.source): (month_of(r.moment), r.measure) for r in export.readings}
            files.write("capteurs-sa", export.name, export.received, [export.data])
            manifest.append([export.name, wearer.person.ins, wearer.person.ins_oid, SENDERS["capteurs-sa"].zone])
        counting.readings(known.values())
    files.note("capteurs-sa", "manifest.csv", "file,ins,ins_oid,zone", sorted(manifest))
