"""What every command shares: the application, its options, the store, rows on a terminal or as NDJSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from unicodedata import category

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


def open_store(home: Path | None) -> Any:
    from carnet.home import open_home

    return open_home(home)


def audit(store: Any, action: str, subject: str = "") -> None:
    from warehouse.audit import record

    record(store, datetime.now(UTC), action, subject)


def print_rows(rows: Iterable[dict[str, Any]], as_json: bool, columns: tuple[str, ...]) -> None:
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
    Console(markup=False, emoji=False, highlight=False).print(table)


def inert(text: str) -> str:
    """Text for a terminal: what would act on it (escape sequences, a change of direction) is shown as its code."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        one if one == "\n" or category(one)[0] not in "CZ" or category(one) == "Zs" else _code(one) for one in text
    )


def _code(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _cell(value: Any) -> str:
    return inert(_words(value)).replace("\n", " ")


def _words(value: Any) -> str:
    match value:
        case None:
            return ""
        case dict():
            return " ".join(f"{name}={number}" for name, number in value.items() if number)
        case list():
            return " ".join(map(str, value))
        case _:
            return str(value)


def patient_said(text: str | None) -> Any:
    """(INS, OID) from `INS[@OID]` or stdin; an empty OID when none is said."""
    if text is None:
        return None
    from carnet.judged import Vouched
    from transforms.identity import AUTHORITIES, well_formed

    said = sys.stdin.readline().strip() if text == "-" else text
    ins, _, oid = said.partition("@")
    if not well_formed(ins):
        raise OperatorError("--patient is no INS of 15 characters")
    if oid and oid not in AUTHORITIES:
        raise OperatorError("--patient names an authority that is none of the INS")
    return Vouched(ins, oid)


def under_any_authority(store: Any, vouched: Any, senders: set[str]) -> Any:
    """A patient vouched for without an authority: the production NIR; for `demo`, the only authority that has it."""
    from transforms.identity import NIR
    from warehouse.database import reading

    oid = NIR
    if senders == {"demo"}:
        with reading(store.engine) as connection:
            known = store.authorities_of(connection, vouched.ins)
        oid = known[0] if len(known) == 1 else NIR
    return type(vouched)(vouched.ins, oid)
