"""The French profiles as data (`quality/profiles/*.csv`): which one a message follows, and what it asks of each field.

A profile is a list of layers of `fields.csv`; a later layer overrides the cells it fills. Rows carry their source.
"""

from __future__ import annotations

import csv
import io
import re
from functools import cache
from importlib import resources

import msgspec

from connectors.hl7.anatomy import Anatomy


class Rule(msgspec.Struct, frozen=True):
    """What a profile asks of one field."""

    usage: str = "O"
    """R required, RE required when known, C conditional, O optional, X forbidden (HL7 v2.5, 2.12.6)."""
    type: str = ""
    most: int = 0
    """Repetitions admitted; 0: any number."""
    values: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    """Values the norm does not admit and the ANS examples have; `*`: any."""
    precision: str = ""
    fr: str = ""
    en: str = ""


class Profile(msgspec.Struct, frozen=True):
    """A row of `profiles.csv`."""

    id: str
    msh21: str
    type: str
    """MSH-9.1."""
    version: str
    """MSH-12 as written in the profile, components and all."""
    grammar: str
    """A row of `grammars.csv`; `@structure`: the one of MSH-9.3."""
    layers: str
    flags: str
    """Vocabulary of `flags.csv`; empty: none."""
    answers: str
    """Tables admitted in OBX-5.3 of a flag, the first is the norm's."""
    participation: str
    """Systems admitted in PRT-4.3."""
    ce_rule: str
    """Level at which a coded value without system is told: error, advice or none."""
    state: str
    """`current` or `old`."""
    fr: str
    en: str
    source: str

    @property
    def carries_documents(self) -> bool:
        return "cda" in self.layers.split()

    @property
    def to_software(self) -> bool:
        """The LPS profiles: from the hub to the software of the care provider."""
        return "lps" in self.layers.split()

    def rules(self) -> dict[tuple[str, int], Rule]:
        return _rules(self.layers)

    def rule(self, segment: str, field: int) -> Rule:
        return self.rules().get((segment, field), _NO_RULE)

    def vocabulary(self) -> dict[str, str]:
        """The flags in order, with their usage (R, O)."""
        return {row["code"]: row["usage"] for row in _rows("flags") if row["vocabulary"] == self.flags}

    def structure(self, event: str) -> str:
        """The grammar of a message of this profile, in HL7's notation; empty when none is known."""
        name = self.grammar
        if name == "@structure":
            name = structures().get((self.type, event), "").lower()
        return next((row["grammar"] for row in _rows("grammars") if row["name"] == name), "")


_NO_RULE = Rule()
_PAM = re.compile(r"(\d+\.\d+)\^IHE_FRANCE-\1-PAM")


class Choice(msgspec.Struct, frozen=True):
    """The profile that a message is held against, and how it was found."""

    profile: Profile
    declared: str
    """MSH-21 as written, of the repetition that was recognised, else of the first."""
    how: str
    """`declared`, `blanks` (declared with stray blanks), `other` (another version of the French PAM is declared),
    `unknown` (another profile is declared), `inferred` (none is)."""


def choose(message: Anatomy) -> Choice:
    """The profile of a message: MSH-21, else MSH-9 and what the message holds."""
    msh = message.segments[0]
    kind = msh.text(9, 1).upper()
    declared = msh.repetitions(21)
    for written in declared:
        plain = written.replace(msh.values.d.component, "^").strip()
        name = "^".join(part.strip() for part in plain.split("^")[:2])
        for profile in profiles():
            if profile.msh21 and profile.msh21 == name and profile.type == kind:
                return Choice(profile, plain, "declared" if plain.split("^")[:2] == name.split("^") else "blanks")
        version = _PAM.fullmatch(name)
        if version and kind == "ADT":
            pam = _inferred(message, kind)
            return Choice(msgspec.structs.replace(pam, version=f"2.5^FRA^{version[1]}"), plain, "other")
    given = declared[0].replace(msh.values.d.component, "^").strip() if declared else ""
    return Choice(_inferred(message, kind), given, "unknown" if given else "inferred")


def _inferred(message: Anatomy, kind: str) -> Profile:
    by_id = {profile.id: profile for profile in profiles()}
    if kind == "ORU":
        carries = any(obx.text(2) == "ED" and "XML" in obx.text(5, 3).upper() for obx in message.named("OBX"))
        return by_id["volet-2.1-oru" if carries else "results-oru"]
    found = {"MDM": "volet-2.1-mdm", "ZAM": "volet-2.1-zam", "ADT": "pam-2.11", "ACK": "ack"}
    return by_id[found.get(kind, "hl7")]


@cache
def profiles() -> tuple[Profile, ...]:
    return tuple(msgspec.convert(row, Profile) for row in _rows("profiles"))


@cache
def structures() -> dict[tuple[str, str], str]:
    """MSH-9.3 by (MSH-9.1, MSH-9.2): HL7 table 0354."""
    return {(row["type"], event): row["structure"] for row in _rows("events") for event in row["events"].split()}


@cache
def tables() -> dict[str, tuple[str, ...]]:
    return {row["table"]: tuple(row["values"].split("|")) for row in _rows("tables")}


@cache
def public() -> frozenset[str]:
    """All that may be quoted: the closed tables, the flags, the structures and events, the profiles' own values."""
    words = {value for values in tables().values() for value in values}
    words |= {row["code"] for row in _rows("flags")}
    words |= {word for key, structure in structures().items() for word in (*key, structure)}
    words |= {value for row in _rows("fields") for value in (*_split(row["values"]), *_split(row["seen"]))}
    words |= {word for profile in profiles() for word in (profile.msh21, *profile.answers.split())}
    words |= {"TEXT", "text", "Text", "XML", "Base64", "HL70912", "MetaDMPMSS", "SB", "RCT", "REPLY", "FIN", "LN"}
    words |= {"DMPERRORCODE", "SMTPERRORCODE", "2.5", "2.6", "2.3", "2.3.1", "2.4", "2.5.1", "2.7"}
    return frozenset(words - {""})


@cache
def _rules(layers: str) -> dict[tuple[str, int], Rule]:
    found: dict[tuple[str, int], dict[str, str]] = {}
    for layer in layers.split():
        for row in _rows("fields"):
            if row["layer"] == layer:
                cells = found.setdefault((row["segment"], int(row["field"])), {})
                cells.update({name: cell for name, cell in row.items() if cell})
    return {key: _rule(cells) for key, cells in found.items()}


def _rule(cells: dict[str, str]) -> Rule:
    return Rule(
        usage=cells["usage"],
        type=cells.get("type", ""),
        most=int(cells.get("max", 0)),
        values=_split(cells.get("values", "")),
        seen=_split(cells.get("seen", "")),
        precision=cells.get("precision", ""),
        fr=cells["fr"],
        en=cells["en"],
    )


def _split(cell: str) -> tuple[str, ...]:
    if cell.startswith("@"):
        return tables()[cell[1:]]
    return tuple(part for part in cell.split("|") if part)


@cache
def _rows(name: str) -> tuple[dict[str, str], ...]:
    text = resources.files("quality").joinpath("profiles", f"{name}.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(io.StringIO(text, newline="")))


class Node(msgspec.Struct, frozen=True):
    """A segment (`name`) or a group (`children`) of a grammar, with how often it may come; `most` 0: any number."""

    name: str
    least: int
    most: int
    children: tuple[Node, ...] = ()

    @property
    def opens(self) -> frozenset[str]:
        """The segments that show this group has begun: what it may begin with, and what it requires."""
        if self.name:
            return frozenset({self.name})
        found: set[str] = set()
        for child in self.children:
            if child.least and child.name:
                found.add(child.name)
        for child in self.children:
            found |= child.opens
            if child.least:
                break
        return frozenset(found)

    @property
    def names(self) -> frozenset[str]:
        return frozenset({self.name}) if self.name else frozenset().union(*(child.names for child in self.children))


@cache
def parsed(grammar: str) -> Node:
    """A grammar in HL7's notation: `[A]` optional, `{A}` repeating, groups of both (HL7 v2.5, 2.12)."""
    tokens = re.findall(r"[A-Z][A-Z0-9]{2}|[\[\]{}]", grammar)
    children, rest = _nodes(tokens, 0)
    assert rest == len(tokens)
    return Node("", 1, 1, children)


def _nodes(tokens: list[str], at: int) -> tuple[tuple[Node, ...], int]:
    nodes: list[Node] = []
    while at < len(tokens) and tokens[at] not in "]}":
        if tokens[at] in "[{":
            opened = tokens[at]
            inner, at = _nodes(tokens, at + 1)
            least, most = (0, 1) if opened == "[" else (1, 0)
            if len(inner) == 1:  # `[{A}]` is one node
                one = inner[0]
                nodes.append(Node(one.name, min(least, one.least), 0 if 0 in (most, one.most) else 1, one.children))
            else:
                nodes.append(Node("", least, most, inner))
        else:
            nodes.append(Node(tokens[at], 1, 1))
        at += 1
    return tuple(nodes), at
