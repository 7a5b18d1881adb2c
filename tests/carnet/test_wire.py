"""Messages from the wire as deliveries of their own: what is committed, what is answered, what goes to the outbox."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest

from carnet.doctor import Check, examine
from carnet.outbox import write_outbox
from carnet.wire import Received, Reply, Taking, turned_away
from tests.carnet.test_answers import answer, read_ack, wanting
from tests.carnet.test_outbox import outbox
from tests.cda import cda
from tests.hl7 import adt, batch, mdm, oru, pid
from tests.hub import NOON, Hub

ACK = b"MSH|^~\\&|A|B|C|D|20260302||ACK^R01^ACK|77|P|2.5\rMSA|AA|12\r"


def send(hub: Hub, *messages: bytes, sender: str = "demo") -> list[Reply]:
    return Taking(hub.store).take([Received(data, hub.sender(sender), NOON) for data in messages])


def asking(data: bytes, accept: str, application: str) -> bytes:
    """The same message with MSH-15 and MSH-16."""
    return data.replace(b"|||||FRA|", f"|||{accept}|{application}|FRA|".encode(), 1)


def told(replies: Iterable[Reply]) -> list[tuple[str, ...]]:
    """MSA-1 of each message that goes back."""
    return [tuple(read_ack(one.decode(), strict=False).code for one in reply.messages) for reply in replies]


def test_each_message_is_a_delivery_answered_by_what_became_of_it(hub: Hub) -> None:
    sent = [oru(), mdm(cda("1"), patient=pid(status="PROV"), control="M2"), mdm(cda("2"), order="RO", control="M3")]
    replies = send(hub, *sent)
    deliveries = [row["delivery"] for row in hub.deliveries()]
    assert told(replies) == [("AA",), ("AE",), ("AE",)]
    assert [reply.messages for reply in replies] == [(answer(hub, delivery),) for delivery in deliveries]
    assert [read_ack(reply.messages[0].decode()).control_id for reply in replies] == ["R1", "M2", "M3"]


def test_the_state_is_that_of_the_same_messages_as_files(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> None:
    sent = [oru(), mdm(cda("1")), adt(), mdm(cda("2"), order="RO", control="M3"), oru(control="R2", status="C")]
    send(hub, *sent)
    other = Hub(tmp_path_factory.mktemp("files"))
    for one in sent:
        other.take(one)
    assert hub.hash() == other.hash()


def test_a_message_sent_again_gets_the_same_bytes_whatever_comes_beside_it(hub: Hub) -> None:
    first = send(hub, oru(), oru(control="R2", filler="F2"))
    state = hub.hash()
    again = send(hub, oru(control="R2", filler="F2"), oru(control="R2", filler="F2"))
    assert [*again] == [first[1]] * 2
    assert hub.hash() == state
    assert len(hub.deliveries()) == 2


def test_a_message_that_came_in_a_file_is_a_duplicate_and_answered_alike(hub: Hub) -> None:
    held = mdm(cda("1"), patient=pid(status="PROV"), control="M2")
    hub.take(batch([oru(), held]))
    assert told(send(hub, oru(), held)) == [("AA",), ("AE",)]
    assert hub.ends() == {"accepted": 1, "held": 2, "duplicate": 3}


def test_senders_of_one_group_keep_their_messages_apart(hub: Hub) -> None:
    taking = Taking(hub.store)
    names = ("labo-nord", "labo-rhone", "labo-nord")
    group = [Received(oru(control=f"R{n}", filler=f"F{n}"), hub.sender(name), NOON) for n, name in enumerate(names)]
    replies = taking.take(group)
    assert [read_ack(reply.messages[0].decode()).control_id for reply in replies] == ["R0", "R1", "R2"]
    assert sorted(row["sender"] for row in hub.deliveries()) == ["labo-nord", "labo-nord", "labo-rhone"]


@pytest.mark.parametrize(
    ("accept", "application", "good", "bad"),
    [
        ("", "", ("AA",), ("AE",)),
        ("AL", "NE", ("CA",), ("CA",)),
        ("AL", "AL", ("CA", "AA"), ("CA", "AE")),
        ("NE", "ER", (), ("AE",)),
        ("ER", "NE", (), ()),
    ],
)
def test_enhanced_mode_is_answered_as_asked(
    hub: Hub, accept: str, application: str, good: tuple[str, ...], bad: tuple[str, ...]
) -> None:
    """CA says that the message is safe, also when it is held or refused; AA and AE what became of it."""
    sent = [asking(oru(), accept, application), asking(mdm(cda("2"), order="RO"), accept, application)]
    assert told(send(hub, *sent)) == [good, bad]


def test_an_acknowledgement_is_never_acknowledged(hub: Hub) -> None:
    assert send(hub, ACK) == [Reply((), ())]
    assert hub.ends() == {"ignored": 1}


@pytest.mark.parametrize(
    ("data", "code", "why"),
    [
        (b"", "AE", "EMPTY_FILE"),
        (b"hello", "AE", "UNKNOWN_FORMAT"),
        (cda("1"), "AR", "FORMAT_NOT_ADMITTED"),
        (b"MSH|", "AE", "DELIMITERS_UNUSABLE"),
    ],
)
def test_a_block_that_is_no_message_is_kept_refused_and_answered(hub: Hub, data: bytes, code: str, why: str) -> None:
    (reply,) = send(hub, data)
    said = read_ack(reply.messages[0].decode(), strict=False)
    assert (said.code, said.errs[0].code, said.control_id) == (code, why, "")
    assert [row["code"] for row in hub.quarantine()] == [why]


def test_several_messages_in_a_block_get_one_batch_back(hub: Hub) -> None:
    (reply,) = send(hub, batch([oru(), oru(control="R2", filler="F2")]))
    (data,) = reply.messages
    assert data.startswith(b"FHS|")
    assert data.count(b"\rMSA|AA|") == 2
    assert reply.said == ("AA", "AA")


def test_utf_16_is_read_and_answered_in_utf_8(hub: Hub) -> None:
    """Flagged, because its MSH-18 says another set."""
    (reply,) = send(hub, oru().decode().encode("utf-16"))
    assert read_ack(reply.messages[0].decode("utf-8")).control_id == "R1"
    assert hub.ends() == {"flagged": 1}


def test_what_is_answered_over_the_wire_needs_no_file_until_it_changes(hub: Hub) -> None:
    """The second replaces what has not come: its answer changes when that comes."""
    taking = Taking(hub.store)

    def take(*messages: bytes) -> None:
        taking.take([Received(data, hub.sender(), NOON) for data in messages])
        while taking.behind:
            taking.catch_up()

    waits = mdm(cda("2", replaces="1"), action="replace", control="M2")
    take(oru(), waits)
    assert outbox(hub) == {}
    take(mdm(cda("1")))
    changed = next(row["delivery"] for row in hub.deliveries() if row["items"]["read"] == 2)
    assert {name.partition(".")[2] for name in outbox(hub)} == {"ack.hl7", "json", "txt"}
    assert outbox(hub)[f"demo/{changed[:12]}.ack.hl7"] == answer(hub, changed)
    take(waits)
    assert len(outbox(hub)) == 3


def test_a_business_answer_goes_to_the_outbox(hub: Hub) -> None:
    taking = Taking(hub.store)
    taking.take([Received(wanting(cda("1")), hub.sender(), NOON)])
    taking.catch_up()
    assert {name.partition(".")[2] for name in outbox(hub)} == {"ack.hl7", "json", "txt", "zam.hl7"}


def test_files_of_a_delivery_stay_right_when_it_comes_again_over_the_wire(hub: Hub) -> None:
    """Its answer changed after its files were written: they say so too, though the wire told it first."""
    waits = mdm(cda("2", replaces="1"), action="replace", control="M2")
    delivery = hub.take(waits)
    write_outbox(hub.store)
    hub.take(mdm(cda("1")))
    taking = Taking(hub.store)
    taking.take([Received(waits, hub.sender(), NOON)])
    taking.catch_up()
    assert outbox(hub)[f"demo/{delivery[:12]}.ack.hl7"] == answer(hub, delivery)


def test_without_storage_nothing_is_taken_and_everything_once_it_is_back(hub: Hub) -> None:
    packs = hub.store.packs
    packs.write_text("where the folder should be")
    taking = Taking(hub.store)
    group = [Received(oru(control=f"R{n}", filler=f"F{n}"), hub.sender(), NOON) for n in range(3)]
    replies = taking.take(group)
    assert told(replies) == [("AR",)] * 3
    said = read_ack(replies[0].messages[0].decode())
    assert (said.control_id, said.errs[0].code) == ("R0", "STORAGE_UNAVAILABLE")
    packs.unlink()
    assert told(taking.take(group)) == [("AA",)] * 3
    assert hub.ends() == {"accepted": 3}


def test_a_message_that_a_bug_of_ours_stops_does_not_stop_the_others(hub: Hub) -> None:
    """The group fails, then the second of its messages alone."""
    calls = 0

    def step(name: str) -> None:
        nonlocal calls
        calls += name == "sealed"
        if name == "sealed" and calls in (1, 3):
            raise ZeroDivisionError

    group = [Received(oru(control=f"R{n}", filler=f"F{n}"), hub.sender(), NOON) for n in range(3)]
    assert told(Taking(hub.store, step).take(group)) == [("AA",), ("AR",), ("AA",)]
    assert told(Taking(hub.store).take(group)) == [("AA",)] * 3
    assert hub.ends() == {"accepted": 3}


def test_the_doctor_tells_what_waits(hub: Hub) -> None:
    """Answers to note, and a message that was begun, never committed and not sent again."""

    def step(_name: str) -> None:
        raise ZeroDivisionError

    def told(name: str) -> Check:
        return next(
            check for check in examine(hub.settings, hub.store, NOON + timedelta(hours=2)) if check.name == name
        )

    taking = Taking(hub.store)
    taking.take([Received(oru(), hub.sender(), NOON)])
    assert told("outbox").says.startswith("1 delivery")
    taking.catch_up()
    assert told("outbox").says == "every answer is written"
    assert told("deliveries").well
    Taking(hub.store, step).take([Received(oru(control="R2"), hub.sender(), NOON)])
    assert not told("deliveries").well
    assert "sent again" in told("deliveries").todo
    send(hub, oru(control="R2"))
    assert told("deliveries").well


@pytest.mark.parametrize(("accept", "application", "code"), [("", "", "AR"), ("AL", "AL", "CR"), ("NE", "NE", "")])
def test_a_message_turned_away_is_answered_as_it_asked(hub: Hub, accept: str, application: str, code: str) -> None:
    message = Received(asking(oru(), accept, application), hub.sender(), NOON)
    assert told([turned_away(message, "MESSAGE_TOO_LARGE")]) == [(code,) if code else ()]
