"""Who a document is about: the INS by authority OID, its key, the six traits, and whether it is qualified.

Sources: RNIV (identitovigilance), CI-SIS identity annex; authorities of the INS as listed by ANS. A patient is
(INS, authority OID): two authorities are never joined. An INS is found by OID, never by position or namespace.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import msgspec

from connectors.base import RawId, RawPatient
from transforms.moments import parse_ts

NIR = "1.2.250.1.213.1.4.8"
NIA = "1.2.250.1.213.1.4.9"
NIR_TEST = "1.2.250.1.213.1.4.10"
NIR_DEMO = "1.2.250.1.213.1.4.11"
INS_C = "1.2.250.1.213.1.4.2"
"""The computed INS of before 2015: obsolete, never routed on."""
AUTHORITIES = (NIR, NIA, NIR_TEST, NIR_DEMO)
"""In the order of preference when one record carries several: a NIR outranks the waiting number (NIA)."""

_NATIONAL = frozenset({*AUTHORITIES, INS_C})

BLOCKING = frozenset({"DOUT", "FICT", "USUR", "ANOM", "CACH", "DESA", "DOUA"})
QUALIFYING = frozenset({"VALI", "QUAL"})

_WORD = re.compile(r"\w+")
_INS = re.compile(r"[1-478]\d{4}(?:\d{2}|2[AB])\d{8}")


class Traits(msgspec.Struct, frozen=True, gc=False):
    """The six traits as said, and the same folded for comparison."""

    birth_family: str = ""
    birth_given: str = ""
    birth_givens: str = ""
    birth_date: str = ""
    sex: str = ""
    birth_place: str = ""

    @property
    def complete(self) -> bool:
        return all(msgspec.structs.astuple(self))

    def compared(self) -> tuple[str, str, str]:
        """Birth date, sex and birth name in one spelling; an absent or partial trait is empty, equal to any."""
        return _compared(self)


@lru_cache(2048)
def _compared(traits: Traits) -> tuple[str, str, str]:
    date = parse_ts(traits.birth_date)
    day = date.day if date is not None and len(date.day) == 10 else ""
    sex = traits.sex if traits.sex in ("M", "F") else ""
    return day, sex, fold(traits.birth_family)


class Patient(msgspec.Struct, frozen=True, gc=False):
    """A patient as one item names them, understood."""

    ins: str
    oid: str
    local: tuple[RawId, ...]
    """Patient numbers that are no INS (IPP), those declared as such (`PI`) first."""
    traits: Traits
    qualified: bool
    findings: tuple[str, ...] = ()
    """INS_KEY_WRONG, INS_MALFORMED, INS_AMBIGUOUS, PATIENT_ID_PLACEHOLDER."""


def understand(raw: RawPatient, *, from_cda: bool) -> Patient:
    """The identity of a patient; `qualified` as RNIV derives it.

    In a CDA an INS may travel only when qualified, so the six traits beside it are enough. In HL7v2 the
    reliability (PID-32) must also say so, and nothing may block.
    """
    known: dict[str, set[str]] = {}
    for i in raw.ids:
        if i.root in AUTHORITIES:
            known.setdefault(i.root, set()).add(i.extension)
    oid = next((authority for authority in AUTHORITIES if authority in known), "") if known else ""
    numbers = known.get(oid, set())
    ins = next(iter(numbers)) if len(numbers) == 1 else ""
    sound = bool(ins) and well_formed(ins)
    others = [i for i in raw.ids if i.root not in AUTHORITIES]
    nobodys = [i for i in others if placeholder(i.extension)]
    findings = []
    if len(numbers) > 1:
        findings.append("INS_AMBIGUOUS")
    elif ins and not sound:
        findings.append("INS_MALFORMED")
    elif ins and key_of(ins[:13]) != ins[13:]:
        findings.append("INS_KEY_WRONG")
    if nobodys:
        findings.append("PATIENT_ID_PLACEHOLDER")
    traits = Traits(raw.birth_family, raw.birth_given, raw.birth_givens, raw.birth_date, raw.sex, raw.birth_place)
    statuses = {status.upper() for status in raw.reliability}
    vouched = from_cda or (bool(statuses & QUALIFYING) and not statuses & BLOCKING)
    return Patient(
        ins=ins,
        oid=oid if ins else "",
        local=local_numbers(raw),
        traits=traits,
        qualified=sound and traits.complete and vouched,
        findings=tuple(findings),
    )


OTHER_NUMBERS = frozenset({"AN", "VN", "INS", "NH", "SS", "DL", "PPN", "NI", "BC"})
"""Types of table 0203 (French edition) in PID-3 that number no patient of the sender: files, visits, cards, papers."""

_WORDS = frozenset(
    {
        "INCONNU",
        "INCONNUE",
        "UNKNOWN",
        "NULL",
        "NONE",
        "NA",
        "NC",
        "NR",
        "ND",
        "X",
        "XX",
        "XXX",
        "TEST",
        "ANONYME",
        "NEANT",
        "AUCUN",
        "SANS",
        "VIDE",
        "DIVERS",
        "NONRENSEIGNE",
        "NONCOMMUNIQUE",
        "SANSNUMERO",
        "SANSIPP",
    }
)


def placeholder(number: str) -> bool:
    """Whether a patient number stands for nobody: zeros, dashes, one digit again and again, a word for "unknown"."""
    plain = number.isascii() and number.isalnum()
    bare = (number if plain else fold(number).replace(" ", "").replace("_", "")).upper()
    return not bare.strip("0") or (len(bare) > 3 and len(set(bare)) == 1) or bare in _WORDS


def local_numbers(raw: RawPatient) -> tuple[RawId, ...]:
    """The sender's own numbers of a patient, each once, those typed `PI` first; placeholders join nobody to anybody."""
    found = [i for i in raw.ids if i.root not in _NATIONAL and i.kind not in OTHER_NUMBERS]
    found = [i for i in found if i.extension and not placeholder(i.extension)]
    return tuple(sorted(dict.fromkeys(found), key=lambda i: i.kind != "PI")) if len(found) > 1 else tuple(found)


def well_formed(ins: str) -> bool:
    """15 characters: sex, year, month, department (2A and 2B for Corsica), commune, order, key."""
    return bool(_INS.fullmatch(ins))


def key_of(ins13: str) -> str:
    """The two digits that close the 13 first: 97 - (number mod 97), Corsica read as 19 (2A) and 18 (2B)."""
    number = ins13.replace("2A", "19") if ins13[5:7] == "2A" else ins13
    number = number.replace("2B", "18") if number[5:7] == "2B" else number
    return f"{97 - int(number) % 97:02}"


def key_holds(ins: str) -> bool:
    return well_formed(ins) and key_of(ins[:13]) == ins[13:]


def fold(name: str) -> str:
    """A name for comparison: no accent, no case, one space for any run of apostrophes, hyphens and spaces."""
    bare = name.casefold()
    if not bare.isascii():
        bare = "".join(c for c in unicodedata.normalize("NFKD", bare) if not unicodedata.combining(c))
        bare = bare.replace("œ", "oe").replace("æ", "ae")
    return " ".join(_WORD.findall(bare))


def same_person(one: Patient, other: Patient) -> bool:
    """Whether two identities of one message agree: same INS and authority, and no trait that contradicts.

    Used between a message and the document it encloses: any disagreement is `PATIENT_MISMATCH`.
    """
    if (one.ins or other.ins) and (one.ins, one.oid) != (other.ins, other.oid) and one.ins and other.ins:
        return False
    if not (one.ins and other.ins):
        shared = {(i.root, i.extension) for i in one.local} & {(i.root, i.extension) for i in other.local}
        if not shared and one.local and other.local and _same_authority(one.local, other.local):
            return False
    return all(not a or not b or a == b for a, b in zip(one.traits.compared(), other.traits.compared(), strict=True))


def _same_authority(ones: Iterable[RawId], others: Iterable[RawId]) -> bool:
    return bool({i.root for i in ones if i.root} & {i.root for i in others if i.root})
