"""What ANS's own XML Schema and schematrons say of a CDA document, from a copy of its test repository.

The copy is the user's: nothing of it is here. It is never written to; what cannot be applied is said by name.
"""

from __future__ import annotations

from quality.ans.cache import Cache
from quality.ans.examine import Engine, Examined, Examiner, Step
from quality.ans.notes import Note
from quality.ans.svrl import Finding
from quality.ans.tree import FOLDERS, Tree
from quality.conformance import LEVELS

__all__ = ["FOLDERS", "LEVELS", "Cache", "Engine", "Examined", "Examiner", "Finding", "Note", "Step", "Tree"]
