"""The command line: `carnet`, `python -m carnet`.

With `--json` stdout carries one JSON object, or NDJSON for lists; all else goes to stderr. Exit: 0 done · 1 something
was held or refused · 2 the operator has something to mend · 70 a bug.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import typer

from carnet.errors import OperatorError

app = typer.Typer(
    name="carnet",
    help="Fill the digital health notebook: exports of laboratories, hospitals, devices and the insurer in; sealed "
    "patient records, receipts and adoption figures out.\n\n"
    "Begin with `carnet synth feed`, `carnet ingest feed`, `carnet publish`, `carnet measure`, `carnet metrics`; "
    "with your own file, `carnet check FILE`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

Home = Annotated[
    Path | None,
    typer.Option("--home", help="Folder of the database, packs, lake and site (default .carnet, or CARNET_HOME)."),
]
Json = Annotated[bool, typer.Option("--json", help="Machine output on stdout.")]
Identified = Annotated[bool, typer.Option("--identified", help="Show patient values; recorded in the audit trail.")]


def main() -> None:
    """Run the command line; turn errors into the exit codes of the contract."""
    try:
        app(standalone_mode=True)
    except OperatorError as error:
        print(f"carnet: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(0)
    except Exception as bug:
        if os.environ.get("CARNET_DEBUG"):
            raise
        place = traceback.extract_tb(bug.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        print(f"carnet: a bug of ours, {type(bug).__name__} at {where}; nothing committed is lost", file=sys.stderr)
        print("carnet: CARNET_DEBUG=1 shows the trace (it may quote patients: keep it inside)", file=sys.stderr)
        sys.exit(70)


@app.callback()
def home_of_all(home: Home = None) -> None:
    """`--home` before or after the command."""
    if home is not None:
        os.environ["CARNET_HOME"] = str(home)


def _open(home: Path | None) -> Any:
    from carnet.home import open_home

    return open_home(home)


def _print_rows(rows: Iterable[dict[str, Any]], as_json: bool, columns: tuple[str, ...]) -> None:
    if as_json:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    Console().print(table)


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case dict():
            return " ".join(f"{name}={number}" for name, number in value.items() if number)
        case list():
            return " ".join(map(str, value))
        case _:
            return str(value)


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
    from warehouse import ledger
    from warehouse.database import reading

    started = perf_counter()
    settings, store = _open(home)
    found, left = discover(paths, settings, sender)
    if not found and left:
        raise OperatorError("nothing to ingest: name the sender with --sender, or give PATH/<sender>/…")
    if left:
        print(f"carnet: {len(left)} file(s) left out: no sender (use --sender, or PATH/<sender>/…)", file=sys.stderr)
    vouched = _patient(patient)
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
    totals = dict.fromkeys(("read", *ledger.ENDS), 0)
    with reading(store.engine) as connection:
        by_delivery = ledger.counts(connection, {outcome.delivery for outcome in outcomes})
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
    if totals["held"] or totals["refused"]:
        raise typer.Exit(1)


def _patient(text: str | None) -> Any:
    """(INS, OID) from `INS[@OID]` or stdin; the default authority is the production NIR."""
    if text is None:
        return None
    from carnet.judged import Vouched
    from transforms.identity import AUTHORITIES, NIR, well_formed

    said = sys.stdin.readline().strip() if text == "-" else text
    ins, _, oid = said.partition("@")
    if not well_formed(ins):
        raise OperatorError("--patient is no INS of 15 characters")
    if oid and oid not in AUTHORITIES:
        raise OperatorError("--patient names an authority that is none of the INS")
    return Vouched(ins, oid or NIR)


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
def deliveries(home: Home = None, identified: Identified = False, as_json: Json = False) -> None:
    """What was taken, from whom, and how it ended."""
    from carnet import listing
    from warehouse.database import reading

    _, store = _open(home)
    with reading(store.engine) as connection:
        _print_rows(
            listing.deliveries(connection),
            as_json,
            ("delivery", "sender", "received_at", "status", "items", "declared"),
        )


@app.command()
def documents(home: Home = None, identified: Identified = False, as_json: Json = False) -> None:
    """Documents in the record, with their state."""
    from carnet import listing
    from warehouse.database import reading

    _, store = _open(home)
    if identified:
        _audit(store, "documents")
    shown = ("document_id" if identified else "ref", "type_code", "created", "format", "status", "findings")
    with reading(store.engine) as connection:
        _print_rows(listing.documents(store, connection, identified=identified), as_json, shown)


@app.command()
def quarantine(home: Home = None, identified: Identified = False, as_json: Json = False) -> None:
    """Items held or refused, why, and how to mend them."""
    from carnet import listing
    from warehouse.database import reading

    _, store = _open(home)
    if identified:
        _audit(store, "quarantine")
    with reading(store.engine) as connection:
        rows = listing.quarantine(store, connection, identified=identified)
        _print_rows(rows, as_json, ("item", "sender", "end", "code", "locator", "message_en", "fix_en"))


@app.command()
def readings(home: Home = None, identified: Identified = False, as_json: Json = False) -> None:
    """Readings of devices and apps in the record."""
    from carnet import listing
    from warehouse.database import reading

    _, store = _open(home)
    if identified:
        _audit(store, "readings")
    shown = ("measure", "value", "unit", "effective", "flags") if identified else ("measure", "unit", "status", "flags")
    with reading(store.engine) as connection:
        _print_rows(listing.readings(store, connection, identified=identified), as_json, shown)


@app.command()
def accounts(home: Home = None, identified: Identified = False, as_json: Json = False) -> None:
    """People of the insurer's feed: invited, activated, holders."""
    from carnet import listing
    from warehouse.database import reading

    _, store = _open(home)
    if identified:
        _audit(store, "accounts")
    with reading(store.engine) as connection:
        rows = listing.accounts(store, connection, identified=identified)
        _print_rows(rows, as_json, ("patient", "events", "invited", "activated", "holder"))


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

    _, store = _open(home)
    with reading(store.engine) as connection:
        rows = listing.found(connection, ledger.find(store, connection, text))
        if not rows:
            raise OperatorError("nothing carries this number")
        _print_rows(rows, as_json, ("item", "sender", "received_at", "kind", "end", "code", "findings", "locator"))


@app.command()
def patient(
    ins: Annotated[str, typer.Argument(help="INS[@OID], or - to read it from stdin.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """One record as a timeline; recorded in the audit trail."""
    from carnet.record import timeline
    from warehouse.database import reading

    _, store = _open(home)
    said = _patient(ins)
    with reading(store.engine) as connection:
        id_ = store.find_patient(connection, said.oid, said.ins)
        if id_ is None and "@" not in ins:
            id_ = store.find_any(connection, said.ins)
        if id_ is None:
            raise OperatorError("no record of this patient")
    _audit(store, "patient", id_)
    with reading(store.engine) as connection:
        _print_rows(timeline(store, connection, id_), as_json, ("when", "kind", "what", "status", "sender"))


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Files to look at; nothing is stored.")], as_json: Json = False
) -> None:
    """A dry run without home or keys: what would be taken, what is wrong, where and how to mend it."""
    from carnet.check import check_file

    worst = 0
    for path in files:
        report = check_file(path)
        worst |= bool(report["items"]["held"] or report["items"]["refused"])
        print(json.dumps(report, ensure_ascii=False) if as_json else _check_text(report))
    if worst:
        raise typer.Exit(1)


def _check_text(report: dict[str, Any]) -> str:
    items = report["items"]
    counted = ", ".join(f"{number} {end}" for end, number in items.items() if number)
    lines = [f"{report['file']} · {report['connector'] or 'unknown format'} · {counted}"]
    for note in report["notes"]:
        lines.append(f"- {note['locator']}: {note['end']}")
        for reason in note["reasons"]:
            lines += [f"    {reason['code']}: {reason['message_en']}", f"    → {reason['fix_en']}"]
        if note["expected"]:
            lines.append(f"    expected: {note['expected']}" + (f"; came: {note['came']}" if note["came"] else ""))
    return "\n".join(lines)


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


@app.command()
def receipt(
    delivery: Annotated[str, typer.Argument(help="The delivery's id, or its first 8 characters or more.")],
    format: Annotated[str, typer.Option(help="json or text")] = "text",
    home: Home = None,
) -> None:
    """What the sender gets back: the latest revision."""
    from carnet.receipt import as_text
    from carnet.receipt import receipt as render
    from warehouse import ledger
    from warehouse.database import reading

    if format not in ("json", "text"):
        raise OperatorError("--format is json or text")
    _, store = _open(home)
    with reading(store.engine) as connection:
        found = ledger.find_delivery(connection, delivery) if len(delivery) >= 8 else []
        if len(found) != 1:
            raise OperatorError("no delivery has this id" if not found else "several deliveries begin like this")
        data = render(connection, found[0])
    print(json.dumps(data, ensure_ascii=False) if format == "json" else as_text(data))


@app.command("state-hash")
def state_hash(home: Home = None) -> None:
    """One hash over all facts and what follows from them: equal states, equal hashes."""
    from warehouse.state import state_hash as compute

    settings, store = _open(home)
    print(compute(store, settings.kinds()))


@app.command()
def gates(
    accept: Annotated[str | None, typer.Option(help="Let the stopped batch of this segment through; audited.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Batches that keep anything new from being published, as the last run of the adoption DAG judged them."""
    from carnet import gates as step

    _, store = _open(home)
    if accept is not None:
        _audit(store, "gates --accept", accept)
        names = step.accept(store, accept, datetime.now(UTC).astimezone())
        print(f"{len(names)} segment(s) accepted", file=sys.stderr)
    _print_rows(step.stopped(store), as_json, ("segment", "kind", "sender", "rows", "failed"))


@app.command()
def publish(home: Home = None) -> None:
    """Build the marts of the trusted zone from everything taken so far."""
    from carnet.steps import publish as run

    run(*_open(home))


@app.command()
def measure(home: Home = None) -> None:
    """Compute every metric, and publish what passes disclosure control."""
    from carnet.steps import measure as run

    run(*_open(home))


@app.command()
def dashboard(
    out: Annotated[Path | None, typer.Option(help="Folder of the site (default: site, in the home).")] = None,
    home: Home = None,
) -> None:
    """Make the static site (French and English) from the published figures."""
    from carnet.steps import dashboard as run

    settings, store = _open(home)
    print(run(settings, store, out) / "index.html")


@app.command()
def metrics(
    name: Annotated[str | None, typer.Argument(help="One metric; all of them without.")] = None,
    trusted: Annotated[bool, typer.Option("--trusted", help="Exact figures; recorded in the audit trail.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """The figures: published (rounded, small cells merged), or exact inside the trusted zone."""
    from carnet.steps import figures

    _, store = _open(home)
    if trusted:
        _audit(store, "metrics --trusted", name or "")
    tables = figures(store, name, trusted=trusted)
    for table in tables:
        if as_json and name is None:
            print(json.dumps(table, ensure_ascii=False))
        elif as_json:
            _print_rows(table["rows"], True, ())
        else:
            print(f"\n{table['title_fr']} ({table['unit']})")
            _print_rows(table["rows"], False, tuple(table["columns"]))


@app.command()
def sql(
    query: Annotated[str | None, typer.Argument(help="One query; without, a shell.")] = None,
    trusted: Annotated[bool, typer.Option("--trusted", help="On the marts; recorded in the audit trail.")] = False,
    home: Home = None,
) -> None:
    """A read-only DuckDB shell on the published set."""
    from carnet.steps import query as run

    _, store = _open(home)
    if trusted:
        _audit(store, "sql --trusted")
    asked: Iterable[str] = [query] if query is not None else _lines()
    for line in asked:
        print(run(store, line, trusted=trusted))


def _lines() -> Iterable[str]:
    while True:
        try:
            line = input("carnet sql> ").strip()
        except EOFError:
            return
        if line:
            yield line


@app.command()
def doctor(home: Home = None, as_json: Json = False) -> None:
    """Look at keys, disk, database, clock and stuck deliveries, and say what to do."""
    from carnet.doctor import examine

    settings, store = _open(home)
    checks = list(examine(settings, store, datetime.now(UTC)))
    for check in checks:
        if as_json:
            print(json.dumps({"check": check.name, "well": check.well, "says": check.says, "todo": check.todo}))
        else:
            print(
                f"{'ok ' if check.well else '!! '} {check.name:<11} {check.says}"
                + (f" → {check.todo}" if check.todo else "")
            )
    if not all(check.well for check in checks):
        raise typer.Exit(2)


def _audit(store: Any, action: str, subject: str = "") -> None:
    from warehouse.audit import record

    record(store, datetime.now(UTC), action, subject)
