"""The closed tables are consistent: every unit a UCUM code, every code of table 0078 told, every LOINC code checked."""

from __future__ import annotations

import csv
import unicodedata
from importlib import import_module, resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.terminology.ucum import is_ucum
from transforms.terminology.tables import (
    INTERPRETATION_CODES,
    INTERPRETATIONS,
    UCUM_CODES,
    UNITS,
    folded,
    is_loinc,
    loinc_shaped,
)

# The value set of ObservationInterpretation that French CDA documents are checked against.
V3 = (
    *(
        "<",
        ">",
        "A",
        "AA",
        "B",
        "CAR",
        "D",
        "DET",
        "E",
        "EX",
        "EXP",
        "H",
        "HH",
        "HU",
        "HX",
        "I",
        "IE",
        "IND",
        "L",
        "LL",
    ),
    *("LU", "LX", "N", "NCL", "ND", "NEG", "NR", "NS", "POS", "R", "RR", "S", "SDD", "SYN-R", "SYN-S", "U", "UNE", "W"),
    "WR",
)


def rows(name: str) -> list[dict[str, str]]:
    text = resources.files("transforms.terminology").joinpath(name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


@pytest.mark.parametrize("code", ["g/L", "10*9/L", "/uL", "m[IU]/L", "mL/min/{1.73_m2}", "g/(24.h)", "mm[Hg]", "{INR}"])
def test_the_oracle_reads_ucum(code: str) -> None:
    assert is_ucum(code)


@pytest.mark.parametrize("code", ["", "/", "UI/L", "G/L", "10^9/L", "µg/L", "g/24h", "g//L", "g/(24.h", "mcg", "sec"])
def test_the_oracle_knows_what_is_no_ucum(code: str) -> None:
    assert not is_ucum(code)


def test_every_unit_of_the_table_leads_to_a_ucum_code() -> None:
    assert [row["ucum"] for row in rows("units.csv") if not is_ucum(row["ucum"])] == []


def test_every_text_of_the_table_has_one_meaning_and_every_row_its_source() -> None:
    table = rows("units.csv")
    keys = [unicodedata.normalize("NFKC", row["said"]).strip() for row in table]
    assert len(keys) == len(set(keys)) == len(UNITS) > 300
    assert all(row["print"] and row["source"] for row in table)


def test_a_ucum_code_of_the_table_means_itself_and_is_printed_one_way() -> None:
    assert {code: UNITS[folded(code)].code for code in UCUM_CODES} == {code: code for code in UCUM_CODES}
    printed = {(row["ucum"], row["print"]) for row in rows("units.csv")}
    assert len(printed) == len(UCUM_CODES)


@pytest.mark.parametrize(
    ("said", "ucum"),
    [
        ("g/l", "g/L"),
        ("G/L", "10*9/L"),
        ("Giga/L", "10*9/L"),
        ("10^9/L", "10*9/L"),
        ("10⁹/L", "10*9/L"),
        ("T/L", "10*12/L"),
        ("Tera/L", "10*12/L"),
        ("µmol/L", "umol/L"),
        ("μmol/L", "umol/L"),  # Greek mu
        ("umol/l", "umol/L"),
        ("UI/L", "[IU]/L"),
        ("mUI/L", "m[IU]/L"),
        ("kUI/L", "k[IU]/L"),
        ("U/L", "U/L"),
        ("/mm3", "/mm3"),
        ("/mm³", "/mm3"),
        ("fl", "fL"),
        ("mL/min/1,73m2", "mL/min/{1.73_m2}"),
        ("ml/min/1,73 m²", "mL/min/{1.73_m2}"),
        ("g/24h", "g/(24.h)"),
        ("°C", "Cel"),
        ("sec", "s"),
        ("ratio", "{ratio}"),
        ("log UI/mL", "{Log_IU}/mL"),
        ("copies/mL", "{copies}/mL"),
        (" %  ", "%"),
    ],
)
def test_units_as_french_senders_write_them(said: str, ucum: str) -> None:
    assert UNITS[folded(said)].code == ucum


@pytest.mark.parametrize("said", ["g/ L", "GL", "MMOL/L", "m/l", "x", "unité", "UA"])
def test_a_unit_outside_the_table_has_no_code(said: str) -> None:
    assert folded(said) not in UNITS


@pytest.mark.parametrize("version", ["v2_4", "v2_5", "v2_6", "v2_7", "v2_8", "v2_8_2"])
def test_every_code_of_table_0078_is_covered_in_every_version(version: str) -> None:
    tables = import_module(f"hl7apy.{version}.tables").TABLES
    codes = {code for code in tables["HL70078"][1] if code}
    assert codes and codes <= set(INTERPRETATIONS)


def test_interpretations_lead_to_the_value_set_that_french_documents_use_and_to_no_other_code() -> None:
    assert set(INTERPRETATION_CODES) == set(V3)
    assert all(meaning.code in ("", said) for said, meaning in INTERPRETATIONS.items())
    assert {said for said, meaning in INTERPRETATIONS.items() if not meaning.code} == {
        "AC",
        "HM",
        "MS",
        "OBX",
        "QCF",
        "TOX",
        "VS",
        "null",
    }
    assert all(row["source"] and bool(row["code"]) == bool(row["display"]) for row in rows("interpretations.csv"))


@pytest.mark.parametrize(
    "code", ["718-7", "2345-7", "1988-5", "4548-4", "58410-2", "11502-2", "94500-6", "33914-3", "2160-0", "6690-2"]
)
def test_real_loinc_codes_pass_their_check_digit(code: str) -> None:
    assert is_loinc(code)


@given(st.from_regex(r"[1-9][0-9]{0,6}", fullmatch=True))
def test_one_check_digit_fits_and_no_other(number: str) -> None:
    assert sum(is_loinc(f"{number}-{digit}") for digit in range(10)) == 1


@pytest.mark.parametrize("code", ["", "718", "7187", "LP14542-2", "12345678-9", "718-77", "718-７", "718 -7", "0718-7"])
def test_other_shapes_are_no_loinc(code: str) -> None:
    assert not loinc_shaped(code) and not is_loinc(code)
