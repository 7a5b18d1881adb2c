"""A one-page PDF of text, small and valid, for level 1 documents and printable copies."""

from __future__ import annotations

from textwrap import wrap


def one_page(title: str, lines: list[str]) -> bytes:
    """An A4 page in Helvetica. Text outside Windows-1252 shows as `?`; long lines wrap, what overflows is dropped."""
    shown = [part for line in lines for part in (wrap(line, 92) or [""])][:52]
    drawn = b"".join(b"(%s) Tj T*\n" % _string(line) for line in shown)
    content = b"BT /F1 14 Tf 56 790 Td (%s) Tj ET\nBT /F1 10 Tf 56 762 Td 14 TL\n%sET\n" % (_string(title), drawn)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /Lang (fr-FR) >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Title (%s) /Producer (carnet synth) >>" % _string(title),
    ]
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info 6 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def _string(text: str) -> bytes:
    raw = text.encode("cp1252", "replace")
    return raw.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
