"""The engine that ANS ships (`schematrons/moteur`): its stylesheets turn a prepared schematron into XSLT.

It is the reference that `quality.ans.compile` can be held against; what it makes is many times larger. Its stylesheets
are the user's own, and are the only thing that Saxon may read from the disk.
"""

from __future__ import annotations

import re

from lxml import etree

from quality.ans.assembly import S
from quality.ans.compile import FUNCTIONS, namespaces
from quality.ans.notes import Note
from quality.ans.saxon import Failure, Saxon
from quality.ans.tree import Tree
from quality.ans.xpath import NAMESPACE, PREFIX

STAGES = ("schematrons/moteur/iso_abstract_expand.xsl", "schematrons/moteur/iso_svrl_for_xslt2.xsl")
"""The include stage is done before (`quality.ans.assembly`)."""


_HEAD = re.compile(r"<(?:\w+:)?stylesheet\b[^>]*")


class Moteur:
    """The engine of one copy, each stage compiled once."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.saxon = Saxon(schemes="file")
        self._stages: dict[str, Failure | None] = {}

    def stylesheet(self, schema: etree._Element) -> str | Note:
        """What the engine makes of a schematron, with the functions that stand for `doc` and its like."""
        schema.insert(0, etree.Element(S + "ns", prefix=PREFIX, uri=NAMESPACE))
        text = etree.tostring(schema, encoding="unicode")
        for stage in STAGES:
            path = self.tree.find(stage)
            if path is None:
                return Note("ENGINE_MISSING", (stage,))
            if path not in self._stages:
                self._stages[path] = self.saxon.compile_file(path, str(self.tree.root / path))
            made = self._stages[path] or self.saxon.parse("schema", text) or self.saxon.run(path, "schema")
            if isinstance(made, Failure) or not made:
                return Note("ENGINE_FAILED", (path,))
            text = re.sub(r"^\s*<\?xml[^>]*\?>", "", made)
        head = _HEAD.search(text)
        if head is None:
            return Note("ENGINE_FAILED", (STAGES[-1],))
        declared = (one for one in namespaces() if one.split("=")[0] + "=" not in head[0])
        return f"{text[: head.end()]} {' '.join(declared)}>{FUNCTIONS}{text[head.end() + 1 :]}"
