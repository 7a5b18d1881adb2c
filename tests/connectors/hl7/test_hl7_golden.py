"""Golden pairs: a message beside what was read of it. Delete a `.json` and run twice to make it anew; read the diff."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.base import Enclosed, Source, Yielded
from connectors.hl7 import HL7
from connectors.registry import CONNECTORS

GOLDEN = Path(__file__).parent / "golden"


def shown(one: Yielded) -> dict[str, Any]:
    """As JSON, defaults left out."""
    said: dict[str, Any]
    if isinstance(one, Enclosed):
        content = one.source.read()
        said = {"locator": str(one.locator), "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    else:
        said = _plain(msgspec.to_builtins(one))
        said["locator"] = str(one.locator)
        said.pop("envelope", None)  # test_hl7_acknowledge.py reads it
    return {"yielded": type(one).__name__, **said}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: plain for key, one in value.items() if (plain := _plain(one)) not in ("", None, [], {})}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.hl7")), ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    source = Source.of_path(path)
    assert [c.name for c in CONNECTORS if c.recognises(source.head(), path.name)] == ["hl7v2"]
    said = [shown(one) for one in HL7.read(source)]
    expected = path.with_suffix(".json")
    if not expected.exists():
        expected.write_text(json.dumps(said, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        pytest.fail(f"{expected.name} was missing and is written: read it")
    assert said == json.loads(expected.read_text(encoding="utf-8"))
