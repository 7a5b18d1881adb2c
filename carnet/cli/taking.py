"""Commands that take files and messages: ingest, listen, check, synth."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import typer

from carnet.cli.console import Home, Json, app, inert, open_store, patient_said, under_any_authority
from carnet.errors import OperatorError


@app.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files or folders; PATH/<sender>/… names the sender by folder.")],
    sender: Annotated[str | None, typer.Option(help="The sender of all of them (senders.toml).")] = None,
    patient: Annotated[str | None, typer.Option(help="INS[@OID] vouched for, or - to read it from stdin.")] = None,
    received: Annotated[str | None, typer.Option(help="When they were received (ISO 8601).")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Take exports: read, judge, seal, count. Nothing is lost, and doing it twice changes nothing."""
    from carnet.ingest import discover, incoming
    from carnet.ingest import ingest as take
    from carnet.ingest import received as received_at
    from carnet.manifests import manifest_entry
    from carnet.outbox import write_outbox
    from warehouse import ledger
    from warehouse.database import reading

    started = perf_counter()
    settings, store = open_store(home)
    found, left = discover(paths, settings, sender)
    if not found and left:
        raise OperatorError("nothing to ingest: name the sender with --sender, or give PATH/<sender>/…")
    if left:
        print(f"carnet: {len(left)} file(s) left out: no sender (use --sender, or PATH/<sender>/…)", file=sys.stderr)
    vouched = patient_said(patient)
    if vouched is not None and not vouched.oid:
        vouched = under_any_authority(store, vouched, {one.sender.id for one in found})
    files = (
        incoming(
            one.path,
            one.sender,
            received_at(one.path, received, lambda: datetime.now(UTC).astimezone()),
            vouched or manifest_entry(one.path, one.root),
        )
        for one in found
    )
    outcomes = []
    with _progress(len(found), quiet=as_json) as advance:
        for outcome in take(store, files):
            outcomes.append(outcome)
            advance()
    try:
        write_outbox(store)
    except OSError as error:  # the deliveries are taken: their answers come with the next run
        print(f"carnet: the answers could not be put in the outbox: {error.strerror}", file=sys.stderr)
    totals = dict.fromkeys(("read", *ledger.ENDS), 0)
    with reading(store.engine) as connection:
        by_delivery = ledger.counts(connection, {outcome.delivery for outcome in outcomes})
        short = ledger.unreconciled(connection, {o.delivery for o in outcomes if not o.repeated})
    for outcome in outcomes:
        ends = by_delivery[outcome.delivery]
        if outcome.repeated:
            totals["read"] += ends["read"]
            totals["duplicate"] += ends["read"]
        else:
            for end, number in ends.items():
                totals[end] += number
    summary = {
        "deliveries": len(outcomes),
        "items": totals,
        "seconds": round(perf_counter() - started, 3),
    }
    if as_json:
        print(json.dumps(summary))
    else:
        print(f"{len(outcomes)} delivery(ies), {totals['read']} item(s) in {summary['seconds']} s")
        for end in ledger.ENDS:
            if totals[end]:
                print(f"  {totals[end]:>9}  {end}")
        if totals["held"] or totals["refused"]:
            print("carnet quarantine tells why, and what to do", file=sys.stderr)
    if short:
        print(f"carnet: {len(short)} delivery(ies) declare another count than came: see the receipt", file=sys.stderr)
    if totals["held"] or totals["refused"] or short:
        raise typer.Exit(1)


@app.command()
def listen(
    port: Annotated[list[int], typer.Option(help="A port of MLLP; repeat it, each with its --sender, for several.")],
    sender: Annotated[list[str], typer.Option(help="Whose messages come in by this port (senders.toml).")],
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    tls: Annotated[
        tuple[Path, Path] | None, typer.Option(metavar="CERT KEY", help="Certificate and key (PEM) to listen with.")
    ] = None,
    client_ca: Annotated[Path | None, typer.Option(help="Only clients with a certificate of this authority.")] = None,
    connections: Annotated[int, typer.Option(min=1, help="Clients at a time.")] = 64,
    idle: Annotated[float, typer.Option(min=1, help="Seconds of silence after which a client is let go.")] = 3600,
    largest: Annotated[int, typer.Option(min=1024, max=64 << 20, help="Bytes of the largest message taken.")] = 64
    << 20,
    home: Home = None,
) -> None:
    """Take HL7v2 messages over MLLP: each is committed, then answered by what became of it. SIGTERM ends it."""
    import logging

    from carnet.connection import Limits
    from carnet.listen import Port, run, server_tls

    settings, store = open_store(home)
    if len(port) != len(sender):
        raise OperatorError("give as many --sender as --port: each port takes the messages of one sender")
    ports = [Port(number, settings.sender(id_)) for number, id_ in zip(port, sender, strict=True)]
    deaf = [one.sender.id for one in ports if one.sender.formats and "hl7" not in one.sender.formats]
    if deaf:
        raise OperatorError(f"{deaf[0]} may not send hl7: see its formats in senders.toml")
    if client_ca is not None and tls is None:
        raise OperatorError("--client-ca needs --tls")
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s carnet: %(message)s")
    limits = Limits(connections=connections, message=largest, idle=idle)
    run(store, host, ports, limits, server_tls(*tls, client_ca) if tls else None)


def _progress(total: int, *, quiet: bool) -> Any:
    from contextlib import contextmanager

    @contextmanager
    def bar() -> Any:
        if quiet or not sys.stderr.isatty() or total < 2:
            yield lambda: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("taking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("taking", total=total)
            yield lambda: progress.advance(task)

    return bar()


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Files or folders to look at; nothing is stored.")],
    lang: Annotated[str | None, typer.Option(help="fr or en (default: en under an English LANG, else fr).")] = None,
    ans: Annotated[
        Path | None, typer.Option(help="Your copy of ANS's CDA test repository: its checks are run.")
    ] = None,
    ans_cache: Annotated[
        Path | None, typer.Option(help="Where ANS's checks are kept ready (default XDG_CACHE_HOME/carnet/ans).")
    ] = None,
    ans_moteur: Annotated[
        bool, typer.Option("--ans-moteur", help="Run them with the copy's own engine: slow, to compare.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 on errors of conformance too.")] = False,
    as_json: Json = False,
) -> None:
    """A dry run without home or keys: what would be taken, what is wrong, where and how to mend it.

    HL7v2 messages are explained segment by segment against the French profile they follow, and CDA documents held
    against ANS's XML Schema and schematrons when you have them; neither changes an end.
    """
    from carnet.ans import open_copy
    from carnet.check import check_file, found
    from carnet.explain import page, total

    said = lang or _language()
    if said not in ("fr", "en"):
        raise OperatorError("--lang is fr or en")
    copy = open_copy(ans, ans_cache, "moteur" if ans_moteur else "carnet", _preparing) if ans else None
    worst = 0
    checked = found(files)
    if not checked:
        raise OperatorError("no file there to check")
    items: Counter[str] = Counter()
    for path, name in checked:
        report = check_file(path, copy, name)
        items.update(report["items"])
        worst |= bool(report["items"]["held"] or report["items"]["refused"])
        worst |= strict and bool(report["levels"]["error"] or report["ans"]["levels"]["error"])
        text = page(report, "fr" if said == "fr" else "en")
        print(json.dumps(report, ensure_ascii=False) if as_json else inert(text))
    if len(checked) > 1 and not as_json:
        print(f"\n{total(len(checked), items, 'fr' if said == 'fr' else 'en')}")
    if worst:
        raise typer.Exit(1)


def _preparing(name: str) -> None:
    """Says what takes the seconds before the first document of a kind, on a terminal."""
    if sys.stderr.isatty():
        print(f"carnet: preparing {name.rpartition('/')[2]} …", file=sys.stderr)


def _language() -> str:
    """The language of whoever tests an export: English where the terminal says so, else French."""
    said = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return "en" if said.startswith("en") else "fr"


@app.command()
def synth(
    folder: Annotated[Path, typer.Argument(help="Where to write the feed and truth.json.")],
    patients: Annotated[int, typer.Option(help="How many people.")] = 300,
    months: Annotated[int, typer.Option(help="How many months.")] = 18,
    seed: Annotated[int, typer.Option(help="Equal seeds, equal bytes.")] = 1,
    faults: Annotated[float, typer.Option(help="Share of items with a fault.")] = 0.0,
) -> None:
    """Write a synthetic nation: feeds of seven senders, with the figures to find in truth.json."""
    from carnet.synth import generate

    generate(folder, patients=patients, months=months, seed=seed, faults=faults)
