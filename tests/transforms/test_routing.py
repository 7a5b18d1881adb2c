"""Where a document may go: the table of the norm, row by row, and what no policy may loosen."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Recipient
from transforms.routing import COLUMNS, in_force, in_matrix, route

EVERYBODY = (Recipient("ps", True), Recipient("patient", True))

# The table of the volet written out, apart from the code: MASQUE_PS, INVISIBLE_PATIENT, INVISIBLE_REP_LEGAUX,
# CONNEXION_SECRETE, DESTDMP, DESTMSSANTEPS, DESTMSSANTEPAT.
BOTH = [f"NNN{secret}{dmp}YY" for secret, dmp in product("YN", "YN")]
PROFESSIONAL = [f"NYN{secret}{dmp}YN" for secret, dmp in product("YN", "YN")]
PATIENT = [f"{masked}N{hidden}NNNY" for masked, hidden in product("YN", "YN")]
ADMITTED = BOTH + PROFESSIONAL + PATIENT


def flags(values: str) -> dict[str, str]:
    return dict(zip(COLUMNS, values, strict=True))


def routed(values: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    found = route(flags(values), EVERYBODY, qualified=True, confidentiality="N")
    return found.destinations, found.findings


def test_exactly_the_rows_of_the_table_are_in_it() -> None:
    assert {"".join(said) for said in product("YN", repeat=7) if in_matrix(flags("".join(said)))} == set(ADMITTED)


@pytest.mark.parametrize("values", BOTH)
def test_nothing_hidden_goes_to_the_professional_and_the_patient(values: str) -> None:
    dmp = ("DMP",) if values[4] == "Y" else ()
    assert routed(values) == ((*dmp, "MSSANTEPS", "MSSANTEPAT"), ())


@pytest.mark.parametrize("values", PROFESSIONAL)
def test_what_the_patient_must_not_see_goes_to_the_professional_alone(values: str) -> None:
    dmp = ("DMP",) if values[4] == "Y" else ()
    assert routed(values) == ((*dmp, "MSSANTEPS"), ())


@pytest.mark.parametrize("values", PATIENT)
def test_mail_to_the_patient_alone_stays_out_of_the_dmp(values: str) -> None:
    assert routed(values) == (("MSSANTEPAT",), ())


@pytest.mark.parametrize(
    ("values", "destinations", "findings"),
    [
        ("YNNNYNY", ("DMP", "MSSANTEPAT"), ("ROUTING_OUTSIDE_MATRIX",)),  # the volet's own "initial with masking"
        ("NNYNYYN", ("DMP", "MSSANTEPS"), ("ROUTING_OUTSIDE_MATRIX",)),  # its wave-2 initial MDM
        ("NNNNNYN", ("MSSANTEPS",), ("ROUTING_OUTSIDE_MATRIX",)),
        ("NNNYNNY", ("MSSANTEPAT",), ("ROUTING_OUTSIDE_MATRIX",)),
        ("NYNNYYY", ("DMP", "MSSANTEPS"), ("PATIENT_MAIL_FORBIDDEN", "ROUTING_OUTSIDE_MATRIX")),
        ("NYNNNNY", (), ("PATIENT_MAIL_FORBIDDEN", "ROUTING_OUTSIDE_MATRIX")),
        ("YYYYYNN", ("DMP",), ()),  # no mail: the table says nothing
        ("YYYYNNN", (), ()),
    ],
)
def test_outside_the_table(values: str, destinations: tuple[str, ...], findings: tuple[str, ...]) -> None:
    assert routed(values) == (destinations, findings)


@pytest.mark.parametrize(
    ("recipients", "destinations", "findings"),
    [
        ((), (), ("RECIPIENT_MISSING",)),
        ((Recipient("ps", False), Recipient("patient", False)), (), ("RECIPIENT_MISSING",)),
        ((Recipient("ps", True),), ("MSSANTEPS",), ("RECIPIENT_MISSING",)),
        ((Recipient("patient", True),), ("MSSANTEPAT",), ("RECIPIENT_MISSING",)),
        ((Recipient("application", True), Recipient("patient", True)), ("MSSANTEPS", "MSSANTEPAT"), ()),
    ],
)
def test_no_mail_without_its_recipient(
    recipients: tuple[Recipient, ...], destinations: tuple[str, ...], findings: tuple[str, ...]
) -> None:
    found = route(flags("NNNNNYY"), recipients, qualified=True, confidentiality="N")
    assert (found.destinations, found.findings) == (destinations, findings)


def test_no_dmp_without_a_qualified_identity() -> None:
    found = route(flags("NNNNYNN"), qualified=False, confidentiality="N")
    assert (found.destinations, found.waiting, found.findings) == ((), ("DMP",), ("DMP_WITHOUT_INS",))


def test_a_type_that_the_dmp_does_not_take_is_told_only_when_meant_for_it() -> None:
    found = route(flags("NNNNYNN"), qualified=True, confidentiality="N", dmp_takes_type=False)
    assert (found.destinations, found.findings) == (("DMP",), ("TYPE_NOT_IN_DMP",))
    assert route(flags("NNNNNNN"), qualified=True, confidentiality="N", dmp_takes_type=False).findings == ()


@pytest.mark.parametrize(("confidentiality", "findings"), [("N", ()), ("R", 1), ("V", 1), ("", ())])
def test_a_restricted_document_in_the_dmp_is_told(confidentiality: str, findings: object) -> None:
    found = route(flags("NNNNYNN"), qualified=True, confidentiality=confidentiality)
    assert found.findings == (("CONFIDENTIALITY_IN_DMP",) if findings else ())
    assert found.destinations == ("DMP",)
    assert route(flags("NNNNNNN"), qualified=True, confidentiality=confidentiality).findings == ()


def test_a_missing_acknowledgement_flag_counts_as_no_and_is_told_where_the_profile_wants_it() -> None:
    said = flags("NNNNYNN") | {"ACK_RECEPTION": "N"}
    assert route(said, qualified=True, confidentiality="N").findings == ()
    told = route(said, qualified=True, confidentiality="N", acknowledgements=True)
    assert (told.destinations, told.findings) == (("DMP",), ("ACK_FLAG_MISSING",))
    whole = said | {"ACK_LECTURE_MSS": "Y"}
    assert route(whole, qualified=True, confidentiality="N", acknowledgements=True).findings == ()
    hub_to_software = {"MASQUE_PS": "N", "INVISIBLE_PATIENT": "N"}
    assert route(hub_to_software, qualified=True, confidentiality="N", acknowledgements=True).findings == ()


NAMES = (*COLUMNS, "MODIF_CONF_CODE", "ACK_RECEPTION", "ACK_LECTURE_MSS", "MASQUE_TOUT")
ANY_FLAGS = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["Y", "N", "", "Y~N", "O"]))
ANYBODY = st.lists(st.builds(Recipient, st.sampled_from(["ps", "patient", "application"]), st.booleans()))


@given(ANY_FLAGS, ANYBODY, st.booleans(), st.sampled_from(["N", "R", "V", ""]), st.booleans())
def test_a_document_goes_nowhere_it_was_not_sent_and_never_to_a_patient_it_is_hidden_from(
    said: dict[str, str], recipients: list[Recipient], qualified: bool, confidentiality: str, acknowledgements: bool
) -> None:
    found = route(
        said, recipients, qualified=qualified, confidentiality=confidentiality, acknowledgements=acknowledgements
    )
    asked = {name.removeprefix("DEST") for name in said if name.startswith("DEST") and said[name] == "Y"}
    assert set(found.destinations) <= asked
    assert said.get("INVISIBLE_PATIENT") != "Y" or "MSSANTEPAT" not in found.destinations
    assert qualified or "DMP" not in found.destinations
    dropped = {"DMP_WITHOUT_INS", "RECIPIENT_MISSING", "PATIENT_MAIL_FORBIDDEN"}
    assert (set(found.destinations) != asked) == bool(dropped & set(found.findings))


@given(
    st.lists(st.sampled_from(["DMP", "MSSANTEPS", "MSSANTEPAT"])), st.sets(st.sampled_from(COLUMNS[:4])), st.booleans()
)
def test_a_mask_of_any_arrival_binds_all_and_the_dmp_waits_for_the_identity(
    destinations: list[str], masks: set[str], qualified: bool
) -> None:
    found = in_force(destinations, masks, qualified=qualified)
    assert found == sorted(set(found)) and set(found) <= set(destinations)
    assert ("MSSANTEPAT" in found) == ("MSSANTEPAT" in destinations and "INVISIBLE_PATIENT" not in masks)
    assert ("DMP" in found) == ("DMP" in destinations and qualified)
    assert ("MSSANTEPS" in found) == ("MSSANTEPS" in destinations)
