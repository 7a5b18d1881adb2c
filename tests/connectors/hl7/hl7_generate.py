"""Seeded HL7v2 messages of every shape we know, each with the values it was written from: nobody in them exists."""

from __future__ import annotations

import random
from typing import Literal

import msgspec

from connectors.hl7.tokens import Delimiters

Leaf = tuple[int, int, int, int, int]
"""Segment from 0, then field, repetition, component and sub-component from 1. MSH-1 is the separator itself."""

USUAL = Delimiters("|", "^", "~", "\\", "&")
OTHERS = (
    Delimiters("|", "^", "~", "\\", "&", "#"),
    Delimiters("|", "^", "~", "\\", "}"),
    Delimiters("$", "*", ":", "?", "!"),
    Delimiters("#", "^", "~", "\\", "&"),
    Delimiters("!", "%", "@", "`", "{", "}"),
    Delimiters("|", "&", "^", "~", "\\"),
)
VERSIONS = ("2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5", "2.5.1", "2.6", "2.7", "2.7.1", "2.8", "2.8.1", "2.8.2")
ODD_VERSIONS = ("2.9", "2.9.1", "2.5^FRA^2.11", "2.3.z", "")
WORDS = (
    "MARTINEAU",
    "D'Épinay",
    "O'Neil",
    "Robert'); DROP TABLE item;--",
    "Hémoglobine",
    "L'HOSTIS-NOËL",
    "œdème à 5 €",
    "12,5",
    "-0.94",
    "<5",
    "20260302101500+0100",
    "1.2.250.1.999.1",
    "a=b/c+d",
    "élevé (>10 %)",
    "two  blanks",
    " outer blanks ",
    "tab\tinside",
    "C:",
    "MSH",
    "x",
    "007",
)
EXOTIC = ("漢字", "e\u0301 combined", "\u202eRTL\u202c", "🩸 sang", "\u2028line", "Ł", "Ω", "nul\x00inside", "\x0c")
"""Written in UTF-8 and UTF-16 only."""
LAYOUT = ("H", "N", ".sp2", ".in4", ".ce")
UNKNOWN = ("Zxx", *LAYOUT, "C2842", "M242842", "X0", "XGG", "Z.a-b")
"""Escape sequences whose text no reader may invent: they stay as written."""

LINES: dict[str, tuple[str, ...]] = {
    "ORU^R01^ORU_R01": ("PID", "NTE?", "PV1?", "ORC?", "OBR", "NTE?", "OBX", "NTE?", "OBX?", "SPM?", "OBX?"),
    "MDM^T02^MDM_T02": ("EVN", "PID", "PV1?", "TXA", "OBX", "NTE?"),
    "ADT^A01^ADT_A01": ("EVN", "PID", "PD1?", "PV1", "ZBE?", "ZFA?", "ZFD?"),
    "ADT^A08^ADT_A01": ("EVN", "PID", "PV1", "AL1?", "ZFM?"),
    "ADT^A28^ADT_A05": ("EVN", "PID", "PV1", "ZFP?", "ZFS?"),
    "ADT^A40^ADT_A39": ("EVN", "PID", "MRG"),
    "ORM^O01": ("PID", "PV1?", "ORC", "OBR", "NTE?", "DG1?"),
    "OML^O21^OML_O21": ("PID", "ORC", "OBR", "OBX?", "SPM?"),
    "SIU^S12^SIU_S12": ("SCH", "NTE?", "PID", "RGS", "AIS?"),
    "ACK^R01^ACK": ("MSA", "ERR?"),
    "NEW^X01": ("PID", "ZZ1", "NTE?", "QQQ?"),
    "": ("PID",),
}
WIDTH = {"PID": 32, "OBR": 27, "OBX": 19, "ORC": 14, "NTE": 3, "TXA": 19, "SPM": 6, "MRG": 4, "EVN": 3}
END_OF_LINE = ("\r", "\r", "\r", "\n", "\r\n", "mixed", "blank lines")
Charset = tuple[str, str]
HONEST: tuple[Charset, ...] = (
    ("utf-8", "UNICODE UTF-8"),
    ("utf-8", "UNICODE UTF-8"),
    ("utf-8", "UTF-8"),
    ("iso8859-15", "8859/15"),
    ("iso8859-1", "8859/1"),
    ("ascii", "ASCII"),
    ("ascii", ""),
    ("utf-16", "UNICODE UTF-16"),
)
LIES: tuple[Charset, ...] = (("utf-8", "8859/15"), ("utf-8", "8859/1"), ("iso8859-15", "UNICODE UTF-8"), ("utf-8", ""))


class Generated(msgspec.Struct, frozen=True):
    """A file with one message, and what it was written from. Leaves hold what is not empty."""

    data: bytes
    text: str
    """The message alone, as text, each segment ended by CR."""
    dressed: str
    """The file as text; the message alone when it is in a batch."""
    dress: frozenset[str]
    """What surrounds it: `LF`, `CRLF`, `mixed`, `blank lines`, `unterminated`, `BOM`, `MLLP`, `batch`."""
    honest: bool
    """Whether MSH-18 says what the bytes are."""
    delimiters: Delimiters
    names: tuple[str, ...]
    raw: dict[Leaf, str]
    """As written, escapes included."""
    values: dict[Leaf, str]
    """Escapes decoded."""


Written = tuple[str, str]
"""A sub-component: as written, and its value."""
Component = list[Written]
Repetition = list[Component]
Field = list[Repetition]


def generate(seed: int) -> Generated:
    """Message number `seed`: the same for ever."""
    return _Writer(random.Random(seed)).message()


class _Writer:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.honest = rng.random() < 0.85
        self.codec, self.msh18 = rng.choice(HONEST if self.honest else LIES)
        self.d = USUAL if rng.random() < 0.6 else rng.choice(OTHERS)
        self.version = rng.choice(VERSIONS) if rng.random() < 0.9 else rng.choice(ODD_VERSIONS)
        self.kind = rng.choice(list(LINES))
        self.odd = 0.25 if rng.random() < 0.5 else 0.0  # half of the messages have escapes
        self.hex_codec = "utf-8" if self.codec in {"utf-16", "ascii"} else self.codec
        self.huge = rng.random() < 0.01

    def message(self) -> Generated:
        rng, d = self.rng, self.d
        segments = [("MSH", self.header())]
        for name in LINES[self.kind]:
            if not name.endswith("?"):
                segments.append((name, self.segment(name)))
            elif rng.random() < 0.4:
                segments.append((name[:3], self.segment(name[:3])))
        if not self.honest:  # a lie shows by what no ASCII text says
            segments.append(("NTE", {1: _plain("1"), 3: _plain("prélevé à l'hôpital, contrôlé")}))
        segments[-1][1][40] = _plain("end")  # blanks at the very end of a message belong to nobody
        lines, raw, values = [], {}, {}
        for number, (name, fields) in enumerate(segments):
            lines.append(self.line(name, fields))
            for field, repetitions in fields.items():
                for place, (written, value) in _leaves(number, field, repetitions):
                    if written:
                        raw[place], values[place] = written, value
            if name == "MSH":
                raw[(0, 1, 1, 1, 1)] = values[(0, 1, 1, 1, 1)] = d.field
                raw[(0, 2, 1, 1, 1)] = values[(0, 2, 1, 1, 1)] = lines[0][4 : 9 if d.truncation else 8]
        data, dressed, dress = self.dress(lines)
        text = "".join(line + "\r" for line in lines)
        names = tuple(name for name, _ in segments)
        return Generated(data, text, dressed, dress, self.honest, d, names, raw, values)

    def header(self) -> dict[int, Field]:
        kind = [[_said(part)] for part in self.kind.split("^")]
        version = [[_said(part)] for part in self.version.split("^")]
        fields: dict[int, Field] = {
            3: _plain("LABO"),
            4: self.field() if self.rng.random() < 0.3 else _plain("SITE"),
            5: _plain("HUB"),
            7: _plain("20260302101500"),
            9: [kind],
            10: _plain(f"C{self.rng.randrange(10**6)}"),
            11: _plain("P"),
            12: [version],
            18: _plain(self.msh18),
        }
        if self.rng.random() < 0.3:
            fields[21] = [[[_said("2.1")], [_said("CISIS_CDA_HL7_V2")]]]
        return fields

    def segment(self, name: str) -> dict[int, Field]:
        width = WIDTH.get(name, 8)
        fields = {n: self.field() for n in range(1, width + 1) if self.rng.random() < min(0.5, 6 / width)}
        fields |= {1: _plain("1")} if name in {"PID", "OBX", "OBR", "NTE", "PV1"} else {}
        if name == "OBX":
            fields |= {2: _plain(self.rng.choice(("NM", "ST", "TX", "FT", "CE", "CWE", "SN", "DT", "TS")))}
            fields |= {3: [[[_said(f"{self.rng.randrange(9999)}-7")], [self.written()], [_said("LN")]]]}
        if name == "PID" and self.rng.random() < 0.7:
            authority = [_said("CHU"), _said("1.2.250.9999.7"), _said("ISO")]
            fields[3] = [[[self.written()], [_said("")], [_said("")], authority, [_said("PI")]] for _ in range(2)]
        return fields

    def field(self) -> Field:
        """Nothing, null, one value, components, sub-components, repetitions; ends with empty ones or not."""
        rng = self.rng
        shape = rng.random()
        if shape < 0.1:
            return _plain('""')
        if shape < 0.55:
            return [[[self.written()]]]
        if shape < 0.8:
            return [[[self.written()] if rng.random() < 0.7 else [_said("")] for _ in range(rng.randint(2, 5))]]
        if shape < 0.9:
            return [[self.component() for _ in range(rng.randint(1, 4))]]
        return [[self.component() for _ in range(rng.randint(1, 3))] for _ in range(rng.randint(2, 4))]

    def component(self) -> Component:
        return [self.written() if self.rng.random() < 0.6 else _said("") for _ in range(self.rng.randint(1, 3))]

    def written(self) -> Written:
        """A value and how it stands in the message."""
        rng = self.rng
        text = rng.choice(WORDS)
        if self.codec.startswith("utf") and self.honest and rng.random() < 0.15:
            text = rng.choice(EXOTIC)
        if self.codec == "ascii":
            text = text.encode("ascii", "ignore").decode()
        elif self.codec == "iso8859-1":
            text = text.replace("€", "$").replace("œ", "oe")
        if self.huge and rng.random() < 0.2:
            text = "0123456789" * 3000
        odd = rng.random()
        if odd < self.odd / 2:
            text += rng.choice([*self.delimiters(), "\n"]) + rng.choice(WORDS[:1])
        if odd > 1 - self.odd / 4:
            name = rng.choice(UNKNOWN)
            sequence = f"{self.d.escape}{name}{self.d.escape}"
            written, value = self.escaped(text)
            return (written + sequence, value + (f"\\{name}\\" if name in LAYOUT else sequence))
        if odd > 1 - self.odd / 3:
            written, value = self.escaped(text)
            return (f"{written} {self.d.escape} open", f"{value} {self.d.escape} open")
        return self.escaped(text)

    def delimiters(self) -> str:
        d = self.d
        return d.field + d.component + d.repetition + d.escape + d.subcomponent + d.truncation

    def escaped(self, text: str) -> Written:
        """Delimiters and line feeds by their names or as bytes; now and then another character as bytes."""
        d, rng = self.d, self.rng
        names = {d.field: "F", d.component: "S", d.repetition: "R", d.escape: "E", d.subcomponent: "T", "\n": ".br"}
        names |= {d.truncation: "P"} if d.truncation else {}
        written = []
        for character in text:
            by_hand = character in names
            hexadecimal = (
                self.odd and (self.honest or character.isascii()) and rng.random() < (0.3 if by_hand else 0.02)
            )
            if hexadecimal:
                bytes_ = character.encode(self.hex_codec)
                if len(bytes_) > 1 and rng.random() < 0.5:  # one sequence a byte
                    written.append("".join(f"{d.escape}X{byte:02x}{d.escape}" for byte in bytes_))
                else:
                    written.append(f"{d.escape}X{bytes_.hex().upper()}{d.escape}")
            else:
                written.append(f"{d.escape}{names[character]}{d.escape}" if by_hand else character)
        return "".join(written), text

    def line(self, name: str, fields: dict[int, Field]) -> str:
        d, rng = self.d, self.rng
        last = max(fields, default=0)
        written = [name]
        if name == "MSH":
            written = [f"MSH{d.field}{d.component}{d.repetition}{d.escape}{d.subcomponent}{d.truncation}"]
        for number in range(3 if name == "MSH" else 1, last + 1):
            repetitions = fields.get(number, [])
            tail = (
                d.component * rng.randint(1, 3)
                if repetitions and number > 2 and name != "MSH" and rng.random() < 0.05
                else ""
            )
            written.append(
                d.repetition.join(
                    d.component.join(d.subcomponent.join(sub for sub, _ in component) for component in repetition)
                    for repetition in repetitions
                )
                + tail
            )
        return d.field.join(written) + (d.field * rng.randint(1, 4) if rng.random() < 0.2 else "")

    def dress(self, lines: list[str]) -> tuple[bytes, str, frozenset[str]]:
        rng = self.rng
        end = rng.choice(END_OF_LINE)
        dress = {{"\n": "LF", "\r\n": "CRLF"}.get(end, end)} - {"\r"}
        if end == "mixed":
            dressed = "".join(line + rng.choice(("\r", "\n", "\r\n", "\r\n\r\n")) for line in lines)
        elif end == "blank lines":
            dressed = "".join(line + rng.choice(("\r", "\r\r")) for line in lines)
        else:
            dressed = "".join(line + end for line in lines)
        if rng.random() < 0.15:
            dressed = dressed.rstrip("\r\n")
            dress.add("unterminated")
        whole = dressed
        around: Literal["", "MLLP", "batch", "BOM"] = rng.choice(("", "", "", "", "MLLP", "batch", "BOM"))
        if around == "MLLP":
            whole = f"\x0b{whole}\x1c\r"
        elif around == "batch":
            head = lines[0][3 : 9 if self.d.truncation else 8]
            whole = f"FHS{head}\rBHS{head}\r{whole}\rBTS{self.d.field}1\rFTS{self.d.field}1\r"
        elif around == "BOM" and self.codec == "utf-8":
            whole = "\ufeff" + whole
        dress |= {around} if around and (around != "BOM" or self.codec == "utf-8") else set()
        return whole.encode(self.codec), dressed if around == "batch" else whole, frozenset(dress)


def _said(text: str) -> Written:
    return text, text


def _plain(text: str) -> Field:
    return [[[_said(text)]]]


def _leaves(segment: int, field: int, repetitions: Field) -> list[tuple[Leaf, Written]]:
    return [
        ((segment, field, r, c, s), written)
        for r, repetition in enumerate(repetitions, 1)
        for c, component in enumerate(repetition, 1)
        for s, written in enumerate(component, 1)
    ]
