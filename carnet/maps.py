"""The senders' maps of a home: `maps/<sender>.csv`, read once, checked, told to the operator in one line when wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from carnet.errors import OperatorError
from carnet.settings import Settings
from transforms.terminology.maps import MapProblem, SenderMap, read_map


def sender_maps(settings: Settings) -> Mapping[str, SenderMap]:
    """Maps by sender; a sender without a file has none. `OperatorError` names the file and the line."""
    paths = sorted((settings.home / "maps").glob("*.csv"))
    return {path.stem: _read(path, settings) for path in paths}


def _read(path: Path, settings: Settings) -> SenderMap:
    settings.sender(path.stem)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise OperatorError(f"{path}: cannot be read as UTF-8 text") from None
    found = read_map(lines)
    if isinstance(found, MapProblem):
        raise OperatorError(f"{path}, line {found.line}: {found.why}")
    return found
