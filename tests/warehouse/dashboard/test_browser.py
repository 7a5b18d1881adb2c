"""The site in a real browser: nothing asked of the outside, no complaint, readable by everybody."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from quality.expectations import Words
from quality.gates import Batch, BatchReport, Check
from quality.report import Shown, render
from tests.warehouse.dashboard.published import NOW, SENDERS, published
from warehouse.dashboard.pages import PAGES, build
from warehouse.measure import metrics

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PLACES = [f"{folder}{page}.html" for folder in ("", "en/") for page in PAGES]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here (Debian package chromium): pages are not looked at"),
]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """No log."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, an empty one beside it, and a report of the gates."""
    out = tmp_path_factory.mktemp("pages")
    build(published(), metrics(), out, NOW, SENDERS)
    build(published(people=300), metrics(), out / "small", NOW, SENDERS)
    build({}, metrics(), out / "empty", NOW)
    words = Words("Le canal est connu", "The channel is known", "Corriger l’export.", "Correct the export.")
    check = Check("channel", "channel", "validity", "critical", "failed", words, checked=120, unexpected=37)
    batch = Batch("accounts", "demo", ("0123456789ab",), ("accounts/0123456789ab-0.parquet",))
    shown = [Shown(BatchReport(batch, 120, (check,), held=13), "stopped", NOW)]
    (out / "quality.html").write_text(render(shown, NOW, "fr"), encoding="utf-8")
    (out / "quality.en.html").write_text(render(shown, NOW, "en"), encoding="utf-8")
    return out


@pytest.fixture(scope="module")
def origin(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


class Watched:
    """A page whose requests to other origins are stopped and kept, with what it complained of."""

    def __init__(self, browser: Any, origin: str, **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.outside: list[str] = []
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", lambda request: self.complaints.append(request.url))
        self._origin = origin
        self.context.route("**/*", self._answer)

    def _answer(self, route: Any) -> None:
        if route.request.url.startswith((self._origin, "data:")):
            route.continue_()
        else:
            self.outside.append(route.request.url)
            route.abort()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_asks_for_anything_outside_or_complains(browser: Any, origin: str, scheme: str) -> None:
    watched = Watched(browser, origin, color_scheme=scheme)
    for place in [*PLACES, "empty/index.html", "small/feeds.html", "quality.html", "quality.en.html"]:
        watched.page.goto(f"{origin}/{place}")
        watched.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert watched.page.get_by_role("heading", level=1).is_visible()
    assert watched.outside == []
    assert watched.complaints == []
    watched.context.close()


def violations(watched: Watched, place: str, only: dict[str, Any]) -> list[tuple[str, str]]:
    """What axe finds on a page with everything unfolded: rule and the first element."""
    watched.page.goto(place)
    watched.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    watched.page.evaluate(resources.files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    found = watched.page.evaluate("only => axe.run(document, {runOnly: only})", only)
    assert found["passes"], "the rules were run"
    return [(one["id"], one["nodes"][0]["html"][:200]) for one in found["violations"]]


def test_no_page_breaks_a_rule_of_accessibility(browser: Any, origin: str) -> None:
    watched = Watched(browser, origin, bypass_csp=True)
    rules = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
    pages = [f"{page}.html" for page in PAGES]
    for place in [*pages, "en/index.html", "empty/index.html", "small/documents.html", "quality.html"]:
        assert violations(watched, f"{origin}/{place}", rules) == [], place
    assert watched.outside == [], "not even without the policy that forbids it"
    watched.context.close()


def test_the_dark_theme_has_contrast_too(browser: Any, origin: str) -> None:
    watched = Watched(browser, origin, bypass_csp=True, color_scheme="dark")
    for place in ("index.html", "feeds.html", "quality.html"):
        assert violations(watched, f"{origin}/{place}", {"type": "rule", "values": ["color-contrast"]}) == [], place
    watched.context.close()


def test_a_page_fits_a_screen_of_320_pixels(browser: Any, origin: str) -> None:
    watched = Watched(browser, origin, viewport={"width": 320, "height": 640})
    for place in [*PLACES, "quality.html"]:
        watched.page.goto(f"{origin}/{place}")
        assert watched.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), place
    watched.context.close()


def test_the_files_are_a_site_without_a_server_and_without_scripts(browser: Any, folder: Path) -> None:
    watched = Watched(browser, "file://", java_script_enabled=False)
    watched.page.goto((folder / "index.html").as_uri())
    watched.page.get_by_role("link", name="Documents", exact=True).click()
    watched.page.get_by_role("link", name="English").click()
    assert watched.page.get_by_role("heading", level=1).inner_text() == "Documents received"
    data = watched.page.locator(
        "section", has=watched.page.get_by_role("heading", name="Documents by month of creation")
    )
    data.locator("details.data > summary").click()
    assert data.get_by_role("row").count() == 20
    assert watched.page.locator("svg.chart.wide").first.bounding_box()["width"] > 400
    assert watched.page.locator("svg.chart.narrow").first.is_hidden()
    assert watched.outside == []
    assert watched.complaints == []
    watched.context.close()


def test_a_drawing_has_a_name_that_tells_what_it_shows(browser: Any, origin: str) -> None:
    watched = Watched(browser, origin)
    watched.page.goto(f"{origin}/activations.html")
    drawing = watched.page.get_by_role("img", name="Activations par mois 1 400 en juin 2026".replace("1 4", "1\u202f4"))
    assert drawing.count() == 1
    watched.context.close()
