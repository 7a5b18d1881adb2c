"""Published tables as `measure` leaves them, of a country that never was: eighteen months, growing, by a seed."""

from __future__ import annotations

import random
from typing import Any

from warehouse.dashboard.scene import Sender
from warehouse.disclosure import protect
from warehouse.measure import metrics

Rows = list[dict[str, Any]]

NOW = "2026-07-09T06:30:00+02:00"
MONTHS = [f"{2025 + at // 12}-{at % 12 + 1:02}" for at in range(19)]
SEASON = (1.06, 1.0, 1.03, 1.01, 0.96, 1.03, 0.97, 0.76, 1.06, 1.09, 1.02, 1.01)
TYPES = {
    "11502-2": 0.41, "57833-6": 0.25, "11490-0": 0.09, "18748-4": 0.08, "34112-3": 0.05, "11488-4": 0.05,
    "34874-8": 0.03, "15507-7": 0.02, "87273-9": 0.01, "96349-6": 0.01,
}  # fmt: skip
KINDS = {"lab": 0.44, "hospital": 0.33, "office": 0.19, "app": 0.04}
SENDERS = {
    "labo-nord": Sender("Laboratoire du Nord", "lab", 1),
    "labo-rhone": Sender("Laboratoire du Rhône", "lab", 1),
    "chu-garonne": Sender("CHU de la Garonne", "hospital", 7),
    "clinique-armor": Sender("Clinique d’Armor", "hospital"),
    "assurance": Sender("Assurance maladie", "insurer", 30),
}
MEASURES = {"glucose": 900, "heart_rate": 5200, "body_weight": 210, "blood_pressure": 160, "steps": 2400}


def published(seed: int = 1, people: int = 60_000) -> dict[str, Rows]:
    """Exact tables drawn, then protected as the real ones are."""
    return {name: protect(metrics()[name], rows) for name, rows in exact(seed, people).items()}


def exact(seed: int, people: int) -> dict[str, Rows]:
    rng = random.Random(seed)
    tables: dict[str, Rows] = {name: [] for name in metrics()}
    cumulative = round(people * 0.2)
    patients = 0
    for at, month in enumerate(MONTHS):
        season = SEASON[at % 12] * rng.uniform(0.96, 1.04) * (0.28 if month == MONTHS[-1] else 1)
        activations = round(people * (0.012 + 0.0006 * at) * season)
        cumulative += activations
        holders = round(people * (0.9 + 0.002 * at))
        documents = round(people * (0.25 + 0.02 * at) * season)
        patients = max(patients, round(people * 0.75 * (1 - 0.86 ** (at + 1))))
        add = _adder(tables, month)
        add("activations", activations, activations=activations, cumulative=cumulative, holders=holders,
            share=100 * cumulative / holders)  # fmt: skip
        replaced, deleted = round(documents * 0.03), round(documents * 0.002)
        add("document_states", documents, received=documents, current=documents - replaced - deleted,
            replaced=replaced, deleted=deleted)  # fmt: skip
        add("documents_by_creation", documents, documents=round(documents * rng.uniform(0.97, 1.03)))
        add("patients_with_document", patients, patients=patients)
        add("results_by_month", documents, results=round(documents * 1.7 * rng.uniform(0.95, 1.05)))
        for table, key, shares in (("documents_by_type", "type_code", TYPES), ("documents_by_source", "kind", KINDS)):
            for name, share in shares.items():
                number = round(documents * share * rng.uniform(0.9, 1.1))
                if number:
                    add(table, number, **{key: name}, documents=number)
        for sender, share in zip(
            ("labo-nord", "labo-rhone", "chu-garonne", "clinique-armor"), (4, 3, 2, 1), strict=True
        ):
            number = round(documents * share / 10 * rng.uniform(0.9, 1.1))
            add("documents_by_sender", number, sender=sender, documents=number)
        for measure, size in MEASURES.items():
            number = round(size * (1 + at / 6) * people / 1000 * rng.uniform(0.9, 1.1))
            add("readings_by_measure", number // 60, measure=measure, readings=number)
    for sender, end, code, share in (
        ("labo-nord", "refused", "XML_NOT_WELL_FORMED", 0.004), ("labo-nord", "held", "IDENTITY_NOT_QUALIFIED", 0.009),
        ("labo-rhone", "held", "IDENTITY_NOT_QUALIFIED", 0.006), ("chu-garonne", "held", "DOCUMENT_ID_CONFLICT", 0.003),
        ("chu-garonne", "refused", "INS_KEY_WRONG", 0.005), ("clinique-armor", "refused", "ROW_WIDTH", 0.0001),
        ("assurance", "refused", "DEPARTMENT_UNKNOWN", 0.002),
    ):  # fmt: skip
        number = round(people * share)
        tables["held_refused"].append({"sender": sender, "end": end, "code": code, "items": number, "persons": number})
    for sender, day, deliveries in (
        ("labo-nord", "2026-07-08", 540), ("labo-rhone", "2026-07-03", 521), ("chu-garonne", "2026-07-02", 78),
        ("clinique-armor", "2026-06-19", 70), ("assurance", "2026-07-01", 19),
    ):  # fmt: skip
        row = {"sender": sender, "last_received": day, "deliveries": deliveries, "items": people, "persons": people}
        tables["feeds"].append(row)
    return tables


def _adder(tables: dict[str, Rows], month: str) -> Any:
    def add(table: str, persons: int, **columns: Any) -> None:
        tables[table].append({"month": month, **columns, "persons": persons})

    return add
