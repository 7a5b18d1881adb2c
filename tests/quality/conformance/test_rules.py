"""One fault, one finding: each rule is raised by a message that breaks just it, and not by the same message whole."""

from __future__ import annotations

from time import perf_counter

import pytest

from connectors.hl7.anatomy import Opaque
from quality.conformance import examine, words
from tests.cda import INS, TEST_OID
from tests.quality.conformance.whole import (
    CX_INS,
    ERR,
    PID,
    WHOLE,
    ack,
    adt,
    after,
    anatomy,
    codes,
    encoded,
    examined,
    lps,
    mdm,
    merge,
    oru,
    put,
    replacement,
    results,
    without,
    zam,
    zam_refused,
)

FLAG = "OBX|9|CE|MASQUE_PS^libellé^MetaDMPMSS||N^^expandedYes-NoIndicator||||||F"
STATUS = "PID-32"

CASES: list[tuple[str, list[str], list[str], str]] = [
    # code, message whole, message broken, where it is told
    ("SEGMENT_MISSING", oru(), without(oru(), "PV1"), ""),
    ("SEGMENT_MISSING", mdm(), without(mdm(), "EVN"), ""),
    ("SEGMENT_MISSING", merge(), without(merge(), "MRG"), ""),
    ("SEGMENT_ORDER", oru(), after(without(oru(), "PV1"), "MSH", oru()[2]), ""),
    ("SEGMENT_ORDER", mdm(), [*without(mdm(), "TXA"), mdm()[6]], ""),
    ("SEGMENT_REPEATED", oru(), after(oru(), "PV1", oru()[2]), ""),
    ("SEGMENT_UNEXPECTED", oru(), after(oru(), "PID", "PD1|1"), ""),
    ("SEGMENT_LOCAL", oru(), [*oru(), "ZZZ|1"], ""),
    ("SEGMENT_UNKNOWN", oru(), [*oru(), "QQQ|1"], ""),
    ("LINE_BROKEN", results(), put(results(), "NTE-3", "à\njeun"), ""),
    ("FIELD_MISSING", oru(), put(oru(), "MSH-10", ""), "MSH-10"),
    ("FIELD_MISSING", oru(), put(oru(), "PID-5", ""), "PID-5"),
    ("FIELD_MISSING", oru(), put(oru(), "OBX-11", ""), "OBX-11"),
    ("FIELD_MISSING", adt(), put(adt(), "ZBE-2", ""), "ZBE-2"),
    ("FIELD_MISSING", adt(), put(adt(), "EVN-2", ""), "EVN-2"),
    ("FIELD_MISSING", merge(), put(merge(), "MRG-1", ""), "MRG-1"),
    ("FIELD_MISSING", results(), put(results(), "OBR-25", ""), "OBR-25"),
    ("FIELD_ADVISED", adt(), put(adt(), "EVN-6", ""), "EVN-6"),
    ("FIELD_ADVISED", oru(), put(oru(), "PID-18", ""), "PID-18"),
    ("FIELD_FORBIDDEN", adt(), put(adt(), "ZFA-4", "Y"), "ZFA-4"),
    ("FIELD_FORBIDDEN", adt(), put(adt(), "ZBE-3", "20260303"), "ZBE-3"),
    ("FIELD_FORBIDDEN", ack(), put(ack(), "MSH-21", "2.1^CISIS_CDA_HL7_V2"), "MSH-21"),
    ("FIELD_REPEATED", oru(), put(oru(), "PID-18", "1^^^X^AN~2^^^X^AN"), "PID-18"),
    ("FIELD_COMPONENT_MISSING", oru(), put(oru(), "PID-18.1", ""), "PID-18.1"),
    ("FIELD_COMPONENT_MISSING", oru(), put(oru(), "PRT-8.10", ""), "PRT-8.10"),
    ("FIELD_COMPONENT_MISSING", oru(), put(oru(), "PID-18.4", "CHU-X&1.2.3"), "PID-18.4.3"),
    ("COMPONENT_ADVISED", oru(), put(oru(), "PID-18.5", ""), "PID-18.5"),
    ("COMPONENT_ADVISED", oru(), put(oru(), "PRT-5.13", ""), "PRT-5.13"),
    ("VALUE_NOT_ALLOWED", oru(), put(oru(), "MSH-17", "BEL"), "MSH-17"),
    ("VALUE_NOT_ALLOWED", oru(), put(oru(), "MSH-18", "ASCII"), "MSH-18"),
    ("VALUE_NOT_ALLOWED", oru(), put(oru(), "MSH-11", "X"), "MSH-11"),
    ("VALUE_NOT_ALLOWED", oru(), put(oru(), "PID-8", "9"), "PID-8"),
    ("VALUE_NOT_ALLOWED", oru(), put(oru(), "PV1-2", "Z"), "PV1-2"),
    ("VALUE_NOT_ALLOWED", oru(), put(oru(), "ORC-1", "XX"), "ORC-1"),
    ("VALUE_NOT_ALLOWED", oru(), put(oru(), "PRT-2", "AD"), "PRT-2"),
    ("VALUE_NOT_ALLOWED", oru(), put(oru(), "PRT-4.3", "ours"), "PRT-4.3"),
    ("VALUE_NOT_ALLOWED", mdm(), put(mdm(), "TXA-1", "2"), "TXA-1"),
    ("VALUE_NOT_ALLOWED", mdm(), put(mdm(), "TXA-3", "AP"), "TXA-3"),
    ("VALUE_NOT_ALLOWED", adt(), put(adt(), "ZBE-4", "DELETE"), "ZBE-4"),
    ("VALUE_NOT_ALLOWED", adt(), put(adt(), "ZBE-5", "O"), "ZBE-5"),
    ("VALUE_NOT_ALLOWED", adt(), put(adt(), "ZFA-9", "OUI"), "ZFA-9"),
    ("VALUE_NOT_ALLOWED", adt(), put(adt(), "ZFA-11", "NON"), "ZFA-11"),
    ("VALUE_NOT_ALLOWED", adt(), put(adt(), "ZFD-3", "O"), "ZFD-3"),
    ("VALUE_NOT_ALLOWED", WHOLE["A28"], put(WHOLE["A28"], "PV1-2", "I"), "PV1-2"),
    ("VALUE_NOT_ALLOWED", results(), put(results(), "OBX-8", "ELEVE"), "OBX-8"),
    ("VALUE_NOT_ALLOWED", results(), put(results(), "OBX-11", "Q"), "OBX-11"),
    ("VALUE_NOT_ALLOWED", results(), put(results(), "OBR-25", "Q"), "OBR-25"),
    ("VALUE_NOT_ALLOWED", results(), put(results(), "OBX-2", "QQ"), "OBX-2"),
    ("VALUE_NOT_ALLOWED", ack(), put(ack(), "MSA-1", "OK"), "MSA-1"),
    ("VALUE_NOT_ALLOWED", ack("AE", ERR), put(ack("AE", ERR), "ERR-3.1", "666"), "ERR-3"),
    ("VALUE_OF_EXAMPLES", mdm(), put(mdm(), "TXA-17", "LA"), "TXA-17"),
    ("CODE_SYSTEM_MISSING", oru(), put(oru(), "OBR-4.3", ""), "OBR-4.3"),
    ("CODE_SYSTEM_MISSING", results(), put(results(), "OBX-6", "g/L"), "OBX-6.3"),
    ("TIME_INVALID", oru(), put(oru(), "MSH-7", "02/03/2026"), "MSH-7"),
    ("TIME_INVALID", oru(), put(oru(), "PID-7", "19850231"), "PID-7"),
    ("TIME_INVALID", adt(), put(adt(), "ZBE-2", "20261301"), "ZBE-2"),
    ("TIME_INVALID", results(), put(results(), "OBX-5", "hier", 4), "OBX-5"),
    ("TIME_INVALID", results(), put(results(), "OBX-5", "2500", 5), "OBX-5"),
    ("TIME_INVALID", oru(), put(oru(), "PID-3.7", "20269999"), "PID-3.7"),
    ("TIME_IMPRECISE", oru(), put(oru(), "MSH-7", "2026"), "MSH-7"),
    ("TIME_IMPRECISE", oru(), put(oru(), "PID-7", "198503"), "PID-7"),
    ("NUMBER_INVALID", results(), put(results(), "OBX-5", "positif"), "OBX-5"),
    ("DECIMAL_COMMA", results(), put(results(), "OBX-5", "0,94"), "OBX-5"),
    ("DECIMAL_COMMA", results(), put(results(), "OBX-5", "<^5,2", 2), "OBX-5.2"),
    ("SEQUENCE_INVALID", oru(), put(oru(), "OBX-1", "a"), "OBX-1"),
    ("SEQUENCE_WRONG", oru(), put(oru(), "OBX-1", "7", 2), "OBX-1"),
    ("OID_INVALID", oru(), put(oru(), "PID-18.4", "CHU-X&12ab&ISO"), "PID-18.4.2"),
    ("OID_INVALID", results(), put(results(), "OBR-3", "F1^LABO^12ab^ISO"), "OBR-3.3"),
    ("OID_INVALID", results(), put(results(), "MSH-3", "APP^12ab^ISO"), "MSH-3.2"),
    ("OID_IN_NAMESPACE", oru(), put(oru(), "PRT-5.9", TEST_OID, 3), "PRT-5.9.1"),
    ("BLANK_INSIDE", oru(), put(oru(), "PRT-5.9", "ASIP-SANTE- PS&1.2.250.1.71.4.2.1&ISO"), "PRT-5.9.1"),
    ("AUTHORITY_MISSING", oru(), put(oru(), "PID-18.4", ""), "PID-18.4"),
    ("DELIMITERS_OTHER", oru(), [line.replace("&", "#") for line in oru()], "MSH-2"),
    ("MESSAGE_TYPE_UNKNOWN", oru(), put(oru(), "MSH-9", "OML^O21^OML_O21"), "MSH-9"),
    ("MESSAGE_STRUCTURE", oru(), put(oru(), "MSH-9.3", "ORU_R30"), "MSH-9.3"),
    ("MESSAGE_STRUCTURE", adt(), put(adt(), "MSH-9.3", "ADT_A05"), "MSH-9.3"),
    ("MESSAGE_STRUCTURE", ack(), put(ack(), "MSH-9.3", "ACK_R01"), "MSH-9.3"),
    ("STRUCTURE_ABSENT", oru(), put(oru(), "MSH-9", "ORU^R01"), "MSH-9.3"),
    ("EVENT_UNKNOWN_HERE", oru(), put(oru(), "MSH-9", "ORU^R99^ORU_R01"), "MSH-9.2"),
    ("EVENT_UNKNOWN_HERE", mdm(), put(mdm(), "MSH-9", "MDM^T06^MDM_T02"), "MSH-9.2"),
    ("VERSION_UNEXPECTED", oru(), put(oru(), "MSH-12", "2.3"), "MSH-12"),
    ("VERSION_UNEXPECTED", adt(), put(adt(), "MSH-12", "2.5"), "MSH-12"),
    ("PROFILE_MISSING", oru(), put(oru(), "MSH-21", ""), "MSH-21"),
    ("PROFILE_UNKNOWN", oru(), put(oru(), "MSH-21", "9.9^NOTRE_PROFIL"), "MSH-21"),
    ("PROFILE_OLD", oru(), put(oru(), "MSH-21", "2.0^CISIS_CDA_HL7_V2"), "MSH-21"),
    ("PROFILE_OTHER", adt(), put(adt(), "MSH-21", "2.10^IHE_FRANCE-2.10-PAM"), "MSH-21"),
    ("PROFILE_BLANKS", oru(), put(oru(), "MSH-21", "2.1^ CISIS_CDA_HL7_V2"), "MSH-21"),
    ("INS_FORM", oru(), put(oru(), "PID-3.1", "28503441090005"), "PID-3.1"),
    ("INS_FORM", oru(), put(oru(), "PRT-5.1", "28503441090005", 3), "PRT-5.1"),
    ("INS_KEY", oru(), put(oru(), "PID-3.1", INS[:13] + "56"), "PID-3.1"),
    ("INS_TYPE", oru(), put(oru(), "PID-3.5", "PI"), "PID-3.5"),
    ("INS_AUTHORITY", oru(), put(oru(), "PID-3.4", "X&1.2.3&ISO"), "PID-3.4.2"),
    ("INS_SEVERAL", oru(), put(oru(), "PID-3", CX_INS + "~" + CX_INS.replace(INS, "185034410900014")), "PID-3"),
    ("INS_START_ADVISED", oru(), put(oru(), "PID-3.7", ""), "PID-3.7"),
    ("INS_UNQUALIFIED", oru(), put(oru(), STATUS, "PROV"), STATUS),
    ("INS_UNQUALIFIED", oru(), put(oru(), STATUS, "VALI~DOUT"), STATUS),
    ("INS_TRAIT", oru(), put(oru(), "PID-5.1", ""), "PID-5.1"),
    ("INS_TRAIT", oru(), put(oru(), "PID-5.3", ""), "PID-5.3"),
    ("INS_TRAIT", oru(), put(oru(), "PID-7", ""), "PID-7"),
    ("INS_TRAIT", oru(), put(oru(), "PID-8", ""), "PID-8"),
    ("INS_TRAIT", oru(), put(oru(), "PID-11", "1 rue X^^NANTES^^44000^FRA^H"), "PID-11.9"),
    ("INS_TRAITS_DIFFER", oru(), put(oru(), "PID-8", "M"), "PID-8"),
    ("INS_TRAITS_DIFFER", oru(), put(oru(), "PID-7", "19850414"), "PID-7"),
    ("QUALIFIED_WITHOUT_INS", adt(), put(put(adt(), "PID-3", "4711^^^CHU-X&1.2.3&ISO^PI"), STATUS, "QUAL"), STATUS),
    ("BIRTHPLACE_FORM", oru(), put(oru(), "PID-11", "^^^^^^BDL^^NANTES"), "PID-11.9"),
    ("NAME_TYPE", oru(), put(oru(), "PID-5.7", ""), "PID-5.7"),
    ("NATIONAL_ID", oru(), put(oru(), "PRT-5.1", "89900000001"), "PRT-5.1"),
    ("NATIONAL_ID", oru(), put(oru(), "PRT-8.10", "199999999"), "PRT-8.10"),
    ("NATIONAL_ID_TYPE", oru(), put(oru(), "PRT-5.13", "RPPS"), "PRT-5.13"),
    ("NATIONAL_ID_TYPE", oru(), put(oru(), "PRT-8.7", "FINEG"), "PRT-8.10"),
    ("VISIT_NUMBER", oru(), put(oru(), "PV1-19", ""), "PV1-19"),
    ("VISIT_NUMBER", adt(), put(adt(), "PV1-19", ""), "PV1-19"),
    ("ACTION_TRIPLE", mdm(), put(mdm(), "ORC-1", "RO"), "ORC-1"),
    ("ACTION_TRIPLE", mdm(), put(mdm(), "OBX-11", "C"), "OBX-11"),
    ("ACTION_TRIPLE", oru(), put(oru(), "ORC-1", "CA"), "OBX-11"),
    ("DOCUMENT_ABSENT", oru(), without(oru(), "OBX"), ""),
    ("DOCUMENT_FIRST", oru(), [*oru()[:5], FLAG, *oru()[5:]], ""),
    ("DOCUMENT_TYPE", oru(), put(oru(), "OBX-3.1", "18748-4"), "OBX-3.1"),
    ("DOCUMENT_TYPE", mdm(), put(mdm(), "TXA-2", "18748-4"), "TXA-2"),
    ("DOCUMENT_ENCAPSULATION", oru(), put(oru(), "OBX-5.2", "APPLICATION"), "OBX-5.2"),
    ("DOCUMENT_ENCAPSULATION", oru(), put(oru(), "OBX-5.4", "Hex"), "OBX-5.4"),
    ("DOCUMENT_PAYLOAD", oru(), put(oru(), "OBX-5.5", "Ym9uam91cg=="), "OBX-5.5"),
    ("BASE64_PADDING", oru(), [line.replace("=||||||F", "||||||F") for line in oru()], "OBX-5.5"),
    ("MAIL_BODY", oru(), put(oru(), "OBX-5.5", "Q2hlc", 12), "OBX-5.5"),
    ("MAIL_MISSING", lps(), without(lps(), "OBX", 2), ""),
    ("FLAG_MISSING", oru(), without(oru(), "OBX", 4), ""),
    ("FLAG_MISSING", oru(), without(oru(), "OBX", 11), ""),
    ("FLAG_STATED_AGAIN", oru(), [*oru(), FLAG], "OBX-3.1"),
    ("FLAG_ORDER", oru(), [*oru()[:10], oru()[11], oru()[10], *oru()[12:]], "OBX-3.1"),
    ("FLAG_VALUE", oru(), put(oru(), "OBX-5.1", "O", 3), "OBX-5.1"),
    ("FLAG_SPELLING", oru(), put(oru(), "OBX-3.1", "INVISIBLE_REPRESENTANTS_LEGAUX", 4), "OBX-3.1"),
    ("FLAG_SPELLING", oru(), put(oru(), "OBX-3.1", "ACK_LECTURE", 11), "OBX-3.1"),
    ("FLAG_UNLISTED", oru(), [*oru(), FLAG.replace("MASQUE_PS", "MASQUE_TOUS")], "OBX-3.1"),
    ("FLAG_FOREIGN", lps(), [*lps(), FLAG.replace("CE|MASQUE_PS", "CWE|DESTDMP")], "OBX-3.1"),
    ("FLAG_SYSTEM", oru(), put(oru(), "OBX-3.3", "L", 2), "OBX-3.3"),
    ("FLAG_ANSWER_TABLE", oru(), put(oru(), "OBX-5.3", "HL70136", 2), "OBX-5.3"),
    ("FLAG_TYPE", oru(), put(oru(), "OBX-2", "CWE", 2), "OBX-2"),
    ("FLAG_STATUS", oru(), put(oru(), "OBX-11", "C", 2), "OBX-11"),
    ("MAIL_PATIENT_REPLY", oru(), after(oru(), "OBX", "NTE|1||x|OUI", 9), "NTE-4"),
    ("PRT_ROLE", oru(), put(oru(), "PRT-4.1", "AUT"), "PRT-4"),
    ("PRT_SENDER", oru(), without(oru(), "PRT"), ""),
    ("PRT_SENDER", lps(), without(lps(), "PRT"), ""),
    ("PRT_RECIPIENT", oru(), without(oru(), "PRT", 2), ""),
    ("PRT_RECIPIENT", oru(), without(oru(), "PRT", 3), ""),
    ("PRT_ADDRESS", oru(), put(oru(), "PRT-15.3", "Internet", 2), "PRT-15.3"),
    ("PRT_ADDRESS", oru(), put(oru(), "PRT-15.4", "a@essai.fr", 4), "PRT-15.4"),
    ("PRT_PATIENT_ADDRESS", oru(), put(oru(), "PRT-15.4", "a@patient.mssante.fr", 3), "PRT-15.4"),
    ("PRT_PATIENT_OTHER", oru(), put(oru(), "PRT-5.1", "185034410900014", 3), "PRT-5.1"),
    ("PRT_WHO", oru(), put(put(oru(), "PRT-5", ""), "PRT-8", ""), "PRT-4"),
    ("DMP_NEEDS_INS", oru(), put(oru(), STATUS, "PROV"), "OBX-5.1"),
    ("PARENT_MISSING", replacement(), put(replacement(), "TXA-13", ""), "TXA-13"),
    ("PARENT_IS_SELF", replacement(), put(replacement(), "TXA-13", "1.2.250.1.999.1.2"), "TXA-13"),
    ("PARENT_UNEXPECTED", mdm(), put(mdm(), "TXA-13", "1.2.250.1.999.1.1"), "TXA-13"),
    ("DOCUMENT_ID_FORM", mdm(), put(mdm(), "TXA-12", "4711"), "TXA-12"),
    ("DOCUMENT_ID_EXTENSION", mdm(), put(mdm(), "TXA-12", "4711^^1.2.250.1.999^ISO"), "TXA-12"),
    ("DOCUMENT_ID_EXTENSION", mdm(), put(mdm(), "TXA-12", "1.2.250.1.999.1.2^Labo"), "TXA-12"),
    ("ACK_ERROR_MISSING", ack(), put(ack(), "MSA-1", "AE"), ""),
    ("ACK_ERROR_UNEXPECTED", ack("AE", ERR), ack("AA", ERR), "ERR-4"),
    ("ACK_APPLICATION_CODE", ack("AE", ERR), put(ack("AE", ERR), "ERR-3.1", "207"), "ERR-5"),
    ("ZAM_KIND", zam(), put(zam(), "OBX-3.1", "ACK_RECEPTION_DMP"), "OBX-3.1"),
    ("ZAM_SECOND_OBX", zam(), without(zam(), "OBX", 2), ""),
    ("ZAM_SECOND_OBX", zam("Z03"), put(zam("Z03"), "OBX-2", "ST", 2), "OBX-3.1"),
    ("ZAM_ERROR", zam("Z01"), put(zam("Z01"), "OBX-5.1", "N"), ""),
    ("ZAM_ERROR_SYSTEM", zam_refused(), put(zam_refused(), "ERR-5.3", "DMPERRORCODE"), "ERR-5.3"),
    ("FLAG_VALUE", zam(), put(zam(), "OBX-5.1", "OUI"), "OBX-5.1"),
    ("FLAG_ANSWER_TABLE", zam(), put(zam(), "OBX-5.3", ""), "OBX-5.3"),
    ("MOVEMENT_MISSING", adt(), without(adt(), "ZBE"), ""),
    ("MOVEMENT_ACTION", adt(), put(put(adt(), "ZBE-4", "CANCEL"), "ZBE-6", "A01"), "ZBE-4"),
    ("MOVEMENT_ACTION", WHOLE["A11"], put(WHOLE["A11"], "ZBE-4", "INSERT"), "ZBE-4"),
    ("MOVEMENT_ORIGIN", WHOLE["A11"], put(WHOLE["A11"], "ZBE-6", ""), "ZBE-6"),
    ("CONSENT_DATE", adt(), put(adt(), "ZFA-10", ""), "ZFA-10"),
    ("CONSENT_DATE", adt(), put(adt(), "ZFA-12", ""), "ZFA-12"),
    ("CONSENT_WITHOUT_ANSWER", adt(), put(adt(), "ZFA-9", ""), "ZFA-10"),
    ("INSI_DATE", adt(), put(adt(), "ZFD-6", ""), "ZFD-6"),
    ("MERGE_SELF", merge(), put(merge(), "MRG-1.1", "IPP4711"), "MRG-1"),
    ("MERGE_AUTHORITY", merge(), put(merge(), "MRG-1.4", "Z&1.2.3&ISO"), "MRG-1.4"),
    ("FILLER_ABSENT", results(), put(put(results(), "OBR-3", ""), "ORC-3", ""), "OBR-3"),
    ("COLLECTION_TIME", results(), put(results(), "OBR-7", ""), "OBR-7"),
    ("RESULT_TYPE", results(), put(results(), "OBX-2", ""), "OBX-2"),
    ("RESULT_EMPTY", results(), put(results(), "OBX-5", ""), "OBX-5"),
    ("RESULT_CODE", results(), put(results(), "OBX-5", "^^LN", 3), "OBX-5"),
    ("RESULT_STRUCTURED", results(), put(results(), "OBX-5", "inf^5", 2), "OBX-5.1"),
    ("RESULT_STRUCTURED", results(), put(results(), "OBX-5", "<^cinq", 2), "OBX-5.2"),
    ("LOINC_FORM", results(), put(results(), "OBX-3.1", "GLY"), "OBX-3.1"),
    ("LOINC_DIGIT", results(), put(results(), "OBX-3.1", "53049-4"), "OBX-3.1"),
    ("LOINC_ABSENT", results(), put(results(), "OBX-3", "GLY^Glycémie^99LAB"), "OBX-3.4"),
    ("RESULT_UNIT_MISSING", results(), put(results(), "OBX-6", ""), "OBX-6"),
]


@pytest.mark.parametrize("name", WHOLE)
def test_there_is_nothing_to_say_about_a_whole_message(name: str) -> None:
    assert [(f.code, f.field) for f in examined(WHOLE[name]).findings] == []


@pytest.mark.parametrize(("code", "whole", "broken", "field"), CASES, ids=[f"{c[0]} {c[3]}" for c in CASES])
def test_a_rule_is_raised_by_what_breaks_it_and_by_nothing_else(
    code: str, whole: list[str], broken: list[str], field: str
) -> None:
    assert code not in codes(whole)
    assert (code, field) in {(f.code, f.field) for f in examined(broken).findings}


def test_what_only_the_bytes_show() -> None:
    assert "CHARSET_FALSE" in codes(encoded(oru(), "iso8859-15"))
    assert "CHARSET_FALSE" not in codes(encoded(put(oru(), "MSH-18", "8859/15"), "iso8859-15"))
    assert codes(encoded(put(oru(), "MSH-2", "^~\\"))) == {"DELIMITERS_UNREADABLE"}
    (oversize,) = examine(Opaque(1, "MESSAGE_TOO_LARGE", "64 MiB", "70000000 bytes")).findings
    assert oversize.code == "MESSAGE_OVERSIZE" and "64 MiB" in oversize.told()["fix_fr"]


def test_every_code_has_its_case() -> None:
    raised = {code for code, *_ in CASES} | {"CHARSET_FALSE", "DELIMITERS_UNREADABLE", "MESSAGE_OVERSIZE"}
    assert {code for code in words() if not code.startswith(("HL7_", "CDA_"))} == raised


def test_levels_follow_the_profile() -> None:
    """A wrong key is an error in production and a warning in tests; of two flags the absence is only warned of."""
    wrong = put(oru(), "PID-3.1", INS[:13] + "56")
    production = [line.replace("1.2.250.1.213.1.4.10", "1.2.250.1.213.1.4.8") for line in wrong]
    assert {f.level for f in examined(wrong).findings if f.code == "INS_KEY"} == {"warning"}
    assert {f.level for f in examined(production).findings if f.code == "INS_KEY"} == {"error"}
    needed, optional = without(oru(), "OBX", 4), without(oru(), "OBX", 11)
    assert [f.level for f in examined(needed).findings if f.code == "FLAG_MISSING"] == ["error"]
    assert [f.level for f in examined(optional).findings if f.code == "FLAG_MISSING"] == ["warning"]


def test_places_are_told_with_repetition_and_sequence() -> None:
    second = PID.replace("~IPP4711^^^CHU-X&1.2.250.1.999.7&ISO^PI", "~IPP4711")
    (finding,) = [f for f in examined([oru()[0], second, *oru()[2:]]).findings if f.level == "error"]
    assert (finding.field, finding.sequence, finding.came) == ("PID-3[2].4", 2, "empty")
    (missing,) = [f for f in examined(without(oru(), "PV1")).findings if f.code == "SEGMENT_MISSING"]
    assert (missing.segment, missing.sequence) == ("PV1", 2)


def test_old_versions_are_held_against_their_own_rules() -> None:
    """Version 1.2 answers its flags without a table, spells two otherwise, and its OBR-4 is a panel."""
    old = put(oru("SC"), "MSH-21", "1.2^CISIS_CDA_HL7_V1")
    old = [line.replace("^MetaDMPMSS", "").replace("^^expandedYes-NoIndicator", "") for line in old]
    old = [
        line.replace("_REP_LEGAUX", "_REPRESENTANTS_LEGAUX").replace("CONF_CODE", "CONFIDENTIALITYCODE") for line in old
    ]
    old = [line for line in put(old, "OBR-4.1", "34555-3") if "ACK_" not in line and line[:3] != "PRT"]
    assert codes(old) == {"PROFILE_OLD", "SEQUENCE_WRONG"}  # two flags fewer before the mail
    assert "FLAG_SPELLING" in codes(put(old, "MSH-21", "2.0^CISIS_CDA_HL7_V2"))


def test_a_long_message_takes_time_in_proportion() -> None:
    """Numbering restarts below an OBR, and the structure is matched once: 2,000 requests, 18,000 segments, 3 s."""
    lines = results()
    for number in range(2, 2001):
        lines += put(results()[3:], "OBR-1", str(number))
    message = anatomy(lines)
    began = perf_counter()
    assert examine(message).findings == ()
    assert perf_counter() - began < 3
