"""ANS's checks of one document, in ANS's order: XML Schema, profiles, then the schematron of the document's model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec
from lxml import etree

from connectors.cda.elements import ROOT
from connectors.cda.xml import Malformed, parse
from quality.ans import svrl, xsd
from quality.ans.assembly import assemble
from quality.ans.cache import Cache, Ready
from quality.ans.compile import stylesheet
from quality.ans.files import File, available, load, matching
from quality.ans.models import Choice, choose
from quality.ans.moteur import Moteur
from quality.ans.notes import Note, Notes
from quality.ans.prepare import prepare
from quality.ans.saxon import Failure, Saxon
from quality.ans.svrl import Finding
from quality.ans.tree import Tree, beside
from quality.ans.xpath import Read

PROFILES = (
    "schematrons/profils/IHE.sch",
    "schematrons/profils/terminologies/schematron/terminologie.sch",
    "schematrons/profils/CI-SIS_ModelesDeContenusCDA.sch",
    "schematrons/profils/structurationMinimale/ASIP-STRUCT-MIN-StrucMin.sch",
    "schematrons/profils/CI-SIS_Modeles_ANS.sch",
)
"""In the order of ANS's own script."""
DOCUMENT = "document"
LARGEST = 32_000_000
"""Bytes of a document: Saxon needs some twenty times as much memory."""

Engine = Literal["carnet", "moteur"]
Status = Literal["applied", "partly", "not_applied"]


class Step(msgspec.Struct, frozen=True):
    """One schema or schematron held against a document; `fired` is 0 for the XML Schema: it has no rules to count."""

    name: str
    """Its path in the copy; empty for a model schematron that there is none of."""
    kind: Literal["xsd", "profile", "model"]
    fired: int = 0
    findings: tuple[Finding, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def status(self) -> Status:
        bearings = {note.bearing for note in self.notes}
        return "not_applied" if "stops" in bearings else "partly" if "lessens" in bearings else "applied"


class Examined(msgspec.Struct, frozen=True):
    """What ANS's files say of a document. `model` is empty when none is known."""

    model: str
    steps: tuple[Step, ...]


class Examiner:
    """A copy of ANS's repository ready to be held against documents: what is compiled serves for all of them.

    `told` is called with the path of each schematron before the seconds it may take to prepare.
    """

    def __init__(
        self, tree: Tree, cache: Cache, engine: Engine = "carnet", told: Callable[[str], None] = lambda _: None
    ) -> None:
        self.tree = tree
        self.cache = cache
        self.engine = engine
        self.moteur = Moteur(tree) if engine == "moteur" else None
        self.told = told
        self.saxon = Saxon()
        self._schema: xsd.Loaded | tuple[Note, ...] | None = None
        self._ready: dict[str, Ready | tuple[Note, ...]] = {}
        self._files: dict[str, bool] = {}

    def examine(self, data: bytes) -> Examined:
        """Everything that applies to a document given as bytes, bare or self-presenting."""
        root = parse(data)
        document = None if isinstance(root, Malformed) else root if root.tag == ROOT else next(root.iter(ROOT), None)
        if document is None or len(data) > LARGEST:
            large = Note("TOO_LARGE_TO_EXAMINE", (f"{LARGEST // 1_000_000} Mo",))
            note = Note("DOCUMENT_UNREADABLE") if document is None else large
            skipped = [Step(path, "profile", notes=(note,)) for path in PROFILES]
            return Examined("", (Step(xsd.ENTRY, "xsd", notes=(note,)), *skipped, Step("", "model", notes=(note,))))
        text = etree.tostring(document, encoding="unicode", with_tail=False)
        apart = document is not root
        if apart:  # a document inside its own stylesheet, taken out with the namespaces in force there
            taken = parse(text.encode())
            assert not isinstance(taken, Malformed)
            document = taken
        choice = choose(self.tree, document)
        parsed = self.saxon.parse(DOCUMENT, text)
        steps = [self._validated(document, lines=not apart)]
        steps += [self._applied(path, "profile", document, parsed) for path in PROFILES]
        return Examined(choice.model, (*steps, self._model(choice, document, parsed)))

    def _model(self, choice: Choice, document: etree._Element, parsed: Failure | None) -> Step:
        if choice.note is not None:
            return Step("", "model", notes=(choice.note,))
        return self._applied(choice.path, "model", document, parsed)

    def _validated(self, document: etree._Element, *, lines: bool) -> Step:
        if self._schema is None:
            self._schema = xsd.load(self.tree)
        if not isinstance(self._schema, xsd.Loaded):
            return Step(xsd.ENTRY, "xsd", notes=self._schema)
        findings = xsd.validate(self._schema, document, lines=lines)
        return Step(xsd.ENTRY, "xsd", findings=findings, notes=self._schema.notes)

    def _applied(
        self, path: str, kind: Literal["profile", "model"], document: etree._Element, parsed: Failure | None
    ) -> Step:
        entry = self.tree.find(path)
        if entry is None:
            return Step(path, kind, notes=(Note("FILE_MISSING", (path,)),))
        if entry not in self._ready:
            self._ready[entry] = self._compiled(entry)
        ready = self._ready[entry]
        if not isinstance(ready, Ready):
            return Step(entry, kind, notes=ready)
        notes = Notes(ready.notes)
        files = self._looked_up(entry, ready.reads, document, notes)
        if isinstance(files, Note):
            return Step(entry, kind, notes=(*notes.all(), files))
        said = Failure("XML") if parsed else self.saxon.run(entry, DOCUMENT, files)
        report = None if isinstance(said, Failure) else svrl.read(said)
        if report is None:
            code = said.code if isinstance(said, Failure) else ""
            return Step(entry, kind, notes=(*notes.all(), Note("NOT_RUN", (code or "XSLT",))))
        for pattern in report.stopped:
            notes.say("RULES_STOPPED", pattern)
        if not report.fired:
            notes.say("NOTHING_TESTED")
        return Step(entry, kind, report.fired, report.findings, notes.all())

    def _compiled(self, entry: str) -> Ready | tuple[Note, ...]:
        """A schematron ready to run, from the cache or from its files; what stops it otherwise."""
        self.told(entry)
        ready = self.cache.fetch(self.tree, entry, self.engine)
        if ready is None:
            assembled = assemble(self.tree, entry)
            if isinstance(assembled, tuple):
                return assembled
            prepared = prepare(self.tree, entry, assembled)
            sheet = self.moteur.stylesheet(prepared.schema) if self.moteur else stylesheet(prepared.schema)
            if isinstance(sheet, Note):
                return (*prepared.notes, sheet)
            ready = Ready(sheet, prepared.reads, prepared.notes, prepared.inputs)
            self.cache.keep(self.tree, entry, self.engine, ready)
        failed = self.saxon.compile(entry, ready.sheet)
        return (*ready.notes, Note("NOT_COMPILED", (failed.code or "XSLT",))) if failed else ready

    def _looked_up(
        self, entry: str, reads: tuple[Read, ...], document: etree._Element, notes: Notes
    ) -> Mapping[str, str] | Note:
        """The files that a schematron may look up for this document, by reference, under the names Saxon has them."""
        found: dict[str, str] = {}
        for read in reads:
            if read.after is None:
                references = [read.before]
            else:
                references = matching(self.tree, entry, read, document)
                systems = _code_systems(document, read, references)
                if systems and not self._any(entry, read):
                    return Note("TERMINOLOGIES_MISSING", (f"{read.before}…{read.after}",))
                for system in systems:
                    notes.say("CODE_SYSTEMS_ABSENT", system)
            for reference in references:
                file = available(self.tree, entry, reference)
                if file.path and self._parsed(file):
                    found[reference] = _name(file)
                elif file.path:
                    notes.say("LOOKUP_UNREADABLE", reference)
        return found

    def _any(self, entry: str, read: Read) -> bool:
        folder = beside(entry, read.before + "x").rpartition("/")[0]
        return any(path.casefold().endswith((read.after or "").casefold()) for path in self.tree.below(folder))

    def _parsed(self, file: File) -> bool:
        """Whether Saxon has a file, handed over once."""
        name = _name(file)
        if name not in self._files:
            root = load(self.tree, file)
            text = etree.tostring(root, encoding="unicode", with_tail=False) if root is not None else None
            self._files[name] = text is not None and self.saxon.parse(name, text) is None
        return self._files[name]


def _name(file: File) -> str:
    return f"{file.path} (made)" if file.made else file.path


def _code_systems(document: etree._Element, read: Read, references: list[str]) -> list[str]:
    """Code systems of a document that a schematron would look up in a file of their own, and cannot."""
    named = {one.get("codeSystem", "") for one in document.iter()} if not read.required else set()
    there = {one.removeprefix(read.before).removesuffix(read.after or "") for one in references}
    return sorted(one for one in named - there if one.replace(".", "").isdigit())
