"""The least Python can do for the same output: delimiters, charset and shape of the message written into the code."""

from __future__ import annotations

from connectors.base import Message, Order, RawCode, RawId, RawPatient

Header = tuple[object, ...]
Row = tuple[str, ...]


def whole(data: bytes) -> tuple[Header, list[Row]]:
    """All that `HL7.read` says of a laboratory message: its header, its patient, its order, 16 columns an OBX."""
    rows = []
    for line in data.decode().split("\r"):
        if line.startswith("OBX"):
            f = line.split("|", 16)
            k = f[3].split("^")
            at = f[14].partition("^")[0]
            rows.append(
                (f[2], k[0], k[2], k[1], k[3], k[5], k[4], f[4], f[5], f[6], f[7], f[8], f[11], at, f[15], f[1])
            )
        elif line:
            name = line[:3]
            if name == "MSH":
                m = line.split("|", 21)
            elif name == "PID":
                p = line.split("|", 33)
            elif name == "ORC":
                c = line.split("|", 13)
            elif name == "OBR":
                r = line.split("|", 26)
    kind = m[8].split("^")
    ids = []
    for one in p[3].split("~"):
        x = one.split("^")
        ids.append((x[3].split("&")[1], x[0], x[4]))
    n = p[5].split("^")
    born_at = p[11].split("~")[1].split("^")[8]
    placer, filler, panel = r[2].split("^"), r[3].split("^"), r[4].split("^")
    header = (
        *(m[2], m[3], m[4], m[5], kind[1], m[9], m[10], m[11], m[16], m[17], m[6], f"{kind[0]}^{kind[1]}"),
        *(ids, n[0], n[1], n[2], p[7], p[8], born_at, p[32]),
        *(c[1], placer[1], placer[0], filler[1], filler[0], panel[0], panel[2], panel[1], r[7], r[22], r[25]),
    )
    return header, rows


def narrow(data: bytes) -> tuple[Header, list[Row]]:
    """The floor of the reference figures (performance.md, section 1): 26 fields of the header, 11 columns an OBX."""
    rows = []
    for line in data.decode().split("\r"):
        if line.startswith("OBX"):
            f = line.split("|", 15)
            k = f[3].split("^", 3)
            rows.append((f[1], f[2], k[0], k[1], k[2], f[5], f[6].partition("^")[0], f[7], f[8], f[11], f[14]))
        elif line:
            name = line[:3]
            if name == "MSH":
                m = line.split("|")
            elif name == "PID":
                p = line.split("|")
            elif name == "PV1":
                v = line.split("|")
            elif name == "ORC":
                c = line.split("|")
            elif name == "OBR":
                r = line.split("|")
    kind, panel, names = m[8].split("^"), r[4].split("^"), p[5].split("^")
    first = p[3].partition("~")[0].split("^")
    header = (
        *(m[2].partition("^")[0], m[3].partition("^")[0], m[6], kind[0], kind[1], m[9], m[11].partition("^")[0]),
        *(first[0], first[3].split("&")[1], first[4], names[0], names[1], p[7], p[8]),
        *(p[11].partition("~")[0].split("^", 5)[4], p[18].partition("^")[0], p[32] if len(p) > 32 else ""),
        *(v[2], v[3].partition("^")[0], v[19].partition("^")[0]),
        *(c[1], c[2].partition("^")[0], c[3].partition("^")[0], panel[0], panel[1], panel[2]),
    )
    return header, rows


def said(message: Message) -> tuple[Header, list[Row]]:
    """A message as read, in the shape of `whole`."""
    (order,) = message.orders
    envelope, patient = message.envelope, message.patient
    assert patient is not None
    header = (
        *(envelope.sending_application, envelope.sending_facility, envelope.receiving_application),
        *(envelope.receiving_facility, envelope.event, envelope.control_id, envelope.processing, envelope.version),
        *(envelope.country, envelope.charset, message.sent_at, message.kind, *_patient(patient), *_order(order)),
    )
    rows = []
    for o in order.observations:
        code, other = o.code, o.code.alternatives[0]
        rows.append(
            (
                *(o.value_type, code.code, code.system, code.display, other.code, other.system, other.display),
                *(o.sub_id, *o.values, o.unit.code, o.range, *o.flags, o.status, o.observed, o.producer),
                str(o.ordinal),
            )
        )
    return header, rows


def _patient(patient: RawPatient) -> Header:
    return (
        [(i.root, i.extension, i.kind) for i in patient.ids],
        *(patient.birth_family, patient.birth_given, patient.birth_givens, patient.birth_date, patient.sex),
        *(patient.birth_place, *patient.reliability),
    )


def _order(order: Order) -> Header:
    placer: RawId = order.placer
    panel: RawCode = order.panel
    return (
        *(order.control, placer.root, placer.extension, order.filler.root, order.filler.extension),
        *(panel.code, panel.system, panel.display, order.collected, order.reported, order.status),
    )
