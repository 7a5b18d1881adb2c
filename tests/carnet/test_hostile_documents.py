"""Hostile CDA documents: refused or inert, at the cost of a good one; no file is opened and no socket.

libxml2 opens files in C, where the audit events of the interpreter see nothing: the kernel is asked (inotify), and a
server on the loopback counts who calls.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import subprocess
import sys
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from carnet.interpret import interpret
from carnet.judged import Context
from carnet.settings import shipped_senders
from connectors.base import Source
from connectors.cda.reader import CDA
from quality.catalogue import catalogue
from tests.cda import cda
from tests.connectors.cda.documents import b64, level_1, level_3, section
from tests.connectors.test_media import PDF, stream
from warehouse.prepared import PreparedItem

DEMO = shipped_senders()["demo"]
CONTEXT = Context(DEMO.id, DEMO.policy(), ZoneInfo(DEMO.zone), "2026-03-04T11:00:00Z")
GOOD = level_3(section("<paragraph>bien</paragraph>"))
FILE, HTTP = "FILE://CANARY", "HTTP://CANARY"
"""Stand in the documents for the address of a watched file, and of a server that counts."""


def with_doctype(doctype: str, use: str = "") -> bytes:
    text = level_3(section(f"<paragraph>x{use}</paragraph>")).decode()
    return text.replace("?>", f"?>\n{doctype}", 1).encode()


def self_presenting(inside: str) -> bytes:
    document = GOOD.decode().partition("?>")[2]
    namespace = 'xmlns:xsl="http://www.w3.org/1999/XSL/Transform"'
    sheet = f'<xsl:stylesheet version="1.0" {namespace}>{inside}<data xmlns="urn:x">{document}</data></xsl:stylesheet>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{sheet}'.encode()


def utf_16(document: bytes) -> bytes:
    return document.decode().replace('encoding="UTF-8"', 'encoding="UTF-16"').encode("utf-16")


EXTERNAL = f"<!DOCTYPE a [<!ENTITY e SYSTEM '{FILE}'>]>"
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
REFUSED: dict[str, tuple[str, Callable[[], bytes]]] = {
    "an internal entity": ("XML_DTD_FORBIDDEN", lambda: with_doctype("<!DOCTYPE a [<!ENTITY e 'x'>]>", "&e;")),
    "an external entity": ("XML_DTD_FORBIDDEN", lambda: with_doctype(EXTERNAL, "&e;")),
    "an entity of the network": (
        "XML_DTD_FORBIDDEN",
        lambda: with_doctype(f"<!DOCTYPE a [<!ENTITY e SYSTEM '{HTTP}/e'>]>", "&e;"),
    ),
    "an external document type": ("XML_DTD_FORBIDDEN", lambda: with_doctype(f"<!DOCTYPE a SYSTEM '{FILE}'>")),
    "a public document type": ("XML_DTD_FORBIDDEN", lambda: with_doctype(f"<!DOCTYPE a PUBLIC 'p' '{HTTP}/d'>")),
    "a parameter entity": (
        "XML_DTD_FORBIDDEN",
        lambda: with_doctype(f"<!DOCTYPE a [<!ENTITY % p SYSTEM '{FILE}'> %p;]>"),
    ),
    "a billion laughs": (
        "XML_DTD_FORBIDDEN",
        lambda: with_doctype(f"<!DOCTYPE a [<!ENTITY l0 'ha'>{LAUGHS}]>", "&l11;"),
    ),
    "a document type after a long comment": (
        "XML_DTD_FORBIDDEN",
        lambda: with_doctype(f"<!--{'x' * 9000}-->\n{EXTERNAL}", "&e;"),
    ),
    "a document type in UTF-16": ("XML_DTD_FORBIDDEN", lambda: utf_16(with_doctype(EXTERNAL, "&e;"))),
    "a document type in UTF-7": (
        "XML_ENCODING_UNSUPPORTED",
        lambda: b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE a SYSTEM "x"+AD4-<ClinicalDocument/>',
    ),
    "an unknown entity": ("XML_NOT_WELL_FORMED", lambda: with_doctype("", "&inconnue;")),
    "a tag cut": ("XML_NOT_WELL_FORMED", lambda: GOOD[:-30]),
    "an undeclared prefix": ("XML_NOT_WELL_FORMED", lambda: level_3(section("<sdtc:x/>"))),
    "a bare ampersand": ("XML_NOT_WELL_FORMED", lambda: level_3(section("a & b"))),
    "text before the declaration": ("XML_NOT_WELL_FORMED", lambda: b"x" + GOOD),
    "another encoding than declared": ("XML_NOT_WELL_FORMED", lambda: GOOD.replace(b"bien", b"\xe9t\xe9")),
    "a level 1 body cut": ("BODY_UNREADABLE", lambda: level_1(b64(PDF)[:-3])),
}
INCLUDE = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{FILE}" parse="text"/>'
ACTION = b"9 0 obj << /S /JavaScript /JS (app.launchURL\\(1\\)) >> endobj\n%%EOF"
INERT: dict[str, tuple[str, Callable[[], bytes]]] = {
    "XInclude in a narrative": ("NARRATIVE_CLEANED", lambda: level_3(section(INCLUDE))),
    "XInclude in the header": ("", lambda: GOOD.replace(b"<realmCode", INCLUDE.encode() + b"<realmCode", 1)),
    "a script in a narrative": ("NARRATIVE_CLEANED", lambda: level_3(section("<script>alert(1)</script>"))),
    "a stylesheet that the document names": (
        "",
        lambda: with_doctype(f'<?xml-stylesheet type="text/xsl" href="{HTTP}/cda.xsl"?>'),
    ),
    "a schema that the document names": (
        "",
        lambda: GOOD.replace(
            b"<ClinicalDocument ",
            f'<ClinicalDocument xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
            f'xsi:schemaLocation="urn:hl7-org:v3 {HTTP}/CDA.xsd" '.encode(),
            1,
        ),
    ),
    "a stylesheet that imports": (
        "",
        lambda: self_presenting(f'<xsl:import href="{FILE}"/><xsl:include href="{HTTP}/x"/>'),
    ),
    "a stylesheet that reads": (
        "",
        lambda: self_presenting(f"<xsl:variable name='v' select=\"document('{FILE}')\"/>"),
    ),
    "an image of the network": ("NARRATIVE_CLEANED", lambda: level_3(section(f"<img src='{HTTP}/x.png'/>"))),
    "content that lies elsewhere": (
        "",
        lambda: level_3(section("x", f"<entry><act><text><reference value='{HTTP}/a.pdf'/></text></act></entry>")),
    ),
    "a PDF with JavaScript": ("ATTACHMENT_ACTIVE", lambda: level_1(b64(PDF + ACTION))),
    "a PDF with JavaScript in an object stream": (
        "ATTACHMENT_ACTIVE",
        lambda: level_1(b64(PDF + stream(zlib.compress(ACTION)) + b"%%EOF")),
    ),
    "a PDF of bombs": (
        "ATTACHMENT_UNEXAMINED",
        lambda: level_1(b64(PDF + stream(zlib.compress(bytes(40_000_000))) * 40 + b"%%EOF")),
    ),
    "HTML as a body": ("ATTACHMENT_ACTIVE", lambda: level_1(b64(b"<html><script>alert(1)</script>"), "text/html")),
    "a narrative of a great depth": ("", lambda: level_3(section("<content>" * 240 + "x" + "</content>" * 240))),
    "a huge table": ("", lambda: level_3(section(f"<table><tbody>{'<tr><td>x</td></tr>' * 20_000}</tbody></table>"))),
}
EVERYTHING = {name: make for name, (_, make) in (REFUSED | INERT).items()}
OUTSIDE = ("open", "socket.", "os.", "subprocess.", "shutil.", "tempfile.", "glob.", "urllib.", "ctypes.")


def items_of(data: bytes) -> list[PreparedItem]:
    """Everything that the pipeline makes of a document, short of the store."""
    source = Source.of_bytes("document.xml", data)
    return [item for step in interpret(source, CDA.read(source), CONTEXT) for item in step.items]


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_a_code(name: str) -> None:
    code, make = REFUSED[name]
    (item,) = items_of(make())
    assert (item.end, item.code) == ("refused", code)
    assert not item.carried and item.patient is None


@pytest.mark.parametrize("name", INERT)
def test_it_is_taken_and_inert(name: str) -> None:
    code, make = INERT[name]
    (item,) = items_of(make())
    (carried,) = item.carried
    assert (code in carried.findings) if code else not carried.findings
    assert "<script" not in "".join(section.html for section in carried.record.narrative)


@pytest.mark.parametrize("name", EVERYTHING)
def test_it_takes_less_than_a_second_more_than_a_good_one(name: str) -> None:
    data = EVERYTHING[name]()
    begun = time.process_time()
    items_of(data)
    assert time.process_time() - begun < 1.0


@pytest.mark.parametrize("name", EVERYTHING)
def test_it_costs_no_more_memory_than_a_good_one_and_100_megabytes(name: str) -> None:
    data = EVERYTHING[name]()
    tracemalloc.start()
    try:
        items_of(data)
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()


class Watched:
    """A file that the kernel tells about, and a server that nobody should call."""

    IN_ACCESS, IN_OPEN = 0x1, 0x20

    def __init__(self, folder: Path) -> None:
        self.file = folder / "canary.txt"
        self.file.write_text("<!ENTITY f 'canary'>", encoding="utf-8")
        libc = ctypes.CDLL(None, use_errno=True)
        self.kernel = libc.inotify_init1(os.O_NONBLOCK)
        assert self.kernel >= 0
        assert libc.inotify_add_watch(self.kernel, os.fsencode(self.file), self.IN_ACCESS | self.IN_OPEN) >= 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.setblocking(False)

    def fill(self, data: bytes) -> bytes:
        here = f"http://127.0.0.1:{self.server.getsockname()[1]}"
        wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        text = data.decode("utf-16" if wide else "latin-1")
        filled = text.replace(FILE, self.file.as_uri()).replace(HTTP, here)
        return filled.encode("utf-16" if wide else "latin-1")

    def opened(self) -> int:
        """How often the file was opened or read since the last time."""
        try:
            return len(os.read(self.kernel, 65536)) // struct.calcsize("iIII")
        except BlockingIOError:
            return 0

    def called(self) -> bool:
        try:
            self.server.accept()[0].close()
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        os.close(self.kernel)
        self.server.close()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    if sys.platform != "linux":
        pytest.skip("inotify is Linux's")
    found = Watched(tmp_path)
    yield found
    found.close()


SEEN: list[str] = []
WATCHING = False


def watch(event: str, arguments: tuple[object, ...]) -> None:
    if WATCHING and event.startswith(OUTSIDE):
        SEEN.append(f"{event} {arguments[:1]}")


def test_no_file_or_socket_is_opened_by_the_interpreter_nor_by_libxml2(watched: Watched) -> None:
    global WATCHING
    everything = {name: watched.fill(make()) for name, make in EVERYTHING.items()}
    catalogue()  # data files of our own are read once
    items_of(GOOD)
    sys.addaudithook(watch)
    SEEN.clear()
    WATCHING = True
    try:
        for data in everything.values():
            items_of(data)
    finally:
        WATCHING = False
    assert SEEN == []
    assert watched.opened() == 0
    assert not watched.called()
    watched.file.read_bytes()
    socket.create_connection(watched.server.getsockname()).close()
    assert watched.opened() > 0 and watched.called(), "what is watched is seen"


PROGRAM = """
import re, sys
from pathlib import Path
from tests.hub import Hub
hub = Hub(Path(sys.argv[1]))
(delivery,) = hub.take_files([Path(sys.argv[2])])
print(hub.ends(delivery))
print(int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text()).group(1)) // 1024)
"""
"""The peak of this program: `ru_maxrss` would be that of whoever started it, if it was higher."""


@pytest.mark.parametrize("level", [1, 3])
def test_a_document_of_30_megabytes_is_ingested_under_300_megabytes_of_memory(tmp_path: Path, level: int) -> None:
    body = b64(PDF[:-6] + os.urandom(22_400_000) + b"\n%%EOF\n")
    value = f"<value mediaType='application/pdf' representation='B64'>{body}</value>"
    entry = f"<entry><observationMedia>{value}</observationMedia></entry>"
    path = tmp_path / "big.xml"
    path.write_bytes(level_1(body) if level == 1 else level_3(section("x", entry)))
    assert path.stat().st_size > 29_800_000
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "home"), str(path)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    ends, peak = done.stdout.splitlines()
    assert ends == "{'accepted': 1}"
    assert int(peak) < 300


def test_the_good_one_is_good() -> None:
    (item,) = items_of(GOOD)
    assert item.carried[0].findings == ()
    assert items_of(cda("1"))[0].carried[0].findings == ()
