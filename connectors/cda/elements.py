"""How one element of a CDA is read: its children by name, its text, its HL7 V3 data type as a raw value.

Only direct children are followed, never `//`: a nested `id` or `code` belongs to something else.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from connectors.said import RawAddress, RawAddressPart, RawCode, RawId, RawName, RawNamePart, RawTelecom, RawTime

V3 = "{urn:hl7-org:v3}"
SDTC = "{urn:hl7-org:sdtc}"
XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
ROOT = f"{V3}ClinicalDocument"
ADDR, CODE, EFFECTIVE_TIME, ID, NAME, STATUS, TELECOM, TEMPLATE, TIME = (
    V3 + name for name in ("addr", "code", "effectiveTime", "id", "name", "statusCode", "telecom", "templateId", "time")
)
_LOW, _HIGH = V3 + "low", V3 + "high"
_TRANSLATION, _ORIGINAL = V3 + "translation", V3 + "originalText"
_START = len(V3)

_TRANSLATIONS = 3
"""How many translations deep a code is followed; data types R1 nest them without bound."""


def named(names: str) -> frozenset[str]:
    """The elements of CDA with these local names, blank between them."""
    return frozenset(V3 + name for name in names.split())


def children(element: etree._Element | None, *path: str) -> Iterator[etree._Element]:
    """Descendants of `element` along a path of local names in the CDA namespace, in document order."""
    if element is None:
        return
    if not path:
        yield element
        return
    for child in element.iterchildren(V3 + path[0]):
        yield from children(child, *path[1:])


def first(element: etree._Element | None, *path: str) -> etree._Element | None:
    return next(children(element, *path), None)


def child(element: etree._Element, tag: str) -> etree._Element | None:
    """The first child with a tag: as `find`, without a path to understand."""
    return next(element.iterchildren(tag), None)


def text(element: etree._Element | None) -> str:
    """All text below an element, white space folded."""
    if element is None:
        return ""
    if len(element):
        return " ".join("".join(map(str, element.itertext())).split())
    said = element.text
    return " ".join(said.split()) if said else ""


def value(element: etree._Element | None, attribute: str = "value") -> str:
    return "" if element is None else (element.get(attribute) or "").strip()


def local(element: etree._Element) -> str:
    """The local name of an element of CDA; its whole Clark name when it is of another namespace."""
    tag = element.tag
    return tag[_START:] if tag.startswith(V3) else tag


class Places:
    """Paths of elements below their document: `component/structuredBody/component[3]/section/text`.

    The children of a parent are numbered once, so that many places cost no more than the document is long.
    """

    def __init__(self) -> None:
        self._steps: dict[etree._Element, dict[etree._Element, str]] = {}

    def of(self, element: etree._Element) -> str:
        steps: list[str] = []
        at, above = element, element.getparent()
        while at.tag != ROOT and above is not None:
            if above not in self._steps:
                self._steps[above] = _steps(above)
            steps.append(self._steps[above][at])
            at, above = above, above.getparent()
        return "/".join(reversed(steps))


def _steps(parent: etree._Element) -> dict[etree._Element, str]:
    """The step to each child: its name, with its position among those of that name when there are several."""
    by_name: dict[str, list[etree._Element]] = {}
    for child in parent.iterchildren("*"):
        by_name.setdefault(local(child), []).append(child)
    return {
        child: f"{name}[{number}]" if len(found) > 1 else name
        for name, found in by_name.items()
        for number, child in enumerate(found, 1)
    }


def xsi_type(element: etree._Element) -> tuple[str, str] | None:
    """`@xsi:type` resolved: (namespace, local name), whatever prefix the document gives to it; None without one."""
    written = element.get(XSI_TYPE)
    if written is None:
        return None
    prefix, colon, name = written.strip().rpartition(":")
    return element.nsmap.get(prefix if colon else None) or "", name


def raw_id(element: etree._Element | None) -> RawId | None:
    """An `II`; None when absent or without @root (a nullFlavor names nothing)."""
    root = value(element, "root")
    return RawId(root=root, extension=value(element, "extension")) if root else None


def any_id(element: etree._Element) -> RawId:
    """An `II` whatever it says: a nullFlavor is kept."""
    get = element.get
    return RawId(get("root", "").strip(), get("extension", "").strip(), "", get("nullFlavor", ""))


def raw_code(element: etree._Element | None, depth: int = _TRANSLATIONS) -> RawCode:
    """A `CD` or `CE` with its translations and the text it was coded from."""
    if element is None:
        return RawCode()
    get = element.get
    alternatives: list[RawCode] = []
    original = ""
    for child in element:
        tag = child.tag
        if tag == _TRANSLATION and depth:
            alternatives.append(raw_code(child, depth - 1))
        elif tag == _ORIGINAL:
            original = text(child)
    return RawCode(
        get("code", "").strip(),
        get("codeSystem", "").strip(),
        get("displayName", "").strip(),
        tuple(alternatives),
        get("nullFlavor", ""),
        original,
    )


def raw_time(element: etree._Element | None) -> RawTime:
    """A `TS` or `IVL_TS`, whatever `@xsi:type` says: its own value and its bounds."""
    if element is None:
        return RawTime()
    low = high = low_null = high_null = ""
    for child in element:
        tag = child.tag
        if tag == _LOW:
            low, low_null = child.get("value", "").strip(), child.get("nullFlavor", "")
        elif tag == _HIGH:
            high, high_null = child.get("value", "").strip(), child.get("nullFlavor", "")
    return RawTime(element.get("value", "").strip(), low, high, element.get("nullFlavor", ""), low_null, high_null)


def raw_name(element: etree._Element) -> RawName:
    """A `PN`: family, given, prefix and suffix in their order, with @qualifier."""
    parts: list[RawNamePart] = []
    loose = element.text or ""
    for child in element:
        get = child.get
        parts.append(RawNamePart(local(child), text(child), get("qualifier", ""), get("nullFlavor", "")))
        loose += child.tail or ""
    return RawName(tuple(parts), _folded(loose), element.get("use", ""), element.get("nullFlavor", ""))


def raw_address(element: etree._Element | None) -> RawAddress:
    """An `AD`: its parts in their order."""
    if element is None:
        return RawAddress()
    parts: list[RawAddressPart] = []
    loose = element.text or ""
    for child in element:
        parts.append(RawAddressPart(local(child), text(child), child.get("nullFlavor", "")))
        loose += child.tail or ""
    return RawAddress(tuple(parts), _folded(loose), element.get("use", ""), element.get("nullFlavor", ""))


def raw_telecom(element: etree._Element) -> RawTelecom:
    get = element.get
    return RawTelecom(get("value", "").strip(), get("use", ""), get("nullFlavor", ""))


def _folded(said: str) -> str:
    return "" if not said or said.isspace() else " ".join(said.split())
