"""Rules 4 and 5: which documents are held, and which the holder's opposition refuses.

Both look at facts, never at the status of another document: being held does not spread.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from transforms.facts import CarrierFact, DecisionFact, Key, OppositionFact
from transforms.lifecycle.classes import Classes
from transforms.lifecycle.register import Register

Scope = tuple[Key, Key | None, Key | None]
"""Patient class; organisation whose documents are opposed; sender through which they are: None means all."""


def operator_holds(decisions: Iterable[DecisionFact]) -> frozenset[Key]:
    """Rule 4: docs on hold: of the decisions about the hold the highest number counts, hold on a tie."""
    about = [
        decision
        for decision in decisions
        if decision.action == "hold" or (decision.action == "release" and decision.value == "OPERATOR_HOLD")
    ]
    last = {d.subject: d.action for d in sorted(about, key=lambda d: (d.number, d.action == "hold"))}
    return frozenset(subject for subject, action in last.items() if action == "hold")


def releases(decisions: Iterable[DecisionFact]) -> frozenset[tuple[Key, str]]:
    """Rule 4: (doc, code) that an operator lifted; a release names the code that it lifts."""
    return frozenset((d.subject, d.value) for d in decisions if d.action == "release")


def replaces_other_patient(known: Register, number: int, nobodys: Container[int]) -> bool:
    """Rule 4: an id it replaces belongs to another patient class, at whatever body level.

    What waits for its identity is filed apart from everybody and belongs to no known patient yet: a sound replacement
    of it is the sender's repair, and enters. Once it is known whose it is, the rule looks again.
    """
    return any(
        known.holders[target] != known.holders[number]
        for id_ in known.documents[number].replaces
        for target in known.by_id.get(id_, ())
        if target not in nobodys
    )


def replaces_not_author(known: Register, number: int) -> bool:
    """Rule 4: an id it replaces belongs to another organisation."""
    return any(
        known.documents[target].organisation != known.documents[number].organisation
        for id_ in known.documents[number].replaces
        for target in known.by_id.get(id_, ())
    )


def held_documents(known: Register, classes: Classes, decisions: Sequence[DecisionFact]) -> dict[int, str]:
    """Rules 2 and 4: the code of every held document, the first that applies in the order of the rule's text."""
    on_hold, lifted = operator_holds(decisions), releases(decisions)
    nobodys = frozenset(
        number
        for number, fact in enumerate(known.documents)
        if not fact.sound
        and (fact.unverified or known.holders[number] not in classes.qualified)
        and (fact.doc, "IDENTITY_NOT_QUALIFIED") not in lifted
    )

    def code(number: int) -> str:
        fact = known.documents[number]
        if number not in known.owners:
            return "DOCUMENT_ID_CONFLICT"
        if fact.doc in on_hold:
            return "OPERATOR_HOLD"
        if len(classes.led_to(fact)) > 1:
            return "MERGE_INS_DISAGREES"
        if number in nobodys:
            return "IDENTITY_NOT_QUALIFIED"
        if fact.discordant and (fact.doc, "IDENTITY_DISCORDANT") not in lifted:
            return "IDENTITY_DISCORDANT"
        if replaces_other_patient(known, number, nobodys):
            return "REPLACE_OTHER_PATIENT"
        if replaces_not_author(known, number) and (fact.doc, "REPLACE_NOT_AUTHOR") not in lifted:
            return "REPLACE_NOT_AUTHOR"
        return ""

    return {number: why for number in range(len(known.documents)) if (why := code(number))}


def not_after(day: str, other: str) -> bool:
    """Whether a day may be at or before another: compared as far as both are known (`2024-03` is not after
    `2024-03-15`, nor the reverse)."""
    known = min(len(day), len(other))
    return day[:known] <= other[:known]


def opposed_periods(oppositions: Iterable[OppositionFact]) -> list[tuple[str, str]]:
    """Rule 5: first and last day of each opposition of one holder and scope; `9999` when it was not withdrawn.

    The day of a withdrawal still counts: on a part of it the opposition was in force, and same day = opposed.
    """
    periods: list[tuple[str, str]] = []
    since: str | None = None
    for fact in sorted(oppositions, key=lambda fact: (fact.day, fact.at, fact.on)):
        if fact.on and since is None:
            since = fact.day
        elif not fact.on and since is not None:
            periods.append((since, fact.day))
            since = None
    return [*periods, (since, "9999")] if since is not None else periods


def opposed_documents(
    known: Register, classes: Classes, oppositions: Iterable[OppositionFact], carriers: Iterable[CarrierFact]
) -> frozenset[int]:
    """Rule 5: documents created under an opposition of their holder to all organisations, to their author's, or to each
    of the senders that brought them.

    A creation day of which only the month or year is known counts as opposed when the opposition was in force at
    any moment of that month or year: the sender can send the day, the holder's refusal cannot be taken back once
    the document was read.
    """
    by_scope: dict[Scope, list[OppositionFact]] = {}
    for fact in set(oppositions):
        by_scope.setdefault((classes.of(fact.patient), fact.organisation, fact.sender), []).append(fact)
    if not by_scope:
        return frozenset()
    periods = {scope: opposed_periods(facts) for scope, facts in by_scope.items()}
    senders: dict[tuple[Key, Key], set[Key]] = {}
    for carrier in carriers:
        senders.setdefault((carrier.doc, carrier.digest), set()).add(carrier.sender)

    def opposed(number: int) -> bool:
        fact = known.documents[number]
        holders = classes.concerned(fact) | {known.holders[number]}
        brought_by = senders.get((fact.doc, fact.digest), set())

        def in_force(scope: Scope) -> bool:
            return any(
                not_after(first, fact.day) and not_after(fact.day, last) for first, last in periods.get(scope, ())
            )

        return any(
            in_force((holder, None, None))
            or in_force((holder, fact.organisation, None))
            or (bool(brought_by) and all(in_force((holder, None, sender)) for sender in brought_by))
            for holder in holders
        )

    return frozenset(number for number in known.owners if opposed(number))
