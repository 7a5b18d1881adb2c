"""Values as a source says them: identifiers, codes, names, addresses, telecoms, times. Nothing is corrected here.

Empty text means absent. `null` is a `@nullFlavor` (HL7 V3 data types, NullFlavor): UNK, NASK, MSK … say why there is
no value, which is not the same as saying nothing.
"""

from __future__ import annotations

import msgspec


class RawId(msgspec.Struct, frozen=True, gc=False):
    """An identifier as said: assigning authority (an OID where one is given), value, and its declared type.

    HL7v2 `CX` (CX.4.2 → root, CX.1 → extension, CX.5 → kind) and CDA `II` (@root, @extension) both fit.
    """

    root: str = ""
    extension: str = ""
    kind: str = ""
    null: str = ""


class RawCode(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A coded value as said. `alternatives` are CE.4-6 or CDA translations, kept beside, never merged."""

    code: str = ""
    system: str = ""
    display: str = ""
    alternatives: tuple[RawCode, ...] = ()
    null: str = ""
    text: str = ""
    """`originalText` of a CDA code, white space folded."""


class RawNamePart(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`family`, `given`, `prefix`, `suffix` or `delimiter`; `qualifier` as written (`BR`, `CL`, a list of them)."""

    kind: str
    text: str
    qualifier: str = ""
    null: str = ""


class RawName(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The name of a person, its parts in the order said; `text` is what stands outside any part."""

    parts: tuple[RawNamePart, ...] = ()
    text: str = ""
    use: str = ""
    null: str = ""

    def first(self, kind: str) -> str:
        """The first part of a kind."""
        return next((part.text for part in self.parts if part.kind == kind), "")


class RawAddressPart(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`streetAddressLine`, `city`, `postalCode` … and its text."""

    kind: str
    text: str
    null: str = ""


class RawAddress(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A postal address, its parts in the order said."""

    parts: tuple[RawAddressPart, ...] = ()
    text: str = ""
    use: str = ""
    null: str = ""


class RawTelecom(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """`tel:`, `mailto:` … with its use (`WP`, `HP`, `MC` …)."""

    value: str = ""
    use: str = ""
    null: str = ""


class RawTime(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A time or an interval, each bound as written (HL7 TS); `*_null` say why a bound is not there."""

    value: str = ""
    low: str = ""
    high: str = ""
    null: str = ""
    low_null: str = ""
    high_null: str = ""

    @property
    def said(self) -> bool:
        """Whether any time is given."""
        return bool(self.value or self.low or self.high)
