"""HL7 V3 data types of a CDA body as said: concepts, quantities, intervals, times, by the xsi:type resolved as a QName.

`xsi:type="c:PQ"` and `xsi:type="PQ"` are one type: a prefix is a spelling (self-presenting documents use them).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from lxml import etree

from connectors.cda.anchors import REFERENCE, Anchors, fold, resolve
from connectors.cda.elements import child as child_of
from connectors.said import RawId
from connectors.statements import (
    NOTHING,
    Amount,
    Binary,
    Bound,
    Concept,
    Interval,
    Range,
    Ratio,
    TimeKind,
    Timing,
    Truth,
    Value,
    Words,
)

V3 = "{urn:hl7-org:v3}"
TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
DEEPEST = 16
"""Translations, qualifiers and composed times nested deeper are not followed; no document has three."""


class Reading:
    """One pass over a document: its anchors, and what the pass has met that names no anchor."""

    __slots__ = ("anchors", "dangling")

    def __init__(self, anchors: Anchors) -> None:
        self.anchors = anchors
        self.dangling = 0

    def words(self, element: etree._Element | None) -> str:
        """The text of a `text` or `originalText`, references resolved; a dangling one is counted."""
        if element is None:
            return ""
        inner = next(iter(element), None)
        if inner is None and element.get("representation") is None:
            return fold(element.text or "")
        if inner is not None and inner.tag == REFERENCE:
            said = inner.get("value", "")
            if said[:1] == "#" and (text := self.anchors.get(said[1:])):
                return text
        found = resolve(self.anchors, element)
        if found.dangling:
            self.dangling += 1
        return found.text


def local_type(element: etree._Element) -> str:
    """The xsi:type without its prefix; empty when none is said."""
    said = element.get(TYPE)
    return said.rpartition(":")[2].strip() if said else ""


def concept(element: etree._Element | None, reading: Reading, depth: int = 0) -> Concept:
    if element is None:
        return NOTHING
    get = element.get
    text = ""
    translations: list[Concept] = []
    qualifiers: list[tuple[Concept, Concept]] = []
    if depth < DEEPEST:
        for child in element:
            tag = child.tag
            if tag == _ORIGINAL:
                text = reading.words(child)
            elif tag == _TRANSLATION:
                translations.append(concept(child, reading, depth + 1))
            elif tag == _QUALIFIER:
                name, value = child_of(child, V3 + "name"), child_of(child, V3 + "value")
                qualifiers.append((concept(name, reading, depth + 1), concept(value, reading, depth + 1)))
    code, display, null = get("code", "").strip(), get("displayName", ""), get("nullFlavor", "").strip()
    if display:
        display = " ".join(display.split())
    if code or display or text or null or translations or qualifiers:
        return Concept(code, get("codeSystem", "").strip(), display, text, null, tuple(translations), tuple(qualifiers))
    return NOTHING


def instance_id(element: etree._Element) -> RawId | None:
    """An `II`; None without @root."""
    root = element.get("root", "").strip()
    return RawId(root, element.get("extension", "").strip()) if root else None


def amount(element: etree._Element | None, reading: Reading) -> Amount:
    """`PQ`, `INT`, `REAL`."""
    if element is None:
        return Amount()
    return Amount(
        element.get("value", "").strip(),
        element.get("unit", "").strip(),
        element.get("nullFlavor", "").strip(),
        _translated(element, reading),
        _in_other_units(element) if len(element) else (),
    )


def interval(element: etree._Element, reading: Reading) -> Interval:
    """`IVL_PQ` and its like. A bare @value (`<doseQuantity value="1"/>`) is no interval: see `measured`."""
    parts = {child.tag: child for child in element}
    center, width = parts.get(_CENTER), parts.get(_WIDTH)
    return Interval(
        low=_bound(parts.get(_LOW), reading),
        high=_bound(parts.get(_HIGH), reading),
        center=amount(center, reading) if center is not None else None,
        width=amount(width, reading) if width is not None else None,
        null=element.get("nullFlavor", "").strip(),
    )


def measured(element: etree._Element | None, reading: Reading) -> Interval | Amount | None:
    """A dose, a rate, a repeat number: an amount, or an interval when it has ends."""
    if element is None:
        return None
    if any(child.tag in _ENDS for child in element):
        return interval(element, reading)
    return amount(element, reading)


def ratio(element: etree._Element | None, reading: Reading) -> Ratio:
    if element is None:
        return Ratio()
    return Ratio(
        amount(child_of(element, V3 + "numerator"), reading),
        amount(child_of(element, V3 + "denominator"), reading),
        element.get("nullFlavor", "").strip(),
    )


def timing(element: etree._Element, reading: Reading, depth: int = 0) -> Timing:
    """Any time, as written. Without an xsi:type the content says which it is (`TS` or `IVL_TS`)."""
    said = local_type(element)
    parts = {child.tag: child for child in element}
    if not parts and said != "SXPR_TS":
        get = element.get
        return Timing(
            _KINDS.get(said, "TS"),
            get("value", "").strip(),
            null=get("nullFlavor", "").strip(),
            operator=get("operator", "").strip(),
            institution_specified=get("institutionSpecified") in ("true", "1"),
        )
    low, high, center = parts.get(_LOW), parts.get(_HIGH), parts.get(_CENTER)
    width, period = parts.get(_WIDTH), parts.get(_PERIOD)
    kind = _KINDS.get(said) or ("IVL_TS" if low is not None or high is not None or width is not None else "TS")
    inner: tuple[Timing, ...] = ()
    if depth < DEEPEST and (kind == "SXPR_TS" or _PHASE in parts):
        wanted = V3 + "comp" if kind == "SXPR_TS" else _PHASE
        inner = tuple(timing(child, reading, depth + 1) for child in element.iterchildren(wanted))
    event, offset = parts.get(V3 + "event"), parts.get(V3 + "offset")
    return Timing(
        kind=kind,
        value=element.get("value", "").strip(),
        low=low.get("value", "").strip() if low is not None else "",
        high=high.get("value", "").strip() if high is not None else "",
        center=center.get("value", "").strip() if center is not None else "",
        width=amount(width, reading) if width is not None else None,
        null=element.get("nullFlavor", "").strip(),
        low_null=low.get("nullFlavor", "").strip() if low is not None else "",
        high_null=high.get("nullFlavor", "").strip() if high is not None else "",
        operator=element.get("operator", "").strip(),
        period=amount(period, reading) if period is not None else None,
        institution_specified=element.get("institutionSpecified") in ("true", "1"),
        event=event.get("code", "").strip() if event is not None else "",
        offset=interval(offset, reading) if offset is not None else None,
        text=_translated(period, reading) if period is not None else "",
        parts=inner,
    )


def value(element: etree._Element, reading: Reading) -> Value:
    """A `value` by its type; one without a type is what its attributes say, and words otherwise."""
    said = local_type(element)
    read = _READERS.get(said) or _READERS.get(_untyped(element) if not said else said.partition("_")[0])
    return read(element, reading) if read is not None else _words(element, reading)


def observation_range(element: etree._Element, reading: Reading) -> Range:
    """An observationRange, with the criteria that say for whom it holds."""
    parts = {child.tag: child for child in element}
    found = parts.get(V3 + "value")
    interpretation = parts.get(V3 + "interpretationCode")
    criteria = element.iterfind(f"{V3}precondition/{V3}criterion")
    return Range(
        value=value(found, reading) if found is not None else None,
        text=reading.words(parts.get(V3 + "text")),
        interpretation=interpretation.get("code", "").strip() if interpretation is not None else "",
        code=concept(parts.get(V3 + "code"), reading),
        preconditions=tuple(said for criterion in criteria if (said := criterion_words(criterion, reading))),
    )


def criterion_words(criterion: etree._Element, reading: Reading) -> str:
    """A criterion in words: its text, else the code or value it wants."""
    text = reading.words(child_of(criterion, V3 + "text"))
    if text:
        return text
    code = concept(child_of(criterion, V3 + "code"), reading)
    wanted = child_of(criterion, V3 + "value")
    said = [code.text or code.display or code.code]
    if wanted is not None:
        said.append(wanted.get("value", "").strip() or _folded(wanted.get("displayName")) or reading.words(wanted))
    return " ".join(part for part in said if part)


def _bound(element: etree._Element | None, reading: Reading) -> Bound | None:
    if element is None:
        return None
    return Bound(
        element.get("value", "").strip(),
        element.get("unit", "").strip(),
        element.get("inclusive") not in ("false", "0"),
        element.get("nullFlavor", "").strip(),
        _translated(element, reading),
        _in_other_units(element) if len(element) else (),
    )


def _translated(element: etree._Element, reading: Reading) -> str:
    """Words of the translation of a quantity (its unit or dose as a person reads it)."""
    if not len(element):
        return ""
    return reading.words(element.find(f"{V3}translation/{V3}originalText"))


def _in_other_units(element: etree._Element) -> tuple[Amount, ...]:
    """The same quantity in other units (`PQR`: its unit is a code), each as said."""
    said = element.iterchildren(_TRANSLATION)
    return tuple(
        Amount(other.get("value", "").strip(), other.get("code", "").strip() or _folded(other.get("displayName")))
        for other in said
        if other.get("value")
    )


def _untyped(element: etree._Element) -> str:
    if element.get("code") or child_of(element, _ORIGINAL) is not None:
        return "CD"
    if element.get("unit"):
        return "PQ"
    return "IVL_PQ" if any(child.tag in _ENDS for child in element) else "ST"


def _words(element: etree._Element, reading: Reading) -> Value:
    if element.get("representation") == "B64":
        media_type = element.get("mediaType", "").strip()
        return Binary(media_type, len(element.text or ""), element.get("nullFlavor", "").strip())
    text = reading.words(element) or element.get("value", "").strip()
    return Words(text, element.get("nullFlavor", "").strip(), local_type(element))


def _identifier(element: etree._Element, _: Reading) -> Words:
    """An `II` as a value: its root and extension."""
    found = instance_id(element)
    said = "^".join(part for part in (found.root, found.extension) if part) if found is not None else ""
    return Words(said, element.get("nullFlavor", "").strip(), "II")


def _truth(element: etree._Element, reading: Reading) -> Truth:
    return Truth(element.get("value", "").strip(), element.get("nullFlavor", "").strip())


def _folded(text: str | None) -> str:
    return " ".join(text.split()) if text else ""


_ORIGINAL, _TRANSLATION, _QUALIFIER = V3 + "originalText", V3 + "translation", V3 + "qualifier"
_LOW, _HIGH, _CENTER, _WIDTH = V3 + "low", V3 + "high", V3 + "center", V3 + "width"
_PERIOD, _PHASE = V3 + "period", V3 + "phase"
_ENDS = frozenset((_LOW, _HIGH, _CENTER, _WIDTH))
_KINDS: dict[str, TimeKind] = {kind: kind for kind in get_args(TimeKind)}
_READERS: dict[str, Callable[[etree._Element, Reading], Value]] = {
    **dict.fromkeys(("CD", "CE", "CV", "CO", "CS"), concept),
    **dict.fromkeys(("PQ", "INT", "REAL", "MO"), amount),
    **dict.fromkeys(("IVL_PQ", "IVL_INT", "IVL_REAL", "IVL_MO"), interval),
    **dict.fromkeys(("TS", "IVL_TS", "PIVL_TS", "EIVL_TS", "SXPR_TS"), timing),
    **dict.fromkeys(("RTO",), ratio),
    **dict.fromkeys(("BL", "BN"), _truth),
    "II": _identifier,
}
