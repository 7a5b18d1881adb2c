"""Identifiers that look French and belong to nobody: INS, RPPS, FINESS, OIDs of the example arc.

Written apart from `transforms`, so that the generator and the hub check each other.
"""

from __future__ import annotations

import uuid
from datetime import date

INS_TEST_OID = "1.2.250.1.213.1.4.10"
INS_OID = "1.2.250.1.213.1.4.8"
PERSON_OID = "1.2.250.1.71.4.2.1"
STRUCTURE_OID = "1.2.250.1.71.4.2.2"
EXAMPLE_ARC = "1.2.250.1.999.1"


def ins_key(body: str) -> str:
    """The two-digit key of a 13-character INS: 97 - (number mod 97), 2A as 19 and 2B as 18."""
    number = int(body.replace("2A", "19", 1).replace("2B", "18", 1)) if not body.isdigit() else int(body)
    return f"{97 - number % 97:02d}"


def ins(sex: str, birth: date, commune: str) -> str:
    """An INS with order number 000, which no real one has: sex, year, month, commune, 000, key.

    >>> ins("F", date(1985, 3, 1), "44109")
    '285034410900055'
    """
    body = f"{'1' if sex == 'M' else '2'}{birth:%y%m}{commune}000"
    return body + ins_key(body)


def luhn(digits: str) -> str:
    """The digits followed by their Luhn check digit."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if position % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return f"{digits}{-total % 10}"


def rpps(number: int) -> str:
    """A synthetic RPPS: 99 (real ones start with 1), eight digits, Luhn."""
    return luhn(f"99{number % 10**8:08d}")


def national_person(rpps_number: str) -> str:
    """PS_IdNat: 8 + RPPS."""
    return f"8{rpps_number}"


def national_structure(finess: str) -> str:
    """Struct_IdNat: 1 + FINESS."""
    return f"1{finess}"


def uuid_oid(number: int) -> str:
    """An OID under 2.25 from a 128-bit number (RFC 4122 version 4 layout)."""
    return f"2.25.{uuid.UUID(int=number % 2**128, version=4).int}"
