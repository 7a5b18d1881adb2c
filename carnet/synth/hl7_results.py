"""Discrete results: ORU R01 in HL7 v2.5, a filler order for each chapter of the request, P then F then C."""

from __future__ import annotations

from carnet.synth.documents import Sending
from carnet.synth.hl7 import doctor, escaped, msh, order_fields, pid, pv1, segment
from carnet.synth.markup import stamp
from carnet.synth.nation import Nation
from carnet.synth.population import Person
from carnet.synth.results import Chapter, Result, chapters_of, corrected
from carnet.synth.tables import HABITS, SENDERS

_SPECIMENS = {"SER": "Sérum", "BLD": "Sang total", "PLAS": "Plasma", "UR": "Urines"}


def chapters_sent(nation: Nation, person: Person, sent: Sending) -> tuple[Chapter, ...]:
    """The filler orders of a message: half of them when preliminary, the corrected one alone, else all."""
    chapters = chapters_of(nation.seed, person, sent.serial, sent.begun.date())
    match sent.result_status:
        case "P":
            return chapters[: max(1, len(chapters) // 2)]
        case "C":
            return corrected(chapters)[:1]
        case _:
            return chapters


def results_message(nation: Nation, person: Person, sent: Sending) -> list[str]:
    """Segments of a message of discrete results."""
    segments = [msh(nation, sent, "ORU^R01^ORU_R01", "2.5"), pid(person, sent), pv1(sent)]
    prescriber = doctor(nation.prescriber(person.number))
    for number, chapter in enumerate(chapters_sent(nation, person, sent), 1):
        order = order_fields(nation, sent, f"-{chapter.code.partition('-')[0]}")
        asked = chapter.requests[0][0]
        panel = f"{chapter.code}^{escaped(chapter.name)}^LN^{asked.local}^{escaped(asked.name)}^L"
        collected = stamp(sent.collected)
        obr = {1: str(number), **order, 4: panel, 7: collected, 16: prescriber, 22: stamp(sent.created), 24: "LAB"}
        segments.append(segment("ORC", {1: "RE", **order, 9: stamp(sent.ready), 12: prescriber}))
        segments.append(segment("OBR", {**obr, 25: sent.result_status}))
        for index, result in enumerate(chapter.results, 1):
            segments.append(_observation(sent, result, index))
            if result.flag in ("HH", "LL"):
                segments.append(segment("NTE", {1: "1", 2: "L", 3: "Résultat contrôlé sur un second prélèvement."}))
        specimen = f"{chapter.specimen}^{_SPECIMENS[chapter.specimen]}^HL70487"
        segments.append(segment("SPM", {1: str(number), 4: specimen, 17: collected}))
    return segments


def _observation(sent: Sending, result: Result, index: int) -> str:
    test = result.test
    code = f"{test.loinc}^{escaped(test.name)}^LN^{test.local}^{escaped(test.name)}^L"
    kind, value = _value(result)
    fields = {
        1: str(index),
        2: kind,
        3: code,
        5: value,
        6: f"{test.unit}^{test.unit}^UCUM" if test.unit else "",
        7: _range(result).replace(".", HABITS[sent.sender].decimal),
        8: {"POS": "A", "NEG": "N"}.get(result.flag, result.flag),
        11: sent.result_status,
        14: stamp(sent.created),
        15: f"{SENDERS[sent.sender].finess}^{escaped(SENDERS[sent.sender].name)}^L",
    }
    return segment("OBX", fields)


def _value(result: Result) -> tuple[str, str]:
    """OBX-2 and OBX-5: a number, a structured number under a limit, or a code."""
    if result.test.law == "negative":
        return "CE", "10828004^Positif^SCT" if result.positive else "260385009^Négatif^SCT"
    return ("SN", f"<^{result.value}") if result.below else ("NM", result.value)


def _range(result: Result) -> str:
    if result.low and result.high:
        return f"{result.low}-{result.high}"
    return f"<{result.high}" if result.high else f">{result.low}" if result.low else ""
