"""A message as it stands: every field where HL7 numbers it, decoded as the connector decodes it."""

from __future__ import annotations

from hl7_build import CDA, b64, document_oru, ed, encode, first, read_all, results_oru

from connectors.base import Enclosed, Source
from connectors.hl7.anatomy import Anatomy, Opaque, anatomies


def one(data: bytes | list[str]) -> Anatomy:
    (found,) = anatomies(Source.of_bytes("", data if isinstance(data, bytes) else encode(data)))
    assert isinstance(found, Anatomy)
    return found


def test_segments_are_numbered_in_the_message_and_among_their_like() -> None:
    message = one(results_oru(3))
    assert [(s.name, s.sequence, s.nth) for s in message.segments][-2:] == [("OBX", 6, 2), ("OBX", 7, 3)]
    assert [s.nth for s in message.named("OBX")] == [1, 2, 3] and message.first("ZZZ") is None


def test_fields_have_the_numbers_of_hl7() -> None:
    """MSH-1 is the separator itself, so that MSH-9 is the type as everywhere else."""
    message = one(results_oru())
    msh, pid = message.segments[0], message.named("PID")[0]
    assert (msh.text(1), msh.text(2), msh.text(9, 2), msh.text(18)) == ("|", "^~\\&", "R01", "UNICODE UTF-8")
    assert (pid.text(3, 4, 2, 2), pid.text(5, 2), pid.text(99), pid.text(3, 1, 9)) == ("1.2.250.9999.7", "Zoé", "", "")
    assert len(pid.repetitions(11)) == 2 and pid.repetitions(2) == []
    assert message.delimiters == "|^~\\&"


def test_what_is_read_is_what_the_connector_reads() -> None:
    """The same control id, charset finding and document, in any delimiters and line ends."""
    for end in ("\r", "\n", "\r\n"):
        data = encode(document_oru(), end).replace(b"|", b"#")
        assert one(data).segments[0].text(10) == first(data).control_id
        assert one(data).delimiters == "#^~\\&"
    latin = encode(document_oru(), charset="iso8859-15")
    assert one(latin).findings == first(latin).findings[:1] == ("CHARSET_MISMATCH",)
    escaped = one(document_oru(ed(b64(CDA), head="A\\T\\B^TEXT^XML^Base64^")))
    assert escaped.named("OBX")[0].text(5) == "A&B"


def test_a_payload_stays_out_of_its_field_and_is_still_the_document() -> None:
    large = CDA.replace("<title>", "<title>" + "x" * 50_000)
    data = encode(document_oru(ed(b64(large))))
    obx = one(data).named("OBX")[0]
    assert len(obx.field(5)) < 100
    (enclosed,) = [y for y in read_all(data) if isinstance(y, Enclosed)]
    assert one(data).document(obx) == enclosed.source.read() == large.encode()
    assert one(data).document(one(data).named("OBX")[1]) is None


def test_valued_sees_through_delimiters() -> None:
    pid = one(["MSH|^~\\&|A", 'PID|^^~&| |""|x']).segments[1]
    assert [pid.valued(number) for number in (1, 2, 3, 4, 5)] == [False, False, True, True, False]


def test_messages_are_numbered_as_the_connector_numbers_them() -> None:
    broken = encode(results_oru()).replace(b"|^~\\&", b"|^~~&")
    data = b"FHS|^~\\&\r" + encode(results_oru()) + broken + encode(results_oru()) + b"FTS|1\r"
    found = list(anatomies(Source.of_bytes("", data)))
    assert [message.number for message in found] == [1, 2, 3]
    assert found[1] == Opaque(2, "DELIMITERS_UNUSABLE", "|^~\\&", "4 characters")
