"""Hostile containers for tests, each named by what it tries. None may be opened, or cost more than a good one."""

from __future__ import annotations

import base64
import io
import random
import stat
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Sequence

from tests.cda import cda
from tests.mail import mail
from tests.xdm import xdm, zipped

Change = Callable[[zipfile.ZipInfo], None]


def named(*names: str) -> bytes:
    """A zip with a good document under each of these names, whatever zipfile thinks of it."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for name in names:
            info = zipfile.ZipInfo("x")
            info.filename = name
            archive.writestr(info, cda("1"))
    return held.getvalue()


def of_mode(mode: int, content: bytes = b"/etc/passwd") -> bytes:
    """A zip whose entry claims to be something else than a file."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        info = zipfile.ZipInfo("DOC0001.XML")
        info.external_attr = (mode | 0o777) << 16
        archive.writestr(info, content)
    return held.getvalue()


def raw_entry(name: bytes, data: bytes, *, packed: int | None = None, size: int | None = None, crc: int = 0) -> bytes:
    """A local header and its data, deflated."""
    header = struct.pack(
        "<4s5H3L2H", b"PK\x03\x04", 20, 0, 8, 0, 0x21, crc, packed or len(data), size or 0, len(name), 0
    )
    return header + name + data


def raw_zip(
    body: bytes, listed: Sequence[tuple[bytes, int, int, int, int]], *, flags: int = 0, count: int | None = None
) -> bytes:
    """A zip of these bytes and a directory that says what it is told: (name, offset, packed, size, crc)."""
    directory = b"".join(
        struct.pack(
            "<4s6H3L5H2L",
            *(b"PK\x01\x02", 20, 20, flags, 8, 0, 0x21, crc, packed, size, len(name), 0, 0, 0, 0, 0, offset),
        )
        + name
        for name, offset, packed, size, crc in listed
    )
    total = len(listed) if count is None else count
    return body + directory + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, total, total, len(directory), len(body), 0)


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def overlapping(entries: int = 250) -> bytes:
    """Entries that all inflate one kernel of zeros (Fifield): 250 of them say 250 times what is there."""
    kernel = deflated(bytes(1 << 20))
    body = raw_entry(b"k", kernel, size=1 << 20)
    return raw_zip(body, [(f"{n}".encode(), 0, len(kernel), 1 << 20, 0) for n in range(entries)])


def quoted(entries: int = 250) -> bytes:
    """Fifield: each entry quotes the local header of the next in a stored block, and all share one kernel."""
    kernel = deflated(bytes(1 << 20))
    names = [f"{n:03}".encode() for n in range(entries)]
    step = len(raw_entry(names[0], b"")) + 5
    total = step * entries - 5 + len(kernel)
    body, listed = b"", []
    for n, name in enumerate(names):
        offset, last = n * step, n == entries - 1
        packed = total - offset - (step - 5)
        quote = b"" if last else struct.pack("<BHH", 0, step - 5, (step - 5) ^ 0xFFFF)
        body += raw_entry(name, quote, packed=packed, size=1 << 20)
        listed.append((name, offset, packed, (1 << 20) + (entries - 1 - n) * (step - 5), 0))
    return raw_zip(body + kernel, listed)


def wrong_size(size: int) -> bytes:
    """A document that inflates to something else than its directory says."""
    packed = deflated(cda("1"))
    crc = zlib.crc32(cda("1"))
    body = raw_entry(b"DOC0001.XML", packed, size=size, crc=crc)
    return raw_zip(body, [(b"DOC0001.XML", 0, len(packed), size, crc)])


def bomb(size: int = 256 << 20) -> bytes:
    """One document of blanks that inflates a thousand times."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = packer.compress(b"<ClinicalDocument xmlns='urn:hl7-org:v3'>")
    data += b"".join(packer.compress(b" " * (1 << 20)) for _ in range(size >> 20)) + packer.flush()
    return raw_zip(raw_entry(b"a.xml", data, size=size), [(b"a.xml", 0, len(data), size, 0)])


def dense(size: int, padding: int = 0) -> bytes:
    """A document that is all elements and attributes, in an archive large enough to inflate to it."""
    body = b'<a b="" c=""/>' * (size // 14)
    document = b"<ClinicalDocument xmlns='urn:hl7-org:v3'>" + body + b"</ClinicalDocument>"
    return zipped({"a.xml": document, **({"b.bin": random.Random(7).randbytes(padding)} if padding else {})})


def nested(levels: int) -> bytes:
    inner = zipped({"a.xml": cda("1")})
    for _ in range(levels - 1):
        inner = zipped({"a.zip": inner})
    return inner


def fan(levels: int = 5, width: int = 16) -> bytes:
    """Archives of sixteen archives of sixteen archives … of zeros, as 42.zip is."""
    inner = zipped({"0.dll": bytes(4 << 20)})
    for _ in range(levels):
        inner = zipped({f"{n:x}.zip": inner for n in range(width)})
    return inner


def zip64_lie(entries: int | None = None, size: int | None = None) -> bytes:
    """A second, larger end record that says otherwise than the first."""
    good = zipped({"a.xml": cda("1")})
    at = good.rindex(b"PK\x05\x06")
    _, _, _, _, total, length, offset, _ = struct.unpack("<4s4H2LH", good[at:])
    told = (entries or total, entries or total, size or length, offset)
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, *told)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    return good[:at] + record + locator + good[at:]


def many(entries: int = 100_000) -> bytes:
    """A directory of this many empty files, and the files."""
    body = b"".join(raw_entry(f"{n:06}".encode(), b"\x03\x00") for n in range(entries))
    step = len(body) // max(entries, 1)
    listed = [(f"{n:06}".encode(), n * step, 2, 0, 0) for n in range(entries)]
    return raw_zip(body, listed, count=entries & 0xFFFF)


def hidden() -> bytes:
    """An entry between two others that the directory does not list."""
    one, other = deflated(cda("1")), deflated(cda("2"))
    body = raw_entry(b"a.xml", one, size=len(cda("1")), crc=zlib.crc32(cda("1")))
    second = len(body)
    body += raw_entry(b"b.xml", other, size=len(cda("2")), crc=zlib.crc32(cda("2")))
    assert second
    return raw_zip(body, [(b"a.xml", 0, len(one), len(cda("1")), zlib.crc32(cda("1")))])


def two_names() -> bytes:
    """A local header that names another file than the directory."""
    packed = deflated(cda("1"))
    crc = zlib.crc32(cda("1"))
    body = raw_entry(b"b.xml", packed, size=len(cda("1")), crc=crc)
    return raw_zip(body, [(b"a.xml", 0, len(packed), len(cda("1")), crc)])


def encrypted() -> bytes:
    data = bytearray(zipped({"a.xml": cda("1")}))
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def in_comment() -> bytes:
    """A second archive in the comment of the first: readers disagree on which one counts."""
    outer, inner = zipped({"a.xml": cda("1")}), zipped({"b.xml": cda("2")})
    at = outer.rindex(b"PK\x05\x06")
    return outer[: at + 20] + struct.pack("<H", len(inner)) + inner


ARCHIVES: dict[str, Callable[[], bytes]] = {
    "a parent folder": lambda: named("../DOC0001.XML"),
    "a parent folder, backslash": lambda: named("a\\..\\..\\DOC0001.XML"),
    "an absolute name": lambda: named("/etc/cron.d/x.xml"),
    "a share": lambda: named("\\\\server\\share\\x.xml"),
    "a drive letter": lambda: named("C:\\x.xml"),
    "a drive letter alone": lambda: named("C:x.xml"),
    "a control character": lambda: named("a\nb.xml"),
    "an empty name": lambda: raw_zip(raw_entry(b"", b"\x03\x00"), [(b"", 0, 2, 0, 0)]),
    "a device name": lambda: named("IHE_XDM/SUBSET01/AUX.XML"),
    "a symbolic link": lambda: of_mode(stat.S_IFLNK),
    "a device": lambda: of_mode(stat.S_IFCHR),
    "a block device": lambda: of_mode(stat.S_IFBLK),
    "a pipe": lambda: of_mode(stat.S_IFIFO),
    "a folder with content": lambda: of_mode(stat.S_IFDIR),
    "one name twice": lambda: named("a.xml", "a.xml"),
    "one name in two cases": lambda: named("DOC0001.XML", "doc0001.xml"),
    "one name in two Unicode forms": lambda: named("é.xml", "e\u0301.xml"),
    "a password": encrypted,
    "a bomb": bomb,
    "many small bombs": lambda: zipped({f"{n}.xml": bytes(1 << 20) for n in range(64)}),
    "entries that overlap": overlapping,
    "entries that quote each other": quoted,
    "a hundred thousand entries": many,
    "sixty thousand entries": lambda: many(60_000),
    "a size too small": lambda: wrong_size(100),
    "a size too large": lambda: wrong_size(5000 + len(cda("1"))),
    "ZIP64 with other entries": lambda: zip64_lie(entries=7),
    "ZIP64 with another size": lambda: zip64_lie(size=1 << 40),
    "an entry that is not listed": hidden,
    "an archive in the comment": in_comment,
    "two names for one entry": two_names,
    "names that are no UTF-8": lambda: raw_zip(raw_entry(b"\xff", b"\x03\x00"), [(b"\xff", 0, 2, 0, 0)], flags=0x800),
    "another count": lambda: raw_zip(raw_entry(b"a", b"\x03\x00"), [(b"a", 0, 2, 0, 0)], count=3),
    "something before": lambda: b"PK\x03\x04" + zipped({"a.xml": cda("1")}),
    "a cut directory": lambda: zipped({"a.xml": cda("1")})[:-30],
    "a cut file": lambda: xdm(cda("1"))[: len(xdm(cda("1"))) // 2],
    "ten levels": lambda: nested(10),
    "three levels": lambda: nested(3),
    "a fan of archives": fan,
    "a dense document": lambda: dense(1 << 20),
}  # fmt: skip


HEAD = b"From: a@b.mssante.fr\r\nSubject: x\r\nMIME-Version: 1.0\r\n"


def parts(number: int) -> bytes:
    head = (
        b"From: a@b.mssante.fr\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
    )
    part = b"--x\r\nContent-Type: application/xml\r\nContent-Disposition: attachment\r\n\r\n<a/>\r\n"
    return head + part * number + b"--x--\r\n"


def levels(number: int) -> bytes:
    head = HEAD
    opened = b"".join(b"Content-Type: multipart/mixed; boundary=x%d\r\n\r\n--x%d\r\n" % (n, n) for n in range(number))
    return (
        head
        + opened
        + b"Content-Type: text/plain\r\n\r\nfin\r\n"
        + b"".join(b"--x%d--\r\n" % n for n in reversed(range(number)))
    )


def forwarded(number: int) -> bytes:
    """A mail in a mail in a mail …, around an archive."""
    inner = mail(("IHE_XDM.zip", xdm(cda("1"))))
    for n in range(number):
        boundary = b"f%d" % n
        head = HEAD + b"Content-Type: multipart/mixed; boundary=" + boundary + b"\r\n\r\n--" + boundary
        inner = head + b"\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--" + boundary + b"--\r\n"
    return inner


def attached(body: bytes, encoding: bytes = b"base64", kind: bytes = b"application/zip") -> bytes:
    head = (
        b"From: a@b.mssante.fr\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
    )
    part = b"--x\r\nContent-Type: " + kind + b"\r\nContent-Transfer-Encoding: " + encoding
    return head + part + b"\r\nContent-Disposition: attachment\r\n\r\n" + body + b"\r\n--x--\r\n"


MAILS: dict[str, Callable[[], bytes]] = {
    "ten thousand parts": lambda: parts(10_000),
    "a thousand levels": lambda: levels(1_000),
    "mails in mails": lambda: forwarded(8),
    "base64 that is none": lambda: attached(b"UEsDBBQA****AAgA" * 1000),
    "base64 of an impossible length": lambda: attached(b"UEsDB"),
    "base64 with data after its end": lambda: attached(base64.b64encode(b"PK") + base64.b64encode(b"PK")),
    "an encoding nobody knows": lambda: attached(b"begin 644 x\r\nend", b"x-uuencode"),
    "a multipart without a boundary": lambda: HEAD + b"Content-Type: multipart/mixed\r\n\r\nx\r\n",
    "headers without an end": lambda: HEAD + b"X-Long: " + b"a" * (1 << 20) + b"\r\n\r\n",
    "parameters without an end": lambda: HEAD + b"Content-Type: multipart/mixed" + b";" * 60_000 + b"\r\n\r\nx",
    "a line without an end": lambda: attached(b"A" * (8 << 20)),
    "an archive that is a bomb": lambda: mail(("IHE_XDM.zip", bomb(64 << 20))),
    "an archive that leaves its folder": lambda: mail(("IHE_XDM.zip", named("../x.xml"))),
    "an archive cut short": lambda: mail(("IHE_XDM.zip", xdm(cda("1"))[:-40])),
}  # fmt: skip
