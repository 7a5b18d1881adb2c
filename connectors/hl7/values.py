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

    __slots__ = ("authorities", "codes", "d", "encoding", "flags", "kinds", "plain", "text", "unknown_escapes")

    def __init__(self, d: Delimiters, *, plain: bool, encoding: str) -> None:
        self.d = d
        self.codes: Mapping[str, RawCode] = Remembered(self._code)
        """CE and CWE by the text of their field, first repetition."""
        self.authorities: Mapping[str, str] = Remembered(self.authority)
        """HD by the text of its component."""
        self.flags = _flags(d)
        """OBX-8 by its text."""
        self.kinds: Mapping[str, tuple[str, str]] = Remembered(self._kind)
        """MSH-9 by its text: `type^event`, and the event."""
        self.plain = plain
        """No escape character after MSH-2: the whole slow path is skipped."""
        self.text: Callable[[str], str] = str if plain else self._decoded
        """A value with its escapes decoded."""
        self.encoding = encoding
        self.unknown_escapes = 0

    def _decoded(self, value: str) -> str:
        return unescape(value, self.d, self._unknown, self.encoding)

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
        if self.d.component not in value:
            return self.text(value) if number == 1 else ""
        parts = value.split(self.d.component, number)
        return self.text(parts[number - 1]) if len(parts) >= number else ""

    def components(self, value: str) -> tuple[str, ...]:
        """All components of one repetition."""
        parts = value.split(self.d.component)
        return tuple(parts) if self.plain else tuple([self.text(part) for part in parts])

    def subcomponents(self, component: str) -> tuple[str, ...]:
        parts = component.split(self.d.subcomponent)
        return tuple(parts) if self.plain else tuple([self.text(part) for part in parts])

    def subcomponent(self, component: str) -> str:
        """The first sub-component."""
        return self.text(component.partition(self.d.subcomponent)[0])

    def authority(self, component: str) -> str:
        """HD: the universal id (.2), else the namespace (.1)."""
        parts = self.subcomponents(component)
        return (parts[1] if len(parts) > 1 else "") or parts[0]

    def _code(self, field: str) -> RawCode:
        return _coded(self.components(self.first(field)))

    def entity(self, field: str) -> RawId:
        """EI: .1 value, .2 namespace (`name&OID&ISO` in older messages), .3 universal id, .4 its type.

        HL7's null `""` and blanks are no value.
        """
        if not field:
            return NO_ID
        parts = self.first(field).split(self.d.component, 4)
        number = self._number(parts[0]).strip()
        if not number or number == '""':
            return NO_ID
        given = len(parts)
        root = self.text(parts[2]) if given > 2 else ""
        if not root and given > 1:
            root = self.authorities[parts[1]]
        return RawId(root.strip(), number, self.text(parts[3]) if given > 3 else "")

    def _number(self, component: str) -> str:
        """The value of an identifier. Separators at its end say nothing (HL7 v2.5, 2.6): `&&` is no number."""
        return self.text(component.rstrip(self.d.subcomponent))

    def identifier(self, value: str) -> RawId:
        """CX, one repetition: .1 value, .4 authority, .5 type. HL7's null `""` is no value."""
        parts = value.split(self.d.component, 5)
        extension = self.text(parts[0].rstrip(self.d.subcomponent)).strip()
        if extension in {"", '""'}:
            return NO_ID
        given = len(parts)
        root = self.authorities[parts[3]] if given > 3 else ""
        return RawId(root, extension, self.text(parts[4]) if given > 4 else "")

    def _kind(self, field: str) -> tuple[str, str]:
        """MSG: .1 type, .2 event, .3 structure, which names the event of an ORU that does not say it."""
        said, event, structure = (*self.components(self.first(field)), "", "")[:3]
        said, event = said.strip(), event.strip()
        if not event and structure.strip() == "ORU_R01":
            event = "R01"
        return (f"{said}^{event}" if event else said), event

    def person(self, field: str) -> RawParty:
        """XCN: .1 id, .2 family, .3 given, .9 authority, .13 type. The name is `given family`."""
        if not field:
            return NO_PARTY
        parts = [*self.first(field).split(self.d.component), *[""] * 13]
        name = f"{self.text(parts[2])} {self.subcomponent(parts[1])}".strip()
        return self._party(parts[0], parts[8], parts[12], name)

    def organisation(self, field: str) -> RawParty:
        """XON: .1 name, .3 or .10 id, .6 authority, .7 type."""
        parts = [*self.first(field).split(self.d.component), *[""] * 10]
        return self._party(parts[9] or parts[2], parts[5], parts[6], self.text(parts[0]))

    def _party(self, extension: str, authority: str, kind: str, name: str) -> RawParty:
        if not extension:
            return RawParty(NO_ID, name) if name else NO_PARTY
        return RawParty(RawId(self.authority(authority), self.text(extension).strip(), self.text(kind)), name)


def values_of(text: str, d: Delimiters, encoding: str) -> Values:
    """The values of a message. Messages without escapes that have the same delimiters share one, and its memory."""
    return Values(d, plain=False, encoding=encoding) if text.find(d.escape, 8) >= 0 else _plain(d)


@lru_cache(64)
def _plain(d: Delimiters) -> Values:
    return Values(d, plain=True, encoding="utf-8")


@lru_cache(64)
def _flags(d: Delimiters) -> Remembered[tuple[str, ...]]:
    """OBX-8 (HL7 table 0078): the first component of each repetition, read once for each of its few values."""
    return Remembered(
        lambda field: tuple(flag.partition(d.component)[0] for flag in field.split(d.repetition)) if field else ()
    )


def _coded(parts: Sequence[str]) -> RawCode:
    if parts == [""]:
        return NO_CODE
    code, display, system = (*parts, "", "", "")[:3]
    if len(parts) < 4:
        return RawCode(code, system, display)
    others = [(*parts[start : start + 3], "", "", "")[:3] for start in (3, 9)]  # CWE.4-6, since v2.7 also .10-12
    return RawCode(code, system, display, tuple(RawCode(c, s, d) for c, d, s in others if c or d))
