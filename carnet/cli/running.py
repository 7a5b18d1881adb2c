"""Commands of the later steps and of operations: gates to dashboard, metrics, sql, state-hash, doctor."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from carnet.cli.console import Home, Json, app, audit, open_store, print_rows


@app.command()
def gates(
    accept: Annotated[str | None, typer.Option(help="Let the stopped batch of this segment through; audited.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Batches that keep anything new from being published, as the last run of the adoption DAG judged them."""
    from carnet import gates as step

    _, store = open_store(home)
    if accept is not None:
        audit(store, "gates --accept", accept)
        names = step.accept(store, accept, datetime.now(UTC).astimezone())
        print(f"{len(names)} segment(s) accepted", file=sys.stderr)
    print_rows(step.stopped(store), as_json, ("segment", "kind", "sender", "rows", "failed"))


@app.command()
def publish(home: Home = None) -> None:
    """Build the marts of the trusted zone from everything taken so far."""
    from carnet.steps import publish as run

    run(*open_store(home))


@app.command()
def measure(home: Home = None) -> None:
    """Compute every metric, and publish what passes disclosure control."""
    from carnet.steps import measure as run

    run(*open_store(home))


@app.command()
def dashboard(
    out: Annotated[Path | None, typer.Option(help="Folder of the site (default: site, in the home).")] = None,
    home: Home = None,
) -> None:
    """Make the static site (French and English) from the published figures."""
    from carnet.steps import dashboard as run

    settings, store = open_store(home)
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

    _, store = open_store(home)
    if trusted:
        audit(store, "metrics --trusted", name or "")
    tables = figures(store, name, trusted=trusted)
    for table in tables:
        if as_json and name is None:
            print(json.dumps(table, ensure_ascii=False))
        elif as_json:
            print_rows(table["rows"], True, ())
        else:
            print(f"\n{table['title_fr']} ({table['unit']})")
            print_rows(table["rows"], False, tuple(table["columns"]))


@app.command()
def sql(
    query: Annotated[str | None, typer.Argument(help="One query; without, a shell.")] = None,
    trusted: Annotated[bool, typer.Option("--trusted", help="On the marts; recorded in the audit trail.")] = False,
    home: Home = None,
) -> None:
    """A read-only DuckDB shell on the published set."""
    from carnet.steps import query as run

    _, store = open_store(home)
    if trusted:
        audit(store, "sql --trusted")
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


@app.command("state-hash")
def state_hash(home: Home = None) -> None:
    """One hash over all facts and what follows from them: equal states, equal hashes."""
    from warehouse.state import state_hash as compute

    settings, store = open_store(home)
    print(compute(store, settings.kinds()))


@app.command()
def doctor(home: Home = None, as_json: Json = False) -> None:
    """Look at keys, disk, database, clock and stuck deliveries, and say what to do."""
    from carnet.doctor import examine

    settings, store = open_store(home)
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
