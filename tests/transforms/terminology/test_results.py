"""A result in public terms, beside what was said: nothing invented, whatever the sender writes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import RawCode
from transforms.documents import Result
from transforms.terminology.maps import MapProblem, SenderMap, read_map
from transforms.terminology.numbers import Limits, Number, limits_of, number_of
from transforms.terminology.results import gaps, understood
from transforms.terminology.tables import INTERPRETATION_CODES, UCUM_CODES, is_loinc

NO_CODE = RawCode()
HB = RawCode("718-7", "LN", "Hb")
LOCAL = RawCode("HB", "99LAB", "Hémoglobine")


def result(
    code: RawCode = HB, unit: RawCode = NO_CODE, *flags: str, kind: str = "NM", value: str = "1", said: str = ""
) -> Result:
    parts = (tuple(value.split("^")),) if kind == "SN" else ()
    return Result(code, kind, (value,) if value else (), unit, flags=flags, parts=parts, range=said)


def mapped(*rows: str) -> SenderMap:
    found = read_map(["kind,system,said,code,display", *rows])
    assert isinstance(found, SenderMap)
    return found


def beside(code: RawCode, *others: RawCode) -> RawCode:
    return RawCode(code.code, code.system, code.display, others)


@pytest.mark.parametrize("system", ["LN", "ln", "LOINC", "2.16.840.1.113883.6.1", "http://loinc.org", " LN "])
def test_loinc_is_taken_from_a_sender_who_says_so(system: str) -> None:
    coded = understood(result(beside(RawCode("718-7", system, "Hb"), LOCAL)))
    assert (coded.code.code, coded.code.origin) == ("718-7", "said")
    assert coded.local == (LOCAL,)


def test_a_loinc_code_may_stand_beside_a_local_one() -> None:
    coded = understood(result(beside(LOCAL, HB)))
    assert (coded.code.said, coded.code.code) == ("HB", "718-7")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (RawCode("718-7", "", "Hb"), "unmapped"),
        (RawCode("718-7", "99LAB", "Hb"), "unmapped"),
        (RawCode("", "LN", "718-7"), "missing"),
        (RawCode("", "", ""), "missing"),
        (RawCode("HB", "L", "718-7 Hémoglobine"), "unmapped"),
        (RawCode("718-8", "LN", "Hb"), "check_digit"),
        (RawCode("HB", "LN", "Hb"), "shape"),
        (beside(HB, RawCode("2345-7", "LN")), "ambiguous"),
        (beside(LOCAL, RawCode("718-8", "LN")), "check_digit"),
    ],
)
def test_no_code_is_found_by_a_label_a_guess_or_an_error(code: RawCode, reason: str) -> None:
    coded = understood(result(code))
    assert (coded.code.code, coded.code.origin, coded.code.reason) == ("", "", reason)
    assert [kind for kind, _ in gaps(coded)] == ["code"]


def test_one_wrong_loinc_code_beside_a_right_one_leaves_the_right_one() -> None:
    assert understood(result(beside(RawCode("718-8", "LN"), HB))).code.code == "718-7"
    assert understood(result(beside(HB, HB))).code.code == "718-7"


@pytest.mark.parametrize(
    ("unit", "code", "origin", "reason"),
    [
        (RawCode("g/L", "UCUM"), "g/L", "said", ""),
        (RawCode("g/l", "UCUM"), "g/L", "table", ""),
        (RawCode("G/L", "", "G/L"), "10*9/L", "table", ""),
        (RawCode("", "", "µmol/L"), "umol/L", "table", ""),
        (RawCode("25", "99LAB", "g/L"), "", "", "unmapped"),
        (beside(RawCode("25", "99LAB", "g/L"), RawCode("g/L", "UCUM")), "g/L", "said", ""),
        (beside(RawCode("g/L"), RawCode("mmol/L", "UCUM")), "", "", "ambiguous"),
        (beside(RawCode("g/L"), RawCode("mmol/L", "99LAB")), "g/L", "table", ""),
        (RawCode("furlong", "UCUM"), "", "", "unmapped"),
        (RawCode(), "", "", "missing"),
    ],
)
def test_units(unit: RawCode, code: str, origin: str, reason: str) -> None:
    coded = understood(result(HB, unit))
    assert (coded.unit.code, coded.unit.origin, coded.unit.reason) == (code, origin, reason)
    assert [kind for kind, _ in gaps(coded)] == ([] if code or reason == "missing" else ["unit"])


def test_interpretations_keep_their_places() -> None:
    coded = understood(result(HB, NO_CODE, "H", "", "MS", "haut"))
    assert [one.code for one in coded.interpretations] == ["H", "", "", ""]
    assert [(kind, one.said, one.reason) for kind, one in gaps(coded)] == [
        ("interpretation", "MS", "no_equivalent"),
        ("interpretation", "haut", "unmapped"),
    ]


def test_a_map_speaks_for_its_sender() -> None:
    known = mapped(
        "code,99LAB,HB,718-7,Hémoglobine",
        "code,LN,718-8,718-7,",
        "unit,99LAB,25,g/L,",
        "interpretation,,haut,H,",
    )
    coded = understood(result(LOCAL, RawCode("25", "99LAB"), "haut"), known)
    assert (coded.code.code, coded.code.display, coded.code.origin) == ("718-7", "Hémoglobine", "map")
    assert (coded.unit.code, coded.unit.origin) == ("g/L", "map")
    assert (coded.interpretations[0].code, coded.interpretations[0].display) == ("H", "High")
    assert list(gaps(coded)) == []
    assert understood(result(RawCode("718-8", "LN")), known).code.code == "718-7"
    assert understood(result(RawCode("HB", "")), known).code.code == ""


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        (("kind,said",), 1),
        ((), 1),
        (("kind,system,said,code,display", "test,,HB,718-7,"), 2),
        (("kind,system,said,code,display", "code,,HB,718-8,"), 2),
        (("kind,system,said,code,display", "code,,HB,HB,"), 2),
        (("kind,system,said,code,display", "code,,,718-7,"), 2),
        (("kind,system,said,code,display", "unit,,x,furlong,"), 2),
        (("kind,system,said,code,display", "unit,,x,g/l,"), 2),
        (("kind,system,said,code,display", "interpretation,,haut,MS,"), 2),
        (("kind,system,said,code,display", "interpretation,HL70078,haut,H,"), 2),
        (("kind,system,said,code,display", "code,L,HB,718-7,", "", "code,L,HB,718-7,"), 4),
        (("kind,system,said,code,display", "unit,,µU,uU/L,", "unit,,μU,uU/L,"), 3),
    ],
)
def test_a_map_with_an_error_is_not_taken_and_says_where(rows: tuple[str, ...], line: int) -> None:
    found = read_map(rows)
    assert isinstance(found, MapProblem)
    assert found.line == line and found.why
    assert not any(word in found.why for word in ("HB", "haut", "furlong"))


def test_a_map_may_be_written_by_a_french_spreadsheet() -> None:
    found = read_map(["kind;system;said;code;display", "code;L;HB;718-7;Hb, sang", ";;;;"])
    assert isinstance(found, SenderMap) and found.codes["L", "HB"].display == "Hb, sang"


@pytest.mark.parametrize(
    ("kind", "value", "number"),
    [
        ("NM", "0,94", Number("0.94", decimal_comma=True)),
        ("NM", "13.50", Number("13.50")),
        ("NM", " 7 ", Number("7")),
        ("NM", "+2", Number("2")),
        ("NM", ".5", Number("0.5")),
        ("NM", "-1,5", Number("-1.5", decimal_comma=True)),
        ("NM", "<5", Number()),
        ("NM", "1 234", Number()),
        ("NM", "1e5", Number()),
        ("NM", "", Number()),
        ("NM", "٣", Number()),
        ("ST", "5", Number()),
        ("", "5", Number()),
        ("SN", "<^5", Number("5", "<")),
        ("SN", ">=^0,5", Number("0.5", ">=", decimal_comma=True)),
        ("SN", "^1^:^128", Number("1", "", ":", "128")),
        ("SN", "^10^-^20", Number("10", "", "-", "20")),
        ("SN", "^2^+", Number("2", "", "+")),
        ("SN", "<5", Number()),
        ("SN", "~^5", Number()),
        ("SN", "<^x", Number()),
        ("SN", "^1^:^x", Number()),
    ],
)
def test_numbers(kind: str, value: str, number: Number) -> None:
    assert number_of(result(kind=kind, value=value)) == number


def test_several_values_are_no_number() -> None:
    assert number_of(Result(HB, "NM", ("1", "2"))) == Number()


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("3,5-5,0", Limits("3.5", "5.0")),
        ("3.5 - 5.0", Limits("3.5", "5.0")),
        ("0,70 – 1,08", Limits("0.70", "1.08")),
        ("12 à 16", Limits("12", "16")),
        ("-2-3", Limits("-2", "3")),
        ("-2,5 à -1", Limits("-2.5", "-1")),
        ("<5", Limits(high="5")),
        ("≤ 5,0", Limits(high="5.0")),
        ("> 60", Limits(low="60")),
        (">=60", Limits(low="60")),
        ("0,135-0,345", Limits("0.135", "0.345")),
        ("1,000-5,000", Limits()),
        ("1.005-1.030", Limits()),
        ("5-3", Limits()),
        ("négatif", Limits()),
        ("3,5-5,0 mmol/L", Limits()),
        ("H: 13-17 F: 12-16", Limits()),
        ("3,5-5,0-7", Limits()),
        ("", Limits()),
        ("<", Limits()),
        ("5", Limits()),
    ],
)
def test_ranges_are_read_where_they_mean_one_thing(text: str, limits: Limits) -> None:
    assert limits_of(text) == limits
    assert understood(result(said=text)).range == text


TEXT = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["718-7", "718-8", "HB", "g/L", "G/L", "furlong", "H", "MS", "LN", "UCUM", "99LAB", ""]),
)
CODES = st.recursive(
    st.builds(RawCode, TEXT, TEXT, TEXT),
    lambda inner: st.builds(RawCode, TEXT, TEXT, TEXT, st.lists(inner, max_size=2).map(tuple)),
    max_leaves=3,
)
RESULTS = st.builds(
    Result,
    code=CODES,
    value_type=st.sampled_from(["NM", "SN", "ST", ""]),
    values=st.lists(st.one_of(TEXT, st.decimals(allow_nan=False).map(str)), max_size=2).map(tuple),
    unit=CODES,
    range=TEXT,
    flags=st.lists(TEXT, max_size=3).map(tuple),
    parts=st.lists(st.lists(TEXT, max_size=5).map(tuple), max_size=2).map(tuple),
)
MAP = mapped("code,99LAB,HB,718-7,", "unit,,furlong,m,", "interpretation,,MS,S,")


@given(RESULTS, st.sampled_from([SenderMap(), MAP]))
def test_never_an_invented_code(said: Result, known: SenderMap) -> None:
    coded = understood(said, known)
    written = {one.code.strip() for one in (said.code, *said.code.alternatives)}
    assert coded.code.code == "" or is_loinc(coded.code.code)
    assert coded.code.origin == "map" or coded.code.code in written | {""}
    assert coded.unit.code in UCUM_CODES.keys() | {""}
    assert {one.code for one in coded.interpretations} <= INTERPRETATION_CODES.keys() | {""}
    assert len(coded.interpretations) == len(said.flags)
    assert coded.range == said.range
    for one in (coded.code, coded.unit, *coded.interpretations):
        assert bool(one.code) == bool(one.origin) != bool(one.reason)
        assert known is MAP or one.origin != "map"
    for text in (coded.number.value, coded.number.second, coded.limits.low, coded.limits.high):
        assert not text or Decimal(text).is_finite()
    assert coded.number == Number() or said.value_type in ("NM", "SN")
