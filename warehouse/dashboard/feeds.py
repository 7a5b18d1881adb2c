"""Who sends, how long since anything came, and what awaits correction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from warehouse.dashboard.scene import Scene, Sender
from warehouse.dashboard.words import Words
from warehouse.disclosure import OTHER


def freshness(scene: Scene) -> list[dict[str, Any]]:
    """One row a sender that is shown by itself, the longest silent first; then the others together."""
    words, today = scene.words, date.fromisoformat(scene.generated_at[:10])
    found = []
    for row in scene.tables.get("feeds", []):
        id_, last = str(row["sender"]), str(row["last_received"])
        sender = scene.senders.get(id_, Sender(name="", kind=""))
        age = None if last == OTHER else (today - date.fromisoformat(last)).days
        late = age is not None and sender.rhythm is not None and age > 2 * sender.rhythm
        found.append(
            {
                "name": scene.words.label("sender", scene.sender(id_)),
                "kind": words.label("kind", sender.kind) if sender.kind else "",
                "last": words.day(last) if age is not None else words("absent"),
                "age": _age(words, age),
                "rhythm": _rhythm(words, sender.rhythm) if id_ != OTHER else words("absent"),
                "state": "" if age is None or sender.rhythm is None else "late" if late else "on_time",
                "deliveries": _count(words, row["deliveries"]),
                "items": _count(words, row["items"]),
                "order": (id_ == OTHER, -(age or 0), id_),
            }
        )
    return sorted(found, key=lambda row: row["order"])


def reasons(scene: Scene, sentences: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """Items held and refused by sender and reason, the most numerous first; `sentences` says the codes."""
    words = scene.words
    found = []
    for row in scene.tables.get("held_refused", []):
        said = sentences.get(str(row["code"]), {})
        found.append(
            {
                "sender": words.label("sender", scene.sender(str(row["sender"]))),
                "end": words.label("end", str(row["end"])),
                "tone": str(row["end"]),
                "code": str(row["code"]) if row["code"] != OTHER else "",
                "text": said.get(words.language, words("other")),
                "fix": said.get(f"fix_{words.language}", ""),
                "items": _count(words, row["items"]),
                "order": (row["code"] == OTHER, -(row["items"] or 0), str(row["sender"]), str(row["code"])),
            }
        )
    return sorted(found, key=lambda row: row["order"])


def _count(words: Words, value: float | None) -> str:
    return words("hidden") if value is None else words.number(value)


def _age(words: Words, age: int | None) -> str:
    if age is None:
        return words("absent")
    if age < 0:
        return words("age.future")
    return (
        words("age.today") if age == 0 else words("age.one") if age == 1 else words("age.days", days=words.number(age))
    )


def _rhythm(words: Words, rhythm: int | None) -> str:
    if rhythm is None:
        return words("rhythm.none")
    return words("rhythm.one") if rhythm == 1 else words("rhythm.days", days=rhythm)
