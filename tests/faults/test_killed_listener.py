"""kill -9 of the listener under load: nothing acknowledged is lost, nothing sent again counts twice."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from datetime import datetime
from pathlib import Path

import pytest
from hl7.client import MLLPClient

from carnet.ingest import Incoming, ingest
from connectors.base import Source
from tests.cda import cda
from tests.hl7 import adt, mdm, oru
from tests.hub import Hub
from tests.listener import LOOPBACK, listener

CLIENTS = 8


def messages(number: int) -> list[bytes]:
    """Results, letters with their replacements, admissions; in an order of no meaning."""
    made: list[bytes] = []
    for n in range(number):
        match n % 5:
            case 0:
                made.append(mdm(cda(str(n)), control=f"M{n}"))
            case 1:
                made.append(mdm(cda(str(n), replaces=str(n - 1)), action="replace", control=f"M{n}"))
            case 2:
                made.append(adt(control=f"A{n}"))
            case _:
                made.append(oru(control=f"R{n}", filler=f"F{n}"))
    random.Random(number).shuffle(made)
    return made


class Senders:
    """Eight clients that send what has no answer yet, each over one connection, and keep the answers."""

    def __init__(self, sent: list[bytes]) -> None:
        self.sent = sent
        self.answers: dict[int, list[bytes]] = {}

    def send(self, port: int, numbers: list[int]) -> list[threading.Thread]:
        threads = [
            threading.Thread(target=self._speak, args=(port, numbers[first::CLIENTS])) for first in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        return threads

    def _speak(self, port: int, numbers: list[int]) -> None:
        try:
            with MLLPClient(LOOPBACK, port) as client:
                for number in numbers:
                    answer = client.send_message(self.sent[number])
                    if not answer.endswith(b"\x1c\r"):
                        return  # the listener is gone
                    self.answers.setdefault(number, []).append(answer)
        except ConnectionError:
            return


def msa(answer: bytes) -> bytes:
    return next(line for line in answer.split(b"\r") if line.startswith(b"MSA"))


def taken(hub: Hub) -> set[str]:
    return {row["delivery"] for row in hub.deliveries() if row["status"] == "taken"}


def check(tmp_path: Path, number: int, kills: int) -> None:
    sent = messages(number)
    ids = [hashlib.sha256(one).hexdigest() for one in sent]
    senders = Senders(sent)
    for kill in range(kills):
        unanswered = [n for n in range(number) if n not in senders.answers]
        with listener(tmp_path / "home") as (process, port):
            threads = senders.send(port, unanswered)
            until = number * (kill + 1) // (kills + 1)
            while len(senders.answers) < until and any(thread.is_alive() for thread in threads):
                time.sleep(0.002)
            process.kill()
            for thread in threads:
                thread.join()
        assert until <= len(senders.answers) < number
        assert {ids[n] for n in senders.answers} <= taken(Hub(tmp_path / "home"))
    with listener(tmp_path / "home") as (process, port):
        for thread in senders.send(port, list(range(number))):  # those that were answered, too
            thread.join()
        process.terminate()
        assert process.wait(60) == 0
    assert len(senders.answers) == number
    for n, answers in senders.answers.items():
        assert {msa(answer) for answer in answers} == {b"MSA|AA|" + sent[n].split(b"|")[9]}
    hub = Hub(tmp_path / "home")
    assert taken(hub) == set(ids)
    assert "duplicate" not in hub.ends()
    assert hub.hash() == from_files(tmp_path / "files", hub, dict(zip(ids, sent, strict=True))).hash()


def from_files(home: Path, hub: Hub, sent: dict[str, bytes]) -> Hub:
    """The same messages as files, received when the listener received them."""
    other = Hub(home)
    at = {row["delivery"]: datetime.fromisoformat(row["received_at"]) for row in hub.deliveries()}
    files = [Incoming(Source.of_bytes("file", data), id_, other.sender(), at[id_]) for id_, data in sent.items()]
    assert len(list(ingest(other.store, files))) == len(sent)
    return other


def test_a_killed_listener_loses_nothing_answered_and_counts_nothing_twice(tmp_path: Path) -> None:
    check(tmp_path, 200, kills=1)


@pytest.mark.slow
def test_a_thousand_messages_and_three_kills(tmp_path: Path) -> None:
    check(tmp_path, 1000, kills=3)
