"""What is held against a document, in which order, what is said, and what is said not to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from quality.ans import Cache, Examined, Examiner, Step, Tree
from quality.ans.examine import LARGEST
from tests.ans import CR_BIO, FILES, HEADER, LDL_SES, MODEL, NS, SCH, TERMINOLOGY, document, repository

GOOD = document(set_id="7")


def examine(root: Path, data: bytes = GOOD) -> Examined:
    return Examiner(Tree(root), Cache(None)).examine(data)


def step(examined: Examined, name: str) -> Step:
    return next(one for one in examined.steps if one.name.endswith(name))


def notes(one: Step) -> dict[str, tuple[str, ...]]:
    return {note.code: note.names for note in one.notes}


def said(one: Step) -> list[tuple[str, str, str]]:
    return [(finding.level, finding.location, finding.fr) for finding in one.findings]


def schematron(body: str) -> str:
    return f'<schema {SCH} queryBinding="xslt2">{NS}{body}</schema>'


def test_everything_is_applied_in_the_order_of_ans(tmp_path: Path) -> None:
    examined = examine(repository(tmp_path))
    assert examined.model == "LDL-SES 2022.01"
    assert [(one.kind, one.name.rpartition("/")[2], one.fired) for one in examined.steps] == [
        ("xsd", "CDA_extended.xsd", 0),
        ("profile", "IHE.sch", 1),
        ("profile", "terminologie.sch", 2),
        ("profile", "CI-SIS_ModelesDeContenusCDA.sch", 0),
        ("profile", "ASIP-STRUCT-MIN-StrucMin.sch", 3),
        ("profile", "CI-SIS_Modeles_ANS.sch", 1),
        ("model", "CI-SIS_LDL-SES_2022.01.sch", 2),
    ]
    assert not [finding for one in examined.steps for finding in one.findings]
    assert notes(step(examined, "ModelesDeContenusCDA.sch")) == {"NOTHING_TESTED": ()}


def test_a_finding_has_its_level_place_sentence_and_rule(tmp_path: Path) -> None:
    data = document(set_id="7", confidentiality="V", body=" ").replace(b"<title>Biochimie</title>", b"")
    data = data.replace(b'code="18719-5"', b'code="1-8"').replace(b"fr-FR", b"fr-XX")
    examined = examine(repository(tmp_path), data)
    section = "/ClinicalDocument/component[1]/structuredBody[1]/component[1]/section[1]"
    assert said(step(examined, "IHE.sch")) == [
        ("warning", section, "Une section doit porter un titre ; section n'en a pas."),
        ("advice", section, "Le texte de la section est vide."),
    ]
    assert said(step(examined, "StrucMin.sch")) == [
        ("error", "/ClinicalDocument/confidentialityCode[1]", "Code de confidentialité.")
    ]
    in_list, obligatory = sorted(step(examined, "LDL-SES_2022.01.sch").findings, key=lambda finding: finding.pattern)
    assert (in_list.level, in_list.pattern, in_list.location) == (
        "error",
        "JDV_essai",
        "/ClinicalDocument/languageCode[1]",
    )
    assert (obligatory.pattern, obligatory.rule, obligatory.id) == ("variables", "sections", "a1")


def test_the_sentence_says_what_it_speaks_of_and_never_its_value(tmp_path: Path) -> None:
    """A literal of the schematron is text; anything else is the expression, in braces."""
    examined = examine(repository(tmp_path), document().replace(b"fr-FR", b"DUPONT"))
    assert [finding.fr for finding in step(examined, "LDL-SES_2022.01.sch").findings] == [
        "[dansListe] L'élément ClinicalDocument/languageCode ({@code}) doit être dans ../jeuxDeValeurs/JDV_Essai.xml."
    ]
    assert [finding.fr for finding in step(examined, "StrucMin.sch").findings] == [
        'dtr1-II : "{@root}" n\'est pas un OID (^[0-2](\\.(0|[1-9]\\d*))*$).'
    ]


def test_levels_follow_role_and_flag(tmp_path: Path) -> None:
    said = [("role", "fatal"), ("flag", "Warning"), ("role", "information"), ("role", "unheard-of"), ("id", "x")]
    asserts = "".join(f'<assert test="false()" {name}="{value}">{value}</assert>' for name, value in said)
    body = f'<pattern><rule context="/*">{asserts}<report test="true()">report</report></rule></pattern>'
    found = step(examine(repository(tmp_path, **{MODEL: schematron(body)})), "LDL-SES_2022.01.sch").findings
    assert [(finding.fr, finding.level) for finding in found] == [
        ("fatal", "error"),
        ("Warning", "warning"),
        ("information", "advice"),
        ("unheard-of", "error"),
        ("x", "error"),
        ("report", "warning"),
    ]


def test_files_under_another_case_are_found_and_told(tmp_path: Path) -> None:
    examined = examine(repository(tmp_path))
    assert notes(step(examined, "IHE.sch")) == {"INCLUDE_CASE": ("schematrons/include/sections/S_titre.sch",)}
    assert notes(step(examined, "CDA_extended.xsd"))["FILE_CASE"] == ("infrastructure/cda/general/Types.xsd",)
    assert step(examined, "IHE.sch").status == "applied"


def test_two_files_that_differ_in_case_alone_are_not_guessed(tmp_path: Path) -> None:
    root = repository(tmp_path, **{"schematrons/include/sections/S_TITRE.sch": "<x/>"})
    if len(list((root / "schematrons/include/sections").iterdir())) < 2:
        pytest.skip("a file system that ignores case holds only one of them")
    assert "INCLUDE_MISSING" in notes(step(examine(root), "IHE.sch"))


def test_a_missing_part_is_named_and_the_rest_applied(tmp_path: Path) -> None:
    root = repository(tmp_path)
    one = step(examine(root), "CI-SIS_Modeles_ANS.sch")
    assert (one.status, notes(one)) == ("partly", {"INCLUDE_MISSING": ("schematrons/include/entrees/E_absente.sch",)})
    assert one.fired == 1
    entry = root / "schematrons/include/entrees/E_absente.sch"
    entry.parent.mkdir(parents=True)
    entry.write_text(f'<pattern {SCH} id="E_absente"><rule context="/*"><assert test="0">Là.</assert></rule></pattern>')
    again = step(examine(root), "CI-SIS_Modeles_ANS.sch")
    assert (again.status, [finding.fr for finding in again.findings]) == ("applied", ["Là."])


def test_a_folder_that_is_an_empty_file_is_a_missing_part(tmp_path: Path) -> None:
    examined = examine(repository(tmp_path), document(template=CR_BIO, version="2023.01"))
    one = step(examined, "CI-SIS_BIO-CR-BIO_2023.01.sch")
    assert notes(one) == {
        "INCLUDE_MISSING": ("schematrons/include/specificationsVolets/BIO-CR-BIO_2023.01/Entete.sch",)
    }
    assert (one.status, one.fired) == ("partly", 1)


@pytest.mark.parametrize("text", ["", "<pattern", f'<schema {SCH} queryBinding="xslt2"/>'])
def test_a_part_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    one = step(examine(repository(tmp_path, **{"schematrons/include/sections/S_Titre.sch": text})), "IHE.sch")
    assert notes(one) == {
        "INCLUDE_UNREADABLE": ("schematrons/include/sections/S_titre.sch",),
        "NOTHING_TESTED": (),
    }


def test_a_value_set_that_is_missing_is_made_from_its_source(tmp_path: Path) -> None:
    """And told; with the source gone too, the assertion is left out, and told."""
    one = step(examine(repository(tmp_path)), "StrucMin.sch")
    assert notes(one) == {
        "FILE_MADE": ("include/voc-1.2.3.4-DYNAMIC.xml",),
        "ASSERTIONS_WITHOUT_FILE": ("include/voc-9.9.9-DYNAMIC.xml",),
    }
    without = repository(tmp_path / "without", **{"jeuxDeValeurs/JDV_J00_Essai.xml": None})
    other = step(examine(without, document(set_id="7", confidentiality="V")), "StrucMin.sch")
    assert notes(other)["ASSERTIONS_WITHOUT_FILE"] == (
        "include/voc-1.2.3.4-DYNAMIC.xml",
        "include/voc-9.9.9-DYNAMIC.xml",
    )
    assert other.status == "partly" and not other.findings


def test_a_terminology_is_looked_up_where_there_is_one(tmp_path: Path) -> None:
    wrong = document(set_id="7", code="99999-9")
    one = step(examine(repository(tmp_path), wrong), "terminologie.sch")
    assert [finding.fr for finding in one.findings] == ["Ce code n'est pas dans la terminologie {@codeSystem}."]
    assert notes(one) == {"CODE_SYSTEMS_ABSENT": ("2.16.840.1.113883.5.25",)} and one.status == "partly"


def test_terminologies_that_are_not_there_are_said_not_to_be(tmp_path: Path) -> None:
    none = {"schematrons/profils/terminologies/terminologie/2.16.840.1.113883.6.1.rdf": None}
    one = step(examine(repository(tmp_path, **none)), "terminologie.sch")
    assert one.status == "not_applied" and notes(one) == {"TERMINOLOGIES_MISSING": ("../terminologie/….rdf",)}


@pytest.mark.parametrize(
    ("template", "version", "model", "code"),
    [
        (LDL_SES, "2022.01", "LDL-SES 2022.01", ""),
        (LDL_SES, "2099.01", "LDL-SES 2099.01", "MODEL_ABSENT"),
        (LDL_SES, None, "LDL-SES", "MODEL_VERSION_MISSING"),
        (LDL_SES, "DUPONT", "LDL-SES", "MODEL_VERSION_MISSING"),
        (CR_BIO, None, "BIO-CR-BIO 2021.01", "MODEL_ABSENT"),
        ("1.2.250.1.213.1.1.1.12.5", "2022.01", "OBP-SCE 2022.01", ""),
        ("1.2.3", "2022.01", "", "MODEL_UNKNOWN"),
    ],
)
def test_the_model_is_that_of_the_template_and_version(
    tmp_path: Path, template: str, version: str | None, model: str, code: str
) -> None:
    body = '<pattern><rule context="/*"><assert test="true()"/></rule></pattern>'
    root = repository(tmp_path, **{"schematrons/CI-SIS_obp-sce_2022.01.sch": schematron(body)})
    examined = examine(root, document(template=template, version=version))
    last = examined.steps[-1]
    assert (examined.model, last.kind) == (model, "model")
    assert (last.status, list(notes(last))) == (("not_applied", [code]) if code else ("applied", []))


def test_the_versions_that_are_there_are_told(tmp_path: Path) -> None:
    last = examine(repository(tmp_path), document(version="2099.01")).steps[-1]
    assert notes(last)["MODEL_ABSENT"] == ("CI-SIS_LDL-SES_2099.01.sch", "CI-SIS_LDL-SES_2022.01.sch")


def test_the_most_specific_template_chooses_wherever_it_stands(tmp_path: Path) -> None:
    first = document().replace(
        b"<realmCode", b'<templateId root="1.2.250.1.213.1.1.1.5.1" extension="2024.01"/><realmCode'
    )
    assert examine(repository(tmp_path), first).model == "CSE-CS8 2024.01"


def test_a_document_of_level_1_has_no_model(tmp_path: Path) -> None:
    examined = examine(repository(tmp_path), document(level=1))
    assert notes(examined.steps[-1]) == {"LEVEL_1": ()} and step(examined, "StrucMin.sch").fired == 3


def test_a_document_inside_its_own_stylesheet_is_taken_out(tmp_path: Path) -> None:
    """Its elements and types have the prefix that the stylesheet declares; its stylesheet is never run."""
    plain = document(set_id="7").decode().partition("?>")[2].replace(' xmlns="urn:hl7-org:v3"', "")
    inner = plain.replace("</", "\0").replace("<", "<c:").replace("\0", "</c:").replace("<c:!--", "<!--")
    inner = inner.replace("<c:act ", "<c:observation ").replace("classCode='ACT'", "classCode='NOM' xsi:type='c:PQ'")
    whole = (
        '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:c="urn:hl7-org:v3" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:d="urn:d"><xsl:template match="/">'
        "<xsl:value-of select=\"document('file:///etc/hostname')\"/></xsl:template><d:Contenu>"
        f"{inner}</d:Contenu></xsl:stylesheet>"
    )
    examined = examine(repository(tmp_path), whole.encode())
    assert examined.model == "LDL-SES 2022.01" and step(examined, "LDL-SES_2022.01.sch").status == "applied"
    assert not step(examined, "CDA_extended.xsd").findings
    assert [finding.fr for finding in step(examined, "ModelesDeContenusCDA.sch").findings] == ["classCode vaut OBS."]


def test_a_schematron_that_does_not_compile_stops_itself_alone(tmp_path: Path) -> None:
    broken = schematron('<pattern><rule context="/*"><assert test="$inconnue">x</assert></rule></pattern>')
    examined = examine(repository(tmp_path, **{"schematrons/profils/IHE.sch": broken}))
    one = step(examined, "IHE.sch")
    assert (one.status, notes(one)) == ("not_applied", {"NOT_COMPILED": ("XPST0008",)})
    assert step(examined, "LDL-SES_2022.01.sch").status == "applied"


def test_a_rule_that_fails_stops_itself_alone(tmp_path: Path) -> None:
    body = (
        '<pattern id="p"><rule context="cda:title"><assert test="xs:integer(.) = 1">a</assert></rule>'
        '<rule context="cda:setId"><assert test="false()">b</assert></rule></pattern>'
    )
    root = repository(
        tmp_path, **{MODEL: schematron('<ns prefix="xs" uri="http://www.w3.org/2001/XMLSchema"/>' + body)}
    )
    one = step(examine(root), "LDL-SES_2022.01.sch")
    assert (one.status, notes(one)) == ("partly", {"RULES_STOPPED": ("p (FORG0001)",)})
    assert [finding.fr for finding in one.findings] == ["b"] and one.fired == 3


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    (tmp_path / "schematrons").mkdir()
    examined = examine(tmp_path)
    assert {one.status for one in examined.steps} == {"not_applied"}
    assert [list(notes(one)) for one in examined.steps] == [["FILE_MISSING"]] * 6 + [["MODEL_ABSENT"]]


@pytest.mark.parametrize("text", ["", "<a", "<a/>", '<!DOCTYPE schema SYSTEM "x"><schema/>'])
def test_an_entry_that_is_no_schematron_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    one = step(examine(repository(tmp_path, **{HEADER: text})), "StrucMin.sch")
    assert notes(one) == {"SCHEMATRON_UNREADABLE": (HEADER,)}


def test_what_is_no_document_has_nothing_held_against_it(tmp_path: Path) -> None:
    for data in (b"", b"<a/>", b'<!DOCTYPE a SYSTEM "x"><ClinicalDocument xmlns="urn:hl7-org:v3"/>'):
        examined = examine(repository(tmp_path), data)
        assert {one.status for one in examined.steps} == {"not_applied"} and len(examined.steps) == 7
    large = document(body="A" * LARGEST)
    assert {code for one in examine(tmp_path, large).steps for code in notes(one)} == {"TOO_LARGE_TO_EXAMINE"}


def test_windows_references_and_rules_of_other_files_work(tmp_path: Path) -> None:
    """`..\\include\\x.sch`, and an abstract rule of a pattern outside the phase."""
    text = FILES["schematrons/profils/IHE.sch"].replace("../include/sections/", "..\\include\\sections\\")
    shared = (
        f'<schema {SCH} queryBinding="xslt2" defaultPhase="p">{NS}<phase id="p"><active pattern="a"/></phase>'
        '<pattern id="b"><rule abstract="true" id="r"><assert test="false()">hérité</assert></rule>'
        '<rule context="/*"><assert test="false()">inactif</assert></rule></pattern>'
        '<pattern id="a"><rule context="/*"><extends rule="r"/></rule></pattern></schema>'
    )
    examined = examine(repository(tmp_path, **{"schematrons/profils/IHE.sch": text, MODEL: shared}))
    assert step(examined, "IHE.sch").fired == 1
    assert [finding.fr for finding in step(examined, "LDL-SES_2022.01.sch").findings] == ["hérité"]


def test_rules_that_extend_each_other_in_a_circle_end(tmp_path: Path) -> None:
    body = (
        '<pattern><rule abstract="true" id="a"><extends rule="b"/><assert test="0">a</assert></rule>'
        '<rule abstract="true" id="b"><extends rule="a"/><assert test="0">b</assert></rule>'
        '<rule context="/*"><extends rule="a"/></rule></pattern>'
    )
    one = step(examine(repository(tmp_path, **{MODEL: schematron(body)})), "LDL-SES_2022.01.sch")
    assert {finding.fr for finding in one.findings} == {"a", "b"}


def test_the_terminology_of_a_document_is_the_only_one_read(tmp_path: Path) -> None:
    """A terminology may be huge: one that no code of the document names is not opened."""
    broken = {"schematrons/profils/terminologies/terminologie/1.2.3.rdf": "<not well formed"}
    one = step(examine(repository(tmp_path, **broken)), TERMINOLOGY)
    assert "LOOKUP_UNREADABLE" not in notes(one)
    named = document(set_id="7").replace(b'codeSystem="2.16.840.1.113883.5.25"', b'codeSystem="1.2.3"')
    again = step(examine(tmp_path, named), TERMINOLOGY)
    assert notes(again)["LOOKUP_UNREADABLE"] == ("../terminologie/1.2.3.rdf",)
