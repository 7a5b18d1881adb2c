"""The resources of one Bundle: each once, found again by what identifies it, referred to by a name that resolves."""

from __future__ import annotations

import hashlib
import uuid
from typing import Final

from transforms.fhir.values import Json

NAMESPACE: Final = uuid.UUID("6f3c1c59-6a0c-5d3c-9d53-2b7d53a4c8a1")
"""Of the names below: equal keys give equal ids, in every run and on every machine."""
VARIANT: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


COMPLETED: Final = frozenset({"Organization", "Practitioner"})


class Pool:
    """Resources in the order they came; `add` gives the reference to one, made or known."""

    def __init__(self) -> None:
        self._resources: dict[str, Json] = {}
        self._named: dict[str, str] = {}
        self.subject: Json | None = None
        """The reference to the patient, once there is one."""
        self.subject_ids: frozenset[tuple[str, str]] = frozenset()
        """Root and extension of the numbers of the patient."""

    def name(self, key: str) -> str:
        """The version 5 UUID of a key (RFC 9562), written without an object in between: a document has dozens."""
        h = hashlib.sha1(NAMESPACE.bytes + key.encode(), usedforsecurity=False).hexdigest()
        return f"urn:uuid:{h[:8]}-{h[8:12]}-5{h[13:16]}-{VARIANT[h[16]]}{h[17:20]}-{h[20:32]}"

    def __contains__(self, key: str) -> bool:
        return self.name(key) in self._resources

    def add(self, key: str, resource: Json) -> Json:
        """A reference to the resource of this key; the first one of a key stays. What is told of a person or a
        structure in one place only is kept too."""
        url = self.name(key)
        if url not in self._resources:
            self._resources[url] = {"resourceType": resource["resourceType"], "id": url[9:]} | resource
        elif resource["resourceType"] in COMPLETED:
            self._resources[url] = resource | self._resources[url]
        return {"reference": url}

    def key_of(self, identified: str, name: str) -> str:
        """The key of a person or structure: the same number under another name is not silently the same one.

        Without a name it is the first that was named with this number.
        """
        if not name:
            return self._named.get(identified, identified)
        key = f"{identified}|{name}"
        self._named.setdefault(identified, key)
        return key

    def resource(self, reference: Json) -> Json:
        return self._resources[reference["reference"]]

    def entries(self) -> list[Json]:
        return [{"fullUrl": url, "resource": resource} for url, resource in self._resources.items()]
