"""hl7apy as second opinion: what it adds, what it is not shown, and that it never stops a check."""

from __future__ import annotations

import pytest

from quality.conformance import Finding, examine, words
from quality.conformance.second import LONGEST, MOST_SEGMENTS, Opinion, ask
from tests.quality.conformance.whole import WHOLE, adt, after, anatomy, codes, msh, oru, put, results, without

FOREIGN = [
    msh("SIU^S12^SIU_S12", "2.5", ""),
    "SCH|1||||||r^r^L",
    "PID|1||4711^^^X&1.2.3&ISO^PI||HOSTIS^Zoé^^^^^L",
    "RGS|1",
    "AIS|1||x^x^L",
]


def opinion(lines: list[str]) -> tuple[Opinion, tuple[Finding, ...]]:
    message = anatomy(lines)
    examined = examine(message)
    assert examined.choice is not None
    return ask(message, examined.choice.profile, examined.findings)


@pytest.mark.parametrize("name", WHOLE)
def test_it_has_nothing_to_add_to_a_whole_message(name: str) -> None:
    asked, more = opinion(WHOLE[name])
    assert asked.applied and more == ()


def test_it_is_not_shown_what_its_grammar_refuses_and_that_is_said() -> None:
    assert opinion(oru())[0].left_out == {"PRT": 4}
    assert opinion(adt())[0].left_out == {"ZBE": 1, "ZFA": 1, "ZFD": 1}
    assert opinion([*oru(), "ZZZ|1"])[0].left_out == {"PRT": 4, "Z??": 1}


CASES = [
    ("HL7_REQUIRED", adt(), after(adt(), "PV1", "AL1|"), "AL1-1"),
    ("HL7_REQUIRED", adt(), [*adt(), "DG1|1"], "DG1-6"),
    ("HL7_REQUIRED", FOREIGN, without(FOREIGN, "SCH"), ""),
    ("HL7_LIMIT", results(), put(results(), "PID-20", "a~b"), "PID-20"),
    ("HL7_CHILD", results(), put(results(), "OBX-25", "x"), ""),
    ("HL7_CHILD", results(), put(results(), "OBR-4", "24331-1^a^LN^d^e^f^g"), "OBR-4"),
    ("HL7_TYPE", results(), put(results(), "PID-8", "F^x"), "PID-8"),
    ("HL7_TABLE", results(), put(results(), "MSH-15", "QQ"), "MSH-15"),
]


@pytest.mark.parametrize(("code", "whole", "broken", "field"), CASES)
def test_what_it_alone_finds_is_added_in_our_words(code: str, whole: list[str], broken: list[str], field: str) -> None:
    segment = field.partition("-")[0] or "SCH"
    assert (code, segment, field) not in {(f.code, f.segment, f.field) for f in opinion(whole)[1]}
    (found,) = {f for f in opinion(broken)[1] if (f.code, f.field) == (code, field) and f.segment in (segment, "OBX")}
    assert found.source == "hl7apy" and found.came == "2.5"
    assert "{" not in "".join(found.told().values())


def test_every_code_of_its_has_a_case() -> None:
    assert {code for code in words() if code.startswith("HL7_")} == {code for code, *_ in CASES}


def test_what_we_say_already_is_not_said_again() -> None:
    missing = put(results(), "OBR-4", "")
    assert opinion(missing)[1] == () and "FIELD_MISSING" in codes(missing)
    misnamed = put(oru(), "MSH-9.3", "ADT_A01")  # it then asks for what an admission needs
    assert opinion(misnamed)[1] == () and "MESSAGE_STRUCTURE" in codes(misnamed)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (put(oru(), "MSH-12", "2.3"), "2.4 to 2.6"),
        ([line.replace("&", "#") for line in oru()], "delimiters"),
        (results() + results()[5:] * MOST_SEGMENTS, "more than"),
    ],
)
def test_when_it_cannot_be_applied_it_says_why(lines: list[str], reason: str) -> None:
    asked, more = opinion(lines)
    assert not asked.applied and more == () and reason in asked.reason_en and asked.reason_fr


def test_long_fields_are_not_shown() -> None:
    asked, more = opinion(put(results(), "NTE-3", "x" * LONGEST * 70))
    assert asked.applied and more == ()
