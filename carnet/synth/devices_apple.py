"""An Apple Health export.xml: records by type, blood pressure as a correlation and once more at the top level."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Protocol

from carnet.synth.markup import attribute
from carnet.synth.population import Person

_TYPES = {
    "steps": ("HKQuantityTypeIdentifierStepCount", "count"),
    "heart_rate": ("HKQuantityTypeIdentifierHeartRate", "count/min"),
    "body_weight": ("HKQuantityTypeIdentifierBodyMass", "kg"),
}
_PRESSURE = ("HKQuantityTypeIdentifierBloodPressureSystolic", "HKQuantityTypeIdentifierBloodPressureDiastolic")
_DEVICES = {
    "watch": ("Apple Watch", "Apple Inc.", "Watch"),
    "scale": ("Balance", "Exemple SA", "Pesée 2"),
    "cuff": ("Tensiomètre", "Exemple SA", "Bras 3"),
}
_DOCTYPE = """<!DOCTYPE HealthData [
<!-- HealthKit Export Version: 14 -->
<!ELEMENT HealthData (ExportDate,Me,(Record|Correlation)*)>
<!ATTLIST HealthData locale CDATA #REQUIRED>
]>"""


class _Measured(Protocol):
    @property
    def measure(self) -> str: ...
    @property
    def moment(self) -> datetime: ...
    @property
    def until(self) -> datetime | None: ...
    @property
    def source(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def value2(self) -> str: ...


def export_xml(person: Person, closed: datetime, measured: Sequence[_Measured], number: int) -> bytes:
    """The export of one phone. Every time is printed in the offset the phone has at the export, as the real one does:
    the instants are right, the texts differ from one export to the next. So do the memory addresses of devices."""
    offset = closed.utcoffset()
    zone = timezone(offset if offset is not None else timedelta())
    sex = "HKBiologicalSexMale" if person.sex == "M" else "HKBiologicalSexFemale"
    phone = f"iPhone de {person.given.title()}"

    def time(moment: datetime) -> str:
        return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %z")

    def common(reading: _Measured) -> str:
        name, maker, model = _DEVICES[reading.source]
        address = f"0x28{number % 16**7:07x}"
        device = f"<<HKDevice: {address}>, name:{name}, manufacturer:{maker}, model:{model}, hardware:1, software:10.2>"
        source = f"{name} de {person.given.title()}" if reading.source == "watch" else phone
        said = device.replace("<", "&lt;").replace(">", "&gt;")
        end = reading.until or reading.moment
        return (
            f'sourceName="{attribute(source)}" sourceVersion="10.2" device="{said}"'
            f' creationDate="{time(end)}" startDate="{time(reading.moment)}" endDate="{time(end)}"'
        )

    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        _DOCTYPE,
        '<HealthData locale="fr_FR">',
        f' <ExportDate value="{time(closed)}"/>',
        f' <Me HKCharacteristicTypeIdentifierDateOfBirth="{person.birth}"'
        f' HKCharacteristicTypeIdentifierBiologicalSex="{sex}"'
        ' HKCharacteristicTypeIdentifierBloodType="HKBloodTypeNotSet"'
        ' HKCharacteristicTypeIdentifierFitzpatrickSkinType="HKFitzpatrickSkinTypeNotSet"/>',
    ]
    for measure, (kind, unit) in _TYPES.items():
        lines += [
            f' <Record type="{kind}" unit="{unit}" {common(reading)} value="{reading.value}"/>'
            for reading in measured
            if reading.measure == measure
        ]
    pairs = [
        [
            f'<Record type="{kind}" unit="mmHg" {common(reading)} value="{value}"/>'
            for kind, value in zip(_PRESSURE, (reading.value, reading.value2), strict=True)
        ]
        for reading in measured
        if reading.measure == "blood_pressure"
    ]
    lines += [f" {record}" for pair in pairs for record in pair]
    pressures = [reading for reading in measured if reading.measure == "blood_pressure"]
    for reading, pair in zip(pressures, pairs, strict=True):
        lines.append(f' <Correlation type="HKCorrelationTypeIdentifierBloodPressure" {common(reading)}>')
        lines += [f"  {record}" for record in pair]
        lines.append(" </Correlation>")
    return "\n".join([*lines, "</HealthData>", ""]).encode()
