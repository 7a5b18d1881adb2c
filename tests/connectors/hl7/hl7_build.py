"""Synthetic HL7v2 for the tests: nobody in it exists."""

from __future__ import annotations

import base64
from collections.abc import Iterable

from connectors.base import Enclosed, Message, Source, Span, Yielded
from connectors.hl7 import read

CDA = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<ClinicalDocument xmlns="urn:hl7-org:v3"><id root="1.2.250.9999.1"/>'
    "<title>Compte rendu d’analyses à Évry</title></ClinicalDocument>"
)
MSH = "MSH|^~\\&|LABO|SITE|HUB|CARNET|20260105093000||{kind}|{control}|P|{version}|||||FRA|{charset}|||{profile}"
PID = (
    "PID|||299127505600072^^^TEST&1.2.250.1.213.1.4.10&ISO^INS~4711^^^CHU&1.2.250.9999.7&ISO^PI||"
    "MARTINEAU^Zoé^Zoé Inès^^^^L~PERRIN^Zoé^^^^^D||19991231|F|||1 rue X^^PARIS^^75001^FRA^H~^^^^^^BDL^^75056"
    "|||||||||||||||||||||VALI"
)
FLAGS = (
    ("MASQUE_PS", "N"),
    ("INVISIBLE_PATIENT", "Y"),
    ("INVISIBLE_REP_LEGAUX", "N"),
    ("CONNEXION_SECRETE", "N"),
    ("MODIF_CONF_CODE", "N"),
    ("DESTDMP", "Y"),
    ("DESTMSSANTEPS", "N"),
    ("DESTMSSANTEPAT", "N"),
    ("ACK_RECEPTION", "N"),
    ("ACK_LECTURE_MSS", "N"),
)


def msh(
    kind: str = "ORU^R01^ORU_R01",
    control: str = "1",
    version: str = "2.5",
    charset: str = "UNICODE UTF-8",
    profile: str = "",
) -> str:
    return MSH.format(kind=kind, control=control, version=version, charset=charset, profile=profile)


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def ed(data: str, number: int = 1, status: str = "F", head: str = "^TEXT^XML^Base64^") -> str:
    return f"OBX|{number}|ED|11502-2^CR d'examens biologiques^LN||{head}{data}||||||{status}|"


def flags(given: Iterable[tuple[str, str]] = FLAGS, kind: str = "CE") -> list[str]:
    return [
        f"OBX|{number}|{kind}|{code}^libellé^MetaDMPMSS||{value}^^expandedYes-NoIndicator||||||F|"
        for number, (code, value) in enumerate(given, 2)
    ]


def document_oru(*documents: str, profile: str = "2.1^CISIS_CDA_HL7_V2") -> list[str]:
    return [
        msh(profile=profile),
        PID,
        "PV1|1|I|UF",
        "ORC|NW|P1^Labo|F1^Labo",
        "OBR|1|P1^Labo|F1^Labo|11502-2^CR d'examens biologiques^LN",
        *(documents or (ed(b64(CDA)),)),
        "PRT||UC||SB^^participation|8^DOE|||Labo X^^^^^ST&1.2.250.1.71.4.2.2&ISO^FINEG^^^1999999999",
        *flags(),
    ]


def document_mdm(event: str = "T02", payload: str = "", status: str = "F", control: str = "NW") -> list[str]:
    return [
        msh(f"MDM^{event}^MDM_T02", version="2.6", profile="2.1^CISIS_CDA_HL7_V2"),
        "EVN||20260105",
        PID,
        f"ORC|{control}|",
        "TXA|1|18748-4|TEXT|20260105||||||||1.2.250.9999.1^Organisation|1.2.250.9999.0^Organisation||||AU",
        ed(payload or b64(CDA), status=status),
        *flags(kind="CWE"),
    ]


def results_oru(count: int = 3, charset: str = "UNICODE UTF-8") -> list[str]:
    return [
        msh(charset=charset),
        PID,
        "ORC|NW|P7^Labo&1.2.250.9999.8&ISO|F7^Labo&1.2.250.9999.9&ISO",
        "OBR|1|P7|F7^^1.2.250.9999.9^ISO|58410-2^NFS^LN|||202601050800|||||||||||||||202601051000|||F",
        *(
            f"OBX|{i}|NM|718-7^Hémoglobine^LN^HB^Hémoglobine^99LAB||{10 + i}.5|g/dL|12,0-16,0|{'HLN'[i % 3]}|||F"
            "|||20260105"
            for i in range(1, count + 1)
        ),
    ]


def encode(lines: Iterable[str], end: str = "\r", charset: str = "utf-8") -> bytes:
    return "".join(line + end for line in lines).encode(charset)


def read_all(data: bytes) -> list[Yielded]:
    return list(read(Source.of_bytes("message.hl7", data)))


def first(data: bytes | list[str]) -> Message:
    """The one message of a source."""
    found = [y for y in read_all(data if isinstance(data, bytes) else encode(data)) if isinstance(y, Message)]
    assert len(found) == 1
    return found[0]


def documents(data: bytes | list[str]) -> list[bytes]:
    yielded = read_all(data if isinstance(data, bytes) else encode(data))
    return [y.source.read() for y in yielded if isinstance(y, Enclosed)]


def codes(data: bytes | list[str]) -> list[str]:
    """Codes of the refusals, in order."""
    yielded = read_all(data if isinstance(data, bytes) else encode(data))
    return [y.code for y in yielded if hasattr(y, "code") and not isinstance(y, Message)]


def gaps(data: bytes, spans: Iterable[Span]) -> bytes:
    """What no span covers; spans may repeat (a message and its documents) but never overlap in part."""
    left = bytearray()
    at = 0
    for start, length in sorted({(span.start, span.length) for span in spans}):
        assert start >= at, "two spans overlap"
        left += data[at:start]
        at = start + length
    assert at <= len(data)
    return bytes(left + data[at:])
