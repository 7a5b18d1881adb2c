"""Clinical statements as said: what the entries of a CDA section hold, in one frozen tree, nothing understood yet.

A statement is any of the eight clinical classes of CDA R2 (`act`, `observation`, `substanceAdministration` …). Values
keep their HL7 V3 data type and their text: numbers and times as written, codes as written, a nullFlavor beside an
absent value and never instead of one. Words come from `originalText` and its `reference` into the narrative.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from connectors.said import RawId


class Concept(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, tag="code"):
    """`CD`, `CE`, `CV`, `CO`, `CS`: a coded value, its words and its translations, kept apart."""

    code: str = ""
    system: str = ""
    """@codeSystem, an OID."""
    display: str = ""
    text: str = ""
    """originalText, references into the narrative resolved."""
    null: str = ""
    translations: tuple[Concept, ...] = ()
    qualifiers: tuple[tuple[Concept, Concept], ...] = ()
    """(name, value)."""

    def __bool__(self) -> bool:
        """Whether anything is said: a code, words, a null flavour or a translation."""
        return bool(self.code or self.display or self.text or self.null or self.translations or self.qualifiers)


NOTHING: Final = Concept()
"""No code, no words: the one that stands for absence, so that it is left out when written."""


class Amount(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, tag="quantity"):
    """`PQ`, `INT`, `REAL`: value and unit as written. An `INT` or a `REAL` has no unit."""

    value: str = ""
    unit: str = ""
    null: str = ""
    text: str = ""
    """Words of its translation."""
    translations: tuple[Amount, ...] = ()
    """The same quantity in other units, as said; none is made here."""


class Bound(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One end of an interval. `inclusive` is true unless said otherwise (HL7 V3 `IVXB`)."""

    value: str = ""
    unit: str = ""
    inclusive: bool = True
    null: str = ""
    text: str = ""
    translations: tuple[Amount, ...] = ()


class Interval(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, tag="interval"):
    """`IVL_PQ`, `IVL_INT`, `IVL_REAL`."""

    low: Bound | None = None
    high: Bound | None = None
    center: Amount | None = None
    width: Amount | None = None
    null: str = ""


class Ratio(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, tag="ratio"):
    """`RTO`."""

    numerator: Amount = Amount()
    denominator: Amount = Amount()
    null: str = ""


class Words(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, tag="text"):
    """`ST`, `SC`, `ED` as text, and anything whose type is not one of the others."""

    text: str = ""
    null: str = ""
    said_type: str = ""
    """The xsi:type as its local name; empty when none is said."""


class Truth(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, tag="boolean"):
    """`BL`: `true`, `false` or what stands there."""

    value: str = ""
    null: str = ""


class Binary(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, tag="binary"):
    """`ED` in base64: what it is said to be and how many characters of base64 there are; the bytes stay raw."""

    media_type: str = ""
    length: int = 0
    null: str = ""


TimeKind: TypeAlias = Literal["TS", "IVL_TS", "PIVL_TS", "EIVL_TS", "SXPR_TS"]


class Timing(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, tag="time"):
    """`TS`, `IVL_TS`, `PIVL_TS`, `EIVL_TS`, `SXPR_TS`: times as written, periods as amounts."""

    kind: TimeKind = "TS"
    value: str = ""
    low: str = ""
    high: str = ""
    center: str = ""
    width: Amount | None = None
    null: str = ""
    low_null: str = ""
    high_null: str = ""
    operator: str = ""
    period: Amount | None = None
    institution_specified: bool = False
    event: str = ""
    """Of an `EIVL_TS`: HL7 TimingEvent (`AC`, `PCM`, `HS` …)."""
    offset: Interval | None = None
    text: str = ""
    """Words of the translation of a period."""
    parts: tuple[Timing, ...] = ()
    """Components of an `SXPR_TS`, or the phase of a `PIVL_TS`."""


Value: TypeAlias = Concept | Amount | Interval | Ratio | Words | Truth | Binary | Timing


class Range(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An observationRange. Its interpretation (`N`) says which range it is and is never that of the result."""

    value: Interval | Value | None = None
    text: str = ""
    interpretation: str = ""
    code: Concept = NOTHING
    preconditions: tuple[str, ...] = ()
    """Criteria as words or codes: for whom the range holds."""


class Ingredient(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    code: Concept = NOTHING
    name: str = ""
    strength: Ratio | Amount | None = None
    active: bool = True


class Product(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A manufacturedProduct with its pharmacy extension (IHE PHARM, `urn:ihe:pharm`)."""

    ids: tuple[RawId, ...] = ()
    code: Concept = NOTHING
    name: str = ""
    lot: str = ""
    form: Concept = NOTHING
    expires: str = ""
    package: Concept = NOTHING
    package_form: Concept = NOTHING
    capacity: Amount | None = None
    classes: tuple[Concept, ...] = ()
    """Generalised medicine classes (ATC)."""
    ingredients: tuple[Ingredient, ...] = ()
    maker: str = ""
    """manufacturerOrganization/name."""


class Specimen(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    ids: tuple[RawId, ...] = ()
    code: Concept = NOTHING
    """Of the specimen material, or of the organism when `isolate`."""
    isolate: bool = False
    """classCode `MIC`: a microorganism."""


class Participation(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Someone or something that took part: performer, author, informant, participant, subject."""

    kind: Literal["performer", "author", "informant", "participant", "subject"]
    type_code: str = ""
    """@typeCode: `PRF`, `AUTHEN`, `DEV`, `CSM`, `PRD`, `LOC` …"""
    role_class: str = ""
    """classCode of the role: `MANU`, `SPEC`, `LOCE`, `ASSIGNED` …"""
    function: Concept = NOTHING
    time: Timing | None = None
    ids: tuple[RawId, ...] = ()
    code: Concept = NOTHING
    """Of the role."""
    family: str = ""
    given: str = ""
    name: str = ""
    """Of a thing, an organism, a place or a person whose name has no parts."""
    entity: Concept = NOTHING
    """Code of the playing entity or device."""
    sex: Concept = NOTHING
    """Of a related subject."""
    model: str = ""
    software: str = ""
    organisation_ids: tuple[RawId, ...] = ()
    organisation: str = ""


class Relation(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An entryRelationship or an organizer's component."""

    type_code: str
    statement: Statement
    inverted: bool = False
    negated: bool = False
    sequence: str = ""


Kind: TypeAlias = Literal[
    "act",
    "encounter",
    "observation",
    "observationMedia",
    "organizer",
    "procedure",
    "regionOfInterest",
    "substanceAdministration",
    "supply",
]


class Statement(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One clinical statement and those it relates to."""

    kind: Kind
    path: str
    """Positions from the section down, from 1: `2.1.3` is the third statement in the first in the second entry."""
    class_code: str = ""
    mood: str = ""
    negated: bool = False
    null: str = ""
    templates: tuple[str, ...] = ()
    """@root of templateId, those of the entry first: its lab template is said there (CR-BIO)."""
    ids: tuple[RawId, ...] = ()
    code: Concept = NOTHING
    text: str = ""
    status: str = ""
    times: tuple[Timing, ...] = ()
    values: tuple[Value, ...] = ()
    interpretations: tuple[Concept, ...] = ()
    methods: tuple[Concept, ...] = ()
    sites: tuple[Concept, ...] = ()
    """targetSiteCode."""
    approach_sites: tuple[Concept, ...] = ()
    route: Concept = NOTHING
    priority: Concept = NOTHING
    dose: Interval | Amount | None = None
    rate: Interval | Amount | None = None
    max_dose: Ratio | None = None
    administration_unit: Concept = NOTHING
    repeat: Interval | Amount | None = None
    quantity: Amount | None = None
    expected_use: Timing | None = None
    product: Product | None = None
    ranges: tuple[Range, ...] = ()
    specimens: tuple[Specimen, ...] = ()
    participations: tuple[Participation, ...] = ()
    preconditions: tuple[str, ...] = ()
    references: tuple[RawId, ...] = ()
    """Ids of externalAct, externalDocument … that `reference` names."""
    relations: tuple[Relation, ...] = ()
    dangling: int = 0
    """References of this statement that name no anchor of the narrative."""
    unread: tuple[str, ...] = ()
    """Local names of children that have no place here; they stay in the raw bytes."""
    left: int = 0
    """Statements under it that are nested too deep to be read; they stay in the raw bytes."""
