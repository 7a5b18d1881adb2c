"""A result in public terms: LOINC, UCUM, v3 interpretation and numbers, each beside what was said.

Nothing is invented. A LOINC code is the sender's own (its system named, shape and check digit right) or that of the
sender's map, never one found by a label; a unit and an interpretation come from a closed table or from the map.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

import msgspec

from connectors.base import RawCode
from transforms.documents import Result
from transforms.terminology.maps import NO_MAP, SenderMap
from transforms.terminology.numbers import Limits, Number, limits_of, number_of
from transforms.terminology.tables import (
    INTERPRETATIONS,
    LOINC_SYSTEMS,
    UCUM_CODES,
    UCUM_SYSTEMS,
    UNITS,
    Meaning,
    folded,
    is_loinc,
    loinc_shaped,
    names,
)

Origin: TypeAlias = Literal["", "said", "table", "map"]
"""Where a public code comes from: the sender said it, a closed table, the sender's map; empty when there is none."""
Kind: TypeAlias = Literal["code", "unit", "interpretation"]
Reason: TypeAlias = Literal["", "missing", "unmapped", "check_digit", "shape", "ambiguous", "no_equivalent"]


class Coded(msgspec.Struct, frozen=True):
    """Something said, and its public code. Without a code, `reason` says why: nothing said, no map, a LOINC code with
    a wrong check digit or shape, several that differ, or a public code that has no equivalent."""

    system: str
    said: str
    label: str = ""
    """The sender's own text for it."""
    code: str = ""
    display: str = ""
    origin: Origin = ""
    reason: Reason = ""


class CodedResult(msgspec.Struct, frozen=True):
    """One result in public terms. `local` has the codes of other systems than LOINC, as said."""

    code: Coded
    local: tuple[RawCode, ...]
    unit: Coded
    interpretations: tuple[Coded, ...]
    number: Number
    limits: Limits
    range: str
    """The reference range as said."""


def understood(result: Result, maps: SenderMap = NO_MAP) -> CodedResult:
    """A result with its codes, unit, interpretations and numbers understood, as far as they can be."""
    candidates = (result.code, *result.code.alternatives)
    return CodedResult(
        code=_code(candidates, maps),
        local=tuple(one for one in candidates if one.code.strip() and not names(one.system, LOINC_SYSTEMS)),
        unit=_unit(result.unit, maps),
        interpretations=tuple(_interpretation(flag.strip(), maps) for flag in result.flags),
        number=number_of(result),
        limits=limits_of(result.range),
        range=result.range,
    )


def gaps(coded: CodedResult) -> Iterator[tuple[Kind, Coded]]:
    """What of a result has no public code. An absent unit or interpretation is no gap."""
    if not coded.code.code:
        yield "code", coded.code
    if not coded.unit.code and coded.unit.reason != "missing":
        yield "unit", coded.unit
    for one in coded.interpretations:
        if not one.code and one.reason != "missing":
            yield "interpretation", one


def _code(candidates: tuple[RawCode, ...], maps: SenderMap) -> Coded:
    """OBX-3. The map speaks first: an operator may mend what a sender says wrong."""
    first = next((one for one in candidates if one.code.strip()), candidates[0])
    said = Coded(first.system.strip(), first.code.strip(), first.display.strip())
    for one in candidates:
        if mapped := maps.codes.get((one.system.strip(), one.code.strip())):
            return _with(said, mapped, "map")
    claimed = [one for one in candidates if one.code.strip() and names(one.system, LOINC_SYSTEMS)]
    known = {one.code.strip(): one.display for one in reversed(claimed) if is_loinc(one.code.strip())}
    if len(known) == 1:
        ((code, display),) = known.items()
        return _with(said, Meaning(code, display), "said")
    return msgspec.structs.replace(said, reason=_why_not(candidates, claimed, several=len(known) > 1))


def _why_not(candidates: tuple[RawCode, ...], claimed: list[RawCode], *, several: bool) -> Reason:
    if several:
        return "ambiguous"
    if claimed:
        return "check_digit" if any(loinc_shaped(one.code.strip()) for one in claimed) else "shape"
    return "unmapped" if any(one.code.strip() for one in candidates) else "missing"


def _unit(unit: RawCode, maps: SenderMap) -> Coded:
    """OBX-6: the unit's code, else its text where it has none; a UCUM code said beside a local one counts as well."""
    text = folded(unit.code or unit.display)
    said = Coded(unit.system.strip(), text, unit.display.strip())
    if mapped := maps.units.get((said.system, text)):
        return _with(said, mapped, "map")
    found: dict[str, Origin] = {}
    for one in (unit, *unit.alternatives):
        code = folded(one.code or one.display)
        if names(one.system, UCUM_SYSTEMS) and code in UCUM_CODES:
            found.setdefault(code, "said")
        elif one is unit and code in UNITS:
            found.setdefault(UNITS[code].code, "table")
    if len(found) == 1:
        ((code, origin),) = found.items()
        return _with(said, UCUM_CODES[code], origin)
    reason: Reason = "ambiguous" if found else "unmapped" if text else "missing"
    return msgspec.structs.replace(said, reason=reason)


def _interpretation(flag: str, maps: SenderMap) -> Coded:
    """One repetition of OBX-8."""
    said = Coded("", flag)
    if mapped := maps.interpretations.get(("", flag)):
        return _with(said, mapped, "map")
    known = INTERPRETATIONS.get(flag)
    if known is None:
        return msgspec.structs.replace(said, reason="unmapped" if flag else "missing")
    return _with(said, known, "table") if known.code else msgspec.structs.replace(said, reason="no_equivalent")


def _with(said: Coded, meaning: Meaning, origin: Origin) -> Coded:
    return msgspec.structs.replace(said, code=meaning.code, display=meaning.display, origin=origin)
