"""`carnet check` explains the header of a CDA, bare or in a message, in French and in English."""

from __future__ import annotations

from pathlib import Path

import pytest

from carnet.check import check_file
from carnet.explain import page
from tests.cda import INS
from tests.cda_header import edited, fragments, whole
from tests.hl7 import mdm
from tests.xdm import zipped


def check(folder: Path, data: bytes, name: str = "document.xml") -> dict[str, object]:
    path = folder / name
    path.write_bytes(data)
    return check_file(path)


def test_a_sound_header_is_shown_element_by_element(tmp_path: Path) -> None:
    shown = page(check(tmp_path, whole()), "fr").splitlines()
    assert shown[0] == "document.xml · cda · 1 lu, 1 accepté"
    label = "Lettre de Liaison à la sortie de l'établissement de santé"
    assert shown[2] == f"Document 1 · LDL-SES 2022.01 · {label} · en-tête selon le CI-SIS · conforme"
    assert shown[3:7] == ["      1 ✓ realmCode", "      2 ✓ typeId", "    3-5 ✓ templateId × 3", "      6 ✓ id"]
    assert any(line.endswith("✓ component") for line in shown)


def test_a_fault_is_told_under_its_element_with_place_and_remedy(tmp_path: Path) -> None:
    data = edited("legalAuthenticator", "<family>DESSAI</family>")
    for lang, missing, fix in (
        ("fr", "manque ; le CI-SIS ou CDA R2 l'exige.", "Ajoutez"),
        ("en", "is missing; the CI-SIS or CDA R2 requires it.", "Add"),
    ):
        shown = page(check(tmp_path, data), lang)  # type: ignore[arg-type]
        place = "/ClinicalDocument/legalAuthenticator/assignedEntity/assignedPerson/name/family"
        at = shown.index("✗ legalAuthenticator")
        assert place in shown[at:] and missing in shown[at:] and f"→ {fix} {place}" in shown[at:]


def test_what_is_missing_is_told_at_the_end_and_changes_no_end(tmp_path: Path) -> None:
    report = check(tmp_path, whole(legalAuthenticator="", realmCode=""))
    assert report["items"]["accepted"] == 1  # type: ignore[index]
    shown = page(report, "fr").splitlines()
    assert "        ✗ absents" in shown
    assert sum("[CDA_ELEMENT_MISSING]" in line for line in shown) == 2


def test_the_same_fault_is_explained_once(tmp_path: Path) -> None:
    author = fragments()["author"].replace("899000000017", "1")
    shown = page(check(tmp_path, whole(author=author * 3)), "en")
    assert shown.count("does not have the form of a national identifier") == 1
    assert shown.count("same remark [NATIONAL_ID]") == 2


def test_a_document_in_a_message_is_explained_too(tmp_path: Path) -> None:
    report = check(tmp_path, mdm(edited("author", "re:<code.*?/>")), "message.hl7")
    (header,) = report["headers"]  # type: ignore[misc]
    assert (header["model"], header["locator"]) == ("LDL-SES", "message 1, document 1, OBX 1")
    assert [row["code"] for row in report["header_findings"]] == ["CDA_ELEMENT_ADVISED"]  # type: ignore[attr-defined]
    assert "Message 1" in page(report, "fr") and "Document 1" in page(report, "fr")


def test_each_document_of_an_archive_is_explained_and_a_bomb_is_not_unpacked_for_it(tmp_path: Path) -> None:
    other = whole(id='<id root="1.2.250.1.999.1.78"/>', realmCode="")
    report = check(tmp_path, zipped({"a.xml": whole(), "b.xml": other}), "two.zip")
    assert [header["locator"] for header in report["headers"]] == ["member 1", "member 2"]  # type: ignore[attr-defined]
    assert [row["document"] for row in report["header_findings"]] == [2]  # type: ignore[attr-defined]
    bomb = zipped({"a.xml": whole() + b" " * (40 << 20)})
    assert check(tmp_path, bomb, "bomb.zip")["headers"] == []


@pytest.mark.parametrize("data", [b"", b"<a/>", b"<ClinicalDocument/>", b"\xff\xfe<", b"not xml"])
def test_what_is_no_document_has_no_header(tmp_path: Path, data: bytes) -> None:
    report = check(tmp_path, data)
    assert (report["headers"], report["header_findings"], report["headers_left"]) == ([], [], 0)


def test_no_value_of_the_document_is_shown(tmp_path: Path) -> None:
    data = edited("recordTarget", INS, INS[:-1]).replace(b"<county>44109", b"<county>PERDU")
    for lang in ("fr", "en"):
        shown = page(check(tmp_path, data), lang)  # type: ignore[arg-type]
        assert not [value for value in (INS[:-1], "HOSTIS", "PERDU", "DESSAI") if value in shown]
