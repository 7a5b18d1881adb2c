"""The end of every carried document: what the sender is told now, read off a projection."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

from transforms.facts import CarrierFact, DocumentState, Key, Projection

End: TypeAlias = Literal["accepted", "flagged", "held", "refused", "duplicate"]


class CarrierEnd(msgspec.Struct, frozen=True):
    """The end of one arrival. Key: (`delivery`, `locator`)."""

    delivery: Key
    locator: str
    end: End
    code: str = ""
    """Why it is held or refused: our own code (`HOLDER_OPPOSED` is `RECORD_CLOSED` in a receipt)."""
    findings: tuple[str, ...] = ()
    """The codes that flag it."""


def document_end(state: DocumentState) -> tuple[End, str, tuple[str, ...]]:
    """End, code and findings of a document: superseded and deleted ones were taken, as current ones are."""
    if state.status in ("held", "refused"):
        return state.status, state.code, ()
    return ("flagged" if state.findings else "accepted"), "", state.findings


def carrier_ends(projection: Projection, carriers: Iterable[CarrierFact]) -> tuple[CarrierEnd, ...]:
    """The end of each carrier, sorted by (delivery, locator).

    The first by position of a document carries the document's end. Later ones are duplicates; flagged
    `FLAGS_DIFFER` when they ask for more masking than all earlier ones; accepted when that is what they were sent
    for (MODIF_CONF_CODE=Y). Every carrier's document must be in the
    projection: a missing one is a bug (`KeyError`).
    """
    states = {(state.doc, state.digest): state for state in projection.documents}
    masks: dict[tuple[Key, Key], frozenset[str]] = {}
    ends: dict[tuple[Key, str], CarrierEnd] = {}
    for carrier in sorted(carriers, key=lambda carrier: (carrier.position, carrier.delivery, carrier.locator)):
        item, document = (carrier.delivery, carrier.locator), (carrier.doc, carrier.digest)
        if item in ends:
            continue
        earlier, flags = masks.get(document), frozenset(carrier.flags)
        masks[document] = (earlier or frozenset()) | flags
        if earlier is None:
            end, code, findings = document_end(states[document])
            ends[item] = CarrierEnd(*item, end, code, findings)
        elif carrier.modifies_confidentiality and flags != earlier:
            ends[item] = CarrierEnd(*item, "accepted")
        elif flags <= earlier:
            ends[item] = CarrierEnd(*item, "duplicate")
        else:
            ends[item] = CarrierEnd(*item, "flagged", findings=("FLAGS_DIFFER",))
    return tuple(end for _, end in sorted(ends.items()))
