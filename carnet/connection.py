"""One client of the listener: its blocks read, within limits, and its answers written in their order.

It reads no further than a few unanswered messages, so a slow store slows its senders down and nothing piles up. Lines
of the log name connections by number, never messages.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from carnet.settings import Sender
from carnet.wire import Received, Reply, turned_away
from connectors.hl7.framing import LIMIT
from connectors.hl7.mllp import Block, Blocks, Found, Outside, TooLong, Unfinished, framed

PIPELINE = 8
"""Unanswered messages of one connection."""
SMALL = 1 << 20
"""Bytes of a message beyond which it takes one of the few places for large ones."""
READ = 1 << 16
MOST_OUTSIDE = 1 << 16
"""Bytes outside any block after which a connection is taken for something else."""
GRACE = 0.5
"""Seconds of silence after which an FS alone ends a block."""

log = logging.getLogger("carnet.listen")


class Limits(msgspec.Struct, frozen=True):
    """What a connection may do. Seconds, bytes."""

    connections: int = 64
    message: int = LIMIT
    idle: float = 3600.0
    """Between two messages."""
    stall: float = 30.0
    """Without a byte inside a message, or without an answer being read."""
    whole: float = 300.0
    """From the first byte of a message to its last."""
    answer: float = 30.0
    """Until a message that is not committed yet is answered AR: its sender would give up anyway."""


def counted(said: Counter[str]) -> str:
    """Answers by MSA-1."""
    return ", ".join(f"{number} {code}" for code, number in sorted(said.items()))


class Host(Protocol):
    """What a connection needs of its listener."""

    limits: Limits
    large: asyncio.Semaphore
    """Places for large messages."""

    async def submit(self, message: Received, answer: asyncio.Future[Reply]) -> None:
        """Hand a message over to be committed; waits while the queue is full."""


class Connection:
    """One client: a loop that reads blocks, and one that writes answers in the order of their messages."""

    def __init__(
        self,
        listener: Host,
        number: int,
        sender: Sender,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._listener = listener
        self._limits = listener.limits
        self._number = number
        self._sender = sender
        self._reader = reader
        self._writer = writer
        self._blocks = Blocks(self._limits.message)
        self._began: float | None = None
        self._clock: asyncio.Timeout | None = None
        self._stopping = False
        self._large = False
        self._answers: asyncio.Queue[tuple[Received, asyncio.Future[Reply]] | None] = asyncio.Queue(PIPELINE)
        self._said: Counter[str] = Counter()

    def stop(self) -> None:
        """Read no more; what was received is answered."""
        self._stopping = True
        if self._clock is not None and not self._clock.expired():
            self._clock.reschedule(asyncio.get_running_loop().time())

    def summary(self) -> str:
        """What was answered, by MSA-1."""
        return counted(self._said) or "no message"

    async def run(self) -> str:
        """Until one side ends it; why it ended."""
        answering = asyncio.create_task(self._answer())
        try:
            why = await self._read()
            await self._answers.put(None)
            await answering
        finally:
            answering.cancel()
            if self._large:
                self._listener.large.release()
            await self._close()
        return why

    async def _close(self) -> None:
        """Let the last answers out, but not for ever."""
        self._writer.close()
        try:
            async with asyncio.timeout(self._limits.stall):
                await self._writer.wait_closed()
        except (OSError, TimeoutError):
            self._writer.transport.abort()

    async def _read(self) -> str:
        blocks = self._blocks
        while not self._stopping:
            try:
                if blocks.held > SMALL and not self._large:
                    async with asyncio.timeout(self._limits.whole) as self._clock:
                        self._large = await self._listener.large.acquire()
                async with asyncio.timeout(self._patience()) as self._clock:
                    data = await self._reader.read(READ)
            except TimeoutError:
                if not self._stopping and blocks.may_be_over:
                    await self._take(blocks.settle())
                    continue
                if blocks.inside:
                    return "in the middle of a message, which is dropped"
                return "by us" if self._stopping else "idle"
            except OSError:
                data = b""
            finally:
                self._clock = None
            if not data:
                await self._take(blocks.finish())
                return "by the client"
            await self._take(blocks.feed(data))
            if blocks.outside > MOST_OUTSIDE:
                return "what comes is no MLLP"
        return "by us"

    def _patience(self) -> float:
        """Seconds until the next byte is due."""
        if self._blocks.may_be_over:
            return GRACE
        if not self._blocks.inside:
            self._began = None
            return self._limits.idle
        self._began = self._began or time.monotonic()
        return max(min(self._limits.stall, self._began + self._limits.whole - time.monotonic()), 0)

    async def _take(self, found: Sequence[Found]) -> None:
        for one in found:
            match one:
                case Block():
                    self._began = None
                    if not one.whole:
                        log.warning("#%d: a block ended without FS CR", self._number)
                    await self._submit(one.data)
                case TooLong():
                    log.warning("#%d: a message of %d bytes is too long", self._number, one.size)
                    answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
                    message = self._received(one.head)
                    answer.set_result(turned_away(message, "MESSAGE_TOO_LARGE"))
                    self._let_others(answer)
                    await self._answers.put((message, answer))
                case Unfinished():
                    log.warning("#%d: %d byte(s) of an unfinished message dropped", self._number, one.size)
                case Outside():
                    log.warning("#%d: %d byte(s) outside any block dropped", self._number, one.size)

    async def _submit(self, data: bytes) -> None:
        message = self._received(data)
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._let_others(answer)
        await self._answers.put((message, answer))
        await self._listener.submit(message, answer)

    def _let_others(self, answer: asyncio.Future[Reply]) -> None:
        """Another connection may read a large message once this one is answered."""
        if self._large:
            self._large = False
            answer.add_done_callback(lambda _: self._listener.large.release())

    def _received(self, data: bytes) -> Received:
        return Received(data, self._sender, datetime.now(UTC).astimezone())

    async def _answer(self) -> None:
        broken = False
        while (next_ := await self._answers.get()) is not None:
            message, answer = next_
            try:
                async with asyncio.timeout(self._limits.answer):
                    reply = await asyncio.shield(answer)
            except TimeoutError:
                log.error("#%d: a message is not committed after %g s", self._number, self._limits.answer)
                reply = turned_away(message, "STORAGE_UNAVAILABLE")
            self._said.update(reply.said)
            if broken:
                continue
            try:
                self._writer.writelines([framed(one) for one in reply.messages])
                async with asyncio.timeout(self._limits.stall):
                    await self._writer.drain()
            except (OSError, TimeoutError):
                broken = True
                self._writer.transport.abort()
