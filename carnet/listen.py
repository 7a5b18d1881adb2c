"""The MLLP listener: its ports, its connections, and the queue between them and the one thread that commits."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import signal
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from carnet.connection import READ, Connection, Limits, counted
from carnet.errors import OperatorError
from carnet.settings import Sender
from carnet.wire import Received, Reply, Taking
from warehouse.store import Store

GROUP = 200
"""Messages committed together at most."""
GROUP_BYTES = 16 << 20
LARGE_ONES = 4
"""Large messages read at a time: memory stays bounded."""
LINGER = 0.003
"""Seconds that a group waits for the other connections, whose answers went out together."""
SLICE_EVERY = 10.0
"""Seconds after which what can wait is done although messages come."""
TELL_EVERY = 3600.0
"""Seconds between two lines that count what was answered: a connection may last for months."""

log = logging.getLogger("carnet.listen")


class Port(msgspec.Struct, frozen=True):
    """Where one sender's messages come in; port 0 is any free one."""

    number: int
    sender: Sender


def server_tls(certificate: Path, key: Path, client_ca: Path | None = None) -> ssl.SSLContext:
    """TLS 1.2 or later; with `client_ca`, only clients with a certificate of that authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=lambda: "")  # never asked for on a terminal
        if client_ca is not None:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, FileNotFoundError | PermissionError) else "not PEM, or no pair"
        raise OperatorError(f"the certificate, its key or the client authority cannot be used: {why}") from None
    return context


def run(store: Store, host: str, ports: Sequence[Port], limits: Limits, tls: ssl.SSLContext | None = None) -> None:
    """Listen until SIGTERM or SIGINT; a second one ends the process at once, which loses nothing that was answered."""

    async def until_told() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()

        def end(number: int) -> None:
            log.info("stopping")
            loop.remove_signal_handler(number)
            stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end, number)
        await listen(Taking(store), host, ports, stop, limits=limits, tls=tls, opened=partial(_tell, host, ports, tls))

    try:
        asyncio.run(until_told())
    finally:
        store.engine.dispose()


def _tell(host: str, ports: Sequence[Port], tls: ssl.SSLContext | None, numbers: Sequence[int]) -> None:
    for port, number in zip(ports, numbers, strict=True):
        log.info("listening on %s:%d for %s, %s", host, number, port.sender.id, "TLS" if tls else "in clear")
    if tls is None and not _is_loopback(host):
        log.warning("messages cross the network in clear: use --tls, or a tunnel and --host 127.0.0.1")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def listen(
    taking: Taking,
    host: str,
    ports: Sequence[Port],
    stop: asyncio.Event,
    *,
    limits: Limits | None = None,
    tls: ssl.SSLContext | None = None,
    opened: Callable[[list[int]], None] = lambda _numbers: None,
) -> None:
    """Take messages until `stop` is set; then answer what was received, and return."""
    asyncio.get_running_loop().set_exception_handler(_note)
    listener = _Listener(taking, limits or Limits())
    servers: list[asyncio.Server] = []
    try:
        for port in ports:
            server = await _opened(listener, host, port, tls)
            servers.append(server)
        opened([server.sockets[0].getsockname()[1] for server in servers])
        await listener.run(stop, servers)
    finally:
        for server in servers:
            server.close()


async def _opened(listener: _Listener, host: str, port: Port, tls: ssl.SSLContext | None) -> asyncio.Server:
    timeouts = {"ssl_handshake_timeout": 10, "ssl_shutdown_timeout": 5} if tls else {}
    serve = partial(listener.serve, port.sender)
    try:
        return await asyncio.start_server(serve, host, port.number, ssl=tls, limit=READ, **timeouts)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise OperatorError(f"port {port.number} of {host} cannot be opened: {why}") from None


def _note(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What asyncio has to report, without the text of an exception."""
    error = context.get("exception")
    log.error("%s%s", context["message"], f": {type(error).__name__}" if error is not None else "")


class _Listener:
    """All connections, and the queue between them and the store."""

    def __init__(self, taking: Taking, limits: Limits) -> None:
        self.limits = limits
        self.large = asyncio.Semaphore(LARGE_ONES)
        self._taking = taking
        self._queue: asyncio.Queue[tuple[Received, asyncio.Future[Reply]] | None] = asyncio.Queue(GROUP)
        self._open: dict[Connection, asyncio.Task[Any]] = {}
        self._number = 0

    async def run(self, stop: asyncio.Event, servers: Sequence[asyncio.Server]) -> None:
        with ThreadPoolExecutor(1, "commit") as pool:
            committing = asyncio.create_task(self._commit(pool))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({committing, stopping}, return_when=asyncio.FIRST_COMPLETED)
            for server in servers:
                server.close()
            for connection in self._open:
                connection.stop()
            if self._open:
                await asyncio.wait(self._open.values(), timeout=self.limits.answer + self.limits.stall)
            left = list(self._open.values())
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            stopping.cancel()
            if not committing.done():
                await self._queue.put(None)
            await committing

    async def serve(self, sender: Sender, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its first byte to its last."""
        self._number += 1
        number, peer = self._number, (writer.get_extra_info("peername") or ("a client",))[0]
        if len(self._open) >= self.limits.connections:
            log.warning("#%d of %s turned away: %d connections are open", number, peer, len(self._open))
            writer.transport.abort()
            return
        log.info("#%d opened by %s for %s", number, peer, sender.id)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection = Connection(self, number, sender, reader, writer)
        task = asyncio.current_task()
        assert task is not None
        self._open[connection] = task
        try:
            why = await connection.run()
            log.info("#%d closed, %s: %s", number, why, connection.summary())
        finally:
            del self._open[connection]

    async def submit(self, message: Received, answer: asyncio.Future[Reply]) -> None:
        """Hand a message over to be committed; waits while the queue is full."""
        await self._queue.put((message, answer))

    async def _commit(self, pool: ThreadPoolExecutor) -> None:
        """Groups, one after the other; between them, or when nobody speaks, what can wait."""
        loop = asyncio.get_running_loop()
        slice_at, tell_at = loop.time() + SLICE_EVERY, loop.time() + TELL_EVERY
        said: Counter[str] = Counter()
        while True:
            group, last = await self._gather()
            if group:
                replies = await loop.run_in_executor(pool, self._taking.take, [message for message, _ in group])
                for (_, answer), reply in zip(group, replies, strict=True):
                    said.update(reply.said)
                    if not answer.done():
                        answer.set_result(reply)
            if said and loop.time() > tell_at:
                log.info("answered: %s", counted(said))
                said.clear()
                tell_at = loop.time() + TELL_EVERY
            if last:
                break
            if self._taking.behind and (not group or loop.time() > slice_at):
                await loop.run_in_executor(pool, self._taking.catch_up)
                slice_at = loop.time() + SLICE_EVERY
        while self._taking.behind:
            await loop.run_in_executor(pool, self._taking.catch_up)

    async def _gather(self) -> tuple[list[tuple[Received, asyncio.Future[Reply]]], bool]:
        """The next group, and whether it is the last; none when nothing came for a second and other work waits."""
        try:
            async with asyncio.timeout(1.0 if self._taking.behind else None):
                first = await self._queue.get()
        except TimeoutError:
            return [], False
        if first is None:
            return [], True
        if self._queue.qsize() + 1 < len(self._open):
            await asyncio.sleep(LINGER)
        group, size = [first], len(first[0].data)
        while not self._queue.empty() and len(group) < GROUP and size < GROUP_BYTES:
            other = self._queue.get_nowait()
            if other is None:
                return group, True
            group.append(other)
            size += len(other[0].data)
        return group, False
