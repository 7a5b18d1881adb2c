"""The page of a record: what each document says, what it carries, what is wrong with it. French, as its readers are.

Three things keep a document from acting, any one of them enough: its narrative was written from a list of what CDA
allows (`connectors.cda.narrative`), its frame is sandboxed without any right, and the policy of the page and of the
frame lets nothing in but their own style sheets.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterable
from functools import cache
from importlib import resources

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from carnet.listing import masks
from connectors.attachments import Attachment
from quality.catalogue import sentence
from transforms.documents import DocumentRecord, Result
from transforms.orders import UNAVAILABLE
from warehouse.ledger import StoredDocument

STATUSES = {
    "current": "en vigueur",
    "superseded": "remplacé par une version plus récente",
    "deleted": "supprimé par son auteur",
    "withdrawn": "retiré",
}
MASKS = {
    "MASQUE_PS": "masqué aux professionnels",
    "INVISIBLE_PATIENT": "invisible au patient",
    "INVISIBLE_REPRESENTANTS_LEGAUX": "invisible aux représentants légaux",
    "CONNEXION_SECRETE": "connexion secrète",
}
RESULTS = {
    "F": "",
    "P": "provisoire",
    "C": "corrigé",
    "D": "supprimé",
    "W": "erroné, rattaché à un autre patient",
    "X": "sans résultat possible",
    "I": "en attente",
    "R": "non vérifié",
    "N": "non demandé",
}
"""HL7 table 0085, as a reader needs it; another status shows as it is."""
KINDS = {
    "body": "Corps du document",
    "copy": "Copie du document",
    "second-intention": "Compte rendu de seconde intention",
    "attached": "Document joint",
    "image": "Image",
    "inline": "Contenu d'une entrée",
    "external": "Contenu hors du document",
}
STATES = {"unreadable": "illisible", "incomplete": "incomplet"}
ACTIVE = {
    "javascript": "contient du JavaScript",
    "launch": "lance un programme",
    "embedded-file": "contient des fichiers",
    "rich-media": "contient un média interactif",
    "submit-form": "envoie un formulaire",
    "import-data": "importe des données",
    "script": "peut contenir du code",
    "program": "est un programme",
    "encrypted": "est chiffré",
    "unexamined": "n'a pas pu être examiné en entier",
}


class Shown(msgspec.Struct, frozen=True):
    """One document on the page."""

    title: str
    when: str
    status: str
    current: bool
    masks: tuple[str, ...]
    sender: str
    frame: str
    """A whole HTML document; empty when there is nothing to read in it."""
    results: tuple[dict[str, str], ...]
    attached: tuple[dict[str, str], ...]
    findings: tuple[str, ...]


def page(documents: Iterable[StoredDocument]) -> str:
    """One HTML document: the documents of a record, the newest first."""
    found = sorted(documents, key=lambda one: (one.record.created, one.record.document_id), reverse=True)
    outer, inner = _sheet("page.css"), _sheet("frame.css")
    text: str = _template("page.html.j2").render(
        policy=_policy(outer, inner),
        style=Markup(outer),  # noqa: S704 - our own file
        who=_who(found[0]) if found else "",
        shown=[_shown(one, inner) for one in found],
    )
    return text


def _shown(found: StoredDocument, style: str) -> Shown:
    """A document; of one that was replaced or taken back, only that it was there."""
    record = found.record
    current = found.status == "current"
    return Shown(
        title=record.title or record.type_code or "Sans titre",
        when=_when(record.created),
        status=STATUSES.get(found.status, found.status),
        current=current,
        masks=tuple(MASKS[mask] for mask in masks(found)),
        sender=found.sender,
        frame=_frame(record, style) if current else "",
        results=tuple(_result(one) for one in record.results) if current else (),
        attached=tuple(_attached(one) for one in record.attached) if current else (),
        findings=tuple(sentence(code).fr for code in found.findings),
    )


def _frame(record: DocumentRecord, style: str) -> str:
    """The narrative of a document as a document of its own, to be put in a sandboxed frame."""
    if not any(section.html for section in record.narrative):
        return ""
    sections = [
        {"title": said.title, "level": min(said.depth + 2, 6), "html": Markup(_unlinked(said.html))}  # noqa: S704 - inert
        for said in record.narrative
    ]
    text: str = _template("frame.html.j2").render(
        policy=_policy(style),
        style=Markup(style),  # noqa: S704 - our own file
        title=record.title,
        sections=sections,
    )
    return text


def _unlinked(html: str) -> str:
    """Links that lead out as their text and their address: nothing is asked of anybody from a record."""
    return _LINK.sub(r"<span\1>\3</span> (\2)", html)


_LINK = re.compile(r'<a([^<>]*) href="((?:https?|mailto):[^"]*)" rel="[^"]*">(.*?)</a>', re.S | re.IGNORECASE)
"""As `connectors.cda.narrative` writes them: no link stands in another, and no `<` in an attribute or a text."""


def _attached(one: Attachment) -> dict[str, str]:
    said = [STATES[one.state]] if one.state else []
    said += [ACTIVE.get(word, word) for word in one.active]
    said += ["empreinte différente de celle déclarée"] if one.integrity == "failed" else []
    if one.declared and one.media_type and one.declared != one.media_type:
        said.append(f"déclaré {one.declared}")
    return {
        "number": str(one.number),
        "what": KINDS[one.kind],
        "label": one.label or one.type.display or one.section_title,
        "type": one.media_type or one.declared,
        "size": f"{one.size:,}".replace(",", "\u202f") + "\u00a0octets" if one.size else "",
        "where": one.address,
        "remarks": ", ".join(said),
    }


def _result(result: Result) -> dict[str, str]:
    """A row of results; of one that was deleted or is another patient's, what was examined and no more."""
    status = result.status.strip()
    row = {"what": result.code.display or result.code.code, "state": RESULTS.get(status, status)}
    if status in UNAVAILABLE:
        return row | dict.fromkeys(("value", "range", "flags", "notes"), "")
    return row | {
        "value": _value(result),
        "range": result.range,
        "flags": " ".join(result.flags),
        "notes": " ".join(result.notes),
    }


def _value(result: Result) -> str:
    """A result as said: comparator and number, or the words of a code, or what stands there; then its unit."""
    values = result.values
    if result.value_type == "SN":
        values = tuple("".join(parts) for parts in result.parts)
    elif result.value_type in ("CE", "CWE"):
        values = tuple(next((part for part in (*parts[1:2], *parts[:1]) if part), "") for parts in result.parts)
    return " ".join(part for part in (" ; ".join(values), result.unit.display or result.unit.code) if part)


def _who(found: StoredDocument) -> str:
    traits = found.record.patient.traits
    name = " ".join(part for part in (traits.birth_family, traits.birth_given) if part)
    return ", ".join(part for part in (name, _when(traits.birth_date), f"INS {found.ins}" if found.ins else "") if part)


def _when(iso: str) -> str:
    """A date or time as precise as it is: `2026-03-02T10:15+01:00` is `02/03/2026 10:15`."""
    day, _, hour = iso.partition("T")
    parts = day.split("-") if "-" in day else [day[:4], day[4:6], day[6:8]]
    return "/".join(reversed([part for part in parts if part])) + (f" {hour[:5]}" if hour else "")


def _policy(*styles: str) -> str:
    """Nothing but these style sheets; `about:` is the frame itself, so that its anchors are found in it."""
    return f"default-src 'none'; style-src {' '.join(map(_hash, styles))}; base-uri about:; form-action 'none'"


def _hash(style: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(style.encode()).digest()).decode()}'"


def _sheet(name: str) -> str:
    return resources.files("carnet.reader").joinpath(name).read_text(encoding="utf-8")


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("carnet.reader", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
