"""A document of an XDM archive, as an item: its bytes against the entry that vouches for them, then what that entry
says to do with it. Pure."""

from __future__ import annotations

import msgspec

from carnet.envelopes import Route, as_target, deletion_of
from carnet.judged import Context, carry, lookups, patient_name, refused
from connectors.base import Document, Locator, Refusal
from connectors.submissions import Submitted
from quality.catalogue import sentence
from quality.rules import judge
from transforms.documents import DocumentRecord, from_cda
from transforms.identity import Patient
from transforms.submissions import Contradiction, Vouched, bytes_agree, vouched
from warehouse.prepared import PreparedItem


class SubmittedItem(msgspec.Struct, frozen=True):
    """The item of one document, and the patient it names, whatever its end."""

    item: PreparedItem
    patient: Patient | None = None


def submitted_item(found: Submitted, ordinal: int, context: Context, route: Route) -> SubmittedItem:
    """The item of a document; `route` reads its source through the registry."""
    document = next((y for y in route(found) if isinstance(y, Document | Refusal)), None)
    if not isinstance(document, Document):
        problem = document or Refusal(Locator(), found.span, "ENTRY_NOT_A_DOCUMENT", "a CDA document")
        at = problem.locator.within(found.locator)
        return SubmittedItem(refused(msgspec.structs.replace(problem, locator=at), ordinal))
    if not bytes_agree(found.entry, document.sha1, document.size):
        expected = "hash (SHA-1) and size of the file as it is"
        return SubmittedItem(refused(Refusal(found.locator, found.span, "METADATA_HASH_MISMATCH", expected), ordinal))
    record = from_cda(document)
    item = PreparedItem(ordinal=ordinal, kind="document", locator=found.locator, end="", keys=lookups(record))
    said = vouched(found, document, record)
    if isinstance(said, Contradiction):
        end = "held" if sentence(said.code).default == "held" else "refused"
        stopped = msgspec.structs.replace(item, end=end, code=said.code, expected=said.expected)
        return SubmittedItem(stopped, record.patient)
    record = msgspec.structs.replace(record, patient=said.patient)
    return SubmittedItem(_judged(item, record, said, context), record.patient)


def _judged(item: PreparedItem, record: DocumentRecord, said: Vouched, context: Context) -> PreparedItem:
    """The rules on the record, then the fact that the action makes of it.

    What is wrong with the metadata is told with this arrival; the document is the same whoever brings it.
    """
    item = msgspec.structs.replace(item, expected=", ".join(said.differing), findings=said.findings)
    verdict = judge(as_target(record) if said.action == "delete" else record, context.policy)
    if verdict.end:
        findings = tuple(sorted({*item.findings, *verdict.findings}))
        return msgspec.structs.replace(item, end=verdict.end, code=verdict.code, findings=findings)
    name = patient_name(record.patient, context.sender, record.document_id)
    if said.action == "delete":
        deletion = deletion_of(record, name, sound=verdict.sound)
        findings = tuple(sorted({*item.findings, *verdict.findings}))
        return msgspec.structs.replace(item, patient=name, findings=findings, deletion=deletion)
    carried = carry(
        record,
        name,
        context,
        sound=verdict.sound,
        findings=verdict.findings,
        sent_at=said.sent_at,
        flags=said.flags,
    )
    return msgspec.structs.replace(item, patient=name, carried=(carried,))
