"""The tables: ledger, facts, projection (lifecycle §7). One schema for SQLite and PostgreSQL.

Names of documents, sets, organisations and patients are keyed hashes (`warehouse.keys.Names`); what a person could
read is sealed in packs. No unique (set, version) and no foreign key to a target that may come later: both states are
legal. Times are ISO text. Narrow rows that are all key have no rowid: SQLite then keeps them once, not in a table and
again in the index of the key.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

meta = Table("meta", metadata, Column("name", String, primary_key=True), Column("value", Text, nullable=False))

patient = Table(
    "patient",
    metadata,
    Column("id", String, primary_key=True),
    Column("blind", String, nullable=False, unique=True),
    Column("wrapped_key", LargeBinary),  # null once erased
    Column("is_ins", Boolean, nullable=False),
    Column("name", LargeBinary, nullable=False),  # what `blind` names, sealed under the patient's own key
    Column("birth", String),  # digests of the traits of the first sound item archived: the claim they are held to
    Column("sex", String),
    Column("family", String),
)

delivery = Table(
    "delivery",
    metadata,
    Column("id", String, primary_key=True),  # SHA-256 of the bytes, hex
    Column("position", Integer, nullable=False, unique=True),
    Column("sender", String, nullable=False),
    Column("received_at", String, nullable=False),
    Column("received_utc", String, nullable=False),  # fixed width, for ordering; the earliest of its arrivals
    Column("received_month", String, nullable=False),  # in Europe/Paris
    Column("size", Integer, nullable=False),
    Column("connector", String, nullable=False),
    Column("status", String, nullable=False),  # taking, taken
    Column("wrapped_key", LargeBinary),
    Column("declared", Integer),
    Column("parts", Integer, nullable=False),  # committed so far
    Column("vouched", LargeBinary),  # patient vouched for (--patient, manifest), sealed under the delivery's key
    Column("takes", Integer, nullable=False),  # how often its bytes were judged anew (warehouse.retake)
    Column("told", Integer, nullable=False),  # transactions that stated ends of its items
    Column("written", Integer, nullable=False),  # value of `told` when its answers were last put in the outbox
)

_behind = delivery.c.told > delivery.c.written
Index("delivery_due", delivery.c.position, sqlite_where=_behind, postgresql_where=_behind)

arrival = Table(
    "arrival",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("delivery", String, nullable=False, index=True),
    Column("sender", String, nullable=False),
    Column("received_at", String, nullable=False),
    Column("received_utc", String, nullable=False),
    Column("received_month", String, nullable=False),
    Column("admitted", Boolean, nullable=False),  # read, or turned away at the door
    Column("name", LargeBinary),  # the file's name, sealed under the delivery's key
)

manifest = Table(
    "manifest",
    metadata,
    Column("delivery", String, primary_key=True),
    Column("start", Integer, primary_key=True),
    Column("length", Integer, nullable=False),
    Column("object", String, nullable=False),
    sqlite_with_rowid=False,
)

stored_object = Table(
    "object",
    metadata,
    Column("id", String, primary_key=True),
    Column("owner", String, nullable=False, index=True),  # patient id, or "delivery:" + delivery id
    Column("pack", String, nullable=False),
    Column("offset", Integer, nullable=False),
    Column("length", Integer, nullable=False),
)

pack = Table(
    "pack",
    metadata,
    Column("name", String, primary_key=True),
    Column("length", Integer, nullable=False),
)

lake_segment = Table(
    "lake_segment",
    metadata,
    Column("name", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("delivery", String, nullable=False),  # the first of the group it was written with
    Column("sender", String, nullable=False),
    Column("renamed", Boolean, nullable=False),
)

gate_result = Table(
    "gate_result",
    metadata,
    Column("segment", String, primary_key=True),  # of the lake
    Column("batch", String, nullable=False, index=True),  # the first segment judged together with it
    Column("outcome", String, nullable=False),  # passed, warned, stopped; accepted by an operator
    Column("at", String, nullable=False),
    Column("report", Text, nullable=False),  # of the batch, counts only, on the segment that names it
)

item = Table(
    "item",
    metadata,
    Column("delivery", String, primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("parent", Integer),  # ordinal of the message that encloses it
    Column("kind", String, nullable=False),  # message, document, account, reading, file
    Column("locator", Text, nullable=False),
    Column("patient", String),
    Column("identity", String),  # keyed name of a message's bytes, an event or an enrolment: seen again, a duplicate
    Column("own_end", String, nullable=False),  # what the item says by itself, before other facts
    Column("own_code", String, nullable=False),
    Column("own_findings", Text, nullable=False),
    Column("end", String, nullable=False),
    Column("code", String, nullable=False),
    Column("findings", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("expected", Text, nullable=False),
    Column("came", Text, nullable=False),
    Column("number", Integer, nullable=False),  # readings are counted, not listed
    Column("since", String, nullable=False),
    Column("private", LargeBinary),  # identifiers to find it by, what answers repeat: sealed under the delivery's key
    Index("item_identity", "identity"),
)

item_key = Table(
    "item_key",
    metadata,
    Column("key", String, primary_key=True),  # keyed name of what a person may look an item up by
    Column("delivery", String, primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    sqlite_with_rowid=False,
)

item_statement = Table(
    "item_statement",
    metadata,
    Column("delivery", String, primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("key", String, primary_key=True, index=True),  # of the deletion, masking or patient link it states
)

item_end = Table(
    "item_end",
    metadata,
    Column("delivery", String, primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("end", String, nullable=False),
    Column("code", String, nullable=False),
    Column("findings", Text, nullable=False),
    sqlite_with_rowid=False,
)

document_fact = Table(
    "document_fact",
    metadata,
    Column("doc", String, primary_key=True),
    Column("digest", String, primary_key=True),
    Column("id", String, nullable=False, index=True),
    Column("patient", String, nullable=False, index=True),
    Column("organisation", String, nullable=False),
    Column("set_id", String, index=True),
    Column("version", Integer),
    Column("level", String, nullable=False),
    Column("day", String, nullable=False),
    Column("sound", Boolean, nullable=False),
    Column("holds_discordance", Boolean, nullable=False),
    Column("birth", String, nullable=False),
    Column("sex", String, nullable=False),
    Column("family", String, nullable=False),
    Column("rank_time", String, nullable=False),
    Column("rank_status", String, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Column("findings", Text, nullable=False),  # of the record itself
    Column("ref", String, nullable=False, unique=True),  # name in the lake and in lists, under the patient's lake key
    Column("format", String, nullable=False),
    Column("type_code", String, nullable=False),
    Column("created_month", String, nullable=False),
    Column("record", String, nullable=False),  # object id of the sealed canonical record
    Column("delivery", String, nullable=False),
    Column("ordinal", Integer, nullable=False),
)

document_number = Table(  # the patients that a document in doubt names beside the one it is filed under
    "document_number",
    metadata,
    Column("doc", String, primary_key=True),
    Column("digest", String, primary_key=True),
    Column("patient", String, primary_key=True, index=True),
    Column("filed", String, nullable=False, index=True),
)

replace_link = Table(
    "replace_link",
    metadata,
    Column("doc", String, primary_key=True),
    Column("digest", String, primary_key=True),
    Column("replaced", String, primary_key=True, index=True),
)

document_claim = Table(
    "document_claim",
    metadata,
    Column("doc", String, primary_key=True),
    Column("digest", String, nullable=False),
    sqlite_with_rowid=False,
)

carrier_fact = Table(
    "carrier_fact",
    metadata,
    Column("delivery", String, primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("sub", Integer, primary_key=True),  # results of several filler orders travel in one message
    Column("doc", String, nullable=False, index=True),
    Column("digest", String, nullable=False),
    Column("organisation", String, nullable=False),
    Column("sent_at", String, nullable=False),
    Column("flags", Text, nullable=False),
    Column("modifies", Boolean, nullable=False),
    Column("destinations", Text, nullable=False),
)

twin_fact = Table(
    "twin_fact",
    metadata,
    Column("a", String, primary_key=True),
    Column("b", String, primary_key=True, index=True),
)

delete_fact = Table(
    "delete_fact",
    metadata,
    Column("key", String, primary_key=True),
    Column("organisation", String, nullable=False),
    Column("patient", String, nullable=False, index=True),
    Column("target", String, index=True),
    Column("set_id", String, index=True),
    Column("version", Integer),
    Column("sound", Boolean, nullable=False),
)

mask_fact = Table(
    "mask_fact",
    metadata,
    Column("id", String, primary_key=True),
    Column("organisation", String, primary_key=True),
    Column("sent_at", String, primary_key=True),
    Column("flags", String, primary_key=True),
    Column("digest", String, primary_key=True),  # of the content it speaks of
)

opposition_fact = Table(
    "opposition_fact",
    metadata,
    Column("patient", String, primary_key=True),
    Column("organisation", String, primary_key=True),  # empty: all of them
    Column("sender", String, primary_key=True),  # through whom; empty: all of them
    Column("day", String, primary_key=True),
    Column("at", String, primary_key=True),
    Column("on", Boolean, primary_key=True),
)

patient_link_fact = Table(
    "patient_link_fact",
    metadata,
    Column("a", String, primary_key=True),
    Column("b", String, primary_key=True, index=True),
    Column("at", String, primary_key=True),
    Column("on", Boolean, primary_key=True),
    Column("birth", String, primary_key=True),  # digests, under the INS of `b`, of the traits it came with
    Column("sex", String, primary_key=True),
    Column("family", String, primary_key=True),
    Column("holds_discordance", Boolean, nullable=False),
)

consent_fact = Table(
    "consent_fact",
    metadata,
    Column("patient", String, primary_key=True),
    Column("sender", String, primary_key=True),
    Column("scope", String, primary_key=True),  # feeding, consultation
    Column("at", String, primary_key=True),
    Column("value", String, primary_key=True),  # ZFA-9: INO, IO; ZFA-11: IC, INC
    Column("day", String, nullable=False),
)

identity_fact = Table(
    "identity_fact",
    metadata,
    Column("patient", String, primary_key=True),
    Column("ins", String, primary_key=True),
    sqlite_with_rowid=False,
)

decision_fact = Table(
    "decision_fact",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("subject", String, nullable=False, index=True),
    Column("action", String, nullable=False),
    Column("value", String, nullable=False),
)

document_status = Table(
    "document_status",
    metadata,
    Column("doc", String, primary_key=True),
    Column("digest", String, primary_key=True),
    Column("status", String, nullable=False),
    Column("code", String, nullable=False),
    Column("findings", Text, nullable=False),
    Column("unit", String, nullable=False),
    Column("lineage", String, nullable=False),
    Column("mask", Text, nullable=False),
    Column("patient_class", String, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
)

account_fact = Table(
    "account_fact",
    metadata,
    Column("key", String, primary_key=True),
    Column("patient", String, nullable=False, index=True),
    Column("event", String, nullable=False),
    Column("at", String, nullable=False),  # instant in UTC
    Column("month", String, nullable=False),  # in Europe/Paris
    Column("channel", String, nullable=False),
    Column("department", String, nullable=False),
    Column("birth_year", String, nullable=False),
    Column("sex", String, nullable=False),
    Column("delivery", String, nullable=False),
    Column("ordinal", Integer, nullable=False),
)

reading_segment = Table(
    "reading_segment",
    metadata,
    Column("object", String, primary_key=True),
    Column("patient", String, nullable=False, index=True),
    Column("measure", String, nullable=False),
    Column("month", String, nullable=False),
    Column("delivery", String, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("flagged", Integer, nullable=False),
)

reading_key = Table(
    "reading_key",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    sqlite_with_rowid=False,
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", String, nullable=False),
    Column("action", String, nullable=False),
    Column("subject", String, nullable=False),
)
