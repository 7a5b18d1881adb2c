"""What a message asks for: every combination of event, ORC-1, OBX-11 and replaced document, in each profile."""

from __future__ import annotations

from itertools import product

import pytest

from connectors.base import Locator, Message, Span
from transforms.actions import action_of

EVENTS = {"MDM^T02": "create", "MDM^T10": "replace", "MDM^T04": "delete", "ORU^R01": ""}
CONTROLS = {"NW": "create", "RO": "replace", "CA": "delete", "": ""}
STATUSES = {"F": "create", "C": "replace", "D": "delete", "": ""}
OLD = ("1.2^CISIS_CDA_HL7_V1", "2.0^CISIS_CDA_HL7_V2", "1.0^CISIS_CDA_HL7_LPS", "")
NEW = ("2.1^CISIS_CDA_HL7_V2", "2.2^CISIS_CDA_HL7_V2", "10.0^CISIS_CDA_HL7_V10")


def action(kind: str, control: str, status: str, replaced: bool, profile: str = NEW[0], modif: str = "N") -> str | None:
    message = Message(
        locator=Locator(),
        span=Span(0, 0),
        control_id="1",
        kind=kind,
        version="2.6",
        profile=profile,
        charset="",
        sent_at="",
        patient=None,
        order_control=control,
        result_status=status,
        flags={"MODIF_CONF_CODE": modif},
    )
    return action_of(message, has_replaced=replaced)


@pytest.mark.parametrize("profile", [*OLD, *NEW])
def test_the_action_is_what_every_place_says_and_nothing_when_two_disagree(profile: str) -> None:
    for kind, control, status, replaced in product(EVENTS, CONTROLS, STATUSES, (False, True)):
        said = {EVENTS[kind], CONTROLS[control], STATUSES[status]} - {""} or {"create"}
        expected = said.pop() if len(said) == 1 else None
        if expected in ("create", "replace") and replaced != (expected == "replace"):
            expected = None
        assert action(kind, control, status, replaced, profile) == expected, (kind, control, status, replaced)


@pytest.mark.parametrize("profile", OLD)
def test_sc_fits_any_action_before_version_2_1(profile: str) -> None:
    for kind, status, replaced in product(EVENTS, STATUSES, (False, True)):
        assert action(kind, "SC", status, replaced, profile) == action(kind, "", status, replaced, profile)


@pytest.mark.parametrize("profile", [*NEW, "2.0^CISIS_CDA_HL7_V2~2.1^CISIS_CDA_HL7_V2"])
def test_sc_says_nothing_since_version_2_1(profile: str) -> None:
    for kind, status, replaced in product(EVENTS, STATUSES, (False, True)):
        assert action(kind, "SC", status, replaced, profile) is None


@pytest.mark.parametrize(("control", "status"), [("XO", "F"), ("nw", "F"), ("NW", "P"), ("NW", "f"), ("NW~RO", "F")])
def test_a_word_that_means_no_action_is_none(control: str, status: str) -> None:
    assert action("MDM^T02", control, status, False) is None


def test_a_replacement_of_nothing_that_changes_confidentiality_masks() -> None:
    assert action("MDM^T10", "RO", "C", False, modif="Y") == "mask"
    assert action("MDM^T10", "RO", "C", True, modif="Y") == "replace"
