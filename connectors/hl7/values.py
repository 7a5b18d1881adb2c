"""Values: the HL7 data types of one message (CE, CX, EI, HD, XCN, XON) as the raw types of the contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Generic, TypeVar

from connectors.base import RawCode, RawId, RawParty
from connectors.hl7.tokens import Delimiters, unescape

NO_CODE = RawCode()
NO_ID = RawId()
NO_PARTY = RawParty()


T = TypeVar("T")


class Remembered(dict[str, T], Generic[T]):
    """What a field was read as, for the fields that come again and again (codes, units, panels): at most 8,192."""

    def __init__(self, read: Callable[[str], T]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, field: str) -> T:
        value = self._read(field)
        if len(field) < 256:
            if len(self) >= 1 << 13:
                self.clear()
            self[field] = value
        return value


class Values:
    """Reads the fields of one message, its escapes included; `unknown_escapes` counts those nobody knows."""

    __slots__ = ("codes", "d", "encoding", "plain", "unknown_escapes")

    def __init__(self, d: Delimiters, *, plain: bool, encoding: str) -> None:
        self.d = d
        self.codes: Mapping[str, RawCode] = shared_codes(d) if plain else Remembered(self._code)
        """CE and CWE by the text of their field, first repetition."""
        self.plain = plain
        """No escape character after MSH-2: the whole slow path is skipped."""
        self.encoding = encoding
        self.unknown_escapes = 0

    def text(self, value: str) -> str:
        """A value with its escapes decoded."""
        return value if self.plain else unescape(value, self.d, self._unknown, self.encoding)

    def _unknown(self) -> None:
        self.unknown_escapes += 1

    def first(self, field: str) -> str:
        """The first repetition, as written."""
        return field.partition(self.d.repetition)[0]

    def repetitions(self, field: str) -> list[str]:
        """The repetitions as written; none for an empty field."""
        return field.split(self.d.repetition) if field else []

    def component(self, value: str, number: int) -> str:
        """Component `number`, from 1, of one repetition; empty when absent."""
        parts = value.split(self.d.component, number)
        return self.text(parts[number - 1]) if len(parts) >= number else ""

    def components(self, value: str) -> tuple[str, ...]:
        """All components of one repetition."""
        parts = value.split(self.d.component)
        return tuple(parts) if self.plain else tuple([self.text(part) for part in parts])

    def subcomponents(self, component: str) -> tuple[str, ...]:
        parts = component.split(self.d.subcomponent)
        return tuple(parts) if self.plain else tuple([self.text(part) for part in parts])

    def authority(self, component: str) -> str:
        """HD: the universal id (.2), else the namespace (.1)."""
        parts = self.subcomponents(component)
        return (parts[1] if len(parts) > 1 else "") or parts[0]

    def _code(self, field: str) -> RawCode:
        return _coded(self.components(self.first(field)))

    def entity(self, field: str) -> RawId:
        """EI: .1 value, .2 namespace (`name&OID&ISO` in older messages), .3 universal id, .4 its type."""
        if not field:
            return NO_ID
        parts = [*self.first(field).split(self.d.component), "", "", ""]
        root = self.text(parts[2]) or self.authority(parts[1])
        return RawId(root, self._number(parts[0]), self.text(parts[3]))

    def _number(self, component: str) -> str:
        """The value of an identifier. Separators at its end say nothing (HL7 v2.5, 2.6): `&&` is no number."""
        return self.text(component.rstrip(self.d.subcomponent))

    def identifier(self, value: str) -> RawId:
        """CX, one repetition: .1 value, .4 authority, .5 type. HL7's null `""` is no value."""
        parts = [*value.split(self.d.component), "", "", "", ""]
        extension = self._number(parts[0]).strip()
        if extension in {"", '""'}:
            return NO_ID
        return RawId(self.authority(parts[3]), extension, self.text(parts[4]))

    def person(self, field: str) -> RawParty:
        """XCN: .1 id, .2 family, .3 given, .9 authority, .13 type. The name is `given family`."""
        if not field:
            return NO_PARTY
        parts = [*self.first(field).split(self.d.component), *[""] * 13]
        name = f"{self.text(parts[2])} {self.subcomponents(parts[1])[0]}".strip()
        return self._party(parts[0], parts[8], parts[12], name)

    def organisation(self, field: str) -> RawParty:
        """XON: .1 name, .3 or .10 id, .6 authority, .7 type."""
        parts = [*self.first(field).split(self.d.component), *[""] * 10]
        return self._party(parts[9] or parts[2], parts[5], parts[6], self.text(parts[0]))

    def _party(self, extension: str, authority: str, kind: str, name: str) -> RawParty:
        if not extension:
            return RawParty(NO_ID, name) if name else NO_PARTY
        return RawParty(RawId(self.authority(authority), self.text(extension).strip(), self.text(kind)), name)


@lru_cache(64)
def shared_codes(d: Delimiters) -> Remembered[RawCode]:
    """The codes of messages without escapes: one memory for all that have these delimiters."""
    return Remembered(lambda field: _coded(field.partition(d.repetition)[0].split(d.component)))


def _coded(parts: Sequence[str]) -> RawCode:
    if parts == [""]:
        return NO_CODE
    code, display, system = (*parts, "", "", "")[:3]
    if len(parts) < 4:
        return RawCode(code, system, display)
    others = [(*parts[start : start + 3], "", "", "")[:3] for start in (3, 9)]  # CWE.4-6, since v2.7 also .10-12
    return RawCode(code, system, display, tuple(RawCode(c, s, d) for c, d, s in others if c or d))
