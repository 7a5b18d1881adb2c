"""The listener on a socket, with real clients: answers in order, limits, faults of a connection, TLS, the end."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import hl7
import pytest
from hl7.client import MLLPClient
from hl7.mllp import open_hl7_connection

from carnet.cli import main
from carnet.connection import Limits
from carnet.errors import OperatorError
from carnet.listen import Port, listen, server_tls
from carnet.wire import Taking
from connectors.hl7.mllp import Block, Blocks, framed
from tests.carnet.test_answers import read_ack
from tests.cda import cda
from tests.certificates import Party
from tests.hl7 import mdm, oru, pid
from tests.hub import Hub
from tests.listener import LOOPBACK, listener

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def nothing_left(recwarn: pytest.WarningsRecorder) -> Any:
    """No task, socket or thread outlives a test (what is left would be told when it is collected)."""
    yield
    gc.collect()
    assert not [str(one.message) for one in recwarn.list]


@asynccontextmanager
async def listening(
    hub: Hub, limits: Limits | None = None, tls: ssl.SSLContext | None = None, senders: tuple[str, ...] = ("demo",)
) -> AsyncIterator[list[int]]:
    """A listener on free ports; ended as SIGTERM ends it."""
    stop, opened = asyncio.Event(), asyncio.get_running_loop().create_future()
    ports = [Port(0, hub.sender(sender)) for sender in senders]
    task = asyncio.create_task(
        listen(Taking(hub.store), LOOPBACK, ports, stop, limits=limits, tls=tls, opened=opened.set_result)
    )
    try:
        yield await opened
    finally:
        stop.set()
        await task
        assert asyncio.all_tasks() == {asyncio.current_task()}


class Client:
    """A client that says just what it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.blocks = Blocks()
        self.answers: list[bytes] = []

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> str:
        """MSA-1 and MSA-2 of the next answer; empty when the listener hangs up."""
        while not self.answers:
            data = await self.reader.read(65536)
            if not data:
                return ""
            self.answers += [one.data for one in self.blocks.feed(data) if isinstance(one, Block)]
        ack = read_ack(self.answers.pop(0).decode(), strict=False)
        return f"{ack.code} {ack.control_id}"


@asynccontextmanager
async def client(port: int, **tls: Any) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection(LOOPBACK, port, **tls)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def talk(hub: Hub, speak: Callable[[Client], Awaitable[None]], limits: Limits | None = None) -> None:
    """One client against a listener of its own."""

    async def main() -> None:
        async with listening(hub, limits) as (port,), client(port) as one:
            async with asyncio.timeout(30):
                await speak(one)

    asyncio.run(main())


def numbered(number: int) -> bytes:
    return oru(control=f"R{number}", filler=f"F{number}")


def test_the_blocking_client_of_python_hl7_is_answered(hub: Hub) -> None:
    def speak(port: int) -> list[bytes]:
        with MLLPClient(LOOPBACK, port) as one:
            sent = [oru(), hl7.parse(numbered(2).decode()), mdm(cda("1"), order="RO", control="M3")]
            return [one.send_message(message) for message in sent]

    async def main() -> list[bytes]:
        async with listening(hub) as (port,):
            return await asyncio.to_thread(speak, port)

    answers = [read_ack(one.strip(b"\x0b\x1c\r").decode() + "\r") for one in asyncio.run(main())]
    assert [(ack.code, ack.control_id) for ack in answers] == [("AA", "R1"), ("AA", "R2"), ("AE", "M3")]
    assert answers[2].errs[0].code == "ACTION_INCONSISTENT"


def test_the_asyncio_client_of_python_hl7_is_answered(hub: Hub) -> None:
    async def main() -> hl7.Message:
        async with listening(hub) as (port,):
            reader, writer = await open_hl7_connection(LOOPBACK, port, encoding="utf-8")
            writer.writemessage(hl7.parse(oru().decode()))
            await writer.drain()
            answer = await reader.readmessage()
            writer.close()
            await writer.wait_closed()
            return answer

    answer = asyncio.run(main())
    assert (str(answer["MSA.F1"]), str(answer["MSA.F2"])) == ("AA", "R1")


def test_mllp_send_delivers_a_file(hub: Hub, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    file = tmp_path / "messages.mllp"
    file.write_bytes(b"".join(framed(numbered(number)) for number in range(5)))
    program = [sys.executable, "-c", "from hl7.client import mllp_send; mllp_send()", "--file", str(file)]

    async def main() -> tuple[int | None, bytes]:
        async with listening(hub) as (port,):
            process = await asyncio.create_subprocess_exec(*program, "-p", str(port), LOOPBACK, stdout=subprocess.PIPE)
            out, _ = await process.communicate()
            return process.returncode, out

    code, out = asyncio.run(main())
    assert (code, re.findall(rb"MSA\|(..\|\w+)", out)) == (0, [b"AA|R%d" % number for number in range(5)])
    assert hub.ends() == {"accepted": 5}


def test_messages_sent_without_waiting_are_answered_in_their_order(hub: Hub) -> None:
    async def speak(one: Client) -> None:
        await one.say(b"".join(framed(numbered(number)) for number in range(40)))
        assert [await one.answer() for _ in range(40)] == [f"AA R{number}" for number in range(40)]

    talk(hub, speak)
    assert hub.ends() == {"accepted": 40}


def test_faults_of_framing_cost_no_other_message(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "carnet.listen")

    async def speak(one: Client) -> None:
        await one.say(b"HOSTIS" + framed(numbered(1)))
        assert await one.answer() == "AA R1"
        await one.say(b"\x0b" + numbered(2)[:200] + framed(numbered(3)))
        assert await one.answer() == "AA R3"
        await one.say(b"\x0b" + numbered(4) + b"\x1c")
        assert await one.answer() == "AA R4"
        await one.say(framed(b"HOSTIS") + framed(b"") + framed(numbered(5)))
        assert [await one.answer() for _ in range(3)] == ["AE ", "AE ", "AA R5"]

    talk(hub, speak)
    said = caplog.text
    for line in ("6 byte(s) outside", "200 byte(s) of an unfinished", "without FS CR", "2 AE", "4 AA"):
        assert line in said
    assert not any(word in said for word in ("HOSTIS", "285034", "F4711", "R1"))


@pytest.mark.parametrize("encoding", ["utf-8", "iso8859-15", "utf-16", "utf-16-le", "utf-16-be"])
def test_character_sets_come_through_a_block(hub: Hub, encoding: str) -> None:
    message = oru(patient=pid(family="NOËL")).decode().replace("Groupe", "Groupe “œ”" if "16" in encoding else "Groupé")

    async def speak(one: Client) -> None:
        await one.say(framed(message.encode(encoding)))
        assert await one.answer() == "AA R1"

    talk(hub, speak)
    assert hub.documents()[0]["observations"] == 3


def test_a_message_that_is_too_long_is_rejected_and_the_connection_kept(hub: Hub) -> None:
    async def speak(one: Client) -> None:
        await one.say(framed(oru(control="LONG", value="9" * 300_000)) + framed(oru()))
        assert [await one.answer() for _ in range(2)] == ["AR LONG", "AA R1"]

    talk(hub, speak, Limits(message=100_000))
    assert hub.ends() == {"accepted": 1}


def test_large_messages_of_many_connections_take_turns(hub: Hub) -> None:
    """More of them at once than there are places."""

    async def one_of(port: int, number: int) -> str:
        async with client(port) as one:
            data = framed(oru(control=f"R{number}", filler=f"F{number}", value="9" * 1_500_000))
            for start in range(0, len(data), 400_000):
                await one.say(data[start : start + 400_000])
                await asyncio.sleep(0.01)
            return await one.answer()

    async def main() -> list[str]:
        async with listening(hub) as (port,):
            return await asyncio.gather(*(one_of(port, number) for number in range(9)))

    assert [answer.split()[1] for answer in asyncio.run(main())] == [f"R{number}" for number in range(9)]


def test_silence_ends_a_connection_between_messages_and_inside_one(hub: Hub) -> None:
    async def idle(one: Client) -> None:
        await one.say(framed(oru()))
        assert await one.answer() == "AA R1"
        assert await one.answer() == ""

    async def half(one: Client) -> None:
        await one.say(b"\x0b" + numbered(2)[:300])
        assert await one.answer() == ""

    async def slow(one: Client) -> None:
        """Never silent, never done."""
        await one.say(b"\x0bMSH|")
        with pytest.raises(OSError):
            for _ in range(100):
                await one.say(b"x")
                await asyncio.sleep(0.05)

    talk(hub, idle, Limits(idle=0.3))
    talk(hub, half, Limits(stall=0.3))
    talk(hub, slow, Limits(whole=0.5))
    assert hub.ends() == {"accepted": 1}


def test_what_is_no_mllp_is_hung_up_on(hub: Hub) -> None:
    async def speak(one: Client) -> None:
        await one.say(b"GET / HTTP/1.1\r\n" * 10_000)
        assert await one.answer() == ""

    talk(hub, speak)


def test_one_client_too_many_is_turned_away_and_the_others_stay(hub: Hub) -> None:
    async def main() -> None:
        async with listening(hub, Limits(connections=2)) as (port,), client(port) as one, client(port) as two:
            await one.say(framed(oru()))
            assert await one.answer() == "AA R1"
            async with client(port) as three:
                with pytest.raises(OSError):
                    await three.say(framed(numbered(3)))
                    assert await three.answer() == ""
                    raise ConnectionResetError
            await two.say(framed(numbered(2)))
            assert await two.answer() == "AA R2"

    asyncio.run(main())


def test_a_store_that_is_busy_too_long_gets_a_message_rejected_and_lost_by_nobody(hub: Hub) -> None:
    """Another process holds the writer's lock; what was answered AR is sent again, as its ERR asks."""
    lock = sqlite3.connect(hub.store.home / "carnet.db", isolation_level=None)

    async def speak(one: Client) -> None:
        lock.execute("BEGIN IMMEDIATE")
        await one.say(framed(oru()))
        assert await one.answer() == "AR R1"
        lock.execute("ROLLBACK")
        said = "AR R1"
        for _ in range(100):  # a slow machine may take longer than the limit of this test more than once
            await one.say(framed(oru()))
            if (said := await one.answer()) != "AR R1":
                break
        assert said == "AA R1"

    try:
        talk(hub, speak, Limits(answer=0.3))
    finally:
        lock.close()
    assert hub.ends() == {"accepted": 1}


def test_a_slow_store_slows_its_senders_down(hub: Hub) -> None:
    """While nothing is committed, the listener stops reading: the sender's own buffers fill up."""
    lock = sqlite3.connect(hub.store.home / "carnet.db", isolation_level=None)
    messages = [oru(control=f"R{n}", filler=f"F{n}", value="9" * 200_000) for n in range(100)]

    async def speak(one: Client) -> None:
        lock.execute("BEGIN IMMEDIATE")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await one.say(b"".join(map(framed, messages)))
        lock.execute("ROLLBACK")
        await one.writer.drain()
        assert [(await one.answer()).split()[1] for _ in messages] == [f"R{n}" for n in range(100)]

    try:
        talk(hub, speak)
    finally:
        lock.close()


def test_a_client_that_goes_without_its_answer_gets_it_when_it_comes_again(hub: Hub) -> None:
    async def main() -> None:
        async with listening(hub) as (port,):
            async with client(port) as one:
                await one.say(framed(oru()))
            async with client(port) as two:
                await two.say(framed(oru()))
                assert await two.answer() == "AA R1"

    asyncio.run(main())
    assert hub.ends() == {"accepted": 1}


def test_the_end_answers_what_was_received_and_drops_half_a_message(hub: Hub) -> None:
    async def main() -> list[str]:
        async with listening(hub) as (port,):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            one = Client(reader, writer)
            await one.say(b"".join(framed(numbered(number)) for number in range(5)) + b"\x0b" + numbered(6)[:99])
            first = await one.answer()
        answers = [first, *[await one.answer() for _ in range(5)]]
        writer.close()
        return answers

    assert asyncio.run(main()) == [*(f"AA R{number}" for number in range(5)), ""]
    assert hub.ends() == {"accepted": 5}


def test_each_port_has_its_sender(hub: Hub) -> None:
    async def main() -> None:
        async with (
            listening(hub, senders=("labo-nord", "labo-rhone")) as (north, south),
            client(north) as one,
            client(south) as two,
        ):
            await one.say(framed(numbered(1)))
            await two.say(framed(numbered(2)))
            assert [await one.answer(), await two.answer()] == ["AA R1", "AA R2"]

    asyncio.run(main())
    assert sorted(row["sender"] for row in hub.deliveries()) == ["labo-nord", "labo-rhone"]


def test_tls_with_a_certificate_for_each_side(hub: Hub, tmp_path: Path) -> None:
    authority = Party(tmp_path, "authority")
    server, friend = Party(tmp_path, "server", authority), Party(tmp_path, "friend", authority)
    stranger = Party(tmp_path, "stranger")
    trusting = ssl.create_default_context(cafile=str(authority.certificate))
    known = ssl.create_default_context(cafile=str(authority.certificate))
    known.load_cert_chain(friend.certificate, friend.private)
    unknown = ssl.create_default_context(cafile=str(authority.certificate))
    unknown.load_cert_chain(stranger.certificate, stranger.private)

    async def answer(port: int, context: ssl.SSLContext | None) -> str:
        try:
            async with asyncio.timeout(10), client(port, ssl=context) as one:
                await one.say(framed(oru()))
                return await one.answer()
        except OSError:
            return "hung up"

    async def main(tls: ssl.SSLContext) -> list[str]:
        async with listening(hub, Limits(stall=1), tls) as (port,):
            return [await answer(port, context) for context in (known, trusting, unknown)]

    assert asyncio.run(main(server_tls(server.certificate, server.private))) == ["AA R1"] * 3
    both = server_tls(server.certificate, server.private, authority.certificate)
    assert [one or "hung up" for one in asyncio.run(main(both))] == ["AA R1", "hung up", "hung up"]


def test_in_clear_to_a_tls_port_is_hung_up_on(hub: Hub, tmp_path: Path) -> None:
    party = Party(tmp_path, "server")

    async def main() -> str:
        async with listening(hub, tls=server_tls(party.certificate, party.private)) as (port,), client(port) as one:
            await one.say(framed(oru()))
            try:
                return await one.answer()
            except OSError:
                return ""

    assert asyncio.run(main()) == ""
    assert hub.ends() == {}


def test_a_certificate_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    one, other = Party(tmp_path, "one"), Party(tmp_path, "other")
    locked = one.locked(tmp_path / "locked.key")
    empty = tmp_path / "empty"
    empty.touch()
    for certificate, key, authority in (
        (tmp_path / "none.pem", one.private, None),
        (one.certificate, other.private, None),
        (empty, one.private, None),
        (one.certificate, locked, None),
        (one.certificate, one.private, empty),
        (one.certificate, one.private, tmp_path / "none.pem"),
    ):
        with pytest.raises(OperatorError, match="certificate"):
            server_tls(certificate, key, authority)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_listens_until_it_is_told_to_end(tmp_path: Path, number: signal.Signals) -> None:
    with (
        listener(tmp_path) as (process, port),
        MLLPClient(LOOPBACK, port) as one,
    ):
        assert b"MSA|AA|R1" in one.send_message(oru())
        process.send_signal(number)
        assert process.wait(30) == 0
        assert process.stderr is not None
        said = process.stderr.read()
    assert "1 AA" in said
    assert "Traceback" not in said
    assert Hub(tmp_path).ends() == {"accepted": 1}


def test_what_the_operator_has_to_mend_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "senders.toml").write_text('[cda-only]\nname = "x"\nkind = "hospital"\nformats = ["cda"]\n')
    monkeypatch.setenv("CARNET_HOME", str(tmp_path))
    with socket.create_server((LOOPBACK, 0)) as taken:
        busy = str(taken.getsockname()[1])
        for words, why in (
            (("--port", busy, "--sender", "demo"), "cannot be opened"),
            (("--port", "0", "--sender", "nobody"), "unknown sender"),
            (("--port", "0", "--sender", "cda-only"), "may not send hl7"),
            (("--port", "0", "--port", "0", "--sender", "demo"), "as many --sender"),
            (("--port", "0", "--sender", "demo", "--client-ca", "ca.pem"), "needs --tls"),
            (("--port", "0", "--sender", "demo", "--tls", "c.pem", "k.pem"), "certificate"),
            (("--port", "0", "--sender", "demo", "--host", "256.1.1.1"), "cannot be opened"),
        ):
            monkeypatch.setattr(sys, "argv", ["carnet", "listen", *words])
            with pytest.raises(SystemExit) as stop:
                main()
            said = capsys.readouterr().err
            assert (stop.value.code, said.count("\n"), why in said) == (2, 1, True), said


def test_another_address_without_tls_is_warned_of(tmp_path: Path) -> None:
    with listener(tmp_path, "--host", "0.0.0.0") as (process, _):
        assert process.stderr is not None
        assert "in clear" in process.stderr.readline()
        process.terminate()
        assert process.wait(30) == 0
