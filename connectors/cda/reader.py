"""CDA R2 documents, bare or self-presenting: recognised by content, read into `Document`.

A self-presenting document is an XSL stylesheet with the CDA inside (CI-SIS, `application/xslt+xml`): the document
is found by its qualified name and read; the stylesheet is never run.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from lxml import etree

from connectors.base import Connector, Document, Locator, RawCode, RawId, Refusal, Source, Span, Yielded
from connectors.cda.body import body
from connectors.cda.elements import ROOT, V3, first
from connectors.cda.elements import value as attribute
from connectors.cda.header import author, author_organisation, header, party, patient, replaced
from connectors.cda.xml import LIMIT, Malformed, canonical_digest, parse

_ROOT_ELEMENT = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)[\s/>]")
_XSL = "http://www.w3.org/1999/XSL/Transform"


def recognises(head: bytes, name: str) -> bool:
    """A root element `ClinicalDocument`, or a stylesheet that may carry one; the name only for a long prolog."""
    text_ = _decoded(head)
    if not text_.lstrip("\ufeff \r\n\t").startswith("<"):
        return False
    if "ClinicalDocument" in text_:
        return True
    root = next(
        (found.group(1) for found in _ROOT_ELEMENT.finditer(re.sub(r"<!--.*?(-->|$)", "", text_, flags=re.S))), ""
    )
    if root:
        return root in ("stylesheet", "transform") and _XSL in text_
    return name.lower().endswith((".xml", ".cda"))


def read(source: Source) -> Iterator[Yielded]:
    """One `Document`, or one `Refusal` that says what is wrong with the bytes."""
    span = Span(0, source.size)
    where = Locator()
    if source.size > LIMIT:
        yield Refusal(where, span, "DOCUMENT_TOO_LARGE", expected=f"at most {LIMIT // 1_000_000} MB")
        return
    data = source.read()
    if not data or data.isspace():
        yield Refusal(where, span, "EMPTY_FILE", expected="a CDA document", came="empty")
        return
    root = parse(data)
    if isinstance(root, Malformed):
        yield Refusal(Locator(line=root.line), span, root.code, expected="well-formed XML without a document type")
        return
    document = root if root.tag == ROOT else next(root.iter(ROOT), None)
    if document is None:
        yield Refusal(
            Locator(xpath="/*"),
            span,
            "NOT_A_CLINICAL_DOCUMENT",
            expected="ClinicalDocument in the namespace urn:hl7-org:v3",
            came="another root element",
        )
        return
    sent = hashlib.sha1(data, usedforsecurity=False).hexdigest(), len(data)
    del data  # the tree has a copy of its own: a scanned PDF is there once
    yield _document(document, *sent, self_presenting=document is not root)


def _document(root: etree._Element, sha1: str, size: int, *, self_presenting: bool) -> Document:
    level_1 = first(root, "component", "nonXMLBody", "text")
    said = header(root)
    inside = body(root)
    return Document(
        locator=Locator(),
        span=Span(0, size),
        patient=patient(said),
        id=RawId(said.id.root, said.id.extension) if said.id.root else RawId(),
        code=said.code,
        title=said.title,
        effective_time=said.time.value,
        confidentiality=said.confidentiality[0] if said.confidentiality else RawCode(),
        language=said.language,
        set_id=said.set_id,
        version=said.version,
        replaces=replaced(said),
        templates=tuple(template.root for template in said.templates),
        author=author(said),
        author_organisation=author_organisation(said),
        custodian=party(said.custodian),
        level="cda-n1" if first(root, "component", "nonXMLBody") is not None else "cda-n3",
        media_type=attribute(level_1, "mediaType"),
        sections=len(inside.sections),
        entries=sum(1 for _ in root.iter(V3 + "entry")),
        attachments=sum(1 for found in inside.attached if found.embedded),
        self_presenting=self_presenting,
        canonical_digest=canonical_digest(root),
        narrative=inside.sections,
        header=said,
        sha1=sha1,
        size=size,
        statements=inside.statements,
        attached=inside.attached,
        findings=inside.findings,
    )


def _decoded(head: bytes) -> str:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return head.decode("utf-16", "replace")
    if head[:4] in (b"<\x00?\x00", b"\x00<\x00?"):
        return head.decode("utf-16-le" if head[1] == 0 else "utf-16-be", "replace")
    return head.decode("utf-8", "replace")


CDA = Connector(name="cda", family="cda", recognises=recognises, read=read)
