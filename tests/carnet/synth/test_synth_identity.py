"""Identities: right keys, test authority, order number 000, nobody twice, names that test the charset."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synth_feed import Feed

from carnet.synth.identity import INS_TEST_OID, ins, ins_key, luhn, national_person, rpps, uuid_oid
from carnet.synth.population import Registry, people
from carnet.synth.tables import SENDERS


@pytest.mark.parametrize(
    ("sex", "birth", "commune", "expected"),
    [
        ("F", date(1985, 3, 1), "44109", "285034410900055"),
        ("M", date(1981, 11, 1), "2A004", "181112A00400083"),
        ("M", date(2024, 5, 1), "97302", "124059730200076"),
    ],
)
def test_the_worked_examples_of_the_reference(sex: str, birth: date, commune: str, expected: str) -> None:
    assert ins(sex, birth, commune) == expected


def test_the_key_of_a_published_sample() -> None:
    assert ins_key("2790351215189") == "89"


@given(st.from_regex(r"\A[12][0-9]{2}(0[1-9]|1[0-2])(2[AB]|[0-9]{2})[0-9]{6}\Z"))
def test_a_key_completes_its_number_to_a_multiple_of_97(body: str) -> None:
    number = int(body.replace("A", "0").replace("B", "0")) - 1_000_000 * ("A" in body) - 2_000_000 * ("B" in body)
    key = int(ins_key(body))
    assert 1 <= key <= 97
    assert (number + key) % 97 == 0


@given(st.integers(0, 10**8 - 1))
def test_a_synthetic_rpps_starts_with_99_and_passes_luhn(number: int) -> None:
    made = rpps(number)
    assert made.startswith("99")
    assert len(made) == 11
    assert luhn(made[:-1]) == made
    assert len(national_person(made)) == 12


@given(st.integers(0, 2**128 - 1))
def test_a_uuid_makes_an_oid_that_fits(number: int) -> None:
    oid = uuid_oid(number)
    assert oid.startswith("2.25.")
    assert len(oid) <= 64


def test_senders_are_fictitious_and_pass_luhn() -> None:
    assert list(SENDERS) == [
        "labo-nord",
        "labo-rhone",
        "labo-ocean",
        "chu-garonne",
        "clinique-armor",
        "capteurs-sa",
        "assurance",
    ]
    for sender in SENDERS.values():
        assert sender.finess.startswith("00")
        assert len(sender.finess) == 9
        assert luhn(sender.finess[:-1]) == sender.finess


def test_everybody_has_an_own_ins_with_a_right_key_and_order_000() -> None:
    everybody = list(people(Registry(3, date(2025, 1, 1)), 10_000))
    assert len({person.ins for person in everybody}) == len(everybody)
    for person in everybody:
        assert person.ins_oid == INS_TEST_OID
        assert person.ins[10:13] == "000"
        assert person.ins == ins(person.sex, person.birth, person.birth_place)
        assert len(person.birth_place) == 5


def test_a_person_is_the_same_whatever_the_size_of_the_nation() -> None:
    small = list(people(Registry(3, date(2025, 1, 1)), 50))
    large = list(people(Registry(3, date(2025, 1, 1)), 500))
    assert small == large[:50]


def test_names_keep_accents_apostrophes_and_hyphens() -> None:
    names = "".join(person.family + "".join(person.givens) for person in people(Registry(3, date(2025, 1, 1)), 2_000))
    for character in "ÉÈÇŒ'- ":
        assert character in names


def test_the_six_traits_of_a_patient_are_complete_and_the_same_everywhere(nation: Feed) -> None:
    said: dict[tuple[str, str], set[tuple[str, ...]]] = {}
    for cda in nation.documents:
        said.setdefault(cda.ins, set()).add(cda.traits)
    for message in nation.messages:
        number, authority = (message.field("PID", 3).replace("&", "^").split("^")[part] for part in (0, 4))
        assert authority == INS_TEST_OID
        born = next(place for place in message.field("PID", 11).split("~") if "^BDL^" in place).split("^")[8]
        family, given_, givens = message.field("PID", 5).split("~")[0].split("^")[:3]
        traits = (family, given_, givens, message.field("PID", 7), message.field("PID", 8), born)
        said.setdefault((number, authority), set()).add(traits)
    assert len(said) > 150
    for traits in said.values():
        assert len(traits) == 1
        assert all(next(iter(traits)))
