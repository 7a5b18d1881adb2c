"""Character sets: what MSH-18 declares, what the bytes are, and one decoding that never fails nor garbles.

`HL7 table 0211`; the French profiles allow `UNICODE UTF-8` and `8859/15`. A declaration that the bytes contradict is
a finding, never an exception.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

_LINE = re.compile(rb"[^\r\n\x0b\x1c]*")
_C1 = re.compile(rb"[\x80-\x9f]")
_UNLIKELY = re.compile("[\u0080-\u009f\u0180-\u02bf\u0500-\u07ff]")
"""What a capital and a guillemet or no-break space of 8859/15 (`É»`) make when read as UTF-8."""


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """Text, the set of its bytes (a Python codec name), and the finding that goes with it, empty when none."""

    text: str
    encoding: str
    finding: str = ""


def declared(data: bytes, separator: bytes) -> str:
    """MSH-18 of a message as written, from its first line, which is ASCII up to there in every set we know."""
    line = _LINE.match(data)
    fields = line[0].split(separator, 18) if line else []
    return fields[17].decode("ascii", "replace") if len(fields) > 17 else ""


def decode(data: bytes, msh18: str) -> Decoded:
    """The text of a message whose MSH-18 is `msh18`.

    Findings: `CHARSET_MISMATCH` when the bytes are not in the declared set, `CHARSET_UNDECLARED` when there is no
    declaration, or none we know, and one was needed, `BYTES_UNDECODABLE` when some bytes are in no set.
    """
    codec = codec_of(msh18)
    if data.isascii():  # escaped bytes (`\\XC3A9\\`) may still need the codec
        return Decoded(data.decode("ascii"), codec if codec not in {"", "ascii"} else "utf-8")
    utf8 = _utf8(data)
    if utf8 is not None and (codec == "utf-8" or not _by_chance(utf8)):
        finding = "" if codec == "utf-8" else "CHARSET_MISMATCH" if codec else "CHARSET_UNDECLARED"
        return Decoded(utf8, "utf-8", finding)
    if utf8 is None and _mostly_utf8(data):
        return Decoded(data.decode("utf-8", "replace"), "utf-8", "BYTES_UNDECODABLE")
    finding = "CHARSET_UNDECLARED" if not codec else ""
    single = codec if codec.startswith("iso8859") else "iso8859-15"
    if codec in {"utf-8", "ascii"}:
        finding = "CHARSET_MISMATCH"
    if single in {"iso8859-1", "iso8859-15"} and _C1.search(data):
        # No French text holds C1 controls: these are the quotes, dashes and € of Windows-1252.
        try:
            return Decoded(data.decode("cp1252"), "cp1252", finding or "CHARSET_MISMATCH")
        except UnicodeDecodeError:
            finding = finding or "CHARSET_MISMATCH"
    try:
        return Decoded(data.decode(single), single, finding)
    except UnicodeDecodeError:  # 8859/3, 6, 7 and 8 leave some bytes undefined
        return Decoded(data.decode(single, "replace"), single, "BYTES_UNDECODABLE")


@lru_cache(256)
def codec_of(msh18: str) -> str:
    """The codec of a declaration, tolerant of its spelling; empty when absent or unknown."""
    name = re.sub(r"[^A-Z0-9]", "", msh18.partition("~")[0].upper())
    if name in {"UNICODEUTF8", "UTF8", "UNICODE"}:
        return "utf-8"
    if name in {"ASCII", "USASCII", "ISO646"}:
        return "ascii"
    latin = re.fullmatch(r"(?:ISO)?8859(\d\d?)", name)
    if latin and 1 <= int(latin[1]) <= 16 and latin[1] != "12":
        return f"iso8859-{int(latin[1])}"
    return ""


def _utf8(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _by_chance(text: str) -> bool:
    """Whether text that decodes as UTF-8 was more likely 8859/15: all it has beyond ASCII is unlikely in French."""
    return all(_UNLIKELY.match(character) for character in set(text) if character > "\x7f")


def _mostly_utf8(data: bytes) -> bool:
    """Whether a few bytes spoil a text that is UTF-8: more well-formed sequences than stray bytes."""
    text = data.decode("utf-8", "replace")
    stray = text.count("\ufffd")
    return sum(1 for character in text if character > "\x7f") - stray > stray
