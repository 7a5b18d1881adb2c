"""What a document is about: its main act among those it documents, the setting, the facility."""

from __future__ import annotations

from connectors.heading import Header, RawAct
from connectors.said import RawCode


def main_act(header: Header) -> RawAct | None:
    """The first act that has a performer and a time: the others carry codes only (CI-SIS, structuration minimale).

    None when no act has both: which one is meant is not guessed from its place.
    """
    return next((act for act in header.acts if act.performers and begins(act)), None)


def begins(act: RawAct | None) -> str:
    """When an act began, as written: the lower bound, or the one time that is given."""
    return (act.time.low or act.time.value) if act is not None else ""


def ended(act: RawAct | None) -> str:
    return (act.time.high or act.time.value) if act is not None else ""


def setting(act: RawAct | None) -> RawCode:
    """`standardIndustryClassCode` of who performed the act (practiceSettingCode)."""
    for performer in act.performers if act is not None else ():
        organisation = performer.entity.organisation
        if organisation is not None and organisation.industry.code:
            return organisation.industry
    return RawCode()


def facility(header: Header) -> RawCode:
    """The kind of place of the encounter (healthcareFacilityTypeCode)."""
    stay = header.encounter
    return stay.facility.code if stay is not None and stay.facility is not None else RawCode()
