"""Messages that carry a CDA document: MDM T02, T10 and T04, and ORU R01 (CI-SIS, volet de transmission 2.1)."""

from __future__ import annotations

import base64

from carnet.synth.cda import DISPLAYS, author_of, document
from carnet.synth.documents import Sending
from carnet.synth.hl7 import doctor, escaped, msh, order_fields, pid, pv1, segment, structure
from carnet.synth.markup import stamp
from carnet.synth.nation import Nation
from carnet.synth.population import Person
from carnet.synth.tables import SENDERS

# OBX-3 of the ten flags, in the order of the norm.
_FLAGS = {
    "MASQUE_PS": "Masqué aux professionnels de Santé",
    "INVISIBLE_PATIENT": "Document Non Visible par le patient",
    "INVISIBLE_REP_LEGAUX": "Non visible par les représentants Légaux du patient",
    "CONNEXION_SECRETE": "Connexion Secrete",
    "MODIF_CONF_CODE": "Modification Confidentiality Code",
    "DESTDMP": "Destinataire DMP",
    "DESTMSSANTEPS": "Destinataire (Professionnel de Santé, organisation ou BAL applicative)",
    "DESTMSSANTEPAT": "Destinataire Patient",
    "ACK_RECEPTION": "Accusé de réception",
    "ACK_LECTURE_MSS": "Accusé de lecture",
}
# Act: MDM event, ORC-1, OBX-11. They must agree, else the hub refuses.
_ACTIONS = {"new": ("T02", "NW", "F"), "replace": ("T10", "RO", "C"), "delete": ("T04", "CA", "D")}
_PLACEHOLDER = "Le document sera transmis ultérieurement.".encode()


def document_message(nation: Nation, person: Person, sent: Sending, named: Person | None = None) -> list[str]:
    """Segments of a message with its document. `named` is whom the document names, when not the PID's person."""
    sender = SENDERS[sent.sender]
    event, control, status = _ACTIONS[sent.act]
    mdm = sent.channel == "mdm"
    code, display = DISPLAYS[sent.kind]
    typed = f"{code}^{escaped(display)}^LN"
    order = {} if mdm else order_fields(nation, sent)
    bodies = [document(nation, named or person, sent, twin) for twin in (False, True)[: 1 + (sent.level == "twin")]]
    if mdm:
        written = stamp(sent.ready)
        head = [
            msh(nation, sent, f"MDM^{event}^MDM_T02", "2.6", "2.1^CISIS_CDA_HL7_V2"),
            segment("EVN", {2: written, 6: written}),
        ]
    else:
        head = [msh(nation, sent, "ORU^R01^ORU_R01", "2.5", "2.1^CISIS_CDA_HL7_V2")]
    request = [
        segment("ORC", {1: control, **order}),
        segment("OBR", {1: "1", **order, 4: typed, **({} if mdm else {25: "F"})}),
    ]
    parts = [
        segment("OBX", {1: str(number), 2: "ED", 3: typed, 5: _payload(sender.software, mdm, body, sent), 11: status})
        for number, body in enumerate(bodies, 1)
    ]
    parts[1:1] = _participations(nation, person, sent)
    parts += [
        segment(
            "OBX",
            {
                1: str(number),
                2: "CWE" if mdm else "CE",
                3: f"{flag}^{_FLAGS[flag]}^MetaDMPMSS",
                5: f"{'Y' if yes else 'N'}^^expandedYes-NoIndicator",
                11: "F",
            },
        )
        for number, (flag, yes) in enumerate(_flags(sent).items(), len(bodies) + 1)
    ]
    return [*head, pid(person, sent), pv1(sent), *request, *([_txa(nation, sent)] if mdm else []), *parts]


def _txa(nation: Nation, sent: Sending) -> str:
    this = nation.document_id(sent.sender, sent.person, sent.serial, sent.version)
    replaced = nation.document_id(sent.sender, sent.person, sent.serial, sent.version - 1)
    fields = {
        1: "1",
        2: DISPLAYS[sent.kind][0],
        3: "TEXT",
        4: stamp(sent.created),
        12: this,
        13: replaced if sent.act == "replace" else "",
        17: "AU",
        22: author_of(nation, sent).id,
    }
    return segment("TXA", fields)


def _payload(software: str, mdm: bool, body: bytes, sent: Sending) -> str:
    """OBX-5, an ED. The faults of the payload happen here."""
    data = base64.b64encode(_PLACEHOLDER if sent.fault == "placeholder" else body).decode()
    if sent.fault == "base64_truncated":
        data = data[: len(data) // 8 * 4 + 1]  # one character over a group: no decoder can pad it
    return f"{software}^{'text' if mdm else 'TEXT'}^XML^Base64^{data}"


def _flags(sent: Sending) -> dict[str, bool]:
    """Masks as drawn; mail to the professional and the patient by the routing matrix of the norm."""
    masks = set(sent.masks)
    to_professional = not masks or masks == {"INVISIBLE_PATIENT"}
    said = {flag: flag in masks for flag in _FLAGS}
    return {**said, "DESTDMP": True, "DESTMSSANTEPS": to_professional, "DESTMSSANTEPAT": not masks}


def _participations(nation: Nation, person: Person, sent: Sending) -> list[str]:
    """PRT of the sender, and of each recipient that the flags name."""
    sender = SENDERS[sent.sender]
    said = {2: "UC", 4: "SB^Send by^participation", 5: doctor(author_of(nation, sent)), 8: structure(sender)}
    found = [segment("PRT", said)]
    flags = _flags(sent)
    copies = {2: "UC", 4: "RCT^Result(s) Copies To^participation"}
    if flags["DESTMSSANTEPS"]:
        gp = nation.prescriber(person.number)
        found.append(segment("PRT", {**copies, 5: doctor(gp), 15: f"^^X.400^{gp.id}@test-carnet.mssante.fr"}))
    if flags["DESTMSSANTEPAT"]:
        authority = f"ASIP-SANTE-INS-NIR&{person.ins_oid}&ISO"
        named = f"{person.ins}^{escaped(person.family)}^{escaped(person.given)}^^^^^^{authority}^L^^^INS"
        found.append(segment("PRT", {**copies, 5: named, 15: f"^^X.400^{person.ins}@patient.mssante.fr"}))
    return found
