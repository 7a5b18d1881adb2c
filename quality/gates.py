"""The gates: batches of pseudonymised facts held to their suites by Great Expectations, counts and shapes out.

Findings are about a batch of a sender's deliveries; they never change the end of an item. Only the `adoption` DAG runs
this: the engine costs 4 s and 250 MB to load, which no command should pay. Values that broke an expectation never
enter a report, an exception or a log: they may be a patient's.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import pyarrow as pa

from quality.expectations import LISTS, Expected, Past, Severity, SuiteBroken, Words, limits, resolve, suites
from transforms.accounts import DEPARTMENT_CODES

if TYPE_CHECKING:
    import pandas as pd

Outcome = Literal["passed", "failed", "broken", "skipped"]

MEASURED = {"expect_table_row_count_to_be_between", "expect_column_kl_divergence_to_be_less_than"}
"""Expectations whose observed value is a number about the batch, never a value of a row."""
FEWEST_DEPARTMENTS = 15
"""Below this a feed is regional, and its departments may meet the ages of its people by chance."""


DERIVED = {"person_department": "department", "department_echoes_age": "department"}
"""Columns made for a whole batch to be judged by, and the column they are about."""


class Batch(msgspec.Struct, frozen=True):
    """What is judged at once: segments of one kind that one sender's deliveries became."""

    kind: str
    sender: str
    deliveries: tuple[str, ...]
    """Short ids."""
    segments: tuple[str, ...]
    """Names of lake segments; the first one names the batch."""

    @property
    def name(self) -> str:
        return self.segments[0]


class Check(msgspec.Struct, frozen=True):
    """One expectation held against one batch. `broken`: it could not be evaluated, which says nothing of the data."""

    name: str
    column: str
    dimension: str
    severity: Severity
    outcome: Outcome
    words: Words
    checked: int = 0
    unexpected: int = 0
    observed: float | None = None


class BatchReport(msgspec.Struct, frozen=True):
    """What the gate says of one batch, and the counts later batches are compared with."""

    batch: Batch
    rows: int
    checks: tuple[Check, ...]
    departments: dict[str, int] = {}
    """Persons by department, of the closed list only (account events)."""
    held: int = 0
    """Expectations evaluated or broken; the others had too few rows, or no past, to say anything."""

    @property
    def faults(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.outcome in ("failed", "broken"))

    def trimmed(self) -> BatchReport:
        """What is worth keeping: the faults and the counts."""
        return msgspec.structs.replace(self, checks=self.faults)

    @property
    def stops(self) -> bool:
        """Whether a critical expectation failed, or could not be evaluated: what is not known to be good waits."""
        return any(check.severity == "critical" for check in self.faults)

    @property
    def outcome(self) -> Literal["stopped", "warned", "passed"]:
        if self.stops:
            return "stopped"
        return "warned" if self.faults else "passed"


class GateReport(msgspec.Struct, frozen=True):
    """All batches of one run, in order."""

    batches: tuple[BatchReport, ...]

    @property
    def stops(self) -> bool:
        return any(batch.stops for batch in self.batches)


def run(
    tables: Mapping[Batch, pd.DataFrame | pa.Table],
    suites: Mapping[str, tuple[Expected, ...]],
    *,
    senders: Collection[str],
    past: Mapping[tuple[str, str], Past] | None = None,
) -> GateReport:
    """Hold every batch to the suite of its kind, in order; a batch that passes is past for those that follow.

    `tables` may be lazy: each is read once, in the mapping's order. `past` is by (kind, sender).
    """
    if not tables:
        return GateReport(())
    known = dict(past or {})
    reports = []
    engine = Engine()
    for batch in tables:
        before = known.get((batch.kind, batch.sender), Past())
        report = _judge(engine, batch, _frame(batch.kind, tables[batch]), suites[batch.kind], senders, before)
        if not report.stops:
            known[(batch.kind, batch.sender)] = before.joined(report.departments, report.rows)
        reports.append(report)
    return GateReport(tuple(reports))


def _judge(
    engine: Engine,
    batch: Batch,
    frame: pd.DataFrame,
    suite: tuple[Expected, ...],
    senders: Collection[str],
    past: Past,
) -> BatchReport:
    departments = _departments(frame)
    known = {"@senders": sorted(senders)} | limits(sum(departments.values()), past)
    ready: list[tuple[Expected, dict[str, Any]]] = []
    checks = []
    for expected in suite:
        kwargs = resolve(expected, known)
        if kwargs is None or _values(frame, expected.column) < expected.min_rows:
            checks.append(_check(expected, "skipped"))
        else:
            ready.append((expected, kwargs))
    checks += engine.hold(frame, ready)
    order = {expected.name: position for position, expected in enumerate(suite)}
    checks.sort(key=lambda check: order[check.name])
    return BatchReport(batch=batch, rows=len(frame), checks=tuple(checks), departments=departments, held=len(ready))


class Engine:
    """Great Expectations with an ephemeral context: no folder, no telemetry, no progress bar."""

    def __init__(self) -> None:
        os.environ["GX_ANALYTICS_ENABLED"] = "false"
        import great_expectations as gx

        # Its own errors quote values of the batch.
        logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
        self._gx = gx
        self._context = gx.get_context(mode="ephemeral")
        self._context.variables.progress_bars = {"globally": False, "metric_calculations": False}
        asset = self._context.data_sources.add_pandas("lake").add_dataframe_asset("batch")
        self._whole = asset.add_batch_definition_whole_dataframe("whole")

    def hold(self, frame: pd.DataFrame, ready: list[tuple[Expected, dict[str, Any]]]) -> list[Check]:
        """The checks of these expectations on one frame."""
        if not ready:
            return []
        dicts = [
            {"type": e.type, "kwargs": kwargs, "severity": e.severity, "meta": {"name": e.name}} for e, kwargs in ready
        ]
        suite = self._gx.ExpectationSuite(name="suite", expectations=dicts)
        if len(suite.expectations) != len(dicts):  # a type it does not know is left out with no more than a log line
            raise SuiteBroken("the engine left out an expectation whose type it does not know")
        batch = self._whole.get_batch(batch_parameters={"dataframe": frame})
        result = batch.validate(suite, result_format={"result_format": "BASIC", "partial_unexpected_count": 0})
        by_name = {expected.name: expected for expected, _ in ready}
        return [_checked(by_name[one.expectation_config.meta["name"]], one) for one in result.results]


def _checked(expected: Expected, result: Any) -> Check:
    """The counts of one result. An expectation that raised has `success=False` and an empty result."""
    counts = result.result
    if not result.success and _raised(result.exception_info):
        return _check(expected, "broken")
    observed = counts.get("observed_value") if expected.type in MEASURED else None
    return _check(
        expected,
        "passed" if result.success else "failed",
        checked=int(counts.get("element_count", 0)) - int(counts.get("missing_count") or 0),
        unexpected=int(counts.get("unexpected_count") or 0),
        observed=round(float(observed), 3) if observed is not None and math.isfinite(observed) else None,
    )


def _raised(info: Mapping[str, Any]) -> bool:
    return any(
        one.get("raised_exception")
        for one in ([info] if "raised_exception" in info else [v for v in info.values() if isinstance(v, Mapping)])
    )


def _check(expected: Expected, outcome: Outcome, **counts: Any) -> Check:
    return Check(
        name=expected.name,
        column=DERIVED.get(expected.column, expected.column),
        dimension=expected.dimension,
        severity=expected.severity,
        outcome=outcome,
        words=expected.words,
        **counts,
    )


def _frame(kind: str, table: pd.DataFrame | pa.Table) -> pd.DataFrame:
    """The batch as the engine takes it, with the columns that only a whole batch can be judged by."""
    frame: pd.DataFrame = table.to_pandas() if isinstance(table, pa.Table) else table
    if kind != "accounts" or not {"pseudonym", "department", "age_band", "month"} <= set(frame.columns):
        return frame
    return frame.assign(
        # Only listed departments are compared with the past; the others are counted by `department_listed`.
        person_department=frame["department"].where(
            ~frame["pseudonym"].duplicated() & frame["department"].isin([*DEPARTMENT_CODES, ""])
        ),
        department_echoes_age=list(_echoes(frame)),
    )


def _echoes(frame: pd.DataFrame) -> Iterator[int]:
    """1 where the department, read as the end of a birth year, gives the very age band of the row."""
    regional = frame["department"].nunique() < FEWEST_DEPARTMENTS
    for department, band, month in zip(frame["department"], frame["age_band"], frame["month"], strict=True):
        low = str(band).partition("-")[0].rstrip("+")
        if regional or not (str(department).isdigit() and low.isdigit() and str(month)[:4].isdigit()):
            yield 0
            continue
        ages = [int(str(month)[:4]) - century - int(department) for century in (1900, 2000)]
        top = int(low) + (9 if "-" in str(band) else 40)
        yield int(any(int(low) <= age <= top for age in ages))


def _departments(frame: pd.DataFrame) -> dict[str, int]:
    """Persons by department; what is outside the closed list is left to the expectations."""
    if "person_department" not in frame.columns:
        return {}
    counts = frame["person_department"].value_counts()
    return {code: int(counts[code]) for code in LISTS["@departments"] if code in counts.index}


def _values(frame: pd.DataFrame, column: str) -> int:
    return int(frame[column].notna().sum()) if column in frame.columns else len(frame)


__all__ = ["Batch", "BatchReport", "Check", "GateReport", "SuiteBroken", "run", "suites"]
