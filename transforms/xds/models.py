"""Which model a document follows: the most specific of its templates, wherever it stands among them."""

from __future__ import annotations

from collections.abc import Iterable

from transforms.oids import meant
from transforms.xds.tables import Model, models


def candidates(templates: Iterable[str]) -> tuple[Model, ...]:
    """The models that templates name, the most specific ones only, in the order of their OIDs.

    A national model is more specific than the international one it builds on, and a template than those whose OID
    begins its own (CI-SIS numbers the parts of a model below it). Headers and bases are no model.
    """
    known = {meant(template) for template in templates} & models().keys()
    found = [models()[template] for template in known if models()[template].level]
    top = max((one.level for one in found), default=0)
    found = [one for one in found if one.level == top]
    finest = [one for one in found if not any(other.template.startswith(one.template + ".") for other in found)]
    return tuple(sorted(finest, key=lambda one: [int(arc) for arc in one.template.split(".")]))


def model(templates: Iterable[str], type_code: str = "") -> Model | None:
    """The model of a document; None when no template is known, or when several are and its type does not tell."""
    found = candidates(templates)
    if len(found) > 1:
        found = tuple(one for one in found if type_code in one.type_codes.split())
    return found[0] if len(found) == 1 else None
