"""Reads a generated nation back from its files alone, with other code than wrote them."""

from __future__ import annotations

import base64
import csv
import json
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

import hl7
from lxml import etree

V3 = {"v3": "urn:hl7-org:v3"}
PARIS = ZoneInfo("Europe/Paris")
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)


@dataclass(frozen=True)
class Delivery:
    sender: str
    path: Path
    received: datetime

    @property
    def month(self) -> str:
        return self.received.astimezone(PARIS).strftime("%Y-%m")


@dataclass(frozen=True)
class Message:
    delivery: Delivery
    parsed: hl7.Message

    @cached_property
    def text(self) -> str:
        return str(self.parsed)

    def field(self, segment: str, number: int) -> str:
        found = self.parsed.segment(segment)
        return str(found[number]) if number < len(found) else ""

    def component(self, segment: str, number: int, part: int) -> str:
        parts = self.field(segment, number).split("^")
        return parts[part - 1] if part <= len(parts) else ""

    @property
    def kind(self) -> str:
        return "^".join(self.field("MSH", 9).split("^")[:2])

    @property
    def payloads(self) -> list[str]:
        """OBX-5.5 of the OBX that carry a document."""
        return [str(obx[5]).split("^")[4] for obx in self.parsed.segments("OBX") if str(obx[2]) == "ED"]

    @property
    def orders(self) -> list[str]:
        return [str(obr[3]).split("^")[0] for obr in self.parsed.segments("OBR")]


@dataclass(frozen=True)
class Cda:
    delivery: Delivery
    raw: bytes
    message: Message | None = None

    @cached_property
    def root(self) -> etree._Element:
        return etree.fromstring(self.raw, _PARSER)

    def all(self, path: str) -> list[etree._Element]:
        return self.root.xpath(path, namespaces=V3)

    def value(self, path: str) -> str:
        (found,) = self.root.xpath(path, namespaces=V3)
        return str(found)

    @property
    def id(self) -> str:
        return self.value("v3:id/@root")

    @property
    def code(self) -> str:
        return self.value("v3:code/@code")

    @property
    def created(self) -> datetime:
        return datetime.strptime(self.value("v3:effectiveTime/@value"), "%Y%m%d%H%M%S%z")

    @property
    def event(self) -> str:
        return self.message.kind if self.message else "file"

    @property
    def ins(self) -> tuple[str, str]:
        (found,) = self.all("v3:recordTarget/v3:patientRole/v3:id[starts-with(@root, '1.2.250.1.213.1.4.')]")
        return found.get("extension"), found.get("root")

    @property
    def traits(self) -> tuple[str, ...]:
        patient = "v3:recordTarget/v3:patientRole/v3:patient"
        return (
            self.value(f"{patient}/v3:name/v3:family[@qualifier='BR']/text()"),
            self.value(f"{patient}/v3:name/v3:given[@qualifier='BR']/text()"),
            self.value(f"{patient}/v3:name/v3:given[not(@qualifier)]/text()"),
            self.value(f"{patient}/v3:birthTime/@value"),
            self.value(f"{patient}/v3:administrativeGenderCode/@code"),
            self.value(f"{patient}/v3:birthplace/v3:place/v3:addr/v3:county/text()"),
        )


@dataclass
class Feed:
    """A nation as a hub would find it."""

    out: Path

    @cached_property
    def truth(self) -> dict:
        return json.loads((self.out / "truth.json").read_text("utf-8"))

    @cached_property
    def deliveries(self) -> list[Delivery]:
        found = []
        for sidecar in sorted(self.out.rglob("*.meta.json")):
            path = sidecar.with_name(sidecar.name.removesuffix(".meta.json"))
            received = datetime.fromisoformat(json.loads(sidecar.read_text("utf-8"))["received_at"])
            found.append(Delivery(path.relative_to(self.out).parts[0], path, received))
        return sorted(found, key=lambda delivery: (delivery.received, str(delivery.path)))

    @cached_property
    def batches(self) -> list[tuple[Delivery, hl7.File | list[hl7.Message]]]:
        return [(delivery, _read(delivery)) for delivery in self.deliveries if delivery.path.suffix == ".hl7"]

    @cached_property
    def messages(self) -> list[Message]:
        return [
            Message(delivery, message)
            for delivery, found in self.batches
            for message in (found[0] if isinstance(found, hl7.File) else found)
        ]

    @cached_property
    def documents(self) -> list[Cda]:
        """Every CDA that can be read, as often as it arrives, in order of arrival."""
        files = [
            Cda(delivery, delivery.path.read_bytes())
            for delivery in self.deliveries
            if delivery.sender in ("chu-garonne", "clinique-armor") and delivery.path.suffix == ".xml"
        ]
        enclosed = [
            Cda(message.delivery, base64.b64decode(payload, validate=True), message)
            for message in self.messages
            for payload in message.payloads
        ]
        return sorted([*files, *enclosed], key=lambda cda: cda.delivery.received)

    @cached_property
    def events(self) -> list[dict[str, str]]:
        found = []
        for path in sorted((self.out / "assurance").glob("*.csv")):
            with path.open(encoding="utf-8", newline="") as stream:
                found += list(csv.DictReader(stream))
        return found


def _read(delivery: Delivery) -> hl7.File | list[hl7.Message]:
    """A file as python-hl7 has it: a batch, or bare messages. Its segments end with CR, ours with CR or LF."""
    raw = delivery.path.read_bytes().replace(b"\n", b"\r")
    text = raw.decode("iso8859-15" if b"|8859/15" in raw else "utf-8")
    if text.startswith("FHS|"):
        return hl7.parse_file(text)
    return [hl7.parse(f"MSH{message}") for message in f"\r{text}".split("\rMSH")[1:]]
