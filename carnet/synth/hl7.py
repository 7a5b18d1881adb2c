"""HL7v2 wire rules of the nation's senders: segments, escapes, identities, charsets and batch files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from carnet.synth.chance import stable
from carnet.synth.documents import Sending
from carnet.synth.identity import PERSON_OID, STRUCTURE_OID, national_structure
from carnet.synth.markup import day, stamp
from carnet.synth.nation import Nation, Professional, local_id, local_id_root, order_root
from carnet.synth.population import Person
from carnet.synth.tables import HABITS, SENDERS, Sender

_ESCAPES = str.maketrans({"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "~": "\\R\\", "&": "\\T\\"})
_QUALIFIED, _PROVISIONAL = "VALI", "PROV"


def escaped(value: str) -> str:
    """Text fit for a component: delimiters as HL7 escapes."""
    return value.translate(_ESCAPES)


def segment(kind: str, fields: dict[int, str]) -> str:
    """A segment from its fields by number; MSH, FHS and BHS count their separator as field 1."""
    first = f"{kind}|^~\\&" if kind in ("MSH", "FHS", "BHS") else kind
    start = 3 if first != kind else 1
    return "|".join([first, *(fields.get(number, "") for number in range(start, max(fields) + 1))])


def msh(nation: Nation, sent: Sending, kind: str, version: str, profile: str = "") -> str:
    """The control id is the same each time a message is sent."""
    sender = SENDERS[sent.sender]
    habit = HABITS[sent.sender]
    key = (nation.number, sent.person, sent.serial, sent.channel, sent.act, sent.version)
    fields = {
        **_application(sender, sent.ready),
        9: kind,
        10: f"{habit.arc}{stable(*key) % 10**15:015d}",
        11: "P",
        12: version,
        17: "FRA",
        18: habit.charset,
    }
    return segment("MSH", {**fields, 21: profile} if profile else fields)


def pid(person: Person, sent: Sending) -> str:
    """PID with the INS first, then the local number; the six traits in 5, 7, 8 and the birthplace of 11."""
    where = person.department
    authority = f"ASIP-SANTE-INS-NIR&{person.ins_oid}&ISO"
    local = f"{local_id(sent.sender, person.number)}^^^{sent.sender}&{local_id_root(sent.sender)}&ISO^PI"
    names = f"{escaped(person.family)}^{escaped(person.given)}^{escaped(' '.join(person.givens))}^^^^L"
    if person.used_family != person.family:
        names += f"~{escaped(person.used_family)}^{escaped(person.given)}^^^^^D"
    home = f"{person.house} {escaped(person.street)}^^{escaped(where.city.upper())}^^{where.postcode}^FRA^H"
    return segment(
        "PID",
        {
            1: "1",
            3: f"{person.ins}^^^{authority}^INS~{local}",
            5: names,
            7: day(person.birth),
            8: person.sex,
            11: f"{home}~^^^^^^BDL^^{person.birth_place}",
            32: _PROVISIONAL if sent.fault == "not_qualified" else _QUALIFIED,
        },
    )


def pv1(sent: Sending) -> str:
    """The visit: an inpatient for a letter, an outpatient for other hospital documents, none for a laboratory."""
    if SENDERS[sent.sender].kind == "lab":
        return segment("PV1", {1: "1", 2: "N"})
    visit = f"{sent.person:06d}{sent.serial:04d}^^^{sent.sender}&{order_root(sent.sender)}&ISO^VN"
    return segment("PV1", {1: "1", 2: "I" if sent.kind == "discharge" else "O", 19: visit})


def doctor(professional: Professional) -> str:
    """XCN of a doctor."""
    authority = f"ASIP-SANTE-PS&{PERSON_OID}&ISO"
    return f"{professional.id}^{professional.family}^{professional.given}^^^DR^^^{authority}^D^^^IDNPS"


def structure(sender: Sender) -> str:
    """XON of a sender."""
    authority = f"ASIP-SANTE-ST&{STRUCTURE_OID}&ISO"
    return f"{escaped(sender.name)}^^^^^{authority}^IDNST^^^{national_structure(sender.finess)}"


def order_fields(nation: Nation, sent: Sending, part: str = "") -> dict[int, str]:
    """Placer and filler order numbers (fields 2 and 3 of ORC and OBR); `part` tells the orders of one request apart."""
    number = nation.order_number(sent.person, sent.serial)
    authority = f"{sent.sender}^{order_root(sent.sender)}^ISO"
    return {2: f"P{number}{part}^{authority}", 3: f"{number}{part}^{authority}"}


def encoded(sender: str, segments: Iterable[str]) -> bytes:
    """Segments as bytes, in the charset and with the segment ends of a sender."""
    habit = HABITS[sender]
    end = "\r" if habit.segment_end == "CR" else "\n"
    charset = "iso8859-15" if habit.charset == "8859/15" else "utf-8"
    return "".join(segment + end for segment in segments).encode(charset)


def batch(nation: Nation, sender: Sender, name: str, closed: datetime, messages: Iterable[bytes]) -> Iterator[bytes]:
    """A batch file: FHS, BHS, the messages as they come, BTS with their number, FTS."""
    number = f"{sender.id}-{nation.number}-{closed:%Y%m%d%H%M}"
    fields = {**_application(sender, closed), 9: name, 11: number}
    yield encoded(sender.id, [segment("FHS", fields), segment("BHS", fields)])
    count = 0
    for message in messages:
        count += 1
        yield message
    yield encoded(sender.id, [segment("BTS", {1: str(count)}), segment("FTS", {1: "1"})])


def _application(sender: Sender, moment: datetime) -> dict[int, str]:
    return {3: sender.software, 4: escaped(sender.name), 5: "CARNET", 6: "HUB", 7: stamp(moment)}
