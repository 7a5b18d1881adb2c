"""What a message says about itself, its patient, its document and what may be done with it."""

from __future__ import annotations

import pytest
from hl7_build import CDA, PID, b64, document_mdm, document_oru, ed, encode, first, flags, msh, read_all, results_oru

from connectors.base import Enclosed, Message, RawId, RawParty, Refusal


def test_an_oru_that_carries_a_document() -> None:
    lines = document_oru()
    data = encode(lines)
    message, enclosed = read_all(data)
    assert isinstance(message, Message) and isinstance(enclosed, Enclosed)
    assert (message.kind, message.control_id, message.version) == ("ORU^R01", "1", "2.5")
    assert (message.profile, message.charset, message.sent_at) == (
        "2.1^CISIS_CDA_HL7_V2",
        "UNICODE UTF-8",
        "20260105093000",
    )
    assert (message.order_control, message.result_status, message.encloses, message.orders) == ("NW", "F", 1, ())
    assert message.author_organisation == RawParty(RawId("1.2.250.1.71.4.2.2", "1999999999", "FINEG"), "Labo X")
    assert message.flags["INVISIBLE_REPRESENTANTS_LEGAUX"] == "N" and len(message.flags) == 10
    assert (message.findings, message.ignored, message.unsupported) == ((), "", "")
    assert sum(message.segments.values()) == len(lines) and message.segments["raw"] == 1  # PV1
    assert enclosed.source.read().decode() == CDA
    assert enclosed.message is message and enclosed.span == message.span
    assert str(enclosed.locator) == "message 1, document 1, OBX 1"


@pytest.mark.parametrize(("event", "control", "status"), [("T02", "NW", "F"), ("T10", "RO", "C"), ("T04", "CA", "D")])
def test_an_mdm_of_each_event(event: str, control: str, status: str) -> None:
    message, enclosed = read_all(encode(document_mdm(event, status=status, control=control)))
    assert isinstance(message, Message) and isinstance(enclosed, Enclosed)
    assert (message.kind, message.order_control, message.result_status) == (f"MDM^{event}", control, status)
    assert (message.document_id, message.parent_id) == (RawId("1.2.250.9999.1"), RawId("1.2.250.9999.0"))


def test_the_patient_in_all_its_repetitions() -> None:
    patient = first(document_oru()).patient
    assert patient is not None
    assert patient.ids == (
        RawId("1.2.250.1.213.1.4.10", "299127505600072", "INS"),
        RawId("1.2.250.9999.7", "4711", "PI"),
    )
    assert (patient.birth_family, patient.birth_given, patient.birth_givens) == ("MARTINEAU", "Zoé", "Zoé Inès")
    assert (patient.used_family, patient.used_given) == ("PERRIN", "Zoé")
    assert (patient.birth_date, patient.sex, patient.birth_place) == ("19991231", "F", "75056")
    assert patient.reliability == ("VALI",)


@pytest.mark.parametrize(
    ("pid", "ids"),
    [
        ("PID|||", ()),
        ('PID|||""^^^CHU&1.2.3&ISO^PI', ()),
        ("PID|||^^^CHU&1.2.3&ISO^PI~  ", ()),
        ("PID|||12^^^CHU^PI", (RawId("CHU", "12", "PI"),)),
        ("PID|||12", (RawId("", "12", ""),)),
        ("PID|||1^^^&1.2.3^PI~1^^^&1.2.4^PI", (RawId("1.2.3", "1", "PI"), RawId("1.2.4", "1", "PI"))),
    ],
)
def test_identifiers_without_a_value_are_none(pid: str, ids: tuple[RawId, ...]) -> None:
    patient = first([msh(), pid, "OBR|1||F1"]).patient
    assert patient is not None and patient.ids == ids


def test_names_by_type_and_the_null_of_hl7() -> None:
    def names(field: str) -> tuple[str, str, str]:
        patient = first([msh(), f'PID|||1||{field}||""|M', "OBR|1||F1"]).patient
        assert patient is not None and patient.birth_date == ""
        return patient.birth_family, patient.used_family, patient.birth_given

    assert names("ÉPINAY&d'&ÉPINAY^Léa^^^^^L") == ("ÉPINAY", "", "Léa")
    assert names("UN^Léa") == ("UN", "", "Léa")
    assert names("UN^Léa~DEUX^Léa") == ("", "", "")
    assert names("DEUX^Léa^^^^^D~UN^Zoé^^^^^L") == ("UN", "DEUX", "Zoé")
    assert names('""^""') == ("", "", "")


def test_two_patients_in_one_message_are_refused_together() -> None:
    other = PID.replace("MARTINEAU", "AUTRE")
    data = encode([*results_oru(1), other, *results_oru(1)[2:]])
    (refusal,) = read_all(data)
    assert isinstance(refusal, Refusal) and refusal.code == "SEVERAL_PATIENTS" and refusal.counted
    same = first([*results_oru(1), PID, *results_oru(1)[2:]])
    assert same.patient is not None and len(same.orders) == 2
    merge = first([msh("ADT^A17"), PID, other])
    assert merge.patient is None and merge.unsupported == "EVENT_KEPT_RAW"


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("INVISIBLE_REP_LEGAUX", "INVISIBLE_REPRESENTANTS_LEGAUX"),
        ("INVISIBLE_ REP_LEGAUX", "INVISIBLE_REPRESENTANTS_LEGAUX"),
        ("INVISIBLE_REPRESENTANTS_LEGAUX", "INVISIBLE_REPRESENTANTS_LEGAUX"),
        ("INVISIBLE_REPRENSANTS_LEGAUX", "INVISIBLE_REPRESENTANTS_LEGAUX"),
        ("MODIF_CONFIDENTIALITYCODE", "MODIF_CONF_CODE"),
        ("ACK_LECTURE", "ACK_LECTURE_MSS"),
        (" masque_ps ", "MASQUE_PS"),
    ],
)
@pytest.mark.parametrize("system", ["MetaDMPMSS", "", "L"])
def test_every_spelling_of_a_flag_is_one_name(written: str, name: str, system: str) -> None:
    flag = f"OBX|2|CE|{written}^libellé^{system}||Y^^HL70136||||||F|"
    message = first([*document_oru()[:6], flag])
    assert (dict(message.flags), message.findings) == ({name: "Y"}, ())


@pytest.mark.parametrize("kind", ["NM", "ST", "ED", ""])
def test_a_flag_with_a_wrong_value_type_is_still_a_flag(kind: str) -> None:
    assert first([*document_oru()[:6], f"OBX|2|{kind}|MASQUE_PS^x^MetaDMPMSS||Y"]).flags == {"MASQUE_PS": "Y"}


@pytest.mark.parametrize(
    ("given", "said", "findings"),
    [
        ([("MASQUE_PS", "y")], {"MASQUE_PS": "y"}, ("FLAG_VALUE_INVALID",)),
        ([("MASQUE_PS", "")], {"MASQUE_PS": ""}, ("FLAG_VALUE_INVALID",)),
        ([("MASQUE_PS", " Y ")], {"MASQUE_PS": "Y"}, ()),
        ([("MASQUE_PS", "Y"), ("MASQUE_PS", "Y")], {"MASQUE_PS": "Y"}, ()),
        ([("MASQUE_PS", "N"), ("MASQUE_PS", "Y")], {"MASQUE_PS": "N~Y"}, ("FLAG_VALUE_INVALID",)),
        ([("MASQUE_PS", "N~Y")], {"MASQUE_PS": "N~Y"}, ("FLAG_VALUE_INVALID",)),
        ([("MASQUE_PS", "Y~Y~")], {"MASQUE_PS": "Y"}, ()),
        ([("MASQUE_TOUS", "N")], {"MASQUE_TOUS": "N"}, ("FLAG_UNKNOWN",)),
    ],
)
def test_a_flag_that_cannot_be_trusted_is_reported(
    given: list[tuple[str, str]], said: dict[str, str], findings: tuple[str, ...]
) -> None:
    message = first([*document_oru()[:6], *flags(given)])
    assert (dict(message.flags), message.findings) == (said, findings)


def test_a_code_without_system_that_answers_yes_or_no_is_an_unknown_flag() -> None:
    message = first([*document_oru()[:6], "OBX|2|CE|MASQUE_TOUT^x||Y"])
    assert (dict(message.flags), message.findings) == ({"MASQUE_TOUT": "Y"}, ("FLAG_UNKNOWN",))
    result = first([msh(), PID, "OBR|1||F1", "OBX|1|NM|HDL_C^x||1.2", "OBX|2|ST|HDL^x||Y"])
    assert result.flags == {} and len(result.orders[0].observations) == 2


@pytest.mark.parametrize(
    "code", ["MASQUEPS^x^99LABO", "Masqué aux PS^x^", "MASQUE-PS", "X1^x^L^MASQUETOUS^x^MetaDMPMSS"]
)
@pytest.mark.parametrize("lines", [document_oru(), document_mdm()], ids=["ORU", "MDM"])
def test_where_documents_are_expected_whatever_answers_yes_or_no_is_a_flag(lines: list[str], code: str) -> None:
    message = first([*lines, f"OBX|20|CE|{code}||Y^^expandedYes-NoIndicator||||||F"])
    assert "FLAG_UNKNOWN" in message.findings and not message.orders


def test_a_result_that_answers_yes_or_no_beside_a_document_stays_a_result() -> None:
    message = first([*document_oru(), "OBX|20|CE|32624-9^x^LN||Y^Oui^L||||||F"])
    assert (message.findings, len(message.orders[0].observations)) == ((), 1)


def test_a_flag_in_the_alternate_triplet_is_that_flag() -> None:
    message = first([*document_oru()[:6], "OBX|2|CE|V1^voir^99LABO^MASQUE_PS^x^MetaDMPMSS||Y"])
    assert (dict(message.flags), message.findings) == ({"MASQUE_PS": "Y"}, ())


def test_mail_bodies_and_the_lot_are_no_documents() -> None:
    mail = ed(b64("Bonjour, le résultat est joint"), 12, head="^TEXT^^Base64^").replace("11502-2", "CORPSMAIL_PS")
    lot = "OBX|13|CE|COMP_LOT^x||1.2.3^AB"
    message = first([*document_oru(), mail, lot])
    assert (message.encloses, message.segments["ignored"], message.segments["raw"]) == (1, 1, 1)
    assert message.lot == (RawId("1.2.3", "AB"),)
    lps = "OBX|2|ED|1^XDM/1.0/DDM+un sujet||^text^^Base64^" + b64("Texte de la lettre") + "||||||F"
    assert first([*document_mdm(), lps]).segments["ignored"] == 1


@pytest.mark.parametrize("kind", ["ACK", "ACK^R01^ACK", "ZAM^Z01^ZAM_Z01"])
def test_acknowledgements_are_ignored_by_rule(kind: str) -> None:
    message = first([msh(kind, version="9"), "MSA|AA|015"])
    assert (message.ignored, message.unsupported, message.patient) == ("ACKNOWLEDGEMENT", "", None)
    assert message.segments == {"mapped": 0, "raw": 0, "ignored": 2}


@pytest.mark.parametrize(
    ("kind", "version", "why"),
    [
        ("ADT^A23^ADT_A21", "2.5^FRA^2.11", "EVENT"),
        ("OML^O21", "2.5", "MESSAGE"),
        ("ORM^O01", "2.3", "MESSAGE"),
        ("MDM^T01", "2.6", "EVENT"),
        ("ORU^W01", "2.5", "EVENT"),
        ("ORU^R01", "2.3.z", "VERSION"),
        ("ORU^R01", "", "VERSION"),
        ("NEW^X01", "3.0", "VERSION"),
        ("", "2.5", "MESSAGE"),
        ("NEW^X01", "2.5", "MESSAGE"),
    ],
)
def test_what_we_do_not_read_is_kept_raw_with_its_patient(kind: str, version: str, why: str) -> None:
    lines = [msh(kind, version=version), PID, "ZBE|1", "OBX|1|NM|1^a^LN||2"]
    message = first(lines)
    assert message.unsupported == f"{why}_KEPT_RAW" and not message.ignored
    assert message.patient is not None and message.patient.birth_family == "MARTINEAU"
    assert message.segments == {"mapped": 2, "raw": 2, "ignored": 0}


def test_the_structure_names_the_event_that_is_left_out() -> None:
    assert first([msh("ORU^^ORU_R01"), PID, "OBR|1||F1"]).kind == "ORU^R01"
    assert first([msh("MDM^^MDM_T02"), PID]).unsupported == "EVENT_KEPT_RAW"


def test_the_profile_is_trimmed() -> None:
    assert first([msh(profile="2.1^ CISIS_CDA_HL7_V2 "), PID]).profile == "2.1^CISIS_CDA_HL7_V2"


def test_a_message_meant_to_carry_a_document_says_when_it_has_none() -> None:
    lines = [line for line in document_mdm() if not line.startswith("OBX|1|ED")]
    message = first(lines)
    assert (message.encloses, message.findings, message.unsupported) == (0, ("DOCUMENT_MISSING",), "")
    lines = [line for line in document_oru() if not line.startswith("OBX|1|ED")]
    assert first(lines).findings == ("DOCUMENT_MISSING",)


def test_places_that_disagree_are_all_told() -> None:
    message = first(document_oru(ed(b64(CDA)), ed(b64(CDA), 2, status="D")))
    assert (message.result_status, message.encloses) == ("F~D", 2)


def test_separators_alone_are_no_identifier() -> None:
    lines = [
        msh(),
        "PID|||&&^^^CHU&1.2.250.9999.7&ISO^PI~4711&^^^CHU&1.2.250.9999.7&ISO^PI",
        "OBR|1|P1&^Labo|&&^Labo",
        "OBX|1|NM|1^a^LN||2",
    ]
    message = first(lines)
    assert message.patient is not None and [i.extension for i in message.patient.ids] == ["4711"]
    assert (message.orders[0].placer.extension, message.orders[0].filler.extension) == ("P1", "")


@pytest.mark.parametrize("empty", ["~", "~^^&", "~^~"])
def test_an_empty_repetition_leaves_a_single_name_the_birth_name(empty: str) -> None:
    message = first([msh(), f"PID|||4711||MARTINEAU^Zoé{empty}"])
    assert message.patient is not None and message.patient.birth_family == "MARTINEAU"
