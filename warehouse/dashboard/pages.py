"""Build the site: every page in French and in English, the style, the tables as files."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from quality.catalogue import catalogue
from warehouse.dashboard.feeds import freshness, reasons
from warehouse.dashboard.figures import PLANS, Rows
from warehouse.dashboard.headlines import headlines, target
from warehouse.dashboard.scene import Scene, Sender
from warehouse.dashboard.views import figure
from warehouse.dashboard.words import LANGUAGES, Language, Words
from warehouse.measure import Metric

PAGES: dict[str, tuple[str, ...]] = {
    "index": ("activations_month", "documents_source", "patients", "results_month"),
    "activations": ("activations_month", "activations_holders", "activations_share"),
    "documents": ("documents_source", "documents_state", "patients", "documents_creation", "documents_type"),
    "readings": ("results_month", "readings_measure"),
    "feeds": ("quarantine", "documents_sender"),
}
METRICS = tuple(sorted({plan.metric for plan in PLANS.values()} | {"feeds"}))
"""The published tables the site is made of."""
MARKER = "carnet-site.txt"
"""Says that a folder is a site we made, and may be replaced by the next one."""


def build(
    tables: Mapping[str, Rows],
    definitions: Mapping[str, Metric],
    out: Path,
    generated_at: str,
    senders: Mapping[str, Sender] | None = None,
) -> list[Path]:
    """Write the whole site into `out` (made when absent); the files, in order.

    `tables` are protected rows by metric (`warehouse.published.read_published`), `generated_at` is ISO 8601 in local
    time, `senders` what is declared of each. The same arguments give the same bytes.
    """
    files: dict[str, str] = {"theme.css": _resource("theme.css"), MARKER: f"{generated_at}\n"}
    files |= {f"data/{name}.csv": _csv(tables[name]) for name in METRICS if tables.get(name)}
    for language in LANGUAGES:
        scene = Scene(Words(language), tables, definitions, generated_at, senders or {})
        for page, html in _pages(scene).items():
            files[_place(language, page)] = html
    written = []
    for name, text in files.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def _pages(scene: Scene) -> dict[str, str]:
    """The pages of one language, by name."""
    environment = _environment()
    files = [name for name in METRICS if scene.tables.get(name)]
    found = {}
    for page, names in PAGES.items():
        metrics = [PLANS[name].metric for name in names]
        # Beside a drawing stands its definition, once a page; a metric drawn again, and the overview, fold it away.
        laid = [(name, page != "index" and metrics.index(PLANS[name].metric) == at) for at, name in enumerate(names)]
        extra: dict[str, Any] = {}
        match page:
            case "index":
                extra = {"headlines": headlines(scene)}
            case "activations":
                extra = {"target": target(scene)}
            case "feeds":
                sentences = {code: msgspec.structs.asdict(row) for code, row in catalogue().items()}
                extra = {"feeds": freshness(scene), "reasons": reasons(scene, sentences)}
        found[page] = environment.get_template("page.html.j2").render(
            w=scene.words,
            language=scene.words.language,
            other="en" if scene.words.language == "fr" else "fr",
            root="" if scene.words.language == "fr" else "../",
            mirror=f"en/{page}.html" if scene.words.language == "fr" else f"../{page}.html",
            page=page,
            pages=list(PAGES),
            figures=[
                figure(scene, name, "wide" if defines else "half") | {"defines": defines} for name, defines in laid
            ],
            files=files,
            empty=not files,
            at={"day": scene.words.day(scene.generated_at[:10]), "time": scene.generated_at[11:16]},
            stamp=scene.generated_at,
            headlines=extra.get("headlines", []),
            target=extra.get("target", []),
            feeds=extra.get("feeds", []),
            reasons=extra.get("reasons", []),
        )
    return found


def _place(language: Language, page: str) -> str:
    return f"{page}.html" if language == "fr" else f"en/{page}.html"


def _csv(rows: Rows) -> str:
    """A published table as it is; a cell that is not published is empty."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _resource(name: str) -> str:
    return resources.files("warehouse.dashboard").joinpath(name).read_text(encoding="utf-8")


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("warehouse.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
