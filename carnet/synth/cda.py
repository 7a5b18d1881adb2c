"""A CDA document of the nation, header and body, as bytes: the same for the same sending."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from random import Random

import msgspec

from carnet.synth.calendar import later
from carnet.synth.cda_drugs import drawn, prescription_section
from carnet.synth.cda_drugs import printed as printed_drugs
from carnet.synth.cda_header import ACT_CODE, LEVEL_1, Act, Header, header, order
from carnet.synth.cda_lab import chapters_body
from carnet.synth.cda_lab import printed as printed_results
from carnet.synth.cda_stay import stay_body, stay_facts, stay_printed
from carnet.synth.chance import chance
from carnet.synth.documents import Sending
from carnet.synth.identity import EXAMPLE_ARC
from carnet.synth.markup import LOINC, coded, section, templates
from carnet.synth.nation import Nation, Professional, order_root
from carnet.synth.pdf import one_page
from carnet.synth.population import Person
from carnet.synth.results import chapters_of, corrected
from carnet.synth.tables import IMAGING, SENDERS

DISPLAYS = {
    "lab": ("11502-2", "CR d'examens biologiques"),
    "discharge": ("11490-0", "Lettre de liaison à la sortie d'un établissement de soins"),
    "prescription": ("57833-6", "Prescription de produits de santé"),
    "imaging": ("18748-4", "CR d'imagerie médicale"),
}
_MODELS = {
    "lab": templates("1.3.6.1.4.1.19376.1.3.3") + '<templateId root="1.2.250.1.213.1.1.1.55" extension="2024.01"/>',
    "discharge": '<templateId root="1.2.250.1.213.1.1.1.29" extension="2022.01"/>',
    "prescription": templates("1.3.6.1.4.1.19376.1.9.1.1.1", "1.3.6.1.4.1.19376.1.5.3.1.1.1")
    + '<templateId root="1.2.250.1.213.1.1.1.39" extension="2024.01"/>',
}
_AMBULATORY = ("AMB", "Ambulatoire (hors établissement)")
_INPATIENT = ("IMP", "Hospitalisation (établissement, y compris HAD)")
# A printable copy goes with some of the shorter laboratory reports: no document gets far over 30 kB.
_WITH_COPY, _SHORT = 0.4, 16_000


class _Body(msgspec.Struct, frozen=True):
    """What a kind of document puts under its header. `content` is empty for the kinds that are only printed."""

    title: str
    acts: tuple[Act, ...]
    start: datetime
    end: datetime
    encounter: tuple[str, str]
    content: str
    lines: list[str]


def document(nation: Nation, person: Person, sent: Sending, twin: bool = False) -> bytes:
    """The document of a sending. `twin` gives the PDF that goes with a structured report under another id."""
    rng = chance(nation.seed, "content", sent.person, sent.serial)
    comment = f"Version {sent.version} : annule et remplace la version précédente." if sent.version > 1 else ""
    number = f"{EXAMPLE_ARC}.9.{nation.number}.{sent.person}.{sent.serial}.{sent.version}"
    body = _bodies[sent.kind](nation, person, sent, rng, number, comment)
    printed_only = twin or sent.level == "n1"
    code, display = DISPLAYS[sent.kind]
    replaced = nation.document_id(sent.sender, sent.person, sent.serial, sent.version - 1) if sent.version > 1 else ""
    said = Header(
        id=nation.document_id(sent.sender, sent.person, sent.serial, sent.version, twin),
        set_id=nation.set_id(sent.sender, sent.person, sent.serial),
        version=sent.version,
        replaces=replaced,
        models=templates(LEVEL_1) if printed_only else _MODELS[sent.kind],
        code=code,
        display=display,
        title=body.title,
        created=sent.created,
        person=person,
        sender=SENDERS[sent.sender],
        author=author_of(nation, sent),
        gp=nation.prescriber(person.number),
        acts=body.acts,
        start=body.start,
        end=body.end,
        encounter=body.encounter,
        order=order(order_root(sent.sender), nation.order_number(sent.person, sent.serial))
        if sent.kind == "lab"
        else "",
    )
    page = one_page(
        body.title, [f"{person.family} {person.given}", f"{sent.created:%d/%m/%Y}", "", *body.lines, comment]
    )
    if printed_only:
        content = (
            f'<nonXMLBody>\n<text mediaType="application/pdf" representation="B64">{_b64(page)}</text>\n</nonXMLBody>\n'
        )
    else:
        short = len(body.content) < _SHORT
        copy = _copy(page, number) if sent.kind == "lab" and short and rng.random() < _WITH_COPY else ""
        content = f"<structuredBody>\n{body.content}{copy}</structuredBody>\n"
    return f"{header(said)}<component>\n{content}</component>\n</ClinicalDocument>\n".encode()


def author_of(nation: Nation, sent: Sending) -> Professional:
    """Who wrote a document and sends it."""
    return nation.staff(sent.sender, sent.kind, sent.person + sent.serial)


def _lab(nation: Nation, person: Person, sent: Sending, rng: Random, number: str, comment: str) -> _Body:
    chapters = chapters_of(nation.seed, person, sent.serial, sent.begun.date())
    if sent.version > 1:
        chapters = corrected(chapters)
    return _Body(
        "Compte rendu d'examens biologiques",
        tuple(Act(chapter.code, chapter.name, LOINC) for chapter in chapters),
        sent.collected,
        sent.created,
        _AMBULATORY,
        chapters_body(chapters, sent.begun, comment),
        printed_results(chapters),
    )


def _discharge(nation: Nation, person: Person, sent: Sending, rng: Random, number: str, comment: str) -> _Body:
    facts = stay_facts(rng, person, sent.begun)
    encounter = _INPATIENT if facts.overnight else _AMBULATORY
    return _Body(
        "Lettre de liaison à la sortie de l'établissement de santé",
        (Act(*encounter, ACT_CODE),),
        facts.start,
        facts.end,
        encounter,
        stay_body(facts, number, comment),
        stay_printed(facts),
    )


def _prescription(nation: Nation, person: Person, sent: Sending, rng: Random, number: str, comment: str) -> _Body:
    drugs = drawn(rng, person.age(sent.begun.date()), rng.randint(1, 6)) or drawn(rng, 6, 1)
    return _Body(
        "Prescription de médicaments",
        (Act(*DISPLAYS["prescription"], LOINC),),
        later(sent.begun, -timedelta(minutes=20)),
        later(sent.begun, timedelta(days=90)),
        _AMBULATORY,
        prescription_section(f"{number}.1", drugs, sent.begun.date(), comment),
        printed_drugs(drugs),
    )


def _imaging(nation: Nation, person: Person, sent: Sending, rng: Random, number: str, comment: str) -> _Body:
    done = rng.choices(IMAGING, [image.weight for image in IMAGING])[0]
    return _Body(
        f"CR d'imagerie médicale - {done.act}",
        (Act(*DISPLAYS["imaging"], LOINC),),
        later(sent.begun, -timedelta(minutes=rng.randint(30, 240))),
        later(sent.begun, -timedelta(minutes=15)),
        _AMBULATORY,
        "",
        [done.act, "", "Indication : bilan demandé par le médecin traitant.", "", "Résultat", done.text],
    )


_bodies = {"lab": _lab, "discharge": _discharge, "prescription": _prescription, "imaging": _imaging}


def _copy(page: bytes, number: str) -> str:
    """Section 55108-5: the printable copy that Ségur wave 2 wants beside the structured content."""
    entry = (
        '<entry><organizer classCode="CLUSTER" moodCode="EVN">'
        f'{templates("1.2.250.1.213.1.1.3.18")}<id root="{number}.92"/>\n'
        f"{coded('code', '55107-7', 'Document attaché', LOINC)}"
        '<statusCode code="completed"/>\n<component><observationMedia classCode="OBS" moodCode="EVN" ID="copie">'
        f'<value mediaType="application/pdf" representation="B64">{_b64(page)}</value>'
        "</observationMedia></component></organizer></entry>\n"
    )
    shown = '<renderMultiMedia referencedObject="copie"/>'
    roots = templates("1.2.250.1.213.1.1.2.243")
    title = "Copie du document"
    return section(roots, f"{number}.91", "55108-5", title, title, shown, entry)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
