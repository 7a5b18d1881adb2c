"""A constant setId makes large families: they are sorted, never compared in pairs."""

from __future__ import annotations

import time

import pytest

from transforms.facts import CarrierFact, ClaimFact, DocumentFact, Facts
from transforms.lifecycle.project import project


def one_set(size: int, shape: str) -> Facts:
    """A set of one version, of a version each, or of a version each with links (the first replaces the last)."""
    documents = tuple(
        DocumentFact(
            doc=f"{n:06}",
            id=f"{n:06}",
            digest="x",
            patient="P",
            organisation="A",
            set_id="S",
            version=1 if shape == "constant" else n,
            level="N1",
            day="2024-01-02",
            replaces=(f"{(n - 1) % size:06}",) if shape == "loop" else (),
        )
        for n in range(size)
    )
    return Facts(
        documents=documents,
        carriers=tuple(CarrierFact(f"d{fact.doc}", "document 1", fact.doc, "x", "A", "") for fact in documents),
        claims=tuple(ClaimFact(fact.doc, "x") for fact in documents),
    )


def seconds(facts: Facts, current: int) -> float:
    start = time.process_time()
    projection = project(facts)
    spent = time.process_time() - start
    assert [state.status for state in projection.documents].count("current") == current
    return spent


SHAPES = [("constant", None), ("versions", 1), ("loop", 1)]


@pytest.mark.parametrize(("shape", "current"), SHAPES)
def test_a_set_of_twenty_thousand_projects_in_seconds(shape: str, current: int | None) -> None:
    assert seconds(one_set(20_000, shape), current or 20_000) < 5


@pytest.mark.slow
@pytest.mark.parametrize(("shape", "current"), SHAPES)
def test_a_set_of_a_hundred_thousand_projects_in_seconds(shape: str, current: int | None) -> None:
    spent = seconds(one_set(100_000, shape), current or 100_000)
    print(f"{shape}: {spent:.1f} s")
    assert spent < 20
