"""Every rule is needed: with one of them broken, a row of the truth table fails."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import pytest

import transforms.lifecycle
from tests.transforms.lifecycle.scenario import arrive, differences, table
from transforms.facts import Facts, PatientLinkFact
from transforms.lifecycle import project as projecting

MODULES = [
    importlib.import_module(f"transforms.lifecycle.{module.name}")
    for module in pkgutil.iter_modules(transforms.lifecycle.__path__)
]
CASES = [(row, facts) for row in table() for facts in (arrive(row.events), arrive(row.events[::-1]))]


class Broken(NamedTuple):
    """A rule told wrong: the function it lives in, and what stands there instead, made from the right one."""

    how: str
    function: str
    instead: Callable[[Callable[..., Any]], Callable[..., Any]]


def merge_wins(right: Callable[..., Any]) -> Callable[..., Any]:
    def wrong(links: Any) -> Any:
        latest: dict[Any, PatientLinkFact] = {}
        for link in sorted(links, key=lambda link: (link.at, link.on)):
            latest[min(link.a, link.b), max(link.a, link.b)] = link
        return latest

    return wrong


def whatever_the_traits(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda links: right([msgspec.structs.replace(link, discordance="") for link in links])


def through_anybody(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda known, classes, oppositions, carriers: right(
        known, classes, [msgspec.structs.replace(fact, sender=None) for fact in oppositions], carriers
    )


def any_content(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda words, fact: [m for m in words.statements.get(fact.id, ()) if m.organisation == fact.organisation]


def first_link_of_a_loop_stays(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda edges: set(sorted(right(edges))[1:])


def each_unit_its_own_part(right: Callable[..., Any]) -> Callable[..., Any]:
    def wrong(edges: Any, sets: Any) -> Any:
        units = [unit for levels in sets for level in levels for unit in level.speaking]
        return {unit: unit for unit in units}, frozenset()

    return wrong


def held_spreads(right: Callable[..., Any]) -> Callable[..., Any]:
    def wrong(known: Any, *rest: Any) -> Any:
        held = right(known, *rest)
        for number, fact in enumerate(known.documents):
            for target in (target for id_ in fact.replaces for target in known.by_id.get(id_, ()) if target in held):
                held.setdefault(number, held[target])
        return held

    return wrong


def deleted_without_twins(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda known, where, classes, units, deletions: right(
        known, where, classes, msgspec.structs.replace(units, declared={}), deletions
    )


def deleted_with_all_that_is_under_it(right: Callable[..., Any]) -> Callable[..., Any]:
    def wrong(where: Any, classes: Any, deletion: Any) -> Any:
        hit = right(where, classes, deletion)
        return hit if deletion.target is None else hit[:0] if len(hit) > 1 else hit

    return wrong


def superseded_before_deleted(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda number, unit, held, refused, deleted, superseded: right(
        number, unit, held, refused, deleted - superseded, superseded
    )


def last_flags_win(right: Callable[..., Any]) -> Callable[..., Any]:
    def wrong(words: Any, members: Any) -> Any:
        carriers = [c for fact in members for c in words.carriers.get((fact.doc, fact.digest), ())]
        return frozenset(max(carriers, key=lambda c: c.position).flags) if carriers else frozenset()

    return wrong


def withdrawing_opens_the_past(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda oppositions: [period for period in right(oppositions) if period[1] == "9999"]


def any_organisation(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda words, fact: list(words.statements.get(fact.id, ()))


def always(value: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return lambda right: lambda *_: value


BROKEN = [
    Broken("rule 1: on a tie merge wins", "links_in_force", merge_wins),
    Broken("rule 1: two INS are joined", "patient_classes", lambda right: lambda links, _: right(links, ())),
    Broken("rule 1: traits that contradict the INS join all the same", "links_in_force", whatever_the_traits),
    Broken("rule 2: the lowest digest owns the id", "owning", lambda right: lambda docs, _, *rest: right(docs, (), ())),
    Broken(
        "rule 2: the last claim wins over the decision", "owning", lambda r: lambda docs, claims, _: r(docs, claims, ())
    ),
    Broken(
        "rule 3: one organisation is as good as another", "same", lambda r: lambda k, a, b: k.holders[a] == k.holders[b]
    ),
    Broken(
        "rule 3: setId alone is the key",
        "set_key",
        lambda right: lambda known, n: (key := right(known, n)) and (key[0], key[1], "", ""),
    ),
    Broken("rule 4: another patient's document can be replaced", "replaces_other_patient", always(False)),
    Broken("rule 4: anybody's document can be replaced", "replaces_not_author", always(False)),
    Broken("rule 4: a release never lifts", "releases", always(frozenset())),
    Broken("rule 4: the operator cannot hold", "operator_holds", always(frozenset())),
    Broken("rule 4: being held spreads", "held_documents", held_spreads),
    Broken("rule 5: nobody is opposed", "opposed_documents", always(frozenset())),
    Broken("rule 5: same day = not opposed", "not_after", lambda right: lambda a, b: right(a, b) and a != b),
    Broken("rule 5: withdrawing opens the days between", "opposed_periods", withdrawing_opens_the_past),
    Broken("rule 5: what came through one sender is opposed for all", "opposed_documents", through_anybody),
    Broken("rule 6: any two documents can be twins", "can_be_twins", always(True)),
    Broken("rule 6: only declared twins count", "undeclared_twins", always((set(), set()))),
    Broken("rule 6: one id, two units", "twins_under_one_id", always(set())),
    Broken("rule 7: held documents speak", "speakers", lambda right: lambda known, _: known.owners),
    Broken("rule 7: the first link of a loop stays", "looping", first_link_of_a_loop_stays),
    Broken("rule 7: loops are not noticed", "looping", always(set())),
    Broken("rule 8: versions do not count", "under_a_higher_version", always(set())),
    Broken("rule 8: versions win over links too", "parts_with_versions", each_unit_its_own_part),
    Broken("rule 8: results have no order", "rank", lambda right: lambda fact: fact.version),
    Broken("rule 9: an identity in doubt may delete", "identified", always(True)),
    Broken("rule 9: anyone may delete", "may_delete", always(True)),
    Broken("rule 9: a twin is not deleted with its twin", "deleted_units", deleted_without_twins),
    Broken("rule 9: a deletion misses one of two body levels", "named", deleted_with_all_that_is_under_it),
    Broken("rule 9: no newer version is ever told", "under_a_living_one", always(frozenset())),
    Broken("rule 10: superseded comes before deleted", "status", superseded_before_deleted),
    Broken("rule 11: competitors are not told", "competing", always(set())),
    Broken("rule 12: the last flags win", "stated_mask", last_flags_win),
    Broken("rule 12: nothing is inherited", "inherits", always(False)),
    Broken("rule 12: everything is inherited", "inherits", always(True)),
    Broken("rule 12: any organisation's statement counts", "authorised", any_organisation),
    Broken("rule 12: a statement speaks of any content", "authorised", any_content),
    Broken("rule 12: a held document is not looked at", "tightest_mask", always(frozenset())),
]


def failing_rows() -> list[str]:
    return [row.title for row, facts in CASES if differences(row, facts, projecting.project(facts))]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.how)
def test_a_broken_rule_fails_a_row(broken: Broken, monkeypatch: pytest.MonkeyPatch) -> None:
    homes = [module for module in MODULES if hasattr(module, broken.function)]
    wrong = broken.instead(getattr(homes[0], broken.function))
    for module in homes:
        monkeypatch.setattr(module, broken.function, wrong)
    assert failing_rows()


def test_unbroken_rules_fail_no_row() -> None:
    assert failing_rows() == []
    assert projecting.project(Facts()).documents == ()
