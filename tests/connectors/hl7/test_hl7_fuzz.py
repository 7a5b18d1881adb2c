"""Whatever the bytes: nothing is raised, every byte and segment is accounted for, nothing of the input leaks."""

from __future__ import annotations

import time

import pytest
from hl7_build import (
    CDA,
    b64,
    codes,
    document_oru,
    documents,
    ed,
    encode,
    first,
    msh,
    read_all,
    results_oru,
)
from hl7_mutate import FILES, mutant
from hl7_promises import held
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Message, Refusal
from connectors.hl7.payload import cut
from connectors.hl7.tokens import delimiters

LONG_CDA = CDA.replace("<title>", "<title>" + "0123456789" * 4000)


@given(st.binary(max_size=200), st.sampled_from([b"", b"MSH|^~\\&|", b"\xff\xfe", b"\xfe\xff\x00M\x00S\x00H\x00|"]))
def test_any_bytes_are_read_or_refused(data: bytes, head: bytes) -> None:
    held(head + data, ())


@given(st.integers(0, 1 << 32), st.integers(0, 3))
def test_a_payload_that_is_cut_out_can_be_put_back(seed: int, repeat: int) -> None:
    data = mutant(FILES, seed)
    d = delimiters(data[data.find(b"MSH") :])
    if d is None:
        return
    data += encode([ed("QUJD" * 9)] * repeat)
    rest, payloads = cut(data, d, cut_from=0)
    for number, payload in enumerate(payloads):
        rest = rest.replace(b"\x1a%d\x1a" % number, payload, 1)
    assert rest == data


def wrapped(text: str, end: str) -> str:
    return end.join(text[i : i + 76] for i in range(0, len(text), 76))


WHOLE = b64(LONG_CDA)
LARGE = {
    "whole": ed(WHOLE),
    "unpadded": ed(WHOLE.rstrip("=")),
    "wrapped": ed(wrapped(WHOLE, "\n")),
    "wrapped-crlf": ed(wrapped(WHOLE, "\r\n")),
    "escaped": ed(wrapped(WHOLE, "\\.br\\")),
    "last-field": ed(WHOLE).removesuffix("||||||F|"),
    "no-ed": ed(WHOLE).replace("|ED|", "|ST|"),
    "xml": ed(LONG_CDA),
    "sub": ed(WHOLE) + "\rNTE|1||\x1a0\x1a",
}


@pytest.mark.parametrize("payload", LARGE.values(), ids=LARGE)
def test_a_large_document_is_read_as_a_small_one(payload: str) -> None:
    lines = document_oru(payload, ed(b64(CDA), 2, status="C"))
    message = first(lines)
    (one, two) = documents(lines)
    assert one.decode().replace(' encoding="UTF-8"', "") == LONG_CDA.replace(' encoding="UTF-8"', "")
    assert two == CDA.encode()
    assert (message.findings, message.result_status) == ((), "~C" if payload.endswith(WHOLE) else "F~C")
    small = first(document_oru(ed(b64(CDA)), ed(b64(CDA), 2)))
    assert message.segments["mapped"] == small.segments["mapped"]


def test_a_large_document_that_is_cut_short_is_refused() -> None:
    for payload in (WHOLE[:-40], WHOLE[:-41], wrapped(WHOLE[:-60], "\n")):
        lines = document_oru(ed(payload).removesuffix("||||||F|"))
        assert codes(lines) == ["PAYLOAD_TRUNCATED"]
        assert first(lines).author_organisation.name == "Labo X"


def test_one_bad_message_in_a_batch_costs_one_message() -> None:
    bad = encode([msh().replace("^~\\&", "&&&&"), "PID|||1"])
    yielded = read_all(encode(results_oru(1)) * 500 + bad + encode(results_oru(1)) * 500)
    refusals = [y for y in yielded if isinstance(y, Refusal)]
    assert [(r.code, r.locator.message) for r in refusals] == [("DELIMITERS_UNUSABLE", 501)]
    assert sum(isinstance(y, Message) for y in yielded) == 1000


def test_many_notes_take_no_long_time() -> None:
    started = time.thread_time()
    (order,) = first([*results_oru(1), *["NTE|1||remarque"] * 50_000]).orders
    assert len(order.observations[0].notes) == 50_000
    assert time.thread_time() - started < 1


def test_hard_input_takes_no_long_time() -> None:
    for piece in (
        b"\\",
        b"~",
        b"^",
        b"\r",
        b" ",
        b"MSH",
        b"\rMSH",
        b"\\X41\\",
        b"\rx",
        b"^Base64^",
        b"\rOBX|1|ED|||^^^Base64^A",
    ):
        held(encode(document_oru()) + b"\rOBX|9|FT|a^b||" + piece * (60_000 // len(piece)), ())
