"""What holds for any list of events, in a world where collisions are the rule."""

from __future__ import annotations

import os
from itertools import product

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.lifecycle.memory import Hub
from tests.transforms.lifecycle.scenario import arrivals, arrive, joined
from tests.transforms.lifecycle.universe import events, relatives, versions
from transforms.facts import Facts, Projection
from transforms.lifecycle.classes import patient_classes
from transforms.lifecycle.graph import loops_bottom_up
from transforms.lifecycle.holds import held_documents
from transforms.lifecycle.masks import carriers_of, said, unit_masks
from transforms.lifecycle.order import Links, Order, order_units, rank, replacement_links, version_levels
from transforms.lifecycle.project import project, speakers
from transforms.lifecycle.reading import counts
from transforms.lifecycle.register import Register, register, set_key
from transforms.lifecycle.units import Units, pair_twins

IN_RECORD = ("current", "superseded", "deleted")
FEW = settings(max_examples=250, derandomize=True, deadline=None, database=None)
MANY = settings(max_examples=20_000 if os.environ.get("HYPOTHESIS_PROFILE") == "long" else 3_000, deadline=None)


def with_claims_of(facts: Facts, other: Facts) -> Facts:
    return msgspec.structs.replace(facts, claims=other.claims)


def check_order_and_repeats(told: list[str], data: st.DataObject) -> None:
    repeats = data.draw(st.lists(st.sampled_from(told), max_size=3))
    shuffled = arrive(data.draw(st.permutations(told + repeats)))
    assert project(shuffled) == project(with_claims_of(arrive(told), shuffled))


def check_incremental(told: list[str]) -> None:
    hub = Hub()
    for facts in arrivals(told):
        hub.take(facts)
        assert hub.projection() == project(hub.facts())


def check_two_stores(told: list[str], cut: int) -> None:
    parts = arrivals(told)
    hub = Hub()
    for part in (joined(parts[cut:]), joined(parts[:cut])):
        hub.take(part)
    assert project(joined([joined(parts[cut:]), joined(parts[:cut])])) == project(joined(parts))
    assert hub.projection() == project(joined(parts))


def check_counts(told: list[str]) -> None:
    for end in range(1, len(told) + 1):
        projection = project(arrive(told[:end]))
        statuses: dict[str, set[str]] = {}
        for state in projection.documents:
            statuses.setdefault(state.unit, set()).add(state.status)
        in_record = [found & set(IN_RECORD) for found in statuses.values()]
        assert all(len(found) <= 1 for found in in_record)
        assert counts(projection).received == sum(map(len, in_record))


def check_safety(facts: Facts, projection: Projection) -> None:
    """Whatever supersedes or deletes a document is of its own patient class and organisation."""
    fact_of = {(fact.doc, fact.digest): fact for fact in facts.documents}
    classes = patient_classes(facts.links, facts.identities)
    for state in projection.documents:
        members = [fact_of[s.doc, s.digest] for s in projection.documents if s.unit == state.unit]
        author, twins = members[0].organisation, {name for fact in members for name in (fact.doc, fact.id)}
        assert {(classes.of_document(fact), fact.organisation) for fact in members} == {
            (state.patient_class, author)
        } or (state.code == "DOCUMENT_ID_CONFLICT" or len({fact.digest for fact in members}) > 1)
        peers = [
            fact_of[s.doc, s.digest]
            for s in projection.documents
            if s.patient_class == state.patient_class and s.status != "held" and s.unit != state.unit
        ]
        own = fact_of[state.doc, state.digest]
        assert state.patient_class in map(classes.of, (own.patient, *own.also))
        if state.status == "superseded":
            assert any(
                fact.organisation == own.organisation
                and (twins & set(fact.replaces) or fact.set_id in {member.set_id for member in members})
                for fact in peers
            )
        if state.status == "deleted" and not state.withdrawn:
            assert any(
                deletion.organisation == own.organisation and classes.of(deletion.patient) == state.patient_class
                for deletion in facts.deletions
            )


def check_heads(projection: Projection) -> None:
    """A family tree with a superseded document has one that is not: current, or explained by its own fate."""
    trees: dict[str, set[str]] = {}
    for state in projection.documents:
        trees.setdefault(state.lineage, set()).add(state.status)
    assert all(found != {"superseded"} for found in trees.values())


def parts_of_projection(facts: Facts) -> tuple[Register, Units, frozenset[int], Links, Order]:
    classes = patient_classes(facts.links, facts.identities)
    known = register(facts.documents, facts.claims, facts.decisions, classes)
    units = pair_twins(known, facts.twins)
    speaking = speakers(known, held_documents(known, classes, facts.decisions))
    links = replacement_links(known, units, speaking)
    return known, units, speaking, links, order_units(units, links, version_levels(known, units, speaking))


def closure(pairs: set[tuple[int, int]]) -> set[tuple[int, int]]:
    reach = set(pairs)
    while more := {(a, d) for a, b in reach for c, d in reach if b == c} - reach:
        reach |= more
    return reach


def check_order_of_pairs(facts: Facts) -> None:
    """Levels give what comparing all pairs gives, and leave no loop. Where nobody loosens and nobody is held, a mask is
    the union of all that is below; a disordered part may inherit for one member what another is over."""
    known, units, speaking, links, order = parts_of_projection(facts)
    assert all(len(part) == 1 for part in loops_bottom_up(order.below))
    by_link = {(units.of[a], units.of[b]) for a, b in links.in_force}
    places: dict[int, dict[object, tuple[bool, object]]] = {}
    for number in known.owners:
        key, version = set_key(known, number), rank(known.documents[number])
        if key is not None and version is not None:
            standing = places.setdefault(units.of[number], {})
            standing[key] = max(standing.get(key, (False, version)), (number in speaking, version))  # type: ignore[type-var]
    by_version = {
        (a, b)
        for a, b in product(places, places)
        for key in places[a].keys() & places[b].keys()
        if a != b and places[a][key][0] and places[a][key][1] > places[b][key][1]  # type: ignore[operator]
    }
    reach = closure(by_link | by_version)
    over = by_link | {(a, b) for a, b in by_version if (b, a) not in reach}
    assert order.superseded == {b for _, b in over}
    assert order.disordered == {a for a, b in reach if a == b}
    loosened = facts.masks or any(carrier.modifies_confidentiality for carrier in facts.carriers)
    if not loosened and len(speaking) == len(known.documents):
        check_masks(known, units, order, closure(over), facts)


def check_masks(known: Register, units: Units, order: Order, under: set[tuple[int, int]], facts: Facts) -> None:
    words = said(facts.carriers, ())
    masks = unit_masks(known, words, units, order, {})
    for unit, members in units.members.items():
        reached = {*members, *(number for a, b in under if a == unit for number in units.members[b])}
        flags = {
            flag
            for number in reached
            for carrier in carriers_of(words, known.documents[number])
            for flag in carrier.flags
        }
        if unit in order.disordered:
            assert flags <= set(masks[unit])
        elif not any((unit, b) in under for b in order.disordered):
            assert flags == set(masks[unit])


@given(events(), st.data())
@FEW
def test_order_and_repetition_carry_no_meaning(told: list[str], data: st.DataObject) -> None:
    check_order_and_repeats(told, data)


@given(st.one_of(events(), relatives(), versions(strangers=True)))
@FEW
def test_recomputing_families_equals_projecting_everything(told: list[str]) -> None:
    check_incremental(told)


@given(events(conflicts=False), st.integers(0, 9))
@FEW
def test_two_stores_joined_are_one(told: list[str], cut: int) -> None:
    check_two_stores(told, cut)


@given(events())
@FEW
def test_received_is_current_superseded_and_deleted_at_every_prefix(told: list[str]) -> None:
    check_counts(told)


@given(st.one_of(events(), relatives(), versions(strangers=True)))
@FEW
def test_no_document_is_over_one_of_another_patient_or_organisation(told: list[str]) -> None:
    facts = arrive(told)
    check_safety(facts, project(facts))


@given(st.one_of(events(), relatives(), versions()))
@FEW
def test_no_record_is_all_superseded(told: list[str]) -> None:
    check_heads(project(arrive(told)))


@given(st.one_of(events(), versions(), versions(masks=True)))
@FEW
def test_levels_order_units_as_pairs_of_versions_do(told: list[str]) -> None:
    check_order_of_pairs(arrive(told))


@pytest.mark.slow
@given(st.one_of(events(), relatives(), versions(strangers=True), versions(masks=True)), st.data())
@MANY
def test_all_properties_at_length(told: list[str], data: st.DataObject) -> None:
    check_order_and_repeats(told, data)
    check_incremental(told)
    check_counts(told)
    facts = arrive(told)
    check_safety(facts, project(facts))
    check_heads(project(facts))
    check_order_of_pairs(facts)


@pytest.mark.slow
@given(events(conflicts=False), st.integers(0, 9))
@MANY
def test_two_stores_joined_are_one_at_length(told: list[str], cut: int) -> None:
    check_two_stores(told, cut)
