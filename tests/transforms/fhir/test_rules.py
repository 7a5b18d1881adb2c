"""Each rule of ours on a Bundle finds its fault, and says where without saying what."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from tests.transforms.content.build import LOINC, document, entry, record, template
from tests.transforms.fhir.check import of
from transforms.fhir.bundle import document_bundle, written
from transforms.fhir.document import Filed
from transforms.fhir.rules import Broken, broken
from transforms.fhir.values import Json

SAID = template("80") + f'<code code="2951-2" {LOINC}/><statusCode code="completed"/>'
GROUP = (
    template("78")
    + f'<code code="58410-2" {LOINC}/><statusCode code="completed"/><component><observation classCode="OBS" '
    + f'moodCode="EVN">{SAID}<value xsi:type="PQ" value="1" unit="g/L"/></observation></component>'
)


def whole() -> Json:
    data = document(entry(GROUP, "organizer", 'classCode="BATTERY" moodCode="EVN"'), "Texte")
    read: Json = msgspec.json.decode(written(document_bundle(Filed(record(data)))))
    return read


def result(bundle: Json) -> Json:
    return next(found for found in of(bundle, "Observation") if "valueQuantity" in found)


def _loop(bundle: Json) -> None:
    group = next(entry for entry in bundle["entry"] if "hasMember" in entry["resource"])
    result(bundle)["hasMember"] = [{"reference": group["fullUrl"]}]


FAULTS: list[tuple[Callable[[Json], object], str]] = [
    (lambda b: result(b).update(status="completed"), "binding"),
    (lambda b: result(b).pop("status"), "required"),
    (lambda b: result(b).pop("code"), "required"),
    (lambda b: result(b).update(valueString="1"), "one-of"),
    (lambda b: result(b)["valueQuantity"].update(value="1"), "number"),
    (lambda b: result(b).update(note=[]), "empty"),
    (lambda b: result(b)["subject"].update(reference="urn:uuid:0"), "reference"),
    (_loop, "loop"),
    (lambda b: b["entry"].reverse(), "composition-first"),
    (lambda b: b["entry"].append(b["entry"][0]), "duplicate"),
    (lambda b: b["entry"].append({"fullUrl": "urn:x", "resource": {"resourceType": "Basic"}}), "adrift"),
    (lambda b: of(b, "Composition")[0]["section"].append({"title": "vide"}), "narrative"),
    *(
        (lambda b, div=div: of(b, "Composition")[0]["section"][0]["text"].update(div=div), "narrative")
        for div in (
            '<div xmlns="http://www.w3.org/1999/xhtml"><script>1</script></div>',
            '<div xmlns="http://www.w3.org/1999/xhtml"><p onclick="x()">a</p></div>',
            '<div xmlns="http://www.w3.org/1999/xhtml"><a href=" JavaScript:x()">a</a></div>',
            '<div xmlns="http://www.w3.org/1999/xhtml"><img src="https://example.org/a.png"/></div>',
            '<div xmlns="http://www.w3.org/1999/xhtml"><p>a</div>',
            "<div>a</div>",
        )
    ),
]


def test_a_sound_bundle_breaks_nothing() -> None:
    assert broken(whole()) == []


@pytest.mark.parametrize(("fault", "rule"), FAULTS)
def test_a_fault_is_found(fault: Callable[[Json], object], rule: str) -> None:
    bundle = whole()
    fault(bundle)
    assert rule in {one.rule for one in broken(bundle)}


def test_a_place_says_where_and_not_what() -> None:
    bundle = whole()
    result(bundle)["status"] = "PERSON-NAME"
    assert broken(bundle) == [Broken("binding", "Observation/status")]
