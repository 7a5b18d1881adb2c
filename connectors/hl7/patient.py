"""The patient of a message: PID as said (French IHE PAM 2.11; positions checked on the ANS samples)."""

from __future__ import annotations

from connectors.base import RawPatient
from connectors.hl7.values import Values


def read_patient(segment: str, values: Values) -> RawPatient:
    """A PID segment: PID-3, 5, 7, 8, 11 (the repetition of type BDL) and 32.

    Names: repetition `L` is the birth name (.1 family, .2 first given, .3 list of given names), `D` the used one; a
    single repetition without type is `L`, the default of HL7 table 0200. HL7's null `""` counts as absent.
    """
    d, text = values.d, values.text
    f = segment.split(d.field, 33)
    f += _ABSENT[len(f) :]
    birth = used = _UNNAMED  # as written: a sub-component separator in escapes must not cut a name
    separators = d.component + d.subcomponent
    names = [name for name in values.repetitions(f[5]) if name.strip(separators)]
    for name in names:
        parts = name.split(d.component, 7)
        parts += _UNNAMED[len(parts) :]
        kind = parts[6].strip() or ("L" if len(names) == 1 else "")
        if kind == "L" and not any(birth):
            birth = parts
        elif kind == "D" and not any(used):
            used = parts
    places = map(values.components, values.repetitions(f[11])) if "BDL" in f[11] else ()
    family, used_family, given, used_given, givens, birth_date, sex, born_at = _said(
        values.subcomponent(birth[0]),
        values.subcomponent(used[0]),
        text(birth[1]),
        text(used[1]),
        text(birth[2]),
        values.component(f[7], 1),
        values.component(f[8], 1),
        next((place[8] for place in places if len(place) > 8 and place[6].strip() == "BDL"), ""),
    )
    return RawPatient(
        tuple([i for i in map(values.identifier, values.repetitions(f[3])) if i.extension]),
        family,
        used_family,
        given,
        used_given,
        givens,
        birth_date,
        sex,
        born_at,
        tuple(filter(None, _said(*[values.component(one, 1) for one in values.repetitions(f[32])]))),
    )


NULL = '""'
_ABSENT = [""] * 34
_UNNAMED = [""] * 7


def _said(*values: str) -> list[str]:
    return ["" if value == NULL else value for value in map(str.strip, values)]
