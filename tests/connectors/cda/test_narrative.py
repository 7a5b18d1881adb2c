"""Narrative as inert XHTML: all of the text, none of what could act, on any tree, in linear time."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from connectors.base import Document, RawSection, Source
from connectors.cda.allowed import AROUND, INSIDE
from connectors.cda.anchors import Anchors
from connectors.cda.elements import ROOT
from connectors.cda.narrative import Narrative, Narratives, identifier
from connectors.cda.reader import read
from connectors.cda.xml import parse
from tests.connectors.cda.documents import level_3, section
from tests.connectors.cda.test_anchors import sample_documents

V3 = "urn:hl7-org:v3"
XHTML = "{http://www.w3.org/1999/xhtml}"
HEAD = '<div xmlns="http://www.w3.org/1999/xhtml">'
ELEMENTS = frozenset(
    (
        *("div", "p", "span", "br", "sub", "sup", "a", "ul", "ol", "li"),
        *("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"),
    )
)
"""All that may come out, which FHIR R4 allows in a Narrative (2.4.0.1)."""
ATTRIBUTES = {"id", "class", "lang", "href", "rel", "rowspan", "colspan", "scope"}


def narrative(inner: str, media: dict[str, str] | None = None) -> Narrative:
    element = etree.fromstring(f'<text xmlns="{V3}" xmlns:xsi="urn:x">{inner}</text>', etree.XMLParser(huge_tree=True))
    anchors = Anchors()
    anchors.read(element)
    return Narratives(anchors, media or {}).show(element)


def shown(inner: str, media: dict[str, str] | None = None) -> str:
    """What stands in the div."""
    html = narrative(inner, media).html
    assert html.startswith(HEAD) and html.endswith("</div>")
    inert(html)
    return html[len(HEAD) : -len("</div>")]


def inert(html: str) -> etree._Element:
    """A fragment that is well-formed, within the list, and rightly nested."""
    root = etree.fromstring(html, etree.XMLParser(huge_tree=True))
    ids: list[str] = []
    for element in root.iter():
        name = str(element.tag).removeprefix(XHTML)
        assert name in ELEMENTS
        assert set(element.keys()) <= ATTRIBUTES
        above = element.getparent()
        around = str(above.tag).removeprefix(XHTML) if above is not None else ""
        assert around in AROUND.get(name, (around,))
        assert name in INSIDE.get(around, (name,))
        if name in INSIDE:
            assert len(element) and not (element.text or "").strip()
            assert not any((child.tail or "").strip() for child in element)
        if around in ("p", "span", "a", "sub", "sup"):
            assert name in ("span", "a", "sub", "sup", "br")
        if name == "a":
            assert re.match(r"https?://|mailto:|#cda-", element.get("href", ""), re.IGNORECASE)
            assert next(element.iterancestors(XHTML + "a"), None) is None
        ids += [element.get("id", "")] if "id" in element.attrib else []
    assert len(ids) == len(set(ids)) and all(id_.startswith("cda-") for id_ in ids)
    return root


def dead_links(root: etree._Element) -> set[str]:
    ids = {element.get("id", "") for element in root.iter()}
    links = {link.get("href", "") for link in root.iter(XHTML + "a")}
    return {link for link in links if link.startswith("#") and link[1:] not in ids}


def characters(element: etree._Element) -> str:
    """The text without white space and without what Carnet adds."""
    for added in element.iter(XHTML + "span", XHTML + "a"):
        if "generated" in added.get("class", "").split():
            added.text = None
    return re.sub(r"[ \t\r\n]+", "", "".join(map(str, element.itertext())))


# What comes through


@pytest.mark.parametrize(
    ("said", "html"),
    [
        ("Glycémie : 0,94 g/L", "Glycémie : 0,94 g/L"),
        ("a &lt; b &amp; c &gt; d", "a &lt; b &amp; c &gt; d"),
        ("<paragraph>un</paragraph>", "<p>un</p>"),
        ("H<sub>2</sub>O, 10<sup>9</sup><br/>fin", "H<sub>2</sub>O, 10<sup>9</sup><br/>fin"),
        ("<content styleCode='Bold xFgColourRed'>x</content>", '<span class="bold fg-red">x</span>'),
        ("<content styleCode='BoldItalics'>x</content>", '<span class="bold italics">x</span>'),
        ("<content styleCode='bold toto xFgColourexpression(1)'>x</content>", '<span class="bold">x</span>'),
        ("<content revised='delete'>x</content>", '<span class="strikethrough">x</span>'),
        ("<content language='en-GB'>x</content>", '<span lang="en-GB">x</span>'),
        ("<content ID=' a b '>x</content>", '<span id="cda-a_b">x</span>'),
        (
            "<list listType='ordered' styleCode='LittleRoman'><item>a</item><item>b</item></list>",
            '<ol class="little-roman"><li>a</li><li>b</li></ol>',
        ),
        (
            "<list><caption>Titre</caption><item>a</item></list>",
            '<div class="list"><div class="caption">Titre</div><ul><li>a</li></ul></div>',
        ),
        (
            "<table border='1' width='50%'><caption>T</caption><colgroup><col span='2'/></colgroup><thead><tr>"
            "<th scope='col' rowspan='2'>a</th></tr></thead><tfoot><tr><td>f</td></tr></tfoot>"
            "<tbody><tr><td colspan='2' align='right'>b</td></tr></tbody></table>",
            '<table><caption>T</caption><thead><tr><th rowspan="2" scope="col">a</th></tr></thead><tfoot><tr><td>f</td>'
            '</tr></tfoot><tbody><tr><td class="right" colspan="2">b</td></tr></tbody></table>',
        ),
        ("<td>x</td>", " x "),
        ("<title>Conclusion</title>", '<p class="title">Conclusion</p>'),
        (
            "<linkHtml href='https://exemple.fr/?a=1&amp;b=&quot;'>x</linkHtml>",
            '<a href="https://exemple.fr/?a=1&amp;b=&quot;" rel="noopener noreferrer">x</a>',
        ),
        (
            "<linkHtml href='mailto:a@exemple.fr'>x</linkHtml>",
            '<a href="mailto:a@exemple.fr" rel="noopener noreferrer">x</a>',
        ),
        (
            "<linkHtml href='#a'>x</linkHtml><content ID='a'>y</content>",
            '<a href="#cda-a" rel="noopener noreferrer">x</a><span id="cda-a">y</span>',
        ),
        ("<linkHtml href='#rien'>x</linkHtml>", "<span>x</span>"),
        (
            "<linkHtml href='Documents/avis 1.pdf'>x</linkHtml>",
            '<span><span class="generated">[Documents/avis 1.pdf] </span>x</span>',
        ),
        (
            "a<footnoteRef IDREF='n'/><footnote ID='n'>note</footnote>",
            'a<a class="generated" href="#cda-n">[1]</a><span id="cda-n" class="footnote">note</span>',
        ),
        (
            "<renderMultiMedia referencedObject='m'><caption>Face</caption></renderMultiMedia>",
            '<span class="media"><span class="generated">[image]</span><span class="caption">Face</span></span>',
        ),
    ],
)
def test_the_mark_up_of_cda_becomes_that_of_xhtml(said: str, html: str) -> None:
    assert shown(said, {"m": "image"}) == html


@pytest.mark.parametrize(
    ("said", "html"),
    [
        (
            "<paragraph>a<table><tr><td>b</td></tr></table>c</paragraph>",
            "<div>a<table><tbody><tr><td>b</td></tr></tbody></table>c</div>",
        ),
        (
            "<table>égaré<tr>aussi<td>b</td></tr></table>",
            "<table><tbody><tr><td>égaré</td></tr><tr><td>aussi</td><td>b</td></tr></tbody></table>",
        ),
        ("<list>égaré<item>a</item>encore</list>", "<ul><li>égaré</li><li>a</li><li>encore</li></ul>"),
        ("<table><td>a</td><td>b</td></table>", "<table><tbody><tr><td>a</td><td>b</td></tr></tbody></table>"),
        ("x<table/><list/><table><tbody><tr/></tbody></table>", "x"),
        ("<item>a</item><tr><td>5</td><td>0</td></tr>", " a   5  0  "),
        (
            "<linkHtml href='https://a.fr'>a<linkHtml href='https://b.fr'>b</linkHtml></linkHtml>",
            '<a href="https://a.fr" rel="noopener noreferrer">a<span>b</span></a>',
        ),
    ],
)
def test_what_stands_out_of_place_is_put_where_it_may_stand(said: str, html: str) -> None:
    assert shown(said) == html


def test_ids_are_unique_across_the_sections_of_a_document() -> None:
    one, other = sections(level_3(section("<content ID='a'>x</content>") + section("<content ID='a'>x</content>")))
    assert 'id="cda-a"' in one.html and "id=" not in other.html
    assert (one.dropped, other.dropped) == (0, 1)


def test_a_link_leads_to_another_section() -> None:
    one, _ = sections(level_3(section("<linkHtml href='#b'>x</linkHtml>") + section("<content ID='b'>y</content>")))
    assert 'href="#cda-b"' in one.html


def test_a_section_says_its_narrative_as_text_with_cells_apart_and_as_html() -> None:
    (one,) = sections(level_3(section("<table><tbody><tr><td>5</td><td>0</td></tr></tbody></table>")))
    assert one.narrative == "5 0"
    assert one.html == f"{HEAD}<table><tbody><tr><td>5</td><td>0</td></tr></tbody></table></div>"


@pytest.mark.parametrize("said", ["", " \n ", "<table><tbody><tr><td/></tr></tbody></table>", "<br/>"])
def test_a_narrative_that_says_nothing_has_no_html(said: str) -> None:
    """FHIR asks of a Narrative that it says something (txt-2)."""
    assert narrative(said).html == ""


# What does not

HOSTILE = [
    "<script>alert(1)</script>",
    "<script xmlns='http://www.w3.org/1999/xhtml'>alert(1)</script>",
    "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><text>x</text><image href='http://exemple.fr/x.png'/></svg>",
    "<img src='http://exemple.fr/x.png' onerror='alert(1)'/>",
    "<iframe src='data:text/html,x'>x</iframe>",
    "<style>body{background:url(http://exemple.fr/x.png)}</style>",
    "<table onmouseover='alert(1)'><tr><td>x</td></tr></table>",
    "<content style='background:url(http://exemple.fr/x.png)'>x</content>",
    "<linkHtml href='javascript:alert(1)'>x</linkHtml>",
    "<linkHtml href=' JaVa&#9;ScRiPt:alert(1)'>x</linkHtml>",
    "<linkHtml href='data:text/html;base64,PHNjcmlwdD4='>x</linkHtml>",
    "<linkHtml href='vbscript:x'>x</linkHtml>",
    "<linkHtml href='file:///etc/passwd'>x</linkHtml>",
    "<linkHtml href='//exemple.fr/x'>x</linkHtml>",
    "<linkHtml href='https://exemple.fr/ onclick=x'>x</linkHtml>",
    "<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='file:///etc/passwd' parse='text'/>x",
    "<form action='http://exemple.fr'>x</form>",
    "<table xmlns=''><tr><td>x</td></tr></table>",
]


@pytest.mark.parametrize("said", HOSTILE)
def test_what_could_act_leaves_its_text_and_nothing_else(said: str) -> None:
    found = narrative(f"texte {said}")
    assert found.dropped > 0
    root = inert(found.html)
    source = etree.fromstring(f'<text xmlns="{V3}">texte {said}</text>')
    assert characters(root) == characters(source)
    for word in ("script:", "data:", "file:", "exemple.fr", "onload", "style", "svg", "passwd"):
        assert word not in found.html.replace("body{background:url(http://exemple.fr/x.png)}", "")


@pytest.mark.parametrize("said", ["x' onmouseover='alert(1)", 'x" onmouseover="alert(1)', "x><script>"])
def test_an_id_cannot_break_out_of_its_attribute(said: str) -> None:
    quoted = said.replace("&", "&amp;").replace("<", "&lt;").replace("'", "&apos;")
    root = inert(narrative(f"<content ID='{quoted}'>x</content>").html)
    assert [dict(element.attrib) for element in root.iter()][1].keys() == {"id"}


def test_a_document_with_foreign_mark_up_is_flagged_with_the_place() -> None:
    (found,) = read(Source.of_bytes("a.xml", level_3(section("bien") + section("<script>x</script>"))))
    assert isinstance(found, Document)
    assert found.findings == {"NARRATIVE_CLEANED": ("component/structuredBody/component[2]/section/text",)}


# Any tree

TEXT = st.text(st.sampled_from("aé5 <&>\"'\n\u00a0\u202e;"), max_size=6)
CDA = (
    *("content", "paragraph", "list", "item", "caption", "table", "thead", "tbody", "tfoot", "tr", "th", "td", "col"),
    *("colgroup", "br", "sub", "sup", "linkHtml", "footnote", "footnoteRef", "renderMultiMedia", "title", "inconnu"),
)
FOREIGN = ("script", "{http://www.w3.org/1999/xhtml}table", "{http://www.w3.org/2000/svg}svg")
NAMES = st.sampled_from([f"{{{V3}}}{name}" for name in CDA] + list(FOREIGN))
SAID = st.dictionaries(
    st.sampled_from(
        ["ID", "styleCode", "href", "IDREF", "listType", "colspan", "scope", "onclick", "style", "revised"]
    ),
    st.sampled_from(
        ["a", "b", "#a", "#b", "Bold", "ordered", "2", "99999", "col", "https://a.fr/", "javascript:x", "'\"<"]
    ),
    max_size=3,
)


def grow(names: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    leaf = st.tuples(names, SAID, TEXT, TEXT, st.just([]))
    return st.recursive(
        leaf, lambda inner: st.tuples(names, SAID, TEXT, TEXT, st.lists(inner, max_size=5)), max_leaves=25
    )


def plant(tree: Any, above: etree._Element) -> None:
    name, said, text, tail, inner = tree
    element = etree.SubElement(above, name, said)
    element.text, element.tail = text, tail
    for child in inner:
        plant(child, element)


@example(
    trees=[(f"{{{V3}}}col", {"ID": "a"}, "5", "", []), (f"{{{V3}}}linkHtml", {"href": "#a"}, "x", "", [])], text=""
)
@given(trees=st.lists(grow(NAMES), max_size=6), text=TEXT)
def test_no_character_of_any_narrative_is_lost_and_nothing_but_the_list_comes_out(trees: list[Any], text: str) -> None:
    element = etree.Element(f"{{{V3}}}text", nsmap={None: V3})
    element.text = text
    for tree in trees:
        plant(tree, element)
    anchors = Anchors()
    anchors.read(element)
    found = Narratives(anchors, {"a": "image"}).show(element)
    said = characters(element)
    if found.html:
        root = inert(found.html)
        said_by = {f"#{identifier(name)}": said_ for name, said_ in anchors.items()}
        assert not [link for link in dead_links(root) if said_by[link]]
        assert characters(root) == said
    else:
        assert said == ""
    assert re.sub(r"[ \t\r\n]+", "", anchors.text(element)) == said


def test_a_huge_table_is_shown_in_linear_time() -> None:
    rows = "<tr><td>5,2</td><td ID='x'>mmol/L</td><td styleCode='Bold'>H</td></tr>"
    times = []
    for number in (2_000, 20_000):
        said = f"<table><tbody>{rows * number}</tbody></table>"
        begun = time.process_time()
        assert narrative(said).kept == 2 + 4 * number
        times.append(time.process_time() - begun)
    assert times[1] < 25 * times[0] + 0.5


@pytest.mark.parametrize(
    "pair",
    [
        ("<content>", "</content>"),
        ("<list><item>", "</item></list>"),
        ("<table><tbody><tr><td>", "</td></tr></tbody></table>"),
        ("<paragraph>", "</paragraph>"),
        ("<inconnu>", "</inconnu>"),
        ("<table>x", "</table>"),
    ],
)
def test_deep_nesting_is_no_trouble(pair: tuple[str, str]) -> None:
    depth = 2_000 // pair[0].count("<")
    begun = time.process_time()
    found = narrative(pair[0] * depth + "fond" + pair[1] * depth)
    assert "fond" in found.html
    assert time.process_time() - begun < 2


# Real documents


def test_the_narrative_of_every_sample_is_shown_whole_and_nothing_of_it_is_dropped(samples: Path) -> None:
    kept = narratives = 0
    for data in sample_documents(samples):
        root = parse(data)
        assert isinstance(root, etree._Element)
        document = next(root.iter(ROOT))
        texts = [found.find(f"{{{V3}}}text") for found in document.iter(f"{{{V3}}}section")]
        for text, found in zip(texts, sections(data), strict=True):
            assert found.dropped == 0
            said = characters(text) if text is not None else ""
            if found.html:
                shown_ = inert(found.html)
                assert characters(shown_) == said
                kept += sum(1 for _ in shown_.iter()) - 1
                narratives += 1
            else:
                assert said == ""
    assert narratives > 450
    assert kept > 15_000


def sections(data: bytes) -> tuple[RawSection, ...]:
    (found,) = read(Source.of_bytes("a.xml", data))
    assert isinstance(found, Document)
    return found.narrative
