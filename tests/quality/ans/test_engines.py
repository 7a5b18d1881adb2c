"""Carnet's compiler says what the ISO implementation of Schematron says, which ANS's engine is an edition of."""

from __future__ import annotations

import re
import tempfile
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quality.ans import Cache, Engine, Examiner, Step, Tree
from quality.ans.compile import stylesheet
from quality.ans.moteur import Moteur
from quality.ans.saxon import CRASH, Saxon
from quality.ans.svrl import read
from tests.ans import MODEL, NS, SCH, document, repository, with_engine


def comparable(step: Step) -> object:
    """Positions aside: the engine counts none where there is one sibling."""
    found = [(f.level, f.pattern, f.rule, f.id, re.sub(r"\[\d+\]", "", f.location), f.fr) for f in step.findings]
    return step.name, step.fired, sorted(found), [note.code for note in step.notes]


def both(root: Path, data: bytes) -> tuple[list[object], list[object]]:
    said = []
    for engine in ("carnet", "moteur"):
        one: Engine = "carnet" if engine == "carnet" else "moteur"
        said.append([comparable(step) for step in Examiner(Tree(root), Cache(None), one).examine(data).steps])
    return said[0], said[1]


@pytest.mark.parametrize(
    "data",
    [
        document(set_id="7"),
        document(confidentiality="V", body=" ", code="1"),
        document(level=1),
        document().replace(b"fr-FR", b"xx").replace(b"<title>", b"<TITLE>").replace(b"</title>", b"</TITLE>"),
    ],
    ids=["good", "bad", "level 1", "worse"],
)
def test_both_engines_say_the_same(tmp_path: Path, data: bytes) -> None:
    ours, theirs = both(with_engine(repository(tmp_path)), data)
    assert ours == theirs


def test_both_engines_say_the_same_of_the_real_documents(tmp_path: Path, samples: Path) -> None:
    root = with_engine(repository(tmp_path))
    ours, theirs = (Examiner(Tree(root), Cache(None), engine) for engine in ("carnet", "moteur"))  # type: ignore[arg-type]
    for path in sorted((samples / "cda").glob("*.xml")):
        data = path.read_bytes()
        said = [[comparable(step) for step in one.examine(data).steps] for one in (ours, theirs)]
        assert said[0] == said[1], path.name
        assert said[0][4][1] > 0, path.name  # type: ignore[index]


def test_a_copy_without_an_engine_says_so(tmp_path: Path) -> None:
    steps = Examiner(Tree(repository(tmp_path)), Cache(None), "moteur").examine(document()).steps
    assert {note.code for note in steps[3].notes} == {"ENGINE_MISSING"} and steps[3].status == "not_applied"
    engine = with_engine(tmp_path) / "schematrons/moteur/iso_svrl_for_xslt2.xsl"
    engine.write_text('<xsl:stylesheet version="2.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><x/>')
    steps = Examiner(Tree(tmp_path), Cache(None), "moteur").examine(document()).steps
    assert {note.code for note in steps[3].notes} == {"ENGINE_FAILED"}


@cache
def engine() -> Moteur:
    return Moteur(Tree(with_engine(repository(Path(tempfile.mkdtemp())))))


@cache
def saxon() -> Saxon:
    return Saxon()


CONTEXTS = ["*", "cda:a", "cda:b", "cda:a/cda:b", "cda:a | cda:c", "*[@k]", "@k", "cda:b/@k", "/", "/*", "cda:c[2]"]
TESTS = [
    "@k",
    "@k = 'x'",
    "$global = 'x'",
    "$locale",
    "$heritee",
    "cda:b",
    "count(*) > 1",
    "not(..)",
    "some $n in * satisfies $n/@k",
    "following-sibling::*",
    "true()",
    "false()",
    "matches(string(@k), '^[xy]+$')",
    "contains('&lt;', @k)",
    "if (@k) then $globale_2 else ()",
]
spoken = st.tuples(
    st.sampled_from(["assert", "report"]),
    st.sampled_from(TESTS),
    st.sampled_from(["", 'role="error"', 'role="warning"', 'flag="info" id="i{1}"', 'see="urn:a?{b}"']),
    st.sampled_from(["Texte.", "A <name/> B", "  {x} &lt; <emph>e</emph> ", '<value-of select="@k"/>', "", "l'été"]),
).map(lambda one: f'<{one[0]} test="{one[1]}" {one[2]}>{one[3]}</{one[0]}>')
body = st.lists(
    st.one_of(
        spoken,
        st.sampled_from(['<let name="locale" value="@k"/>', '<extends rule="r0"/>', '<extends rule="r1"/>']),
    ),
    max_size=5,
).map("".join)
rule = st.tuples(st.sampled_from(CONTEXTS), body).map(
    lambda one: (
        f'<rule context="{one[0]}"><let name="locale" value="*/@k"/><let name="heritee" value="1"/>{one[1]}</rule>'
    )
)
abstract = st.lists(spoken, max_size=3).map("".join)
pattern = st.lists(rule, min_size=1, max_size=4).map("".join)
tree = st.recursive(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["", ' k="x"', ' k="zz"'])).map(lambda t: f"<{t[0]}{t[1]}/>"),
    lambda inner: st.tuples(
        st.sampled_from("abc"), st.sampled_from(["", ' k="x"', ' k="y"']), st.lists(inner, max_size=3)
    ).map(lambda t: f"<{t[0]}{t[1]}>{''.join(t[2])}</{t[0]}>"),
    max_leaves=8,
)


def where(location: str) -> str:
    """Without what the engine leaves out: positions, what an attribute is of, and the document above its root."""
    return "/r" if location == "/" else re.sub(r"\[\d+\]|^.*(?=/@)", "", location)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(patterns=st.lists(pattern, min_size=1, max_size=3), zero=abstract, one=abstract, data=tree)
def test_any_small_schematron_means_the_same_to_both(patterns: list[str], zero: str, one: str, data: str) -> None:
    """Contexts, order of rules, variables of each kind, inherited rules, attributes as contexts, braces in texts."""
    from quality.ans.assembly import assemble
    from quality.ans.prepare import prepare

    text = (
        f'<schema {SCH} queryBinding="xslt2">{NS}<let name="global" value="\'x\'"/>'
        f'<pattern id="h"><let name="globale_2" value="//@k"/><rule abstract="true" id="r0">'
        f'<let name="locale" value="2"/><let name="heritee" value="@k"/>{zero}</rule>'
        f'<rule abstract="true" id="r1"><let name="locale" value="."/>'
        f'<let name="heritee" value="()"/><extends rule="r0"/>{one}</rule></pattern>'
    )
    text += "".join(f'<pattern id="p{number}">{rules}</pattern>' for number, rules in enumerate(patterns)) + "</schema>"
    with tempfile.TemporaryDirectory() as folder:
        copy = Tree(repository(Path(folder), **{MODEL: text}))
        said = []
        for make in (stylesheet, engine().stylesheet):
            assembled = assemble(copy, MODEL)
            assert not isinstance(assembled, tuple)
            sheet = make(prepare(copy, MODEL, assembled).schema)
            assert isinstance(sheet, str)
            failed = saxon().compile("s", sheet)
            if said and failed == CRASH:
                return  # Saxon 13.1 ends on some of what the engine writes
            assert failed is None
            assert saxon().parse("d", f'<r xmlns="urn:hl7-org:v3">{data}</r>') is None
            result = saxon().run("s", "d", {})
            if said and result == CRASH:
                return
            assert isinstance(result, str)
            report = read(result)
            assert report is not None
            found = {(f.level, f.pattern, f.id, where(f.location), f.fr) for f in report.findings}
            said.append((report.fired, sorted(found), report.stopped))
    assert said[0] == said[1]
