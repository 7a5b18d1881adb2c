"""Discrete results: one order per OBR, with its observations, notes and specimen, nothing lost on the way."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from connectors.base import Locator, Observation, Order, RawCode
from connectors.hl7.tokens import Delimiters
from connectors.hl7.values import NO_CODE, Remembered, Values

_PARTS = frozenset({"SN", "CE", "CWE", "CNE"})
"""Value types whose components mean something; the others are one text a repetition."""


class Orders:
    """Gathers the results of one message, segment by segment in the order they come.

    An OBX before any OBR, or after an ORC that no OBR follows, makes an order of its own with an empty panel; one
    after an SPM belongs to the order above. An OBR that carries a document and no result is no order of results.
    """

    def __init__(self, values: Values, message: int) -> None:
        self.without_request = False
        self._values = values
        self._component, self._repetition = values.d.component, values.d.repetition
        self._flags = _flags(values.d)
        self._message = message
        self._done: list[Order] = []
        self._request: list[str] = []  # fields of an ORC that no OBR has taken yet
        self._open: Order | None = None
        self._observations: list[Observation] = []
        self._notes: list[str] = []
        self._carries = False
        self._noted = ""  # what a following NTE is about: `order`, `observation` or nothing we keep
        self._count = 0

    def request(self, fields: list[str]) -> None:
        """An ORC: the head of the next order."""
        self._close()
        self._request = fields

    def order(self, fields: list[str]) -> None:
        """An OBR."""
        self._close()
        self._count += 1
        self._begin(Locator(message=self._message, segment=f"OBR {self._count}"), fields)

    def observe(self, fields: list[str], ordinal: int, code: RawCode) -> None:
        """An OBX, padded to 19 fields, that is neither flag nor document."""
        values, component, repetition = self._values, self._component, self._repetition
        codes, plain = values.codes, values.plain
        locator = Locator(None, self._message, None, f"OBX {ordinal}")
        if self._open is None:
            self.without_request = True
            self._begin(locator, [])
        kind, said, observed = fields[2], fields[5], fields[14]
        repeated = said.split(repetition) if repetition in said else [said] if said else []
        self._observations.append(
            Observation(
                locator,
                kind,
                code,
                fields[4],
                tuple(repeated) if plain else tuple([values.text(one) for one in repeated]),
                codes[fields[6]],
                fields[7] if plain else values.text(fields[7]),
                self._flags[fields[8]],
                fields[11],
                observed.partition(component)[0] if component in observed else observed,
                codes[fields[17]],
                values.component(fields[15], 1) if fields[15] else "",
                (),
                tuple([values.components(one) for one in repeated]) if kind in _PARTS else (),
            )
        )
        self._noted = "observation"

    def carry(self) -> None:
        """An OBX of this order encloses a document, a mail body or a flag."""
        self._carries = True
        self._noted = ""

    def note(self, text: str) -> bool:
        """An NTE: whether it was about something we keep."""
        if self._noted == "observation":
            last = self._observations[-1]
            self._observations[-1] = msgspec.structs.replace(last, notes=(*last.notes, text))
        elif self._noted == "order":
            self._notes.append(text)
        return bool(self._noted)

    def specimen(self, fields: list[str]) -> bool:
        """An SPM: whether it is the first of its order. Notes that follow are the order's."""
        if self._open is None:
            return False
        self._noted = "order"
        if self._open.specimen != NO_CODE:
            return False
        self._open = msgspec.structs.replace(self._open, specimen=self._values.codes[fields[4]])
        return True

    def finish(self) -> tuple[Order, ...]:
        self._close()
        return tuple(self._done)

    def _begin(self, locator: Locator, obr: list[str]) -> None:
        values = self._values
        f = obr + [""] * (26 - len(obr))
        request = self._request + [""] * (13 - len(self._request))
        self._request = []
        self._open = Order(
            locator,
            values.entity(f[2] or request[2]),
            values.entity(f[3] or request[3]),
            values.codes[f[4]],
            values.component(f[7], 1),
            values.component(f[22], 1),
            f[25].strip(),
            (),
            prescriber=values.person(f[16] or request[12]),
            control=request[1].strip(),
        )
        self._noted = "order"

    def _close(self) -> None:
        order = self._open
        if order is not None and (self._observations or not self._carries):
            self._done.append(
                msgspec.structs.replace(order, observations=tuple(self._observations), notes=tuple(self._notes))
            )
        self._open, self._observations, self._notes, self._carries, self._noted = None, [], [], False, ""


@lru_cache(64)
def _flags(d: Delimiters) -> Remembered[tuple[str, ...]]:
    """OBX-8 (HL7 table 0078): the first component of each repetition, read once for each of its few values."""
    return Remembered(
        lambda field: tuple(flag.partition(d.component)[0] for flag in field.split(d.repetition)) if field else ()
    )
