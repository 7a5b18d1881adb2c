"""A family is no larger than its rules need."""

from __future__ import annotations

from collections.abc import Sequence

from tests.transforms.lifecycle.memory import Hub, MemoryIndex
from tests.transforms.lifecycle.scenario import arrive, facts_of
from transforms.lifecycle.family import Family, family_of, touched_by


def family(events: Sequence[str], last: str) -> Family:
    """The family touched by one event that comes after others."""
    return family_of(MemoryIndex(arrive([*events, last])), touched_by(facts_of(last)))


def test_documents_without_anything_in_common_are_not_recomputed() -> None:
    assert family(["doc 1 set=a", "doc 2 set=b", "doc 3 set=-"], "doc 4 set=d").docs == {"4"}


def test_a_document_brings_those_that_wait_for_it() -> None:
    assert family(["doc 3 set=c >2", "doc 2 set=b >1", "doc 9 set=i"], "doc 1 set=a").docs == {"1", "2", "3"}


def test_a_declared_twin_of_another_set_is_of_the_family() -> None:
    known = ["doc 1 set=-", "doc 2 set=b level=N3", "doc 3 set=b v=3"]
    assert family([*known, "twin 1 2"], "delete 1").docs == {"1", "2", "3"}
    assert family([*known, "delete 1"], "twin 1 2").docs == {"1", "2", "3"}


def test_a_second_user_of_a_set_recomputes_the_first() -> None:
    assert family(["doc 1", "doc 2"], "doc 3 of=Q").docs == {"1", "2", "3"}


def test_a_constant_set_of_many_patients_recomputes_one_of_them() -> None:
    known = [f"doc {patient}{n} v=1 of=P{patient}" for patient in range(20) for n in range(3)]
    touched = family(known, "doc 999 v=1 of=P7")
    assert touched.docs == {"70", "71", "72", "999"}
    assert len(touched.facts.documents) == len(touched.docs) + 1


def test_a_merge_touches_all_documents_of_both_patients() -> None:
    known = ["doc 1 set=a", "doc 2 set=b of=Q", "doc 3 set=c of=R"]
    assert family(known, "merge P Q").docs == {"1", "2"}


def test_an_unmerge_touches_all_documents_of_the_class_it_ends() -> None:
    known = ["doc 1 set=a", "doc 2 set=b of=Q", "doc 3 set=c of=R", "merge P Q at=1", "merge Q R at=1"]
    assert family(known, "unmerge P Q at=2").docs == {"1", "2", "3"}


def test_an_identity_of_one_patient_touches_those_merged_with_it() -> None:
    known = ["doc 1 set=a unsound", "doc 2 set=b of=Q", "merge P Q", "doc 3 set=c of=R"]
    assert family(known, "qualify Q").docs == {"1", "2"}


def test_a_deletion_that_waits_has_a_family_without_documents() -> None:
    waiting = family(["doc 1"], "delete 9")
    assert waiting.docs == frozenset()
    assert len(waiting.facts.deletions) == 1


def test_a_hub_gives_a_waiting_deletion_its_new_end() -> None:
    hub = Hub()
    hub.take(facts_of("delete 1"))
    assert [state.code for state in hub.projection().requests] == ["TARGET_UNKNOWN"]
    hub.take(facts_of("doc 1"))
    assert [state.end for state in hub.projection().requests] == ["accepted"]


def test_a_set_deletion_of_another_patient_keeps_its_end() -> None:
    hub = Hub()
    for event in ("doc 1 of=Q", "delete S v=1 of=Q", "doc 2 of=P", "doc 3 of=P"):
        hub.take(facts_of(event))
    assert [state.end for state in hub.projection().requests] == ["accepted"]
