"""The INS: its key, its authorities, and when an identity is qualified."""

from __future__ import annotations

import pytest

from connectors.base import RawId, RawPatient
from transforms.identity import (
    NIA,
    NIR,
    NIR_TEST,
    fold,
    key_holds,
    key_of,
    placeholder,
    same_person,
    understand,
    well_formed,
)

TRAITS = {
    "birth_family": "L'Hostis",
    "birth_given": "Zoé",
    "birth_givens": "Zoé Anne",
    "birth_date": "19850314",
    "sex": "F",
    "birth_place": "44109",
}


@pytest.mark.parametrize("ins", ["285034410900055", "181112A00400083", "124059730200076"])
def test_the_key_of_a_right_ins_holds_also_in_corsica_and_overseas(ins: str) -> None:
    assert key_holds(ins)
    wrong = f"{(int(ins[13:]) % 97) + 1:02}"
    assert not key_holds(ins[:13] + wrong)


def test_corsica_reads_2a_as_19_and_2b_as_18() -> None:
    assert key_of("181112A004000") == f"{97 - 1811119004000 % 97:02}"
    assert key_of("181112B004000") == f"{97 - 1811118004000 % 97:02}"


@pytest.mark.parametrize("text", ["", "28503441090005", "2850344109000555", "A85034410900055", "285032C10900055"])
def test_what_is_no_ins_is_told(text: str) -> None:
    assert not well_formed(text)


def test_the_ins_is_found_by_authority_never_by_position() -> None:
    ids = (RawId("1.2.3", "IPP1"), RawId(NIA, "185034410900055"), RawId(NIR, "285034410900055"))
    patient = understand(RawPatient(ids=ids, **TRAITS), from_cda=True)
    assert (patient.ins, patient.oid) == ("285034410900055", NIR)
    assert patient.local == (RawId("1.2.3", "IPP1"),)


def test_two_numbers_of_one_authority_are_nobody() -> None:
    ids = (RawId(NIR_TEST, "285034410900055"), RawId(NIR_TEST, "181112A00400083"))
    patient = understand(RawPatient(ids=ids, **TRAITS), from_cda=True)
    assert (patient.ins, patient.qualified, patient.findings) == ("", False, ("INS_AMBIGUOUS",))


@pytest.mark.parametrize("missing", TRAITS)
def test_an_identity_without_one_of_the_six_traits_is_not_qualified(missing: str) -> None:
    ids = (RawId(NIR_TEST, "285034410900055"),)
    assert understand(RawPatient(ids=ids, **TRAITS), from_cda=True).qualified
    assert not understand(RawPatient(ids=ids, **(TRAITS | {missing: ""})), from_cda=True).qualified


@pytest.mark.parametrize(
    ("statuses", "qualified"),
    [(("VALI",), True), (("QUAL",), True), ((), False), (("PROV",), False), (("VALI", "DOUT"), False)],
)
def test_in_a_message_pid_32_must_vouch(statuses: tuple[str, ...], qualified: bool) -> None:
    ids = (RawId(NIR_TEST, "285034410900055"),)
    patient = understand(RawPatient(ids=ids, reliability=statuses, **TRAITS), from_cda=False)
    assert patient.qualified is qualified


def test_names_compare_without_accents_case_apostrophes_or_hyphens() -> None:
    assert fold("L’HOSTIS-NOËL") == fold("l'hostis noel") == "l hostis noel"
    assert fold("Cœur") == fold("COEUR")
    assert fold("Martin") != fold("Martine")


def test_same_person_needs_no_contradiction() -> None:
    ids = (RawId(NIR_TEST, "285034410900055"),)
    one = understand(RawPatient(ids=ids, **TRAITS), from_cda=True)
    for change in ({"birth_date": "19850315"}, {"sex": "M"}, {"birth_family": "Autre"}):
        assert not same_person(one, understand(RawPatient(ids=ids, **(TRAITS | change)), from_cda=True))
    assert same_person(one, understand(RawPatient(ids=ids, **(TRAITS | {"birth_date": ""})), from_cda=True))
    other_authority = (RawId(NIR, "285034410900055"),)
    assert not same_person(one, understand(RawPatient(ids=other_authority, **TRAITS), from_cda=True))


@pytest.mark.parametrize(
    "number", ["0", "0000", "9999", "-", "?", "...", "inconnue", "Non renseigné", "NON_RENSEIGNE", "N/A", "nc", "Néant"]
)
def test_a_number_that_stands_for_nobody(number: str) -> None:
    assert placeholder(number)


@pytest.mark.parametrize("number", ["1", "4711", "000003", "A", "IPP-0", "123456", "111", "99991"])
def test_a_number_of_somebody(number: str) -> None:
    assert not placeholder(number)
