"""The flags that say what a hub may do with a document (CI-SIS, volet transmission d'un document CDA en HL7v2, 2.4).

The vocabulary changed spelling with each version of the volet; all spellings lead to one canonical name, that of the
DMP (`INVISIBLE_REPRESENTANTS_LEGAUX`). A flag nobody knows is kept and reported: it must fail closed.
"""

from __future__ import annotations

import re

SYSTEM = "METADMPMSS"

_SPELLINGS = {
    "INVISIBLE_REP_LEGAUX": "INVISIBLE_REPRESENTANTS_LEGAUX",
    "INVISIBLE_REPRENSANTS_LEGAUX": "INVISIBLE_REPRESENTANTS_LEGAUX",
    "MODIF_CONFIDENTIALITYCODE": "MODIF_CONF_CODE",
    "ACK_LECTURE": "ACK_LECTURE_MSS",
}
NAMES = frozenset(
    {
        "MASQUE_PS",
        "INVISIBLE_PATIENT",
        "INVISIBLE_REPRESENTANTS_LEGAUX",
        "CONNEXION_SECRETE",
        "MODIF_CONF_CODE",
        "DESTDMP",
        "DESTMSSANTEPS",
        "DESTMSSANTEPAT",
        "ACK_RECEPTION",
        "ACK_LECTURE_MSS",
    }
)
_SHAPE = re.compile("[A-Z]+(_[A-Z]+)+")
_WORDS = re.compile("MASQU|VISIB|CACHE|SECR|CONF|CONNEX|OPPOS|LEGAU|DEST|DMP|MSS|ACK")


def canonical(code: str) -> str:
    """The canonical name of a flag, whatever blanks, case and version it was written with; empty when it is none."""
    name = "".join(code.split()).upper()
    name = _SPELLINGS.get(name, name)
    return name if name in NAMES else ""


def is_flag_system(system: str) -> bool:
    """Whether a coding system is that of the flags, `MetaDMPMSS`."""
    return "".join(system.split()).upper() == SYSTEM


def looks_like_flag(code: str) -> bool:
    """Whether a code without system has the shape of a flag (v1.2 named no system)."""
    return bool(_SHAPE.fullmatch(code))


def names_sharing(code: str) -> bool:
    """Whether a code has a word of the flags: that of a result answered by yes or no (`A_JEUN`) has none."""
    return bool(_WORDS.search(code.upper()))
