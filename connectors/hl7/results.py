"""Discrete results: one order per OBR, with its observations, notes and specimen, nothing lost on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from connectors.base import Locator, Observation, Order, RawCode
from connectors.hl7.values import NO_CODE, Values

Named = tuple[RawCode, str]
"""The code of an OBX-3 and what it announces, empty for a result or a document."""

IsOther = Callable[[str, list[str], int, RawCode, str], bool]
"""Told a line, its fields, its number among the OBX, its code and what that announces: whether it is no result."""

SHORT = 64
"""The longest OBX-5 that cannot hold a document."""

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
        """An ORC, padded to 13 fields: the head of the next order."""
        self._close()
        self._request = fields

    def order(self, fields: list[str]) -> None:
        """An OBR, padded to 26 fields."""
        self._close()
        self._count += 1
        self._begin(Locator(message=self._message, segment=f"OBR {self._count}"), fields)

    def observe(
        self, lines: Iterable[str], first: int, names: Mapping[str, Named], is_other: IsOther, longest: int
    ) -> None:
        """A run of OBX, numbered from `first`. `names` reads OBX-3. One that may be no result (by its code, its type or
        an OBX-5 over `longest` characters) is shown to `is_other`, which tells whether it is something else.

        Twenty times a message: what the loop needs is looked up once, before it.
        """
        values = self._values
        separator, component, repetition = values.d.field, values.d.component, values.d.repetition
        codes, flags, plain, text = values.codes, values.flags, values.plain, values.text
        padding, add = separator * 18, self._observations.append
        for ordinal, line in enumerate(lines, first):
            f = (line + padding).split(separator, 18)
            code, role = names[f[3]]
            _, _, kind, _, sub_id, said, unit, limits, flag, _, _, status, _, _, at, producer, _, method, _ = f
            if (role or kind == "ED" or len(said) > longest) and is_other(line, f, ordinal, code, role):
                continue
            if self._open is None:
                self.without_request = True
                self._begin(Locator(message=self._message, segment=f"OBX {ordinal}"), [])
            repeated = tuple(said.split(repetition)) if repetition in said else (said,) if said else ()
            add(
                Observation(
                    ordinal,
                    kind,
                    code,
                    sub_id,
                    repeated if plain else tuple(map(text, repeated)),
                    codes[unit],
                    text(limits),
                    flags[flag],
                    status,
                    at.partition(component)[0] if component in at else at,
                    codes[method],
                    values.component(producer, 1) if producer else "",
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
        f, request = obr or _ABSENT, self._request or _ABSENT
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
            NO_CODE,
            (),
            values.person(f[16] or request[12]),
            request[1].strip(),
        )
        self._noted = "order"

    def _close(self) -> None:
        order = self._open
        if order is not None and (self._observations or not self._carries):
            self._done.append(
                msgspec.structs.replace(order, observations=tuple(self._observations), notes=tuple(self._notes))
            )
        self._open, self._observations, self._notes, self._carries, self._noted = None, [], [], False, ""


_ABSENT = [""] * 26
