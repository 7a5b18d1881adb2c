"""The generator: the same arguments give the same bytes, and the size that `make run` can take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import pytest
from synth_feed import PARIS, Feed

from carnet.synth import generate
from carnet.synth.tables import SENDERS

ROOT = Path(__file__).parents[3]


def tree_hash(out: Path) -> str:
    digest = sha256()
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(out)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def test_two_runs_give_the_same_bytes_and_another_seed_gives_others(tmp_path: Path) -> None:
    first = generate(tmp_path / "a", patients=40, months=3, seed=1, faults=0.1)
    again = generate(tmp_path / "b", patients=40, months=3, seed=1, faults=0.1)
    generate(tmp_path / "c", patients=40, months=3, seed=2, faults=0.1)
    assert tree_hash(tmp_path / "a") == tree_hash(tmp_path / "b") != tree_hash(tmp_path / "c")
    assert first == again


def test_the_bytes_depend_on_no_hash_seed_clock_zone_or_folder(tmp_path: Path) -> None:
    code = "import sys, pathlib; from carnet.synth import generate; "
    code += "generate(pathlib.Path(sys.argv[1]), patients=15, months=2, seed=8, faults=0.2)"
    for name, hash_seed, zone in (("one", "1", "Asia/Tokyo"), ("two", "2", "America/Lima")):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": zone, "PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, "-c", code, str(tmp_path / name)], env=environment, check=True)
    generate(tmp_path / "here", patients=15, months=2, seed=8, faults=0.2)
    assert tree_hash(tmp_path / "one") == tree_hash(tmp_path / "two") == tree_hash(tmp_path / "here")


def test_what_it_returns_is_what_it_writes(tmp_path: Path) -> None:
    truth = generate(tmp_path, patients=20, months=2, seed=4)
    assert json.loads((tmp_path / "truth.json").read_text("utf-8")) == json.loads(truth.to_json())
    assert truth.parameters == {"patients": 20, "months": 2, "seed": 4, "faults": 0.0, "end_month": "2026-06"}


def test_the_months_end_where_asked(tmp_path: Path) -> None:
    truth = generate(tmp_path, patients=60, months=3, seed=4, end_month="2024-02")
    months = [row["month"] for row in truth.figures["document_states"]]
    assert months == ["2023-12", "2024-01", "2024-02"]


@pytest.mark.parametrize("wrong", [{"patients": 0}, {"months": 0}, {"faults": 1.5}])
def test_arguments_that_make_no_nation_are_refused(tmp_path: Path, wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="at least one patient"):
        generate(tmp_path, **{"patients": 5, "months": 1, "seed": 1, **wrong})


def test_a_folder_in_use_is_not_mixed_with_another_nation(tmp_path: Path) -> None:
    generate(tmp_path, patients=5, months=1, seed=1)
    with pytest.raises(FileExistsError, match="not empty"):
        generate(tmp_path, patients=5, months=1, seed=1)


def test_a_nation_of_one_person_is_possible(tmp_path: Path) -> None:
    truth = generate(tmp_path, patients=1, months=1, seed=1)
    assert truth.items["account_events"] >= 1


def test_every_delivery_has_a_sidecar_with_an_offset_and_every_other_file_is_known(nation: Feed) -> None:
    files = {path for path in nation.out.rglob("*") if path.is_file()}
    delivered = {delivery.path for delivery in nation.deliveries}
    others = {str(path.relative_to(nation.out)) for path in files - delivered if not path.name.endswith(".meta.json")}
    assert others == {"truth.json", "capteurs-sa/manifest.csv"}
    assert {delivery.sender for delivery in nation.deliveries} == set(SENDERS)
    assert all(delivery.received.utcoffset() is not None for delivery in nation.deliveries)
    assert nation.deliveries[-1].received < datetime.fromisoformat("2026-07-01T00:00:00+02:00")


def test_the_nation_of_make_run_is_small(nation: Feed) -> None:
    assert sum(1 for path in nation.out.rglob("*") if path.is_file()) < 2_500
    sizes = [len(cda.raw) for cda in nation.documents]
    assert min(sizes) > 7_000
    assert max(sizes) < 33_000


def test_documents_follow_the_week_and_grow_over_the_months(nation: Feed) -> None:
    days = [cda.created.astimezone(PARIS).weekday() for cda in nation.documents]
    assert days.count(6) < days.count(0) / 3
    received = {row["month"]: row["received"] for row in nation.truth["figures"]["document_states"]}
    first, last = (sum(received[f"{year}-{month:02d}"] for month in range(1, 7)) for year in (2025, 2026))
    assert last > first
