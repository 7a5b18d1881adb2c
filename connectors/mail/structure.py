"""The parts of a mail by their place in its bytes (RFC 5322, RFC 2046): headers are parsed, bodies are never held.

The standard library's parser builds the whole mail in memory, forgets where things stood and recurses as deep as the
mail tells it to. Here one pass over the lines finds the boundaries; only the headers go to the library.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.errors import MessageError
from email.message import Message as Headers
from email.parser import BytesParser
from email.policy import compat32
from typing import BinaryIO

import msgspec

from connectors.base import Span

MOST_PARTS = 500
"""A mail of MSSanté has a body, an XDM archive, and a PDF for each document."""
DEEPEST = 10
"""Levels of multipart."""
LARGEST_HEADERS = 1 << 16
LONGEST_FIELD = 1 << 13
"""Bytes of one field whose parameters are read."""
_LINE = 1 << 16


class Unopened(msgspec.Struct, frozen=True):
    """Why a mail is not opened: a code, and in closed words what was expected."""

    code: str
    expected: str


class Part(msgspec.Struct, frozen=True):
    """One leaf: `number` counts from 1 in the order of the mail; `body` is what is encoded, without its last break."""

    number: int
    kind: str
    """Content type, lower case: `application/pdf`."""
    disposition: str
    """`attachment`, `inline`, or empty."""
    name: str
    encoding: str
    """Content-Transfer-Encoding, lower case."""
    body: Span
    related: bool
    """Whether it stands in a multipart/related: an image of the body."""


class Structure(msgspec.Struct, frozen=True):
    """A mail: its own headers, its leaves, and whether it ends where its boundaries say."""

    headers: Headers
    parts: tuple[Part, ...]
    complete: bool


class _Open(msgspec.Struct):
    """A multipart that has begun and not ended."""

    boundary: bytes
    subtype: str
    """Of parts that name no type: message/rfc822 in a digest."""


def structure(stream: BinaryIO) -> Structure | Unopened:
    """The structure of the mail that this stream holds from its beginning."""
    scan = _Scan(stream)
    first = scan.headers()
    if isinstance(first, Unopened):
        return first
    trouble = scan.part(first)
    while trouble is None and scan.open:
        trouble = scan.next()
    return trouble or Structure(first, tuple(scan.parts), scan.complete)


class _Scan:
    """One pass over the lines of a mail."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.at = 0
        self.open: list[_Open] = []
        self.parts: list[Part] = []
        self.complete = True

    def line(self) -> bytes:
        found = self.stream.readline(_LINE)
        self.at += len(found)
        return found

    def headers(self) -> Headers | Unopened:
        """A block of headers, up to its blank line."""
        lines, size = [], 0
        while line := self.line():
            size += len(line)
            if size > LARGEST_HEADERS:
                return Unopened("MAIL_UNSAFE", f"headers of at most {LARGEST_HEADERS >> 10} KiB")
            lines.append(line)
            if line in (b"\n", b"\r\n"):
                break
        return BytesParser(policy=compat32).parsebytes(b"".join(lines), headersonly=True)

    def part(self, headers: Headers) -> Unopened | None:
        """A part whose headers have been read: a multipart is opened, a leaf is read to its end."""
        kind = content_type(headers, self.open[-1].subtype if self.open else "")
        if not kind.startswith("multipart/"):
            return self._leaf(headers, kind)
        boundary = parameter(headers, "content-type", "boundary").rstrip()
        if not boundary or len(self.open) >= DEEPEST:
            expected = f"multipart of at most {DEEPEST} levels" if boundary else "multipart with a boundary"
            return Unopened("MAIL_UNSAFE", expected)
        self.open.append(_Open(boundary.encode("utf-8", "surrogateescape"), kind.partition("/")[2]))
        self._to_boundary()
        return None

    def next(self) -> Unopened | None:
        """The part that begins after the boundary just read."""
        headers = self.headers()
        return headers if isinstance(headers, Unopened) else self.part(headers)

    def _leaf(self, headers: Headers, kind: str) -> Unopened | None:
        if len(self.parts) >= MOST_PARTS:
            return Unopened("MAIL_UNSAFE", f"at most {MOST_PARTS} parts")
        related = any(one.subtype == "related" for one in self.open)
        start = self.at
        end = self._to_boundary()
        self.parts.append(
            Part(
                number=len(self.parts) + 1,
                kind=kind,
                disposition=_value(headers, "content-disposition").partition(";")[0].strip().lower(),
                name=file_name(headers),
                encoding=_value(headers, "content-transfer-encoding").strip().lower(),
                body=Span(start, max(end - start, 0)),
                related=related,
            )
        )
        return None

    def _to_boundary(self) -> int:
        """Read on to the next boundary at which a part begins; where what came before it ends.

        A closing boundary ends its multipart, and what follows it is an epilogue up to the next boundary around.
        """
        end: int | None = None
        broken, fresh = 0, True
        while line := self.line():
            begins = self.at - len(line)
            found = self._boundary(line) if fresh and line.startswith(b"--") else None
            if found is not None:
                depth, closes = found
                end = begins - broken if end is None else end
                del self.open[depth if closes else depth + 1 :]
                if not closes:
                    return end
                if not self.open:
                    self._to_end()
                    return end
            broken = 2 if line.endswith(b"\r\n") else 1 if line.endswith(b"\n") else 0
            fresh = bool(broken)
        self.complete = self.complete and not self.open
        self.open.clear()
        return self.at if end is None else end

    def _to_end(self) -> None:
        while self.line():
            pass

    def _boundary(self, line: bytes) -> tuple[int, bool] | None:
        """Which open multipart a line is a boundary of, the innermost first, and whether it closes it."""
        text = line.rstrip()[2:]
        for depth in range(len(self.open) - 1, -1, -1):
            boundary = self.open[depth].boundary
            if text == boundary:
                return depth, False
            if text == boundary + b"--":
                return depth, True
        return None


def content_type(headers: Headers, around: str = "") -> str:
    """The type of a part, lower case; what names none, or one that is no type, is text, or a mail in a digest."""
    value = _value(headers, "content-type").partition(";")[0].strip().lower()
    if re.fullmatch(r"[\w.+!#$&^-]+/[\w.+!#$&^-]+", value):
        return value
    return "message/rfc822" if around == "digest" and not value else "text/plain"


def parameter(headers: Headers, field: str, name: str) -> str:
    """A parameter of a field, RFC 2231 decoded; empty when there is none that can be read."""
    if len(_value(headers, field)) > LONGEST_FIELD:
        return ""
    try:
        value = headers.get_param(name, "", field)
        if isinstance(value, tuple):
            charset, _, text = value
            return text.encode("latin-1").decode(charset or "utf-8", "replace")
    except (LookupError, ValueError, TypeError, MessageError):
        return ""
    return value if isinstance(value, str) else ""


def file_name(headers: Headers) -> str:
    return parameter(headers, "content-disposition", "filename") or parameter(headers, "content-type", "name")


def fields(headers: Headers, *names: str) -> Iterator[str]:
    """The values of these fields, as written."""
    for name in names:
        yield from (str(value) for value in headers.get_all(name, []))


def _value(headers: Headers, field: str) -> str:
    return next(fields(headers, field), "")
