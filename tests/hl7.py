"""Small HL7v2 messages for tests, about the person of `tests.cda`."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from tests.cda import INS, TEST_OID
from transforms.identity import key_of

FLAGS = (
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


def pid(
    *,
    ins: str = INS,
    oid: str = TEST_OID,
    family: str = "L'HOSTIS-NOËL",
    birth: str = "19850314",
    sex: str = "F",
    status: str = "VALI",
    ipp: str = "IPP-285034",
) -> str:
    ids = f"{ipp}^^^HOPITAL&1.2.3.4.5&ISO^PI" + (f"~{ins}^^^ASIP-SANTE-INS-NIR&{oid}&ISO^INS" if ins else "")
    names = f"{family}^Zoé^Zoé Anne^^^^L"
    return f"PID|1||{ids}||{names}||{birth}|{sex}|||^^^^^^BDL^^44109" + "|" * 21 + status


def header(kind: str, control: str, *, version: str, profile: str = "2.1^CISIS_CDA_HL7_V2") -> str:
    return f"MSH|^~\\&|APP|HOP|CARNET|FR|20260302101500||{kind}|{control}|P|{version}|||||FRA|UNICODE UTF-8|||{profile}"


def flags(first: int, masked: tuple[str, ...] = (), kind: str = "CWE") -> list[str]:
    said = {code: "Y" if code in masked else "N" for code in FLAGS}
    return [
        f"OBX|{number}|{kind}|{code}^{code}^MetaDMPMSS||{value}^^expandedYes-NoIndicator||||||F"
        for number, (code, value) in enumerate(said.items(), first)
    ]


EVENTS = {"create": ("T02", "NW", "F"), "replace": ("T10", "RO", "C"), "delete": ("T04", "CA", "D")}


def mdm(
    document: bytes,
    *,
    action: str = "create",
    control: str = "M1",
    masked: tuple[str, ...] = (),
    payload: str | None = None,
    patient: str | None = None,
    order: str | None = None,
    status: str | None = None,
) -> bytes:
    """MDM with one CDA in OBX-5; `order` and `status` override ORC-1 and OBX-11."""
    event, orc, obx11 = EVENTS[action]
    named = re.search(rb'<id root="([^"]*)"(?: extension="([^"]*)")?', document)
    txa12 = "^^".join(part.decode() for part in named.groups()[::-1] if part) if named else ""
    data = base64.b64encode(document).decode() if payload is None else payload
    lines = [
        header(f"MDM^{event}^MDM_T02", control, version="2.6"),
        "EVN||20260302101500",
        patient or pid(),
        "PV1|1|N",
        f"ORC|{orc if order is None else order}",
        "OBR|1|||11502-2^CR^LN",
        f"TXA|1|11502-2|TEXT|20260302101500||||||||{txa12}|||||AU",
        f"OBX|1|ED|11502-2^CR^LN||APP^TEXT^XML^Base64^{data}||||||{obx11 if status is None else status}",
        *flags(2, masked),
    ]
    return ("\r".join(lines) + "\r").encode()


def request(
    *documents: bytes, number: str = "1", action: str = "create", masked: tuple[str, ...] | None = ()
) -> list[str]:
    """ORC, OBR, an ED for each document, and the ten flags (none with `masked` None): one request of an ORU."""
    _, orc, obx11 = EVENTS[action]
    encoded = [base64.b64encode(document).decode() for document in documents]
    return [
        f"ORC|{orc}|P{number}^LABO|F{number}^LABO",
        f"OBR|{number}|P{number}^LABO|F{number}^LABO|11502-2^CR^LN",
        *(
            f"OBX|{ordinal}|ED|11502-2^CR^LN||APP^TEXT^XML^Base64^{data}||||||{obx11}"
            for ordinal, data in enumerate(encoded, 1)
        ),
        *([] if masked is None else flags(len(encoded) + 1, masked, "CE")),
    ]


def document_oru(*requests: list[str], control: str = "D1", patient: str | None = None) -> bytes:
    """ORU of the document profile, with its requests."""
    lines = [header("ORU^R01^ORU_R01", control, version="2.5"), patient or pid(), "PV1|1|N"]
    return ("\r".join([*lines, *(line for one in requests for line in one)]) + "\r").encode()


def oru(
    *,
    control: str = "R1",
    filler: str = "F4711",
    status: str = "F",
    reported: str = "20260302113000",
    value: str = "0,94",
    patient: str | None = None,
) -> bytes:
    """ORU with three discrete results of one filler order."""
    lines = [
        header("ORU^R01^ORU_R01", control, version="2.5", profile=""),
        patient or pid(),
        "PV1|1|N",
        f"ORC|NW|P{filler}|{filler}^LABO^1.2.250.1.999.2^ISO",
        f"OBR|1|P{filler}|{filler}^LABO^1.2.250.1.999.2^ISO|24331-1^Bilan lipidique^LN|||20260302080000"
        + "|" * 15
        + f"{reported}|||{status}",
        f"OBX|1|NM|53049-3^Glycémie^LN||{value}|g/L^g/L^UCUM|0,70-1,08|N|||{status}",
        f"OBX|2|SN|1988-5^CRP^LN||<^5|mg/L^mg/L^UCUM|<5||||{status}",
        f"OBX|3|CE|882-1^Groupe^LN||A+^A positif^L||||||{status}",
    ]
    return ("\r".join(lines) + "\r").encode()


def adt(
    event: str = "A28",
    *,
    control: str = "A1",
    at: str = "20260301090000",
    patient: str | None = None,
    more: Iterable[str] = (),
) -> bytes:
    """ADT of the French PAM profile; `more` are segments after PID."""
    lines = [
        f"MSH|^~\\&|GAM|HOP|CARNET|FR|20260302101500||ADT^{event}^ADT_A01|{control}|P|2.5^FRA^2.11"
        "|||||FRA|UNICODE UTF-8|||2.11^IHE_FRANCE-2.11-PAM",
        f"EVN||20260302101500||||{at}",
        patient or pid(),
        *more,
    ]
    return ("\r".join(lines) + "\r").encode()


def batch(messages: list[bytes], declared: int | None = None) -> bytes:
    count = len(messages) if declared is None else declared
    head = b"FHS|^~\\&|APP\rBHS|^~\\&|APP\r"
    return head + b"".join(messages) + f"BTS|{count}\rFTS|1\r".encode()


ANALYTES = (
    ("718-7", "Hémoglobine", "g/dL", "12.0-16.0"),
    ("6690-2", "Leucocytes", "10*9/L", "4.0-10.0"),
    ("777-3", "Plaquettes", "10*9/L", "150-400"),
    ("2951-2", "Sodium", "mmol/L", "136-145"),
    ("2823-3", "Potassium", "mmol/L", "3.5-5.1"),
    ("1988-5", "Protéine C réactive", "mg/L", "<5"),
)


def laboratory(number: int, *, results: int = 20, patients: int = 0) -> bytes:
    """Message `number` of a laboratory: an ORU of one filler order, 3 KB with 20 results, with times of its own.

    It is about patient `number`, or `number` modulo `patients`: somebody with a sound INS and all traits.
    """
    n = number % patients if patients else number
    ins13 = f"26603{1 + n // 999 // 899 % 95:02}{1 + n // 999 % 899:03}{1 + n % 999:03}"
    sent = datetime(2026, 1, 5, 8) + timedelta(seconds=17 * number)
    at = [f"{sent - timedelta(minutes=before):%Y%m%d%H%M%S}+0100" for before in (0, 7, 95)]
    lines = [
        f"MSH|^~\\&|SIL|LABO-{number % 40}|HUB|CH|{at[0]}||ORU^R01^ORU_R01|M{number:09}|P|2.5|||||FRA|UNICODE UTF-8",
        f"PID|||{ins13}{key_of(ins13)}^^^TEST&{TEST_OID}&ISO^INS~{n + 1:08}^^^CHU&1.2.250.9999.2&ISO^PI||ESSAI-{n}"
        f"^LUCIE^LUCIE ANNE^^^^L||19660328|F|||1 rue X^^PARIS^^75001^FRA^H~^^^^^^BDL^^75056|||||||{number}^^^AFF^AN"
        "||||||||||||||VALI",
        f"PV1|1|I|UF{number % 300:04}||||||||||||||||{number}^^^AFF^VN",
        f"ORC|NW|P{number:08}^Labo|F{number:08}^labo|G{number}^CHU|||||{at[2]}",
        f"OBR|1|P{number:08}^Labo|F{number:08}^labo|11502-2^CR d'examens biologiques^LN|||{at[2]}|||||||||||||||{at[1]}"
        "|||F",
    ]
    for k in range(results):
        code, name, unit, limits = ANALYTES[k % len(ANALYTES)]
        value = (number * 31 + k * 7) % 1000 / 10
        lines.append(
            f"OBX|{k + 1}|NM|{code}^{name}^LN^L{k:03}^{name} (local)^99LAB||{value}|{unit}|{limits}"
            f"|{'HNL'[(number + k) % 3]}|||F|||{at[2]}||TECH{number % 50}^DUPONT^JEAN"
        )
    return ("\r".join(lines) + "\r").encode()
