"""What an envelope asks to do with the document it encloses: create, replace, delete, or mask otherwise.

Source: CI-SIS, volet de transmission d'un document CDA-R2 en HL7v2 (ORC-1, OBX-11, MDM events); MSSanté, the action
metadata of an XDM, and XDS associations. What is said in several places must agree; an incoherent envelope is refused,
never best-guessed.
"""

from __future__ import annotations

import re
from typing import Literal

from connectors.base import Message

Action = Literal["create", "replace", "delete", "mask"]

_CONTROL: dict[str, Action] = {"NW": "create", "RO": "replace", "CA": "delete"}
_STATUS: dict[str, Action] = {"F": "create", "C": "replace", "D": "delete"}
_EVENT: dict[str, Action] = {"MDM^T02": "create", "MDM^T10": "replace", "MDM^T04": "delete"}
_SAYS_ACTION = re.compile(r"(\d+)\.(\d+)\^CISIS_CDA_HL7_V\d+")


def action_of(message: Message, *, has_replaced: bool) -> Action | None:
    """The one action that every place agrees on; None when they contradict each other.

    `has_replaced` tells whether the document names one it replaces: a replacement must, a creation must not. A
    replacement that names none and says MODIF_CONF_CODE=Y sends a known document again to change who may see it.
    An absent ORC leaves the event to decide, and OBX-11 in an ORU.
    """
    said: list[Action | None] = [_EVENT.get(message.kind)]
    if message.order_control and not (message.order_control == "SC" and _fits_any(message.profile)):
        said.append(_CONTROL.get(message.order_control))
        if message.order_control not in _CONTROL:
            return None
    if message.result_status:
        if message.result_status not in _STATUS:
            return None
        said.append(_STATUS[message.result_status])
    actions = {action for action in said if action is not None}
    if len(actions) > 1:
        return None
    action: Action = actions.pop() if actions else "create"
    if action == "replace" and not has_replaced and message.flags.get("MODIF_CONF_CODE") == "Y":
        return "mask"
    if action != "delete" and has_replaced != (action == "replace"):
        return None
    return action


def _fits_any(profile: str) -> bool:
    """Whether ORC-1 may be `SC`, whatever OBX-11: in the volet before 2.1, and outside it."""
    named = (_SAYS_ACTION.fullmatch(one) for one in profile.split("~"))
    return all(found is None or (int(found[1]), int(found[2])) < (2, 1) for found in named)


def submitted_action(said: str, *, replaces: bool, has_replaced: bool, version: int | None) -> Action | None:
    """What the metadata of a submission ask for; None when their parts contradict each other or the document.

    `said` is the action metadata: `C`, `D`, nothing (or `F`) for a new document; `replaces` tells of an RPLC
    association, `has_replaced` whether the document names one it replaces. The slot is an extension that many tools
    leave out: without it the association counts, else the document. Tools that write `C` for every second version name
    no document it replaces; the version number then says which one is over which.
    """
    word = said.strip().upper()
    if word == "D":
        return None if replaces else "delete"
    if word == "F":
        return None if replaces or has_replaced else "create"
    if word not in ("", "C"):
        return None
    if (word or replaces) and not has_replaced and (version or 0) < 2:
        return None
    return "replace" if word or replaces or has_replaced else "create"
