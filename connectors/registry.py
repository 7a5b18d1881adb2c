"""The only list of formats: the first connector that recognises a source reads it."""

from __future__ import annotations

from connectors.accounts.feed import ACCOUNTS
from connectors.base import Connector, Source
from connectors.cda.archives import ZIP
from connectors.cda.reader import CDA
from connectors.devices import apple_archive, apple_health, libreview
from connectors.hl7 import HL7
from connectors.identities.enrolment import ENROLMENT
from connectors.mail.reader import MAIL

CONNECTORS: tuple[Connector, ...] = (
    HL7,
    CDA,
    ACCOUNTS,
    ENROLMENT,
    ZIP,
    MAIL,
    Connector("apple-health-zip", "devices", apple_archive.recognises, apple_archive.read, container="archive"),
    Connector("apple-health", "devices", apple_health.recognises, apple_health.read),
    Connector("libreview", "devices", libreview.recognises, libreview.read),
)


def recognise(source: Source) -> Connector | None:
    """The connector for a source, by content first; None when no format fits."""
    head = source.head()
    return next((c for c in CONNECTORS if c.recognises(head, source.name)), None)
