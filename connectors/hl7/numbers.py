"""Numbers that a person looks a message up by, whatever its type: those of its orders, specimens and accessions."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.hl7.values import Values

FIELDS: Mapping[str, tuple[int, ...]] = {
    "ORC": (2, 3, 4),
    "OBR": (2, 3, 18, 19, 20, 21),
    "TXA": (14, 15),
    "SPM": (2,),
    "SAC": (1, 2),
}
"""Placer, filler and group numbers; the free fields of the placer and the filler, where an accession number stands; the
orders of a document; specimens, and accessions of containers (HL7 v2.5, 4.5.1, 4.5.3, 9.6.3, 7.4.3 and 13.4.3)."""
_PAIRS = frozenset({"SPM"})
"""Of type EIP: the placer's number in the first component, the filler's in the second."""


class Numbers:
    """Gathers them, each once, in the order they come."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self._written: dict[str, int] = {}

    def segment(self, name: str, fields: list[str]) -> None:
        """A segment of `FIELDS`, split and padded as far as its last field there."""
        components = 2 if name in _PAIRS else 1
        for number in FIELDS[name]:
            if fields[number]:
                self._written.setdefault(fields[number], components)

    def found(self) -> tuple[str, ...]:
        values = self._values
        repetition, component, subcomponent = values.d.repetition, values.d.component, values.d.subcomponent
        numbers: dict[str, None] = {}
        for written, components in self._written.items():
            for one in written.split(repetition):
                for part in one.split(component, components)[:components]:
                    number = values.text(part.partition(subcomponent)[0]).strip()
                    if number and number != '""':
                        numbers[number] = None
        return tuple(numbers)
