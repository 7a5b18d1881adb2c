"""Rule 1: which local patients are one person, and what became of each merge and un-merge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from transforms.facts import DocumentFact, IdentityFact, Key, LinkState, PatientLinkFact
from transforms.lifecycle.graph import smallest_connected


class Classes(msgspec.Struct, frozen=True):
    """Patient classes. A patient that no link in force joins is a class of its own."""

    joined: Mapping[Key, Key]
    """The smallest patient of the class, for those that a link joins."""
    disagreeing: frozenset[Key]
    """Patients that links would join across two different INS: left apart."""
    qualified: frozenset[Key]
    """Classes with a qualified identity: one member is enough, since the class is one person."""

    def of(self, patient: Key) -> Key:
        return self.joined.get(patient, patient)

    def of_document(self, fact: DocumentFact) -> Key:
        """The class in whose record a document stands: while its identity is in doubt, the one qualified class to which
        its numbers lead."""
        led_to = self.led_to(fact)
        return next(iter(led_to)) if len(led_to) == 1 else self.of(fact.patient)

    def led_to(self, fact: DocumentFact) -> frozenset[Key]:
        """The qualified classes to which the several numbers of a document in doubt lead: two contradict each other."""
        if fact.sound or not fact.also:
            return frozenset()
        return self.qualified.intersection(map(self.of, (fact.patient, *fact.also)))

    def concerned(self, fact: DocumentFact) -> frozenset[Key]:
        """The classes of all the numbers of a document."""
        return frozenset(map(self.of, (fact.patient, *fact.also)))


def _pair(link: PatientLinkFact) -> tuple[Key, Key]:
    return (link.a, link.b) if link.a <= link.b else (link.b, link.a)


def links_in_force(links: Iterable[PatientLinkFact]) -> dict[tuple[Key, Key], PatientLinkFact]:
    """Rule 1: for each pair the link with the latest event time; on a tie un-merge wins.

    A link whose traits contradict those known of the INS is no link.
    """
    latest: dict[tuple[Key, Key], PatientLinkFact] = {}
    for link in links:
        if link.discordance == "held":
            continue
        known = latest.get(_pair(link))
        if known is None or (link.at, not link.on) > (known.at, not known.on):
            latest[_pair(link)] = link
    return latest


def patient_classes(links: Sequence[PatientLinkFact], identities: Sequence[IdentityFact]) -> Classes:
    """Rule 1: the connected parts of the links in force; a part with two different INS is not joined at all."""
    parts = smallest_connected(pair for pair, link in links_in_force(links).items() if link.on)
    ins: dict[Key, set[Key]] = {}
    for identity in identities:
        ins.setdefault(parts.get(identity.patient, identity.patient), set()).add(identity.ins)
    apart = frozenset(patient for patient, part in parts.items() if len(ins.get(part, ())) > 1)
    joined = {patient: part for patient, part in parts.items() if patient not in apart}
    qualified = frozenset(joined.get(identity.patient, identity.patient) for identity in identities)
    return Classes(joined, apart, qualified)


def link_states(links: Iterable[PatientLinkFact], classes: Classes) -> tuple[LinkState, ...]:
    """Rule 1: a merge across two INS is held; an un-merge of what nothing merged waits for its merge."""
    links = frozenset(links)
    latest = links_in_force(links)
    merged = {_pair(link) for link in links if link.on}

    def state(link: PatientLinkFact) -> LinkState:
        if link.discordance == "held":
            return LinkState(link, "held", "IDENTITY_DISCORDANT")
        if link.on and link == latest[_pair(link)] and link.a in classes.disagreeing:
            return LinkState(link, "held", "MERGE_INS_DISAGREES")
        if not link.on and _pair(link) not in merged:
            return LinkState(link, "held", "TARGET_UNKNOWN")
        if link.discordance:
            return LinkState(link, "flagged", "IDENTITY_DISCORDANT")
        return LinkState(link, "accepted")

    return tuple(state(link) for link in sorted(links, key=lambda link: (_pair(link), link.at, link.on, link.a)))
