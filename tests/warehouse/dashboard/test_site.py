"""The built site: complete in two languages, the same numbers in chart and table, and nothing from outside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter

import pytest

from tests.warehouse.dashboard.published import MONTHS, NOW, SENDERS, Rows, published
from warehouse.dashboard import site as sites
from warehouse.dashboard.figures import PLANS
from warehouse.dashboard.pages import MARKER, METRICS, PAGES, build
from warehouse.dashboard.words import Words, table
from warehouse.measure import metrics

PLACES = [(language, page) for language in ("fr", "en") for page in PAGES]
FIGURES = [(page, name) for page, names in PAGES.items() for name in names]


@pytest.fixture(scope="module")
def tables() -> dict[str, Rows]:
    return published()


@pytest.fixture(scope="module")
def site(tables: dict[str, Rows], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    build(tables, metrics(), out, NOW, SENDERS)
    return out


class Page(HTMLParser):
    """What a page says: tables by the heading of their section, links, ids, tags and attributes."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text = path.read_text(encoding="utf-8")
        self.tables: dict[str, list[list[str]]] = {}
        self.links: list[str] = []
        self.ids: list[str] = []
        self.attributes: set[str] = set()
        self.tags: list[str] = []
        self.words: list[str] = []
        self._section = ""
        self._cell: list[str] | None = None
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.attributes |= set(found)
        if "id" in found:
            self.ids.append(str(found["id"]))
        if "href" in found:
            self.links.append(str(found["href"]))
        if tag == "section":
            self._section = str(found["aria-labelledby"])
        if tag == "table":
            self.tables[self._section] = []
        if tag == "tr":
            self.tables[self._section].append([])
        if tag in ("th", "td"):
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td") and self._cell is not None:
            self.tables[self._section][-1].append(" ".join("".join(self._cell).split(" ")).strip())
            self._cell = None

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._cell is not None:
            self._cell.append(data)

    def rows(self, figure: str) -> dict[str, list[str]]:
        """Cells by the name of their row, without the note on the month in progress."""
        return {row[0].split(" (")[0]: row[1:] for row in self.tables[figure.replace("_", "-")][1:]}


def read(site: Path, language: str, page: str) -> Page:
    return Page(site / ("" if language == "fr" else "en") / f"{page}.html")


def number(cell: str) -> float:
    return float(re.sub(r"[\s\u202f\u00a0%]", "", cell).replace(",", "."))


@pytest.mark.parametrize(("page", "name"), FIGURES)
def test_a_table_has_every_number_that_was_published(site: Path, tables: dict[str, Rows], page: str, name: str) -> None:
    plan, words = PLANS[name], Words("fr")
    shown = read(site, "fr", page)
    rows, head = shown.rows(name), shown.tables[name.replace("_", "-")][0][1:]
    assert head
    for row in tables[plan.metric]:
        if plan.row != "month":
            continue
        cells = rows[words.month(row["month"])]
        for value in plan.values:
            group = {"kind": "kind", "type_code": "type", "measure": "measure"}.get(plan.pivot, "series")
            label = words.label(group, str(row[plan.pivot]) if plan.pivot else value)
            label = SENDERS[label].name if label in SENDERS else label
            if label not in head:
                assert len(head) == 8, "only the smallest series are left out"
                continue
            cell = cells[head.index(label)]
            if row[value] is None:
                assert cell == "secret statistique"
            else:
                assert number(cell) == pytest.approx(round(row[value], 1))


@pytest.mark.parametrize("size", ["wide", "narrow"])
def test_bars_are_drawn_as_high_as_the_table_says(site: Path, size: str) -> None:
    page = read(site, "fr", "activations")
    said = [number(cells[0]) for cells in page.rows("activations_month").values()]
    heights = bars(drawing(page.text, f"activations_month-{size}"))
    assert len(heights) == len(said) == len(MONTHS)
    scale = heights[-2] / said[-2]
    assert heights == pytest.approx([value * scale for value in said], abs=0.6)


def test_a_stack_is_drawn_as_high_as_its_parts(site: Path) -> None:
    page = read(site, "fr", "documents")
    said = [[number(cell) for cell in cells] for cells in page.rows("documents_source").values()]
    heights = bars(drawing(page.text, "documents_source-wide"))
    assert len(heights) == sum(len(row) for row in said)
    scale = sum(heights) / sum(map(sum, said))
    assert sorted(heights) == pytest.approx(sorted(value * scale for row in said for value in row), abs=0.6)


def drawing(text: str, name: str) -> str:
    start = text.index(f'aria-labelledby="{name}-t')
    return text[start : text.index("</svg>", start)]


def bars(svg: str) -> list[float]:
    """Heights of the filled rectangles of a drawing, in the order drawn."""
    found = re.findall(r'd="M[-\d.,]+h[-\d.]+v([-\d.]+)h[-\d.]+Z" fill="#', svg)
    return [float(height) for height in found]


@pytest.mark.parametrize(("language", "page"), PLACES)
def test_a_page_says_its_language_and_links_only_to_the_site(site: Path, language: str, page: str) -> None:
    shown = read(site, language, page)
    assert f'<html lang="{language}">' in shown.text
    folder = site if language == "fr" else site / "en"
    for link in shown.links:
        assert link in ("#content", "data:,") or (folder / link).resolve().is_file(), link
    assert len(shown.ids) == len(set(shown.ids))
    assert not {"script", "iframe", "img", "style"} & set(shown.tags)
    assert not {name for name in shown.attributes if name == "style" or name.startswith("on")}
    assert "default-src 'none'; style-src 'self'; img-src 'self' data:" in shown.text


def test_no_file_of_the_site_names_another_place(site: Path) -> None:
    for path in files(site):
        assert not re.search(r"(?:https?:)?//[a-z]|url\(|@import", path.read_text("utf-8")), path.name


def files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def test_both_languages_show_the_same_figures(site: Path) -> None:
    for page, names in PAGES.items():
        french, english = read(site, "fr", page), read(site, "en", page)
        assert french.ids == english.ids
        assert {name.replace("_", "-") for name in names} <= set(french.ids)
        assert french.tags == english.tags


def test_every_word_is_there_in_both_languages_with_the_same_blanks() -> None:
    for key, said in table().items():
        assert said["fr"].strip(), key
        assert said["en"].strip(), key
        assert blanks(said["fr"]) == blanks(said["en"]), key


def blanks(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_metric_shown_is_defined_in_french_and_its_english_is_that_of_the_metric() -> None:
    for name in METRICS:
        for field in ("numerator", "denominator", "grain", "caveats"):
            said = getattr(metrics()[name], field)
            if said != "none":
                assert table()[f"metric.{name}.{field}"]["en"] == said
        assert f"unit.{metrics()[name].unit}" in table()


def test_numbers_and_months_are_written_as_each_language_does(site: Path) -> None:
    french, english = read(site, "fr", "index"), read(site, "en", "index")
    assert "30\u202f590" in french.text
    assert "30,590" in english.text
    assert "54,6\u00a0%" in french.text
    assert "54.6%" in english.text
    months = drawing(french.text, "activations_month-half")
    assert "mars 2025" in months
    assert "1\u202f500" in months
    assert not re.search(r">(?:Mar|Jul|Nov) 20", months)
    assert "Jul 2025" in drawing(english.text, "activations_month-half")
    assert "Chiffres arrêtés le 9 juillet 2026 à 06:30" in french.text


def test_the_month_in_progress_is_marked_and_makes_no_headline(site: Path) -> None:
    page = read(site, "fr", "index")
    assert "juillet 2026 (mois en cours)" in [row[0] for row in page.tables["activations-month"]]
    assert "cumul à fin juin 2026" in page.words
    assert "cumul à fin juillet 2026" not in page.words


def test_a_cell_that_is_not_published_is_said_to_be_so_and_not_drawn(tmp_path: Path) -> None:
    small = published(people=300)
    build(small, metrics(), tmp_path, NOW, SENDERS)
    french, english = read(tmp_path, "fr", "activations"), read(tmp_path, "en", "activations")
    hidden = [row["month"] for row in small["activations"] if row["activations"] is None]
    assert hidden
    assert [cells[0] for cells in french.rows("activations_month").values()].count("secret statistique") == len(hidden)
    assert [cells[0] for cells in english.rows("activations_month").values()].count("not published") == len(hidden)
    assert len(bars(drawing(french.text, "activations_month-wide"))) == len(MONTHS) - len(hidden)
    assert "None" not in french.text


def test_a_site_without_figures_says_so(tmp_path: Path) -> None:
    build({}, metrics(), tmp_path, NOW)
    for language, said in (("fr", "Aucun chiffre n’est publié"), ("en", "No figure is published yet")):
        for page in PAGES:
            shown = read(tmp_path, language, page)
            assert any(said in text for text in shown.words)
            assert "table" not in shown.tags


def test_a_table_published_without_a_row_is_an_empty_figure(tables: dict[str, Rows], tmp_path: Path) -> None:
    build({"activations": tables["activations"], "held_refused": []}, metrics(), tmp_path, NOW)
    shown = read(tmp_path, "fr", "documents")
    assert shown.text.count("Aucune donnée publiée pour cette figure.") == len(PAGES["documents"])
    assert "Aucune donnée publiée pour cette figure." not in read(tmp_path, "fr", "activations").text


def test_months_to_come_and_months_of_long_ago_are_out_of_the_chart(tables: dict[str, Rows], tmp_path: Path) -> None:
    odd = [{"month": month, "documents": 40} for month in ("1998-05", "2019", "2031-01")]
    build({"documents_by_creation": [*tables["documents_by_creation"], *odd]}, metrics(), tmp_path, NOW)
    rows = read(tmp_path, "fr", "documents").rows("documents_creation")
    assert next(iter(rows)) == "août 2024"
    assert list(rows)[-1] == "juillet 2026"
    assert len(rows) == 24


def test_every_colour_of_a_drawing_has_one_for_the_dark(site: Path) -> None:
    css = (site / "theme.css").read_text("utf-8")
    drawn: set[tuple[str, str]] = set()
    for language, page in PLACES:
        for svg in re.findall(r"<svg.*?</svg>", read(site, language, page).text, flags=re.DOTALL):
            drawn |= set(re.findall(r'(fill|stroke)="(#[0-9a-fA-F]{3,6}|white|black)"', svg))
    assert len(drawn) > 5
    assert {(kind, colour) for kind, colour in drawn if f'[{kind}="{colour}"]' not in css} == set()


def test_the_same_figures_make_the_same_bytes(site: Path, tables: dict[str, Rows], tmp_path: Path) -> None:
    build(tables, metrics(), tmp_path, NOW, SENDERS)
    assert {p.relative_to(site): p.read_bytes() for p in files(site)} == {
        p.relative_to(tmp_path): p.read_bytes() for p in files(tmp_path)
    }


def test_senders_are_shown_by_name_with_the_late_ones_said_late(site: Path) -> None:
    rows = {row[0]: row for row in read(site, "fr", "feeds").tables["freshness"][1:]}
    assert rows["Laboratoire du Rhône"][3:5] == ["il y a 6 jours", "chaque jour en retard"]
    assert rows["Laboratoire du Nord"][3:5] == ["hier", "chaque jour à l’heure"]
    assert rows["Clinique d’Armor"][4] == "non déclaré"


def test_the_target_stands_beside_a_national_total_only(tables: dict[str, Rows], tmp_path: Path) -> None:
    national = published(people=66_000_000)["activations"]
    build({"activations": national}, metrics(), tmp_path, NOW)
    assert "Le cumul publié ici en représente 84,1\u00a0%." in read(tmp_path, "fr", "activations").text
    build({"activations": tables["activations"]}, metrics(), tmp_path, NOW)
    assert "en représente" not in read(tmp_path, "fr", "activations").text


def test_a_new_site_takes_the_place_of_the_old_one_whole(tables: dict[str, Rows], tmp_path: Path) -> None:
    target = tmp_path / "site"
    few = {"activations": tables["activations"]}
    sites.put(target, tables, metrics(), NOW, SENDERS)
    assert (target / "data" / "feeds.csv").exists()
    sites.put(target, few, metrics(), NOW, SENDERS)
    assert not (target / "data" / "feeds.csv").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_build_that_fails_leaves_the_old_site_alone(tables: dict[str, Rows], tmp_path: Path) -> None:
    target = tmp_path / "site"
    sites.put(target, {}, metrics(), NOW, SENDERS)
    before = {path: path.read_bytes() for path in files(target)}
    with pytest.raises(KeyError):
        sites.put(target, {"activations": [{"no month": 1}]}, metrics(), NOW, SENDERS)
    assert {path: path.read_bytes() for path in files(target)} == before


def test_a_folder_that_is_no_site_of_ours_is_never_replaced(tmp_path: Path) -> None:
    target = tmp_path / "thesis"
    target.mkdir()
    (target / "index.html").write_text("mine")
    with pytest.raises(sites.NotOurs):
        sites.put(target, {}, metrics(), NOW, SENDERS)
    assert (target / "index.html").read_text() == "mine"
    empty = tmp_path / "empty"
    empty.mkdir()
    sites.put(empty, {}, metrics(), NOW, SENDERS)
    assert (empty / MARKER).is_file()
