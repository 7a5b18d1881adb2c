"""Anchors and references: what an entry refers to in the narrative, in the forms that real documents use."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from connectors.base import Enclosed, Source
from connectors.cda.anchors import LONGEST, NESTED, Anchors, Resolved, anchors, dangling, resolve
from connectors.cda.elements import ROOT
from connectors.cda.xml import parse
from connectors.registry import recognise

V3 = "urn:hl7-org:v3"


def body(*narratives: str, entries: str = "") -> etree._Element:
    sections = "".join(f"<section><text>{narrative}</text></section>" for narrative in narratives)
    return etree.fromstring(f'<ClinicalDocument xmlns="{V3}">{sections}{entries}</ClinicalDocument>')


def said(inner: str, tag: str = "originalText") -> etree._Element:
    return etree.fromstring(f'<{tag} xmlns="{V3}">{inner}</{tag}>')


TABLE = (
    "<table ID='t'><tbody><tr ID='r'><td ID='c1'>Glycémie</td><td>5</td><td>0</td></tr></tbody></table>"
    "<list><item ID='i'>un <content ID='k'>deux</content>trois</item></list>"
    "<paragraph ID=' p '>H<sub>2</sub>O</paragraph>"
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c1", "Glycémie"),
        ("r", "Glycémie 5 0"),
        ("t", "Glycémie 5 0"),
        ("k", "deux"),
        ("i", "un deuxtrois"),
        ("p", "H2O"),
    ],
)
def test_any_part_of_a_narrative_is_an_anchor_and_cells_stay_apart(name: str, text: str) -> None:
    assert anchors(body(TABLE))[name] == text


@pytest.mark.parametrize("value", ["#c1", "c1", " #c1 ", " c1"])
def test_a_reference_is_taken_with_and_without_its_sharp_sign(value: str) -> None:
    found = resolve(anchors(body(TABLE)), said(f"<reference value='{value}'/>"))
    assert found == Resolved("Glycémie")


@pytest.mark.parametrize("value", ["#adminSang", "adminSang", "#", "a.b"])
def test_a_dangling_reference_falls_back_to_the_inline_text_and_says_so(value: str) -> None:
    found = resolve(anchors(body(TABLE)), said(f"administration  de\n sang<reference value='{value}'/>"))
    assert found == Resolved("administration de sang", dangling=True)


@pytest.mark.parametrize("inner", ["", "<reference/>", "<reference value=''/>", "<reference nullFlavor='NA'/>"])
def test_what_refers_to_nothing_is_not_dangling(inner: str) -> None:
    assert resolve(anchors(body(TABLE)), said(f"dit {inner}")) == Resolved("dit")
    assert resolve({}, None) == Resolved("")


@pytest.mark.parametrize("value", ["https://exemple.fr/a.pdf", "Documents/a.pdf", "ftp://x#y"])
def test_an_address_outside_the_document_is_kept_as_said(value: str) -> None:
    found = resolve({}, said(f"avis<reference value='{value}'/>"))
    assert found == Resolved("avis", external=value)


def test_the_text_of_an_external_document_names_a_file_even_without_a_path() -> None:
    document = said("<text><reference value='cr-2021.xml'/></text>", "externalDocument")
    assert resolve({}, document[0]) == Resolved("", external="cr-2021.xml")


def test_an_anchor_on_two_different_texts_names_neither() -> None:
    found = anchors(body("<content ID='a'>présent</content>", "<content ID='a'>absent</content>"))
    assert "a" not in found
    assert found.ambiguous == {"a"}
    assert resolve(found, said("<reference value='#a'/>")).dangling


def test_an_anchor_repeated_on_one_text_still_names_it() -> None:
    assert anchors(body("<content ID='a'>présent</content>", "<td ID='a'> présent </td>"))["a"] == "présent"


def test_an_image_is_an_anchor_without_text() -> None:
    found = anchors(body("x", entries="<observationMedia ID='img'/><regionOfInterest ID='roi'/>"))
    assert resolve(found, said("face<reference value='img'/>")) == Resolved("face")
    assert "roi" in found


def test_base64_beside_a_reference_is_no_text() -> None:
    element = etree.fromstring(f'<text xmlns="{V3}" representation="B64">JVBERi0x<reference value="#x"/></text>')
    assert resolve({}, element) == Resolved("", dangling=True)


def test_a_no_break_space_is_kept() -> None:
    assert anchors(body("<content ID='a'>1\u00a0250 \n µg</content>"))["a"] == "1\u00a0250 µg"


def test_only_the_narrative_of_a_section_holds_anchors_of_text() -> None:
    assert dict(anchors(body("", entries="<entry><act><text ID='a'>x</text></act></entry>"))) == {}


def test_an_anchor_over_a_whole_long_narrative_is_not_copied() -> None:
    found = Anchors()
    found.read(said("<content ID='long'>" + "a " * LONGEST + "</content><content ID='court'>b</content>", "text"))
    assert (found["long"], found["court"]) == ("", "b")


def test_text_is_cut_out_of_mark_up_whatever_its_prefix_and_its_characters() -> None:
    inner = "<c:content ID='a' title='&gt;&lt;b'>5<c:sup>0</c:sup>&lt;10 &amp;amp; 1&gt;0&#13;x</c:content>"
    row = f"<c:tr ID='r'><c:td>{inner}</c:td><c:td>7</c:td><x:content xmlns:x='urn:x'>8</x:content></c:tr>"
    root = etree.fromstring(f'<c:c xmlns:c="{V3}"><c:section><c:text>{row}</c:text></c:section></c:c>')
    assert dict(anchors(root)) == {"a": "50<10 &amp; 1>0 x", "r": "50<10 &amp; 1>0 x 7 8"}


def test_deeply_nested_anchors_are_read_in_linear_time_and_the_outer_ones_are_kept() -> None:
    depth = 2_000
    nested = "".join(f"<content ID='n{i}'>x" for i in range(depth)) + "</content>" * depth
    parser = etree.XMLParser(huge_tree=True)
    root = etree.fromstring(f'<c xmlns="{V3}"><section><text>{nested}</text></section></c>', parser)
    assert list(anchors(root)) == [f"n{i}" for i in range(NESTED)]


def test_dangling_references_are_found_with_their_place() -> None:
    entries = (
        "<observation><code><originalText><reference value='rien'/></originalText></code>"
        "<text><reference value='#c1'/></text><value><reference value='https://exemple.fr/'/></value></observation>"
        "<act><text>dit<reference value='#'/></text><reference><externalAct/></reference></act>"
    )
    root = body(TABLE, entries=entries)
    assert [element.getparent().tag for element in dangling(root, anchors(root))] == [f"{{{V3}}}code", f"{{{V3}}}act"]


def test_most_references_of_the_samples_resolve_and_none_is_ambiguous(samples: Path) -> None:
    """Real documents dangle in about one reference in ten: those are told, the others all give words."""
    resolved = dangling = 0
    for data in sample_documents(samples):
        root = parse(data)
        assert isinstance(root, etree._Element)
        document = next(root.iter(ROOT))
        found = anchors(document)
        assert not found.ambiguous
        for element in document.iter(f"{{{V3}}}text", f"{{{V3}}}originalText"):
            if element.find(f"{{{V3}}}reference") is not None:
                outcome = resolve(found, element)
                resolved += bool(outcome.text)
                dangling += outcome.dangling
    assert resolved > 3_000
    assert dangling < 330


def sample_documents(samples: Path) -> list[bytes]:
    """Every CDA of the samples, bare or in a message."""
    found = []
    for path in sorted(p for folder in ("cda", "hl7") for p in (samples / folder).rglob("*") if p.is_file()):
        source = Source.of_path(path)
        connector = recognise(source)
        assert connector is not None
        enclosed = [source]
        if connector.name != "cda":
            enclosed = [inner.source for inner in connector.read(source) if isinstance(inner, Enclosed)]
        found += [inner.read() for inner in enclosed]
    return found
