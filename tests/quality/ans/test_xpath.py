"""What is told of an XPath expression without evaluating it."""

from __future__ import annotations

import pytest

from quality.ans.xpath import Read, confined, followed, literal, reads, variables

LETS = {"dossier": "'../terminologie/'", "jdv": "'../jeuxDeValeurs/X.xml'", "autre": "$jdv", "systeme": "@codeSystem"}


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("document('a.xml')//c", [Read("a.xml")]),
        ("document($jdv)//c[@code = $code]", [Read("../jeuxDeValeurs/X.xml")]),
        ("doc($autre)", [Read("../jeuxDeValeurs/X.xml")]),
        ('fn:doc("a b.xml")', [Read("a b.xml")]),
        ("doc(concat($dossier, 'x', '.xml'))", [Read("../terminologie/x.xml")]),
        ("doc(concat($dossier, $systeme, '.rdf'))", [Read("../terminologie/", ".rdf")]),
        ("doc-available(concat($dossier, string(@codeSystem), '.rdf'))", [Read("../terminologie/", ".rdf", False)]),
        ("doc('a.xml') or doc('b.xml')", [Read("a.xml"), Read("b.xml")]),
        ("'doc(x)' = @code", []),
        ("my-doc('a.xml') or x:doc('b.xml') or $doc or document-node()", []),
    ],
)
def test_the_files_that_an_expression_reads_are_told(said: str, found: list[Read]) -> None:
    assert reads(said, LETS) == (found, True)


@pytest.mark.parametrize("said", ["doc(@href)", "document($inconnu)", "doc(concat(@a, @b))", "doc('a"])
def test_a_file_that_only_the_document_knows_is_not_guessed(said: str) -> None:
    assert reads(said, LETS) == ([], False)


def test_what_reads_files_is_renamed_outside_literals_only() -> None:
    said = "document($a)//x[. = 'doc(1)'] and doc-available( \"doc('x')\" ) and fn:doc('b') and a:doc(1)"
    assert confined(said) == (
        "carnet-ans:document($a)//x[. = 'doc(1)'] and carnet-ans:doc-available( \"doc('x')\" ) "
        "and carnet-ans:doc('b') and a:doc(1)"
    )


def test_variables_and_literals() -> None:
    assert variables("$a + $b:c - '$d' + \"$e\"") == {"a", "b:c"}
    assert literal(" 'l''un' ") == "l'un" and literal('"a"') == "a" and literal("'a' = 'b'") is None
    assert followed("$autre", LETS) == LETS["jdv"] and followed("$tour", {"tour": "$tour"}) == "$tour"
