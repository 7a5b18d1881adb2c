"""The facts that settle reads: frozen, keyed, never dropped (lifecycle: data model).

Keys are opaque here. The store gives keyed hashes, tests give short words; `settle` only compares them.
`Key` is compared for equality and sorted to make results independent of order. Days are ISO text
(`YYYY-MM-DD`), times ISO text in UTC with fixed width, so that text order is time order.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Key: TypeAlias = str

Discordance: TypeAlias = Literal["", "flagged", "held"]

Flag: TypeAlias = Literal["MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX", "CONNEXION_SECRETE"]


class DocumentFact(msgspec.Struct, frozen=True, gc=False):
    """One document by its bytes: everything here is read from them, so equal bytes give equal facts.

    Key: (`doc`, `digest`). `doc` is the document id with its body level where N1 and N3 may share one.
    """

    doc: Key
    id: Key
    """The id alone: twins that share an id have one `id` and two `doc`."""
    digest: Key
    """Of the canonical content: other bytes with equal canonical XML are the same document."""
    patient: Key
    organisation: Key
    set_id: Key | None
    version: int | None
    level: Literal["N1", "N3", "result"]
    day: str
    """Creation day, `YYYY-MM-DD` or the precision the source has (`YYYY-MM`)."""
    replaces: tuple[Key, ...] = ()
    """Ids (not docs) this one says it replaces."""
    sound: bool = True
    """Whether its identity is qualified by itself."""
    also: tuple[Key, ...] = ()
    """Other patients by which it names its own: the numbers beside the first, while its identity is in doubt."""
    unverified: bool = False
    """It was filed under an INS that its sender was not sure of, and its traits do not bear out whose that is."""
    discordant: bool = False
    """Whether its traits differ from those already known under this patient, and policy holds for it."""
    rank: tuple[str, str] = ("", "")
    """For a version of an `hl7-oru` result: (time, status rank); orders the set instead of `version`."""
    withdrawn: bool = False
    """For a result whose status is X: counted as deleted."""


class CarrierFact(msgspec.Struct, frozen=True, gc=False):
    """One arrival of a document. Key: (`delivery`, `locator`)."""

    delivery: Key
    locator: str
    doc: Key
    digest: Key
    organisation: Key
    sent_at: str
    """MSH-7 in UTC; empty when the channel declares none."""
    flags: tuple[Flag, ...] = ()
    modifies_confidentiality: bool = False
    sender: Key = ""
    """Who brought it: what the holder declared to one sender binds what comes through that sender."""
    position: int = 0
    """Order of archiving in the ledger: only names which of two equal items is the duplicate."""


class TwinFact(msgspec.Struct, frozen=True, gc=False):
    """A declared pair of documents that are one: level 1 and level 3 of the same content. a < b."""

    a: Key
    b: Key


class DeletionFact(msgspec.Struct, frozen=True, gc=False):
    """An author's withdrawal. Target: an id, or a set with a version."""

    organisation: Key
    patient: Key
    target: Key | None = None
    set_id: Key | None = None
    version: int | None = None
    sound: bool = True
    """Whether the identity it carries is qualified by itself: one that is not waits as a document would."""


class MaskFact(msgspec.Struct, frozen=True, gc=False):
    """A statement of visibility on a known id (T10 with MODIF_CONF_CODE=Y, a label change)."""

    id: Key
    organisation: Key
    sent_at: str
    flags: tuple[Flag, ...]
    digest: Key = ""
    """Of the content it came with: it speaks of that content, or of whatever owns the id when it came with none."""


class OppositionFact(msgspec.Struct, frozen=True, gc=False):
    """The holder opposes feeding from a day on, or withdraws it: by everybody, by the documents of one organisation, or
    through one sender."""

    patient: Key
    day: str
    on: bool
    organisation: Key | None = None
    at: str = ""
    """Time of the event, to order several of one day; on equal times opposed wins."""
    sender: Key | None = None


class PatientLinkFact(msgspec.Struct, frozen=True, gc=False):
    """Two patients are one, or are not (any more): a merge (A40), an un-merge (A37), a local number that stands for an
    INS (enrolment). Never rewrites a row."""

    a: Key
    b: Key
    at: str
    on: bool
    discordance: Discordance = ""
    """Whether the traits it came with differ from those known of the INS, and what policy makes of it."""


class IdentityFact(msgspec.Struct, frozen=True, gc=False):
    """Something qualified this patient. `ins` is the blind index of the INS."""

    patient: Key
    ins: Key


class DecisionFact(msgspec.Struct, frozen=True, gc=False):
    """An operator's word: `release` names the code it lifts, `choose` the digest that owns a doc."""

    subject: Key
    number: int
    action: Literal["hold", "release", "choose"]
    value: str = ""


class ClaimFact(msgspec.Struct, frozen=True, gc=False):
    """The digest of the first bytes archived for a doc: the only fact whose content depends on order."""

    doc: Key
    digest: Key


class Facts(msgspec.Struct, frozen=True):
    """A set of facts, as tuples; order and repetition carry no meaning."""

    documents: tuple[DocumentFact, ...] = ()
    carriers: tuple[CarrierFact, ...] = ()
    twins: tuple[TwinFact, ...] = ()
    deletions: tuple[DeletionFact, ...] = ()
    masks: tuple[MaskFact, ...] = ()
    oppositions: tuple[OppositionFact, ...] = ()
    links: tuple[PatientLinkFact, ...] = ()
    identities: tuple[IdentityFact, ...] = ()
    decisions: tuple[DecisionFact, ...] = ()
    claims: tuple[ClaimFact, ...] = ()


Status: TypeAlias = Literal["current", "superseded", "deleted", "held", "refused"]


class DocumentState(msgspec.Struct, frozen=True, gc=False):
    """What is known now of one document (doc, digest)."""

    doc: Key
    digest: Key
    status: Status
    code: str = ""
    """Why it is held or refused."""
    findings: tuple[str, ...] = ()
    """Codes of lifecycle §4 that flag it, sorted."""
    unit: Key = ""
    """The smallest doc of its unit: a twin pair shares one."""
    lineage: Key = ""
    """The smallest doc connected to it by links or set: one family tree."""
    mask: tuple[Flag, ...] = ()
    patient_class: Key = ""
    withdrawn: bool = False


class RequestState(msgspec.Struct, frozen=True, gc=False):
    """What became of a deletion: its end and code, empty when it took effect."""

    deletion: DeletionFact
    end: Literal["accepted", "flagged", "held", "refused"]
    code: str = ""


class MaskState(msgspec.Struct, frozen=True, gc=False):
    """What became of a mask statement: its end and code, empty when it took effect."""

    mask: MaskFact
    end: Literal["accepted", "held", "refused"]
    code: str = ""


class LinkState(msgspec.Struct, frozen=True, gc=False):
    """What became of a merge, an un-merge or an enrolment: its end and code, empty when it took effect."""

    link: PatientLinkFact
    end: Literal["accepted", "flagged", "held"]
    code: str = ""


class Projection(msgspec.Struct, frozen=True):
    """The state of a set of facts: one entry per document and per request, sorted by key."""

    documents: tuple[DocumentState, ...] = ()
    requests: tuple[RequestState, ...] = ()
    shared_sets: tuple[Key, ...] = ()
    """setIds used by several patients or organisations (`SET_ID_SHARED`)."""
    masks: tuple[MaskState, ...] = ()
    links: tuple[LinkState, ...] = ()
