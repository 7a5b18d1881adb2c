"""Small e-mails for tests, as MSSanté software writes them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP

PDF = b"%PDF-1.4 copie"


def mail(
    *attachments: tuple[str, bytes] | EmailMessage,
    subject: str = "XDM/1.0/DDM+CR d'examens biologiques DUPONT Jeanne 01/01/1950",
    sender: str = "labo@structure.mssante.fr",
    body: str = "Bonjour,\nVoici un compte rendu.\n",
    html: str = "",
    headers: Sequence[tuple[str, str]] = (("X-MSS-INS", "O"), ("X-MSS-CODECDA", "11502-2")),
) -> bytes:
    """A multipart mail with these files attached in base64 (or, given as mails, as message/rfc822)."""
    return built(*attachments, subject=subject, sender=sender, body=body, html=html, headers=headers).as_bytes(
        policy=SMTP
    )


def built(
    *attachments: tuple[str, bytes] | EmailMessage,
    subject: str = "Essai",
    sender: str = "labo@structure.mssante.fr",
    body: str = "Bonjour",
    html: str = "",
    headers: Sequence[tuple[str, str]] = (),
) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = "medecin@cabinet.mssante.fr"
    message["Date"] = "Mon, 02 Mar 2026 10:30:00 +0100"
    message["Message-ID"] = "<essai@structure.mssante.fr>"
    message["Subject"] = subject
    for name, value in headers:
        message[name] = value
    message.set_content(body)
    if html:
        message.add_alternative(html, subtype="html")
    for attached in attachments:
        if isinstance(attached, EmailMessage):
            message.add_attachment(attached)
            continue
        name, content = attached
        kind = {"zip": "zip", "pdf": "pdf", "xml": "xml"}.get(name.rpartition(".")[2].lower(), "octet-stream")
        message.add_attachment(content, maintype="application", subtype=kind, filename=name)
    if message.is_multipart():
        message.set_boundary(f"=-limite-{zlib.crc32(subject.encode())}")
    return message
