"""Discrete results: one order per OBR, with its observations, notes and specimen, nothing lost on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from connectors.base import Encapsulated, Locator, Observation, Order, RawCode
from connectors.hl7.values import NO_CODE, Values

Named = tuple[RawCode, str]
"""The code of an OBX-3 and what it announces, empty for a result or a document."""

_ENCODED = frozenset({"base64", "hex"})
"""HL7 table 0299; `A` is text as it stands."""

IsOther = Callable[[str, list[str], int, RawCode, str], bool]
"""Told a line, its fields, its number among the OBX, its code and what that announces: whether it is no result."""

SHORT = 64
"""The longest OBX-5 that cannot hold a document."""

_PARTS = frozenset({"SN", "CE", "CWE", "CNE"})
"""Value types whose components are read; the others are one text a repetition."""

_HAVE_COMPONENTS = """
  AD CF CK CM CN CP CQ CX DLN DR ED EI FC HD JCC MA MO NA NR PL PN PPN RP RPT TN TQ TS XAD XCN XON XPN XTN"""
_COMPOSITE = _PARTS.union(_HAVE_COMPONENTS.split())
"""Value types that have components (HL7 v2.5, 2.A); in the others a separator is a character of the text."""


class Orders:
    """Gathers the results of one message, segment by segment in the order they come.

    An OBX before any OBR, or after an ORC that no OBR follows, makes an order of its own with an empty panel; one
    after an SPM belongs to the order above. An OBR that carries a document and no result is no order of results.
    """

    def __init__(self, values: Values, message: int) -> None:
        self.findings: dict[str, None] = {}
        self.left = 0
        """OBX that are in no order after all: what is encapsulated beside nothing but a document."""
        self._values = values
        self._message = message
        self._done: list[Order] = []
        self._request: list[str] = []  # fields of an ORC that no OBR has taken yet
        self._open: Order | None = None
        self._observations: list[Observation] = []
        self._notes: list[str] = []  # of the order
        self._remarks: list[str] = []  # of the last observation, until it is known to have no more
        self._carries = False
        self._encloses = False
        self._differs = False  # ORC-3 from OBR-3
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
        self._remark()
        values = self._values
        separator, component, repetition = values.d.field, values.d.component, values.d.repetition
        codes, flags = values.codes, values.flags
        plain = values.plain and component == "^" and values.d.subcomponent == "&"
        padding, add = separator * 18, self._observations.append
        for ordinal, line in enumerate(lines, first):
            f = (line + padding).split(separator, 18)
            code, role = names[f[3]]
            kind, said, at = f[2], f[5], f[14]
            if (role or kind == "ED" or len(said) > longest) and is_other(line, f, ordinal, code, role):
                continue
            if self._open is None:
                self._begin_alone(ordinal)
            self._noted = "observation"
            if plain and said and not (f[15] or kind in _PARTS or repetition in said or component in at):
                one = (said,)
                add(
                    Observation(ordinal, kind, code, f[4], one, codes[f[6]], f[7], flags[f[8]], f[11], at, codes[f[17]])
                )
            else:
                add(self._observed(f, ordinal, code))

    def _observed(self, f: list[str], ordinal: int, code: RawCode) -> Observation:
        """An OBX, padded to 19 fields, whatever it holds: escapes, several values, components, a producer."""
        values, text, kind, said = self._values, self._values.text, f[2], f[5]
        repeated = values.repetitions(said)
        return Observation(
            ordinal,
            kind,
            code,
            text(f[4]),
            tuple([self._usual(kind, one) for one in repeated]),
            values.codes[f[6]],
            text(f[7]),
            tuple(map(text, values.flags[f[8]])),
            f[11],
            values.component(f[14], 1),
            values.codes[f[17]],
            values.component(f[15], 1),
            (),
            tuple([values.components(one) for one in repeated]) if kind in _PARTS else (),
        )

    def attach(self, fields: list[str], ordinal: int, code: RawCode, said: Encapsulated) -> None:
        """An OBX, padded to 19 fields, that encapsulates something else than a document."""
        self._remark()
        if self._open is None:
            self._begin_alone(ordinal)
        values = self._values
        parts = fields[5].split(values.d.component, 4)
        if len(parts) > 4 and values.text(parts[3]).strip().lower() in _ENCODED:
            del parts[4]
        self._observations.append(
            Observation(
                ordinal,
                fields[2],
                code,
                values.text(fields[4]),
                (self._usual(fields[2], values.d.component.join(parts)),),
                values.codes[fields[6]],
                values.text(fields[7]),
                tuple(map(values.text, values.flags[fields[8]])),
                fields[11],
                values.component(fields[14], 1),
                values.codes[fields[17]],
                values.component(fields[15], 1),
                encapsulated=said,
            )
        )
        self._noted = "observation"

    def _usual(self, kind: str, value: str) -> str:
        """One repetition of OBX-5 decoded, its components in the usual delimiters."""
        values = self._values
        if kind not in _COMPOSITE:
            return values.text(value)
        return "^".join(["&".join(values.subcomponents(part)) for part in value.split(values.d.component)])

    def enclose(self) -> None:
        """An OBX of this order encloses a document."""
        self._encloses = True
        self.carry()

    def carry(self) -> None:
        """An OBX of this order encloses a document, a mail body or a flag."""
        self._carries = True
        self._noted = ""

    def note(self, text: str) -> bool:
        """An NTE: whether it was about something we keep."""
        if self._noted == "observation":
            self._remarks.append(text)
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

    def _begin_alone(self, ordinal: int) -> None:
        """An order for an OBX that follows no OBR."""
        self.findings["RESULT_WITHOUT_OBR"] = None
        self._begin(Locator(message=self._message, segment=f"OBX {ordinal}"), [])

    def _begin(self, locator: Locator, obr: list[str]) -> None:
        values = self._values
        f, request = obr or _ABSENT, self._request or _ABSENT
        self._request = []
        filler = values.entity(f[3])
        if request[3] != f[3]:
            above = values.entity(request[3])
            filler = filler if filler.extension else above
            self._differs = above.extension not in {"", filler.extension}
        self._open = Order(
            locator,
            placer if (placer := values.entity(f[2])).extension else values.entity(request[2]),
            filler,
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

    def _remark(self) -> None:
        """The notes below the last observation are its own."""
        if self._remarks:
            self._observations[-1] = msgspec.structs.replace(self._observations[-1], notes=tuple(self._remarks))
            self._remarks = []

    def _close(self) -> None:
        self._remark()
        order = self._open
        if self._encloses and all(one.encapsulated is not None for one in self._observations):
            self.left += len(self._observations)  # the printable form of the document, or what goes with it
            self._observations = []
        if order is not None and (self._observations or not self._carries):
            self._done.append(
                msgspec.structs.replace(order, observations=tuple(self._observations), notes=tuple(self._notes))
            )
            if self._differs:
                self.findings["FILLER_ORDER_DIFFERS"] = None
        self._open, self._observations, self._notes, self._noted = None, [], [], ""
        self._carries = self._encloses = self._differs = False


_ABSENT = [""] * 26
