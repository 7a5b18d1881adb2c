"""Small CDA documents with a body of any kind, around the header of `tests.cda`."""

from __future__ import annotations

import base64
import re

from tests.cda import cda


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def level_1(
    said: str, media_type: str = "application/pdf", *, representation: str = "B64", attributes: str = ""
) -> bytes:
    """A level 1 document: `said` is the inside of `text`, as XML."""
    as_base64 = f' representation="{representation}"' if representation else ""
    body = f'<nonXMLBody><text mediaType="{media_type}"{as_base64} {attributes}>{said}</text></nonXMLBody>'
    return _with(body)


def level_3(sections: str, namespaces: str = "") -> bytes:
    """A structured document with these sections (`section(…)`)."""
    return _with(f"<structuredBody>{sections}</structuredBody>", namespaces)


def section(narrative: str, entries: str = "", code: str = "18748-4") -> str:
    """A section: the inside of its `text`, and its `entry` elements."""
    return (
        f'<component><section><code code="{code}" codeSystem="2.16.840.1.113883.6.1"/><title>Titre</title>'
        f"<text>{narrative}</text>{entries}</section></component>"
    )


def _with(body: str, namespaces: str = "") -> bytes:
    text = cda("1").decode()
    text = re.sub(r"<component>.*</component>", lambda _: f"<component>{body}</component>", text, flags=re.S)
    return text.replace('xmlns="urn:hl7-org:v3"', f'xmlns="urn:hl7-org:v3" {namespaces}', 1).encode()
