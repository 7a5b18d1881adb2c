"""What is said beside the sentences of a code is French for a French reader, whoever saw it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from carnet.receipt import as_text
from connectors.base import shape
from quality.catalogue import FRENCH
from quality.wording import end_of, in_french, place, said

ROOT = Path(__file__).resolve().parents[2]
WORD = re.compile(r"[a-z]{2,}")
NO_WORDS = frozenset(
    {"^~\\&", "64 MiB", "UTF-8", "MSH-7", "BHS … BTS", "uniqueId = ClinicalDocument/id"}
    | {"confidentialityCode = ClinicalDocument/confidentialityCode"}
)


@pytest.mark.parametrize(
    ("end", "number", "french"),
    [
        ("accepted", 1, "accepté"),
        ("accepted", 2, "acceptés"),
        ("flagged", 1, "accepté avec remarque"),
        ("flagged", 3, "acceptés avec remarque"),
        ("duplicate", 1, "déjà connu"),
        ("duplicate", 2, "déjà connus"),
        ("ignored", 1, "ignoré par règle"),
    ],
)
def test_an_end_agrees_with_its_number(end: str, number: int, french: str) -> None:
    assert end_of(end, number, "fr") == french
    assert end_of(end, number, "en") == end


@pytest.mark.parametrize("text", ["", "A", "12", "abc", "a1", "é-è", "1" * 30, "x" * 30, "-"])
def test_the_shape_of_a_value_has_its_french(text: str) -> None:
    found = shape(text)
    assert in_french(found) != found
    assert not re.match("1 .*s$", found) and not re.match("1 .*s$", in_french(found))


def test_places_are_french() -> None:
    assert place("message 3, document 1, OBX 2", "fr") == "message 3, document 1, OBX 2"
    assert (place("line 17", "fr"), place("member 2, line 4", "fr")) == ("ligne 17", "fichier 2, ligne 4")
    assert (place("file", "fr"), place("line 17", "en")) == ("fichier", "line 17")


def test_counts_are_french() -> None:
    assert said("BTS-1: 99 messages", "fr") == "BTS-1 : 99 messages"
    assert said("1 batch", "fr") == "1 lot" and said("4 batches", "fr") == "4 lots"


def literals(tree: ast.AST) -> Iterator[str]:
    """The phrases given as what was expected or what came: by those names, or to a refusal in their places."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            given = [keyword.value for keyword in node.keywords if keyword.arg in ("expected", "came")]
            given += {
                "Refusal": node.args[3:5],
                "Problem": node.args[1:3],
                "Unreadable": node.args[1:2],
                "Unsafe": node.args[1:2],
                "Unopened": node.args[1:2],
                "Contradiction": node.args[1:2],
                "_refusal": node.args[2:3],
            }.get(name, [])
        elif isinstance(node, ast.Assign) and {"expected", "came"} & {ast.unparse(target) for target in node.targets}:
            given = [node.value]
        else:
            continue
        for value in given:
            for one in (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,):
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    yield one.value
                elif isinstance(one, ast.JoinedStr):
                    yield "".join(v.value if isinstance(v, ast.Constant) else "7" for v in one.values)


def test_every_phrase_of_the_code_has_its_french() -> None:
    missing = set()
    for package in ("connectors", "transforms", "carnet", "warehouse"):
        for path in (ROOT / package).rglob("*.py"):
            missing |= {
                text
                for text in literals(ast.parse(path.read_text(encoding="utf-8")))
                if WORD.search(text) and text not in NO_WORDS and in_french(text) == text
            }
    assert missing <= {"7-1: number", "7-1: 7", "7 bytes of 7"}  # what stands there is tested above and below


def test_a_receipt_reads_as_a_person_would_write_it() -> None:
    head = {
        "delivery": "0123456789abcdef",
        "sender": "demo",
        "received_at": "2026-03-04T12:00:00+01:00",
        "revision": 1,
        "size": 12,
        "declared": 96,
        "items": dict.fromkeys(("read", *FRENCH), 0) | {"read": 3, "accepted": 1, "flagged": 2},
    }
    note = {
        "item": 1,
        "locator": "line 2",
        "end": "flagged",
        "count": 1,
        "expected": "3 columns",
        "came": "1 column",
        "reasons": [{"code": "X", "message_fr": "Non.", "message_en": "No.", "fix_fr": "Si.", "fix_en": "Yes."}],
    }
    assert "".join(as_text(head, [note])) == (
        "Accusé de réception du dépôt 0123456789ab (demo), reçu le 2026-03-04T12:00:00+01:00\n"
        "Révision 1 · 12 octets · 3 élément(s) lu(s), 96 message(s) annoncé(s)\n"
        "        1  accepté\n        2  acceptés avec remarque\n"
        "- ligne 2 : accepté avec remarque\n    X : Non.\n    → Si.\n    attendu : 3 colonnes ; reçu : 1 colonne\n"
    )
    english = "".join(as_text(head, [note], lang="en"))
    assert english.endswith("- line 2: flagged\n    X: No.\n    → Yes.\n    expected: 3 columns; came: 1 column\n")
