"""OIDs as they were meant: a short table of typing errors seen in documents, and forms of the same OID.

A right spelling serves to recognise a template or a code system; what was written stays as written, and none of the
wrong ones is ever sent.
"""

from __future__ import annotations

import csv
import io
from functools import cache, lru_cache
from importlib import resources


@lru_cache(maxsize=4096)
def meant(oid: str) -> str:
    """An OID without its wrappings (`urn:oid:`, blanks), its known typing error undone; a UUID in upper case."""
    bare = oid.strip()
    if bare[:8].lower() == "urn:oid:":
        bare = bare[8:]
    for written, right in _aliases():
        if bare.startswith(written):
            return right + bare[len(written) :]
    return bare.upper() if "-" in bare else bare


@cache
def _aliases() -> tuple[tuple[str, str], ...]:
    text = resources.files("transforms").joinpath("oids.csv").read_text(encoding="utf-8")
    return tuple((row["written"], row["meant"]) for row in csv.DictReader(io.StringIO(text, newline="")))
