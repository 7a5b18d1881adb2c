"""The only list of formats: the first connector that recognises a source reads it."""

from __future__ import annotations

from connectors.base import Connector, Source
from connectors.hl7 import HL7

CONNECTORS: tuple[Connector, ...] = (HL7,)


def recognise(source: Source) -> Connector | None:
    """The connector for a source, by content first; None when no format fits."""
    head = source.head()
    return next((c for c in CONNECTORS if c.recognises(head, source.name)), None)
