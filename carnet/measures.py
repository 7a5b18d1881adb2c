"""Readings of one file as items: whose they are, what they mean, and every row that is none. Pure."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import msgspec

from carnet.judged import Context
from connectors.base import Locator, RawId, RawPatient, RawReadings
from quality.catalogue import sentence
from quality.rules import identity_codes, verdict_of
from transforms.identity import Patient, understand
from transforms.moments import parse_iso, parse_ts
from transforms.readings.normalise import normalise
from transforms.readings.schema import End
from warehouse.prepared import PatientName, PreparedItem

LISTED = 1000
"""Held and refused rows listed one by one, for each code of a delivery; beyond, they are counted."""


class Judged(msgspec.Struct, frozen=True):
    """The patient of a file of readings, and what is wrong with that; None when nobody can be told."""

    patient: PatientName | None
    code: str = ""


def owner_of(context: Context, said: RawPatient | None) -> Judged:
    """The patient vouched for, when the file itself does not contradict it (birth date, sex)."""
    if context.vouched is None:
        return Judged(None, "PATIENT_UNKNOWN")
    ids = (RawId(context.vouched.oid, context.vouched.ins),)
    patient = understand(RawPatient(ids=ids), from_cda=True)
    verdict = verdict_of(identity_codes(patient, context.policy), context.policy)
    if not patient.ins:
        return Judged(None, "INS_MALFORMED")
    if verdict.end:
        return Judged(None, verdict.code)
    code = "PATIENT_DISAGREES" if said is not None and contradicts(patient, said) else ""
    if code and context.policy.discordance == "hold":
        return Judged(None, code)
    return Judged(PatientName((patient.oid, patient.ins), is_ins=True), code)


def contradicts(patient: Patient, said: RawPatient) -> bool:
    """Whether a file's own birth date or sex disagrees with those that the INS spells (sex, year, month)."""
    birth = parse_iso(said.birth_date) or parse_ts(said.birth_date)
    sex = said.sex.removeprefix("HKBiologicalSex")[:1].upper()
    number = patient.ins
    if sex in ("M", "F") and number[0] in "1278" and sex != {"1": "M", "7": "M", "2": "F", "8": "F"}[number[0]]:
        return True
    if birth is None or len(birth.day) < 7:
        return False
    year, month = birth.day[2:4], birth.day[5:7]
    return number[1:3] != year or (number[3:5] <= "12" and number[3:5] != month)


class Rows:
    """The items of the batches of one file; remembers how many rows of each code were listed."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._listed: Counter[str] = Counter()

    def items(self, raw: RawReadings, first: int) -> list[PreparedItem]:
        """Items from ordinal `first` on: the readings as one, rejected rows one by one or counted by code."""
        owner = owner_of(self._context, raw.patient)
        if owner.patient is None:
            return [self._held_whole(raw, owner.code, first)] if raw.batch.num_rows else []
        vouched = self._context.vouched
        zone, origin = (vouched.zone, "manifest") if vouched and vouched.zone else (self._context.zone.key, "sender")
        received = datetime.fromisoformat(self._context.received_at)
        found = normalise(raw, zone, received, origin)
        items = []
        if owner.code and owner.code not in self._listed:
            self._listed[owner.code] += 1
            note = PreparedItem(ordinal=first, kind="file", locator=raw.locator, end="flagged", count=0)
            items.append(msgspec.structs.replace(note, findings=(owner.code,)))
            first += 1
        if found.readings.num_rows:
            items.append(
                PreparedItem(
                    ordinal=first,
                    kind="reading",
                    locator=raw.locator,
                    end="accepted",
                    patient=owner.patient,
                    readings=found.readings,
                )
            )
            first += 3
        counted: Counter[tuple[End, str]] = Counter()
        for line, end, code in zip(*(column.to_pylist() for column in found.rejects.columns), strict=True):
            if end == "ignored" or self._listed[code] >= LISTED:
                counted[(end, code)] += 1
                continue
            self._listed[code] += 1
            items.append(PreparedItem(ordinal=first, kind="reading", locator=Locator(line=line), end=end, code=code))
            first += 1
        for (end, code), number in sorted(counted.items()):
            items.append(
                PreparedItem(ordinal=first, kind="reading", locator=raw.locator, end=end, code=code, count=number)
            )
            first += 1
        return items

    def _held_whole(self, raw: RawReadings, code: str, ordinal: int) -> PreparedItem:
        end: End = "refused" if sentence(code).default == "refused" else "held"
        return PreparedItem(
            ordinal=ordinal,
            kind="reading",
            locator=raw.locator,
            end=end,
            code=code,
            count=raw.batch.num_rows,
        )
