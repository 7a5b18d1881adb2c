"""Addresses and telecoms of a CDA: one way of writing an address, a known scheme and use, a value or a nullFlavor."""

from __future__ import annotations

from connectors.cda.anatomy import Node
from quality.conformance.cda.said import Said

SCHEMES = ("tel:", "fax:", "mailto:", "http:", "https:", "ftp:", "mllp:")
USES = frozenset({"H", "HP", "HV", "WP", "DIR", "PUB", "EC", "MC", "PG"})
LINES = 7


def check_contacts(document: Node, said: Said) -> None:
    """Say what is wrong with every address and telecom, a birthplace apart."""
    for node in document.walk():
        if node.name == "addr" and "/birthplace" not in node.place:
            _address(node, said)
        elif node.name == "telecom":
            _telecom(node, said)


def _address(address: Node, said: Said) -> None:
    lines = [child for child in address.children if child.name == "streetAddressLine"]
    parts = [child for child in address.children if child.name not in ("streetAddressLine", "useablePeriod")]
    if address.null:
        if lines or parts:
            said.say("CDA_VALUE_AND_NULL", address, "nullFlavor", came="")
    elif lines and parts:
        said.say(
            "CDA_ADDRESS_MIXED", address, expected="streetAddressLine | houseNumber, streetName, postalCode, city …"
        )
    elif len(lines) > LINES:
        said.say("CDA_ADDRESS_LINES", address, expected=str(LINES), came=str(len(lines)))


def _telecom(telecom: Node, said: Said) -> None:
    value = telecom.get("value")
    if value and telecom.null:
        said.say("CDA_VALUE_AND_NULL", telecom, "nullFlavor", came="")
    if not value:
        if not telecom.null:
            said.missing("CDA_ATTRIBUTE_MISSING", telecom, "@value", expected="tel:+33…")
        return
    if not value.lower().startswith(SCHEMES):
        said.say("CDA_TELECOM_FORM", telecom, "value", expected=" | ".join(SCHEMES))
    if set(telecom.get("use").split()) - USES:
        said.say("CDA_TELECOM_USE", telecom, "use", expected=" | ".join(sorted(USES)))
