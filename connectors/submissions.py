"""What the metadata of an XDM archive says of the documents it carries, as said (IHE ITI TF-3, 4.2; CI-SIS, volet
partage de documents). A document travels with its DocumentEntry, as one in a message travels with that message."""

from __future__ import annotations

import msgspec

from connectors.base import Enclosed, Ignored, RawCode, RawId, RawPatient


class SubmissionSet(msgspec.Struct, frozen=True):
    """The RegistryPackage of one METADATA.XML. Times are UTC without saying so (ITI TF-3, DTM)."""

    entry_uuid: str = ""
    unique_id: str = ""
    source_id: str = ""
    patient: RawPatient = RawPatient()
    content_type: RawCode = RawCode()
    submitted: str = ""
    """`submissionTime`."""
    title: str = ""
    author_institutions: tuple[str, ...] = ()
    """XON, as written."""
    author_persons: tuple[str, ...] = ()
    """XCN, as written."""


class DocumentEntry(msgspec.Struct, frozen=True):
    """One ExtrinsicObject, with what its associations say of it."""

    entry_uuid: str = ""
    unique_id: RawId = RawId()
    """`root` or `root^extension`."""
    patient: RawPatient = RawPatient()
    """patientId, sourcePatientId and the lines of sourcePatientInfo, as one."""
    uri: str = ""
    hash: str = ""
    """SHA-1 of the bytes as sent: hexadecimal in XDS, base64 in FHIR."""
    size: str = ""
    mime_type: str = ""
    status: str = ""
    """availabilityStatus, without the words before it: `Approved`."""
    class_code: RawCode = RawCode()
    type_code: RawCode = RawCode()
    format_code: RawCode = RawCode()
    facility: RawCode = RawCode()
    practice: RawCode = RawCode()
    events: tuple[RawCode, ...] = ()
    confidentiality: tuple[RawCode, ...] = ()
    created: str = ""
    """creationTime, in UTC."""
    service_start: str = ""
    service_stop: str = ""
    title: str = ""
    language: str = ""
    author_institutions: tuple[str, ...] = ()
    author_persons: tuple[str, ...] = ()
    legal_authenticator: str = ""
    action: str = ""
    """`urn:action:extraMetadataSlot`: `C` replaces, `D` deletes, absent for a new document."""
    replaces: tuple[RawId, ...] = ()
    """What RPLC associations name: uniqueIds, or entryUUIDs of a registry (`root` alone) that only it can resolve."""


class Metadata(Ignored, frozen=True):
    """The METADATA.XML of one submission: an index file, whose bytes belong to the patient of its documents."""


class Submitted(Enclosed, frozen=True, kw_only=True):
    """A document with the entry that vouches for it. Its place is that of the member; `within` gives both places."""

    entry: DocumentEntry
    submission: SubmissionSet
    metadata: int
    """Number of the member that is its METADATA.XML: documents with the same one were submitted together."""
    of_two: bool = False
    """Whether its submission holds two documents: at two body levels they are twins."""
