"""Small pieces of CDA text: escaped values, codes, times, tables."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from html import escape

LOINC = ("2.16.840.1.113883.6.1", "LOINC")
SNOMED = ("2.16.840.1.113883.6.96", "SNOMED CT")
TA_ASIP = ("1.2.250.1.213.1.1.4.322", "TA_ASIP")
ATC = ("2.16.840.1.113883.6.73", "ATC")
CIS = ("1.2.250.1.213.2.3.1", "CIS")


def text(value: str) -> str:
    return escape(value, quote=False)


def attribute(value: str) -> str:
    return escape(value, quote=False).replace('"', "&quot;")


def stamp(moment: datetime) -> str:
    """HL7 time to the second with its offset, in CDA and in messages."""
    return moment.strftime("%Y%m%d%H%M%S%z")


def day(moment: date) -> str:
    return moment.strftime("%Y%m%d")


def templates(*roots: str) -> str:
    return "".join(f'<templateId root="{root}"/>' for root in roots)


def coded(element: str, code: str, display: str, system: tuple[str, str], kind: str = "", inner: str = "") -> str:
    """A coded element; `kind` is its xsi:type, `inner` what it holds."""
    said = f' xsi:type="{kind}"' if kind else ""
    head = f'<{element}{said} code="{code}" displayName="{attribute(display)}" codeSystem="{system[0]}"'
    head += f' codeSystemName="{system[1]}"' if system[1] else ""
    return f"{head}>{inner}</{element}>" if inner else f"{head}/>"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A narrative table; cells are markup already."""
    titles = "".join(f"<th>{text(title)}</th>" for title in head)
    body = "\n".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>" for cells in rows)
    return f'<table border="0">\n<thead><tr>{titles}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>'


def anchor(name: str, value: str) -> str:
    """Narrative that an entry refers to."""
    return f'<content ID="{name}">{text(value)}</content>'


def section(roots: str, number: str, code: str, display: str, title: str, narrative: str, entries: str = "") -> str:
    """A component with a section; `number` is its id, empty for the sections that have none."""
    id_ = f'<id root="{number}"/>\n' if number else ""
    return (
        f"<component>\n<section>\n{roots}\n{id_}{coded('code', code, display, LOINC)}\n"
        f"<title>{text(title)}</title>\n<text>{narrative}</text>\n{entries}</section>\n</component>\n"
    )
