"""`manifest.csv`: which patient each file of readings belongs to, and the zone of its clock."""

from __future__ import annotations

import csv
import unicodedata
from functools import lru_cache
from pathlib import Path, PurePosixPath

from carnet.errors import OperatorError
from carnet.judged import Vouched

MANIFEST = "manifest.csv"
SIDECAR = ".meta.json"
COLUMNS = ("file", "ins", "ins_oid", "zone")


def said_beside(path: Path) -> bool:
    """Whether a file is no delivery but says something of those beside it."""
    return path.name.endswith(SIDECAR) or path.name == MANIFEST


def manifest_entry(path: Path, root: Path) -> Vouched | None:
    """What a `manifest.csv` (file, ins, ins_oid, zone) says of a file's patient; None when nothing does.

    The manifest stands beside the file or in a folder above it, up to `root`; `file` is relative to the manifest.
    `OperatorError` when a manifest on the way cannot be read.
    """
    for folder in (path.parent, *path.parent.parents):
        manifest = folder / MANIFEST
        if manifest.is_file():
            state = manifest.stat()
            found = _manifest(manifest, state.st_mtime_ns, state.st_size).get(_key(str(path.relative_to(folder))))
            if found is not None:
                return found
        if folder == root:
            break
    return None


def _key(file: str) -> str:
    """A path in one spelling: accents composed, separators of any system."""
    return PurePosixPath(unicodedata.normalize("NFC", file).replace("\\", "/")).as_posix()


@lru_cache(maxsize=64)
def _manifest(path: Path, _changed: int, _size: int) -> dict[str, Vouched]:
    """Patients by file; a file that two rows give to two patients is given to nobody."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        separator = ";" if lines and lines[0].count(";") > lines[0].count(",") else ","
        rows = list(csv.reader(lines, delimiter=separator))
    except (OSError, UnicodeDecodeError, csv.Error):
        raise OperatorError("a manifest.csv cannot be read: file,ins,ins_oid,zone in UTF-8 is expected") from None
    header = [name.strip().lower() for name in rows[0]] if rows else []
    if not {"file", "ins"} <= set(header):
        raise OperatorError("a manifest.csv names no columns file, ins, ins_oid, zone in its first line")
    found: dict[str, set[Vouched]] = {}
    for row in rows[1:]:
        said = dict.fromkeys(COLUMNS, "") | {name: cell.strip() for name, cell in zip(header, row, strict=False)}
        if said["file"] and said["ins"]:
            found.setdefault(_key(said["file"]), set()).add(Vouched(said["ins"], said["ins_oid"], said["zone"]))
    return {file: patients.pop() for file, patients in found.items() if len(patients) == 1}
