"""What is kept between runs, for how long, and what becomes of Saxon's process."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import msgspec
import pytest

from quality.ans import Cache, Examined, Examiner, Tree
from quality.ans.saxon import CRASH, Failure, Saxon
from tests.ans import FILES, MODEL, SCH, document, repository

TITLE = "schematrons/include/sections/S_Titre.sch"
ABSENT = "schematrons/include/entrees/E_absente.sch"
BAD = document(set_id="7", body=" ")


def examine(root: Path, cache: Path, data: bytes = BAD) -> Examined:
    return Examiner(Tree(root), Cache(cache)).examine(data)


def kept(cache: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in cache.iterdir()}


def test_a_second_run_takes_what_the_first_kept(tmp_path: Path) -> None:
    root, cache = repository(tmp_path / "copy"), tmp_path / "cache"
    first = examine(root, cache)
    before = kept(cache)
    assert len(before) == 6
    assert examine(root, cache) == first and kept(cache) == before


def test_a_run_without_a_cache_says_the_same(tmp_path: Path) -> None:
    root = repository(tmp_path)
    assert Examiner(Tree(root), Cache(None)).examine(BAD) == examine(root, tmp_path / "cache")


@pytest.mark.parametrize(
    ("path", "text", "place", "expected"),
    [
        (TITLE, FILES[TITLE].replace("vide", "blanc"), 1, "Le texte de la section est blanc."),
        (
            "schematrons/abstract/dansListe.sch",
            FILES["schematrons/abstract/dansListe.sch"].replace("[dansListe]", "[neuf]").replace("@nullFlavor or", ""),
            6,
            None,
        ),
        (ABSENT, f'<pattern {SCH}><rule context="/*"><assert test="0">Arrivé.</assert></rule></pattern>', 5, "Arrivé."),
        (
            "jeuxDeValeurs/JDV_J01_Neuf.xml",
            '<ValueSet xmlns="urn:ihe:iti:svs:2008" id="9.9.9"><ConceptList/></ValueSet>',
            4,
            "Jamais dit.",
        ),
    ],
    ids=["an included part", "an abstract pattern", "a part that was absent", "the source of a value set"],
)
def test_a_file_that_changes_or_comes_is_seen(
    tmp_path: Path, path: str, text: str, place: int, expected: str | None
) -> None:
    root, cache = repository(tmp_path / "copy"), tmp_path / "cache"
    examine(root, cache)
    before = kept(cache)
    repository(root, **{path: text})
    said = {finding.fr for finding in examine(root, cache).steps[place].findings}
    assert kept(cache) != before and (expected is None or expected in said)


def test_a_file_that_goes_is_seen(tmp_path: Path) -> None:
    root, cache = repository(tmp_path / "copy"), tmp_path / "cache"
    examine(root, cache)
    (root / TITLE).unlink()
    assert "INCLUDE_MISSING" in {note.code for note in examine(root, cache).steps[1].notes}


def test_a_value_set_that_changes_is_read_as_it_is(tmp_path: Path) -> None:
    """Value sets are no part of what is kept."""
    root, cache = repository(tmp_path / "copy"), tmp_path / "cache"
    assert not examine(root, cache).steps[-1].findings
    repository(root, **{"jeuxDeValeurs/JDV_Essai.xml": FILES["jeuxDeValeurs/JDV_Essai.xml"].replace("fr-FR", "en-GB")})
    assert len(examine(root, cache).steps[-1].findings) == 1


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xc1", msgspec.msgpack.encode({"edition": 0})])
def test_what_is_spoilt_is_made_again(tmp_path: Path, data: bytes) -> None:
    root, cache = repository(tmp_path / "copy"), tmp_path / "cache"
    first = examine(root, cache)
    for path in cache.iterdir():
        path.write_bytes(data)
    assert examine(root, cache) == first
    assert all(path.stat().st_size > 100 for path in cache.iterdir())


def test_a_cache_that_cannot_be_written_is_no_matter(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    root = repository(tmp_path / "copy")
    assert examine(root, tmp_path / "file" / "cache").steps[-1].status == "applied"


def test_nothing_of_a_document_is_kept(tmp_path: Path) -> None:
    root, cache = repository(tmp_path / "copy"), tmp_path / "cache"
    examine(root, cache, document(title="AIGUE-MARINE", body="AIGUE-MARINE"))
    assert not [path for path in cache.iterdir() if b"AIGUE" in path.read_bytes()]


ENDLESS = """<xsl:stylesheet version="3.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:template match="/"><xsl:value-of select="sum(for $a in 1 to 9000000, $b in 1 to 9000000 return $a mod $b)"/>
</xsl:template></xsl:stylesheet>"""
GOOD = """<xsl:stylesheet version="3.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:template match="/"><said><xsl:value-of select="/*"/></said></xsl:template></xsl:stylesheet>"""


def test_a_process_that_does_not_answer_costs_one_answer(tmp_path: Path) -> None:
    saxon = Saxon(patience=5)
    assert saxon.compile("good", GOOD) is saxon.compile("endless", ENDLESS) is saxon.parse("d", "<a>été</a>") is None
    assert saxon.run("endless", "d") == CRASH
    said = saxon.run("good", "d")
    assert isinstance(said, str) and "<said>été</said>" in said


def test_an_error_is_told_by_its_code(tmp_path: Path) -> None:
    saxon = Saxon()
    assert saxon.parse("d", "<a") == Failure("SXXP0003")
    assert saxon.compile("s", GOOD.replace("/*", "$x")) == Failure("XPST0008")


def test_no_process_is_left_behind(tmp_path: Path) -> None:
    saxon = Saxon()
    saxon.parse("d", "<a/>")
    process = saxon._process
    assert process is not None
    os.kill(process.pid, 0)
    del saxon
    gc.collect()
    assert process.returncode is not None


def test_a_model_that_is_removed_is_said_to_be(tmp_path: Path) -> None:
    root, cache = repository(tmp_path / "copy"), tmp_path / "cache"
    examine(root, cache)
    (root / MODEL).unlink()
    assert [note.code for note in examine(root, cache).steps[-1].notes] == ["MODEL_ABSENT"]
