"""What the sender is told of each carried document."""

from __future__ import annotations

import pytest

from tests.transforms.lifecycle.scenario import arrive
from transforms.lifecycle.ends import carrier_ends
from transforms.lifecycle.project import project


def ends(*events: str) -> dict[str, str]:
    """Delivery (doc:bytes:channel, `+` when sent again) → end, code and findings."""
    facts = arrive(events)
    return {
        end.delivery: " ".join(filter(None, (end.end, end.code, *end.findings)))
        for end in carrier_ends(project(facts), facts.carriers)
    }


def test_a_new_document_is_accepted_and_its_repeat_is_a_duplicate() -> None:
    assert ends("doc 1", "doc 1") == {"1:x:hl7": "accepted", "1:x:hl7+": "duplicate"}


def test_the_first_archived_carries_the_end_whatever_its_name() -> None:
    assert ends("doc 1 via=z", "doc 1 via=a") == {"1:x:z": "accepted", "1:x:a": "duplicate"}


def test_one_carrier_told_twice_is_one_item() -> None:
    facts = arrive(["doc 1"])
    assert len(carrier_ends(project(facts), facts.carriers * 2)) == 1


def test_superseded_and_deleted_documents_were_taken() -> None:
    assert ends("doc 1", "doc 2 >1", "delete 2") == {"1:x:hl7": "accepted", "2:x:hl7": "accepted"}


def test_findings_flag() -> None:
    assert ends("doc 2 >1") == {"2:x:hl7": "flagged TARGET_UNKNOWN"}


def test_other_bytes_are_held_and_their_repeat_is_a_duplicate() -> None:
    assert ends("doc 1 bytes=x", "doc 1 bytes=y", "doc 1 bytes=y via=mail") == {
        "1:x:hl7": "accepted",
        "1:y:hl7": "held DOCUMENT_ID_CONFLICT",
        "1:y:mail": "duplicate",
    }


def test_an_opposed_document_is_refused() -> None:
    assert ends("oppose 2024-01-01", "doc 1") == {"1:x:hl7": "refused HOLDER_OPPOSED"}


def test_a_repeat_that_masks_more_is_flagged() -> None:
    assert ends("doc 1 mask=PS", "doc 1 via=mail mask=PS,PAT")["1:x:mail"] == "flagged FLAGS_DIFFER"


def test_a_repeat_that_masks_less_or_the_same_is_a_duplicate() -> None:
    told = ends("doc 1 mask=PS,PAT", "doc 1 via=mail mask=PS", "doc 1 via=portal mask=PAT")
    assert (told["1:x:mail"], told["1:x:portal"]) == ("duplicate", "duplicate")


def test_a_repeat_is_compared_with_all_earlier_ones() -> None:
    told = ends("doc 1", "doc 1 via=mail mask=PS", "doc 1 via=portal mask=PS")
    assert (told["1:x:mail"], told["1:x:portal"]) == ("flagged FLAGS_DIFFER", "duplicate")


def test_a_repeat_that_changes_the_mask_on_purpose_is_accepted() -> None:
    told = ends("doc 1 mask=PS", "doc 1 via=mail modif", "doc 1 via=portal modif mask=PS")
    assert (told["1:x:mail"], told["1:x:portal"]) == ("accepted", "duplicate")


def test_a_carrier_without_its_document_is_a_bug() -> None:
    with pytest.raises(KeyError):
        carrier_ends(project(arrive([])), arrive(["doc 1"]).carriers)
