"""Rules on one record: they alone decide whether it can be taken, on the record itself and nothing else.

`judge` is intrinsic: it knows neither what is already stored nor the clock. What depends on other facts (conflicts,
opposition, authors) is `transforms.lifecycle`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from quality.catalogue import Effect, sentence
from transforms.documents import DocumentRecord
from transforms.identity import Patient


class Policy(msgspec.Struct, frozen=True):
    """What a sender is held to (senders.toml)."""

    admits: frozenset[str]
    """OIDs of the INS authorities taken from this sender."""
    ins_key: Literal["flag", "refuse"] = "refuse"
    discordance: Literal["flag", "hold"] = "hold"
    routing: Literal["flag", "refuse"] = "flag"
    """What becomes of a document whose flags are outside the routing matrix (transforms.routing)."""


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What the rules say of one record."""

    end: Literal["", "held", "refused"]
    """Empty: facts may be made of it (held by settle when `sound` is False)."""
    code: str
    findings: tuple[str, ...]
    sound: bool
    """Whether the identity is qualified by itself."""


def judge(record: DocumentRecord, policy: Policy) -> Verdict:
    """The verdict on a document: the first refusal wins, then the first hold, the rest are findings.

    A hold about who the patient is lets the document become a fact: it waits for a qualified identity.
    """
    codes = (*record.findings, *identity_codes(record.patient, policy), *incomplete(record.patient))
    verdict = verdict_of(codes, policy)
    if verdict.end == "held" and verdict.code in LIFTED_BY_IDENTITY:
        findings = tuple(sorted({*verdict.findings, verdict.code}))
        return Verdict(end="", code="", findings=findings, sound=False)
    if verdict.sound and not record.patient.qualified:
        return msgspec.structs.replace(verdict, sound=False)
    return verdict


def verdict_of(codes: tuple[str, ...], policy: Policy) -> Verdict:
    """The verdict on the codes that a record raises."""
    if not codes:
        return CLEAN
    effects = {code: _effect(code, policy) for code in codes}
    flagged = tuple(sorted(code for code, effect in effects.items() if effect == "flagged"))
    refused = next((code for code, effect in effects.items() if effect == "refused"), None)
    if refused is not None:
        return Verdict(end="refused", code=refused, findings=flagged, sound=False)
    held = next((code for code, effect in effects.items() if effect == "held"), None)
    if held is not None:
        return Verdict(end="held", code=held, findings=flagged, sound=False)
    return Verdict(end="", code="", findings=flagged, sound=True)


CLEAN = Verdict(end="", code="", findings=(), sound=True)

LIFTED_BY_IDENTITY = frozenset({"PATIENT_ID_MISSING", "INS_MALFORMED", "INS_AMBIGUOUS"})
"""Holds that are about who the patient is: the document becomes a fact and waits for a qualified identity."""


def incomplete(patient: Patient) -> tuple[str, ...]:
    """An INS travels with six traits; without them all it qualifies nobody."""
    return ("TRAITS_INCOMPLETE",) if patient.ins and not patient.traits.complete else ()


def identity_codes(patient: Patient, policy: Policy) -> tuple[str, ...]:
    codes = list(patient.findings)
    if patient.oid and patient.oid not in policy.admits:
        codes.append("INS_AUTHORITY_NOT_ADMITTED")
    return tuple(codes)


def _effect(code: str, policy: Policy) -> Effect:
    if code == "INS_KEY_WRONG" and policy.ins_key == "refuse":
        return "refused"
    if code == "ROUTING_OUTSIDE_MATRIX" and policy.routing == "refuse":
        return "refused"
    return sentence(code).default
