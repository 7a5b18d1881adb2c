"""A fact index in memory, and a hub that recomputes only the family of what it takes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from tests.transforms.lifecycle.scenario import joined
from transforms.facts import (
    CarrierFact,
    ClaimFact,
    DecisionFact,
    DeletionFact,
    DocumentFact,
    DocumentState,
    Facts,
    IdentityFact,
    Key,
    MaskFact,
    OppositionFact,
    PatientLinkFact,
    Projection,
    TwinFact,
)
from transforms.lifecycle.family import FactIndex, SetUse, family_of, project_family, touched_by


class MemoryIndex:
    """Look-ups by scanning: slow, plain, and right."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def documents(self, docs: Collection[Key]) -> Iterable[DocumentFact]:
        return [fact for fact in self._facts.documents if fact.doc in docs]

    def documents_with_id(self, ids: Collection[Key]) -> Iterable[DocumentFact]:
        return [fact for fact in self._facts.documents if fact.id in ids]

    def documents_replacing(self, ids: Collection[Key]) -> Iterable[DocumentFact]:
        return [fact for fact in self._facts.documents if not set(ids).isdisjoint(fact.replaces)]

    def documents_in_sets(self, uses: Collection[SetUse]) -> Iterable[DocumentFact]:
        return [fact for fact in self._facts.documents if (fact.set_id, fact.organisation, fact.patient) in uses]

    def documents_of(self, patients: Collection[Key]) -> Iterable[DocumentFact]:
        return [fact for fact in self._facts.documents if fact.patient in patients]

    def named_together(self, patients: Collection[Key]) -> Iterable[tuple[Key, Key]]:
        pairs = [(fact.patient, other) for fact in self._facts.documents for other in fact.also]
        return [pair for pair in pairs if not set(pair).isdisjoint(patients)]

    def sets_of_several(self, set_ids: Collection[Key]) -> Iterable[Key]:
        return [set_id for set_id in set_ids if len(set(self.users_of_set(set_id))) > 1]

    def users_of_set(self, set_id: Key) -> Iterator[tuple[Key, Key]]:
        return ((fact.organisation, fact.patient) for fact in self._facts.documents if fact.set_id == set_id)

    def carriers(self, docs: Collection[Key]) -> Iterable[CarrierFact]:
        return [fact for fact in self._facts.carriers if fact.doc in docs]

    def claims(self, docs: Collection[Key]) -> Iterable[ClaimFact]:
        return [fact for fact in self._facts.claims if fact.doc in docs]

    def decisions(self, docs: Collection[Key]) -> Iterable[DecisionFact]:
        return [fact for fact in self._facts.decisions if fact.subject in docs]

    def twins(self, names: Collection[Key]) -> Iterable[TwinFact]:
        return [fact for fact in self._facts.twins if fact.a in names or fact.b in names]

    def deletions_of(self, ids: Collection[Key]) -> Iterable[DeletionFact]:
        return [fact for fact in self._facts.deletions if fact.target in ids]

    def deletions_in_sets(self, uses: Collection[SetUse]) -> Iterable[DeletionFact]:
        return [fact for fact in self._facts.deletions if (fact.set_id, fact.organisation, fact.patient) in uses]

    def masks(self, ids: Collection[Key]) -> Iterable[MaskFact]:
        return [fact for fact in self._facts.masks if fact.id in ids]

    def links(self, patients: Collection[Key]) -> Iterable[PatientLinkFact]:
        return [fact for fact in self._facts.links if fact.a in patients or fact.b in patients]

    def identities(self, patients: Collection[Key]) -> Iterable[IdentityFact]:
        return [fact for fact in self._facts.identities if fact.patient in patients]

    def oppositions(self, patients: Collection[Key]) -> Iterable[OppositionFact]:
        return [fact for fact in self._facts.oppositions if fact.patient in patients]


class Hub:
    """Takes facts one batch at a time and keeps the states of everything outside the family touched."""

    def __init__(self) -> None:
        self._parts: list[Facts] = []
        self._states: dict[tuple[Key, Key], DocumentState] = {}
        self._requests: dict[str, dict[Any, Any]] = {"requests": {}, "masks": {}, "links": {}}
        self._shared: set[Key] = set()
        self.recomputed = 0

    def facts(self) -> Facts:
        return joined(self._parts)

    def take(self, facts: Facts) -> None:
        self._parts.append(facts)
        index: FactIndex = MemoryIndex(self.facts())
        family = family_of(index, touched_by(facts))
        news = project_family(family)
        self.recomputed = len(news.documents)
        self._states.update({(state.doc, state.digest): state for state in news.documents})
        self._requests["requests"].update({state.deletion: state for state in news.requests})
        self._requests["masks"].update({state.mask: state for state in news.masks})
        self._requests["links"].update({state.link: state for state in news.links})
        self._shared = (self._shared - family.set_ids) | set(news.shared_sets)

    def projection(self) -> Projection:
        """What the hub knows, in the order in which a projection of everything gives it."""
        order = {
            "requests": lambda s: (
                s.deletion.target or "",
                s.deletion.set_id or "",
                -1 if s.deletion.version is None else s.deletion.version,
                s.deletion.organisation,
                s.deletion.patient,
            ),
            "masks": lambda s: (s.mask.id, s.mask.organisation, s.mask.sent_at, s.mask.flags, s.mask.digest),
            "links": lambda s: (tuple(sorted((s.link.a, s.link.b))), s.link.at, s.link.on, s.link.a),
        }
        return Projection(
            documents=tuple(state for _, state in sorted(self._states.items())),
            shared_sets=tuple(sorted(self._shared)),
            **{name: tuple(sorted(self._requests[name].values(), key=key)) for name, key in order.items()},
        )
