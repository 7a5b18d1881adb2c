"""Whatever the bytes: nothing is raised, and nothing that is said quotes what only the sender may know."""

from __future__ import annotations

import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Source
from connectors.hl7.anatomy import Opaque, anatomies
from quality.conformance import Finding, examine, words
from quality.conformance.second import ask
from tests.quality.conformance.whole import WHOLE, encoded

SHORT = {name: [line if len(line) < 3000 else line[:300] for line in lines] for name, lines in WHOLE.items()}
BASES = [encoded(lines) for lines in SHORT.values()]
OF_EACH_PROFILE = ("oru", "mdm replaced", "lps", "A01", "A40", "results", "ack refused", "Z01 refused", "Z02")
TOKENS = [b"|", b"^", b"~", b"&", b"\\", b"\r", b"\n", b'""', b"\xff", b" ", b"\x1a0\x1a", b"\x00", b"2.3", b"\\XC3\\"]
TOKENS += [b"\rOBX|", b"\rPID|||", b"\rMSH|^~\\&|", b"\rZZZ|", b"\rABC", b"x" * 300]


def said(data: bytes, *, second: bool) -> list[Finding]:
    found: list[Finding] = []
    for message in anatomies(Source.of_bytes("", data)):
        examined = examine(message)
        found += examined.findings
        if second and not isinstance(message, Opaque) and examined.choice is not None:
            found += ask(message, examined.choice.profile, examined.findings)[1]
    return found


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    data = draw(st.sampled_from(BASES))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data)))
        cut = draw(st.integers(0, 12))
        data = data[:at] + draw(st.sampled_from([*TOKENS, b""])) + data[at + cut :]
    return data


@given(mutants())
def test_a_mutant_is_examined_without_raising(data: bytes) -> None:
    for finding in said(data, second=False):
        assert finding.level and all(finding.told().values())


@given(mutants())
def test_the_second_opinion_never_raises(data: bytes) -> None:
    for finding in said(data, second=True):
        assert all(finding.told().values())


def test_a_field_of_very_many_repetitions_takes_no_long_time() -> None:
    lines = [line.replace("~IPP", "~1^^^A" * 100_000 + "~IPP", 1) for line in SHORT["results"]]
    lines += ["OBX|90|NM|718-7^Hb^LN||" + "1~" * 100_000]
    started = time.thread_time()
    assert said(encoded(lines), second=False)
    assert time.thread_time() - started < 1


@given(st.binary(max_size=200))
def test_any_bytes_behind_a_header_are_examined(data: bytes) -> None:
    said(b"MSH|^~\\&|" + data, second=False)


CANARIES = ("ZZCANARY", "904711904711", "ZZ@x.mssante.fr")


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize("name", OF_EACH_PROFILE)
def test_no_value_is_quoted(name: str, canary: str) -> None:
    """A canary in every field of every segment in turn, whole, as component and in a second repetition."""
    lines = SHORT[name]
    for index, line in enumerate(lines):
        fields = line.split("|")
        for number in range(1 if index else 2, len(fields)):
            for value in (canary, f"{canary}^{canary}^{canary}^&{canary}^{canary}", f"{fields[number]}~{canary}"):
                broken = "|".join([*fields[:number], value, *fields[number + 1 :]])
                told = said(encoded([*lines[:index], broken, *lines[index + 1 :]]), second=False)
                assert not any(_quotes(finding, canary) for finding in told)


def test_the_second_opinion_quotes_nothing() -> None:
    for name in ("mdm", "A01", "results"):
        lines = SHORT[name]
        for index, line in enumerate(lines[1:10], 1):
            fields = line.split("|")
            broken = "|".join([fields[0], *(f"{value}^ZZCANARY&ZZCANARY" for value in fields[1:])])
            told = said(encoded([*lines[:index], broken, *lines[index + 1 :]]), second=True)
            assert not any(_quotes(finding, "ZZCANARY") for finding in told)


def _quotes(finding: Finding, canary: str) -> bool:
    return any(canary in text for text in (finding.came, finding.expected, finding.field, *finding.told().values()))


def test_segments_nobody_knows_are_not_named() -> None:
    """Three letters before a bar may be the end of a name."""
    data = encoded([*WHOLE["oru"], "QZX|1", "ZOE|1"])
    (message,) = anatomies(Source.of_bytes("", data))
    examined = examine(message)
    assert examined.segments[-2:] == ("???", "Z??")
    assert not any(_quotes(f, "QZX") or _quotes(f, "ZOE") or f.segment in {"QZX", "ZOE"} for f in examined.findings)


def test_the_words_are_whole() -> None:
    """Each sentence in both languages, no other placeholder, French with its spaces before `:` and `;`."""
    for row in words().values():
        for text in (row.fr, row.en, row.fix_fr, row.fix_en):
            named = {name for _, name, _, _ in string.Formatter().parse(text) if name}
            assert text and named <= {"place", "name", "expected", "came"}
            assert text.endswith((".", "}"))
        for text in (row.fr, row.fix_fr):
            assert not any(f"{letter}{mark}" in text for letter in "abcdefghijklmnopqrstuvwxyz}" for mark in ":;!?")
        assert row.fr != row.en
