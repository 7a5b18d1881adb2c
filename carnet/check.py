"""A dry run: files through the same connectors, transforms and rules, without home, keys or memory.

Ends are intrinsic: duplicates, conflicts and opposition are the hub's to judge. Judged as the `demo` sender would be.
HL7v2 messages (`carnet.explain`) and the headers of CDA documents (`carnet.headers`) are explained beside, and held
against ANS's own files where the user has them (`carnet.ans`): what is said there changes no end.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from carnet.ans import examined, not_asked
from carnet.errors import OperatorError
from carnet.explain import conformance
from carnet.headers import explained
from carnet.interpret import interpret
from carnet.judged import Context
from carnet.manifests import said_beside
from carnet.settings import shipped_senders
from connectors.base import Source
from connectors.hl7 import HL7
from connectors.registry import recognise
from quality.ans import Examiner
from quality.catalogue import told
from warehouse.prepared import ENDS, PreparedItem

NOTES = 200
"""Notes shown for one file; the counts are always whole."""


def found(paths: Iterable[Path]) -> list[tuple[Path, str]]:
    """The files to check and the names to call them by: of a folder, every file below it that ingest would take."""
    files: list[tuple[Path, str]] = []
    for path in paths:
        if not path.is_dir():
            files.append((path, path.name))
            continue
        for below in sorted(one for one in path.rglob("*") if one.is_file()):
            inside = below.relative_to(path)
            if not (said_beside(below) or any(part.startswith(".") for part in inside.parts)):
                files.append((below, inside.as_posix()))
    return files


def check_file(path: Path, ans: Examiner | None = None, name: str | None = None) -> dict[str, Any]:
    """What would become of a file: items by end, a note for each that is not plainly accepted, and its conformance."""
    try:
        source = Source.of_path(path)
        connector = recognise(source)
    except OSError as error:
        raise OperatorError(f"{path.name}: {error.strerror}") from None
    sender = shipped_senders()["demo"]
    context = Context(
        sender=sender.id, policy=sender.policy(), zone=ZoneInfo(sender.zone), received_at="9999-12-31T00:00:00+00:00"
    )
    counted: Counter[str] = Counter()
    notes: list[dict[str, Any]] = []
    documents = 0
    yielded = connector.read(source) if connector else iter(())
    for step in interpret(source, yielded, context):
        for item, end, codes in _judged(step.items):
            documents += item.kind == "document"
            counted[end] += item.count if item.readings is None else item.readings.num_rows
            if codes and len(notes) < NOTES:
                notes.append(_note(item, end, codes))
    return {
        "file": os.fsencode(name or path.name).decode("utf-8", "replace"),
        "connector": connector.name if connector else None,
        "items": {"read": counted.total(), **{end: counted[end] for end in ENDS}},
        "notes": notes,
        **conformance(source if connector is HL7 else Source.of_bytes("", b"")),
        **explained(source),
        "documents": documents,
        "ans": examined(source, ans) if ans else not_asked(),
    }


def _judged(items: tuple[PreparedItem, ...]) -> list[tuple[PreparedItem, str, tuple[str, ...]]]:
    """Items with their ends; a message ends as its worst document when that one is held or refused."""
    found = {item.ordinal: (item, *intrinsic(item)) for item in items}
    for item in items:
        if item.parent is None or item.parent not in found:
            continue
        parent, end, codes = found[item.parent]
        worst = found[item.ordinal][1]
        if worst == "refused" or (worst == "held" and end != "refused"):
            found[item.parent] = (parent, worst, codes)
    return list(found.values())


def intrinsic(item: PreparedItem) -> tuple[str, tuple[str, ...]]:
    """The end of an item by itself, and the codes that tell about it."""
    carried = [code for one in item.carried for code in one.findings]
    if item.end:
        return item.end, tuple(code for code in (item.code, *item.findings, *carried) if code)
    if any(not one.sound for one in item.carried):
        return "held", ("IDENTITY_NOT_QUALIFIED", *item.findings, *carried)
    codes = (*item.findings, *carried)
    return ("flagged" if codes else "accepted"), codes


def _note(item: PreparedItem, end: str, codes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "locator": str(item.locator),
        "end": end,
        "count": item.count,
        "expected": item.expected,
        "came": item.came,
        "reasons": [_reason(item, code) for code in dict.fromkeys(codes)],
    }


def _reason(item: PreparedItem, code: str) -> dict[str, Any]:
    """A code with its words, and where in a document it was met."""
    places = [place for one in item.carried for place in one.record.places.get(code, ())]
    return told(code) | ({"places": places} if places else {})
