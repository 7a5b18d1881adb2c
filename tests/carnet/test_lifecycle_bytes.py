"""The lifecycle from the bytes on: CDA files, messages and account events in any order end in one state."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from tests.carnet.test_accounts import feed
from tests.cda import ARC, cda
from tests.hl7 import batch, mdm, oru, pid
from tests.hub import Hub
from warehouse import schema
from warehouse.database import reading
from warehouse.rebuild import rebuild

B = ("1.2.250.1.71.4.2.2", "1000000002")
Q: dict[str, Any] = {
    "ins": "181112A00400083",
    "family": "D'ÉPINAY",
    "birth": "19811115",
    "sex": "M",
    "place": "2A004",
}
PID_Q = pid(ins="181112A00400083", family="D'ÉPINAY", birth="19811115", sex="M", ipp="IPP-9")
SHORT = {"current": "cur", "superseded": "sup", "deleted": "del", "held": "held", "refused": "ref"}
LATE, EARLY = "20260210090000+0100", "20260120090000+0100"
OPPOSED = feed(("opposed", "2026-02-01T10:00:00+01:00"))
REOPENED = feed(("reopened", "2026-02-20T10:00:00+01:00"))


class Scenario(msgspec.Struct, frozen=True):
    """Deliveries, and what becomes of each document: `number[/N1] status code findings [mask]`."""

    title: str
    deliveries: tuple[bytes, ...]
    final: tuple[str, ...]
    quarantine: tuple[str, ...] = ()
    """Codes of what is held or refused."""


def doc(number: str, version: int | None = None, replaces: str | None = None, **more: Any) -> bytes:
    """A document of the set `s`; its version is its number unless said."""
    said = {"set_id": "s", "version": int(number) if version is None else version, "replaces": replaces} | more
    return cda(number, **said)


def gone(document: bytes, **more: Any) -> bytes:
    return mdm(document, action="delete", control=f"D{len(more)}", **more)


def masked(document: bytes, *flags: str, control: str = "K1", action: str = "create") -> bytes:
    return mdm(document, action=action, control=control, masked=flags)


SCENARIOS = [
    Scenario("1, 2→1", (doc("1"), doc("2", replaces="1")), ("1 sup", "2 cur")),
    Scenario("2→1, 1 never comes", (doc("2", replaces="1"),), ("2 cur TARGET_UNKNOWN",)),
    Scenario(
        "1, 3→2 in sets of their own, 2 never comes",
        (cda("1"), cda("3", replaces="2")),
        ("1 cur", "3 cur TARGET_UNKNOWN"),
    ),
    Scenario(
        "1, 2→1, 3→1 (v2, v2)",
        (doc("1"), doc("2", replaces="1"), doc("3", 2, replaces="1")),
        ("1 sup", "2 cur COMPETING_VERSIONS REPLACE_BRANCH", "3 cur COMPETING_VERSIONS REPLACE_BRANCH"),
    ),
    Scenario(
        "version always 1, 2→1, 3→2",
        (doc("1", 1), doc("2", 1, "1"), doc("3", 1, "2")),
        ("1 sup", "2 sup", "3 cur"),
    ),
    Scenario("1, 2 (v2, no link)", (doc("1"), doc("2")), ("1 sup", "2 cur")),
    Scenario("1 set a, 2→1 set b", (cda("1"), cda("2", replaces="1")), ("1 sup", "2 cur SET_CHANGED")),
    Scenario(
        "1→2, 2→1, two sets",
        (cda("1", replaces="2"), cda("2", replaces="1")),
        ("1 cur REPLACE_CYCLE", "2 cur REPLACE_CYCLE"),
    ),
    Scenario("1 (v2), 2→1 (v1)", (doc("1", 2), doc("2", 1, "1")), ("1 sup VERSION_DISORDER", "2 cur VERSION_DISORDER")),
    Scenario(
        "set shared by P and Q",
        (doc("1"), doc("2", **Q), doc("3", **Q)),
        ("1 cur SET_ID_SHARED", "2 sup SET_ID_SHARED", "3 cur SET_ID_SHARED"),
    ),
    Scenario(
        "twins sent apart, only N3 replaced",
        (doc("1", 1, level=1), doc("2", 1), doc("3", 2, "2")),
        ("1/N1 sup", "2 sup", "3 cur"),
    ),
    Scenario(
        "twins sent apart, N1 deleted",
        (doc("1", 1, level=1), doc("2", 1), gone(doc("1", 1, level=1))),
        ("1/N1 del", "2 del"),
    ),
    Scenario(
        "N1 and N3 under one id",
        (doc("1", level=1), doc("1")),
        ("1 cur TWIN_SHARES_ID", "1/N1 cur TWIN_SHARES_ID"),
    ),
    Scenario("1, delete 1", (doc("1"), gone(doc("1"))), ("1 del",)),
    Scenario("delete alone", (gone(doc("1")),), (), ("TARGET_UNKNOWN", "TARGET_UNKNOWN")),
    Scenario(
        "1, 2→1, delete 2",
        (doc("1"), doc("2", replaces="1"), gone(doc("2", replaces="1"))),
        ("1 sup", "2 del"),
    ),
    Scenario(
        "1, 2→1, delete 1",
        (doc("1"), doc("2", replaces="1"), gone(doc("1"))),
        ("1 del", "2 cur REPLACES_DELETED"),
    ),
    Scenario(
        "1, delete 1, the same bytes by message",
        (doc("1"), gone(doc("1")), mdm(doc("1"), control="AGAIN")),
        ("1 del",),
    ),
    Scenario("1, delete 1 by B", (doc("1"), gone(doc("1", organisation=B))), ("1 cur",), ("NOT_AUTHOR", "NOT_AUTHOR")),
    Scenario(
        "1, delete 1 by B, then by A",
        (doc("1"), gone(doc("1", organisation=B)), gone(doc("1"), order="CA")),
        ("1 del",),
        ("NOT_AUTHOR", "NOT_AUTHOR"),
    ),
    Scenario(
        "1, delete 1 for Q",
        (doc("1"), gone(doc("1", **Q), patient=PID_Q)),
        ("1 cur",),
        ("DELETE_OTHER_PATIENT", "DELETE_OTHER_PATIENT"),
    ),
    Scenario(
        "1, 2→1 by B",
        (doc("1"), cda("2", replaces="1", organisation=B)),
        ("1 cur", "2 held REPLACE_NOT_AUTHOR"),
        ("REPLACE_NOT_AUTHOR",),
    ),
    Scenario(
        "1 (P), 2→1 (Q)",
        (cda("1"), cda("2", replaces="1", **Q)),
        ("1 cur", "2 held REPLACE_OTHER_PATIENT"),
        ("REPLACE_OTHER_PATIENT",),
    ),
    Scenario(
        "held replacement of 1",
        (doc("1"), mdm(cda("2", replaces="1"), action="replace", patient=pid(status="PROV"))),
        ("1 cur", "2 held IDENTITY_NOT_QUALIFIED"),
        ("IDENTITY_NOT_QUALIFIED", "IDENTITY_NOT_QUALIFIED"),
    ),
    Scenario(
        "held original, sound 2→1",
        (mdm(cda("1"), patient=pid(status="PROV")), cda("2", replaces="1")),
        ("1 held IDENTITY_NOT_QUALIFIED", "2 cur"),
        ("IDENTITY_NOT_QUALIFIED", "IDENTITY_NOT_QUALIFIED"),
    ),
    Scenario(
        "1 before, 2→1 after opposition",
        (doc("1", created=EARLY), OPPOSED, doc("2", replaces="1", created=LATE)),
        ("1 sup", "2 ref HOLDER_OPPOSED"),
        ("HOLDER_OPPOSED",),
    ),
    Scenario(
        "1 before, 2→1 after opposition, withdrawn, 3→2 later",
        (
            doc("1", created=EARLY),
            OPPOSED,
            doc("2", replaces="1", created=LATE),
            REOPENED,
            doc("3", replaces="2", created="20260225090000+0100"),
        ),
        ("1 sup", "2 ref HOLDER_OPPOSED", "3 cur"),
        ("HOLDER_OPPOSED",),
    ),
    Scenario(
        "1 masked, 2→1 silent",
        (masked(doc("1"), "MASQUE_PS"), doc("2", replaces="1")),
        ("1 sup [MASQUE_PS]", "2 cur [MASQUE_PS]"),
    ),
    Scenario(
        "1 masked, 2→1 MODIF_CONF=Y open, 3→2 silent",
        (
            masked(doc("1"), "MASQUE_PS"),
            masked(doc("2", replaces="1"), "MODIF_CONF_CODE", action="replace", control="K2"),
            doc("3", replaces="2"),
        ),
        ("1 sup [MASQUE_PS]", "2 sup", "3 cur"),
    ),
    Scenario(
        "one document, two channels, one masks",
        (doc("1"), masked(doc("1"), "INVISIBLE_PATIENT")),
        ("1 cur [INVISIBLE_PATIENT]",),
    ),
    Scenario(
        "many at once: a batch and files",
        (
            batch([mdm(doc("1"), control="A"), mdm(doc("2", replaces="1"), action="replace", control="C")]),
            doc("3", replaces="2"),
            gone(doc("3", replaces="2")),
        ),
        ("1 sup", "2 sup", "3 del"),
    ),
]


def states(hub: Hub) -> tuple[str, ...]:
    """What the store says of documents 1 to 9, at both body levels."""
    name, status = hub.store.names.name, schema.document_status
    names = {
        name("doc", f"{ARC}.{n}", level): f"{n}{'' if level == 'N3' else '/N1'}"
        for n in range(1, 10)
        for level in ("N1", "N3")
    }
    with reading(hub.store.engine) as connection:
        rows = connection.execute(select(status)).all()
    said = [
        (names[row.doc], SHORT[row.status], row.code, row.findings, f"[{row.mask}]" if row.mask else "") for row in rows
    ]
    return tuple(sorted(" ".join(filter(None, words)) for words in said))


def orders(deliveries: tuple[bytes, ...]) -> Iterator[tuple[bytes, ...]]:
    """All of up to three deliveries, some of more; and the first delivery twice."""
    if len(deliveries) <= 3:
        yield from permutations(deliveries)
    else:
        yield from (deliveries, deliveries[::-1], deliveries[2:] + deliveries[:2])
    yield (*deliveries, deliveries[0])


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.title)
def test_bytes_in_any_order_end_in_one_state(tmp_path: Path, scenario: Scenario) -> None:
    hashes = set()
    for number, order in enumerate(orders(scenario.deliveries)):
        hub = Hub(tmp_path / str(number))
        for data in order:
            hub.take(data)
        assert states(hub) == tuple(sorted(scenario.final)), order
        assert sorted(row["code"] for row in hub.quarantine()) == sorted(scenario.quarantine)
        assert all(sum(row["items"].values()) == 2 * row["items"]["read"] > 0 for row in hub.deliveries())
        hashes.add(hub.hash())
        assert rebuild(hub.store).equal
    assert len(hashes) == 1


def test_a_message_keeps_the_finding_of_one_result_when_another_of_its_results_moves(hub: Hub) -> None:
    """Results of two orders travel in one message: what becomes of one says nothing about the other."""
    two = oru(filler="F1") + oru(filler="F2").split(b"PV1|1|N\r", 1)[1]
    delivery = hub.take(two)
    rival = hub.take(oru(filler="F1", value="1,94", control="R2"))
    assert hub.ends(delivery) == hub.ends(rival) == {"flagged": 1}
    hub.take(oru(filler="F2", status="C", reported="20260304090000", control="R3"))
    assert hub.ends(delivery) == {"flagged": 1}
    assert rebuild(hub.store).equal


def test_a_deletion_that_is_not_the_authors_is_not_told_to_the_author(hub: Hub) -> None:
    hub.take(gone(doc("1", organisation=B)))
    assert hub.ends(hub.take(doc("1"))) == {"accepted": 1}


def test_of_two_batches_with_one_message_one_is_the_duplicate_whoever_is_killed(hub: Hub) -> None:
    """The batch that was opened first is finished last: still exactly one of the two messages is the duplicate."""

    class KilledError(Exception):
        pass

    def kill(step: str) -> None:
        if step == "packed":
            raise KilledError

    first, second = batch([oru(), oru(filler="F9", control="R9")]), batch([oru()])
    with pytest.raises(KilledError):
        hub.take(first, step=kill)
    hub.take(second)
    hub.take(first)
    assert hub.ends() == {"accepted": 2, "duplicate": 1}
    assert rebuild(hub.store).equal
