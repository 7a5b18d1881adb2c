"""`carnet check --ans`: ANS's checks of CDA documents, on a page a person can read and as data, beside the rest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import Any

import msgspec
import pytest

from carnet.ans import EXAMINED, open_copy
from carnet.check import check_file
from carnet.explain import page
from carnet.outputs import CheckReport
from tests.ans import document, repository, with_engine
from tests.cda import cda
from tests.mail import mail
from tests.quality.conformance.whole import encoded, oru, put
from tests.xdm import xdm, zipped

GOOD = document(set_id="7")
BAD = document(set_id="7", body=" ", confidentiality="V")


def checked(tmp_path: Path, data: bytes, name: str = "essai.xml", *, ans: bool = True) -> dict[str, Any]:
    path = tmp_path / name
    path.write_bytes(data)
    copy = open_copy(repository(tmp_path / "copy"), tmp_path / "cache") if ans else None
    report = check_file(path, copy)
    msgspec.convert(json.loads(json.dumps(report)), CheckReport, strict=True)
    return report


def run(*words: str, **environment: str) -> tuple[int, str, str]:
    answer = subprocess.run(
        [sys.executable, "-m", "carnet", "check", *words],
        capture_output=True,
        text=True,
        env=os.environ | {"LC_ALL": "fr_FR.UTF-8"} | environment,
        timeout=120,
    )
    return answer.returncode, answer.stdout, answer.stderr


def test_without_a_copy_it_is_said_that_they_were_not_applied(tmp_path: Path) -> None:
    report = checked(tmp_path, GOOD, ans=False)
    assert not report["ans"]["applied"] and report["ans"]["documents"] == []
    assert page(report, "fr").splitlines()[-1] == (
        "Les schématrons de l'ANS n'ont pas été appliqués : donnez avec --ans le dossier de votre copie de son dépôt "
        "de test."
    )
    assert page(report, "en").splitlines()[-1] == (
        "ANS schematrons were not applied: give the folder of your copy of its test repository with --ans."
    )


def test_a_file_without_documents_is_not_spoken_of(tmp_path: Path) -> None:
    report = checked(tmp_path, b"<a/>", ans=False)
    assert "ANS" not in page(report, "fr") and report["documents"] == 0


def test_the_page_tells_each_check_its_sentences_and_places(tmp_path: Path) -> None:
    said = page(checked(tmp_path, BAD), "fr").splitlines()
    assert said[0] == "essai.xml · cda · 1 lu, 1 accepté"
    assert "Document 1 · LDL-SES 2022.01 · contrôles de l'ANS : 1 erreur, 1 conseil" in said
    at = said.index("  · IHE.sch · 1 règle vérifiée")
    assert said[at : at + 4] == [
        "  · IHE.sch · 1 règle vérifiée",
        "      (parties trouvées sous une autre casse : schematrons/include/sections/S_titre.sch)",
        "      · Le texte de la section est vide.",
        "          /ClinicalDocument/component[1]/structuredBody[1]/component[1]/section[1]",
    ]
    assert "  ✗ ASIP-STRUCT-MIN-StrucMin.sch · 3 règles vérifiées · appliqué en partie" in said
    assert said[-1] == "  ✓ CI-SIS_LDL-SES_2022.01.sch · 2 règles vérifiées"
    english = page(checked(tmp_path, BAD), "en").splitlines()
    assert "Document 1 · LDL-SES 2022.01 · ANS checks: 1 error, 1 hint" in english
    assert english[-1] == "  ✓ CI-SIS_LDL-SES_2022.01.sch · 2 rules tested"


def test_what_was_not_applied_is_told_with_why(tmp_path: Path) -> None:
    report = checked(tmp_path, document(level=1, set_id="7"))
    assert page(report, "fr").splitlines()[-1] == (
        "  - schématron du modèle · non appliqué : document de niveau 1 : son corps n'est pas structuré et aucun "
        "modèle ne le décrit"
    )
    assert [step["status"] for step in report["ans"]["documents"][0]["steps"]][-1] == "not_applied"


def test_a_sentence_said_of_many_places_is_told_once(tmp_path: Path) -> None:
    section = "<component><section><title>T</title><text/></section></component>"
    data = GOOD.replace(b"</structuredBody>", section.encode() * 9 + b"</structuredBody>")
    said = page(checked(tmp_path, data), "fr")
    assert said.count("Le texte de la section est vide.") == 1 and "et 6 autre(s) endroit(s)" in said


def test_the_data_has_the_fields_of_its_contract(tmp_path: Path) -> None:
    report = checked(tmp_path, BAD)["ans"]
    assert report["applied"] and report["levels"] == {"error": 1, "warning": 0, "advice": 1}
    (one,) = report["documents"]
    assert (one["locator"], one["model"], len(one["steps"])) == ("file", "LDL-SES 2022.01", 7)
    assert one["steps"][1] | {"notes": []} == {
        "name": "schematrons/profils/IHE.sch",
        "kind": "profile",
        "status": "applied",
        "rules_fired": 1,
        "levels": {"error": 0, "warning": 0, "advice": 1},
        "notes": [],
    }
    assert report["findings"][0] == {
        "document": 1,
        "step": "schematrons/profils/IHE.sch",
        "level": "advice",
        "pattern": "S_titre",
        "rule": "titre",
        "assertion": "",
        "location": "/ClinicalDocument/component[1]/structuredBody[1]/component[1]/section[1]",
        "line": 0,
        "message_fr": "Le texte de la section est vide.",
        "message_en": "Le texte de la section est vide.",
        "see": "",
    }


def test_documents_in_messages_are_found_where_they_are(tmp_path: Path) -> None:
    report = checked(tmp_path, encoded(oru()) * 2, "essai.hl7")
    assert [one["locator"] for one in report["ans"]["documents"]] == [
        "message 1, document 1, OBX 1",
        "message 2, document 1, OBX 1",
    ]
    assert {one["model"] for one in report["ans"]["documents"]} == {""}


def test_documents_in_archives_and_mails_are_found_where_they_are(tmp_path: Path) -> None:
    report = checked(tmp_path, zipped({"a.xml": GOOD, "b.xml": BAD}), "essai.zip")
    found = [(one["locator"], one["levels"]["error"]) for one in report["ans"]["documents"]]
    assert found == [("member 1", 0), ("member 2", 1)]
    report = checked(tmp_path, mail(("IHE_XDM.ZIP", xdm(BAD))), "essai.eml")
    (one,) = report["ans"]["documents"]
    assert one["levels"]["error"] == 1 and one["locator"] == "member 2/4"
    assert not checked(tmp_path, zipped({"a.zip": zipped({"b.zip": zipped({"c.xml": BAD})})}), "z.zip")["ans"][
        "documents"
    ]


def test_a_large_batch_is_examined_in_bounds_that_are_said(tmp_path: Path) -> None:
    report = checked(tmp_path, encoded(oru()) * (EXAMINED + 5), "essai.hl7")
    assert len(report["ans"]["documents"]) == EXAMINED and report["ans"]["documents_left"] == 5
    assert page(report, "fr").splitlines()[-1] == "Documents non examinés : 5."


def test_it_changes_no_end(tmp_path: Path) -> None:
    assert checked(tmp_path, BAD)["items"] == checked(tmp_path, BAD, ans=False)["items"]


def test_a_document_that_is_refused_is_not_examined(tmp_path: Path) -> None:
    report = checked(tmp_path, b'<!DOCTYPE a SYSTEM "x">' + GOOD.partition(b"?>")[2])
    assert report["items"]["refused"] == 1 and report["ans"]["documents"] == []


def test_the_command_says_it_and_its_exit_code_is_that_of_the_ends(tmp_path: Path) -> None:
    root, cache = repository(tmp_path / "copy"), tmp_path / "cache"
    path = tmp_path / "essai.xml"
    path.write_bytes(BAD)
    words = (str(path), "--ans", str(root), "--ans-cache", str(cache))
    code, said, _ = run(*words)
    assert code == 0 and "contrôles de l'ANS : 1 erreur, 1 conseil" in said
    assert run(*words, "--strict")[0] == 1
    with_engine(root)
    code, said, errors = run(*words, "--ans-moteur", "--json")
    assert code == 0 and errors == ""
    assert [step["status"] for step in json.loads(said)["ans"]["documents"][0]["steps"]].count("not_applied") == 0


def test_strict_counts_errors_of_messages_too(tmp_path: Path) -> None:
    path = tmp_path / "essai.hl7"
    path.write_bytes(encoded(put(oru(), "OBX-5.1", "O", 3)))
    assert run(str(path), "--strict")[0] == 1


@pytest.mark.parametrize("folder", ["absent", "vide"])
def test_a_folder_that_is_no_copy_is_said_to_be_none(tmp_path: Path, folder: str) -> None:
    (tmp_path / "vide").mkdir()
    path = tmp_path / "essai.xml"
    path.write_bytes(GOOD)
    code, said, errors = run(str(path), "--ans", str(tmp_path / folder))
    assert code == 2 and said == "" and errors.startswith("carnet: --ans")


def test_what_is_kept_lies_in_the_cache_of_the_user(tmp_path: Path) -> None:
    root = repository(tmp_path / "copy")
    path = tmp_path / "essai.xml"
    path.write_bytes(GOOD)
    assert run(str(path), "--ans", str(root), XDG_CACHE_HOME=str(tmp_path / "xdg"))[0] == 0
    assert len(list((tmp_path / "xdg" / "carnet" / "ans").iterdir())) == 6


def test_a_second_check_takes_under_two_seconds(tmp_path: Path) -> None:
    """The whole command, Saxon's process included, in seconds of processor."""
    path = tmp_path / "essai.xml"
    path.write_bytes(BAD)
    words = (str(path), "--ans", str(repository(tmp_path / "copy")), "--ans-cache", str(tmp_path / "cache"))
    run(*words)
    before = getrusage(RUSAGE_CHILDREN)
    assert run(*words)[0] == 0
    after = getrusage(RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2


def test_no_sample_gives_away_its_patient(samples: Path, tmp_path: Path) -> None:
    """Names, numbers and dates of the people of the real documents, in the page and in the data."""
    copy = open_copy(repository(tmp_path / "copy"), tmp_path / "cache")
    secrets = {"PAT-TROIS", "DOMINIQUE", "279035121518989", "277076322082910", "DECOURCY", "PATIENT-", "19790328"}
    for path in sorted((samples / "cda").glob("*.xml")):
        report = check_file(path, copy) | {"file": ""}
        told = json.dumps(report, ensure_ascii=False) + page(report, "fr") + page(report, "en")
        assert not [secret for secret in secrets if secret in told], path.name
        assert report["ans"]["documents"], path.name


def test_a_document_of_no_known_model_is_told_so(tmp_path: Path) -> None:
    report = checked(tmp_path, cda())
    assert "aucun templateId du document n'est celui d'un modèle connu" in page(report, "fr").splitlines()[-1]
