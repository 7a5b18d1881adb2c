"""The messages of ansforge/hl7V2-exemples: what is said of each family, reviewed; every complaint is true.

The examples are near-conformant. What is told of them, family by family:
- all: `ASIP-SANTE- PS` with a blank; `FINEG` with a 1 before the FINESS; the patient's OID in the namespace; types
  RPPS for the 12 characters of IDNPS, and RPPS bare in ROL-4; base64 without its padding; `DMPERRORCODE`.
- a document replaced by a sentence in the messages meant to be read by people; a mail body cut to 93 characters.
- the first ORU of wave 2 writes a corrupted INS (20 digits) as recipient and in the address.
- before 2.1: no list of given names (PID-5.3), an INS that contradicts PID-7 and PID-8, TXA-17 `LA`, OID and
  extension joined, PV1-2 `I` towards the EHR; in 1.2 the INS has a wrong key.
- the ORU of 2.0 has a small tilde for a repetition separator.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from connectors.base import Source
from connectors.hl7.anatomy import Opaque, anatomies
from quality.conformance import Examined, examine
from quality.conformance.second import ask

EXPECTED: dict[str, tuple[int, dict[str, int]]] = {
    "ack": (10, {}),
    "pam-2.11": (4, {"NATIONAL_ID_TYPE": 3}),
    "volet-2.1-oru": (
        5,
        {
            "BASE64_PADDING": 1,
            "BLANK_INSIDE": 10,
            "DOCUMENT_PAYLOAD": 4,
            "INS_FORM": 1,
            "MAIL_BODY": 5,
            "NATIONAL_ID_TYPE": 5,
            "OID_IN_NAMESPACE": 5,
            "PRT_PATIENT_ADDRESS": 1,
            "PRT_PATIENT_OTHER": 1,
        },
    ),
    "volet-2.1-mdm": (3, {"BLANK_INSIDE": 6, "DOCUMENT_ID_EXTENSION": 3, "DOCUMENT_PAYLOAD": 1}),
    "volet-2.1-zam": (2, {"ZAM_ERROR_SYSTEM": 1}),
    "volet-2.0-mdm": (
        4,
        {
            "BLANK_INSIDE": 8,
            "COMPONENT_ADVISED": 4,
            "DMP_NEEDS_INS": 4,
            "DOCUMENT_ID_EXTENSION": 6,
            "DOCUMENT_PAYLOAD": 3,
            "INS_TRAIT": 4,
            "INS_TRAITS_DIFFER": 8,
            "NATIONAL_ID_TYPE": 8,
            "PROFILE_OLD": 4,
            "VALUE_OF_EXAMPLES": 4,
        },
    ),
    "volet-2.0-zam": (3, {"PROFILE_OLD": 3, "ZAM_ERROR_SYSTEM": 1}),
    "volet-1.2-oru": (
        1,
        {"DOCUMENT_PAYLOAD": 1, "INS_KEY": 1, "INS_TRAIT": 1, "INS_TRAITS_DIFFER": 2, "PROFILE_OLD": 1},
    ),
    "lps-1.1-mdm": (2, {"BASE64_PADDING": 1, "BLANK_INSIDE": 2, "DOCUMENT_ID_EXTENSION": 2, "DOCUMENT_PAYLOAD": 1}),
    "lps-1.0-mdm": (
        3,
        {
            "BLANK_INSIDE": 3,
            "DOCUMENT_ID_EXTENSION": 4,
            "DOCUMENT_PAYLOAD": 2,
            "INS_TRAIT": 3,
            "INS_TRAITS_DIFFER": 6,
            "NATIONAL_ID_TYPE": 3,
            "PROFILE_OLD": 3,
            "VALUE_OF_EXAMPLES": 6,
        },
    ),
    "unreadable": (1, {"DELIMITERS_UNREADABLE": 1}),
}


def messages(samples: Path) -> list[Path]:
    return [p for p in sorted((samples / "hl7").rglob("*")) if p.is_file() and p.suffix.lower() != ".xml"]


def family(examined: Examined) -> str:
    return examined.choice.profile.id if examined.choice else "unreadable"


def test_what_is_said_of_each_family_is_what_was_reviewed(samples: Path) -> None:
    counted: dict[str, Counter[str]] = {}
    files: Counter[str] = Counter()
    for path in messages(samples):
        (message,) = anatomies(Source.of_path(path))
        examined = examine(message)
        files[family(examined)] += 1
        counted.setdefault(family(examined), Counter()).update(f.code for f in examined.findings)
    assert {name: (files[name], dict(counted[name])) for name in files} == EXPECTED


def test_hl7apy_reads_what_it_is_shown_of_them_and_adds_nothing(samples: Path) -> None:
    for path in messages(samples):
        (message,) = anatomies(Source.of_path(path))
        examined = examine(message)
        if isinstance(message, Opaque) or examined.choice is None:
            continue
        opinion, more = ask(message, examined.choice.profile, examined.findings)
        assert (opinion.applied, more) == (True, ()), path.name
