"""Every code that can end or flag an item has words in two languages, and quotes nobody."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from quality.ans.notes import sentences
from quality.catalogue import catalogue
from quality.conformance import words

ROOT = Path(__file__).parents[2]
NOT_CODES = re.compile(
    r"ACK_|CARNET_|GX_|HK|ORU_|XDG_|LC_ALL"
    r"|CISIS_|COMP_LOT|CONNEXION_SECRETE|INVISIBLE_|MASQUE_|MODIF_|DEST|DMP_ERROR_CODE|LECTEUR_MSS|IHE_XDM"
    r"|EIVL_|IVL_|PIVL_|SXPR_|POCD_|XFRM_"
    r"|JDV_|TA_"
)
"""Beginnings of capitals with an underscore that are no code of ours: flags and files, types of HL7, tables."""


CONFORMANCE = ROOT / "quality" / "conformance"
ANS = ROOT / "quality" / "ans"


def test_every_code_in_the_source_is_in_the_catalogue() -> None:
    paths = [path for package in ("connectors", "transforms", "quality") for path in (ROOT / package).rglob("*.py")]
    apart = {CONFORMANCE, ANS}
    used = _codes([path for path in paths if apart.isdisjoint(path.parents)] + [*(ROOT / "carnet").glob("*.py")])
    assert sorted(code for code in used - set(catalogue()) - set(sentences()) if not NOT_CODES.match(code)) == []


def test_what_conformance_says_has_words_of_its_own() -> None:
    """Conformance explains and ends nothing (decision 0033): its codes are no codes of the catalogue."""
    used = _codes(CONFORMANCE.rglob("*.py"))
    assert sorted(code for code in used - set(words()) - set(catalogue()) if not NOT_CODES.match(code)) == []
    assert set(words()).isdisjoint(catalogue())


def test_what_is_said_of_ans_files_has_words_of_its_own() -> None:
    """Every note is used, and shares no code with what ends an item or tells of a message."""
    used = _codes([*ANS.rglob("*.py"), ROOT / "carnet" / "ans.py"])
    used = {code for code in used if not NOT_CODES.match(code)}
    assert used == set(sentences()) and used.isdisjoint(catalogue()) and used.isdisjoint(words())
    for row in sentences().values():
        assert row.fr != row.en and row.fr.format(names="x") and row.en.format(names="x"), row.code


def _codes(paths: Iterable[Path]) -> set[str]:
    said = (re.findall(r'"([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)"', path.read_text("utf-8")) for path in paths)
    return {code for codes in said for code in codes}


def test_every_code_says_what_is_wrong_and_what_to_do_in_both_languages() -> None:
    for row in catalogue().values():
        assert row.default in ("flagged", "held", "refused", "ignored"), row.code
        for sentence in (row.fr, row.en, row.fix_fr, row.fix_en):
            assert sentence.endswith((".", ")")) and len(sentence) > 10, row.code
        assert row.fr != row.en
