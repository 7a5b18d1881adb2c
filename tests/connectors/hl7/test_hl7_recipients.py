"""Whom a message names as recipients, and whether the patient may answer: never who they are."""

from __future__ import annotations

import pytest
from hl7_build import document_oru, first

from connectors.base import Recipient

BOX = "|" * 10 + "^^X.400^a.b@medecin.mssante.fr"
DEVICE = "PRT||UC||RCT^^participation||||||APP-1|||||^^X.400^appli@hopital.mssante.fr"


@pytest.mark.parametrize(
    ("prt", "found"),
    [
        ("PRT||UC||RCT^^participation|8^DOE^J^^^^^^NS&1.2.250.1.71.4.2.1&ISO^D^^^RPPS" + BOX, Recipient("ps", True)),
        ("PRT||UC||RCT|8^DOE^J^^^^^^NS&1.2.250.1.71.4.2.1&ISO^D^^^RPPS", Recipient("ps", False)),
        ("PRT||UC|| RCT ^^HL70912||||Service^^^^^9^UF|||||||^NET^X.400^uf@hopital.mssante.fr", Recipient("ps", True)),
        ("PRT||UC||RCT|2^DOE^J^^^^^^^L^^^INS||||||||||^^X.400^2@patient.mssante.fr", Recipient("patient", True)),
        ("PRT||UC||RCT|2^DOE^J^^^^^^INS-NIR&1.2.250.1.213.1.4.8&ISO^L" + BOX, Recipient("patient", True)),
        ("PRT||UC||RCT|2^DOE^J^^^^^^1.2.250.1.213.1.4.10^L", Recipient("patient", False)),
        ("PRT||UC||RCT|||||||||||^^X.400^2@PATIENT.mssante.fr", Recipient("patient", True)),
        ("PRT||UC||RCT|8^DOE|||||||||||", Recipient("ps", False)),
        ("PRT||UC||RCT|8^DOE||||||||||^PRN^PH^~^^X.400^a@medecin.mssante.fr", Recipient("ps", True)),
        ("PRT||UC||RCT", Recipient("ps", False)),
        (DEVICE, Recipient("application", True)),
    ],
)
def test_a_recipient_by_the_kind_of_its_mailbox(prt: str, found: Recipient) -> None:
    lines = document_oru()
    message = first([*lines, prt])
    assert message.recipients == (found,)
    assert sum(message.segments.values()) == len(lines) + 1
    assert message.segments == first(lines).segments | {"mapped": first(lines).segments["mapped"] + 1}


def test_a_sender_and_a_reply_address_are_no_recipients() -> None:
    message = first([*document_oru(), "PRT||UC||REPLY" + "|" * 11 + "^^X.400^a@b.mssante.fr"])
    assert message.recipients == () and message.segments["raw"] == 2


@pytest.mark.parametrize(
    ("note", "before", "reply"),
    [
        ("NTE|1|||FIN", "", "FIN"),
        ("NTE|1|||fin^Ne pas répondre", "", "FIN"),
        ("NTE|1|||FIN", "PRT||UC||RCT|2^DOE^J^^^^^^^L^^^INS", "FIN"),
        ("NTE|1||Bonjour|RE", "", ""),
        ("NTE|1||FIN", "", ""),
        ("NTE|1|||FIN", "OBR|2||F9", ""),
        ("NTE|1|||FIN", "OBX|99|CE|ACK_RECEPTION^x^MetaDMPMSS||N^^expandedYes-NoIndicator||||||F", ""),
    ],
)
def test_the_wish_that_the_patient_does_not_answer(note: str, before: str, reply: str) -> None:
    lines = []
    for line in document_oru():
        lines.append(line)
        if "DESTMSSANTEPAT" in line:
            lines += [part for part in (before, note) if part]
    assert len(lines) > len(document_oru())
    message = first(lines)
    assert message.reply == reply
    assert sum(message.segments.values()) == len(lines)
