"""Speed of the CDA header against a bare lxml parse of the same document, same machine, same run."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

import pytest
import zstandard
from lxml import etree

from connectors.base import Document, Source
from connectors.cda.elements import ROOT
from connectors.cda.header import header
from connectors.cda.reader import CDA
from connectors.cda.xml import Malformed, canonical_digest, parse
from tests.cda_header import documented, fragments, whole

SECTIONS, ROWS = 8, 25


def document() -> bytes:
    """A letter of 70 KB: a header with three authors and six acts, tables beside their coded observations."""
    sections = []
    for section in range(SECTIONS):
        rows = "".join(
            f'<tr><td><content ID="r{section}-{row}">Analyse {row}</content></td><td>{row / 7:.2f} g/L</td></tr>'
            for row in range(ROWS)
        )
        entries = "".join(
            f"""<entry><observation classCode="OBS" moodCode="EVN">
<code code="2345-7" codeSystem="2.16.840.1.113883.6.1"><originalText>
<reference value="#r{section}-{row}"/></originalText>
</code><effectiveTime value="20260302"/><value xsi:type="PQ" value="{row}" unit="g/L"/></observation></entry>"""
            for row in range(ROWS)
        )
        sections.append(
            f"""<component><section><code code="30954-2" codeSystem="2.16.840.1.113883.6.1"/><title>Résultats</title>
<text><table><tbody>{rows}</tbody></table></text>{entries}</section></component>"""
        )
    return whole(
        author=fragments()["author"] * 3,
        documentationOf=documented() + documented("19935-6", performed=False) * 5,
        component=f"<component><structuredBody>{''.join(sections)}</structuredBody></component>",
    )


def best(run: Callable[[], object], times: int = 60) -> float:
    """Microseconds of CPU, the best of some runs: noise only adds."""
    taken = []
    for _ in range(times):
        start = time.process_time()
        run()
        taken.append(time.process_time() - start)
    return min(taken) * 1e6


@pytest.mark.slow
def test_the_header_costs_less_than_the_parse_it_follows() -> None:
    data = document()
    root = parse(data)
    assert not isinstance(root, Malformed) and root.tag == ROOT
    elements = sum(1 for child in root if not child.tag.endswith("}component") for _ in child.iter())
    (said,) = CDA.read(Source.of_bytes("document", data))
    assert isinstance(said, Document) and said.header == header(root)
    assert (len(said.header.authors), len(said.header.acts)) == (3, 6)
    compressor = zstandard.ZstdCompressor(level=1)
    bare = best(lambda: etree.fromstring(data))
    parts = {
        "parse": best(lambda: parse(data)),
        "header": best(lambda: header(root)),
        "canonical": best(lambda: canonical_digest(root)),
        "sha1": best(lambda: hashlib.sha1(data).digest()),
        "compress": best(lambda: compressor.compress(data)),
    }
    whole_read = best(lambda: list(CDA.read(Source.of_bytes("document", data))), 20)
    said_of = ", ".join(f"{name} {cost / bare:.2f}" for name, cost in parts.items())
    print(
        f"\ncda: {len(data) // 1000} KB, bare parse {bare:.0f} us; in bare parses: {said_of}, "
        f"sum {sum(parts.values()) / bare:.2f}; everything that is read {whole_read / bare:.2f}; "
        f"header {parts['header'] / elements:.2f} us an element of {elements}"
    )
    assert parts["header"] < bare
