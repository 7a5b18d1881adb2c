"""The clinical facts of a document, in a small set of kinds: what is sealed, listed, shown and projected to FHIR.

A fact keeps codes, numbers and units as said, with the words beside them, and adds only what follows from the
document by rule: its kind, when it holds (inherited where a child says nothing), which way an interval points, whether
it is stated or denied. A code is never made from words, a local code is never taken for a public one, and a statement
that is denied (`negated`) or not an event (`mood`) is no fact about the patient until whoever reads it has looked.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from connectors.said import RawId
from connectors.statements import (
    NOTHING,
    Amount,
    Binary,
    Concept,
    Interval,
    Participation,
    Product,
    Range,
    Ratio,
    Specimen,
    Timing,
    Truth,
    Value,
    Words,
)

__all__ = [
    "NEVER",
    "NOTHING",
    "Allergy",
    "Amount",
    "Binary",
    "Concept",
    "Condition",
    "Content",
    "Coverage",
    "Device",
    "Dosage",
    "Encounter",
    "Fact",
    "FamilyMember",
    "Immunization",
    "Interval",
    "Medication",
    "Mood",
    "Observation",
    "Other",
    "Participation",
    "Procedure",
    "Product",
    "Range",
    "Ratio",
    "Reaction",
    "Related",
    "Report",
    "Specimen",
    "Supply",
    "Taken",
    "Timing",
    "Truth",
    "Use",
    "Value",
    "When",
    "Words",
]

Mood: TypeAlias = Literal["event", "intent", "request", "proposal", "promise", "appointment", "goal", "definition", ""]
"""HL7 V3 ActMood: EVN, INT, RQO, PRP, PRMS, APT and ARQ, GOL, DEF; empty for another one."""


class When(msgspec.Struct, frozen=True, omit_defaults=True):
    """Times in ISO 8601, as precise as the source and without an offset it did not give."""

    at: str = ""
    start: str = ""
    end: str = ""
    absent: str = ""
    """The nullFlavor of a time that is not known."""
    end_absent: str = ""
    width: Amount | None = None
    inherited: bool = False
    """Said of the statement around this one, which says none itself."""
    invalid: bool = False
    """Some time was written that is no date; it stays in the raw bytes."""

    def __bool__(self) -> bool:
        return bool(self.at or self.start or self.end)


NEVER: Final = When()
"""No time said."""


class Fact(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="kind"):
    """What every kind of fact says of itself."""

    path: str
    """`<section>/<statement>`: number of the section in the document and place of the statement in it, from 1."""
    template: str = ""
    """The template that chose its kind; empty when the class of the statement did."""
    mood: Mood = "event"
    negated: bool = False
    """Denied: it did not happen, is not there, was not given."""
    null: str = ""
    """The nullFlavor of the whole statement: there is none, or nothing is known of it; it is no fact either."""
    status: str = ""
    """HL7 V3 ActStatus as said: `completed`, `active`, `aborted` …"""
    ids: tuple[RawId, ...] = ()
    code: Concept = NOTHING
    text: str = ""
    """What the narrative says of it."""
    when: When = NEVER
    people: tuple[Participation, ...] = ()
    """Who and what took part, but for what has a field of its own."""
    notes: tuple[str, ...] = ()
    """Comments."""
    references: tuple[RawId, ...] = ()
    """Documents and acts outside this document."""
    related: tuple[Related, ...] = ()
    """What the document relates to it and no field holds."""


class Observation(Fact, frozen=True, omit_defaults=True, tag="observation"):
    """A result, a measure, an answer, a finding; with members and no value, a panel of them."""

    category: str = ""
    """`laboratory`, `vital-signs`, `social-history`, `imaging`, `exam`, `survey`, `procedure`, `therapy`, `activity`,
    codes of FHIR's observation-category; empty when the document does not say."""
    values: tuple[Value, ...] = ()
    interpretations: tuple[Concept, ...] = ()
    methods: tuple[Concept, ...] = ()
    sites: tuple[Concept, ...] = ()
    ranges: tuple[Range, ...] = ()
    organism: Concept = NOTHING
    """Of a cluster of microbiology: what was isolated."""
    specimens: tuple[Specimen, ...] = ()
    priority: Concept = NOTHING
    members: tuple[AnyFact, ...] = ()


class Taken(msgspec.Struct, frozen=True, omit_defaults=True):
    """A specimen with how and when it was taken."""

    path: str
    ids: tuple[RawId, ...] = ()
    code: Concept = NOTHING
    """The material."""
    act: Concept = NOTHING
    """The act of taking it."""
    site: Concept = NOTHING
    collected: When = NEVER
    received: When = NEVER
    people: tuple[Participation, ...] = ()
    text: str = ""
    related: tuple[Related, ...] = ()


class Report(Fact, frozen=True, omit_defaults=True, tag="report"):
    """A group of results issued together: a laboratory chapter or examination."""

    category: Concept = NOTHING
    """The chapter (code of the section)."""
    taken: tuple[Taken, ...] = ()
    members: tuple[AnyFact, ...] = ()


class Dosage(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a product is taken: one step of it when there are several (`sequence`)."""

    sequence: str = ""
    text: str = ""
    period: When = NEVER
    timings: tuple[Timing, ...] = ()
    """Frequencies and events (`PIVL_TS`, `EIVL_TS`), as said; the period apart."""
    dose: Interval | Amount | None = None
    rate: Interval | Amount | None = None
    max_dose: Ratio | None = None
    route: Concept = NOTHING
    sites: tuple[Concept, ...] = ()
    unit: Concept = NOTHING
    conditions: tuple[str, ...] = ()
    """When it is to be taken, in words (preconditions)."""


class Supply(msgspec.Struct, frozen=True, omit_defaults=True):
    """How much is to be given out or was."""

    path: str
    ids: tuple[RawId, ...] = ()
    mood: Mood = "event"
    negated: bool = False
    null: str = ""
    quantity: Amount | None = None
    repeats: Interval | Amount | None = None
    when: When = NEVER
    lasting: When = NEVER
    """For how long it is meant (expectedUseTime)."""
    product: Product | None = None
    people: tuple[Participation, ...] = ()
    text: str = ""


Use: TypeAlias = Literal["administered", "statement", "stopped", "prescribed", "dispensed", "planned", ""]


class Medication(Fact, frozen=True, omit_defaults=True, tag="medication"):
    """A medicine: given, taken, stopped, prescribed or dispensed."""

    use: Use = ""
    product: Product = Product()
    dosages: tuple[Dosage, ...] = ()
    repeats: Interval | Amount | None = None
    supplies: tuple[Supply, ...] = ()
    substitution: Concept = NOTHING
    reasons: tuple[AnyFact, ...] = ()
    prescription: tuple[RawId, ...] = ()
    """Ids of the prescription line or document that it follows."""
    patient_instructions: tuple[str, ...] = ()
    dispenser_instructions: tuple[str, ...] = ()
    details: tuple[AnyFact, ...] = ()
    """What is said about the line: long-term illness, work accident, not reimbursable …"""


class Reaction(msgspec.Struct, frozen=True, omit_defaults=True):
    path: str
    code: Concept = NOTHING
    severity: Concept = NOTHING
    when: When = NEVER
    text: str = ""
    negated: bool = False
    notes: tuple[str, ...] = ()
    related: tuple[Related, ...] = ()


class Immunization(Fact, frozen=True, omit_defaults=True, tag="immunization"):
    """A vaccine given; `negated` when it was not, `mood` intent when it is recommended."""

    product: Product = Product()
    dose: Interval | Amount | None = None
    route: Concept = NOTHING
    sites: tuple[Concept, ...] = ()
    dose_number: str = ""
    reasons: tuple[AnyFact, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    supplies: tuple[Supply, ...] = ()


class Allergy(Fact, frozen=True, omit_defaults=True, tag="allergy"):
    """An allergy or intolerance; `code` says which kind, `agent` to what."""

    agent: Concept = NOTHING
    value: Concept = NOTHING
    """What the value says where the agent is told apart: a kind (C-CDA), an effect."""
    clinical_status: Concept = NOTHING
    severity: Concept = NOTHING
    criticality: Concept = NOTHING
    certainty: Concept = NOTHING
    reactions: tuple[Reaction, ...] = ()
    concern_status: str = ""
    """ActStatus of the concern around it."""
    recorded: When = NEVER
    """Of the concern around it."""


class Condition(Fact, frozen=True, omit_defaults=True, tag="condition"):
    """A problem, a diagnosis, a past illness; `code` says which kind of statement, `problem` what it is."""

    problem: Concept = NOTHING
    answer: Value | None = None
    """A value that is no code (a yes or no, words)."""
    clinical_status: Concept = NOTHING
    concern_status: str = ""
    """ActStatus of the concern around it."""
    severity: Concept = NOTHING
    certainty: Concept = NOTHING
    sites: tuple[Concept, ...] = ()
    recorded: When = NEVER


class Procedure(Fact, frozen=True, omit_defaults=True, tag="procedure"):
    """An act done, or to be done (`mood`)."""

    sites: tuple[Concept, ...] = ()
    approach_sites: tuple[Concept, ...] = ()
    methods: tuple[Concept, ...] = ()
    priority: Concept = NOTHING
    reasons: tuple[AnyFact, ...] = ()


class Device(Fact, frozen=True, omit_defaults=True, tag="device"):
    """A device implanted, used or prescribed."""

    device_ids: tuple[RawId, ...] = ()
    """UDI first, where its authority says so."""
    device: Concept = NOTHING
    model: str = ""
    quantity: Amount | None = None
    repeats: Interval | Amount | None = None
    lasting: When = NEVER
    """For how long it is meant (expectedUseTime)."""
    product: Product | None = None
    reasons: tuple[AnyFact, ...] = ()


class Encounter(Fact, frozen=True, omit_defaults=True, tag="encounter"):
    """A visit or stay, or an appointment asked for."""

    priority: Concept = NOTHING
    reasons: tuple[AnyFact, ...] = ()


class FamilyMember(Fact, frozen=True, omit_defaults=True, tag="family"):
    """A relative and what is known of their health; nobody's name is kept here."""

    relation: Concept = NOTHING
    sex: Concept = NOTHING
    conditions: tuple[AnyFact, ...] = ()


class Media(Fact, frozen=True, omit_defaults=True, tag="media"):
    """An image or a document held by the entry; its bytes are an attachment."""

    content: Binary = Binary()


class Other(Fact, frozen=True, omit_defaults=True, tag="other"):
    """A statement whose template has no mapper and whose class says no more: an act, a group."""

    class_code: str = ""
    members: tuple[AnyFact, ...] = ()


class Related(msgspec.Struct, frozen=True, omit_defaults=True):
    """A fact and how the document relates it: HL7 V3 ActRelationshipType (`RSON`, `CAUS`, `MFST`, `REFR` …)."""

    type_code: str
    fact: AnyFact
    inverted: bool = False


AnyFact: TypeAlias = (
    Observation
    | Report
    | Medication
    | Immunization
    | Allergy
    | Condition
    | Procedure
    | Device
    | Encounter
    | FamilyMember
    | Media
    | Other
)


class Coverage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Statements of a document by what became of them; they add up to all there are, at any depth."""

    templates: int = 0
    """Mapped by a mapper of their template."""
    classes: int = 0
    """Mapped by what their class says."""
    raw: int = 0
    """In the raw bytes only: nested too deep to be read."""
    entries: int = 0
    """Entries (statements directly in a section) …"""
    coded: int = 0
    """… of which hold a code …"""
    mapped: int = 0
    """… of which were mapped by their template."""
    narrative: int = 0
    """Sections that hold narrative and no entry."""
    unknown_templates: tuple[str, ...] = ()
    """Templates of statements that only their class could map, sorted; public OIDs are no patient values."""


class Content(msgspec.Struct, frozen=True, omit_defaults=True):
    """The coded content of a document."""

    facts: tuple[AnyFact, ...] = ()
    coverage: Coverage = Coverage()
