"""A mail: recognised by its header, its attachments handed on by place, its body and its answers left alone."""

from __future__ import annotations

import base64
import quopri
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import Enclosed, Ignored, Mail, Refusal, Source, Yielded
from connectors.mail.reader import MAIL
from connectors.registry import CONNECTORS, recognise
from tests.cda import cda
from tests.hl7 import oru
from tests.hostile import HEAD, attached
from tests.mail import PDF, built, mail
from tests.xdm import xdm, zipped

XDM = xdm(cda("1"))


def read(data: bytes) -> tuple[Yielded, ...]:
    """The parts of a mail, or what stands for it."""
    (found,) = MAIL.read(Source.of_bytes("x.eml", data))
    return found.parts if isinstance(found, Mail) else (found,)


def told(data: bytes) -> list[str]:
    return [
        one.rule if isinstance(one, Ignored) else one.code if isinstance(one, Refusal) else "enclosed"
        for one in read(data)
    ]


def enclosed(data: bytes) -> list[bytes]:
    return [one.source.read() for one in read(data) if isinstance(one, Enclosed)]


def test_attachments_come_as_they_were_and_from_their_place() -> None:
    data = mail(("IHE_XDM.zip", XDM), ("a.xml", cda("2")))
    assert enclosed(data) == [XDM, cda("2")]
    for one in read(data):
        assert isinstance(one, Enclosed)
        held = data[one.span.start : one.span.end]
        assert base64.b64decode(held) == one.source.read()
        assert one.source.size == len(one.source.read())


def test_body_and_its_images_are_elements_and_no_items() -> None:
    message = built(body="texte", html="<img src='cid:logo'>")
    message.get_payload()[1].add_related(b"\x89PNG", "image", "png", cid="logo")
    message.add_attachment(XDM, maintype="application", subtype="zip", filename="IHE_XDM.ZIP")
    assert enclosed(message.as_bytes(policy=SMTP)) == [XDM]


@pytest.mark.parametrize("newline", [b"\r\n", b"\n"])
def test_both_line_ends_and_every_transfer_encoding_are_read(newline: bytes) -> None:
    document = cda("1")
    for encoding, body in (
        (b"base64", base64.encodebytes(document)),
        (b"BASE64", base64.b64encode(document)),
        (b"quoted-printable", quopri.encodestring(document)),
        (b"8bit", document),
        (b"binary", document),
    ):
        head = HEAD + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: application/xml\r\n"
        head += b"Content-Transfer-Encoding: " + encoding + b"\r\nContent-Disposition: attachment\r\n\r\n"
        data = head.replace(b"\r\n", newline) + body + b"\r\n--x--\r\n".replace(b"\r\n", newline)
        (found,) = enclosed(data)
        assert found.strip() == document.strip(), encoding


def test_base64_without_padding_is_forgiven_as_it_loses_nothing() -> None:
    assert enclosed(attached(base64.b64encode(b"PK\x03\x04x").rstrip(b"="))) == [b"PK\x03\x04x"]


def test_the_copies_that_print_the_documents_are_ignored_and_one_too_many_makes_none_a_copy() -> None:
    two = xdm(cda("1"), cda("2", level=1))
    assert told(mail(("IHE_XDM.zip", two), ("1.pdf", PDF), ("2.pdf", PDF))) == ["enclosed", *["PRINTED_COPY"] * 2]
    assert told(mail(("IHE_XDM.zip", two), *((f"{n}.pdf", PDF) for n in range(3)))) == ["enclosed"] * 4
    assert told(mail(("a.xml", cda("1")), ("a.pdf", PDF))) == ["enclosed", "PRINTED_COPY"]
    assert told(mail(("a.pdf", PDF))) == ["enclosed"]


def test_a_forwarded_mail_is_a_mail_inside() -> None:
    inner = built(("IHE_XDM.zip", XDM), subject="Original")
    (found,) = enclosed(mail(inner, subject="TR : Original"))
    source = Source.of_bytes("message.eml", found)
    connector = recognise(source)
    assert connector is MAIL and enclosed(found) == [XDM]


@pytest.mark.parametrize("kind", ["disposition-notification", "delivery-status"])
def test_an_answer_is_ignored_with_the_original_it_returns(kind: str) -> None:
    boundary = HEAD + b'Content-Type: multipart/report; report-type="' + kind.encode() + b'"; boundary=r\r\n\r\n'
    data = boundary + b"--r\r\n\r\nlu\r\n--r\r\nContent-Type: message/rfc822\r\n\r\n" + mail(("x.zip", XDM))
    assert told(data + b"\r\n--r--\r\n") == ["ACKNOWLEDGEMENT"]


@pytest.mark.parametrize(
    "subject",
    ["[KO Intégration système !][902] XDM/1.0/DDM+CR", "[Erreur d’intégration !] XDM/1.0/DDM+CR"],
)
def test_an_error_told_in_plain_words_is_an_answer_too(subject: str) -> None:
    assert told(mail(built(("x.zip", XDM)), subject=subject)) == ["ACKNOWLEDGEMENT"]


@pytest.mark.parametrize(
    "sender",
    [
        "279035121518989@patient.mssante.fr",
        "Jeanne <279035121518989@PATIENT.MSSANTE.FR>",
        "279035121518989@patient.formation.mssante.fr",
    ],
)
def test_what_comes_from_the_mailbox_of_a_patient_is_refused(sender: str) -> None:
    assert told(mail(("IHE_XDM.zip", XDM), ("a.pdf", PDF), sender=sender)) == ["MAIL_FROM_PATIENT"] * 2


def test_a_structure_whose_name_holds_the_word_patient_is_none() -> None:
    assert told(mail(("x.zip", XDM), sender="patient@hopital.mssante.fr")) == ["enclosed"]


def test_a_mail_without_attachment_is_refused_and_a_signature_is_none() -> None:
    assert told(mail()) == ["MAIL_WITHOUT_DOCUMENT"]
    message = built()
    message.add_attachment(b"\x30", maintype="application", subtype="pkcs7-signature", filename="smime.p7s")
    assert told(message.as_bytes(policy=SMTP)) == ["MAIL_SIGNATURE", "MAIL_WITHOUT_DOCUMENT"]


def test_a_mail_cut_short_says_so_beside_what_was_read() -> None:
    data = mail(("a.xml", cda("1")), ("b.xml", cda("2")))
    assert told(data[: data.rindex(b"--=-limite")]) == ["enclosed", "enclosed", "MAIL_TRUNCATED"]


def test_a_mail_of_one_part_is_its_attachment() -> None:
    message = EmailMessage(policy=SMTP)
    message["From"], message["Subject"] = "a@b.mssante.fr", "XDM/1.0/DDM"
    message.set_content(XDM, maintype="application", subtype="zip", filename="IHE_XDM.zip")
    assert enclosed(message.as_bytes(policy=SMTP)) == [XDM]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"From user Mon Mar 2 10:00:00 2026\r\nFrom: a@b\r\nTo: c@d\r\n\r\n", "x.mbox"),
        (oru(), "x.eml"),
        (cda("1"), "x.eml"),
        (zipped({"a": b""}), "x.eml"),
        (b"date: 2026\r\nvaleur: 3\r\n\r\n", "x.txt"),
    ],
)
def test_what_only_looks_like_a_mail_is_none(data: bytes, name: str) -> None:
    assert not MAIL.recognises(data, name)


def test_a_mail_is_recognised_by_its_header_alone() -> None:
    assert [c.name for c in CONNECTORS if c.recognises(mail(("x.zip", XDM))[:4096], "export")] == ["mail"]
    assert MAIL.recognises(b"Received: from a\r\n\tby b\r\nReturn-Path: <a@b>\r\nX-Any: 1\r\n\r\n", "")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4000), st.binary(min_size=1, max_size=8)), max_size=5), st.integers(0, 900))
def test_a_changed_mail_is_read_or_refused_never_an_error(changes: list[tuple[int, bytes]], cut: int) -> None:
    data = bytearray(mail(("x.zip", zipped({"a.xml": b"<a/>"})), built(("a.pdf", PDF)), html="<p>x</p>"))
    for at, put in changes:
        data[at % len(data) : at % len(data) + len(put)] = put
    for one in read(bytes(data[: len(data) - cut])):
        if isinstance(one, Enclosed):
            one.source.read()


@given(st.binary(max_size=300))
def test_any_header_is_read_or_refused(tail: bytes) -> None:
    for head in (
        HEAD,
        HEAD + b"Content-Type: multipart/mixed; boundary=",
        HEAD + b"Content-Disposition: x; filename*=",
    ):
        read(head + tail)
