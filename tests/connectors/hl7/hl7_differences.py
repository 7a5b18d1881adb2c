"""Where python-hl7 and hl7apy read a message otherwise than we do: each kind once, reviewed, with its smallest message.

Chapters are those of HL7 v2.5. `docs/decisions/0031-readings-compared.md` is the summary.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec
from hl7_generate import Leaf
from hl7_readers import Reading

from connectors.hl7.tokens import Delimiters

Library = Literal["python-hl7", "hl7apy"]


class Difference(msgspec.Struct, frozen=True):
    """One kind of disagreement. The example is a message of which `leaf` is read in two ways."""

    library: Library
    kind: str
    why: str
    """Why ours stands, with the chapter."""
    example: str
    leaf: Leaf
    ours: str
    theirs: str
    """Their value; a class of error when they refuse the message."""


HEAD = "MSH|^~\\&|||||||ACK|1|P|2.5\r"
NTE = HEAD + "NTE|1||{}\r"
TEXT: Leaf = (1, 3, 1, 1, 1)

DIFFERENCES = (
    Difference(
        "python-hl7",
        "escape: other bytes than ASCII",
        "2.7.5: \\X..\\ holds bytes in the character set of the message; one character a byte garbles UTF-8.",
        NTE.format("\\XC3A9\\t\\XC3A9\\"),
        TEXT,
        "été",
        "Ã©tÃ©",
    ),
    Difference(
        "python-hl7",
        "escape: new line",
        "2.7.6: .br begins a new line of the text; as CR it would end the segment wherever the text is written again.",
        NTE.format("a\\.br\\b"),
        TEXT,
        "a\nb",
        "a\rb",
    ),
    Difference(
        "python-hl7",
        "escape: formatting",
        "2.7.3 and 2.7.6: highlighting and layout are no characters. Underscores and blanks that nobody wrote change "
        "the text; left as written they lose nothing.",
        NTE.format("\\H\\grave\\N\\"),
        TEXT,
        "\\H\\grave\\N\\",
        "_grave_",
    ),
    Difference(
        "python-hl7",
        "escape: unknown, local or malformed",
        "2.7.7 leaves \\Zxx\\ to the two parties, 2.7.2 needs the sender's set for \\C and \\M: what cannot be decoded "
        "is kept as written and told, not dropped from a result.",
        NTE.format("avant\\Zxx\\après"),
        TEXT,
        "avant\\Zxx\\après",
        "avantaprès",
    ),
    Difference(
        "python-hl7",
        "escape: never closed",
        "2.7.1: a sequence ends with the escape character. One that does not is a backslash in a text, and what "
        "follows it is the text.",
        NTE.format("C:\\dossier"),
        TEXT,
        "C:\\dossier",
        "C:",
    ),
    Difference(
        "python-hl7",
        "escape: truncation character",
        "v2.7, 2.7.4: \\P\\ is the fifth character of MSH-2; it is not dropped.",
        "MSH|^~\\&#|||||||ACK|1|P|2.7\rNTE|1||lit n\\P\\4\r",
        TEXT,
        "lit n#4",
        "lit n4",
    ),
    Difference(
        "python-hl7",
        "wire: line ends",
        "2.5.3: CR ends a segment. Files have LF (all 38 French samples) or CRLF: with CR alone known, a message of "
        "LF is one segment, and one of CRLF has segments whose names begin with LF.",
        NTE.format("a").replace("\r", "\n"),
        TEXT,
        "a",
        "",
    ),
    Difference(
        "python-hl7",
        "wire: byte order mark",
        "No chapter: a mark at the head of a file is no part of the message (27 of 140 public samples have one).",
        "\ufeff" + NTE.format("a"),
        TEXT,
        "a",
        "ParseException",
    ),
    Difference(
        "python-hl7",
        "wire: blank lines",
        "2.5.2: a segment has a name; an empty line is none, and moves no number of those below it.",
        HEAD + "\r" + "NTE|1||a\r",
        TEXT,
        "a",
        "",
    ),
    Difference(
        "hl7apy",
        "version without grammar",
        "2.8: a recipient reads what it knows of any version; fields of 2.7.1 and 2.9 stand where those of 2.7 do. A "
        "version that is blank or unknown is reported, and no reason to lose the message.",
        NTE.format("a").replace("|2.5", "|2.9"),
        TEXT,
        "a",
        "UnsupportedVersion",
    ),
    Difference(
        "hl7apy",
        "fifth delimiter before v2.7",
        "2.5.4: the first four characters keep their meaning, whatever a fifth one adds (305 public messages have it).",
        NTE.format("a").replace("^~\\&", "^~\\&#"),
        TEXT,
        "a",
        "InvalidEncodingChars",
    ),
    Difference(
        "hl7apy",
        "segment without grammar",
        "2.6.2: a recipient ignores what it did not expect, and goes on; French ORU say PRT in 2.5.",
        NTE.format("a") + "PRT||UC\r",
        (2, 2, 1, 1, 1),
        "UC",
        "InvalidName",
    ),
    Difference(
        "hl7apy",
        "place beyond the grammar",
        "2.6.2 and 2.8: later versions and local use add fields and components at the end; their number is their only "
        "name, so it is kept (the ninth field of a note, the second component of a date).",
        NTE.format("a||||||x"),
        (1, 9, 1, 1, 1),
        "x",
        "",
    ),
    Difference(
        "hl7apy",
        "blank value",
        "Law 4: what was written is kept; whether blanks say anything is for those who know the field.",
        NTE.format(" |a"),
        TEXT,
        " ",
        "",
    ),
    Difference(
        "hl7apy",
        "blanks around a segment",
        "Law 4: a string (2.A, ST) keeps its blanks; only those at the very end of a message go with its end.",
        NTE.format("a ") + "NTE|2\r",
        TEXT,
        "a ",
        "a",
    ),
    Difference(
        "hl7apy",
        "number written again",
        "Law 4, nothing guessed: 007 and 7 are one number (2.A, NM); two identifiers in a numeric field they are not.",
        HEAD + "NTE|007||a\r",
        (1, 1, 1, 1, 1),
        "007",
        "7",
    ),
    Difference(
        "hl7apy",
        "wire: line ends",
        "2.5.3: CR ends a segment; see python-hl7. With LF the whole message is one MSH, whose last field becomes the "
        "version.",
        NTE.format("a").replace("\r", "\n"),
        TEXT,
        "a",
        "UnsupportedVersion",
    ),
    Difference(
        "hl7apy",
        "wire: byte order mark",
        "No chapter: see python-hl7.",
        "\ufeff" + NTE.format("a"),
        TEXT,
        "a",
        "ParserError",
    ),
    Difference(
        "hl7apy",
        "wire: MLLP bytes",
        "Appendix C: VT and FS frame a message, and are no segment of it when they were left in a file.",
        "\x0b" + NTE.format("a") + "\x1c\r",
        TEXT,
        "a",
        "InvalidName",
    ),
)
"""Beside these, hl7apy leaves every escape to its callers: its leaves are compared as written."""

_FORMATTING = re.compile(r"H|N|\.(?:sp|in|ti|sk|ce|fi|nf)[+-]?\d*")


def escape_kind(written: str, d: Delimiters) -> str:
    """What about the escapes of a leaf makes python-hl7 decode it otherwise; empty when nothing does."""
    sequences = re.split(re.escape(d.escape), written)
    if len(sequences) % 2 == 0:
        return "escape: never closed"
    named = {"F", "S", "R", "E", "T", ".br"}
    for sequence in sequences[1::2]:
        if _FORMATTING.fullmatch(sequence):
            return "escape: formatting"
        if d.truncation and sequence == "P":
            return "escape: truncation character"
        if sequence not in named and not re.fullmatch("X(?:[0-9A-Fa-f]{2})+", sequence):
            return "escape: unknown, local or malformed"
    if any(sequence[:1] == "X" and max(bytes.fromhex(sequence[1:])) > 0x7F for sequence in sequences[1::2]):
        return "escape: other bytes than ASCII"
    return "escape: new line" if ".br" in sequences[1::2] else ""


def hl7apy_kind(leaf: Leaf, written: str, theirs: str, reading: Reading) -> str:
    """Why hl7apy has another leaf; empty when for no reason we know."""
    segment, field = leaf[:2]
    if segment >= len(reading.names) or not reading.names[segment]:
        return "segment without grammar"
    if not theirs and not written.strip():
        return "blank value"
    if not theirs and {(segment, 0), (segment, field)} & reading.unplaced:
        return "place beyond the grammar"
    if theirs == written.rstrip() != written:
        return "blanks around a segment"
    if theirs and re.fullmatch("0+" + re.escape(theirs), written):
        return "number written again"
    return ""


REFUSALS = {"UnsupportedVersion": "version without grammar", "InvalidEncodingChars": "fifth delimiter before v2.7"}
"""hl7apy's, of a whole message."""
