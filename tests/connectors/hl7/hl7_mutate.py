"""Mutants of HL7v2 files: bytes, structure, character sets and envelopes damaged as senders damage them. Seeded."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from hl7_build import CDA, document_mdm, document_oru, ed, encode, msh, results_oru

from tests.cda import cda
from tests.hl7 import batch, mdm, oru

CANARY = b"ZZCANARY"
"""Stands for what a patient might be told by: no refusal may quote it."""

FILES = [
    encode(document_oru()),
    encode(document_oru(ed(CDA, head=""))),
    encode(document_mdm(), "\n"),
    encode(results_oru(), "\r\n"),
    encode(
        [msh("ADT^A40^ADT_A39"), "EVN||20260105", "PID|||1^^^A^PI||" + CANARY.decode(), "MRG|2^^^A^PI", "ZFA|ACTIF"]
    ),
    encode([msh("ADT^A01"), "PID|||1", "PV1|1|I", "ZBE|1^A|20260105||INSERT|N||UF^^^^^^^^^1|HMS"]),
    batch([mdm(cda("1")), oru(), oru(control="R2", filler="F2")]),
]
"""Of ours, beside the samples."""

TOKENS = (
    *(b"|", b"^", b"~", b"\\", b"&", b"\r", b"\n", b"\r\n", b"\x0b", b"\x1c\r", b"\x1a", b"\x00", b'""', b"=", b" "),
    *("\u202e".encode(), "🩸".encode(), "\ufeff".encode(), "é".encode(), "\u2028".encode(), "\x85".encode()),
    *(b"\xff", b"\xc3", b"\xe9", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80"),
    *(b"\\XEDA080\\", b"\\XD83D\\", b"\\X4G\\", b"\\X\\", b"\\.br\\", b"\\Zxx\\", b"\\H\\", b"\\T\\lt;", b"\\F\\\\S\\"),
    *(b"\rMSH|^~\\&|", b"\rMSH", b"\nMSH$*:?!$A$B\r", b"\rOBX|9|ED|X||^T^XML^Base64^", b"\rOBX|1|", b"\rPID|||"),
    *(b"\rBHS|^~\\&|\r", b"\rBTS|9\r", b"\rFHS|^~\\&\r", b"\rFTS|1\r", b"^Base64^", b"<ClinicalDocument", b"\rORC|CA"),
    *(b"\rNTE|1||" + CANARY, CANARY, b"|" + CANARY + b"|", b"\rSPM|1", b"\rZZZ|1", b"9" * 400, b"~" * 300, b"\\" * 300),
)
CHARSETS = (b"UNICODE UTF-8", b"8859/1", b"8859/15", b"8859/7", b"ASCII", b"UNICODE", b"KLINGON", b"8859/15~ASCII", b"")
DELIMITERS = (
    b"|^~\\&#",
    b"|^~\\}",
    b"$*:?!",
    b"#^~\\&",
    b"|&&&&",
    b"|^~\\",
    b"||||",
    "|^˜\\&".encode(),
    b"A^~\\&",
    b"|",
)

Mutation = Callable[[bytes, random.Random], bytes]
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|$)")


def mutant(bases: list[bytes], seed: int) -> bytes:
    """Mutant number `seed` of one of these files: the same for ever."""
    rng = random.Random(seed)
    data = rng.choice(bases)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        data = rng.choice(MUTATIONS)(data, rng)
    return data


def rewired(data: bytes, rng: random.Random) -> bytes:
    """The same messages in other line ends, between blank lines, MLLP bytes or behind a byte order mark."""
    lines = [line for line in re.split(rb"[\r\n]+", data.strip()) if line]
    whole = all(re.match(rb"[A-Z][A-Z0-9]{2}[^\w\s]", line) for line in lines)  # no field goes over several lines
    ends = rng.choice(((b"\r",), (b"\n",), (b"\r\n",), (b"\r", b"\n", b"\r\n")))
    if whole and rng.random() < 0.5:
        ends = (*ends, b"\r\r", b"\n\n", b"\r\n \r\n", b"\r\x0b\r")
    out = [line + rng.choice(ends) for line in lines]
    if lines and rng.random() < 0.3:
        out[-1] = lines[-1]
    if rng.random() < 0.5:
        out.append(rng.choice((b"\x1c\r", b"\x1c", b"\x1a", b"\x00\x00", b"\r\n\r\n", b"\xef\xbb\xbf")))
    return rng.choice((b"", b"\xef\xbb\xbf", b"\x0b", b"\r\n", b"\xef\xbb\xbf\r\n\x0b")) + b"".join(out)


def _lines(data: bytes) -> list[bytes]:
    return [line for line in _LINE.findall(data) if line]


def _one_line(data: bytes, rng: random.Random, change: Callable[[bytes], bytes]) -> bytes:
    lines = _lines(data)
    if not lines:
        return data
    at = rng.randrange(len(lines))
    lines[at] = change(lines[at])
    return b"".join(lines)


def segments_moved(data: bytes, rng: random.Random) -> bytes:
    lines = _lines(data) or [b""]
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(3):
        case 0:
            del lines[one]
        case 1:
            lines.insert(other, lines[one])
        case _:
            lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def parts_moved(data: bytes, rng: random.Random) -> bytes:
    """A field, repetition, component or sub-component of one segment dropped, repeated or swapped."""

    def change(line: bytes) -> bytes:
        separator = rng.choice((b"|", b"|", b"^", b"~", b"&"))
        parts = line.split(separator)
        one, other = rng.randrange(len(parts)), rng.randrange(len(parts))
        match rng.randrange(4):
            case 0:
                del parts[one]
            case 1:
                parts.insert(other, parts[one])
            case 2:
                parts[one] = b""
            case _:
                parts[one], parts[other] = parts[other], parts[one]
        return separator.join(parts)

    return _one_line(data, rng, change)


def cut(data: bytes, rng: random.Random) -> bytes:
    at = rng.randint(0, len(data))
    return rng.choice((data[:at], data[at:], data[:at] + data[at + rng.choice((1, 3, 40, 400)) :]))


def flipped(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 4, 16))):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def inserted(data: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.choice((1, 1, 3))):
        at = rng.randint(0, len(data))
        data = data[:at] + rng.choice(TOKENS) + data[at:]
    return data


def value_replaced(data: bytes, rng: random.Random) -> bytes:
    """One field says something else."""

    def change(line: bytes) -> bytes:
        fields = line.split(b"|")
        fields[rng.randrange(len(fields))] = rng.choice((*TOKENS, b"", b"x" * 10_000, b"20260230", b"NM", b"ED", b"C"))
        return b"|".join(fields)

    return _one_line(data, rng, change)


def delimiters_changed(data: bytes, rng: random.Random) -> bytes:
    """In MSH alone, or everywhere."""
    given = rng.choice(DELIMITERS)
    if rng.random() < 0.5 and len(given) == 5 and given.isascii():
        return data.translate(bytes.maketrans(b"|^~\\&", given))
    return data.replace(b"|^~\\&", given, rng.choice((1, -1)))


def charset_changed(data: bytes, rng: random.Random) -> bytes:
    if rng.random() < 0.4:
        text = data.decode("utf-8", "replace")
        return text.encode(rng.choice(("iso8859-15", "cp1252", "utf-16", "utf-16-le", "utf-16-be")), "replace")
    at = data.find(b"MSH|")
    fields = data[at:].split(b"|", 18)
    if at < 0 or len(fields) < 19:
        return data
    fields[17] = rng.choice(CHARSETS)
    return data[:at] + b"|".join(fields)


def ends_changed(data: bytes, rng: random.Random) -> bytes:
    ends = rng.choice(((b"\r",), (b"\n",), (b"\r\n",), (b"\r", b"\n", b"\r\n", b"\n\n"), (b"\x1c",), (b"",)))
    return b"".join(line.rstrip(b"\r\n") + rng.choice(ends) for line in _lines(data))


def enveloped(data: bytes, rng: random.Random) -> bytes:
    """In a batch, twice over, with a wrong count or without its end; or after itself."""
    body = data + rng.choice((b"", b"\r", b"\r\n"))
    count = rng.choice((b"1", b"0", b"96", b"", b"two", b"9" * 30))
    match rng.randrange(5):
        case 0:
            return b"BHS|^~\\&\r" + body + b"BTS|" + count + b"\r"
        case 1:
            return b"FHS|^~\\&\rBHS|^~\\&\r" + body + b"BTS|" + count + b"\rFTS|1\r"
        case 2:
            return b"FHS|^~\\&\rFHS|^~\\&\rBHS|^~\\&\r" + body + b"BHS|^~\\&\r" + body + b"FTS|" + count
        case 3:
            return b"FHS|^~\\&\r" + body + b"PID|||" + CANARY + b"\r" + b"FTS"
        case _:
            return body * rng.choice((2, 3))


MUTATIONS: tuple[Mutation, ...] = (
    segments_moved,
    segments_moved,
    parts_moved,
    parts_moved,
    cut,
    flipped,
    inserted,
    inserted,
    value_replaced,
    delimiters_changed,
    charset_changed,
    ends_changed,
    enveloped,
)
