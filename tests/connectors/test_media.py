"""What bytes are, whatever they are called, and what of a PDF would act; looked at, never opened, in bounded time."""

from __future__ import annotations

import random
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import media, pdf

PNG = b"\x89PNG\r\n\x1a\n" + bytes(12) + b"IEND\xaeB`\x82"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(20) + b"\xff\xd9"
PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /OpenAction [2 0 R /Fit] >>\nendobj\ntrailer\n<<>>\n%%EOF\n"


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (PDF, "application/pdf"),
        (b"\x00\x01lead-in\n" + PDF, "application/pdf"),
        (b"\r\n" + PDF, "application/pdf"),
        (rb"{\rtf1\ansi Bonjour}", "text/rtf"),
        (JPEG, "image/jpeg"),
        (PNG, "image/png"),
        (b"II*\x00\x08\x00", "image/tiff"),
        (b"MM\x00*\x00\x08", "image/tiff"),
        (b"GIF89a\x01\x00\x01\x00\x00", "image/gif"),
        (b"BM\x00\x01\x00\x00\x00\x00\x00\x00", "image/bmp"),
        (bytes(128) + b"DICM", "application/dicom"),
        (b"PK\x03\x04\x14\x00", "application/zip"),
        (b"MZ\x90\x00\x03", "application/vnd.microsoft.portable-executable"),
        (b"RIFF\x00\x00\x00\x00WAVE", "audio/wav"),
        ("Compte rendu : été".encode(), "text/plain"),
        ("Compte rendu : été".encode("latin-1"), "text/plain"),
        (b"BMI: 25", "text/plain"),
        (b"MZ est venu", "text/plain"),
        (b"Le fichier commence par %PDF-1.4", "text/plain"),
        (b"<svg onload='x'/>", "image/svg+xml"),
        (b"<?xml version='1.0'?><!-- a --><html>", "text/html"),
        (b"<!DOCTYPE html>\n<html>", "text/html"),
        (b"\xef\xbb\xbf<script>", "text/html"),
        (b"<a:ClinicalDocument/>", "text/xml"),
        (b"\x00\x01\x02\x03", ""),
        (b"", ""),
    ],
)
def test_bytes_tell_their_type(data: bytes, found: str) -> None:
    assert media.media_type(data) == found


@pytest.mark.parametrize(
    ("declared", "found", "differs"),
    [
        ("application/pdf", "application/pdf", False),
        ("Application/PDF; version=1.4", "application/pdf", False),
        ("image/jpg", "image/jpeg", False),
        ("application/rtf", "text/rtf", False),
        ("text/csv", "text/plain", False),
        ("text/html", "text/plain", False),
        ("application/vnd.oasis.opendocument.text", "application/zip", False),
        ("application/vnd.nobody.knows", "", False),
        ("", "text/plain", False),
        ("image/jpeg", "image/png", True),
        ("application/pdf", "text/html", True),
        ("application/pdf", "application/zip", True),
        ("text/rtf", "text/plain", True),
        ("application/pdf", "", True),
        ("", "application/pdf", True),
    ],
)
def test_a_declared_type_is_compared_with_the_bytes(declared: str, found: str, differs: bool) -> None:
    assert media.differs(declared, found) is differs


@pytest.mark.parametrize("data", [PDF, PNG, JPEG, rb"{\rtf1 a}"])
def test_a_file_that_was_cut_is_incomplete(data: bytes) -> None:
    found = media.media_type(data)
    assert not media.incomplete(data, found)
    assert media.incomplete(data[:-8], found)


@pytest.mark.parametrize(
    ("dictionary", "words"),
    [
        (b"<< /S /JavaScript /JS (app.alert\\(1\\)) >>", ("javascript",)),
        (b"<</S/JavaScript/JS 4 0 R>>", ("javascript",)),
        (b"<< /S /J#61va#53cript /JS (1) >>", ("javascript",)),
        (b"<< /S /Launch /F (calc.exe) >>", ("launch",)),
        (b"<< /Names << /EmbeddedFiles 3 0 R >> >>", ("embedded-file",)),
        (b"<< /Type /EmbeddedFile >> << /S /SubmitForm >>", ("embedded-file", "submit-form")),
        (b"trailer << /Encrypt 9 0 R >>", ("encrypted",)),
        (b"<< /OpenAction [2 0 R /Fit] /URI (https://exemple.fr) /JavaScriptless 1 >>", ()),
        (b"<< /Type /Obj#53tm >>", ("unexamined",)),
    ],
)
def test_what_would_act_in_a_pdf_is_named(dictionary: bytes, words: tuple[str, ...]) -> None:
    assert media.active(PDF + dictionary, "application/pdf") == words


def stream(content: bytes, filters: bytes = b"/FlateDecode") -> bytes:
    head = b"5 0 obj\n<< /Type /ObjStm /N 1 /First 4 /Filter " + filters + b" /Length %d >>\nstream\r\n" % len(content)
    return head + content + b"\nendstream\nendobj\n"


def test_an_action_in_a_compressed_object_stream_is_found() -> None:
    packed = zlib.compress(b"7 0 << /S /JavaScript /JS (1) >>" * 20)
    assert b"JavaScript" not in packed
    assert pdf.active(PDF + stream(packed)) == ("javascript",)


@pytest.mark.parametrize("content", [b"not deflated", zlib.compress(b"a" * 100)[:-6], b""])
def test_an_object_stream_that_is_not_plain_says_that_it_was_not_examined(content: bytes) -> None:
    assert pdf.active(PDF + stream(content)) == ("unexamined",)


def test_pixels_are_no_names() -> None:
    assert pdf.active(PDF + random.Random(3).randbytes(4_000_000)) == ()


@pytest.mark.parametrize(
    "data",
    [
        stream(zlib.compress(bytes(60_000_000))) * 40,
        b"/ObjStm " * 1_000_000,
        (b"/ObjStm" + b" " * 200) * 50_000 + b"stream\n",
        b"/#41#42" * 1_000_000,
        b"stream\n" * 1_000_000,
    ],
    ids=["bombs", "names", "far streams", "escapes", "streams"],
)
def test_a_hostile_pdf_is_looked_at_in_bounded_time(data: bytes) -> None:
    begun = time.process_time()
    pdf.active(data)
    assert time.process_time() - begun < 2


@pytest.mark.parametrize("data", [b"<!---->" * 9_000, b"<!--" * 16_000, b"<?xml" + b" " * 60_000, b"<" * 65_536])
def test_hostile_mark_up_is_typed_in_linear_time(data: bytes) -> None:
    begun = time.process_time()
    media.media_type(data)
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize(
    ("data", "words"), [(b"<html>", ("script",)), (b"<svg/>", ("script",)), (b"MZ\x00\x00", ("program",)), (PNG, ())]
)
def test_other_active_content_is_named(data: bytes, words: tuple[str, ...]) -> None:
    assert media.active(data, media.media_type(data)) == words


@given(data=st.binary(max_size=600), head=st.sampled_from([b"", b"%PDF-", b"{\\rtf", b"<", b"/ObjStm stream\n"]))
def test_any_bytes_have_an_answer(data: bytes, head: bytes) -> None:
    found = media.media_type(head + data)
    media.incomplete(head + data, found)
    media.active(head + data, found)
    pdf.active(head + data)
