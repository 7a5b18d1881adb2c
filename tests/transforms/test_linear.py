"""Entries that are wide, deep or full of parts take time in proportion to their size, in content and in FHIR."""

from __future__ import annotations

import time

import pytest

from tests.transforms.content.build import document, entry, record, template
from transforms.fhir.bundle import document_bundle, record_bundle, written
from transforms.fhir.document import Filed

ONE = '<observation classCode="OBS" moodCode="EVN"><code code="1"/></observation>'
AUTHOR = '<author><assignedAuthor><id root="1.2.3" extension="{}"/></assignedAuthor></author>'
TIME = '<effectiveTime xsi:type="EIVL_TS"><event code="HS"/></effectiveTime>'
NOTE = '<act classCode="ACT" moodCode="EVN"><code code="48767-8"/><text>a</text></act>'
TAKEN = '<procedure classCode="PROC" moodCode="EVN"/>'


def related(inner: str, kind: str = "COMP") -> str:
    return f'<entryRelationship typeCode="{kind}">{inner}</entryRelationship>'


WIDE = {
    "members": lambda n: entry(f"<component>{ONE}</component>" * n, "organizer"),
    "authors": lambda n: entry('<code code="1"/>' + "".join(map(AUTHOR.format, range(n)))),
    "translations": lambda n: entry(
        f'<code code="1">{"".join(map("<translation code={!r}/>".format, map(str, range(n))))}</code>'
    ),
    "times": lambda n: entry(template("42") + TIME * n, "substanceAdministration"),
    "report": lambda n: entry(template("21") + (related(ONE) + related(NOTE) + related(TAKEN)) * (n // 3), "act"),
    "reasons": lambda n: entry(template("42") + related(ONE, "RSON") * n, "substanceAdministration"),
    "values": lambda n: entry('<code code="1"/>' + '<value xsi:type="PQ" value="1" unit="g"/>' * n),
}


def spent(data: bytes) -> float:
    """Seconds of this process, the least of three."""
    best = 60.0
    for _ in range(3):
        start = time.process_time()
        filed = Filed(record(data))
        written(document_bundle(filed))
        written(record_bundle([filed]))
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.parametrize("part", WIDE)
def test_four_times_as_much_takes_no_more_than_about_four_times_as_long(part: str) -> None:
    assert spent(document(WIDE[part](4000))) < 8 * spent(document(WIDE[part](1000))) + 0.05


def test_depth_ends() -> None:
    nested = ONE
    for _ in range(80):
        nested = ONE.replace("</observation>", related(nested) + "</observation>")
    assert spent(document(f"<entry>{nested}</entry>")) < 0.5
