"""The canonical digest: equal for equal content whatever its blanks and comments, in a document of any size."""

from __future__ import annotations

import hashlib
import re

import pytest
from lxml import etree

from connectors.cda.xml import LARGE, canonical_digest, parse


def digest(document: bytes) -> bytes:
    root = parse(document)
    assert isinstance(root, etree._Element)
    return canonical_digest(root)


@pytest.mark.parametrize("size", [10, LARGE])
def test_blanks_between_tags_and_comments_do_not_count_and_text_does(size: int) -> None:
    text = b"a > b " * (size // 6 + 1)
    plain = b"<a><b>" + text.replace(b">", b"&gt;") + b"</b><c> d </c><e></e></a>"
    spaced = plain.replace(b"><", b"> \n<!-- x -->\t<").replace(b"</a>", b"\n</a >")
    assert digest(plain) == digest(spaced)
    assert digest(plain) != digest(plain.replace(b" d ", b" d"))
    written = re.sub(rb">[ \t\r\n]+<", b"><", plain)
    assert digest(plain) == hashlib.sha256(written).digest()
