"""ADT messages: who is who, whom a message merges, what the patient declared (HL7 v2.5, 3; IHE PAM, French 2.11)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from connectors.base import Admission, RawPatient
from connectors.hl7.patient import read_patient
from connectors.hl7.values import Values

_NUMBERS = (1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 14, 24, 28, 31, 37, 40, 47)
EVENTS = frozenset(f"ADT^A{number:02}" for number in _NUMBERS)
"""Events whose segments are read. The others (bed swaps, deletions, leaves …) are kept raw."""
TWO_PATIENTS = frozenset({"ADT^A24", "ADT^A37"})


class Admitted(msgspec.Struct, frozen=True):
    """An ADT message read: its patients in order, and what it says beside them; segments counted."""

    patients: tuple[RawPatient, ...]
    admission: Admission
    mapped: int
    raw: int


def read_admission(lines: Iterable[str], values: Values) -> Admitted:
    """The segments below MSH: PID, EVN, MRG, PV1, ZBE and ZFA are mapped, the others (PV2, ROL, ZFD, ZFM …) kept raw.

    Several MRG segments join their numbers; of several ZFA or ZBE the first speaks, the others are kept raw.
    """
    patients: list[RawPatient] = []
    said: dict[str, str] = {}
    merged: list[str] = []
    mapped = raw = 0
    for line in lines:
        name = line[:3]
        f = [*line.split(values.d.field), *[""] * 20]
        taken = True
        if name == "PID":
            patients.append(read_patient(line, values))
        elif name == "MRG":
            merged += values.repetitions(f[1])
        elif name in _FIELDS and name not in said:
            said[name] = ""
            said |= {field: f[number] for field, number in _FIELDS[name].items()}
        else:
            taken = False
        mapped += taken
        raw += not taken
    time = {name: values.component(said.get(name, ""), 1).strip() for name in _TIMES}
    visit = values.identifier(values.first(said.get("visit", "")))
    return Admitted(
        tuple(patients),
        Admission(
            recorded=time["recorded"],
            occurred=time["occurred"],
            merged=tuple(i for i in map(values.identifier, merged) if i.extension),
            other=patients[1] if len(patients) == 2 else None,
            visit=visit,
            movement=values.entity(said.get("movement", "")),
            feeding=values.component(said.get("feeding", ""), 1).strip(),
            feeding_at=time["feeding_at"],
            consultation=values.component(said.get("consultation", ""), 1).strip(),
            consultation_at=time["consultation_at"],
        ),
        mapped,
        raw,
    )


_FIELDS = {
    "EVN": {"recorded": 2, "occurred": 6},
    "PV1": {"visit": 19},
    "ZBE": {"movement": 1},
    "ZFA": {"feeding": 9, "feeding_at": 10, "consultation": 11, "consultation_at": 12},
}
_TIMES = ("recorded", "occurred", "feeding_at", "consultation_at")
