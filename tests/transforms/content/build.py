"""Small documents with one section of entries, and the facts that Carnet makes of them."""

from __future__ import annotations

from connectors.base import Document, Source
from connectors.cda.reader import read
from tests.cda import cda
from transforms.content.model import AnyFact, Content
from transforms.documents import DocumentRecord, from_cda

A = "1.2.250.1.213.1.1.3."
"""Root of the entry templates of the CI-SIS."""
LOINC = 'codeSystem="2.16.840.1.113883.6.1"'


def document(
    entries: str, narrative: str = "", *, section: str = "30954-2", model: str = "", title: str = "Section"
) -> bytes:
    """A CDA document of level 3 whose one section holds these entries."""
    empty = cda(body="BODY").decode()
    start, end = empty.index("<section>"), empty.index("</section>")
    written = f'<section><code code="{section}" {LOINC}/><title>{title}</title><text>{narrative}</text>{entries}'
    text = empty[:start] + written + empty[end:]
    text = text.replace(
        "<ClinicalDocument ", '<ClinicalDocument xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    )
    if model:
        text = text.replace("<id root=", f'<templateId root="{model}"/><id root=', 1)
    return text.encode()


def record(data: bytes) -> DocumentRecord:
    (found,) = read(Source.of_bytes("document.xml", data))
    assert isinstance(found, Document), found
    return from_cda(found)


def content(entries: str, narrative: str = "", **more: str) -> Content:
    return record(document(entries, narrative, **more)).content


def fact(entries: str, narrative: str = "", **more: str) -> AnyFact:
    """The one fact of one entry."""
    (found,) = content(entries, narrative, **more).facts
    return found


def entry(inner: str, kind: str = "observation", attributes: str = 'classCode="OBS" moodCode="EVN"') -> str:
    return f"<entry><{kind} {attributes}>{inner}</{kind}></entry>"


def template(*numbers: str) -> str:
    return "".join(f'<templateId root="{number if len(number) > 9 else A + number}"/>' for number in numbers)


def relation(inner: str, kind: str = "observation", type_code: str = "SUBJ", *, negated: bool = False) -> str:
    denied = ' negationInd="true"' if negated else ""
    return (
        f'<entryRelationship typeCode="{type_code}"><{kind} classCode="OBS" moodCode="EVN"{denied}>{inner}</{kind}>'
        "</entryRelationship>"
    )
