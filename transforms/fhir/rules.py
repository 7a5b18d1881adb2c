"""Rules of ours on a Bundle, beside what a model of FHIR types checks: required bindings, references, cardinality.

`fhir.resources` takes a status outside its value set and a number given as text; it looks at one resource at a time and
cannot see a reference that leads nowhere. These rules do, on plain JSON, and never change anything.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from decimal import Decimal
from importlib import resources
from typing import Any, Final

import msgspec
from lxml import etree

from transforms.fhir.values import Json

XHTML: Final = "http://www.w3.org/1999/xhtml"
INERT: Final = frozenset(
    [
        *("a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "col", "colgroup", "dd", "div", "dl", "dt"),
        *("em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "li", "ol", "p", "pre", "q", "small", "span"),
        *("strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul"),
    ]
)
"""Elements that FHIR admits in a narrative (R4, Narrative)."""


class Broken(msgspec.Struct, frozen=True):
    """A rule that a Bundle breaks: which, and where (`Observation/status`), without any value."""

    rule: str
    place: str


class Element(msgspec.Struct, frozen=True):
    """A row of `bindings.csv`: an element of a resource, whether it is required, and its closed set of codes."""

    resource: str
    element: str
    required: bool
    codes: frozenset[str]


def broken(bundle: Json) -> list[Broken]:
    """Every rule that this Bundle breaks, in the order of its entries."""
    entries = bundle.get("entry", [])
    urls = [entry.get("fullUrl", "") for entry in entries]
    found = [Broken("duplicate", "fullUrl")] if len(set(urls)) != len(urls) else []
    if bundle.get("type") == "document" and (not entries or entries[0]["resource"]["resourceType"] != "Composition"):
        found.append(Broken("composition-first", "Bundle"))
    by_url = {entry["fullUrl"]: entry["resource"] for entry in entries}
    for resource in by_url.values():
        found.extend(_resource(resource))
        for name, target in _references(resource):
            place = f"{resource['resourceType']}/{name}"
            if target not in by_url:
                found.append(Broken("reference", place))
            elif by_url[target]["resourceType"] not in TARGETS.get(place, EVERY):
                found.append(Broken("target", place))
    found.extend(_loops(by_url))
    if bundle.get("type") == "document":
        found.extend(_adrift(by_url, urls))
    return found


def _resource(resource: Json) -> Iterator[Broken]:
    kind = resource["resourceType"]
    for row in ELEMENTS.get(kind, ()):
        value = resource.get(row.element)
        if value in (None, "", [], {}) and f"_{row.element}" not in resource:
            if row.required:
                yield Broken("required", f"{kind}/{row.element}")
        elif row.codes and value not in row.codes:
            yield Broken("binding", f"{kind}/{row.element}")
    for prefix, required in CHOICES.get(kind, ()):
        given = {name for name in resource if name.lstrip("_").startswith(prefix) and name.lstrip("_") != prefix}
        if len({name.lstrip("_") for name in given}) > 1:
            yield Broken("one-of", f"{kind}/{prefix}[x]")
        if required and not given:
            yield Broken("required", f"{kind}/{prefix}[x]")
    for place, value in _walk(resource):
        if value in ("", [], {}) or value is None:
            yield Broken("empty", f"{kind}/{place}")
        elif (
            place.rsplit("/", 1)[-1] == "value" and "Quantity" in place and not isinstance(value, int | Decimal | float)
        ):
            yield Broken("number", f"{kind}/{place}")
        elif place.rsplit("/", 1)[-1] == "div" and not _inert(value):
            yield Broken("narrative", f"{kind}/{place}")
    if kind == "Composition":
        yield from (
            Broken("narrative", "Composition/section")
            for section in _sections(resource)
            if not (section.get("text") or section.get("entry") or section.get("section"))
        )


def _sections(around: Json) -> Iterator[Json]:
    for section in around.get("section", []):
        yield section
        yield from _sections(section)


def _references(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield name, value["reference"]
        for key, inner in value.items():
            yield from _references(inner, f"{name}/{key}" if name else key)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner, name)


def _walk(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if place:
        yield place, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _walk(inner, f"{place}/{key}" if place else key)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner, place)


def _loops(by_url: dict[str, Json]) -> Iterator[Broken]:
    """A panel that is its own member, by whatever way round."""
    members = {
        url: [one["reference"] for one in resource.get("hasMember", [])]
        for url, resource in by_url.items()
        if resource["resourceType"] == "Observation"
    }
    done: set[str] = set()
    for start in members:
        path: list[str] = []
        waiting = [(start, False)]
        while waiting:
            url, leaving = waiting.pop()
            if leaving:
                path.pop()
                done.add(url)
            elif url in path:
                yield Broken("loop", "Observation/hasMember")
            elif url not in done:
                path.append(url)
                waiting.append((url, True))
                waiting.extend((inner, False) for inner in members.get(url, ()))


def _adrift(by_url: dict[str, Json], urls: list[str]) -> Iterator[Broken]:
    """A resource of a document that its Composition does not lead to (R4, Documents)."""
    seen: set[str] = set()
    waiting = urls[:1]
    while waiting:
        url = waiting.pop()
        if url in seen or url not in by_url:
            continue
        seen.add(url)
        waiting.extend(target for _, target in _references(by_url[url]))
    yield from (Broken("adrift", by_url[url]["resourceType"]) for url in urls if url not in seen)


def _inert(div: str) -> bool:
    """Well-formed XHTML of elements that do nothing, without scripts, handlers or anything to fetch."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(div.encode(), parser)
    except etree.XMLSyntaxError:
        return False
    if root.tag != f"{{{XHTML}}}div":
        return False
    for element in root.iter():
        if not isinstance(element.tag, str):
            return False
        name = etree.QName(element)
        if name.namespace != XHTML or name.localname not in INERT:
            return False
        for attribute, value in element.attrib.items():
            said = str(value).strip().lower()
            if str(attribute).lower().startswith("on") or said.startswith(("javascript:", "data:", "vbscript:")):
                return False
            if attribute == "src" and not said.startswith("#"):
                return False
    return True


def _read() -> dict[str, tuple[Element, ...]]:
    text = resources.files(__package__).joinpath("bindings.csv").read_text("utf-8")
    found: dict[str, list[Element]] = {}
    for row in csv.DictReader(text.splitlines()):
        element = Element(row["resource"], row["element"], row["required"] == "yes", frozenset(row["codes"].split()))
        found.setdefault(element.resource, []).append(element)
    return {kind: tuple(rows) for kind, rows in found.items()}


class Everything:
    """Holds whatever is looked for in it."""

    def __contains__(self, _: object) -> bool:
        return True


def _targets() -> dict[str, frozenset[str]]:
    text = resources.files(__package__).joinpath("targets.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    return {f"{row['resource']}/{row['element']}": frozenset(row["kinds"].split()) for row in rows}


ELEMENTS: Final = _read()
EVERY: Final = Everything()
TARGETS: Final = _targets()
"""Types of resource that an element may refer to (R4), where it may not to all."""
CHOICES: Final = {
    "Observation": (("value", False), ("effective", False)),
    "Immunization": (("occurrence", True),),
    "MedicationStatement": (("medication", True), ("effective", False)),
    "MedicationRequest": (("medication", True),),
    "MedicationDispense": (("medication", True),),
    "Procedure": (("performed", False),),
    "Condition": (("onset", False), ("abatement", False)),
    "DeviceRequest": (("code", True),),
    "ServiceRequest": (("occurrence", False),),
    "DiagnosticReport": (("effective", False),),
    "DeviceUseStatement": (("timing", False),),
}
"""Elements of several types of which at most one stands, and whether one must."""
