"""The projection: the state of every document and request, as a pure function of a set of facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from transforms.facts import DocumentState, Facts, Key, Projection, Status
from transforms.lifecycle.classes import link_states, patient_classes
from transforms.lifecycle.deletions import deleted_units, request_states, targets, under_a_living_one
from transforms.lifecycle.findings import findings
from transforms.lifecycle.graph import smallest_connected
from transforms.lifecycle.holds import held_documents, opposed_documents
from transforms.lifecycle.masks import mask_states, said, unit_masks
from transforms.lifecycle.order import Links, order_units, replacement_links, version_levels
from transforms.lifecycle.register import Register, SetKey, register, set_key, shared_sets
from transforms.lifecycle.units import Units, pair_twins


def project(facts: Facts) -> Projection:
    """Apply the rules of the document lifecycle in their order. Order and repetition of facts carry no meaning."""
    classes = patient_classes(facts.links, facts.identities)
    known = register(facts.documents, facts.claims, facts.decisions, classes)
    held = held_documents(known, classes, facts.decisions)
    refused = opposed_documents(known, classes, facts.oppositions, facts.carriers)
    units = pair_twins(known, facts.twins)
    speaking = speakers(known, held)
    links = replacement_links(known, units, speaking)
    order = order_units(units, links, version_levels(known, units, speaking))
    where = targets(known)
    deleted = deleted_units(known, where, classes, units, facts.deletions)
    statuses = {
        number: status(number, units.of[number], held, refused, deleted, order.superseded)
        for number in range(len(known.documents))
    }
    living = frozenset(units.of[n] for n, state in statuses.items() if state in ("current", "superseded"))
    flags = findings(known, units, links, order, deleted, statuses)
    masks = unit_masks(known, said(facts.carriers, facts.masks), units, order, held)
    trees = lineages(known, units, links, speaking)
    return Projection(
        documents=tuple(
            DocumentState(
                doc=fact.doc,
                digest=fact.digest,
                status=statuses[number],
                code=held.get(number, "HOLDER_OPPOSED" if statuses[number] == "refused" else ""),
                findings=flags.get(number, ()),
                unit=known.documents[units.of[number]].doc,
                lineage=trees[number],
                mask=masks[units.of[number]],
                patient_class=known.holders[number],
                withdrawn=fact.withdrawn,
            )
            for number, fact in enumerate(known.documents)
        ),
        requests=request_states(known, where, classes, units, under_a_living_one(order, living), facts.deletions),
        shared_sets=shared_sets(known),
        masks=mask_states(known, facts.masks),
        links=link_states(facts.links, classes),
    )


def speakers(known: Register, held: Mapping[int, str]) -> frozenset[int]:
    """Rule 7: a document speaks when it owns its id and is not held; opposed and deleted ones do speak."""
    return known.owners.difference(held)


def status(
    number: int,
    unit: int,
    held: Mapping[int, str],
    refused: frozenset[int],
    deleted: frozenset[int],
    superseded: frozenset[int],
) -> Status:
    """Rule 10: the first that applies. Held and refused are a document's own; the rest it shares with its twin."""
    if number in held:
        return "held"
    if number in refused:
        return "refused"
    if unit in deleted:
        return "deleted"
    return "superseded" if unit in superseded else "current"


def lineages(known: Register, units: Units, links: Links, speaking: Iterable[int]) -> list[Key]:
    """The smallest doc connected to each document by links of speaking documents or by their set."""
    firsts: dict[SetKey, int] = {}
    pairs = [(units.of[upper], units.of[lower]) for upper, lower in (*links.in_force, *links.void)]
    for number in sorted(speaking):
        key = set_key(known, number)
        if key is not None and (first := firsts.setdefault(key, units.of[number])) != units.of[number]:
            pairs.append((units.of[number], first))
    trees = smallest_connected(pairs)
    return [known.documents[trees.get(unit, unit)].doc for unit in units.of]
