"""A whole run: the same bytes for the same seed, and sums that add up."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from pathlib import Path

import pytest

import simcore
from simcore.errors import ConfigError

FILES = ("bursts.parquet", "requests.parquet", "program.parquet", "summary.json")


def digests(run: Path) -> dict[str, str]:
    files = [*(run / name for name in FILES), *sorted((run / "events").iterdir())]
    return {
        str(file.relative_to(run)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
    }


@pytest.fixture(scope="module")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> simcore.RunResult:
    return simcore.simulate("tiny", out=tmp_path_factory.mktemp("run") / "tiny")


def test_the_same_seed_gives_the_same_bytes(
    tiny_run: simcore.RunResult, tmp_path: Path
) -> None:
    simcore.simulate("tiny", out=tmp_path / "again")
    assert tiny_run.path is not None
    assert digests(tmp_path / "again") == digests(tiny_run.path)


def test_another_seed_gives_other_events(
    tiny_run: simcore.RunResult, tmp_path: Path
) -> None:
    simcore.simulate("tiny", seed=2, out=tmp_path / "other")
    assert tiny_run.path is not None
    mine, other = digests(tiny_run.path), digests(tmp_path / "other")
    same = {name for name in mine if mine[name] == other.get(name)}
    # Rows of the program do not depend on the seed, but its metadata names it.
    assert same == set()


def test_every_check_of_a_run_holds(tiny_run: simcore.RunResult) -> None:
    assert [check.name for check in tiny_run.checks if not check.holds] == []
    assert tiny_run.holds
    assert len(tiny_run.checks) > 20


@pytest.mark.parametrize("marginal", ["phase", "stage", "channel", "operation"])
def test_the_wide_trace_adds_up_to_the_summary(
    tiny_run: simcore.RunResult, marginal: str
) -> None:
    assert tiny_run.path is not None
    trace = simcore.read_trace(tiny_run.path)
    table = trace.arrow([marginal, "energy_pj", "duration_ps"])
    energy: dict[str, list[float]] = defaultdict(list)
    busy: dict[str, int] = defaultdict(int)
    for name, pj, ps in zip(*(column.to_pylist() for column in table), strict=True):
        energy[name].append(pj)
        busy[name] += ps
    for name, expected in tiny_run.summary["energy_pj"][f"by_{marginal}"].items():
        assert math.fsum(energy[name]) == pytest.approx(expected, rel=1e-12)
    assert dict(busy) == tiny_run.summary["busy_ps"][f"by_{marginal}"]
    total = tiny_run.summary["energy_pj"]["total"]
    every = math.fsum(v for values in energy.values() for v in values)
    assert every == pytest.approx(total, rel=1e-12)


def test_program_energy_adds_up_by_component(tiny_run: simcore.RunResult) -> None:
    assert tiny_run.path is not None
    rows = (
        simcore.read_trace(tiny_run.path)
        .duckdb()
        .execute(
            """
            select component,
                   fsum(energy_pj_base
                        + energy_pj_per_token
                          * (b.context_length + coalesce(p.step, 0))
                        + energy_pj_per_committed * b.committed)
            from program_energy e
            join program p on p.op_id = e.op_id and p.resource_index = 0
            cross join bursts b
            group by component
            """
        )
        .fetchall()
    )
    expected = tiny_run.summary["energy_pj"]["by_component"]
    assert dict(rows) == pytest.approx(expected, rel=1e-12)
    assert tiny_run.summary["leakage"]["energy_pj"] > 0
    assert "leakage" not in expected


def test_bursts_runs_whole_requests_with_at_least_so_many() -> None:
    result = simcore.simulate("tiny", bursts=7)
    counts = result.summary["counts"]
    assert counts["bursts"] >= 7
    assert counts["tokens"] == counts["requests"] * 16
    fewer = simcore.simulate("tiny", requests=counts["requests"] - 1)
    assert fewer.summary["counts"]["bursts"] < 7


def test_bad_counts_are_refused_together() -> None:
    with pytest.raises(ConfigError) as caught:
        simcore.simulate("tiny", seed=-1, requests=0, bursts=0)
    assert [p.path for p in caught.value.problems] == [
        "seed",
        "requests",
        "bursts",
        "bursts",
    ]


def test_estimate_takes_paths_names_mappings_and_objects(tmp_path: Path) -> None:
    stats = tmp_path / "stats.json"
    stats.write_text('{"k": 2, "histogram": {"0": 1, "1": 1, "2": 2}}')
    by_path = simcore.estimate("tiny", "toy-ideal", stats, 64)
    mapping = {"k": 2, "histogram": {0: 1, 1: 1, 2: 2}}
    by_mapping = simcore.estimate("tiny", "toy-ideal", mapping, 64)
    by_object = simcore.estimate(
        simcore.load_model("tiny"),
        simcore.load_hardware("toy-ideal"),
        simcore.load_acceptance(mapping),
        64,
    )
    assert by_path.metrics == by_mapping.metrics == by_object.metrics
    assert by_path.metrics["committed_tokens_per_burst"] == pytest.approx(2.25)


def test_wasted_steps_and_accepted_tokens_follow_the_draws() -> None:
    always = {
        "name": "always",
        "model": "tiny",
        "hardware": "toy-ideal",
        "acceptance": {"kind": "fixed", "accepted": 3},
        "workload": {
            "mode": "burst",
            "prompt_length": 32,
            "draft_length": 3,
            "requests": 3,
        },
    }
    metrics = simcore.simulate(always).metrics
    assert metrics["committed_tokens_per_burst"]["value"] == 4
    assert metrics["wasted_verify_steps_per_burst"]["value"] == 0
