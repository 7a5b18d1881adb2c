"""The ledger read back: deliveries, items, what is in quarantine, and the counts that must balance."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import Connection, ScalarSelect, Select, bindparam, func, select, update

from transforms.documents import DocumentRecord, Format
from warehouse import schema
from warehouse.facts import unpack_words
from warehouse.lookup import rows_in
from warehouse.numbers import numbers
from warehouse.prepared import ENDS as ENDS
from warehouse.prepared import Private
from warehouse.seal import unseal
from warehouse.store import Store, chunks

AT_ONCE = 5000
"""Rows of one delivery held in memory."""

BETWEEN = "\x1f"
"""Between the fields of a voucher."""


class Delivery(msgspec.Struct, frozen=True):
    """One delivery as the ledger knows it."""

    delivery: str
    sender: str
    received_at: str
    status: str
    items: dict[str, int]
    declared: int | None
    size: int
    connector: str


def counts(connection: Connection, deliveries: Iterable[str] | None = None) -> dict[str, dict[str, int]]:
    """Items by end for each delivery; the six ends are always there, and `read` is their sum."""
    table = schema.item
    query = select(table.c.delivery, table.c.end, func.sum(table.c.number)).group_by(table.c.delivery, table.c.end)
    found: dict[str, Counter[str]] = defaultdict(Counter)
    batches = [None] if deliveries is None else list(chunks(sorted(set(deliveries)), 5000))
    for batch in batches:
        rows = connection.execute(query if batch is None else query.where(table.c.delivery.in_(batch)))
        for delivery, end, number in rows:
            found[delivery][end] += number
    return {
        delivery: {"read": sum(ends.values()), **{end: ends.get(end, 0) for end in ENDS}}
        for delivery, ends in found.items()
    }


def deliveries(connection: Connection) -> Iterator[Delivery]:
    """All deliveries in the order in which they came."""
    table = schema.delivery
    by_delivery = counts(connection)
    empty = {"read": 0, **dict.fromkeys(ENDS, 0)}
    for row in connection.execute(select(table).order_by(table.c.position)):
        yield Delivery(
            delivery=row.id,
            sender=row.sender,
            received_at=row.received_at,
            status=row.status,
            items=by_delivery.get(row.id, empty),
            declared=row.declared,
            size=row.size,
            connector=row.connector,
        )


def delivery_row(connection: Connection, delivery: str) -> Any:
    """The ledger's row of one delivery."""
    return connection.execute(select(schema.delivery).where(schema.delivery.c.id == delivery)).one()


def vouched_of(store: Store, connection: Connection, delivery: str) -> str:
    """`INS@OID` of the patient somebody vouched for; empty when nobody did. For the trusted zone only."""
    return "@".join(voucher(store, connection, delivery_row(connection, delivery)).split(BETWEEN)[:2])


def voucher(store: Store, connection: Connection, row: Any) -> str:
    """INS, OID and zone (which may be empty) that a delivery was taken with, joined by `BETWEEN`; empty for nobody."""
    if row.vouched is None:
        return ""
    return unseal(store.delivery_keys(connection, row.id), f"delivery:{row.id}", "vouched", row.vouched).decode()


def name_of(store: Store, connection: Connection, delivery: str) -> str:
    """The file's name at its first arrival from its sender: a patient value, for that sender and the trusted zone."""
    table = schema.arrival
    sender = delivery_row(connection, delivery).sender
    sealed = connection.execute(
        select(table.c.name).where(table.c.delivery == delivery).order_by(table.c.sender != sender, table.c.id).limit(1)
    ).scalar()
    if sealed is None:
        return ""
    keys = store.delivery_keys(connection, delivery)
    return unseal(keys, f"delivery:{delivery}", "name", sealed).decode("utf-8", "replace")


class StoredDocument(msgspec.Struct, frozen=True):
    """One document of the store with its state and where it came from first."""

    record: DocumentRecord
    ins: str
    """The INS in whose record it stands: its own, or the one that its local number stands for."""
    ins_oid: str
    ref: str
    unit: str
    status: str
    code: str
    findings: tuple[str, ...]
    mask: tuple[str, ...]
    destinations: tuple[str, ...]
    """Of all its arrivals."""
    qualified: bool
    """Whether its identity is, by itself or by the INS that its local number stands for."""
    sender: str
    delivery: str
    locator: str


def documents(
    store: Store,
    connection: Connection,
    patient: str | None = None,
    *,
    format: Format | None = None,
    sender: str | None = None,
) -> Iterator[StoredDocument]:
    """Documents in the record (not held, not refused), opened, in the order in which they came.

    Of one patient, one format, or brought first by one sender, where these are given.
    """
    fact, status, delivery, item = schema.document_fact, schema.document_status, schema.delivery, schema.item
    query = (
        select(
            fact.c.record,
            fact.c.ref,
            fact.c.delivery,
            fact.c.findings.label("own"),
            fact.c.patient,
            fact.c.sound,
            status,
            delivery.c.sender,
            item.c.locator,
            item.c.own_findings.label("arrival"),
            destinations_said().label("destinations"),
        )
        .join(status, (status.c.doc == fact.c.doc) & (status.c.digest == fact.c.digest))
        .join(delivery, delivery.c.id == fact.c.delivery)
        .join(item, (item.c.delivery == fact.c.delivery) & (item.c.ordinal == fact.c.ordinal))
        .where(status.c.status.in_(("current", "superseded", "deleted")))
        .order_by(delivery.c.position, fact.c.ordinal, fact.c.doc)
    )
    known = numbers(connection, None if patient is None else [patient])
    if patient is not None:
        query = query.where(status.c.patient_class == known.classes.of(patient))
    if format is not None:
        query = query.where(fact.c.format == format)
    if sender is not None:
        query = query.where(delivery.c.sender == sender)
    for row in connection.execute(query):
        record = msgspec.msgpack.decode(store.open_object(connection, row.record), type=DocumentRecord)
        oid, ins = record.patient.oid, record.patient.ins
        if (holder := known.holder(row.patient_class, row.patient)) != row.patient:
            oid, ins = store.named(connection, holder)
        codes = {*unpack_words(row.own), *unpack_words(row.arrival), *unpack_words(row.findings)}
        yield StoredDocument(
            record=record,
            ins=ins,
            ins_oid=oid,
            ref=row.ref,
            unit=row.unit,
            status="withdrawn" if row.withdrawn and row.status == "deleted" else row.status,
            code=row.code,
            findings=tuple(sorted(codes)),
            mask=unpack_words(row.mask),
            destinations=unpack_words(row.destinations or ""),
            qualified=row.sound or row.patient_class in known.ins,
            sender=row.sender,
            delivery=row.delivery,
            locator=row.locator,
        )


def destinations_said() -> ScalarSelect[str]:
    """What the arrivals of a document say of its destinations, as one text of words, some of them repeated."""
    fact, carrier = schema.document_fact, schema.carrier_fact
    return (
        select(func.aggregate_strings(carrier.c.destinations, " "))
        .where(carrier.c.doc == fact.c.doc, carrier.c.digest == fact.c.digest)
        .correlate(fact)
        .scalar_subquery()
    )


class Quarantined(msgspec.Struct, frozen=True):
    """One item that is held or refused."""

    delivery: str
    ordinal: int
    sender: str
    end: str
    code: str
    locator: str
    since: str
    expected: str
    came: str
    count: int


def quarantine(connection: Connection, delivery: str | None = None) -> Iterator[Quarantined]:
    """Items held or refused now, in the order in which they came."""
    item, table = schema.item, schema.delivery
    query = (
        select(item, table.c.sender)
        .join(table, table.c.id == item.c.delivery)
        .where(item.c.end.in_(("held", "refused")))
        .order_by(table.c.position, item.c.ordinal)
    )
    if delivery is not None:
        query = query.where(item.c.delivery == delivery)
    for row in connection.execute(query):
        yield Quarantined(
            delivery=row.delivery,
            ordinal=row.ordinal,
            sender=row.sender,
            end=row.end,
            code=row.code,
            locator=row.locator,
            since=row.since,
            expected=row.expected,
            came=row.came,
            count=row.number,
        )


class Copy(msgspec.Struct, frozen=True):
    """An item that ends otherwise than the equal one before it, which is held or refused."""

    delivery: str
    kind: str
    number: int
    told: tuple[str, str]
    """End and code that the ledger holds: `duplicate`, or a message with nothing wrong in it but duplicates."""
    same: tuple[str, str]
    """End and code of the equal item before it."""


def _saying_the_same(query: Select[Any], other: Any) -> Select[Any]:
    """A query on items with the items of the alias `other` that make the same statement."""
    item, mine, theirs = schema.item, schema.item_statement, schema.item_statement.alias()
    return (
        query.join(mine, (mine.c.delivery == item.c.delivery) & (mine.c.ordinal == item.c.ordinal))
        .join(theirs, theirs.c.key == mine.c.key)
        .join(other, (other.c.delivery == theirs.c.delivery) & (other.c.ordinal == theirs.c.ordinal))
    )


def copies_of_stopped(connection: Connection) -> list[Copy]:
    """Items that only their rank of arrival keeps from being held or refused, with the messages around them.

    Which of two equal items is called the duplicate depends on their order; what is said of a state must not.
    """
    item, carrier, status, first = schema.item, schema.carrier_fact, schema.document_status, schema.item.alias()
    stopped = ("held", "refused")
    place = (item.c.delivery, item.c.ordinal, item.c.parent, item.c.kind, item.c.number, item.c.end, item.c.code)
    queries = (
        select(*place, status.c.status, status.c.code)
        .join(carrier, (carrier.c.delivery == item.c.delivery) & (carrier.c.ordinal == item.c.ordinal))
        .join(status, (status.c.doc == carrier.c.doc) & (status.c.digest == carrier.c.digest))
        .where(status.c.status.in_(stopped), item.c.end.not_in(stopped)),
        _saying_the_same(select(*place, first.c.end, first.c.code), first).where(
            first.c.end.in_(stopped), item.c.end == "duplicate"
        ),
    )
    found: dict[tuple[str, int], Copy] = {}
    around: dict[tuple[str, int], tuple[str, str]] = {}
    for row in (row for query in queries for row in connection.execute(query)):
        same = (row[7], row[8])
        known = found.get((row.delivery, row.ordinal))
        if known is None or (known.same[0], same[0]) == ("held", "refused"):
            found[row.delivery, row.ordinal] = Copy(row.delivery, row.kind, row.number, (row[5], row[6]), same)
        if row.parent is not None and around.get((row.delivery, row.parent), ("held",))[0] == "held":
            around[row.delivery, row.parent] = same
    for parent in item_rows(connection, [place for place in around if place not in found]):
        same = around[parent.delivery, parent.ordinal]
        if parent.end not in stopped:
            told = (parent.end, parent.code)
            found[parent.delivery, parent.ordinal] = Copy(parent.delivery, parent.kind, parent.number, told, same)
    return list(found.values())


def find_delivery(connection: Connection, text: str) -> list[str]:
    """Ids of the deliveries whose id begins with `text` (at least 8 characters of it)."""
    table = schema.delivery
    return [
        row.id
        for row in connection.execute(
            select(table.c.id).where(table.c.id.startswith(text, autoescape=True)).order_by(table.c.position)
        )
    ]


class Sheet:
    """One delivery as the ledger has it: its row, its counts, and its items, which are kept when they are few."""

    def __init__(self, connection: Connection, row: Any, counted: dict[str, int] | None) -> None:
        self.connection = connection
        self.row = row
        self.counts = counted or {"read": 0, **dict.fromkeys(ENDS, 0)}
        self._items = list(_items(connection, row.id, AT_ONCE + 1))

    @property
    def small(self) -> bool:
        """Whether the delivery can be held in memory."""
        return len(self._items) <= AT_ONCE

    def items(self) -> Iterable[Any]:
        """The rows of its items, in order; of a large delivery never all at once."""
        return self._items if self.small else self._all()

    def _all(self) -> Iterator[Any]:
        rows = self._items
        while rows:
            yield from rows
            rows = list(_items(self.connection, self.row.id, AT_ONCE, rows[-1].ordinal))

    @property
    def revision(self) -> int:
        """The revision of its receipt: how often any of its ends was stated."""
        if self.small:
            return max((row.revision for row in self._items), default=0)
        table = schema.item
        query = select(func.max(table.c.revision)).where(table.c.delivery == self.row.id)
        return self.connection.execute(query).scalar() or 0

    @property
    def has_messages(self) -> bool:
        """Whether any of its items is a message."""
        if self.small:
            return any(row.kind == "message" for row in self._items)
        table = schema.item
        query = select(table.c.ordinal).where(table.c.delivery == self.row.id, table.c.kind == "message").limit(1)
        return self.connection.execute(query).first() is not None

    def stopped_copies(self) -> dict[int, tuple[str, str]]:
        """End and code of what its duplicates repeat, by ordinal, where that is held or refused."""
        return _stopped_copies(self.connection, self.row.id) if self.counts["duplicate"] else {}


def _items(connection: Connection, delivery: str, most: int, after: int = -1) -> Sequence[Any]:
    table = schema.item
    query = select(table).where(table.c.delivery == delivery, table.c.ordinal > after)
    return connection.execute(query.order_by(table.c.ordinal).limit(most)).all()


def sheet(connection: Connection, delivery: str) -> Sheet:
    """The sheet of one delivery."""
    return Sheet(connection, delivery_row(connection, delivery), counts(connection, [delivery]).get(delivery))


def sheets(connection: Connection, deliveries: Iterable[str]) -> Iterator[Sheet]:
    """The sheets of some deliveries, one by one."""
    table, wanted = schema.delivery, set(deliveries)
    counted = counts(connection, wanted)
    return (Sheet(connection, row, counted.get(row.id)) for row in rows_in(connection, table, table.c.id, wanted))


def _stopped_copies(connection: Connection, delivery: str) -> dict[int, tuple[str, str]]:
    item, carrier, status, first = schema.item, schema.carrier_fact, schema.document_status, schema.item.alias()
    mine, stopped = (item.c.delivery == delivery) & (item.c.end == "duplicate"), ("held", "refused")
    queries = (
        select(item.c.ordinal, status.c.status, status.c.code)
        .join(carrier, (carrier.c.delivery == item.c.delivery) & (carrier.c.ordinal == item.c.ordinal))
        .join(status, (status.c.doc == carrier.c.doc) & (status.c.digest == carrier.c.digest))
        .where(mine, status.c.status.in_(stopped)),
        _saying_the_same(select(item.c.ordinal, first.c.end, first.c.code), first).where(
            mine, first.c.end.in_(stopped)
        ),
    )
    return {row[0]: (row[1], row[2]) for query in queries for row in connection.execute(query)}


def private_of(store: Store, connection: Connection, row: Any) -> Private:
    """What is kept sealed of an item."""
    if row.private is None:
        return Private()
    keys = store.delivery_keys(connection, row.delivery)
    plain = unseal(keys, f"delivery:{row.delivery}", f"item:{row.ordinal}", row.private)
    return msgspec.msgpack.decode(plain, type=Private)


def due(connection: Connection, most: int) -> Iterator[Sheet]:
    """Deliveries taken, something of which was told since their answers were written: the first ones, one by one."""
    table = schema.delivery
    query = select(table).where(table.c.told > table.c.written, table.c.status == "taken")
    rows = connection.execute(query.order_by(table.c.position).limit(most)).all()
    counted = counts(connection, [row.id for row in rows])
    return (Sheet(connection, row, counted.get(row.id)) for row in rows)


def behind(connection: Connection) -> int:
    """How many deliveries have something to tell that no file says."""
    table = schema.delivery
    query = select(func.count()).where(table.c.told > table.c.written, table.c.status == "taken")
    return int(connection.execute(query).scalar_one())


def note_written(connection: Connection, written: Iterable[tuple[str, int]]) -> None:
    """The answers of these deliveries say what was told up to then (`delivery.told` as it was read)."""
    table = schema.delivery
    rows = [{"at": delivery, "now": told} for delivery, told in written]
    if rows:
        connection.execute(update(table).where(table.c.id == bindparam("at")).values(written=bindparam("now")), rows)


def note_answered(connection: Connection, answered: Iterable[tuple[str, int]]) -> None:
    """What was told of these deliveries went back over the wire: files are due for what changes from now on.

    Only while no file says anything of them: a file that is there is kept up to date.
    """
    table = schema.delivery
    rows = [{"at": delivery, "now": told} for delivery, told in answered]
    if rows:
        statement = update(table).where(table.c.id == bindparam("at"), table.c.written == 0)
        connection.execute(statement.values(written=bindparam("now")), rows)


class AccountEvents(msgspec.Struct, frozen=True):
    """The events of one person of the account feed: (instant, event, month)."""

    patient: str
    events: tuple[tuple[str, str, str], ...]


def accounts(connection: Connection) -> Iterator[AccountEvents]:
    """People of the account feed with their events, in no telling order (by random id)."""
    table = schema.account_fact
    rows = connection.execute(select(table).order_by(table.c.patient, table.c.at))
    for patient, group in groupby(rows, key=lambda row: row.patient):
        yield AccountEvents(patient, tuple((row.at, row.event, row.month) for row in group))


def find(store: Store, connection: Connection, text: str) -> list[tuple[str, int]]:
    """(delivery, ordinal) of the items that carry this number, or of all items of a delivery whose id begins so."""
    table, item, delivery = schema.item_key, schema.item, schema.delivery
    key = store.names.name("find", text)
    rows = connection.execute(
        select(table.c.delivery, table.c.ordinal)
        .join(delivery, delivery.c.id == table.c.delivery)
        .where(table.c.key == key)
        .order_by(delivery.c.position, table.c.ordinal)
    )
    found = [(row.delivery, row.ordinal) for row in rows]
    if not found and len(text) >= 8 and (known := find_delivery(connection, text.lower())):
        rows = connection.execute(
            select(item.c.delivery, item.c.ordinal).where(item.c.delivery.in_(known)).order_by(item.c.ordinal)
        )
        found = [(row.delivery, row.ordinal) for row in rows]
    return found


def item_rows(connection: Connection, places: Iterable[tuple[str, int]]) -> list[Any]:
    """The ledger's rows of these items, with the sender."""
    item, delivery = schema.item, schema.delivery
    query = select(item, delivery.c.sender, delivery.c.received_at).join(delivery, delivery.c.id == item.c.delivery)
    return [
        connection.execute(query.where(item.c.delivery == place, item.c.ordinal == ordinal)).one()
        for place, ordinal in places
    ]


def latest_receipt(connection: Connection) -> str | None:
    """The latest declared hour of receipt, in UTC."""
    return connection.execute(select(func.max(schema.delivery.c.received_utc))).scalar()


def unfinished(connection: Connection, before: str) -> list[str]:
    """Deliveries half taken that came before this hour."""
    table = schema.delivery
    rows = connection.execute(select(table.c.id).where(table.c.status == "taking", table.c.received_at < before))
    return [row.id for row in rows]


def listed_packs(connection: Connection) -> set[str]:
    return {row.name for row in connection.execute(select(schema.pack.c.name))}


def unreconciled(connection: Connection, deliveries: Iterable[str]) -> list[str]:
    """Those of these deliveries whose own declared count differs from what came (BTS, FTS), or never came."""
    table = schema.item
    found: set[str] = set()
    for chunk in chunks(sorted(set(deliveries)), 5000):
        rows = connection.execute(
            select(table.c.delivery).where(
                table.c.delivery.in_(chunk), table.c.number == 0, table.c.own_findings.like("%BATCH\\_%", escape="\\")
            )
        )
        found |= {row.delivery for row in rows}
    return sorted(found)


def latest_event(connection: Connection) -> str:
    """The latest instant that the account feed knows, in UTC; empty without any event."""
    return connection.execute(select(func.max(schema.account_fact.c.at))).scalar() or ""
