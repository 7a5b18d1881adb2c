"""Requests: one ORC and OBR with the OBX below them; documents of one request share its action, flags and recipients.

An ORU may hold several (CI-SIS, volet transmission d'un document CDA en HL7v2: `{ORC OBR {OBX PRT}}`), each with its
own ORC-1 and its own ten flags: what one says does not bind another. An MDM is one request, whatever its ORC segments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from connectors.base import Recipient
from connectors.hl7.payload import Payload

ANSWERS = frozenset({"Y", "N"})
"""HL7 table 0136."""


class Carried(msgspec.Struct, frozen=True):
    """An OBX that carries an encapsulated payload: which one (from 1), what it says, what it holds."""

    ordinal: int
    payload: Payload
    status: str
    """OBX-11."""
    request: int


class Request(msgspec.Struct, frozen=True):
    """What a request says of its documents; where it is silent on flags or recipients, those of the whole message."""

    control: str
    """ORC-1."""
    status: str
    """OBX-11 of its documents."""
    flags: Mapping[str, str]
    recipients: tuple[Recipient, ...]

    @property
    def answered(self) -> bool:
        """Whether every flag is answered by Y or N, and by one of them."""
        return ANSWERS.issuperset(self.flags.values())


class Requests:
    """Follows the requests of one message, segment by segment in the order they come."""

    def __init__(self) -> None:
        self.number = 0
        """Of the open request; 0 before any."""
        self._fresh = False  # an ORC whose OBR has not come
        self._controls: dict[int, str] = {}
        self._flags: dict[int, dict[str, str]] = {}
        self._recipients: list[tuple[int, Recipient]] = []

    @property
    def flagged(self) -> bool:
        """Whether any flag has come."""
        return bool(self._flags)

    def control(self, code: str) -> None:
        """An ORC."""
        self.number += 1
        self._controls[self.number] = code
        self._fresh = True

    def order(self) -> None:
        """An OBR: of the ORC just before it, else of a request of its own that the last ORC also rules."""
        if not self._fresh:
            said = self._controls.get(self.number)
            self.number += 1
            if said is not None:
                self._controls[self.number] = said
        self._fresh = False

    def join(self) -> None:
        """A TXA: the requests before it are one."""
        if self._controls:
            self._controls[self.number] = one(self._controls.values())

    def flag(self, name: str, answers: Iterable[str]) -> None:
        """A flag and the repetitions of its answer; several different ones are kept joined by `~`, so none counts."""
        flags = self._flags.setdefault(self.number, {})
        flags[name] = one([*([flags[name]] if name in flags else []), *answers])

    def recipient(self, recipient: Recipient) -> None:
        self._recipients.append((self.number, recipient))

    def whole(self, carried: Sequence[Carried]) -> Request:
        """The message as if it were one request."""
        flags: dict[str, list[str]] = {}
        for said in self._flags.values():
            for name, answer in said.items():
                flags.setdefault(name, []).extend(answer.split("~"))
        controls = [self._controls.get(c.request, "") for c in carried] or [*self._controls.values()][:1]
        return Request(
            one(controls),
            one([c.status for c in carried]),
            {name: one(answers) for name, answers in flags.items()},
            tuple(recipient for _, recipient in self._recipients),
        )

    def by_number(self, carried: Sequence[Carried], whole: Request) -> dict[int, Request]:
        """The requests that carry documents."""
        numbers = dict.fromkeys(c.request for c in carried)
        if len(numbers) < 2:
            return dict.fromkeys(numbers, whole)
        return {number: self._request(number, carried, whole) for number in numbers}

    def _request(self, number: int, carried: Sequence[Carried], whole: Request) -> Request:
        return Request(
            self._controls.get(number, ""),
            one([c.status for c in carried if c.request == number]),
            self._flags.get(number) or whole.flags,
            tuple(recipient for of, recipient in self._recipients if of == number) or whole.recipients,
        )


def one(said: Iterable[str]) -> str:
    """What several places say, when they say one thing; else all of it, joined by `~`, so that nothing is chosen."""
    return "~".join(dict.fromkeys(said))
