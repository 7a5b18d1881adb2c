"""Everything the pages of one language are made of, and how its names and numbers are said."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from warehouse.dashboard.figures import PLANS, Grid, Plan, Rows, grid
from warehouse.dashboard.words import Words
from warehouse.measure import Metric


class Sender(msgspec.Struct, frozen=True):
    """What is declared of a sender and may be shown."""

    name: str
    kind: str
    rhythm: int | None = None
    """Days expected between two deliveries."""


class Scene(msgspec.Struct, frozen=True):
    """Everything the pages of one language are made of."""

    words: Words
    tables: Mapping[str, Rows]
    definitions: Mapping[str, Metric]
    generated_at: str
    senders: Mapping[str, Sender]

    @property
    def month(self) -> str:
        return self.generated_at[:7]

    def grid(self, name: str) -> Grid:
        """The grid of a figure; senders by their declared names."""
        plan = PLANS[name]
        rows: Rows = self.tables.get(plan.metric, [])
        if "sender" in (plan.row, plan.pivot):
            rows = [{**row, "sender": self.sender(str(row["sender"]))} for row in rows]
        return grid(plan, rows, self.month)

    def sender(self, id_: str) -> str:
        return self.senders[id_].name or id_ if id_ in self.senders else id_

    def label(self, plan: Plan, name: str) -> str:
        """The name of a series."""
        groups = {"kind": "kind", "type_code": "type", "measure": "measure", "end": "end", "sender": "sender"}
        return self.words.label(groups[plan.pivot] if plan.pivot else "series", name)

    def value(self, plan: Plan, value: float | None) -> str:
        if value is None:
            return self.words("hidden")
        return self.words.percent(value) if plan.unit == "percent" else self.words.number(value)
