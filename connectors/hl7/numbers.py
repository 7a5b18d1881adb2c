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
_BESIDE = {"ORC": (4,), "OBR": (18, 19, 20, 21)}
"""Those that are not the placer's and the filler's number of an order."""


class Numbers:
    """Gathers them, each once, in the order they come."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self._segments: list[tuple[str, list[str]]] = []

    def segment(self, name: str, fields: list[str]) -> None:
        """A segment of `FIELDS`, split and padded as far as its last field there."""
        self._segments.append((name, fields))

    def found(self, *, orders: bool) -> tuple[str, ...]:
        """With `orders` the message tells the placer's and filler's numbers by its orders."""
        values = self._values
        numbers: dict[str, None] = {}
        for name, fields in self._segments:
            for number in _BESIDE.get(name, FIELDS[name]) if orders else FIELDS[name]:
                if not (written := fields[number]):
                    continue
                for one in values.repetitions(written):
                    # SPM-2 is an EIP: the placer's number in the first component, the filler's in the second.
                    for part in one.split(values.d.component, 2)[: 2 if name == "SPM" else 1]:
                        numbers[values.text(part.partition(values.d.subcomponent)[0]).strip()] = None
        return tuple(number for number in numbers if number and number != '""')
