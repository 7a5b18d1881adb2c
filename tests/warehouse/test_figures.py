"""Figures: exact inside, protected outside, and equal to the truth of the synthetic nation."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from carnet import steps
from carnet.errors import OperatorError
from carnet.synth import generate
from tests.cda import cda
from tests.hub import Hub
from tests.support import take_folder
from warehouse.disclosure import protect, rounded
from warehouse.measure import Metric, metrics


def exact(hub: Hub) -> dict[str, list[dict[str, object]]]:
    steps.publish(hub.settings, hub.store)
    return {table["name"]: table["rows"] for table in steps.figures(hub.store, trusted=True)}


@pytest.mark.parametrize("faults", [0.0, 0.05])
def test_the_figures_equal_the_truth_of_the_synthetic_nation(hub: Hub, tmp_path: Path, faults: float) -> None:
    generate(tmp_path / "nation", patients=40, months=5, seed=11, faults=faults)
    take_folder(hub, tmp_path / "nation")
    truth = json.loads((tmp_path / "nation" / "truth.json").read_text("utf-8"))["figures"]
    found = exact(hub)
    assert set(found) == set(truth) | {"feeds"}
    for name, rows in truth.items():
        assert found[name] == rows, name


def test_a_file_that_came_twice_was_received_when_it_first_came_whichever_is_looked_at_first(tmp_path: Path) -> None:
    january, february = (datetime.fromisoformat(f"2026-0{month}-10T08:00:00+01:00") for month in (1, 2))
    for name, order in (("early", (january, february)), ("late", (february, january))):
        hub = Hub(tmp_path / name)
        for received_at in order:
            hub.take(cda("1"), received=received_at)
        (row,) = exact(hub)["documents_by_sender"]
        assert row == {"month": "2026-01", "sender": "demo", "documents": 1}
        assert [found["received_at"] for found in hub.deliveries()] == [january.isoformat()]


def test_publishing_twice_gives_the_same_and_reads_the_ledgers_list_only(hub: Hub) -> None:
    hub.take(cda("1"))
    before = exact(hub)
    stray = hub.store.lake / "documents" / "stray.parquet"
    stray.write_bytes(next((hub.store.lake / "documents").glob("*.parquet")).read_bytes())
    assert exact(hub) == before


def test_no_patient_value_is_in_the_lake_the_marts_or_the_published_set(hub: Hub) -> None:
    hub.take(cda("1", title="Titre confidentiel"))
    steps.publish(hub.settings, hub.store)
    steps.measure(hub.settings, hub.store)
    for folder in ("lake", "trusted", "published"):
        for path in (hub.store.home / folder).rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                for needle in (b"285034410900055", b"HOSTIS", b"confidentiel", b"1.2.250.1.999.1.1"):
                    assert needle not in content, path.name


def test_the_shell_reads_and_never_writes_or_looks_elsewhere(hub: Hub, tmp_path: Path) -> None:
    hub.take(cda("1"))
    steps.publish(hub.settings, hub.store)
    steps.measure(hub.settings, hub.store)
    assert "documents" in steps.query(hub.store, "SELECT * FROM documents_by_creation")
    (tmp_path / "x.csv").write_text("a\n1\n")
    for text in ("DROP TABLE documents_by_type", f"SELECT * FROM '{tmp_path}/x.csv'", "SELEC"):
        with pytest.raises(OperatorError):
            steps.query(hub.store, text)


def test_figures_before_publishing_say_what_to_do(hub: Hub) -> None:
    with pytest.raises(OperatorError, match="carnet publish"):
        steps.figures(hub.store, trusted=True)


def metric(keys: tuple[str, ...], unit: str = "documents") -> Metric:
    return Metric("m", "", "", unit, "", "", "", keys, "", "")


def test_small_cells_are_merged_within_their_month_and_hidden_when_still_small() -> None:
    rows = [
        {"month": "2026-01", "type_code": "A", "documents": 204, "persons": 90},
        {"month": "2026-01", "type_code": "B", "documents": 30, "persons": 8},
        {"month": "2026-01", "type_code": "C", "documents": 9, "persons": 7},
        {"month": "2026-02", "type_code": "A", "documents": 4, "persons": 4},
    ]
    assert protect(metric(("month", "type_code")), rows) == [
        {"month": "2026-01", "type_code": "A", "documents": 200},
        {"month": "2026-01", "type_code": "other", "documents": 40},
        {"month": "2026-02", "type_code": "other", "documents": None},
    ]


def test_a_share_is_computed_again_from_what_is_shown() -> None:
    rows = [{"month": "2026-01", "activations": 3, "cumulative": 144, "holders": 289, "share": 49.83, "persons": 3}]
    assert protect(metric(("month",), "persons"), rows) == [
        {"month": "2026-01", "activations": None, "cumulative": 140, "holders": 290, "share": 48.3}
    ]


@pytest.mark.parametrize(("value", "shown"), [(0, 0), (14, 10), (15, 20), (25, 30), (1004, 1000)])
def test_counts_are_rounded_to_ten(value: int, shown: int) -> None:
    assert rounded(value) == shown


def test_every_metric_declares_itself_and_its_sql_becomes_spark_sql() -> None:
    import sqlglot

    for name, found in metrics().items():
        for word in (found.title_fr, found.title_en, found.unit, found.numerator, found.denominator, found.grain):
            assert word, name
        assert sqlglot.transpile(found.sql, read="duckdb", write="spark")
    duckdb.connect(":memory:").close()
