"""Documents changed at random, always the same for a seed: what no sender would send, and one some day does."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator

from lxml import etree

V3 = "{urn:hl7-org:v3}"
TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
VALUES = (
    *(
        "",
        " ",
        "true",
        "false",
        "completed",
        "EVN",
        "INT",
        "RQO",
        "GOL",
        "UNK",
        "NA",
        "x y  z",
        "-1",
        "1e400",
        "9" * 40,
    ),
    *("20260230", "202602", "2026", "20260302101500+0100", "20260302101500+010", "1.2.3", "1.2..3", "²³", "٣", "0"),
    *("<&>", "PQ", "c:PQ", "IVL_TS", "CD", "B64", "é" * 300, "tel:", "urn:uuid:1", "\u2028", "#a"),
)
NAMES = (
    *(
        "value",
        "code",
        "codeSystem",
        "displayName",
        "unit",
        "root",
        "extension",
        "nullFlavor",
        "negationInd",
        "moodCode",
    ),
    *("classCode", "typeCode", "inversionInd", "inclusive", "operator", "mediaType", "representation", "use", TYPE),
)


def mutants(data: bytes, seed: int, count: int, changes: int = 4) -> Iterator[bytes]:
    """`count` documents, each with one to `changes` changes."""
    root = etree.fromstring(data)
    chance = random.Random(seed)
    for _ in range(count):
        changed = copy.deepcopy(root)
        for _ in range(chance.randint(1, changes)):
            _change(changed, chance)
        yield etree.tostring(changed, encoding="UTF-8", xml_declaration=True)


def _change(root: etree._Element, chance: random.Random) -> None:
    every = [element for element in root.iter() if isinstance(element.tag, str)]
    one, other = chance.choice(every), chance.choice(every)
    parent = one.getparent()
    match chance.randrange(10):
        case 0 if parent is not None:
            parent.remove(one)
        case 1 if parent is not None:
            parent.insert(chance.randint(0, len(parent)), copy.deepcopy(one))
        case 2 if parent is not None and len(parent) > 1:
            parent.insert(chance.randrange(len(parent)), one)
        case 3:
            one.tag = other.tag
        case 4 if one.attrib:
            del one.attrib[chance.choice(list(one.attrib))]
        case 5:
            name = chance.choice(list(one.attrib) or NAMES)
            one.set(name, chance.choice(VALUES))
        case 6:
            one.set(chance.choice(NAMES), chance.choice(VALUES))
        case 7:
            one.text = chance.choice(VALUES)
        case 8 if not any(up is one for up in other.iterancestors()) and other is not one:
            other.append(copy.deepcopy(one))
        case _:
            for name, value in other.attrib.items():
                one.set(name, value)
