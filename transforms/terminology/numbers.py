"""Numbers as laboratories write them: values and reference ranges, read only where they mean one thing."""

from __future__ import annotations

import re
from decimal import Decimal

import msgspec

from transforms.documents import Result

_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,20}(?:[.,][0-9]{0,20})?|[.,][0-9]{1,20})")
_PART = r"-?[0-9]{1,20}(?:[.,][0-9]{1,20})?"
_BETWEEN = re.compile(rf"({_PART})\s*(?:-|–|—|à)\s*({_PART})")
_LIMIT = re.compile(rf"(<=|>=|<|>|≤|≥)\s*({_PART})")
_THOUSANDS = re.compile(r"-?[1-9][0-9]{0,2}[.,][0-9]{3}")
COMPARATORS = frozenset({"", "=", "<", ">", "<=", ">=", "<>"})
"""SN.1, HL7 v2.5 chapter 2."""


class Number(msgspec.Struct, frozen=True):
    """A numeric value as decimal text with a point; empty texts when the result is none.

    An SN of two numbers (`^1^:^128`, `^10^-^20`) has its separator and its second number.
    """

    value: str = ""
    comparator: str = ""
    separator: str = ""
    second: str = ""
    decimal_comma: bool = False
    """Written with a comma, which HL7 does not admit in NM and SN, and French senders write."""


NONE = Number()


class Limits(msgspec.Struct, frozen=True):
    """A reference range read from its text; an end that the text does not give, or not clearly, is empty."""

    low: str = ""
    high: str = ""


def number_of(result: Result) -> Number:
    """The number that a result of type NM or SN says, once; any other type, or several values, are no number."""
    if result.value_type == "NM" and len(result.values) == 1:
        text = result.values[0].strip()
        value = _decimal(text)
        return Number(value, decimal_comma="," in text) if value else NONE
    if result.value_type == "SN" and len(result.parts) == 1:
        comparator, first, separator, second = (part.strip() for part in (*result.parts[0], "", "", "", "")[:4])
        value, other = _decimal(first), _decimal(second)
        if comparator not in COMPARATORS or not value or bool(second) != bool(other):
            return NONE
        return Number(value, comparator, separator, other, decimal_comma="," in first + second)
    return NONE


def limits_of(text: str) -> Limits:
    """The ends of a range: `3,5-5,0`, `3,5 à 5,0`, `<5`, `≥ 60`. `1,000-5,000` may be thousands: it is left as text."""
    said = text.strip()
    if any(_THOUSANDS.fullmatch(part) for part in re.findall(_PART, said)):
        return Limits()
    if between := _BETWEEN.fullmatch(said):
        low, high = _decimal(between[1]), _decimal(between[2])
        return Limits(low, high) if Decimal(low) <= Decimal(high) else Limits()
    if limit := _LIMIT.fullmatch(said):
        end = _decimal(limit[2])
        return Limits(high=end) if limit[1] in ("<", "<=", "≤") else Limits(low=end)
    return Limits()


def _decimal(text: str) -> str:
    """Decimal text with a point and its places as written; empty when the text is no number."""
    return format(Decimal(text.replace(",", ".")), "f") if _NUMBER.fullmatch(text) else ""
