"""A home, opened: its settings and its store, or one line on why it cannot be opened."""

from __future__ import annotations

from pathlib import Path

from carnet.errors import OperatorError
from carnet.settings import Settings, load
from warehouse.database import Unusable, WrongSchema
from warehouse.keys import FileKeys, KeysDoNotFit
from warehouse.store import Store


def open_home(home: Path | None = None) -> tuple[Settings, Store]:
    """Settings and store of a home (default `.carnet`, or `CARNET_HOME`), made on first use."""
    settings = load(home)
    try:
        return settings, Store(settings.home, FileKeys(settings.keys), settings.database)
    except KeysDoNotFit:
        raise OperatorError(
            "the keys (CARNET_KEYS) do not open this home: put back the keys it was made with"
        ) from None
    except WrongSchema:
        raise OperatorError(
            "this home was written by another version of Carnet: use that version, or a new home"
        ) from None
    except Unusable:
        raise OperatorError(
            "the database of this home cannot be used (damaged, locked or read-only): mend or restore it"
        ) from None
    except OSError as error:
        raise OperatorError(f"the home cannot be used: {error.strerror}") from None
