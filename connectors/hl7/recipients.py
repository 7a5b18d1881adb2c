"""Recipients: PRT segments whose role is `RCT` (CI-SIS, volet de transmission; PRT is pre-adopted from HL7 v2.9)."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.base import Recipient
from connectors.hl7.values import Values

_INS_AUTHORITIES = "1.2.250.1.213.1.4."
_PATIENT_MAIL = "@patient.mssante.fr"


def recipient(fields: Sequence[str], values: Values) -> Recipient:
    """A recipient by the kind of its mailbox, fields 0 to 15 given.

    The patient, where the person (PRT-5) is named by an INS or the address is a patient's: any sign is enough, for
    mail to the wrong kind of reader cannot be taken back. An application where only a device (PRT-10) is named.
    """
    person = [*values.first(fields[5]).split(values.d.component), *[""] * 13]
    addresses = [values.component(one, 4).strip().lower() for one in values.repetitions(fields[15])]
    named_by_ins = values.text(person[12]).strip().upper() == "INS" or any(
        part.strip().startswith(_INS_AUTHORITIES) for part in values.subcomponents(person[8])
    )
    if named_by_ins or any(address.endswith(_PATIENT_MAIL) for address in addresses):
        return Recipient("patient", any(addresses))
    alone = fields[10].strip() and not fields[5].strip() and not fields[8].strip()
    return Recipient("application" if alone else "ps", any(addresses))
