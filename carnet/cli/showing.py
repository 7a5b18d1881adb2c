"""Commands that show what is known: the lists, find, patient, receipt."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from carnet.cli.console import Home, Identified, Json, app, audit, open_store, patient_said, print_rows
from carnet.errors import OperatorError

if TYPE_CHECKING:
    from warehouse.database import Connection
    from warehouse.store import Store


@contextmanager
def _looking(home: Path | None, what: str, identified: bool) -> Iterator[tuple[Store, Connection]]:
    """The store and one snapshot of it; looking at identified data is recorded."""
    from warehouse.database import reading

    _, store = open_store(home)
    if identified:
        audit(store, what)
    with reading(store.engine) as connection:
        yield store, connection


@app.command()
def deliveries(home: Home = None, identified: Identified = False, as_json: Json = False) -> None:
    """What was taken, from whom, and how it ended."""
    from carnet import listing
    from warehouse.database import reading

    _, store = open_store(home)
    with reading(store.engine) as connection:
        rows = listing.deliveries(connection)
        if not as_json:
            rows = (row | {"delivery": row["delivery"][:12]} for row in rows)
        print_rows(rows, as_json, ("delivery", "sender", "received_at", "status", "items", "declared"))


@app.command()
def documents(home: Home = None, identified: Identified = False, as_json: Json = False) -> None:
    """Documents in the record, with their state."""
    from carnet import listing

    shown = ("document_id" if identified else "ref", "type_code", "created", "format", "status", "findings")
    with _looking(home, "documents", identified) as (store, connection):
        print_rows(listing.documents(store, connection, identified=identified), as_json, shown)


@app.command()
def quarantine(home: Home = None, identified: Identified = False, as_json: Json = False) -> None:
    """Items held or refused, why, and how to mend them."""
    from carnet import listing

    with _looking(home, "quarantine", identified) as (store, connection):
        rows = listing.quarantine(store, connection, identified=identified)
        if as_json:
            print_rows(rows, True, ())
        else:
            print(_by_reason(rows))


PLACES = 5
"""Items named under a reason; `--json` has them all."""


def _by_reason(rows: Iterable[dict[str, Any]]) -> str:
    """The quarantine for a person: each reason once for each sender, what to do, and where the first items are."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["end"], row["code"], row["sender"]), []).append(row)
    lines = []
    for (end, code, sender), found in sorted(groups.items()):
        items = sum(row["count"] for row in found)
        lines += [
            f"{end} · {code} · {sender} · {items} item(s)",
            f"  {found[0]['message_en']}",
            f"  → {found[0]['fix_en']}",
        ]
        lines += [f"    {row['item']}  {row['locator']}" for row in found[:PLACES]]
        if len(found) > PLACES:
            lines.append(f"    and {len(found) - PLACES} more")
    return "\n".join(lines) or "nothing is held or refused"


@app.command()
def readings(home: Home = None, identified: Identified = False, as_json: Json = False) -> None:
    """Readings of devices and apps in the record."""
    from carnet import listing

    shown = ("measure", "value", "unit", "effective", "flags") if identified else ("measure", "unit", "status", "flags")
    with _looking(home, "readings", identified) as (store, connection):
        print_rows(listing.readings(store, connection, identified=identified), as_json, shown)


@app.command()
def accounts(home: Home = None, identified: Identified = False, as_json: Json = False) -> None:
    """People of the insurer's feed: invited, activated, holders."""
    from carnet import listing

    with _looking(home, "accounts", identified) as (store, connection):
        rows = listing.accounts(store, connection, identified=identified)
        print_rows(rows, as_json, ("patient", "events", "invited", "activated", "holder"))


@app.command()
def terminology(
    sender: Annotated[str | None, typer.Option(help="Of this sender only.")] = None,
    home: Home = None,
    identified: Identified = False,
    as_json: Json = False,
) -> None:
    """Codes, units and interpretations of results that have no public code, with counts by sender.

    What a sender's own codes mean is written in `maps/<sender>.csv` of the home: kind,system,said,code,display.
    """
    from carnet.maps import sender_maps
    from carnet.terms import terminology as unmapped
    from warehouse.database import reading

    settings, store = open_store(home)
    maps = sender_maps(settings)
    if sender is not None:
        settings.sender(sender)
    if identified:
        audit(store, "terminology")
    with reading(store.engine) as connection:
        rows = unmapped(store, connection, maps, identified=identified, sender=sender)
    shown = ("sender", "kind", "count", "reason", "system", *(("said",) if identified else ("shape", "ref")))
    print_rows(rows, as_json, shown)


@app.command()
def coverage(
    sender: Annotated[str | None, typer.Option(help="Of this sender only.")] = None,
    home: Home = None,
    identified: Identified = False,
    as_json: Json = False,
) -> None:
    """What became of the entries of CDA documents, by model: mapped, narrative or raw."""
    from carnet.coverage import coverage as by_model

    if sender is not None:
        open_store(home)[0].sender(sender)
    shown = ("model", "version", "documents", "sections", "entries", "coded", "mapped", "classes", "raw", "narrative")
    with _looking(home, "coverage", identified) as (store, connection):
        rows = by_model(store, connection, identified=identified, sender=sender)
        print_rows(rows, as_json, (*shown, "templates_unknown") if identified else shown)


@app.command()
def find(
    text: Annotated[str, typer.Argument(help="MSH-10, IPP, accession or filler number, document id, delivery id.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Where a message, a document or a delivery is, and how it ended."""
    from carnet import listing
    from warehouse import ledger
    from warehouse.database import reading

    _, store = open_store(home)
    with reading(store.engine) as connection:
        rows = listing.found(connection, ledger.find(store, connection, text))
        if not rows:
            raise OperatorError("nothing carries this number")
        print_rows(rows, as_json, ("item", "sender", "received_at", "kind", "end", "code", "findings", "locator"))


@app.command()
def patient(
    ins: Annotated[str, typer.Argument(help="INS[@OID], or - to read it from stdin.")],
    fhir: Annotated[bool, typer.Option("--fhir", help="A FHIR R4 Bundle of the record.")] = False,
    html: Annotated[bool, typer.Option("--html", help="A page to read, complete in itself and inert.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """One record as a timeline, a FHIR R4 Bundle or a page to read; recorded in the audit trail."""
    from carnet.maps import sender_maps
    from carnet.record import timeline
    from transforms.identity import NIR
    from warehouse.database import reading

    settings, store = open_store(home)
    maps = sender_maps(settings)
    said = patient_said(ins)
    with reading(store.engine) as connection:
        id_ = store.find_patient(connection, said.oid or NIR, said.ins)
        if id_ is None and not said.oid:
            id_ = store.find_any(connection, said.ins)
        if id_ is None:
            raise OperatorError("no record of this patient")
    audit(store, "patient", id_)
    with reading(store.engine) as connection:
        if fhir:
            from carnet.record import fhir_record

            sys.stdout.buffer.write(fhir_record(store, connection, id_, maps) + b"\n")
            return
        if html:
            from carnet.reader import page
            from warehouse.ledger import documents as stored

            sys.stdout.buffer.write(page(stored(store, connection, id_)).encode())
            return
        print_rows(timeline(store, connection, id_, maps), as_json, ("when", "kind", "what", "status", "sender"))


@app.command()
def receipt(
    delivery: Annotated[str, typer.Argument(help="The delivery's id, or its first 8 characters or more.")],
    format: Annotated[str, typer.Option(help="json, text, hl7 (acknowledgements) or zam (business ones)")] = "text",
    lang: Annotated[str, typer.Option(help="Language of the text: fr or en")] = "fr",
    home: Home = None,
) -> None:
    """What the sender gets back: the latest revision."""
    from carnet import answers
    from carnet import receipt as rendering
    from warehouse import ledger
    from warehouse.database import reading

    if format not in ("json", "text", "hl7", "zam"):
        raise OperatorError("--format is json, text, hl7 or zam")
    if lang not in ("fr", "en"):
        raise OperatorError("--lang is fr or en")
    _, store = open_store(home)
    with reading(store.engine) as connection:
        found = ledger.find_delivery(connection, delivery) if len(delivery) >= 8 else []
        if len(found) != 1:
            raise OperatorError("no delivery has this id" if not found else "several deliveries begin like this")
        sheet = ledger.sheet(connection, found[0])
        if format in ("hl7", "zam"):
            render = answers.hl7_answer if format == "hl7" else answers.zam_answer
            _print_bytes(render(sheet, answers.messages(store, sheet)), format)
        else:
            said = rendering.head(sheet), rendering.notes(sheet.items())
            text = rendering.as_text(*said, lang="fr" if lang == "fr" else "en")
            sys.stdout.writelines(rendering.as_json(*said) if format == "json" else text)


def _print_bytes(pieces: Iterable[bytes], format: str) -> None:
    """Answers as they are sent, whatever the terminal's character set."""
    empty = True
    for piece in pieces:
        sys.stdout.buffer.write(piece)
        empty = False
    if empty:
        what = "HL7v2 message to answer" if format == "hl7" else "message that wants a business answer and has its end"
        raise OperatorError(f"this delivery has no {what}")
    sys.stdout.buffer.flush()
