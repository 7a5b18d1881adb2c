"""Treatments: what is prescribed or continued at exit, as narrative and as coded entries."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import accumulate
from random import Random

from carnet.synth.markup import ATC, CIS, anchor, coded, day, section, table, templates, text
from carnet.synth.tables import DRUGS, Drug

_ORAL = ("20053000", "Voie orale")
_EDQM = ("0.4.0.127.0.16.1.1.2.1", "EDQM")
_INJECTED_OR_INHALED = ("B01AB05", "A10AE04", "R03AC02", "R03AK07")
_MEDICATION = ("2.16.840.1.113883.10.20.1.24", "1.3.6.1.4.1.19376.1.5.3.1.4.7")
_PRODUCT = ("2.16.840.1.113883.10.20.1.53", "1.3.6.1.4.1.19376.1.5.3.1.4.7.2", "1.2.250.1.213.1.1.3.43")
_HEAD = ("Période", "Médicament", "Dose", "Fréquence")


def drawn(rng: Random, age: int, wanted: int) -> list[Drug]:
    """Distinct drugs for somebody of an age."""
    fit = [drug for drug in DRUGS.values() if drug.since <= age]
    weights = list(accumulate(drug.weight for drug in fit))
    chosen: dict[str, Drug] = {}
    for _ in range(wanted * 3 if fit else 0):
        drug = rng.choices(fit, cum_weights=weights)[0]
        chosen.setdefault(drug.atc, drug)
        if len(chosen) == wanted:
            break
    return list(chosen.values())


def printed(drugs: list[Drug]) -> list[str]:
    return [f"{drug.name} : {_dose(drug)}, {_frequency(drug)}, pendant {drug.days} jours" for drug in drugs]


def prescription_section(number: str, drugs: list[Drug], start: date, comment: str) -> str:
    """Section 57828-6 of a prescription."""
    roots = templates("1.3.6.1.4.1.19376.1.9.1.2.1", "1.2.250.1.213.1.1.2.171")
    item = (*_MEDICATION, "1.3.6.1.4.1.19376.1.9.1.3.2", "1.2.250.1.213.1.1.3.83", "1.3.6.1.4.1.19376.1.9.1.3.6")
    entries = "".join(
        _administration(drug, index, number, start, "INT", templates(*item, "1.3.6.1.4.1.19376.1.5.3.1.4.7.1"))
        for index, drug in enumerate(drugs, 1)
    )
    narrative = _narrative(drugs, start) + (f"<paragraph>{text(comment)}</paragraph>" if comment else "")
    title = "Prescription de médicaments"
    return section(roots, number, "57828-6", "Prescriptions", title, narrative, entries)


def exit_section(number: str, drugs: list[Drug], start: date) -> str:
    """Section 10183-2 of a discharge letter."""
    roots = templates("1.3.6.1.4.1.19376.1.5.3.1.3.22", "1.2.250.1.213.1.1.2.146")
    kind = templates("1.2.250.1.213.1.1.3.42", *_MEDICATION, "1.3.6.1.4.1.19376.1.5.3.1.4.7.1")
    entries = "".join(_administration(drug, index, number, start, "EVN", kind) for index, drug in enumerate(drugs, 1))
    narrative = _narrative(drugs, start) if drugs else "Aucun traitement à la sortie"
    title = "Traitements à la sortie"
    return section(roots, number, "10183-2", title, title, narrative, entries)


def _narrative(drugs: list[Drug], start: date) -> str:
    rows = (
        (
            f"du {start:%d/%m/%Y} au {start + timedelta(days=drug.days):%d/%m/%Y}",
            anchor(f"med-{index}", drug.name),
            _dose(drug),
            _frequency(drug),
        )
        for index, drug in enumerate(drugs, 1)
    )
    return table(_HEAD, rows)


def _dose(drug: Drug) -> str:
    return f"{drug.dose} {drug.unit_fr}{'s' if drug.dose > 1 else ''}"


def _frequency(drug: Drug) -> str:
    return f"{drug.per_day} fois par jour"


def _administration(drug: Drug, index: int, number: str, start: date, mood: str, roots: str) -> str:
    end = start + timedelta(days=drug.days)
    oral = drug.atc not in _INJECTED_OR_INHALED
    route = coded("routeCode", *_ORAL, _EDQM) + "\n" if oral else ""
    period = 24 // drug.per_day
    return (
        f'<entry>\n<substanceAdministration classCode="SBADM" moodCode="{mood}">\n{roots}\n'
        f'<id root="{number}.{index}"/>\n'
        f"{coded('code', 'DRUG', 'Médicament', ('2.16.840.1.113883.5.4', 'HL7:ActCode'))}\n"
        f'<text><reference value="#med-{index}"/></text>\n<statusCode code="completed"/>\n'
        f'<effectiveTime xsi:type="IVL_TS"><low value="{day(start)}"/><high value="{day(end)}"/></effectiveTime>\n'
        f'<effectiveTime xsi:type="PIVL_TS" operator="A"><period value="{period}" unit="h"/></effectiveTime>\n'
        f"{route}"
        f'<doseQuantity><low value="{drug.dose}" unit="{drug.unit}"/><high value="{drug.dose}" unit="{drug.unit}"/>'
        "</doseQuantity>\n"
        f"<consumable>\n<manufacturedProduct>\n{templates(*_PRODUCT)}\n<manufacturedMaterial>\n"
        f"{_product(drug, index)}\n"
        f"<name>{text(drug.name)}</name>\n</manufacturedMaterial>\n</manufacturedProduct>\n</consumable>\n"
        "</substanceAdministration>\n</entry>\n"
    )


def _product(drug: Drug, index: int) -> str:
    """CIS with its ATC translation; where no CIS is known, no code is said and the translation stays."""
    inner = f'<originalText><reference value="#med-{index}"/></originalText>'
    inner += coded("translation", drug.atc, drug.substance, ATC)
    if drug.cis:
        return coded("code", drug.cis, drug.name, CIS, inner=inner)
    return f'<code nullFlavor="NA">{inner}</code>'
