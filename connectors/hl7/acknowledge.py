"""Answers: the technical acknowledgement of one message, the business one (ZAM), and the batch that holds several.

CI-SIS, volet transmission d'un document CDA en HL7v2: MSH is that of the message with sender and receiver swapped, MSA
names it, an ERR tells each reason. Always in the usual delimiters, whatever those of the message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Literal

import msgspec

from connectors.base import Envelope
from connectors.hl7 import charset
from connectors.hl7.tokens import USUAL, delimiters, escape
from connectors.hl7.values import Values

Answer = Literal["AA", "AE", "AR", "CA", "CR"]
"""HL7 table 0008: taken, wrong in itself, rejected for a circumstance; kept safe, not kept."""

LONGEST = 250
"""Characters kept of a header field; the longest in use has 227 (HD)."""

CONDITIONS = {
    "0": "Message accepted",
    "100": "Segment sequence error",
    "101": "Required field missing",
    "102": "Data type error",
    "103": "Table value not found",
    "198": "Non-conformant cardinality",
    "199": "Other HL7 error",
    "200": "Unsupported message type",
    "201": "Unsupported event code",
    "202": "Unsupported processing id",
    "203": "Unsupported version id",
    "207": "Application error",
}
"""ERR-3, `messageErrorCondition` (HL7 table 0357 as the volet uses it)."""

APPLICATION = {
    "900": "Version du document",
    "901": "Demandeur non autorisé",
    "902": "Patient inconnu",
    "903": "INS absente",
    "904": "INS ou traits différents",
    "905": "Traits incomplets",
    "906": "Autre",
}
"""ERR-5, `applicationErrorCondition`."""

OURS = "CARNET"
UTF_8 = "UNICODE UTF-8"
_LINE = re.compile(rb"[^\r\n\x0b\x1c]*")
_header = itemgetter(2, 3, 4, 5, 9, 10, 11, 16, 17)
"""MSH-3, 4, 5, 6, 10, 11, 12, 17 and 18 in a line split at its field separator."""


class Reason(msgspec.Struct, frozen=True):
    """One ERR."""

    code: str
    """Ours."""
    label: str
    condition: str
    """ERR-3, of `CONDITIONS`."""
    severity: Literal["E", "W", "I"]
    places: tuple[str, ...] = ()
    """ERR-2, each `segment^sequence^field`."""
    application: str = ""
    """ERR-5 of the norm, of `APPLICATION`; empty when it has none."""
    technical: str = ""
    user: str = ""


def envelope(fields: Sequence[str], event: str, values: Values) -> Envelope:
    """What answers repeat of an MSH split into at least 18 fields; `event` is MSH-9.2, decoded."""
    kept = _header(fields)
    whole = "".join(kept)
    if values.d != USUAL or len(whole) > LONGEST or "\n" in whole:
        kept = [_usual(field, values)[:LONGEST] for field in kept]
    return _envelope(kept, escape(event, USUAL)[:LONGEST])


def _envelope(kept: Sequence[str], event: str) -> Envelope:
    """From the fields of `_header`."""
    sender, facility, receiver, receiving, control_id, processing, version, country, msh18 = kept
    return Envelope(sender, facility, receiver, receiving, event, control_id, processing, version, country, msh18)


class Asked(msgspec.Struct, frozen=True):
    """Which answers a message asks for (MSH-15, MSH-16; HL7 table 0155: AL, ER, SU, NE)."""

    accept: str = "NE"
    """On being kept safe: CA or CR."""
    application: str = "AL"
    """On what became of it: AA, AE or AR."""

    def wants(self, answer: Answer) -> bool:
        """Whether this answer is to be sent. A condition that is none of the table asks for it always."""
        condition = self.accept if answer[0] == "C" else self.application
        match condition:
            case "NE":
                return False
            case "ER":
                return answer not in ("AA", "CA")
            case "SU":
                return answer in ("AA", "CA")
        return True


def asked(data: bytes) -> Asked:
    """Original mode when MSH-15 and MSH-16 are empty (HL7 v2.5, 2.9.2); in enhanced mode an empty one asks for none."""
    line = _LINE.match(data)
    fields = (line[0] if line else b"").split(data[3:4] or b"|", 16)
    fields += [b""] * (17 - len(fields))
    accept, application = (field.strip().upper().decode("ascii", "replace") for field in fields[14:16])
    return Asked(accept or "NE", application or "NE") if accept or application else Asked()


def glimpse(data: bytes) -> Envelope:
    """The same from the first bytes of a message, as far as they can be read."""
    line = _LINE.match(data)
    first = line[0] if line else b""
    separator = data[3:4].decode("latin-1") or "|"
    msh18 = charset.declared(first, data[3:4] or b"|")
    decoded = charset.decode(first, msh18)
    fields = decoded.text.split(separator, 18)
    fields += [""] * (18 - len(fields))
    d = delimiters(data) or (USUAL if separator == "|" else None)
    if d is None:  # nothing is known of what is inside a field: each is one text
        return _envelope([escape(field, USUAL)[:LONGEST] for field in _header(fields)], "")
    values = Values(d, plain=False, encoding=decoded.encoding)
    return envelope(fields, values.component(values.first(fields[8]), 2).strip(), values)


def _usual(field: str, values: Values) -> str:
    """A field in the usual delimiters."""
    return "~".join(
        "^".join(
            "&".join(escape(part, USUAL) for part in values.subcomponents(component))
            for component in one.split(values.d.component)
        )
        for one in values.repetitions(field)
    )


def acknowledgement(said: Envelope, answer: Answer, reasons: Iterable[Reason], *, at: str, control_id: str) -> bytes:
    """The technical acknowledgement of a message; `at` is its MSH-7, `control_id` its own MSH-10."""
    kind = f"ACK^{said.event}^ACK"
    msa = f"MSA|{answer}|{said.control_id}"
    return _encoded(said, kind, at, control_id, [msa, *map(_err, reasons)])


def business(said: Envelope, taken: bool, refusals: Sequence[Reason], *, at: str, control_id: str) -> bytes:
    """ZAM^Z01: the document is in the record (`taken`), or it is not, and why."""
    answer = "Y" if taken else "N"
    code = "ACK_RECEPTION_DMP^Accusé de réception DMP^AckMetierZAM"
    lines = [
        f"EVN||{at}",
        f"OBX|1|CWE|{code}|{said.control_id}|{answer}^^expandedYes-NoIndicator||||||F",
        *(_dmp_err(reason) for reason in refusals),
    ]
    said = msgspec.structs.replace(said, version="2.6")
    return _encoded(said, "ZAM^Z01^ZAM_Z01", at, control_id, lines, profile="2.1^CISIS_CDA_HL7_V2")


def batch_head(said: Envelope, *, at: str, control_id: str) -> bytes:
    """FHS and BHS of the answers to one delivery, whose first message is `said`."""
    line = f"|^~\\&|{_swapped(said)}|{at}||||{control_id}"
    return _bytes(f"FHS{line}\rBHS{line}\r", said.charset)[0]


def batch_tail(messages: int, comment: str, said: Envelope) -> bytes:
    """BTS and FTS; `comment` (BTS-2) is what is wrong with the batch itself."""
    bts = f"BTS|{messages}" + (f"|{escape(comment, USUAL)}" if comment else "")
    return _bytes(f"{bts}\rFTS|1\r", said.charset)[0]


def _encoded(said: Envelope, kind: str, at: str, control_id: str, lines: Iterable[str], *, profile: str = "") -> bytes:
    """A message in the character set of the one it answers where that is known and suffices, else in UTF-8."""
    body = "".join(f"{line}\r" for line in lines)

    def text(msh18: str) -> str:
        msh = (
            f"MSH|^~\\&|{_swapped(said)}|{at}||{kind}|{control_id}|{said.processing or 'P'}|{said.version or '2.5'}"
            f"|||||{said.country}|{msh18}"
        )
        return msh + (f"|||{profile}" if profile else "") + "\r" + body

    data, as_declared = _bytes(text(said.charset), said.charset)
    return data if as_declared else text(UTF_8).encode("utf-8", "replace")


def _bytes(text: str, msh18: str) -> tuple[bytes, bool]:
    """The text in the set that MSH-18 declares, and True; else in UTF-8."""
    codec = "" if msh18.strip().upper() == "UNICODE" else charset.codec_of(msh18)  # UNICODE alone may be UTF-16
    try:
        return text.encode(codec or "utf-8"), bool(codec)
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace"), False


def _swapped(said: Envelope) -> str:
    return "|".join(
        (said.receiving_application, said.receiving_facility, said.sending_application, said.sending_facility)
    )


def _err(reason: Reason) -> str:
    norm = _coded(reason.application, APPLICATION, "applicationErrorCondition") if reason.application else "^^"
    ours = f"{reason.code}^{escape(reason.label, USUAL)}^{OURS}"
    condition = _coded(reason.condition, CONDITIONS, "messageErrorCondition")
    told = f"{escape(reason.technical, USUAL)}|{escape(reason.user, USUAL)}"
    return f"ERR||{'~'.join(reason.places)}|{condition}|{reason.severity}|{norm}^{ours}||{told}"


DMP_CODES = {"RECORD_CLOSED": "DMPClosed^DMP fermé"}
"""Codes of the DMP that the volet prints; its list (DMP integration guide, annex A7-1) is not public, so any other
reason is told by our code."""


def _dmp_err(reason: Reason) -> str:
    code = DMP_CODES.get(reason.code, f"{reason.code}^{escape(reason.label, USUAL)}")
    condition = _coded("207", CONDITIONS, "messageErrorCondition")
    return f"ERR|||{condition}|E|{code}^DMP_ERROR_CODE|||{escape(reason.user, USUAL)}"


def _coded(code: str, table: dict[str, str], system: str) -> str:
    return f"{code}^{table[code]}^{system}"
