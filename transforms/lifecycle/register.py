"""Rules 2 and 3: the documents known, which bytes own an id, and what "same" and "one set" mean.

Every later rule names a document by its number: its place in `Register.documents`. The list is sorted, so the
smallest number of a group is also its smallest `doc`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from transforms.facts import ClaimFact, DecisionFact, DocumentFact, Key
from transforms.lifecycle.classes import Classes

SetKey: TypeAlias = tuple[bool, Key, Key, Key]
"""Whether it is a set of results, setId, patient class, organisation."""


class Register(msgspec.Struct, frozen=True):
    """The documents of a set of facts, each once, sorted by (doc, digest)."""

    documents: tuple[DocumentFact, ...]
    holders: tuple[Key, ...]
    """The patient class of each document."""
    owners: frozenset[int]
    """The documents whose bytes own their id."""
    by_id: Mapping[Key, tuple[int, ...]]
    """The owners of an id: one for each body level."""


def register(
    documents: Iterable[DocumentFact],
    claims: Iterable[ClaimFact],
    decisions: Iterable[DecisionFact],
    classes: Classes,
) -> Register:
    """Number the documents. Facts with an equal key are one (the smallest counts, should they ever differ)."""
    known: dict[tuple[Key, Key], DocumentFact] = {}
    for fact in documents:
        same = known.setdefault((fact.doc, fact.digest), fact)
        if same is not fact:
            known[fact.doc, fact.digest] = min(same, fact, key=msgspec.json.encode)
    numbered = tuple(known[key] for key in sorted(known))
    owners = owning(numbered, claims, decisions)
    by_id: dict[Key, list[int]] = {}
    for number in sorted(owners):
        by_id.setdefault(numbered[number].id, []).append(number)
    holders = tuple(classes.of_document(fact) for fact in numbered)
    return Register(numbered, holders, owners, {id_: tuple(numbers) for id_, numbers in by_id.items()})


def owning(
    documents: Sequence[DocumentFact], claims: Iterable[ClaimFact], decisions: Iterable[DecisionFact]
) -> frozenset[int]:
    """Rule 2: the claim's digest owns the doc until a decision chooses other bytes; a result is never in conflict.

    Without a claim the only bytes known own the doc; of several none does, because nothing says which came first.
    """
    by_doc: dict[Key, dict[Key, int]] = {}
    for number, fact in enumerate(documents):
        by_doc.setdefault(fact.doc, {})[fact.digest] = number
    owner = {doc: next(iter(bytes_)) for doc, bytes_ in by_doc.items() if len(bytes_) == 1}
    owner |= {claim.doc: claim.digest for claim in sorted(claims, key=lambda claim: (claim.doc, claim.digest))[::-1]}
    for decision in sorted(decisions, key=lambda decision: (decision.number, decision.value)):
        if decision.action == "choose" and decision.value in by_doc.get(decision.subject, ()):
            owner[decision.subject] = decision.value
    return frozenset(
        number for number, fact in enumerate(documents) if fact.level == "result" or owner.get(fact.doc) == fact.digest
    )


def same(known: Register, a: int, b: int) -> bool:
    """Rule 3: same patient class and same author organisation."""
    return known.holders[a] == known.holders[b] and (known.documents[a].organisation == known.documents[b].organisation)


def set_key(known: Register, number: int) -> SetKey | None:
    """Rule 3: setId, patient class and organisation; a setId reused by another sender or patient is another set."""
    fact = known.documents[number]
    if fact.set_id is None:
        return None
    return (fact.level == "result", fact.set_id, known.holders[number], fact.organisation)


def shared_sets(known: Register) -> tuple[Key, ...]:
    """Rule 3: setIds that several patients or organisations use, in any document received, held or not."""
    users: dict[Key, set[tuple[Key, Key]]] = {}
    for fact, holder in zip(known.documents, known.holders, strict=True):
        if fact.set_id is not None:
            users.setdefault(fact.set_id, set()).add((holder, fact.organisation))
    return tuple(sorted(set_id for set_id, pairs in users.items() if len(pairs) > 1))
