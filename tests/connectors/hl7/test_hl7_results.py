"""Discrete results: panels, types, notes, specimens; no OBX is lost, wherever it stands."""

from __future__ import annotations

import hashlib

import pytest
from hl7_build import CDA, PID, b64, ed, encode, first, flags, msh, read_all, results_oru

from connectors.base import Encapsulated, Enclosed, Message, RawCode, RawId


def test_one_order_per_obr_with_all_that_it_says() -> None:
    message = first(
        [
            msh(),
            PID,
            "PV1|1|I",
            "ORC|NW|P1^Labo&1.2.9&ISO|F1^^1.2.8^ISO|||||||||77^HOUSE^Grégory^^^^^^RPPS&1.2.250.1.71.4.2.1&ISO^D^^^RPPS",
            "OBR|1||F1^^1.2.8^ISO|58410-2^NFS^LN^NF^Numération^99LAB|||202601050800+0100|||||||||||||||202601051000|||F",
            "NTE|1||Prélèvement à jeun",
            "OBX|1|NM|718-7^Hb^LN^HB^Hémoglobine^99LAB|1|13,5|g/dL^gramme par décilitre^UCUM|12-16|H~A|||F|||20260105"
            "|LAB1^Labo|T1|M1^Cytométrie^99M",
            "NTE|1||Contrôlé~deux fois",
            "NTE|2||Hémolyse",
            "SPM|1|||SER^Sérum^HL70487",
            "OBX|2|SN|5778-6^Couleur^LN||<^5|mg/L|<5|||F",
            "ORC|NW|P2|F2",
            "OBR|2||F2|24356-8^ECBU^LN||||||||||||88^CUDDY^Lisa|||||||||C",
            "OBX|1|CWE|630-4^Germe^LN|a|112283007^E. coli^SCT~3092008^S. aureus^SCT||||||C",
        ]
    )
    assert message.findings == () and not message.unsupported
    one, two = message.orders
    assert (one.placer, one.filler) == (RawId("1.2.9", "P1"), RawId("1.2.8", "F1", "ISO"))
    assert one.panel == RawCode("58410-2", "LN", "NFS", (RawCode("NF", "99LAB", "Numération"),))
    assert (one.collected, one.reported, one.status, one.control) == ("202601050800+0100", "202601051000", "F", "NW")
    assert (one.specimen.code, one.notes, one.prescriber.name) == ("SER", ("Prélèvement à jeun",), "Grégory HOUSE")
    assert one.prescriber.id == RawId("1.2.250.1.71.4.2.1", "77", "RPPS")
    hb, colour = one.observations
    assert (hb.value_type, hb.sub_id, hb.values, hb.range, hb.flags) == ("NM", "1", ("13,5",), "12-16", ("H", "A"))
    assert hb.code.alternatives == (RawCode("HB", "99LAB", "Hémoglobine"),)
    assert hb.unit == RawCode("g/dL", "UCUM", "gramme par décilitre")
    assert (hb.status, hb.observed, hb.producer, hb.method.code) == ("F", "20260105", "LAB1", "M1")
    assert hb.notes == ("Contrôlé\ndeux fois", "Hémolyse")
    assert (colour.values, colour.parts) == (("<^5",), (("<", "5"),))
    assert (two.filler, two.status, two.prescriber.name) == (RawId("", "F2"), "C", "Lisa CUDDY")
    (germ,) = two.observations
    assert [part[1] for part in germ.parts] == ["E. coli", "S. aureus"]
    places = [one.place(hb), one.place(colour), two.place(germ)]
    assert [str(place) for place in places] == [f"message 1, OBX {n}" for n in (1, 2, 3)]
    assert message.segments == {"mapped": 13, "raw": 1, "ignored": 0}


@pytest.mark.parametrize("kind", ["NM", "SN", "ST", "TX", "FT", "CE", "CWE", "DT", "TM", "TS", "DTM", "IS", ""])
def test_every_value_type_is_kept_as_written(kind: str) -> None:
    (order,) = first([msh(), PID, "OBR|1||F1", f"OBX|1|{kind}|1^a^LN||x y~z||||||X"]).orders
    (observation,) = order.observations
    assert (observation.value_type, observation.values, observation.status) == (kind, ("x y", "z"), "X")
    assert observation.parts == ((("x y",), ("z",)) if kind in {"SN", "CE", "CWE"} else ())


def test_an_empty_value_is_no_value_and_a_withdrawn_one_stays() -> None:
    (order,) = first([msh(), PID, "OBR|1||F1", "OBX|1|NM|1^a^LN||||||||X"]).orders
    assert (order.observations[0].values, order.observations[0].status) == ((), "X")


def test_no_obx_is_lost() -> None:
    stray = "OBX|1|NM|9^stray^LN||1||||||F"
    obr, spm = "OBR|1||F1|P^panel^LN", "SPM|1|||SER"
    before = first([msh(), PID, "ORC|NW|P0|F0", stray, obr, stray])
    told = [(o.filler.extension, o.panel.code, len(o.observations)) for o in before.orders]
    assert told == [("F0", "", 1), ("F1", "P", 1)]
    assert before.findings == ("RESULT_WITHOUT_OBR",)
    alone = first([msh(), PID, stray, stray])
    assert [len(o.observations) for o in alone.orders] == [2]
    after = first([msh(), PID, obr, spm, stray, "SPM|2|||URN", stray])
    assert [(o.specimen.code, len(o.observations)) for o in after.orders] == [("SER", 2)]
    assert after.segments["raw"] == 1
    empty = first([msh(), PID, obr, "OBR|2||F2|Q"])
    assert [len(o.observations) for o in empty.orders] == [0, 0]
    many = first(results_oru(5000))
    assert len(many.orders[0].observations) == 5000
    assert sum(many.segments.values()) == 5004


def test_notes_that_are_about_nothing_we_keep_are_raw() -> None:
    message = first([msh(), PID, "NTE|1||patient", "OBR|1||F1", *flags(), "NTE|1|||FIN"])
    assert message.segments["raw"] == 2


def test_one_message_may_hold_documents_and_results() -> None:
    lines = [*results_oru(2), ed(b64(CDA), 3), "OBR|2||F9|11502-2", ed(b64(CDA)), *flags()]
    yielded = read_all(encode(lines))
    message = yielded[0]
    assert isinstance(message, Message)
    assert [len(o.observations) for o in message.orders] == [2]
    assert message.encloses == 2 and sum(isinstance(y, Enclosed) for y in yielded) == 2
    assert sum(message.segments.values()) == len(lines)


PDF = b"%PDF-1.7 xyz"


def pdf(number: int = 4, data: str = "", head: str = "LABO^application^pdf^Base64") -> str:
    return f"OBX|{number}|ED|PDF^Compte rendu^L||{head}^{data or b64(PDF)}||||||F"


def test_other_binaries_beside_results_are_results_by_size_and_digest() -> None:
    message = first([*results_oru(3), pdf(), "NTE|1||Voir la page 2"])
    (order,) = message.orders
    found = order.observations[3]
    assert (found.value_type, found.code.code, found.status, found.notes) == ("ED", "PDF", "F", ("Voir la page 2",))
    assert found.values == ("LABO^application^pdf^Base64",)
    assert found.encapsulated == Encapsulated(len(PDF), hashlib.sha256(PDF).hexdigest())
    assert (message.encloses, message.segments["raw"], message.unsupported) == (0, 0, "")
    only = first([msh(), PID, "OBR|1||F1", pdf()])
    assert [len(o.observations) for o in only.orders] == [1]


@pytest.mark.parametrize("end", ["\n", "\\.br\\", ""])
def test_an_attachment_is_the_same_however_its_base64_is_written(end: str) -> None:
    data = end.join([b64(PDF * 3000)[i : i + 76] for i in range(0, len(b64(PDF * 3000)), 76)]).rstrip("=")
    (order,) = first([msh(), PID, "OBR|1||F1", pdf(1, data), NM]).orders
    assert order.observations[0].encapsulated == Encapsulated(36_000, hashlib.sha256(PDF * 3000).hexdigest())
    assert order.observations[0].values == ("LABO^application^pdf^Base64",)


def test_encapsulated_text_is_the_value_itself() -> None:
    (order,) = first([msh(), PID, "OBR|1||F1", pdf(1, "conclusion", "LABO^TEXT^PLAIN^A")]).orders
    assert order.observations[0].values == ("LABO^TEXT^PLAIN^A^conclusion",)


@pytest.mark.parametrize("lines", [[ed(b64(CDA)), pdf(2)], [pdf(1), ed(b64(CDA), 2)]])
def test_the_printable_form_beside_a_document_alone_is_no_result(lines: list[str]) -> None:
    message = first([msh(), PID, "OBR|1||F1", *lines])
    assert (message.encloses, message.orders, message.segments["raw"]) == (1, (), 1)


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("SN", "<`5", "<^5"),
        ("CWE", "A+`positif`L*B", ("A+^positif^L", "B")),
        ("CX", "1```H@1.2@ISO", "1^^^H&1.2&ISO"),
        ("ST", "à 5 `` près", "à 5 `` près"),
        ("TX", "a`b@c", "a`b@c"),
        ("", "a`b", "a`b"),
    ],
)
def test_a_value_is_the_same_whatever_delimiters_it_came_in(kind: str, value: str, said: str | tuple[str, ...]) -> None:
    head = [line.translate(str.maketrans("|^~&", "#`*@")) for line in (msh(), PID)]
    (order,) = first([*head, "OBR#1##F1", f"OBX#1#{kind}#1`a`LN##{value}######F"]).orders
    assert order.observations[0].values == ((said,) if isinstance(said, str) else said)


@pytest.mark.parametrize(
    ("orc", "obr", "codes"),
    [
        ("F9^LABO", "F1^LABO", ("FILLER_ORDER_DIFFERS",)),
        ("F1^LABO^1.2.3^ISO", "F1^LABO", ()),
        ("F1", "", ()),
        ("", "F1", ()),
    ],
)
def test_two_numbers_of_one_order_are_told(orc: str, obr: str, codes: tuple[str, ...]) -> None:
    message = first([msh(), PID, f"ORC|RE||{orc}", f"OBR|1||{obr}", NM])
    assert (message.orders[0].filler.extension, message.findings) == ("F1", codes)


def test_escapes_are_decoded_in_every_field_of_a_result() -> None:
    line = "OBX|1|NM|1^a^LN|1\\S\\2|5|10\\S\\9/L|<\\T\\5|\\T\\|||F|||2026\\X30\\1"
    (order,) = first([msh(), PID, "OBR|1||F1", line]).orders
    (found,) = order.observations
    assert (found.sub_id, found.unit.code, found.range, found.flags, found.observed) == (
        "1^2",
        "10^9/L",
        "<&5",
        ("&",),
        "202601",
    )


HEAD = [msh(), PID]
NM = "OBX|1|NM|718-7^Hb^LN||13|g/dL|||||F"


@pytest.mark.parametrize(
    ("lines", "orders", "raw"),
    [
        ([NM, "OBR|1||F1", NM], [1, 1], 0),
        (["OBR|1||F1", NM, "SPM|1|||SER^Sérum", NM], [2], 0),
        (["OBR|1||F1", "SPM|1|||SER^Sérum", "SPM|2|||BLD^Sang", NM], [1], 1),
        (["SPM|1|||SER^Sérum", "OBR|1||F1", NM], [1], 1),
        (["OBR|1||F1"], [0], 0),
        (["ORC|RE||F1", "OBR|1||F1", "ORC|RE||F2", "OBR|2||F2", NM], [0, 1], 0),
        (["ORC|RE||F1", NM], [1], 0),
        (["ORC|RE||F1"], [], 0),
        (["NTE|1||of nothing", "OBR|1||F1", NM], [1], 1),
        (["OBR|1||F1", "NTE|1||of the order", NM, "NTE|1||of the result", "SPM|1|||SER", "NTE|1||after"], [1], 0),
        (["OBR|1||F1", *[NM] * 5000], [5000], 0),
        ([NM] * 5000, [5000], 0),
    ],
)
def test_every_segment_is_counted_and_every_result_is_in_one_order(
    lines: list[str], orders: list[int], raw: int
) -> None:
    message = first([*HEAD, *lines])
    assert [len(order.observations) for order in message.orders] == orders
    assert sum(orders) == sum(line.startswith("OBX") for line in lines)
    assert sum(message.segments.values()) == len(HEAD) + len(lines)
    assert message.segments["raw"] == raw


def test_notes_stay_at_the_level_they_were_written_at() -> None:
    lines = ["OBR|1||F1", "NTE|1||order", NM, "NTE|1||result", "NTE|2||again", "SPM|1|||SER", "NTE|1||specimen"]
    (order,) = first([*HEAD, *lines]).orders
    assert order.notes == ("order", "specimen")
    assert [one.notes for one in order.observations] == [("result", "again")]


@pytest.mark.parametrize("nothing", ['""', "  ", "&&", "^LABO", '""^LABO^1.2.3^ISO'])
def test_a_number_that_is_none_leaves_the_other_to_speak(nothing: str) -> None:
    message = first([msh(), PID, "ORC|RE|P1|F1^LABO", f"OBR|1|{nothing}|{nothing}", NM])
    assert (message.orders[0].filler, message.orders[0].placer) == (RawId("LABO", "F1"), RawId("", "P1"))
    alone = first([msh(), PID, f"OBR|1||{nothing}", NM])
    assert alone.orders[0].filler == RawId()


def test_blanks_around_a_number_are_no_part_of_it() -> None:
    assert first([msh(), PID, "OBR|1|| F1 ^LABO", NM]).orders[0].filler == RawId("LABO", "F1")


@pytest.mark.parametrize("code", ["A_JEUN^A jeun", "FACTEUR_V", "TABAC_ACTIF^Tabac"])
def test_a_local_code_that_is_answered_by_yes_or_no_is_a_result(code: str) -> None:
    message = first([msh(), PID, "OBR|1||F1", f"OBX|1|ST|{code}||N||||||F", NM])
    assert (message.flags, message.findings, len(message.orders[0].observations)) == ({}, (), 2)


@pytest.mark.parametrize(
    "lines",
    [
        ["OBX|1|ST|MASQUE_PATIENT||Y||||||F", NM],
        [ed(b64(CDA)), "OBX|2|ST|A_JEUN||Y||||||F"],
        ["OBX|1|CE|MASQUE_PS^x^MetaDMPMSS||N", "OBX|2|ST|A_JEUN||Y||||||F", NM],
    ],
)
def test_beside_flags_and_documents_or_by_its_words_it_is_an_unknown_flag(lines: list[str]) -> None:
    assert "FLAG_UNKNOWN" in first([msh(), PID, "OBR|1||F1", *lines]).findings
