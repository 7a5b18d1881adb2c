"""Patients, professionals, structures and devices, with the identifiers of fr-core (2.1.0).

CDA carries national ids with their prefix (`8` + RPPS, `1` + FINESS); FHIR has a slice for the prefixed and one for
the bare number: both are written, the second only where the first has the right length.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from connectors.heading import RawDevice, RawEntity, RawFacility, RawOrganisation, RawPerson, RawSubject
from connectors.said import RawAddress, RawCode, RawId, RawName, RawNamePart, RawTelecom
from connectors.statements import Participation
from transforms.documents import normalised_id
from transforms.fhir.pool import Pool
from transforms.fhir.values import Json, codeable, date_time, identifier, raw_codeable
from transforms.identity import NIA, NIR, NIR_DEMO, NIR_TEST, Patient
from transforms.moments import parse_ts

TYPES: Final = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203"
FR_CORE: Final = "https://hl7.fr/ig/fhir/core/StructureDefinition/"
PERSONS: Final = "1.2.250.1.71.4.2.1"
STRUCTURES: Final = "1.2.250.1.71.4.2.2"
RPPS: Final = "https://rpps.esante.gouv.fr"
FINESS: Final = "https://finess.esante.gouv.fr"
INS_TYPES: Final = {NIR: "INS-NIR", NIA: "INS-NIA", NIR_TEST: "INS-NIR-TEST", NIR_DEMO: "INS-NIR-DEMO"}
GENDERS: Final = {"F": "female", "M": "male"}
"""HL7 AdministrativeGender; `U`, `O` and anything else that is said are `unknown`."""
TELECOMS: Final = {"tel": "phone", "fax": "fax", "mailto": "email", "http": "url", "https": "url"}
USES: Final = {"H": "home", "HP": "home", "HV": "home", "WP": "work", "DIR": "work", "PUB": "work", "MC": "mobile"}


def patient(pool: Pool, said: Patient, subject: RawSubject | None, key: str) -> Json:
    """The patient. An INS is written only when it is qualified (RNIV); local numbers are `PI`."""
    identifiers = [_typed(id_, "PI") for id_ in said.local]
    if said.ins and said.qualified:
        use = "temp" if said.oid == NIA else "official"
        identifiers.insert(0, _typed(RawId(said.oid, said.ins), INS_TYPES[said.oid]) | {"use": use})
    born = parse_ts(said.traits.birth_date)
    resource: Json = {"resourceType": "Patient", "identifier": identifiers}
    names = _patient_names(said, subject)
    if names:
        resource["name"] = names
    if said.traits.sex:
        resource["gender"] = GENDERS.get(said.traits.sex, "unknown")
    if born is not None:
        resource["birthDate"] = born.day
    if said.traits.birth_place:
        place = {"url": f"{FR_CORE}fr-core-address-insee-code", "valueString": said.traits.birth_place}
        resource["extension"] = [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/patient-birthPlace",
                "valueAddress": {"extension": [place]},
            }
        ]
    if subject is not None:
        resource |= _contact(subject.telecoms, subject.addresses)
        if subject.deceased in ("true", "1") and not subject.deceased_time:
            resource["deceasedBoolean"] = True
        elif died := parse_ts(subject.deceased_time):
            resource |= date_time("deceasedDateTime", died.iso)
    return pool.add(f"patient|{key}", {name: value for name, value in resource.items() if value})


def organisation(pool: Pool, said: RawOrganisation | None, place: str) -> Json | None:
    """A structure, once for each of its identifiers."""
    if said is None or not (said.ids or said.names):
        return None
    identifiers = [one for id_ in said.ids if id_.root or id_.extension for one in structure_ids(id_)]
    resource: Json = {"resourceType": "Organization"}
    if identifiers:
        resource["identifier"] = identifiers
    if said.name:
        resource["name"] = said.name
    if said.industry.code and (kind := raw_codeable(said.industry)):
        resource["type"] = [kind]
    resource |= _contact(said.telecoms, said.addresses, with_use=False)
    if len(resource) == 1:
        return None
    return _named(pool.add(_key(pool, "organisation", said.ids, place, said.name), resource), said.name)


def place(pool: Pool, said: RawFacility | None, key: str) -> Json | None:
    """Where care was given: the place named in a facility, or the facility by its own identifiers."""
    if said is None:
        return None
    resource: Json = {"resourceType": "Location"}
    if identifiers := [found for id_ in said.ids if (found := identifier(id_))]:
        resource["identifier"] = identifiers
    if said.name:
        resource["name"] = said.name
    if said.code.code and (kind := raw_codeable(said.code)):
        resource["type"] = [kind]
    if where := _address(said.address, with_use=True):
        resource["address"] = where
    if len(resource) == 1:
        return None
    return _named(pool.add(_key(pool, "location", said.ids, key, said.name), resource), said.name)


def professional(pool: Pool, entity: RawEntity, place: str) -> Json | None:
    """A person in a role: `PractitionerRole` when a structure or a speciality is said, else `Practitioner`.

    A device is a `Device`; a structure alone is its `Organization`.
    """
    if entity.device is not None:
        return device(pool, entity.device, entity.ids, place)
    if (themselves := _themselves(pool, entity.ids)) is not None:
        return themselves
    structure = organisation(pool, entity.organisation, f"{place}/organisation")
    named = entity.person is not None and any(_human_name(name) for name in entity.person.names)
    if not named and not any(id_.root for id_ in entity.ids):
        return structure
    person: Json = {"resourceType": "Practitioner"}
    identifiers = [one for id_ in entity.ids if id_.root or id_.extension for one in person_ids(id_)]
    if identifiers:
        person["identifier"] = identifiers
    names = [found for name in entity.person.names if (found := _human_name(name))] if entity.person else []
    if names:
        person["name"] = names
    person |= _contact(entity.telecoms, (), with_use=True)
    first = names[0] if names else {}
    name = first.get("text") or " ".join([first.get("family", ""), *first.get("given", ())[:1]])
    practitioner = pool.add(_key(pool, "practitioner", entity.ids, place, name), person)
    speciality = raw_codeable(entity.code) if entity.code.code or entity.code.text else None
    if structure is None and speciality is None:
        return practitioner
    role: Json = {"resourceType": "PractitionerRole", "practitioner": practitioner}
    if structure is not None:
        role["organization"] = structure
    if speciality is not None:
        role["specialty"] = [speciality]
    key = f"role|{practitioner['reference']}|{structure['reference'] if structure else ''}|{entity.code.code}"
    return pool.add(key, role)


def device(pool: Pool, said: RawDevice, ids: tuple[RawId, ...], place: str) -> Json:
    """An authoring device or software: its model and its software as names."""
    resource: Json = {"resourceType": "Device"}
    identifiers = [found for id_ in ids if (found := identifier(id_))]
    if identifiers:
        resource["identifier"] = identifiers
    names = [
        {"name": name, "type": kind}
        for name, kind in ((said.software, "user-friendly-name"), (said.model, "model-name"))
        if name
    ]
    if names:
        resource["deviceName"] = names
    if said.code.code and (kind := raw_codeable(said.code)):
        resource["type"] = kind
    return pool.add(_key(pool, "device", ids, place, f"{said.model} {said.software}"), resource)


def kind_of(pool: Pool, said: Participation) -> str:
    """What `participant` makes of one who took part."""
    if said.model or said.software or said.role_class == "MANU":
        return "Device"
    if _themselves(pool, said.ids) is not None:
        return "Patient"
    if said.role_class in PLACES_TO_BE:
        return "Place"
    return "Practitioner" if said.family or said.given or said.name or said.ids else "Organization"


def _themselves(pool: Pool, ids: tuple[RawId, ...]) -> Json | None:
    """The patient, who also writes and tells."""
    return pool.subject if any((id_.root, id_.extension) in pool.subject_ids for id_ in ids if id_.extension) else None


def participant(pool: Pool, said: Participation, place: str) -> Json | None:
    """Who or what took part in a statement, as a reference; None for one that nothing names."""
    kind = kind_of(pool, said)
    if kind == "Device":
        return _thing(pool, said, place)
    if kind == "Patient":
        return _themselves(pool, said.ids)
    if kind == "Place":
        return None
    names = (said.organisation,) if said.organisation else ()
    structure = RawOrganisation(ids=said.organisation_ids, names=names)
    parts = (RawNamePart("family", said.family), RawNamePart("given", said.given))
    name = RawName(parts=parts, text="" if said.family or said.given else said.name)
    code = RawCode(said.code.code, said.code.system, said.code.display, text=said.code.text)
    entity = RawEntity(ids=said.ids, code=code, person=RawPerson((name,)), organisation=structure)
    return professional(pool, entity, place)


def person_ids(id_: RawId) -> list[Json]:
    """PS_IdNat with its prefix, and the bare RPPS beside it (`8` and eleven digits). An INS is a patient's alone."""
    if id_.root in INS_TYPES:
        return []
    if id_.root != PERSONS:
        return [one] if (one := identifier(id_)) else []
    found = [_typed(id_, "IDNPS")]
    if re.fullmatch(r"8[0-9]{11}", id_.extension):
        found.append(_system(RPPS, id_.extension[1:], "RPPS"))
    return found


def structure_ids(id_: RawId) -> list[Json]:
    """Struct_IdNat with its prefix, and the bare FINESS beside it (`1` and nine characters)."""
    if id_.root != STRUCTURES:
        return [one] if (one := identifier(id_)) else []
    found = [_typed(id_, "IDNST")]
    if re.fullmatch(r"1[0-9][0-9AB][0-9]{7}", id_.extension):
        found.append(_system(FINESS, id_.extension[1:], "FINEG"))
    return found


def _thing(pool: Pool, said: Participation, place: str) -> Json:
    resource: Json = {"resourceType": "Device"}
    identifiers = [found for id_ in said.ids if (found := identifier(id_))]
    if identifiers:
        resource["identifier"] = identifiers
    named = ((said.software or said.name, "user-friendly-name"), (said.model, "model-name"))
    if names := [{"name": name, "type": kind} for name, kind in named if name]:
        resource["deviceName"] = names
    if kind := codeable(said.entity):
        resource["type"] = kind
    return pool.add(_key(pool, "device", said.ids, place, f"{said.model} {said.software or said.name}"), resource)


def _patient_names(said: Patient, subject: RawSubject | None) -> list[Json]:
    """The birth name as the official one, with its one first given name and all of them in fr-core's extension."""
    traits = said.traits
    found: list[Json] = []
    if traits.birth_family or (subject is None and (traits.birth_given or traits.birth_givens)):
        official: Json = {"use": "official"}
        if traits.birth_family:
            official["family"] = traits.birth_family
        first = traits.birth_given or traits.birth_givens
        if first:
            official["given"] = [first]
        if traits.birth_givens:
            url = f"{FR_CORE}fr-core-human-name-birth-list-given-name"
            official["extension"] = [{"url": url, "valueString": traits.birth_givens}]
        found.append(official)
    for name in subject.names if subject is not None else ():
        used = [part for part in name.parts if part.kind == "family" and part.qualifier == "CL"]
        given = [part.text for part in name.parts if part.kind == "given" and part.qualifier == "CL"]
        if used or given:
            usual: Json = {"use": "usual"}
            if used:
                usual["family"] = used[0].text
            if given:
                usual["given"] = given
            found.append(usual)
    if not found and subject is not None:
        found = [shown for name in subject.names if (shown := _human_name(name))]
    return found


def _human_name(name: RawName) -> Json:
    families = [part.text for part in name.parts if part.kind == "family" and part.text]
    found = {
        "family": " ".join(families),
        "given": [part.text for part in name.parts if part.kind == "given" and part.text],
        "prefix": [part.text for part in name.parts if part.kind == "prefix" and part.text],
        "suffix": [part.text for part in name.parts if part.kind == "suffix" and part.text],
    }
    kept: Json = {part: value for part, value in found.items() if value}
    if not kept and name.text:
        kept = {"text": name.text}
    return kept


def _contact(telecoms: tuple[RawTelecom, ...], addresses: tuple[RawAddress, ...], *, with_use: bool = True) -> Json:
    found: Json = {}
    points = []
    for telecom in telecoms:
        scheme, colon, value = telecom.value.partition(":")
        if not (value if colon else scheme).strip():
            continue
        system = TELECOMS.get(scheme.strip().lower(), "other") if colon else "other"
        point = {"system": system, "value": telecom.value if system in ("url", "other") else value.strip()}
        if with_use and telecom.use in USES:
            point["use"] = USES[telecom.use]
        points.append(point)
    if points:
        found["telecom"] = points
    places = [place for address in addresses if (place := _address(address, with_use=with_use))]
    if places:
        found["address"] = places
    return found


def _address(address: RawAddress, *, with_use: bool) -> Json:
    """An address; number, kind and name of a street make one line."""
    lines: list[str] = []
    street = False
    for part in address.parts:
        if part.text and part.kind in (*STREET, *LINES):
            if street and part.kind in STREET:
                lines[-1] += f" {part.text}"
            else:
                lines.append(part.text)
        street = part.kind in STREET and bool(part.text or street)
    first = {part.kind: part.text for part in reversed(address.parts) if part.text}
    found: Json = {"line": lines} if lines else {}
    found |= {name: first[kind] for kind, name in PLACES.items() if kind in first}
    if not found and address.text:
        found["text"] = address.text
    if found and with_use and address.use in ADDRESS_USES:
        found["use"] = ADDRESS_USES[address.use]
    return found


def _typed(id_: RawId, kind: str) -> Json:
    found = identifier(id_) or {}
    return found | {"type": {"coding": [{"system": TYPES, "code": kind}]}}


def _system(system: str, value: str, kind: str) -> Json:
    return {"system": system, "value": value, "type": {"coding": [{"system": TYPES, "code": kind}]}}


def _named(reference: Json, display: str) -> Json:
    return reference | {"display": display} if display else reference


def _key(pool: Pool, kind: str, ids: tuple[RawId, ...], place: str, name: str) -> str:
    """A person or structure is the same wherever the same identifier stands under the same name; without an identifier
    it is of its place alone. Case, accents and hyphens make no other name."""
    known = next((normalised_id(id_) for id_ in ids if id_.root and id_.extension), "")
    return pool.key_of(f"{kind}|{known}", _folded(name)) if known else f"{kind}|{place}"


def _folded(name: str) -> str:
    letters = (c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return " ".join(re.split(r"[\W_]+", "".join(letters).casefold())).strip()


STREET: Final = ("houseNumber", "houseNumberNumeric", "direction", "streetNameType", "streetNameBase", "streetName")
LINES: Final = ("streetAddressLine", "deliveryAddressLine", "additionalLocator", "unitType", "unitID", "postBox")
PLACES: Final = {
    "city": "city",
    "county": "district",
    "state": "state",
    "postalCode": "postalCode",
    "country": "country",
}
"""Parts of a V3 address to those of R4, but for its lines."""
PLACES_TO_BE: Final = frozenset({"DSDLOC", "ISDLOC", "LOCE", "SDLOC", "SPEC", "TERR"})
"""RoleClass of places and of specimens, which are nobody."""
ADDRESS_USES: Final = {
    "H": "home",
    "HP": "home",
    "HV": "home",
    "WP": "work",
    "DIR": "work",
    "PUB": "work",
    "TMP": "temp",
}
