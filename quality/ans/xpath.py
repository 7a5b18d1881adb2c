"""What must be known of an XPath expression without evaluating it: its literals, its variables, the files it reads.

Functions that read files are renamed to ones of the generated stylesheet that only know files handed to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import msgspec

PREFIX = "carnet-ans"
NAMESPACE = "urn:carnet:ans"

_PIECES = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[^'\"]+|['\"]")
_READERS = re.compile(r"(?<![\w.$:@/-])(?:fn:)?(document|doc-available|doc)(\s*\()")
_VARIABLE = re.compile(r"\$([\w.-]+(?::[\w.-]+)?)")
_LITERAL = re.compile(r"'((?:[^']|'')*)'|\"((?:[^\"]|\"\")*)\"")

Lets = Mapping[str, str]
"""Expressions of variables by name."""


class Read(msgspec.Struct, frozen=True):
    """A file that an expression reads: `before` is its whole reference, or a name found at run time stands between."""

    before: str
    after: str | None = None
    required: bool = True
    """False under `doc-available`, which asks whether there is one."""


def outside_literals(expression: str, change: Callable[[str], str]) -> str:
    """The expression with what is not a string literal changed."""
    return "".join(piece if _quoted(piece) else change(piece) for piece in _PIECES.findall(expression))


def _quoted(piece: str) -> bool:
    return piece[0] in "'\"" and len(piece) > 1


def confined(expression: str) -> str:
    """`doc(…)` and its like renamed to functions of the stylesheet, which read nothing."""
    return outside_literals(expression, lambda text: _READERS.sub(rf"{PREFIX}:\1\2", text))


def variables(expression: str) -> set[str]:
    found: set[str] = set()

    def seen(text: str) -> str:
        found.update(_VARIABLE.findall(text))
        return text

    outside_literals(expression, seen)
    return found


def literal(expression: str) -> str | None:
    """The text of a string literal; None for any other expression."""
    found = _LITERAL.fullmatch(expression.strip())
    if not found:
        return None
    return found[1].replace("''", "'") if found[1] is not None else found[2].replace('""', '"')


def followed(expression: str, lets: Lets, depth: int = 8) -> str:
    """What a variable stands for, as far as it is nothing but another expression."""
    name = expression.strip().removeprefix("$")
    if depth and expression.strip().startswith("$") and name in lets:
        return followed(lets[name], lets, depth - 1)
    return expression.strip()


def reads(expression: str, lets: Lets) -> tuple[list[Read], bool]:
    """The files that an expression reads, and whether all of them could be told."""
    found: list[Read] = []
    whole = True
    masked = "".join("\0" * len(piece) if _quoted(piece) else piece for piece in _PIECES.findall(expression))
    for call in _READERS.finditer(masked):
        argument = _argument(expression, masked, call.end())
        said = _read(argument, lets) if argument is not None else None
        if said is None:
            whole = False
        else:
            found.append(msgspec.structs.replace(said, required=call[1] != "doc-available"))
    return found, whole


def _argument(text: str, masked: str, start: int) -> str | None:
    """From after an opening parenthesis to the one that closes it."""
    depth = 1
    for place in range(start, len(masked)):
        depth += {"(": 1, ")": -1}.get(masked[place], 0)
        if not depth:
            return text[start:place].strip()
    return None


def _read(argument: str, lets: Lets) -> Read | None:
    """A reference that is a literal, or a concatenation with at most one part that the document gives."""
    parts = _parts(argument, lets)
    known = [part is not None for part in parts]
    if all(known):
        return Read("".join(part or "" for part in parts))
    if known.count(False) > 1 or len(parts) == 1:
        return None
    at = known.index(False)
    return Read("".join(part or "" for part in parts[:at]), "".join(part or "" for part in parts[at + 1 :]))


def _parts(argument: str, lets: Lets) -> list[str | None]:
    argument = followed(argument, lets)
    said = literal(argument)
    if said is not None:
        return [said]
    for wrapped in (r"(?:fn:)?string\s*\((.*)\)", r"xs:\w+\s*\((.*)\)"):
        inner = re.fullmatch(wrapped, argument, re.S)
        if inner and _closes(inner[1]):
            return _parts(inner[1], lets)
    joined = re.fullmatch(r"(?:fn:)?concat\s*\((.*)\)", argument, re.S)
    if joined and _closes(joined[1]):
        return [part for one in _listed(joined[1]) for part in _parts(one, lets)]
    return [None]


def _closes(text: str) -> bool:
    """Whether no parenthesis closes that was not opened here."""
    depth = 0
    for piece in _PIECES.findall(text):
        for character in "" if _quoted(piece) else piece:
            depth += {"(": 1, ")": -1}.get(character, 0)
            if depth < 0:
                return False
    return depth == 0


def _listed(text: str) -> list[str]:
    """Arguments separated by commas outside parentheses, brackets and literals."""
    found, depth = [""], 0
    for piece in _PIECES.findall(text):
        if _quoted(piece):
            found[-1] += piece
            continue
        for character in piece:
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(character, 0)
            if character == "," and not depth:
                found.append("")
            else:
                found[-1] += character
    return [one.strip() for one in found]
