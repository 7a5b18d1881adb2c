"""Numbers and units: decimal arithmetic over one closed table of conversions, precision kept.

A converted value gets the last decimal place that is not coarser than the source's: 164.3 lb is known to a tenth of a
pound (0.045 kg), so it becomes 74.53 kg. Where the table names decimals (mmol/L of glucose, temperatures), these hold.
"""

from __future__ import annotations

import decimal
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from transforms.readings.measures import rows_of

_NUMBER = re.compile(r"[+-]?[0-9]{1,12}(?:[.,][0-9]{1,20})?(?:[eE][+-]?[0-9]{1,2})?")
_EXACT = decimal.Context(prec=60, rounding=decimal.ROUND_HALF_EVEN)


class Conversion(msgspec.Struct, frozen=True):
    """(value + offset) x factor / divisor, then to `decimals` places when these are given."""

    ucum: str
    factor: Decimal
    divisor: Decimal
    offset: Decimal
    decimals: int | None

    @property
    def same(self) -> bool:
        return self.factor == self.divisor and not self.offset


CONVERSIONS = {
    (row["measure"], row["said"]): Conversion(
        row["ucum"],
        Decimal(row["factor"]),
        Decimal(row["divisor"]),
        Decimal(row["offset"]),
        int(row["decimals"]) if row["decimals"] else None,
    )
    for row in rows_of("units.csv")
}
"""By measure and unit as said."""


def number(text: str) -> Decimal | None:
    """The number a text says, with a decimal point or comma; None when it says none."""
    return Decimal(text.replace(",", ".")) if _NUMBER.fullmatch(text) else None


def plain(value: Decimal) -> str:
    """Decimal text without exponent, its places kept."""
    return format(value, "f")


def convert(value: Decimal, how: Conversion) -> Decimal:
    """The value in the canonical unit of its measure."""
    if how.same:
        return value
    exact = _EXACT.divide(_EXACT.multiply(_EXACT.add(value, how.offset), how.factor), how.divisor)
    if how.decimals is not None:
        return exact.quantize(Decimal(1).scaleb(-how.decimals), context=_EXACT)
    exponent = value.as_tuple().exponent
    step = _EXACT.divide(_EXACT.multiply(Decimal(1).scaleb(int(exponent)), how.factor), how.divisor)
    return exact.quantize(Decimal(1).scaleb(min(0, step.adjusted())), context=_EXACT)


def contradicted(facts: Mapping[str, Any]) -> bool:
    """Whether the glucose of a file can't all be in the one unit that it declares.

    Two declared units are one contradiction. Values are another: devices write whole mg/dL, so 5.6 among them is
    mmol/L; no median lies below 36 mg/dL (2 mmol/L) or above 36 mmol/L; two values above 55 mmol/L are mg/dL.
    """
    units = facts.get("glucose_units", ())
    values: Mapping[str, float] = facts.get("glucose_values", {"count": 0})
    if len(units) != 1 or not values["count"]:
        return len(units) > 1
    median = values["median"]
    match units[0]:
        case "mg/dL":
            return values.get("smallest_fraction", 36) < 36 or (values["count"] >= 5 and median < 36)
        case "mmol/L":
            return median > 36 or values.get("above_55", 0) > 1
        case "g/L":
            return median > 6 or median < 0.2
    return False
