"""Where a document goes by the flags of its message: the DMP, a professional's mailbox, the patient's.

Source: CI-SIS, volet de transmission d'un document CDA-R2 en HL7v2: the flags DESTDMP, DESTMSSANTEPS and
DESTMSSANTEPAT, and its table of the combinations that mail may take. The volet's own examples break that table, so a
combination outside it is a finding, unless the sender's policy refuses it. What harms a patient is no matter of
policy: that destination is dropped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final, Literal, TypeAlias

import msgspec

from connectors.base import Recipient

Destination: TypeAlias = Literal["DMP", "MSSANTEPS", "MSSANTEPAT"]

COLUMNS: Final = (
    "MASQUE_PS",
    "INVISIBLE_PATIENT",
    "INVISIBLE_REPRESENTANTS_LEGAUX",
    "CONNEXION_SECRETE",
    "DESTDMP",
    "DESTMSSANTEPS",
    "DESTMSSANTEPAT",
)
"""The flags that the table reads, in its order."""

MATRIX: Final = (
    "N N N * * Y Y",  # to the professional and the patient
    "N Y N * * Y N",  # to the professional alone
    "* N * N N N Y",  # to the patient alone
)
"""The combinations that mail may take, `*` being either; any other is an error of the sender."""

ACKNOWLEDGEMENTS: Final = ("ACK_RECEPTION", "ACK_LECTURE_MSS")
VISIBILITY: Final = ("MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX")
_MANDATORY: Final = (
    ("CISIS_CDA_HL7_LPS", (*VISIBILITY, "MODIF_CONF_CODE")),
    (
        "CISIS_CDA_HL7_V",
        (*VISIBILITY, "CONNEXION_SECRETE", "MODIF_CONF_CODE", "DESTDMP", "DESTMSSANTEPS", "DESTMSSANTEPAT"),
    ),
)
"""The flags that each profile makes mandatory (usage R), by what MSH-21 says."""
_ASKS: Final[dict[str, Destination]] = {
    "DESTDMP": "DMP",
    "DESTMSSANTEPS": "MSSANTEPS",
    "DESTMSSANTEPAT": "MSSANTEPAT",
}
_MAILBOXES: Final[dict[Destination, frozenset[str]]] = {
    "MSSANTEPS": frozenset({"ps", "application"}),
    "MSSANTEPAT": frozenset({"patient"}),
}
"""Whose mailbox each mail needs (PRT-4 = RCT)."""


class Routing(msgspec.Struct, frozen=True, gc=False):
    """Where a document may go, and what was wrong with what its message asks."""

    destinations: tuple[Destination, ...] = ()
    waiting: tuple[Destination, ...] = ()
    """Those that wait for a qualified identity, as the document itself does."""
    findings: tuple[str, ...] = ()


NOWHERE: Final = Routing()


def route(
    flags: Mapping[str, str],
    recipients: Iterable[Recipient] = (),
    *,
    qualified: bool,
    confidentiality: str,
    acknowledgements: bool = False,
    dmp_takes_type: bool = True,
) -> Routing:
    """The destinations that remain of those asked for, those that wait, and the codes of what does not hold.

    `flags` has canonical names (`connectors.hl7.flags`), a missing one counting as N; `qualified` tells whether the
    INS is; `confidentiality` is the document's own code (N, R, V); `acknowledgements` whether the profile makes the
    two ACK flags mandatory (volets 2.x); `dmp_takes_type` whether the DMP's own list (JDV_J66) has the document's type.
    """
    asked = tuple(destination for flag, destination in _ASKS.items() if flags.get(flag) == "Y")
    findings = []
    if (
        acknowledgements
        and any(flag in flags for flag in _ASKS)
        and any(flag not in flags for flag in ACKNOWLEDGEMENTS)
    ):
        findings.append("ACK_FLAG_MISSING")
    if not asked:
        return Routing(findings=tuple(findings))
    if any(destination in _MAILBOXES for destination in asked) and not in_matrix(flags):
        findings.append("ROUTING_OUTSIDE_MATRIX")
    if "DMP" in asked and confidentiality in {"R", "V"}:
        findings.append("CONFIDENTIALITY_IN_DMP")
    if "DMP" in asked and not dmp_takes_type:
        findings.append("TYPE_NOT_IN_DMP")
    boxes = {recipient.kind for recipient in recipients if recipient.address}
    dropped: dict[Destination, str] = {}
    if "DMP" in asked and not qualified:
        dropped["DMP"] = "DMP_WITHOUT_INS"
    for destination, kinds in _MAILBOXES.items():
        if destination in asked and not boxes & kinds:
            dropped[destination] = "RECIPIENT_MISSING"
    if "MSSANTEPAT" in asked and flags.get("INVISIBLE_PATIENT") == "Y":
        dropped["MSSANTEPAT"] = "PATIENT_MAIL_FORBIDDEN"
    left = tuple(destination for destination in asked if destination not in dropped)
    waiting = tuple(destination for destination, why in dropped.items() if why == "DMP_WITHOUT_INS")
    return Routing(left, waiting, tuple(sorted({*findings, *dropped.values()})))


def in_matrix(flags: Mapping[str, str]) -> bool:
    """Whether a combination of flags is a row of the table."""
    said = ["Y" if flags.get(name) == "Y" else "N" for name in COLUMNS]
    return any(all(wanted in ("*", value) for wanted, value in zip(row.split(), said, strict=True)) for row in MATRIX)


def in_force(destinations: Iterable[str], masks: Collection[str], *, qualified: bool) -> list[str]:
    """The destinations of all arrivals of a document, sorted, as its state allows: no mail to the patient when a mask
    hides it, no DMP while nothing has qualified its identity."""
    kept = set(destinations)
    if not qualified:
        kept.discard("DMP")
    if "INVISIBLE_PATIENT" in masks:
        kept.discard("MSSANTEPAT")
    return sorted(kept)


def lacking(profile: str, flags: Collection[str]) -> tuple[str, ...]:
    """Code of what a message of this profile (MSH-21) should say of its documents and does not."""
    mandatory = next((names for name, names in _MANDATORY if name in profile), ())
    return ("VISIBILITY_FLAG_MISSING",) if not set(mandatory) <= set(flags) else ()
