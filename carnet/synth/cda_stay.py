"""The body of a discharge letter (LDL-SES): why, how it went, what follows, treatments and allergies."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import accumulate
from random import Random

import msgspec

from carnet.synth.calendar import at, later
from carnet.synth.cda_drugs import drawn, exit_section, printed
from carnet.synth.chance import poisson
from carnet.synth.markup import SNOMED, TA_ASIP, anchor, coded, day, section, table, templates, text
from carnet.synth.population import Person
from carnet.synth.tables import ALLERGIES, DRUGS, STAYS, Allergy, Drug, Stay

_OTHER_CARE = ("1.2.250.1.213.1.6.1.8", "")
# Value sets 1.2.250.1.213.1.1.5.73 and .74; shares are choices of the reference.
_ENTRIES = (
    (("8715000", "admission programmée", SNOMED), 58),
    (("183452005", "admission en urgence", SNOMED), 34),
    (("107724000", "transfert du patient", SNOMED), 6),
    (("GEN-092.06.07", "Autre modalité", TA_ASIP), 2),
)
_EXITS = (
    (("160849004", "retour au domicile", SNOMED), 86),
    (("109", "Etablissement de soins de suite", _OTHER_CARE), 5),
    (("GEN-092.06.01", "Autre établissement de santé", TA_ASIP), 4),
    (("500", "Etablissement d'hébergement pour personnes âgées", _OTHER_CARE), 3),
    (("127", "Hospitalisation à domicile", _OTHER_CARE), 2),
)
_SIMPLE = ("1.3.6.1.4.1.19376.1.5.3.1.4.13", "1.2.250.1.213.1.1.3.48")


class StayFacts(msgspec.Struct, frozen=True):
    """What a letter tells: equal seeds give equal facts, so that a new version differs by its comment only."""

    stay: Stay
    start: datetime
    end: datetime
    entry: tuple[str, str, tuple[str, str]]
    exit: tuple[str, str, tuple[str, str]]
    screened: bool
    transfused: bool
    drugs: list[Drug]
    allergy: Allergy | None

    @property
    def overnight(self) -> bool:
        return self.start.date() != self.end.date()


def stay_facts(rng: Random, person: Person, created: datetime) -> StayFacts:
    age = person.age(created.date())
    fit = [stay for stay in STAYS if _fits(stay, person.sex, age, created.date())] or [_ANY_AGE]
    stay = rng.choices(fit, cum_weights=list(accumulate(stay.weight for stay in fit)))[0]
    nights = 0 if stay.nights == 0 else max(1, round(rng.gammavariate(2.0, stay.nights / 2)))
    start = min(
        at(created.date() - timedelta(days=nights), rng.randint(7, 11), 30), later(created, -timedelta(hours=2))
    )
    usual = [DRUGS[atc] for atc in stay.drugs.split()]
    more = drawn(rng, age, min(5, poisson(rng, 0.3 if age < 18 else 1.5 if age < 60 else 3.0)))
    return StayFacts(
        stay,
        start,
        later(created, -timedelta(minutes=15)),
        rng.choices([code for code, _ in _ENTRIES], [weight for _, weight in _ENTRIES])[0],
        rng.choices([code for code, _ in _EXITS], [weight for _, weight in _EXITS])[0],
        rng.random() < 0.12,
        rng.random() < 0.03,
        list({drug.atc: drug for drug in (*usual, *more)}.values()),
        rng.choices(ALLERGIES, [allergy.weight for allergy in ALLERGIES])[0] if rng.random() < 0.10 else None,
    )


def stay_body(facts: StayFacts, number: str, comment: str) -> str:
    """Sections of the letter. `number` is an OID under which the ids of sections and entries are made."""
    done = day(facts.end)
    return (
        _state(f"{number}.1", done)
        + section(
            templates("1.3.6.1.4.1.19376.1.5.3.1.3.1", "1.2.250.1.213.1.1.2.127"),
            "",
            "42349-1",
            "Raison de la recommandation",
            "Motif de l'hospitalisation",
            text(facts.stay.reason),
        )
        + _course(facts, f"{number}.2", comment)
        + exit_section(f"{number}.3", facts.drugs, facts.end.date())
        + section(
            templates("2.16.840.1.113883.10.20.1.10", "1.3.6.1.4.1.19376.1.5.3.1.3.36", "1.2.250.1.213.1.1.2.158"),
            f"{number}.4",
            "18776-5",
            "Plan de soins",
            "Suites à donner",
            anchor("suivi", facts.stay.plan),
            _follow_up(facts, f"{number}.4"),
        )
        + _allergies(facts.allergy, f"{number}.5")
    )


def stay_printed(facts: StayFacts) -> list[str]:
    stay = facts.stay
    return [stay.reason, "", stay.summary, "", "Traitements à la sortie", *printed(facts.drugs), "", stay.plan]


def _fits(stay: Stay, sex: str, age: int, on: date) -> bool:
    months = stay.months.split()
    return stay.age_low <= age <= stay.age_high and stay.sex in ("", sex) and (not months or str(on.month) in months)


_ANY_AGE = next(stay for stay in STAYS if stay.reason == "Appendicite aiguë")


def _state(number: str, done: str) -> str:
    entry = _observation(
        templates(*_SIMPLE, "1.2.250.1.213.1.1.3.48.16", "1.2.250.1.213.1.1.3.48.16.1"),
        f"{number}.1",
        ("GEN-065", "Statut du document"),
        "statut",
        done,
        coded("value", "385651009", "en cours d'exécution", SNOMED, kind="CD"),
    )
    return section(
        templates("1.2.250.1.213.1.1.2.35", "1.2.250.1.213.1.1.2.35.1"),
        number,
        "33557-0",
        "Etat d'achèvement",
        "Statut du document",
        anchor("statut", "En cours"),
        entry,
    )


def _course(facts: StayFacts, number: str, comment: str) -> str:
    """Section 42545-4: the ten observations of the stay."""
    entered, left = facts.start, facts.end
    said = (
        ("ORG-070", "Modalité d'entrée", "6", f"{entered:%d/%m/%Y}, {facts.entry[1]}", ("CE", facts.entry)),
        ("ORG-074", "Modalité de sortie", "7", f"{left:%d/%m/%Y}, {facts.exit[1]}", ("CE", facts.exit)),
        ("MED-142", "Synthèse médicale", "9", facts.stay.summary, ("ST", None)),
        ("MED-143", "Evènements indésirables survenus pendant l'hospitalisation", "3", "Aucun", ("ST", None)),
        (
            "MED-309",
            "Recherche de microorganismes multi-résistants ou émergents effectuée",
            "8",
            _yes(facts.screened),
            ("BL", None),
        ),
        ("MED-144", "Identification de micro-organismes multirésistants", "5", "Aucun", ("ST", None)),
        ("MED-145", "Transfusion de produits sanguins", "10", _yes(facts.transfused), ("BL", None)),
        ("MED-146", "Accidents transfusionnels", "1", "Aucun", ("ST", None)),
        ("MED-147", "Administration de dérivés du sang", "2", "Non", ("BL", None)),
        (
            "MED-148",
            "Evènements indésirables suite à l'administration de dérivés du sang",
            "4",
            "Aucun",
            ("ST", None),
        ),
    )
    rows = ((text(display), anchor(code, told)) for code, display, _, told, _ in said)
    narrative = table(("Élément", "Synthèse médicale du séjour"), rows)
    if comment:
        narrative += f"<paragraph>{text(comment)}</paragraph>"
    entries = "".join(
        _observation(
            templates(*_SIMPLE, f"1.2.250.1.213.1.1.3.48.{sub}"),
            f"{number}.{index}",
            (code, display),
            code,
            day(entered if code == "ORG-070" else left),
            _said(kind, value, told),
        )
        for index, (code, display, sub, told, (kind, value)) in enumerate(said, 1)
    )
    roots = templates(
        "1.3.6.1.4.1.19376.1.5.3.1.1.21.2.9",
        "1.3.6.1.4.1.19376.1.7.3.1.1.13.7",
        "1.2.250.1.213.1.1.2.163",
        "1.2.250.1.213.1.1.2.163.1",
    )
    title = "Synthèse médicale du séjour"
    return section(roots, number, "42545-4", "Evènements observés", title, narrative, entries)


def _yes(true: bool) -> str:
    return "Oui" if true else "Non"


def _said(kind: str, value: tuple[str, str, tuple[str, str]] | None, told: str) -> str:
    if value:
        return coded("value", *value, kind=kind)
    if kind == "BL":
        return f'<value xsi:type="BL" value="{"true" if told == "Oui" else "false"}"/>'
    return f'<value xsi:type="ST">{text(told)}</value>'


def _observation(roots: str, number: str, code: tuple[str, str], name: str, when: str, value: str) -> str:
    return (
        f'<entry>\n<observation classCode="OBS" moodCode="EVN">\n{roots}\n<id root="{number}"/>\n'
        f'{coded("code", *code, TA_ASIP)}\n<text><reference value="#{name}"/></text>\n'
        f'<statusCode code="completed"/>\n<effectiveTime value="{when}"/>\n{value}\n</observation>\n</entry>\n'
    )


def _follow_up(facts: StayFacts, number: str) -> str:
    roots = templates("2.16.840.1.113883.10.20.1.25", "1.3.6.1.4.1.19376.1.5.3.1.1.20.3.1", "1.2.250.1.213.1.1.3.27")
    due = day(facts.end + timedelta(days=42))
    request = coded("code", "ORG-064", "Demande d'examen ou de suivi", TA_ASIP)
    return (
        f'<entry>\n<observation classCode="OBS" moodCode="INT">\n{roots}\n<id root="{number}.1"/>\n'
        f"{request}\n"
        '<text><reference value="#suivi"/></text>\n<statusCode code="active"/>\n'
        f'<effectiveTime value="{due}"/>\n<value xsi:type="ST">{text(facts.stay.plan)}</value>\n'
        "</observation>\n</entry>\n"
    )


def _allergies(allergy: Allergy | None, number: str) -> str:
    roots = templates("2.16.840.1.113883.10.20.1.2", "1.3.6.1.4.1.19376.1.5.3.1.3.13", "1.2.250.1.213.1.1.2.137")
    title = "Allergies identifiées pendant le séjour"
    display = "Allergies et hypersensibilités"
    if allergy is None:
        return section(roots, number, "48765-2", display, title, "Aucune allergie identifiée pendant le séjour")
    concern = templates(
        "2.16.840.1.113883.10.20.1.27",
        "1.3.6.1.4.1.19376.1.5.3.1.4.5.1",
        "1.3.6.1.4.1.19376.1.5.3.1.4.5.3",
        "1.2.250.1.213.1.1.3.40",
    )
    fact = templates(
        "2.16.840.1.113883.10.20.1.28",
        "2.16.840.1.113883.10.20.1.18",
        "1.3.6.1.4.1.19376.1.5.3.1.4.5",
        "1.3.6.1.4.1.19376.1.5.3.1.4.6",
        "1.2.250.1.213.1.1.3.41",
    )
    system = (allergy.agent_system, "ATC" if allergy.agent_system.endswith(".73") else "SNOMED CT")
    original = '<originalText><reference value="#allergie"/></originalText>'
    entry = (
        f'<entry>\n<act classCode="ACT" moodCode="EVN">\n{concern}\n<id root="{number}.1"/>\n<code nullFlavor="NA"/>\n'
        '<statusCode code="completed"/>\n<effectiveTime><low nullFlavor="NA"/><high nullFlavor="NA"/></effectiveTime>\n'
        '<entryRelationship typeCode="SUBJ" inversionInd="false">\n<observation classCode="OBS" moodCode="EVN">\n'
        f'{fact}\n<id root="{number}.2"/>\n{coded("code", allergy.kind_code, allergy.kind, SNOMED)}\n'
        '<text><reference value="#allergie"/></text>\n<statusCode code="completed"/>\n'
        '<effectiveTime xsi:type="IVL_TS"><low nullFlavor="UNK"/></effectiveTime>\n'
        f"{coded('value', allergy.agent_code, allergy.agent, system, kind='CD', inner=original)}\n"
        "</observation>\n</entryRelationship>\n</act>\n</entry>\n"
    )
    narrative = anchor("allergie", f"{allergy.agent} ({allergy.kind})")
    return section(roots, number, "48765-2", display, title, narrative, entry)
