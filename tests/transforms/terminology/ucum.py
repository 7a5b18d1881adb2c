"""A small reader of UCUM codes, with its own grammar and atoms (UCUM, sections 2 to 4): the table's oracle."""

from __future__ import annotations

import re

METRIC = {
    *("g", "L", "l", "m", "s", "mol", "U", "kat", "eq", "osm", "Pa", "[IU]", "m[Hg]", "Cel"),
}
PLAIN = {"%", "h", "min", "d", "[pH]", "[ppth]", "[CFU]", "[arb'U]", "[GPL'U]", "[MPL'U]", "10*"}
PREFIXES = {"k", "d", "c", "m", "u", "n", "p", "f", "h", "M", "G"}
ANNOTATION = re.compile(r"\{[\x21-\x7a\x7c\x7e]*\}")
EXPONENT = re.compile(r"[+-]?[0-9]+")


def is_ucum(code: str) -> bool:
    """Whether a code is a term of the grammar over these atoms."""
    return code.isascii() and bool(code) and _term(code.removeprefix("/")) if code != "/" else False


def _term(text: str) -> bool:
    parts, depth, start = [], 0, 0
    for index, sign in enumerate(text):
        if sign in "({[":
            depth += 1
        elif sign in ")}]":
            depth -= 1
        elif sign in "./" and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    return depth == 0 and all(_component(part) for part in (*parts, text[start:]))


def _component(text: str) -> bool:
    if text.startswith("(") and text.endswith(")"):
        return _term(text[1:-1])
    if ANNOTATION.fullmatch(text):
        return True
    unit = ANNOTATION.sub("", text) if text.endswith("}") else text
    return unit.isdecimal() or _unit(unit)


def _unit(text: str) -> bool:
    if text.startswith("10*"):
        return text == "10*" or EXPONENT.fullmatch(text[3:]) is not None
    found = re.fullmatch(r"(.*?)([+-]?[0-9]+)?", text)
    assert found is not None
    atom = found[1]
    return atom in PLAIN | METRIC or (atom[:1] in PREFIXES and atom[1:] in METRIC)
