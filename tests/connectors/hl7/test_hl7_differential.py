"""Our tokens against python-hl7 and hl7apy: they agree on every field those two read correctly.

What a generated message says is known, so "correctly" is measured; where a library differs, the kind of difference
must be one of the reviewed list (`hl7_differences`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from hl7_build import read_all
from hl7_differences import DIFFERENCES, REFUSALS, Difference, escape_kind, hl7apy_kind
from hl7_generate import USUAL, Generated, Leaf, generate
from hl7_readers import Reading, hl7apy_reading, our_reading, python_hl7_reading

from connectors.base import Message, Observation
from connectors.hl7.messages import ACKNOWLEDGEMENTS, RESULTS, VERSIONS
from connectors.hl7.tokens import Delimiters

QUICK = range(250)
LONG = range(250, 10_250)
READERS = {"python-hl7": python_hl7_reading, "hl7apy": hl7apy_reading}
WIRE = {
    "BOM": "wire: byte order mark",
    "LF": "wire: line ends",
    "CRLF": "wire: line ends",
    "mixed": "wire: line ends",
    "MLLP": "wire: MLLP bytes",
    "blank lines": "wire: blank lines",
}
"""What around a message may change what a library reads, the strongest first."""
Kinds = Counter[tuple[str, str]]
REVIEWED = {(one.library, one.kind) for one in DIFFERENCES} | {(name, "same") for name in READERS}


def compared(name: str, read: Reading, raw: dict[Leaf, str], values: dict[Leaf, str], d: Delimiters) -> Kinds:
    """How a library's reading differs from what is right, by kind; leaves that agree are counted as `same`."""
    found: Kinds = Counter()
    if read.refused and not read.names:
        return Counter({(name, REFUSALS.get(read.refused, read.refused)): 1})
    for place in raw.keys() | read.raw.keys():
        right, theirs = raw.get(place, ""), read.raw.get(place, "")
        if right != theirs:
            kind = hl7apy_kind(place, right, theirs, read) if name == "hl7apy" else ""
        elif not read.values or read.values[place] == values[place]:
            kind = "same"
        else:
            kind = escape_kind(right, d)
        found[name, kind or f"not reviewed: {place}, {right[:80]!r} read as {theirs[:80]!r}"] += 1
    return found


def differences(seeds: Iterable[int]) -> Kinds:
    """Generated messages read by all three: by us as written, whatever they wear; by the others as `compared` tells."""
    found: Kinds = Counter()
    for seed in seeds:
        given = generate(seed)
        (ours,) = our_reading(given.data)
        assert (seed, ours.names) == (seed, given.names)
        assert (seed, ours.raw) == (seed, given.raw)
        assert (seed, ours.values) == (seed, given.values)
        for name, reader in READERS.items():
            reading = reader(given.text)
            found += compared(name, reading, given.raw, given.values, given.delimiters)
            if given.dressed != given.text and reader(given.dressed) != reading:
                kinds = (WIRE[d] for d in WIRE if d in given.dress and (name, WIRE[d]) in REVIEWED)
                found[name, next(kinds, f"not reviewed: {sorted(given.dress)}")] += 1
    return found


def test_generated_messages_are_read_as_written_and_as_others_read_them() -> None:
    assert differences(QUICK).keys() - REVIEWED == set()


@pytest.mark.slow
def test_ten_thousand_messages_are_read_as_written_and_as_others_read_them() -> None:
    found = differences(LONG)
    print()
    for (library, kind), count in sorted(found.items()):
        print(f"{count:8d}  {library}: {kind}")
    assert found.keys() == REVIEWED


@pytest.mark.parametrize("one", DIFFERENCES, ids=lambda one: f"{one.library}-{one.kind}")
def test_a_difference_is_shown_by_its_smallest_message(one: Difference) -> None:
    (ours,) = our_reading(one.example.encode())
    theirs = READERS[one.library](one.example)
    said = theirs.values if one.library == "python-hl7" else theirs.raw
    assert (ours.values[one.leaf], theirs.refused or said.get(one.leaf, "")) == (one.ours, one.theirs)


def test_the_decision_page_tells_each_kind_once() -> None:
    page = (Path(__file__).parents[3] / "docs/decisions/0031-readings-compared.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (python-hl7|hl7apy) \| (.*) \| [\d,]+ \| (.+) \|$", page, re.MULTILINE)
    assert rows == [(one.library, one.kind, one.why) for one in DIFFERENCES]
    assert len({row[:2] for row in rows}) == len(rows)


SMALL_TILDE = "^˜\\&"
"""One sample has it for MSH-2, and for `~` further on. Both libraries take it; we refuse what is not ASCII there
(2.5.4: the delimiters are displayable ASCII), because nobody can tell it from a `~` that a word processor changed."""


def test_samples_are_read_as_others_read_them(samples: Path) -> None:
    found: Kinds = Counter()
    files = [path for path in sorted((samples / "hl7").rglob("*")) if path.is_file() and path.suffix.lower() != ".xml"]
    for path in files:
        data = path.read_bytes()
        (ours,) = our_reading(data)
        if SMALL_TILDE in data.decode():
            assert ours.refused == "DELIMITERS_UNUSABLE"
            continue
        text = "".join(line + "\r" for line in data.decode().splitlines() if line.strip())
        for name, reader in READERS.items():
            found += compared(name, reader(text), ours.raw, ours.values, USUAL)
    assert found.keys() - REVIEWED == set()
    assert found["python-hl7", "same"] > 50 * len(files)


@pytest.mark.parametrize("seeds", [QUICK, pytest.param(LONG, marks=pytest.mark.slow)], ids=["quick", "long"])
def test_a_message_says_what_was_written(seeds: range) -> None:
    """The reader above the tokens: header, patient and results hold the values of the fields they come from."""
    results = 0
    for seed in seeds:
        given = generate(seed)
        (message,) = [y for y in read_all(given.data) if isinstance(y, Message)]
        assert (seed, header(message)) == (seed, expected_header(given))
        assert sum(message.segments.values()) == len(given.names)
        if given.names.count("PID") == 1 and message.kind.partition("^")[0] not in ACKNOWLEDGEMENTS:
            check_patient(seed, message, given)
        if message.kind in RESULTS and message.version in VERSIONS:
            found = [observation for order in message.orders for observation in order.observations]
            rows = [number for number, name in enumerate(given.names) if name == "OBX"]
            assert len(found) == len(rows)
            for observation, row in zip(found, rows, strict=True):
                check_observation(observation, given, row)
            results += len(found)
    assert results > len(seeds) // 20


def header(message: Message) -> tuple[str, ...]:
    return message.control_id, message.kind, message.version, message.charset


def expected_header(given: Generated) -> tuple[str, ...]:
    said = [given.values.get((0, *place), "") for place in ((10, 1, 1, 1), (9, 1, 1, 1), (9, 1, 2, 1), (12, 1, 1, 1))]
    kind = f"{said[1]}^{said[2]}" if said[2] else said[1]
    return said[0], kind, said[3], given.values.get((0, 18, 1, 1, 1), "")


def check_patient(seed: int, message: Message, given: Generated) -> None:
    """PID-3 number by number, and the family name when one name is given."""
    row = given.names.index("PID")
    assert message.patient is not None
    said = {place[1:]: value for place, value in given.values.items() if place[0] == row}
    numbers = []
    for r in range(1, 5):
        extension = whole(said, 3, r, 1, given.delimiters).strip()
        if extension not in {"", '""'}:
            root = said.get((3, r, 4, 2), "") or said.get((3, r, 4, 1), "")
            numbers.append((root, extension, whole(said, 3, r, 5, given.delimiters)))
    assert (seed, [(i.root, i.extension, i.kind) for i in message.patient.ids]) == (seed, numbers)
    if {place[1] for place in said if place[0] == 5} == {1} and (5, 1, 7, 1) not in said:
        family = said.get((5, 1, 1, 1), "").strip()
        assert (seed, message.patient.birth_family) == (seed, "" if family == '""' else family)


def whole(said: dict[tuple[int, int, int, int], str], f: int, r: int, c: int, d: Delimiters) -> str:
    """A component with the sub-components it has, up to the last one that is not empty."""
    last = max((place[3] for place in said if place[:3] == (f, r, c)), default=0)
    return d.subcomponent.join(said.get((f, r, c, s), "") for s in range(1, last + 1))


def check_observation(observation: Observation, given: Generated, row: int) -> None:
    """Type, code and every repetition of OBX-5 that is one value."""
    said = {place[1:]: value for place, value in given.values.items() if place[0] == row}
    assert observation.value_type == said[(2, 1, 1, 1)]
    assert observation.code.code == said[(3, 1, 1, 1)]
    assert observation.code.display == said.get((3, 1, 2, 1), "")
    assert observation.code.system == said.get((3, 1, 3, 1), "")
    separators = given.delimiters.component + given.delimiters.subcomponent
    for r, value in enumerate(observation.values, 1):
        leaves = [place for place in said if place[:2] == (5, r)]
        if leaves == [(5, r, 1, 1)]:
            assert value.rstrip(separators) == said[(5, r, 1, 1)].rstrip(separators)
