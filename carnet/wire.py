"""Messages from the wire: made durable in groups, each a delivery of its own, then answered by what became of it.

A message is a delivery: what a sender sends again is known by its bytes, whatever came beside it, and gets the same
answer. Nothing lies between the socket and the store: an answer is rendered from the ledger once the commit is durable,
so what was not committed was not answered, and its sender has it still.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Sequence
from datetime import datetime

import msgspec

from carnet.answers import CIRCUMSTANCES, Told, hl7_answer, messages, msa, reason
from carnet.ingest import Incoming, ingest
from carnet.outbox import write_some
from carnet.settings import Sender
from connectors.base import Envelope, Source
from connectors.hl7.acknowledge import Answer, Reason, acknowledgement, asked, glimpse
from connectors.hl7.framing import opening
from warehouse import ledger
from warehouse.commit import Step, no_step
from warehouse.database import reading, unavailable
from warehouse.ledger import Sheet
from warehouse.store import Store

FAMILY = "hl7"
NAME = "mllp"
"""Stands for the file that there is none of."""
FILES = 40
"""Deliveries whose files are written between two groups: about as long as a group takes."""

log = logging.getLogger("carnet.listen")


class Received(msgspec.Struct, frozen=True):
    """What one block held: whose it is, and when it was complete."""

    data: bytes
    sender: Sender
    at: datetime


class Reply(msgspec.Struct, frozen=True):
    """What goes back for one block: messages in order, none when none is asked for; and MSA-1 of each message in it."""

    messages: tuple[bytes, ...]
    said: tuple[Answer, ...]


def turned_away(message: Received, code: str) -> Reply:
    """The answer to a message that was not kept, or that is none: AR or AE, CR where safe keeping was asked for."""
    head = opening(message.data)
    wanted = asked(head)
    answer: Answer = "AR" if code in CIRCUMSTANCES else "AE"
    if wanted.accept != "NE":
        answer = "CR"
    if not wanted.wants(answer):
        return Reply((), (answer,))
    return Reply((_acknowledged(glimpse(head), answer, [reason(code)], message.at),), (answer,))


def _acknowledged(said: Envelope, answer: Answer, reasons: Sequence[Reason], at: datetime) -> bytes:
    """An answer that no ledger keeps: its MSH-10 is like no other."""
    moment, control_id = at.strftime("%Y%m%d%H%M%S%z"), secrets.token_hex(10).upper()
    return acknowledgement(said, answer, reasons, at=moment, control_id=control_id)


class Taking:
    """The one writer of a listener: everything here runs in one thread."""

    def __init__(self, store: Store, step: Step = no_step) -> None:
        self._store = store
        self._step = step
        self._answered: list[tuple[str, int]] = []
        self._out_of_reach = 0
        self.behind = True
        """Whether files or notes may wait to be written: at first those of a listener that was killed."""

    def take(self, group: Sequence[Received]) -> list[Reply]:
        """Commit messages together and answer each. One that a bug of ours stops does not stop the others."""
        try:
            replies = self._take(group)
        except Exception as error:  # noqa: BLE001 - the bulkhead: whatever it is, the senders keep their messages
            if not unavailable(error) and len(group) > 1:
                return [reply for message in group for reply in self.take([message])]
            self._note_failure(error, len(group))
            return [turned_away(message, "STORAGE_UNAVAILABLE") for message in group]
        finally:
            self._store.forget_keys()
        if self._out_of_reach:
            log.warning("the store is back; %d message(s) had been turned away", self._out_of_reach)
            self._out_of_reach = 0
        self.behind = True
        return replies

    def _take(self, group: Sequence[Received]) -> list[Reply]:
        order = sorted(range(len(group)), key=lambda number: group[number].sender.id)
        files = (_incoming(group[number]) for number in order)
        outcomes = dict(zip(order, ingest(self._store, files, self._step), strict=True))
        replies: dict[str, Reply] = {}
        fresh = {outcome.delivery for outcome in outcomes.values() if not outcome.repeated}
        by_delivery = {outcome.delivery: group[number] for number, outcome in outcomes.items()}
        with reading(self._store.engine) as connection:
            for sheet in ledger.sheets(connection, by_delivery):
                reply, business = _reply(self._store, sheet, by_delivery[sheet.row.id])
                replies[sheet.row.id] = reply
                if sheet.row.id in fresh and not business:
                    self._answered.append((sheet.row.id, sheet.row.told))
        return [replies[outcomes[number].delivery] for number in range(len(group))]

    def _note_failure(self, error: Exception, messages: int) -> None:
        """Told once while it lasts; never by the text of the error, which may quote a patient."""
        if not self._out_of_reach or not unavailable(error):
            log.error("%d message(s) turned away: %s", messages, type(error).__name__)
        self._out_of_reach += messages

    def catch_up(self) -> None:
        """A slice of what can wait: note what was answered, put what is due in the outbox."""
        try:
            with self._store.engine.begin() as connection:
                ledger.note_answered(connection, self._answered)
            self._answered.clear()
            self.behind = write_some(self._store, FILES) == FILES
        except Exception as error:  # noqa: BLE001 - the answers are sent; their files come with the next slice
            log.error("the answers could not be put in the outbox: %s", type(error).__name__)
            self.behind = False


def _incoming(message: Received) -> Incoming:
    """A message as a delivery. Nothing but HL7v2 comes this way: another format is kept and refused."""
    digest = hashlib.sha256(message.data).hexdigest()
    sender = msgspec.structs.replace(message.sender, formats=(FAMILY,))
    return Incoming(Source.of_bytes(NAME, message.data), digest, sender, message.at)


def _reply(store: Store, sheet: Sheet, message: Received) -> tuple[Reply, bool]:
    """The reply by what the ledger says, and whether files are due all the same: a business answer is no reply."""
    if sheet.row.status != "taken":
        return turned_away(message, "STORAGE_UNAVAILABLE"), True
    walked = messages(store, sheet)
    answer = b"".join(hl7_answer(sheet, walked))
    told = [one for one in walked if isinstance(one, Told)]
    said = tuple(msa(one) for one in told)
    business = any(one.answerable.business for one in told)
    if not answer:
        codes = [item.code for item in sheet.items()]
        if "ACKNOWLEDGEMENT" in codes:  # never answered, or two systems would go on for ever
            return Reply((), ()), False
        return turned_away(message, next((code for code in codes if code), "UNKNOWN_FORMAT")), False
    if len(told) != 1 or answer.startswith(b"FHS"):
        return Reply((answer,), said), business
    wanted = asked(opening(message.data))
    kept = _acknowledged(told[0].answerable.envelope, "CA", (), message.at)
    both = ((kept, wanted.wants("CA")), (answer, wanted.wants(said[0])))
    return Reply(tuple(one for one, is_wanted in both if is_wanted), said), business
