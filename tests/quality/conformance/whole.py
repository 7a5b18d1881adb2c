"""One message of each profile about which there is nothing to say, and the means to break it. Nobody in them exists."""

from __future__ import annotations

import base64

from connectors.base import Source
from connectors.hl7.anatomy import Anatomy, anatomies
from quality.conformance import Examined, examine
from tests.cda import INS, TEST_OID, cda

CX_INS = f"{INS}^^^ASIP-SANTE-INS-NIR&{TEST_OID}&ISO^INS^^20200101"
PID = (
    f"PID|1||{CX_INS}~IPP4711^^^CHU-X&1.2.250.1.999.7&ISO^PI||L'HOSTIS-NOËL^Zoé^Zoé Anne^^^^L||19850314|F|||"
    "1 rue X^^NANTES^^44000^FRA^H~^^^^^^BDL^^44109|||||||D4711^^^CHU-X&1.2.250.1.999.7&ISO^AN"
    "|||||||||||||N|VALI|20260301"
)
PV1 = "PV1|1|I|UF" + "|" * 16 + "V4711^^^CHU-X&1.2.250.1.999.7&ISO^VN"
PERSON = "899000000017^DUPONT^Anne^^^^^^ASIP-SANTE-PS&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS"
SENDER = f"PRT||UC||SB^^participation|{PERSON}|||Labo X^^^^^ASIP-SANTE-ST&1.2.250.1.71.4.2.2&ISO^IDNST^^^1999999999"
RECIPIENT = f"PRT||UC||RCT^^participation|{PERSON}||||||||||^^X.400^anne.dupont@essai.mssante.fr"
REPLY = "PRT||UC||REPLY^^participation|||||||||||^^X.400^labo@essai.mssante.fr"
PATIENT = (
    f"PRT||UC||RCT^^participation|{INS}^L'HOSTIS-NOËL^Zoé^^^^^^INS-NIR&{TEST_OID}&ISO^L^^^INS"
    f"||||||||||^^X.400^{INS}@patient.mssante.fr"
)
TEN = (
    "MASQUE_PS",
    "INVISIBLE_PATIENT",
    "INVISIBLE_REP_LEGAUX",
    "CONNEXION_SECRETE",
    "MODIF_CONF_CODE",
    "DESTDMP",
    "DESTMSSANTEPS",
    "DESTMSSANTEPAT",
    "ACK_RECEPTION",
    "ACK_LECTURE_MSS",
)


def msh(kind: str, version: str, profile: str) -> str:
    return f"MSH|^~\\&|APP|HOP|CARNET|FR|20260302101500||{kind}|M1|T|{version}|||||FRA|UNICODE UTF-8|||{profile}"


def padded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def document(status: str = "F", subtype: str = "TEXT", replaces: str | None = None) -> str:
    payload = padded(cda("2" if replaces else "1", replaces=replaces))
    return f"OBX|1|ED|11502-2^CR d'examens biologiques^LN||APP^{subtype}^XML^Base64^{payload}||||||{status}"


def flags(first: int, kind: str, names: tuple[str, ...] = TEN, yes: tuple[str, ...] = ()) -> list[str]:
    return [
        f"OBX|{number}|{kind}|{name}^libellé^MetaDMPMSS||{'Y' if name in yes else 'N'}^^expandedYes-NoIndicator||||||F"
        for number, name in enumerate(names, first)
    ]


def mail(number: int, kind: str = "CORPSMAIL_PS^Corps^MetaDMPMSS") -> str:
    return f"OBX|{number}|ED|{kind}||^TEXT^^Base64^{padded('Chère consœur'.encode())}||||||F"


def oru(control: str = "NW", status: str = "F") -> list[str]:
    """volet 2.1, ORU, to the DMP, a professional and the patient."""
    return [
        msh("ORU^R01^ORU_R01", "2.5", "2.1^CISIS_CDA_HL7_V2"),
        PID,
        PV1,
        f"ORC|{control}|P1^Nephro|F1^labo",
        "OBR|1|P1^Nephro|F1^labo|11502-2^CR d'examens biologiques^LN",
        document(status),
        SENDER,
        RECIPIENT,
        PATIENT,
        REPLY,
        *flags(2, "CE", yes=("DESTDMP", "DESTMSSANTEPS", "DESTMSSANTEPAT")),
        mail(12),
    ]


def mdm(event: str = "T02", control: str = "NW", status: str = "F", parent: str = "") -> list[str]:
    """volet 2.1, MDM."""
    return [
        msh(f"MDM^{event}^MDM_T02", "2.6", "2.1^CISIS_CDA_HL7_V2"),
        "EVN||20260302101500||||20260302101500",
        PID,
        PV1,
        f"ORC|{control}",
        "OBR|1|||11502-2^CR d'examens biologiques^LN",
        f"TXA|1|11502-2|TEXT|20260302101500||||||||1.2.250.1.999.1.2|{parent}||||AU|||||899000000017",
        document(status, "text", replaces="1" if parent else None),
        SENDER,
        *flags(2, "CWE", yes=("DESTDMP",)),
    ]


def replacement() -> list[str]:
    return mdm("T10", "RO", "C", "1.2.250.1.999.1.1")


def lps() -> list[str]:
    """LPS 1.1: the mail beside the document, four flags."""
    return [
        msh("MDM^T02^MDM_T02", "2.6", "1.1^CISIS_CDA_HL7_LPS"),
        "EVN||20260302101500",
        PID,
        "PV1|1|N",
        "ORC|NW",
        "OBR|1|||11502-2^CR d'examens biologiques^LN",
        "TXA|1|11502-2|TEXT|20260302101500||||||||1.2.250.1.999.1.1|||||AU",
        document("F", "text"),
        SENDER,
        RECIPIENT,
        mail(2, "1^XDM/1.0/DDM+CR"),
        *flags(3, "CWE", ("MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REP_LEGAUX", "MODIF_CONF_CODE")),
    ]


UF = "Chir V^^^^^CHU-X&1.2.250.1.999.7&ISO^UF^^^6268"


def adt(event: str = "A01", structure: str = "ADT_A01", action: str = "INSERT", origin: str = "") -> list[str]:
    """PAM-FR 2.11: a stay with consent."""
    return [
        msh(f"ADT^{event}^{structure}", "2.5^FRA^2.11", "2.11^IHE_FRANCE-2.11-PAM"),
        "EVN||20260302101500||||20260302101500",
        PID,
        PV1,
        f"ZBE|M1^CHU-X|20260302101500||{action}|N|{origin}|{UF}|{UF}|HMS",
        "ZFA|ACTIF|20260302|||||||INO|20260302|IC|20260302",
        "ZFD|||Y|N|INSI|20260301",
    ]


def merge(event: str = "A40", structure: str = "ADT_A39") -> list[str]:
    return [
        msh(f"ADT^{event}^{structure}", "2.5^FRA^2.11", "2.11^IHE_FRANCE-2.11-PAM"),
        "EVN||20260302101500||||20260302101500",
        PID,
        "MRG|IPP9999^^^CHU-X&1.2.250.1.999.7&ISO^PI",
    ]


def results() -> list[str]:
    """Discrete results, which no French profile describes: MSH-21 is empty."""
    return [
        msh("ORU^R01^ORU_R01", "2.5", ""),
        PID,
        "PV1|1|N",
        "ORC|NW|P1^Nephro|F1^LABO^1.2.250.1.999.2^ISO",
        "OBR|1|P1^Nephro|F1^LABO^1.2.250.1.999.2^ISO|24331-1^Bilan lipidique^LN|||20260302080000"
        + "|" * 15
        + "20260302113000|||F",
        "OBX|1|NM|53049-3^Glycémie^LN||0.94|g/L^g/L^UCUM|0,70-1,08|N|||F",
        "NTE|1||à jeun",
        "OBX|2|SN|1988-5^CRP^LN||<^5|mg/L^mg/L^UCUM|<5||||F",
        "OBX|3|CE|882-1^Groupe^LN||A+^A positif^L||||||F",
        "OBX|4|TS|8665-2^Date^LN||20260301||||||F",
        "OBX|5|TM|8251-1^Heure^LN||0800||||||F",
    ]


def ack(code: str = "AA", error: str = "") -> list[str]:
    head = msh("ACK^R01^ACK", "2.5", "").rstrip("|")
    return [head, f"MSA|{code}|M1", *([error] if error else [])]


ERR = "ERR||PID^1^3|101^Champ requis^messageErrorCondition|E"


def zam(event: str = "Z02") -> list[str]:
    kinds = {"Z01": ("ACK_RECEPTION_DMP", ""), "Z02": ("ACK_RECEPTION_MSS", "DESTINATAIRE_MSS")}
    kinds["Z03"] = ("ACK_LECTURE_MSS", "LECTEUR_MSS")
    first, second = kinds[event]
    lines = [
        msh(f"ZAM^{event}^ZAM_Z01", "2.6", "2.1^CISIS_CDA_HL7_V2"),
        "EVN||20260302101500",
        f"OBX|1|CWE|{first}^Accusé^AckMetierZAM|M1|Y^^expandedYes-NoIndicator||||||F",
    ]
    if second:
        lines.append(f"OBX|2|XTN|{second}^Qui^AckMetierZAM|899|^^X.400^anne.dupont@essai.mssante.fr||||||F")
    return lines


def zam_refused() -> list[str]:
    lines = put(zam("Z01"), "OBX-5.1", "N")
    return [*lines, "ERR|||207^Erreur^messageErrorCondition|E|DMPClosed^DMP fermé^DMP_ERROR_CODE"]


def put(lines: list[str], place: str, text: str, nth: int = 1) -> list[str]:
    """The message with `text` at `SEG-f.c` of the n-th segment of that name (first repetition), as written."""
    name, _, path = place.partition("-")
    number, _, component = path.partition(".")
    at = [index for index, line in enumerate(lines) if line[:3] == name][nth - 1]
    fields = lines[at].split("|")
    index = int(number) - (name == "MSH")
    fields += [""] * (index + 1 - len(fields))
    if component:
        first, *more = fields[index].split("~")
        parts = first.split("^")
        parts += [""] * (int(component) - len(parts))
        parts[int(component) - 1] = text
        fields[index] = "~".join(["^".join(parts), *more])
    else:
        fields[index] = text
    return [*lines[:at], "|".join(fields), *lines[at + 1 :]]


def without(lines: list[str], name: str, nth: int = 1) -> list[str]:
    at = [index for index, line in enumerate(lines) if line[:3] == name][nth - 1]
    return lines[:at] + lines[at + 1 :]


def after(lines: list[str], name: str, line: str, nth: int = 1) -> list[str]:
    at = [index for index, one in enumerate(lines) if one[:3] == name][nth - 1]
    return [*lines[: at + 1], line, *lines[at + 1 :]]


WHOLE = {
    "oru": oru(),
    "oru replaced": oru("RO", "C"),
    "mdm": mdm(),
    "mdm replaced": replacement(),
    "mdm deleted": mdm("T04", "CA", "D"),
    "lps": lps(),
    "A01": adt(),
    "A03": adt("A03", "ADT_A03"),
    "A05": adt("A05", "ADT_A05"),
    "A11": adt("A11", "ADT_A09", "CANCEL", "A01"),
    "A12": adt("A12", "ADT_A12", "CANCEL", "A02"),
    "A13": adt("A13", "ADT_A01", "CANCEL", "A03"),
    "A02": adt("A02", "ADT_A02"),
    "A04": adt("A04", "ADT_A01"),
    "A08": [line for line in adt("A08") if not line.startswith("ZBE")],
    "A28": [line if line[:3] != "PV1" else "PV1|1|N" for line in adt("A28", "ADT_A05") if line[:3] != "ZBE"],
    "A31": [line if line[:3] != "PV1" else "PV1|1|N" for line in adt("A31", "ADT_A05") if line[:3] != "ZBE"],
    "A40": merge(),
    "A47": merge("A47", "ADT_A30"),
    "results": results(),
    "ack": ack(),
    "ack refused": ack("AE", ERR),
    "Z01": zam("Z01"),
    "Z02": zam("Z02"),
    "Z03": zam("Z03"),
    "Z01 refused": zam_refused(),
}


def encoded(lines: list[str], charset: str = "utf-8") -> bytes:
    return "".join(line + "\r" for line in lines).encode(charset)


def anatomy(lines: list[str]) -> Anatomy:
    (one,) = anatomies(Source.of_bytes("", encoded(lines)))
    assert isinstance(one, Anatomy)
    return one


def examined(lines: list[str] | bytes) -> Examined:
    data = lines if isinstance(lines, bytes) else encoded(lines)
    return examine(next(anatomies(Source.of_bytes("", data))))


def codes(lines: list[str] | bytes) -> set[str]:
    return {finding.code for finding in examined(lines).findings}
