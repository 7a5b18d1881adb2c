"""A record as a page: read in a real browser, where nothing that a document planted acts, loads or is asked for."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import pytest
from lxml import etree
from typer.testing import CliRunner

from carnet.check import check_file
from carnet.cli import app
from carnet.explain import page as explained
from carnet.outputs import TimelineRow
from carnet.reader import page
from tests.cda import INS, TEST_OID
from tests.connectors.cda.documents import b64, level_1, level_3, section
from tests.connectors.test_media import PDF, PNG
from tests.hl7 import batch, oru
from tests.hub import Hub
from tests.warehouse.dashboard.test_browser import CHROMIUM, FLAGS
from warehouse import ledger
from warehouse.database import reading

NO_BROWSER = "no chromium here (Debian package chromium): pages are not looked at"
OUTSIDE = "http://outside.invalid"
PLANTED = f"""<paragraph>Avant</paragraph>
<script>alert('script')</script>
<script xmlns="http://www.w3.org/1999/xhtml">alert('xhtml')</script>
<script src="{OUTSIDE}/x.js"/>
<table onmouseover="alert('over')" style="background:url({OUTSIDE}/bg.png)"><tbody><tr><td>
<content onclick="alert('click')">cellule</content></td></tr></tbody></table>
<linkHtml href="javascript:alert('link')">lien piégé</linkHtml>
<linkHtml href="data:text/html,&lt;script&gt;alert('data')&lt;/script&gt;">lien de données</linkHtml>
<img src="{OUTSIDE}/pixel.png" onerror="alert('img')"/>
<iframe src="{OUTSIDE}/frame.html" srcdoc="&lt;script&gt;parent.alert('frame')&lt;/script&gt;"/>
<svg xmlns="http://www.w3.org/2000/svg" onload="alert('svg')"><image href="{OUTSIDE}/svg.png"/>
<script>alert('dans svg')</script></svg>
<style>body {{ background: url({OUTSIDE}/style.png) }} @import url({OUTSIDE}/style.css);</style>
<link rel="stylesheet" href="{OUTSIDE}/link.css"/><meta http-equiv="refresh" content="0;url={OUTSIDE}/"/>
<base href="{OUTSIDE}/"/><form action="{OUTSIDE}/"><input autofocus="" onfocus="alert('focus')"/></form>
<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/hostname" parse="text"/>
<content ID="&quot;&gt;&lt;script&gt;alert('id')&lt;/script&gt;">ancre</content>
&lt;script&gt;alert('texte')&lt;/script&gt;&lt;img src=x onerror=alert('texte')&gt;
<linkHtml href="#cible">vers la cible</linkHtml><content ID="cible">cible</content>
<linkHtml href="{OUTSIDE}/page">site</linkHtml><linkHtml href="Documents/avis.pdf">fichier</linkHtml>
<renderMultiMedia referencedObject="image"/><paragraph>Après</paragraph>"""
IMAGE = f"""<entry><observationMedia classCode="OBS" moodCode="EVN" ID="image">
<value mediaType="image/jpeg" representation="B64">{b64(PNG)}</value></observationMedia></entry>"""


def planted() -> bytes:
    """A document with all of it, in its titles too."""
    data = level_3(section("Texte sain", code="1-1") + section(PLANTED, IMAGE))
    hostile = "<title>&lt;/title&gt;&lt;script&gt;alert('titre')&lt;/script&gt;\"onload=alert(1) x=\"</title>"
    return re.sub(rb"<title>.*?</title>", hostile.encode(), data)


def written(hub: Hub) -> str:
    with reading(hub.store.engine) as connection:
        patient = hub.store.find_patient(connection, TEST_OID, INS)
        assert patient is not None
        return page(ledger.documents(hub.store, connection, patient))


@pytest.fixture
def origin() -> Iterator[tuple[str, dict[str, str]]]:
    """A server of whatever pages a test puts in."""
    pages: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path, "").encode()
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """No log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", pages
    server.shutdown()
    server.server_close()
    thread.join()


class Watched:
    """A page, everything that it asks for beside itself, says in the console or puts before its reader."""

    def __init__(self, browser: Any, address: str, **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.dialogs: list[str] = []
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", self._dismiss)
        self.context.route("**/*", lambda route: self._answer(route, address))
        self.page.goto(address)

    def _dismiss(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _answer(self, route: Any, address: str) -> None:
        if route.request.url == address:
            route.continue_()
        else:
            self.requests.append(route.request.url)
            route.abort()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


AUDIT = """() => [...document.querySelectorAll('*')].flatMap(one => [
  ...(/^(script|svg|img|object|embed|form|input|link|base|iframe|style)$/i.test(one.tagName) ? [one.tagName] : []),
  ...one.getAttributeNames().filter(name => /^on|^style$|^src/.test(name)),
  ...(/^\\s*(javascript|data|vbscript|file):/i.test(one.getAttribute('href') || '') ? [one.getAttribute('href')] : []),
])"""


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)
def test_nothing_that_a_document_planted_acts_in_a_browser(
    hub: Hub, browser: Any, origin: tuple[str, dict[str, str]]
) -> None:
    address, pages = origin
    hub.take(planted())
    pages["/"] = written(hub)
    watched = Watched(browser, f"{address}/")
    frame = watched.page.frames[1]
    frame.wait_for_load_state()
    for place in ("cellule", "lien piégé", "lien de données", "ancre", "site", "fichier"):
        spot = frame.get_by_text(place).first
        spot.hover()
        spot.click()
    watched.page.wait_for_timeout(200)
    assert watched.dialogs == []
    assert watched.requests == []
    assert watched.complaints == []
    assert frame.evaluate(AUDIT) == ["BASE", "STYLE"]
    assert watched.page.evaluate(AUDIT) == ["STYLE", "IFRAME", "srcdoc"]
    assert frame.evaluate("document.compatMode") == "CSS1Compat"
    said = frame.locator("body").inner_text()
    for words in ("Avant", "Après", "alert('script')", "<script>alert('texte')</script>", "[Documents/avis.pdf]"):
        assert words in said
    assert "[pièce jointe 1 : image/png]" in said
    assert f"site ({OUTSIDE}/page)" in said
    assert frame.locator("a").all_inner_texts() == ["vers la cible"]
    watched.context.close()


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)
def test_the_frame_has_no_right_even_without_the_policy(
    hub: Hub, browser: Any, origin: tuple[str, dict[str, str]]
) -> None:
    """A script put into the frame by hand does not run, and asks for nothing."""
    address, pages = origin
    hub.take(level_3(section("<paragraph>Avant</paragraph>")))
    bare = re.sub(r"<meta http-equiv=.*?>", "", written(hub))
    bare = re.sub(r"&lt;meta http-equiv=.*?&gt;", "", bare)
    attack = "&lt;script&gt;parent.alert(1); fetch(&#39;/fetched&#39;)&lt;/script&gt;&lt;p&gt;Avant"
    pages["/"] = bare.replace("&lt;p&gt;Avant", attack, 1)
    assert "fetched" in pages["/"]
    watched = Watched(browser, f"{address}/")
    assert watched.page.frames[1].locator("p").inner_text() == "Avant"
    assert (watched.dialogs, watched.requests) == ([], [])
    watched.context.close()


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)
def test_an_anchor_of_the_document_is_reached_in_its_frame(
    hub: Hub, browser: Any, origin: tuple[str, dict[str, str]]
) -> None:
    address, pages = origin
    far = "<paragraph>x</paragraph>" * 200
    link = "<linkHtml href='#cible'>aller</linkHtml>"
    hub.take(level_3(section(f"{link}{far}<content ID='cible'>arrivée</content>")))
    pages["/"] = written(hub)
    watched = Watched(browser, f"{address}/")
    frame = watched.page.frames[1]
    frame.get_by_text("aller").click()
    watched.page.wait_for_timeout(200)
    assert frame.locator("#cda-cible").is_visible()
    assert frame.evaluate("document.scrollingElement.scrollTop") > 1000
    assert (watched.requests, watched.complaints) == ([], [])
    watched.context.close()


def sample_pages(hub: Hub, samples: Path) -> Iterator[str]:
    """The page of each person of the samples."""
    hub.take_files(sorted((samples / "cda").glob("*.xml")))
    people = {(row["ins"], row["ins_oid"]) for row in hub.documents() if row["ins"]}
    for ins, oid in sorted(people):
        with reading(hub.store.engine) as connection:
            patient = hub.store.find_patient(connection, oid, ins)
            if patient is not None:
                yield page(ledger.documents(hub.store, connection, patient))


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)
def test_a_browser_reads_in_every_sample_the_text_that_was_written(
    hub: Hub, samples: Path, browser: Any, origin: tuple[str, dict[str, str]]
) -> None:
    """The parser of HTML moves nothing about: no text falls out of a table, no element is closed before its time."""
    address, pages = origin
    frames = 0
    for text in sample_pages(hub, samples):
        pages["/"] = text
        watched = Watched(browser, f"{address}/")
        srcdocs = watched.page.evaluate("[...document.querySelectorAll('iframe')].map(one => one.srcdoc)")
        for frame, srcdoc in zip(watched.page.frames[1:], srcdocs, strict=True):
            frame.wait_for_load_state()
            shown = frame.evaluate("[...document.querySelectorAll('section > div')].map(one => one.textContent)")
            said = [
                "".join(map(str, etree.fromstring(div).itertext()))
                for div in re.findall(r"<div xmlns=.*?</div>(?=\s*</section>)", srcdoc, re.S)
            ]
            assert [re.sub(r"\s", "", one) for one in shown] == [re.sub(r"\s", "", one) for one in said]
            frames += 1
        assert (watched.dialogs, watched.requests, watched.complaints) == ([], [], [])
        watched.context.close()
    assert frames > 40


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_breaks_no_rule_of_accessibility(
    hub: Hub, browser: Any, origin: tuple[str, dict[str, str]], scheme: str
) -> None:
    address, pages = origin
    hub.take(
        level_3(section("<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>b</td></tr></tbody></table>", IMAGE))
    )
    hub.take(batch([oru()]))
    pages["/"] = written(hub)
    watched = Watched(browser, f"{address}/", bypass_csp=True, color_scheme=scheme)
    watched.page.evaluate(resources.files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    only = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
    found = watched.page.evaluate("only => axe.run(document, {runOnly: only, iframes: false})", only)
    assert found["passes"], "the rules were run"
    assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
    watched.context.close()


# The page itself


def test_the_page_tells_what_a_document_is_carries_and_lacks(hub: Hub) -> None:
    hub.take(level_3(section("Glycémie : 0,94 g/L", IMAGE)))
    text = written(hub)
    assert "L&#39;HOSTIS-NOËL Zoé, 14/03/1985, INS" in text
    assert "02/03/2026 10:15" in text
    assert "en vigueur" in text
    assert "<td>image/png</td>" in text and "déclaré image/jpeg" in text
    assert "Le type déclaré (mediaType) n&#39;est pas celui du contenu" in text


def test_results_are_read_with_their_comparator_their_words_and_their_status(hub: Hub) -> None:
    hub.take(batch([oru(status="P")]))
    text = written(hub)
    for cell in ("Glycémie", "0,94 g/L", "0,70-1,08", "&lt;5 mg/L", "A positif", "provisoire"):
        assert f"<td>{cell}</td>" in text


def test_a_result_that_is_another_patients_shows_no_value(hub: Hub) -> None:
    hub.take(batch([oru().replace(b"0,70-1,08|N|||F", b"0,70-1,08|N|||W")]))
    text = written(hub)
    assert "<td>erroné, rattaché à un autre patient</td>" in text
    assert "0,94" not in text and "0,70" not in text and "&lt;5 mg/L" in text


def test_a_document_that_was_replaced_or_taken_back_shows_that_it_was_there_and_no_more(hub: Hub) -> None:
    hub.take(batch([oru(status="F")]))
    assert "0,94 g/L" in written(hub)
    hub.take(batch([oru(status="X", control="SUPPR", value="0,95")]))
    after = written(hub)
    assert "0,94" not in after and "0,95" not in after
    assert "remplacé" in after and ("retiré" in after or "supprimé" in after)


def test_a_level_1_document_is_told_and_never_embedded(hub: Hub) -> None:
    hub.take(level_1(b64(PDF + b"<< /S /JavaScript >>%%EOF")))
    text = written(hub)
    assert "Corps du document" in text and "contient du JavaScript" in text
    assert "<iframe" not in text and "data:" not in text and b64(PDF)[:40] not in text


def test_carnet_patient_prints_the_page_and_the_attachments(hub: Hub) -> None:
    hub.take(level_3(section("Glycémie : 0,94 g/L", IMAGE)))
    home = ["--home", str(hub.store.home)]
    shown = CliRunner().invoke(app, ["patient", f"{INS}@{TEST_OID}", "--html", *home])
    assert shown.exit_code == 0
    assert shown.stdout == written(hub)
    listed = CliRunner().invoke(app, ["patient", f"{INS}@{TEST_OID}", "--json", *home])
    (row,) = [json.loads(line) for line in listed.stdout.splitlines()]
    msgspec.convert(row, TimelineRow, strict=True)
    (one,) = row["attachments"]
    assert (one["number"], one["kind"], one["media_type"], one["declared"]) == (1, "image", "image/png", "image/jpeg")
    assert one["size"] == len(PNG) and len(one["sha256"]) == 64


def test_the_page_of_an_empty_record_is_a_page() -> None:
    assert "0 document," in page([])


def test_check_tells_where_in_a_document(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes(
        level_3(section("<script>x</script>", "<entry><act><text><reference value='#a'/></text></act></entry>"))
    )
    report = check_file(path)
    (note,) = report["notes"]
    assert {reason["code"]: reason["places"] for reason in note["reasons"]} == {
        "NARRATIVE_CLEANED": ["component/structuredBody/component/section/text"],
        "REFERENCE_DANGLING": ["component/structuredBody/component/section/entry/act/text"],
    }
    assert "      component/structuredBody/component/section/entry/act/text" in explained(report, "fr")
