"""Rule 12: the mask of a unit, and what became of each mask statement.

Loosening is always explicit, disagreement always tightens: equal times join their flags, a carrier without a time
counts as sent after any statement, and a held document adds its flags but takes none away.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from transforms.facts import CarrierFact, DocumentFact, Flag, Key, MaskFact, MaskState
from transforms.lifecycle.order import Order, Place
from transforms.lifecycle.register import Register
from transforms.lifecycle.units import Units

Flags = frozenset[Flag]


class Said(msgspec.Struct, frozen=True):
    """Who said what about visibility."""

    carriers: Mapping[tuple[Key, Key], Sequence[CarrierFact]]
    statements: Mapping[Key, Sequence[MaskFact]]
    flags: bool
    """Whether any flag was said at all."""


def said(carriers: Collection[CarrierFact], masks: Collection[MaskFact]) -> Said:
    """Carriers by (doc, digest), mask statements by id."""
    by_document: dict[tuple[Key, Key], list[CarrierFact]] = {}
    for carrier in carriers:
        by_document.setdefault((carrier.doc, carrier.digest), []).append(carrier)
    by_id: dict[Key, list[MaskFact]] = {}
    for mask in masks:
        by_id.setdefault(mask.id, []).append(mask)
    flags = any(carrier.flags for carrier in carriers) or any(mask.flags for mask in masks)
    return Said(by_document, by_id, flags)


def joined(facts: Iterable[CarrierFact | MaskFact]) -> Flags:
    return frozenset(flag for fact in facts for flag in fact.flags)


def carriers_of(words: Said, fact: DocumentFact) -> Sequence[CarrierFact]:
    return words.carriers.get((fact.doc, fact.digest), ())


def authorised(words: Said, fact: DocumentFact) -> list[CarrierFact | MaskFact]:
    """Rule 12: the mask statements on this id and content by the organisation of its author.

    A replacement that says MODIF_CONF_CODE=Y is one: sent again, the latest counts.
    """
    said: list[CarrierFact | MaskFact] = [
        mask for mask in words.statements.get(fact.id, ()) if mask.digest in ("", fact.digest)
    ]
    said += [carrier for carrier in carriers_of(words, fact) if carrier.modifies_confidentiality]
    return [one for one in said if one.organisation == fact.organisation]


def stated_mask(words: Said, members: Sequence[DocumentFact]) -> Flags:
    """Rule 12: the latest authorised statement plus the flags of carriers sent since; without one, all carriers."""
    carriers = [carrier for fact in members for carrier in carriers_of(words, fact)]
    statements = [mask for fact in members for mask in authorised(words, fact)]
    if not statements:
        return joined(carriers)
    latest = max(mask.sent_at for mask in statements)
    since = (carrier for carrier in carriers if not carrier.sent_at or carrier.sent_at >= latest)
    return joined(mask for mask in statements if mask.sent_at == latest) | joined(since)


def tightest_mask(words: Said, fact: DocumentFact) -> Flags:
    """Rule 12: a held document tightens, never loosens: all its flags, whenever they were said."""
    return joined(carriers_of(words, fact)) | joined(authorised(words, fact))


def own_mask(known: Register, words: Said, members: Sequence[int], held: Mapping[int, str]) -> Flags:
    """Rule 12: what is said about a unit itself."""
    mask = stated_mask(words, [known.documents[number] for number in members if number not in held])
    for number in members:
        if number in held:
            mask |= tightest_mask(words, known.documents[number])
    return mask


def inherits(known: Register, words: Said, members: Sequence[int], held: Mapping[int, str]) -> bool:
    """Rule 12: a unit inherits from below unless its author said otherwise: MODIF_CONF_CODE=Y sent by the author's
    organisation, or a mask statement."""
    for number in members:
        fact = known.documents[number]
        if number in held:
            continue
        if authorised(words, fact):
            return False
    return True


def unit_masks(
    known: Register, words: Said, units: Units, order: Order, held: Mapping[int, str]
) -> dict[int, tuple[Flag, ...]]:
    """Rule 12: the sorted mask of every unit, from the bottom of the order up."""
    if not words.flags:
        return dict.fromkeys(units.members, ())
    masks: dict[Place, Flags] = {unit: own_mask(known, words, members, held) for unit, members in units.members.items()}
    for place in order.bottom_up:
        mask = masks.get(place, frozenset())
        if not isinstance(place, int) or inherits(known, words, units.members[place], held):
            mask = mask.union(*(masks.get(lower, frozenset()) for lower in order.below.get(place, ())))
        masks[place] = mask
    return {place: tuple(sorted(mask)) for place, mask in masks.items() if isinstance(place, int)}


def mask_states(known: Register, masks: Iterable[MaskFact]) -> tuple[MaskState, ...]:
    """A mask statement waits for its document, is refused to another organisation, and held when it came with other
    content than the id stands for."""

    def state(mask: MaskFact) -> MaskState:
        targets = known.by_id.get(mask.id, ())
        if not targets:
            return MaskState(mask, "held", "TARGET_UNKNOWN")
        if all(known.documents[number].organisation != mask.organisation for number in targets):
            return MaskState(mask, "refused", "NOT_AUTHOR")
        if mask.digest and all(known.documents[number].digest != mask.digest for number in targets):
            return MaskState(mask, "held", "DOCUMENT_ID_CONFLICT")
        return MaskState(mask, "accepted")

    def key(mask: MaskFact) -> tuple[Key, Key, str, tuple[Flag, ...], Key]:
        return mask.id, mask.organisation, mask.sent_at, mask.flags, mask.digest

    return tuple(state(mask) for mask in sorted(set(masks), key=key))
