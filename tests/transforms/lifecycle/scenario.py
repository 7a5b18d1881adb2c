"""The little language of the truth table: one line is one event that arrives, or one expected state.

    doc 2 v=2 set=S by=A of=P level=N1 bytes=x day=2024-01-02 >1 mask=PS modif at=10 via=mail unsound discordant
    doc 1 of=P also=QR unsound          a document that names its patient by several numbers
    doc 1/N1                            a document whose id an N3 document may share
    result r1 set=R time=10 status=F    one version of a laboratory result
    twin 1 2 · delete 1 by=A of=P unsound · delete S v=2 · mask 1 PS by=A at=20 bytes=x (`-`: nothing masked)
    oppose 2024-02-01 by=A at=10 through=lab · withdraw 2024-03-01 · merge P Q at=1 discordant · unmerge P Q at=2
    qualify P ins=1 · hold 1 n=1 · release 1 CODE n=2 · choose 1 y n=1

Unsaid, a document is by A for P, level N1, bytes x, in set S, its version is its number, and it carries no flag.
Expected: `2 cur TARGET_UNKNOWN [PS]` (findings and mask in full), `1/y held DOCUMENT_ID_CONFLICT`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from transforms.facts import (
    CarrierFact,
    ClaimFact,
    DecisionFact,
    DeletionFact,
    DocumentFact,
    DocumentState,
    Facts,
    IdentityFact,
    MaskFact,
    OppositionFact,
    PatientLinkFact,
    Projection,
    TwinFact,
)
from transforms.lifecycle.reading import counts, reader_lines

FLAGS = {
    "PS": "MASQUE_PS",
    "PAT": "INVISIBLE_PATIENT",
    "REP": "INVISIBLE_REPRESENTANTS_LEGAUX",
    "SEC": "CONNEXION_SECRETE",
}
SHORT_FLAG = {flag: short for short, flag in FLAGS.items()}
SHORT_STATUS = {"current": "cur", "superseded": "sup", "deleted": "del", "held": "held", "refused": "ref"}
STATUS_RANK = {"P": "0", "F": "1", "C": "2", "X": "3"}


class Row(msgspec.Struct, frozen=True):
    """One scenario and its final state, whatever the order of its events."""

    title: str
    events: tuple[str, ...]
    final: tuple[str, ...] = ()
    when: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """Instead of `final`: the state for each winner of a claim (`1=x`)."""
    units: tuple[str, ...] = ()
    """The pairs of twins: `1+2`."""
    counts: dict[str, int] | None = None
    lines: tuple[str, ...] | None = None
    """The reader's list: the document displayed of each current unit."""
    requests: tuple[str, ...] = ()
    """Ends of the deletions, the mask statements and the links, each sorted."""


def table() -> list[Row]:
    path = Path(__file__).with_name("truth_table.toml")
    return msgspec.convert(tomllib.loads(path.read_text("utf-8"))["row"], list[Row])


def words(event: str) -> tuple[str, list[str], dict[str, str]]:
    """The verb, what follows it, and the options (`>1` is the option `>`)."""
    verb, *rest = event.split()
    plain, options = [], {}
    for word in rest:
        if word.startswith(">"):
            options[">"] = word[1:]
        elif "=" in word:
            name, _, options[name] = word.partition("=")
        elif word in ("modif", "unsound", "discordant"):
            options[word] = word
        else:
            plain.append(word)
    return verb, plain, options


def flags(text: str) -> tuple[Any, ...]:
    return () if text in ("", "-") else tuple(FLAGS[short] for short in text.split(","))


def clock(text: str) -> str:
    return f"2024-06-01T00:{int(text):02}:00Z" if text else ""


def document(name: str, o: dict[str, str]) -> DocumentFact:
    id_, _, level = name.partition("/")
    digits = "".join(filter(str.isdigit, id_))
    version = o.get("v", digits or "1")
    set_id = o.get("set", "S")
    return DocumentFact(
        doc=name,
        id=id_,
        digest=o.get("bytes", "x"),
        patient=o.get("of", "P"),
        organisation=o.get("by", "A"),
        set_id=None if set_id == "-" else set_id,
        version=None if version == "-" else int(version),
        level=level or o.get("level", "N1"),  # type: ignore[arg-type]
        day=o.get("day", "2024-01-02"),
        replaces=tuple(o[">"].split(",")) if ">" in o else (),
        sound="unsound" not in o,
        also=tuple(o.get("also", "")),
        discordant="discordant" in o,
    )


def result(name: str, o: dict[str, str]) -> DocumentFact:
    status = o.get("status", "F")
    fact = document(name, o | {"v": "-"})
    return msgspec.structs.replace(
        fact, level="result", rank=(clock(o.get("time", "1")), STATUS_RANK[status]), withdrawn=status == "X"
    )


def carried(fact: DocumentFact, o: dict[str, str], position: int, again: bool) -> Facts:
    carrier = CarrierFact(
        delivery=f"{fact.doc}:{fact.digest}:{o.get('via', 'hl7')}{'+' if again else ''}",
        locator="document 1",
        doc=fact.doc,
        digest=fact.digest,
        organisation=o.get("from", fact.organisation),
        sent_at=clock(o.get("at", "1")),
        flags=flags(o.get("mask", "")),
        modifies_confidentiality="modif" in o,
        sender=o.get("through", ""),
        position=position,
    )
    return Facts(documents=(fact,), carriers=(carrier,), claims=(ClaimFact(fact.doc, fact.digest),))


def deletion(plain: Sequence[str], o: dict[str, str]) -> DeletionFact:
    by, of = o.get("by", "A"), o.get("of", "P")
    if "v" in o:
        return DeletionFact(by, of, set_id=plain[0], version=int(o["v"]), sound="unsound" not in o)
    return DeletionFact(by, of, target=plain[0], sound="unsound" not in o)


def opposition(plain: Sequence[str], o: dict[str, str], on: bool) -> OppositionFact:
    return OppositionFact(o.get("of", "P"), plain[0], on, o.get("by"), clock(o.get("at", "")), o.get("through"))


def link(plain: Sequence[str], o: dict[str, str], on: bool) -> PatientLinkFact:
    return PatientLinkFact(plain[0], plain[1], clock(o.get("at", "1")), on, "held" if "discordant" in o else "")


def masking(plain: Sequence[str], o: dict[str, str]) -> MaskFact:
    return MaskFact(plain[0], o.get("by", "A"), clock(o.get("at", "20")), flags(plain[1]), o.get("bytes", ""))


def decision(verb: str, plain: Sequence[str], o: dict[str, str]) -> DecisionFact:
    return DecisionFact(plain[0], int(o.get("n", "1")), verb, plain[1] if plain[1:] else "")  # type: ignore[arg-type]


READERS: dict[str, Callable[[list[str], dict[str, str]], Facts]] = {
    "twin": lambda p, o: Facts(twins=(TwinFact(min(p), max(p)),)),
    "delete": lambda p, o: Facts(deletions=(deletion(p, o),)),
    "mask": lambda p, o: Facts(masks=(masking(p, o),)),
    "oppose": lambda p, o: Facts(oppositions=(opposition(p, o, True),)),
    "withdraw": lambda p, o: Facts(oppositions=(opposition(p, o, False),)),
    "merge": lambda p, o: Facts(links=(link(p, o, True),)),
    "unmerge": lambda p, o: Facts(links=(link(p, o, False),)),
    "qualify": lambda p, o: Facts(identities=(IdentityFact(p[0], o.get("ins", "1")),)),
    "hold": lambda p, o: Facts(decisions=(decision("hold", p, o),)),
    "release": lambda p, o: Facts(decisions=(decision("release", p, o),)),
    "choose": lambda p, o: Facts(decisions=(decision("choose", p, o),)),
}


def facts_of(event: str, position: int = 0, again: bool = False) -> Facts:
    """What one event adds. Sent again, a document comes in a delivery of its own."""
    verb, plain, o = words(event)
    match verb:
        case "doc":
            return carried(document(plain[0], o), o, position, again)
        case "result":
            return carried(result(plain[0], o), o, position, again)
        case _:
            return READERS[verb](plain, o)


def joined(parts: Iterable[Facts]) -> Facts:
    """The union of facts; of several claims on one doc the first stays."""
    gathered: dict[str, dict[Any, None]] = {name: {} for name in Facts.__struct_fields__}
    claims: dict[str, ClaimFact] = {}
    for part in parts:
        for name in Facts.__struct_fields__:
            if name != "claims":
                gathered[name].update(dict.fromkeys(getattr(part, name)))
        for claim in part.claims:
            claims.setdefault(claim.doc, claim)
    return Facts(
        **{name: tuple(found) for name, found in gathered.items() if name != "claims"}, claims=tuple(claims.values())
    )


def arrivals(events: Sequence[str]) -> list[Facts]:
    """What each event of a sequence adds; an event met before is sent again."""
    return [facts_of(event, position, event in events[:position]) for position, event in enumerate(events)]


def arrive(events: Sequence[str]) -> Facts:
    return joined(arrivals(events))


def winners(facts: Facts) -> set[str]:
    return {f"{claim.doc}={claim.digest}" for claim in facts.claims}


def said(state: DocumentState, several: bool) -> str:
    """A state as the table writes it; the bytes are named only where one doc has several."""
    name = f"{state.doc}/{state.digest}" if several else state.doc
    mask = f"[{','.join(sorted(SHORT_FLAG[flag] for flag in state.mask))}]" if state.mask else ""
    return " ".join(filter(None, (name, SHORT_STATUS[state.status], state.code, *state.findings, mask)))


def final(projection: Projection) -> tuple[str, ...]:
    docs = [state.doc for state in projection.documents]
    return tuple(said(state, docs.count(state.doc) > 1) for state in projection.documents)


def pairs(projection: Projection) -> tuple[str, ...]:
    members: dict[str, set[str]] = {}
    for state in projection.documents:
        if state.code != "DOCUMENT_ID_CONFLICT":
            members.setdefault(state.unit, set()).add(state.doc)
    return tuple("+".join(sorted(group)) for group in members.values() if len(group) > 1)


def requests(projection: Projection) -> tuple[str, ...]:
    states = (*projection.requests, *projection.masks, *projection.links)
    return tuple(" ".join(filter(None, (state.end, state.code))) for state in states)


def differences(row: Row, facts: Facts, projection: Projection) -> list[str]:
    """Where a projection is not what a row expects."""
    expected = row.final
    for winner, state in row.when.items():
        if winner in winners(facts):
            expected = state
    found: list[tuple[str, Any, Any]] = [
        ("final", tuple(sorted(expected)), tuple(sorted(final(projection)))),
        ("units", row.units, pairs(projection)),
        ("requests", row.requests, requests(projection)),
    ]
    if row.counts is not None:
        counted = {name: n for name, n in msgspec.structs.asdict(counts(projection)).items() if n}
        found.append(("counts", row.counts, counted))
    if row.lines is not None:
        found.append(("lines", row.lines, tuple(line.display.doc for line in reader_lines(facts, projection))))
    return [f"{name}: expected {want}, found {got}" for name, want, got in found if want != got]
