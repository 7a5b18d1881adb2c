"""Where things are and who sends: the environment and senders.toml, read once, checked, frozen."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from carnet.errors import OperatorError
from quality.rules import Policy
from transforms.identity import AUTHORITIES, NIA, NIR

Kind = Literal["lab", "hospital", "device", "app", "insurer", "office"]


class Sender(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One declared sender. `rhythm` is the expected number of days between two deliveries."""

    id: str
    name: str
    kind: Kind
    finess: str = ""
    department: str = ""
    region: str = ""
    software: str = ""
    zone: str = "Europe/Paris"
    rhythm: int | None = None
    admits: tuple[str, ...] = (NIR, NIA)
    ins_key: Literal["flag", "refuse"] = "refuse"
    discordance: Literal["flag", "hold"] = "hold"
    routing: Literal["flag", "refuse"] = "flag"
    formats: tuple[str, ...] = ()
    """Connector families taken; empty: all."""

    def policy(self) -> Policy:
        return Policy(
            admits=frozenset(self.admits),
            ins_key=self.ins_key,
            discordance=self.discordance,
            routing=self.routing,
        )


class Settings(msgspec.Struct, frozen=True):
    """A home and its senders."""

    home: Path
    keys: Path
    senders: Mapping[str, Sender]
    database: str | None = None

    def kinds(self) -> dict[str, str]:
        """The kind of each sender, for the figures by nature of source."""
        return {sender.id: sender.kind for sender in self.senders.values()}

    def sender(self, id_: str) -> Sender:
        if id_ not in self.senders:
            raise OperatorError(
                f"unknown sender {id_!r}: declare it in {self.home / 'senders.toml'}, or use one of "
                + ", ".join(sorted(self.senders))
            )
        return self.senders[id_]


def load(home: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Settings of a home: `CARNET_HOME` (default `.carnet`), `CARNET_KEYS`, `CARNET_DATABASE`."""
    env = os.environ if environment is None else environment
    place = (home or Path(env.get("CARNET_HOME", ".carnet"))).absolute()
    keys = Path(env["CARNET_KEYS"]) if "CARNET_KEYS" in env else place / "keys"
    senders = shipped_senders()
    own = place / "senders.toml"
    if own.exists():
        try:
            text = own.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise OperatorError(f"{own}: cannot be read as UTF-8 text") from None
        senders |= _senders(text, str(own))
    return Settings(home=place, keys=keys.absolute() / "root.key", senders=senders, database=env.get("CARNET_DATABASE"))


def shipped_senders() -> dict[str, Sender]:
    """The senders that come with Carnet: `demo`, and those of the synthetic nation."""
    text = resources.files("carnet").joinpath("senders.toml").read_text(encoding="utf-8")
    return _senders(text, "senders.toml")


def _senders(text: str, where: str) -> dict[str, Sender]:
    try:
        tables = tomllib.loads(text)
        senders = {name: msgspec.convert({"id": name, **table}, Sender) for name, table in tables.items()}
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, TypeError) as error:
        raise OperatorError(f"{where}: {error}") from None
    for sender in senders.values():
        unknown = set(sender.admits) - set(AUTHORITIES)
        if unknown:
            raise OperatorError(f"{where}: [{sender.id}] admits an OID that is no INS authority: {sorted(unknown)[0]}")
        try:
            ZoneInfo(sender.zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise OperatorError(f"{where}: [{sender.id}] zone {sender.zone!r} is no IANA time zone") from None
    return senders
