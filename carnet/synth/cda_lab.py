"""The body of a laboratory report (CR-BIO): chapters, batteries and coded results."""

from __future__ import annotations

from datetime import datetime

from carnet.synth.markup import LOINC, SNOMED, anchor, attribute, coded, stamp, table, templates, text
from carnet.synth.results import FLAGS, Chapter, Result

_INTERPRETATION = ("2.16.840.1.113883.5.83", "")
_QUALITATIVE = {True: ("10828004", "Positif"), False: ("260385009", "Négatif")}


def chapters_body(chapters: tuple[Chapter, ...], validated: datetime, comment: str) -> str:
    """Sections of a structured report. `comment` says why a version replaces another; empty for the first."""
    return "".join(
        _chapter(chapter, number, validated, comment if number == 1 else "")
        for number, chapter in enumerate(chapters, 1)
    )


def printed(chapters: tuple[Chapter, ...]) -> list[str]:
    """The same results as lines of text."""
    lines = []
    for chapter in chapters:
        lines += [chapter.name.upper(), *(f"{r.test.name} : {shown(r)}   {_range(r)}" for r in chapter.results), ""]
    return lines


def shown(result: Result) -> str:
    """A result as a reader sees it: `4.2 mmol/L`, `< 1 mg/L`, `Négatif`."""
    if result.test.law == "negative":
        return _QUALITATIVE[result.positive][1]
    return f"{'< ' if result.below else ''}{result.value} {result.test.unit}"


def _range(result: Result) -> str:
    if result.low and result.high:
        return f"({result.low} - {result.high})"
    return f"(< {result.high})" if result.high else f"(> {result.low})" if result.low else ""


def _chapter(chapter: Chapter, number: int, validated: datetime, comment: str) -> str:
    results = chapter.results
    names = {id(result): f"c{number}r{index}" for index, result in enumerate(results, 1)}
    narrative = table(
        ("Examen", "Résultat", "Valeurs de référence", "Interprétation"),
        ((anchor(names[id(r)], r.test.name), text(shown(r)), text(_range(r)), FLAGS[r.flag]) for r in results),
    )
    if comment:
        narrative += f"<paragraph>{text(comment)}</paragraph>"
    grouped = "".join(
        _battery(tuple(_observation(r, names[id(r)], validated) for r in measured))
        if len(measured) > 1
        else _component("entryRelationship", _observation(measured[0], names[id(measured[0])], validated))
        for _, measured in chapter.requests
    )
    title = coded("code", chapter.code, chapter.name, LOINC)
    return (
        f"<component>\n<section>\n{templates('1.3.6.1.4.1.19376.1.3.3.2.1', '1.2.250.1.213.1.1.2.70')}\n{title}\n"
        f"<title>{text(chapter.name.upper())}</title>\n<text>{narrative}</text>\n"
        f'<entry typeCode="DRIV">{templates("1.3.6.1.4.1.19376.1.3.1", "1.2.250.1.213.1.1.3.21")}\n'
        f'<act classCode="ACT" moodCode="EVN">{title}<statusCode code="completed"/>\n{grouped}</act></entry>\n'
        "</section>\n</component>\n"
    )


def _battery(observations: tuple[str, ...]) -> str:
    return (
        '<entryRelationship typeCode="COMP"><organizer classCode="BATTERY" moodCode="EVN">'
        f"{templates('1.3.6.1.4.1.19376.1.3.1.4', '1.2.250.1.213.1.1.3.78')}"
        f'<statusCode code="completed"/>\n{"".join(_component("component", o) for o in observations)}'
        "</organizer></entryRelationship>\n"
    )


def _component(element: str, observation: str) -> str:
    kind = ' typeCode="COMP"' if element == "entryRelationship" else ""
    return f"<{element}{kind}>{observation}</{element}>\n"


def _observation(result: Result, name: str, validated: datetime) -> str:
    original = f'<originalText><reference value="#{name}"/></originalText>'
    return (
        '<observation classCode="OBS" moodCode="EVN">'
        f"{templates('1.3.6.1.4.1.19376.1.3.1.6', '1.2.250.1.213.1.1.3.80')}\n"
        f"{coded('code', result.test.loinc, result.test.name, (LOINC[0], ''), inner=original)}"
        f'<statusCode code="completed"/><effectiveTime value="{stamp(validated)}"/>\n'
        f"{_value(result)}"
        f"{coded('interpretationCode', result.flag, FLAGS[result.flag], _INTERPRETATION)}\n"
        f"{_reference(result)}</observation>"
    )


def _value(result: Result) -> str:
    if result.test.law == "negative":
        return coded("value", *_QUALITATIVE[result.positive], SNOMED, kind="CD")
    unit = attribute(result.test.unit)
    if result.below:
        return f'<value xsi:type="IVL_PQ"><high value="{result.value}" unit="{unit}" inclusive="false"/></value>'
    return f'<value xsi:type="PQ" value="{result.value}" unit="{unit}"/>'


def _reference(result: Result) -> str:
    unit = attribute(result.test.unit)
    low = f'<low value="{result.low}" unit="{unit}"/>' if result.low else ""
    high = f'<high value="{result.high}" unit="{unit}"/>' if result.high else ""
    if not low + high:
        return ""
    return (
        '<referenceRange typeCode="REFV"><observationRange classCode="OBS" moodCode="EVN.CRT">'
        f'<value xsi:type="IVL_PQ">{low}{high}</value><interpretationCode code="N" codeSystem="{_INTERPRETATION[0]}"/>'
        "</observationRange></referenceRange>"
    )
