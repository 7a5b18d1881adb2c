"""The patient of a message: PID as said (French IHE PAM 2.11; positions checked on the ANS samples)."""

from __future__ import annotations

from connectors.base import RawPatient
from connectors.hl7.values import Values


def read_patient(segment: str, values: Values) -> RawPatient:
    """A PID segment: PID-3, 5, 7, 8, 11 (the repetition of type BDL) and 32.

    Names: repetition `L` is the birth name (.1 family, .2 first given, .3 list of given names), `D` the used one; a
    single repetition without type is `L`, the default of HL7 table 0200. HL7's null `""` counts as absent.
    """
    f = segment.split(values.d.field, 33)
    f += [""] * (34 - len(f))
    ids = tuple([i for i in map(values.identifier, values.repetitions(f[3])) if i.extension])
    birth = used = [""] * 7  # as written: a sub-component separator in escapes must not cut a name
    separators = values.d.component + values.d.subcomponent
    said = [name for name in values.repetitions(f[5]) if name.strip(separators)]
    names = [[*name.split(values.d.component), *[""] * 7] for name in said]
    for name in names:
        kind = name[6].strip() or ("L" if len(names) == 1 else "")
        if kind == "L" and not any(birth):
            birth = name
        elif kind == "D" and not any(used):
            used = name
    places = map(values.components, values.repetitions(f[11]) if "BDL" in f[11] else ())
    born_at = next((place[8] for place in places if len(place) > 8 and place[6].strip() == "BDL"), "")
    return RawPatient(
        ids,
        _said(values.subcomponents(birth[0])[0]),
        _said(values.subcomponents(used[0])[0]),
        _said(values.text(birth[1])),
        _said(values.text(used[1])),
        _said(values.text(birth[2])),
        _said(values.component(f[7], 1)),
        _said(values.component(f[8], 1)),
        _said(born_at),
        tuple([text for rep in values.repetitions(f[32]) if (text := _said(values.component(rep, 1)))]),
    )


def _said(value: str) -> str:
    value = value.strip()
    return "" if value == '""' else value
