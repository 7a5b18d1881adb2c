"""The CDA documents of a file, wherever they lie in it: for those who explain them, within the bounds of ingestion."""

from __future__ import annotations

from collections.abc import Iterator

from carnet.containers import Containers
from connectors.base import Connector, Damaged, Document, Enclosed, Locator, Mail, Source
from connectors.registry import recognise


def documents(source: Source) -> Iterator[tuple[Locator, bytes]]:
    """The CDA documents of a file, those enclosed in messages and archives too, in order, with where they are."""
    connector = recognise(source)
    if connector is not None:
        yield from _documents(source, connector, Locator(), Containers(source, ()))


def _documents(
    source: Source, connector: Connector, place: Locator, containers: Containers
) -> Iterator[tuple[Locator, bytes]]:
    for found in connector.read(source):
        if isinstance(found, Document):
            yield found.locator.within(place), source.read()[found.span.start : found.span.end]
        for enclosed in found.parts if isinstance(found, Mail) else (found,):
            if isinstance(enclosed, Enclosed):
                yield from _enclosed(enclosed, place, containers)


def _enclosed(found: Enclosed, place: Locator, containers: Containers) -> Iterator[tuple[Locator, bytes]]:
    """What may not be unpacked, or can't be, is told by the ends of its items."""
    try:
        connector = recognise(found.source)
        if connector is None or containers.unfit(found, connector) is not None:
            return
        containers.enter(connector)
        try:
            yield from _documents(found.source, connector, found.locator.within(place), containers)
        finally:
            containers.leave()
    except Damaged:
        return
