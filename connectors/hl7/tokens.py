"""Tokens: delimiters, segments, escapes. No object per component and no list of fields kept: callers split what they
want and keep text (splitting every pipe and keeping the lists costs three times the whole parse).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import msgspec


class Delimiters(msgspec.Struct, frozen=True, gc=False):
    """MSH-1 and MSH-2 of one message (HL7 v2.5, 2.5.4); `truncation` is the fifth of v2.7, empty when absent."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str
    truncation: str = ""


USUAL = Delimiters("|", "^", "~", "\\", "&")


def delimiters(data: bytes) -> Delimiters | None:
    """The delimiters of a message that begins with MSH; None when they cannot be used.

    Usable: MSH-1 and four or five characters in MSH-2, all different, ASCII, neither letters, digits, blanks nor the
    full stop. `^~\\&#` is; `&&&&` and the small tilde of `^˜\\&` are not; three characters leave the escape in doubt.
    """
    return _delimiters(data[3:4], data[4:10].split(data[3:4] or b"|")[0])


@lru_cache(256)
def _delimiters(separator: bytes, encoding: bytes) -> Delimiters | None:
    given = separator + encoding
    text = given.decode("ascii", "replace")
    usable = all("!" <= character <= "~" and not character.isalnum() and character != "." for character in text)
    if len(text) not in {5, 6} or len(set(text)) != len(text) or not usable:
        return None
    found = Delimiters(*text)
    return USUAL if found == USUAL else found


_KNOWN = """
  ABS ACC ADD AFF AIG AIL AIP AIS AL1 APR ARQ ARV AUT BHS BLC BLG BPO BPX BTS BTX BUI CDM CDO CER CM0 CM1 CM2 CNS
  CON CSP CSR CSS CTD CTI CTR DB1 DEV DG1 DMI DON DPS DRG DSC DSP DST ECD ECR EDU EQL EQP EQU ERQ ERR EVN FAC FHS FT1
  FTS GOL GP1 GP2 GT1 IAM IAR IIM ILT IN1 IN2 IN3 INV IPC IPR ISD ITM IVC IVT LAN LCC LCH LDP LOC LRL MCP MFA MFE MFI
  MRG MSA MSH NCK NDS NK1 NPU NSC NST NTE OBR OBX ODS ODT OH1 OH2 OH3 OH4 OM1 OM2 OM3 OM4 OM5 OM6 OM7 OMC ORC ORG OVR
  PAC PCE PCR PD1 PDA PDC PEO PES PID PKG PM1 PMT PR1 PRA PRB PRC PRD PRT PSG PSH PSL PSS PTH PV1 PV2 PYE QAK QID QPD
  QRD QRF QRI RCP RDF RDT REL RF1 RFI RGS RMI ROL RQ1 RQD RXA RXC RXD RXE RXG RXO RXR RXV SAC SCD SCH SCP SDD SFT SGH
  SGT SHP SID SLT SPM STF STZ TCC TCD TQ1 TQ2 TXA UAC UB1 UB2 URD URS VAR VND VTQ ZBE ZFA ZFD ZFM ZFP ZFS ZFV"""
SEGMENTS = frozenset(_KNOWN.split())
"""Segment names of HL7 v2.3 to v2.9 and of the French PAM profile: a fast answer, not a limit."""

_TEXT_SEGMENTS = frozenset({"OBX", "NTE", "DSP"})
_NAME = re.compile("[A-Z][A-Z0-9]{2}")


@lru_cache(64)
def _heads(separator: str) -> frozenset[str]:
    return frozenset(name + separator for name in SEGMENTS)


def segments(text: str, separator: str) -> tuple[list[str], str]:
    """The segments of a message, whatever ends its lines (CR, LF, CRLF, mixed), and a finding, empty when none.

    A line that no segment name begins continues the field above it, with the line break as LF: no finding in the
    base64 of an ED, `LINE_BREAK_IN_FIELD` where free text is expected, else `SEGMENT_BROKEN`. Blank lines and MLLP
    bytes vanish.
    """
    if "\x0b" in text or "\x1c" in text:
        text = text.replace("\x0b", "\r").replace("\x1c", "\r")
    if "\n" in text:
        text = text.replace("\r\n", "\r").replace("\n", "\r")
    lines = text.split("\r")
    if _heads(separator).issuperset([line[:4] for line in lines]):
        return lines, ""
    return _joined(lines, separator)


def _joined(lines: list[str], separator: str) -> tuple[list[str], str]:
    groups: list[list[str]] = []
    found = set()
    blanks = 0
    payload = False  # the line above ends inside OBX-5 of an ED
    for line in lines:
        content = line.lstrip(" \t\ufeff")
        if not content:
            blanks += 1
            continue
        if not groups or _begins_segment(content, separator, payload):
            groups.append([content])
            payload = content[:3] == "OBX" and content.count(separator) == 5 and content.split(separator)[2] == "ED"
        else:
            name = groups[-1][0][:3]
            if not payload:
                found.add("LINE_BREAK_IN_FIELD" if name in _TEXT_SEGMENTS else "SEGMENT_BROKEN")
            groups[-1] += [""] * blanks + [line]
            payload = payload and separator not in line
        blanks = 0
    return ["\n".join(group) for group in groups], max(found, default="")  # the graver one is last in the alphabet


def _begins_segment(line: str, separator: str, payload: bool) -> bool:
    if not _NAME.match(line) or line[3:4] not in {"", separator}:
        return False
    # In base64 wrapped over lines, three letters before a separator may be the end of the payload.
    return not payload or line[:3] in SEGMENTS or line[:1] == "Z"


class Escapes(msgspec.Struct, frozen=True):
    """What a message's escape sequences stand for (HL7 v2.5, 2.7)."""

    pattern: re.Pattern[str]
    """Group 1: a name; 2: hexadecimal digits of one or more sequences in a row; 3: layout; none of them: unknown."""
    named: dict[str, str]


_LAYOUT = r"H|N|\.(?:sp|fi|nf|in|ti|sk|ce)(?:[+-]?\d+)?"
"""Highlighting and the formatting commands of FT (HL7 v2.5, 2.7.3 and 2.7.6), which stand for no character."""


@lru_cache(64)
def _escapes(d: Delimiters) -> Escapes:
    named = {"F": d.field, "S": d.component, "R": d.repetition, "E": d.escape, "T": d.subcomponent, ".br": "\n"}
    if d.truncation:
        named["P"] = d.truncation
    e = re.escape(d.escape)
    names = "|".join(re.escape(name) for name in named)
    hexadecimal = f"(?:{e}X(?:[0-9A-Fa-f]{{2}})+{e})+"
    unknown = f"{e}[A-Za-z.][A-Za-z0-9.+-]*{e}|{e}"
    return Escapes(re.compile(f"{e}({names}){e}|({hexadecimal})|{e}({_LAYOUT}){e}|{unknown}"), named)


def unescape(text: str, d: Delimiters, unknown: Callable[[], None], encoding: str = "utf-8") -> str:
    """Text with its escape sequences decoded, once. Unknown or open ones stay as they are; `unknown` is told. Layout
    stays as it is written, between backslashes: nothing is wrong with it.

    `\\Xhh..\\` holds bytes in the character set of the message, `encoding`.
    """
    if d.escape not in text:
        return text
    escapes = _escapes(d)

    def decoded(match: re.Match[str]) -> str:
        if match[1]:
            return escapes.named[match[1]]
        if match[2]:
            return _bytes(bytes.fromhex(re.sub("[^0-9A-Fa-f]", "", match[2])), encoding)
        if match[3]:
            return f"\\{match[3]}\\"
        unknown()
        return match[0]

    return escapes.pattern.sub(decoded, text)


def escape(text: str, d: Delimiters) -> str:
    """Text as the value of a field: `unescape(escape(text, d), d, …) == text`."""
    return text if text.isalnum() else text.translate(_sequences(d))


@lru_cache(64)
def _sequences(d: Delimiters) -> dict[int, str]:
    """The escape sequence of each character that needs one. No letter or digit does."""
    names = {d.field: "F", d.component: "S", d.repetition: "R", d.escape: "E", d.subcomponent: "T"}
    names |= {"\n": ".br", "\r": "X0D"} | ({d.truncation: "P"} if d.truncation else {})
    return {ord(character): f"{d.escape}{name}{d.escape}" for character, name in names.items()}


def _bytes(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return data.decode("iso8859-15")
