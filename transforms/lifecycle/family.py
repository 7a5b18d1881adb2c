"""What must be projected again when facts arrive: projecting the family equals projecting everything.

Documents are one family when a set key, a replacement (waiting ones too) or a twin joins them. A patient link, an
identity or an opposition touches all documents of the patients that any link ever joined, hence of the class before
and after. Around the family stand facts that its rules read and that are not projected again: links, identities and
oppositions of other patients, and one document of another user of a shared setId.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from typing import Protocol, TypeAlias

import msgspec

from transforms.facts import (
    CarrierFact,
    ClaimFact,
    DecisionFact,
    DeletionFact,
    DocumentFact,
    Facts,
    IdentityFact,
    Key,
    MaskFact,
    OppositionFact,
    PatientLinkFact,
    Projection,
    TwinFact,
)
from transforms.lifecycle.graph import smallest_connected
from transforms.lifecycle.project import project

SetUse: TypeAlias = tuple[Key, Key, Key]
"""setId, organisation, patient as written."""


class FactIndex(Protocol):
    """Look-ups in all facts known, the newly arrived included. Each takes many keys, to be one query."""

    def documents(self, docs: Collection[Key]) -> Iterable[DocumentFact]:
        """All bytes of these docs."""

    def documents_with_id(self, ids: Collection[Key]) -> Iterable[DocumentFact]:
        """All body levels and bytes of these ids."""

    def documents_replacing(self, ids: Collection[Key]) -> Iterable[DocumentFact]:
        """Documents that say they replace one of these ids."""

    def documents_in_sets(self, uses: Collection[SetUse]) -> Iterable[DocumentFact]:
        """Documents of these setIds by that organisation for that patient."""

    def documents_of(self, patients: Collection[Key]) -> Iterable[DocumentFact]:
        """Documents written for these patients."""

    def named_together(self, patients: Collection[Key]) -> Iterable[tuple[Key, Key]]:
        """Pairs of patients that one document names as its own, with one of these on either side."""

    def sets_of_several(self, set_ids: Collection[Key]) -> Iterable[Key]:
        """Those of these setIds with documents of more than one (organisation, patient as written)."""

    def users_of_set(self, set_id: Key) -> Iterable[tuple[Key, Key]]:
        """(organisation, patient) of the documents of a setId; read only as far as needed."""

    def carriers(self, docs: Collection[Key]) -> Iterable[CarrierFact]: ...

    def claims(self, docs: Collection[Key]) -> Iterable[ClaimFact]: ...

    def decisions(self, docs: Collection[Key]) -> Iterable[DecisionFact]: ...

    def twins(self, names: Collection[Key]) -> Iterable[TwinFact]:
        """Pairs with one of these docs or ids on either side."""

    def deletions_of(self, ids: Collection[Key]) -> Iterable[DeletionFact]: ...

    def deletions_in_sets(self, uses: Collection[SetUse]) -> Iterable[DeletionFact]: ...

    def masks(self, ids: Collection[Key]) -> Iterable[MaskFact]: ...

    def links(self, patients: Collection[Key]) -> Iterable[PatientLinkFact]:
        """Links, on or off, with one of these patients on either side."""

    def identities(self, patients: Collection[Key]) -> Iterable[IdentityFact]: ...

    def oppositions(self, patients: Collection[Key]) -> Iterable[OppositionFact]: ...


class Touched(msgspec.Struct, frozen=True):
    """The keys that new facts touch."""

    docs: frozenset[Key] = frozenset()
    ids: frozenset[Key] = frozenset()
    sets: frozenset[SetUse] = frozenset()
    patients: frozenset[Key] = frozenset()


class Family(msgspec.Struct, frozen=True):
    """What to project again, with all the facts that this takes."""

    docs: frozenset[Key]
    """Docs whose states replace the former ones."""
    set_ids: frozenset[Key]
    """setIds whose place in `Projection.shared_sets` is decided again."""
    facts: Facts


def touched_by(facts: Facts) -> Touched:
    """The keys that these new facts touch."""
    twins = {name for twin in facts.twins for name in (twin.a, twin.b)}
    return Touched(
        docs=frozenset(
            chain(
                (document.doc for document in facts.documents),
                (carrier.doc for carrier in facts.carriers),
                (claim.doc for claim in facts.claims),
                (decision.subject for decision in facts.decisions),
                twins,
            )
        ),
        ids=frozenset(
            chain(
                (document.id for document in facts.documents),
                (mask.id for mask in facts.masks),
                (deletion.target for deletion in facts.deletions if deletion.target is not None),
                twins,
            )
        ),
        sets=frozenset(
            (deletion.set_id, deletion.organisation, deletion.patient)
            for deletion in facts.deletions
            if deletion.target is None and deletion.set_id is not None
        ),
        patients=frozenset(
            chain(
                (opposition.patient for opposition in facts.oppositions),
                (identity.patient for identity in facts.identities),
                (patient for link in facts.links for patient in (link.a, link.b)),
            )
        ),
    )


class People:
    """The patients met, with every link that ever joined them to others, and those that one document names together.

    Each patient is asked for once.
    """

    def __init__(self, index: FactIndex) -> None:
        self._index = index
        self._members: dict[Key, list[Key]] = {}
        self._group: dict[Key, Key] = {}
        self._pairs: set[tuple[Key, Key]] = set()
        self.known: set[Key] = set()
        self.links: set[PatientLinkFact] = set()

    def meet(self, patients: Iterable[Key]) -> None:
        """Learn these patients and all that links reach from them."""
        new = set(patients) - self.known
        if not new:
            return
        while new:
            self.known |= new
            self.links.update(found := set(self._index.links(new)))
            pairs = {(link.a, link.b) for link in found} | set(self._index.named_together(new))
            self._pairs |= pairs
            new = {patient for pair in pairs for patient in pair} - self.known
        self._group = smallest_connected(self._pairs)
        self._members = {}
        for patient, group in self._group.items():
            self._members.setdefault(group, []).append(patient)

    def group(self, patient: Key) -> Key:
        """One name for all patients that links ever joined to this one."""
        return self._group.get(patient, patient)

    def uses(self, sets: Iterable[SetUse]) -> set[SetUse]:
        """The same sets for every patient of the group."""
        return {
            (set_id, organisation, member)
            for set_id, organisation, patient in sets
            for member in self._members.get(self.group(patient), [patient])
        }


def set_uses(documents: Iterable[DocumentFact]) -> set[SetUse]:
    return {(fact.set_id, fact.organisation, fact.patient) for fact in documents if fact.set_id is not None}


def joined_to(index: FactIndex, people: People, wave: Collection[DocumentFact]) -> Iterator[DocumentFact]:
    """The documents that an id, a replacement, a twin or a set key joins to these."""
    docs, ids = {fact.doc for fact in wave}, {fact.id for fact in wave}
    names = {name for twin in index.twins(docs | ids) for name in (twin.a, twin.b)}
    people.meet(fact.patient for fact in wave)
    yield from index.documents(docs | names)
    yield from index.documents_with_id(ids.union(names, *(fact.replaces for fact in wave)))
    yield from index.documents_replacing(ids)
    yield from index.documents_in_sets(people.uses(set_uses(wave)))


def other_users(index: FactIndex, people: People, set_id: Key, inside: set[SetUse]) -> dict[tuple[Key, Key], SetUse]:
    """Up to two users of a setId outside the family, by (patient group, organisation)."""
    own = {(people.group(patient), organisation) for _, organisation, patient in inside}
    others: dict[tuple[Key, Key], SetUse] = {}
    for organisation, patient in index.users_of_set(set_id):
        people.meet([patient])
        user = (people.group(patient), organisation)
        if user not in own:
            others.setdefault(user, (set_id, organisation, patient))
        if len(others) == 2:
            break
    return others


def family_of(index: FactIndex, touched: Touched) -> Family:
    """The family of what was touched.

    A setId that gains a second user changes the findings of its first user: when exactly one user is outside, its
    documents join. With two or more outside the set was shared before and stays so: one document is witness enough.
    """
    people, found, witnesses = People(index), dict[tuple[Key, Key], DocumentFact](), dict[Key, DocumentFact]()
    people.meet(touched.patients | {patient for _, _, patient in touched.sets})
    groups = set(map(people.group, touched.patients))
    moved = {member for member in people.known if people.group(member) in groups}
    wave: Iterable[DocumentFact] = chain(
        index.documents(touched.docs),
        index.documents_with_id(touched.ids),
        index.documents_in_sets(people.uses(touched.sets)),
        index.documents_of(moved),
    )
    while new := {key: fact for fact in wave if (key := (fact.doc, fact.digest)) not in found}:
        found |= new
        wave = list(joined_to(index, people, new.values()))
        if all((fact.doc, fact.digest) in found for fact in wave):
            wave = list(newly_sharing(index, people, found.values(), witnesses))
    return Family(
        docs=frozenset(doc for doc, _ in found),
        set_ids=frozenset(fact.set_id for fact in found.values() if fact.set_id is not None),
        facts=facts_around(index, people, touched, found.values(), witnesses.values()),
    )


def newly_sharing(
    index: FactIndex, people: People, found: Collection[DocumentFact], witnesses: dict[Key, DocumentFact]
) -> Iterator[DocumentFact]:
    """The documents of the only other user of each setId of the family; notes a witness where there are several."""
    inside: dict[Key, set[SetUse]] = {}
    for use in set_uses(found):
        inside.setdefault(use[0], set()).add(use)
    for set_id in sorted(index.sets_of_several(inside.keys() - witnesses.keys())):
        others = other_users(index, people, set_id, inside[set_id])
        if len(others) == 1:
            yield from index.documents_in_sets(people.uses(others.values()))
        elif others:
            witnesses[set_id] = next(iter(index.documents_in_sets([next(iter(others.values()))])))


def facts_around(
    index: FactIndex,
    people: People,
    touched: Touched,
    found: Collection[DocumentFact],
    witnesses: Collection[DocumentFact],
) -> Facts:
    """All the facts that the rules read to project these documents and the requests about them."""
    docs = {fact.doc for fact in found}
    ids = touched.ids.union(fact.id for fact in found)
    uses = people.uses(set_uses(found) | touched.sets)
    deletions = {*index.deletions_of(ids), *index.deletions_in_sets(uses)}
    people.meet(deletion.patient for deletion in deletions)
    people.meet(fact.patient for fact in chain(found, witnesses))
    return Facts(
        documents=(*found, *witnesses),
        carriers=tuple(index.carriers(docs)),
        twins=tuple(index.twins(docs | ids)),
        deletions=tuple(deletions),
        masks=tuple(index.masks(ids)),
        oppositions=tuple(index.oppositions(people.known)),
        links=tuple(people.links),
        identities=tuple(index.identities(people.known)),
        decisions=tuple(index.decisions(docs)),
        claims=tuple(index.claims(docs)),
    )


def project_family(family: Family) -> Projection:
    """Project a family: states of its docs and set ids only, and of every request, mask and link that it has."""
    whole = project(family.facts)
    return msgspec.structs.replace(
        whole,
        documents=tuple(state for state in whole.documents if state.doc in family.docs),
        shared_sets=tuple(set_id for set_id in whole.shared_sets if set_id in family.set_ids),
    )
