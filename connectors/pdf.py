"""What a PDF would do if it were opened: scripts, programs, embedded files. It is searched, never opened or run.

Only names of seven characters or more are looked for in raw bytes: `/JS` comes up by chance in the pixels of a scan,
and an action that has it says `/S /JavaScript` anyway (ISO 32000-1, 12.6.4.16). Since PDF 1.5 the dictionaries stand in
compressed object streams: these are inflated within a budget, and a file that goes beyond it says so.
"""

from __future__ import annotations

import re
import zlib

NAMES = {
    b"JavaScript": "javascript",
    b"Launch": "launch",
    b"EmbeddedFile": "embedded-file",
    b"EmbeddedFiles": "embedded-file",
    b"RichMedia": "rich-media",
    b"SubmitForm": "submit-form",
    b"ImportData": "import-data",
    b"Encrypt": "encrypted",
}
STREAM = 4 << 20
"""Bytes inflated of one object stream."""
TOTAL = 16 << 20
"""Bytes inflated in one file."""
MOST = 20_000
"""Object streams looked at in one file."""

_NAMED = re.compile(b"/(" + b"|".join(NAMES) + rb")(?![A-Za-z0-9#_.-])")
_ESCAPED = re.compile(rb"/((?:[A-Za-z]|#[0-9A-Fa-f]{2}){6,40})(?![A-Za-z0-9#_.-])")
_HEX = re.compile(rb"#([0-9A-Fa-f]{2})")
_STREAM = re.compile(rb"stream\r?\n")


def active(data: bytes) -> tuple[str, ...]:
    """Words for what acts, sorted; `encrypted` and `unexamined` for what could not be looked at."""
    found = _names(data)
    spent = 0
    for number, named in enumerate(re.finditer(b"/ObjStm", data)):
        if spent >= TOTAL or number >= MOST:
            found.add("unexamined")
            break
        content = _inflated(data, named.end(), min(STREAM, TOTAL - spent))
        if content is None:
            found.add("unexamined")
            continue
        spent += len(content)
        found |= _names(content)
    return tuple(sorted(found))


def _names(data: bytes) -> set[str]:
    found = {NAMES[match.group(1)] for match in _NAMED.finditer(data)}
    if b"#" in data:
        for match in _ESCAPED.finditer(data):
            if b"#" in match.group(1):
                name = _HEX.sub(lambda pair: bytes([int(pair.group(1), 16)]), match.group(1))
                if name in NAMES:
                    found.add(NAMES[name])
                elif name == b"ObjStm":
                    found.add("unexamined")
    return found


def _inflated(data: bytes, at: int, limit: int) -> bytes | None:
    """The object stream whose dictionary holds position `at`; None when it is not plain Flate or is too long."""
    begin = _STREAM.search(data, at, at + 2048)
    if begin is None:
        return None
    decompressor = zlib.decompressobj()
    try:
        content = decompressor.decompress(memoryview(data)[begin.end() : begin.end() + limit], limit)
    except zlib.error:
        return None
    return content if decompressor.eof else None
