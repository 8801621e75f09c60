"""A sweep: the figures of its points, its folder, and what may interrupt it."""

from __future__ import annotations

import json
import multiprocessing
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import simcore
from simcore.analysis.k_sweep import sweep_draft_lengths
from simcore.errors import ConfigError, ProgramError, SimulationError
from simcore.experiments import sweep_figures
from simcore.experiments.sweep import SweepResult, sweep
from simcore.experiments.sweep_figures import METRICS, SweepTask
from simcore.trace.folder import FolderLock

K = "workload.draft_length"
PROMPT = "workload.prompt_length"
#: As little to simulate as makes sense.
SHORT = ("workload.max_tokens=4", "workload.requests=2")
GRID = {K: [0, 2], PROMPT: [8, 16]}


def short_sweep(**arguments: Any) -> SweepResult:
    return sweep("tiny", overrides=SHORT, **{"grid": GRID, **arguments})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a finished sweep; tests copy what they change."""
    folder = tmp_path_factory.mktemp("sweep") / "whole"
    short_sweep(out=folder)
    return folder


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def tables(folder: Path) -> list[bytes]:
    return [(folder / f"sweep.{kind}").read_bytes() for kind in ("parquet", "csv")]


def manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "sweep.json").read_bytes())
    return found


# Figures.


def test_estimates_are_those_of_the_closed_form_sweeps() -> None:
    ks, prompts = [0, 1, 3, 6], [16, 100, 1000]
    result = sweep("tiny", grid={K: ks, PROMPT: prompts}, method="estimate")
    swept = sweep_draft_lengths(simcore.load_scenario("tiny"), ks, prompts)
    rows = iter(result.rows)
    for at_k in swept.sweeps:
        for point in at_k.points():
            row = next(rows)
            assert row[K] == row["draft_length"] == at_k.scenario.workload.draft_length
            assert row[PROMPT] == point["prompt_length"]
            close = {
                name: pytest.approx(v, rel=1e-9) for name, v in point["metrics"].items()
            }
            assert {name: row[name] for name in METRICS} == close
            assert {name: row[f"closed_form_{name}"] for name in METRICS} == close
            assert row["speedup"] == pytest.approx(point["speedup"], rel=1e-9)
            assert row["tokens_per_joule_ratio"] == pytest.approx(
                point["ratio"]["tokens_per_joule"], rel=1e-9
            )
            assert row["break_even_committed_tokens"] == pytest.approx(
                point["break_even_committed_tokens"], rel=1e-9
            )
            assert row["checks_hold"] is None
    assert [(b.prompt_length, b.draft_length_by_throughput) for b in result.best] == [
        (b.prompt_length, b.by_throughput) for b in swept.best
    ]


def test_simulated_points_are_those_of_runs_alone() -> None:
    result = short_sweep()
    for row in result.rows:
        at = [f"{K}={row[K]}", f"{PROMPT}={row[PROMPT]}", *SHORT]
        alone = simcore.simulate(simcore.load_scenario("tiny", at))
        base = simcore.simulate(simcore.load_scenario("tiny", [*at, f"{K}=0"]))
        for name in METRICS:
            assert row[name] == alone.metrics[name]["value"]
            assert row[f"{name}_half_width"] == alone.metrics[name]["half_width"]
        counts = alone.summary["counts"]
        assert row["accepted_plus_one_per_burst"] == (
            counts["accepted_tokens"] / counts["bursts"] + 1
        )
        speedup = (
            base.metrics["latency_ns_per_token"]["value"]
            / alone.metrics["latency_ns_per_token"]["value"]
        )
        assert row["speedup"] == pytest.approx(speedup, rel=1e-12)
        assert row["checks_hold"] is True
        closed = alone.summary["closed_form"]
        assert row["closed_form_speedup"] == closed["ratio"]["speedup"]
        assert row["area_mm2"] == closed["area"]["on_chip_mm2"]
    # Two points without speculation, two with, and the baselines are the same chip.
    assert result.computed == 6


def test_without_baseline_nothing_is_compared() -> None:
    result = short_sweep(baseline=False)
    assert result.computed == 4
    assert {row["speedup"] for row in result.rows} == {None}
    assert {row["baseline_latency_ns_per_token"] for row in result.rows} == {None}
    assert result.break_even == []


def test_random_baselines_have_as_many_requests_as_their_points() -> None:
    scenario = simcore.load_scenario("tiny", [*SHORT, "streams=1"])
    assert sweep_figures.baseline_scenario(scenario).workload.requests == 1
    jittery = simcore.load_scenario("tiny", [*SHORT, "jitter_cv=0.1"])
    assert sweep_figures.baseline_scenario(jittery).workload.requests == 2
    late = ["arrival.kind=poisson", "arrival.rate_per_s=1e5"]
    arriving = simcore.load_scenario("tiny", [*SHORT, *late])
    assert sweep_figures.baseline_scenario(arriving).workload.requests == 2


def test_points_draw_the_same_numbers_whatever_their_settings() -> None:
    grid = {"schedule": ["serialized", "layer-pipelined"], PROMPT: [8, 16]}
    result = sweep("tiny", overrides=SHORT, grid=grid, baseline=False)
    accepted = {row["accepted_plus_one_per_burst"] for row in result.rows}
    assert len(accepted) == 1
    other = sweep("tiny", overrides=SHORT, grid=grid, baseline=False, seed=5)
    assert {row["accepted_plus_one_per_burst"] for row in other.rows} != accepted
    assert {row["seed"] for row in other.rows} == {5}


def test_bursts_of_each_point_are_whole_requests() -> None:
    result = short_sweep(bursts=3, baseline=False)
    for row in result.rows:
        assert row["bursts"] >= 3
        assert row["tokens"] == row["requests"] * 4
    # Four tokens take four bursts without speculation, and fewer with.
    assert [row["requests"] for row in result.rows[:2]] == [1, 1]


def test_requests_that_do_not_fit_the_streams_name_the_point() -> None:
    with pytest.raises(ConfigError) as caught:
        sweep("tiny", grid={"streams": [1, 4]}, requests=3)
    assert str(caught.value.problems[0]) == (
        "point 1 (streams=4): sweep.requests: got 3; must be a multiple of streams (4)."
    )


def test_equal_points_are_worked_out_once() -> None:
    result = sweep("tiny", points=[{K: 2}, {K: 3}, {K: 2}], method="estimate")
    assert result.computed == 2
    first, _, third = result.rows
    assert {**first, "point": 2} == third


def test_values_may_be_ranges_and_arrays() -> None:
    grid = {K: range(3), PROMPT: np.array([16, 32]), "jitter_cv": (0.0, 0.1)}
    result = sweep("tiny", grid=grid, method="estimate")
    assert len(result.rows) == 12
    assert {type(row[PROMPT]) for row in result.rows} == {int}


def test_the_warnings_of_points_say_whose_they_are() -> None:
    result = sweep(
        "qwen3-1.7b-k5",
        grid={K: [5, 4]},
        method="estimate",
        overrides=["workload.max_tokens=4"],
    )
    assert result.warnings == (
        "point 1: draft_length 4 is below the k = 5 of the acceptance: min(a, 4) is "
        "used, which is biased; a position replay serves any draft_length.",
    )


# Tables.


def test_columns_have_the_types_of_their_values() -> None:
    points: list[Mapping[str, Any]] = [
        {K: 1, "schedule": "serialized", "jitter_cv": 0},
        {K: 2, "jitter_cv": 0.5, "description": None},
        {K: 3, "description": "x"},
    ]
    table = sweep("tiny", points=points, method="estimate").table()
    types = {field.name: str(field.type) for field in table.schema}
    assert types[K] == "int64"
    assert types["jitter_cv"] == "double"
    assert types["description"] == "string"
    assert types["pareto"] == types["checks_hold"] == "bool"
    assert table["jitter_cv"].to_pylist() == [0.0, 0.5, None]
    assert table["description"].to_pylist() == [None, None, "x"]
    # A field that every point has anyway stands once, with the value in use.
    assert table.column_names.count("schedule") == 1
    assert table["schedule"].to_pylist() == [
        "serialized",
        "layer-pipelined",
        "layer-pipelined",
    ]


def test_values_of_several_kinds_become_text() -> None:
    grid = {"accounting.tile_parallelism": ["serial", 2, "all"]}
    table = sweep("tiny", grid=grid, method="estimate").table()
    assert table["accounting.tile_parallelism"].to_pylist() == ["serial", "2", "all"]


def test_the_files_hold_the_rows(whole: Path) -> None:
    table = pq.read_table(whole / "sweep.parquet")
    assert table.column_names[:3] == ["point", K, PROMPT]
    assert table["point"].to_pylist() == [0, 1, 2, 3]
    lines = (whole / "sweep.csv").read_text().splitlines()
    assert len(lines) == 5
    assert lines[0].startswith(f'"point","{K}","{PROMPT}","config_sha256"')
    found = manifest(whole)
    assert found["state"] == "complete"
    assert (
        table.schema.metadata[b"simcore.sweep_sha256"].decode()
        == (found["sweep_sha256"])
    )
    assert found["config"]["name"] == "tiny"
    assert found["sweep"]["grid"] == GRID
    assert [point["values"] for point in found["points"]][:2] == [
        {K: 0, PROMPT: 8},
        {K: 0, PROMPT: 16},
    ]
    assert found["findings"]["pareto"] == [0, 1]
    assert found["files"]["sweep.parquet"]["rows"] == 4
    assert found["versions"]["simcore"] == simcore.__version__


def test_nothing_is_written_without_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert short_sweep(method="estimate").path is None
    assert list(tmp_path.iterdir()) == []


# The folder.


def test_an_interrupted_sweep_goes_on_where_it_ended(
    whole: Path, tmp_path: Path
) -> None:
    def interrupt(done: int, total: int, unit: str, note: str = "") -> None:
        assert (total, unit) == (6, "simulations")
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        short_sweep(out=tmp_path / "out", progress=interrupt)
    assert manifest(tmp_path / "out")["state"] == "partial"
    assert not (tmp_path / "out" / "sweep.parquet").exists()
    result = short_sweep(out=tmp_path / "out")
    assert (result.resumed, result.computed) == (4, 2)
    assert tables(tmp_path / "out") == tables(whole)


def test_a_finished_sweep_is_not_worked_out_again(whole: Path, copy: Path) -> None:
    result = short_sweep(out=copy)
    assert (result.resumed, result.computed) == (6, 0)
    assert tables(copy) == tables(whole)


def test_force_works_everything_out_again(whole: Path, copy: Path) -> None:
    result = short_sweep(out=copy, force=True)
    assert (result.resumed, result.computed) == (0, 6)
    assert tables(copy) == tables(whole)


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_point_is_worked_out_again(
    whole: Path, copy: Path, seed: int
) -> None:
    draws = np.random.default_rng(seed)
    points = sorted((copy / "points").iterdir())
    victim = points[draws.integers(len(points))]
    content = bytearray(victim.read_bytes())
    if seed % 2:
        del content[draws.integers(len(content)) :]
    else:
        content[draws.integers(len(content))] ^= 1 << int(draws.integers(7))
    victim.write_bytes(bytes(content))
    result = short_sweep(out=copy)
    assert tables(copy) == tables(whole)
    assert (result.resumed, result.computed) == (5, 1)


@pytest.mark.parametrize("change", [{"simcore": "0.0.0"}, {"method": "estimate"}])
def test_a_point_of_another_version_or_method_does_not_count(
    copy: Path, change: Mapping[str, str]
) -> None:
    from simcore.experiments.sweep_folder import _digest

    victim = min((copy / "points").iterdir())
    content = json.loads(victim.read_bytes())
    del content["content_sha256"]
    content |= change
    content["content_sha256"] = _digest(content)
    victim.write_text(json.dumps(content))
    assert short_sweep(out=copy).computed == 1


def test_another_sweep_in_the_folder_is_refused_by_both_hashes(copy: Path) -> None:
    there = manifest(copy)["sweep_sha256"][:16]
    with pytest.raises(ConfigError) as caught:
        short_sweep(out=copy, grid={K: [1]})
    mine = short_sweep(grid={K: [1]}).sweep_sha256[:16]
    assert str(caught.value.problems[0]) == (
        f"{copy}: the folder holds another sweep ({there}); this one is {mine}. Use "
        "--force to replace it, or choose another folder."
    )
    assert short_sweep(out=copy, grid={K: [1]}, force=True).computed == 2
    assert len(list((copy / "points").iterdir())) == 2


def test_points_without_a_manifest_are_refused(copy: Path) -> None:
    (copy / "sweep.json").write_text("{")
    with pytest.raises(ConfigError, match=r"without a readable sweep\.json"):
        short_sweep(out=copy)
    (copy / "sweep.json").unlink()
    with pytest.raises(ConfigError, match=r"without a readable sweep\.json"):
        short_sweep(out=copy)


@pytest.mark.parametrize("name", ["notes.txt", "points/mine.json", "events/x"])
def test_files_of_others_are_never_touched(copy: Path, name: str) -> None:
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).write_text("mine")
    with pytest.raises(ConfigError, match=r"which no sweep wrote\. Choose another"):
        short_sweep(out=copy, force=True)
    assert (copy / name).read_text() == "mine"
    assert manifest(copy)["state"] == "complete"


def test_a_folder_is_written_by_one_process_at_a_time(copy: Path) -> None:
    lock = FolderLock(copy)
    try:
        with pytest.raises(ConfigError, match="is writing here"):
            short_sweep(out=copy)
    finally:
        lock.release()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(ConfigError, match="is a file, not a folder"):
        short_sweep(out=tmp_path / "out", method="estimate")


def test_remains_of_a_killed_process_are_removed(copy: Path) -> None:
    remains = copy / "points" / f".{'0' * 64}.json.tmp-99999999-0123abcd"
    remains.write_text("half")
    short_sweep(out=copy)
    assert not remains.exists()


# What goes wrong.


def test_what_cannot_run_is_told_for_all_points_before_any_runs(
    tmp_path: Path,
) -> None:
    grid = {K: [1, 2], "schedule": ["serialized", "overlap"]}
    with pytest.raises(ProgramError) as caught:
        short_sweep(grid=grid, out=tmp_path / "out")
    text = str(caught.value)
    assert text.startswith(
        "point 1 (workload.draft_length=1, schedule=overlap) and 1 more: schedule "
        "overlap needs hardware.reuse_policy: reuse"
    )
    assert text.count("\n") == 0
    assert not (tmp_path / "out").exists()


def test_a_simulation_that_fails_names_its_point_and_keeps_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = SweepTask.figures

    def fail(task: SweepTask) -> dict[str, Any]:
        if task.scenario.workload.draft_length == 2:
            raise SimulationError("deadlock at t = 1 ps")
        return work(task)

    monkeypatch.setattr(SweepTask, "figures", fail)
    with pytest.raises(SimulationError) as caught:
        short_sweep(out=tmp_path / "out")
    assert str(caught.value) == (
        "point 2 (workload.draft_length=2, workload.prompt_length=8): deadlock at "
        "t = 1 ps"
    )
    monkeypatch.undo()
    assert short_sweep(out=tmp_path / "out").resumed == 2


def test_a_check_that_fails_at_one_point_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    work = sweep_figures.simulated_figures

    def doubtful(scenario: Any) -> dict[str, Any]:
        k = scenario.workload.draft_length
        return {**work(scenario), "checks_hold": k != 2}

    monkeypatch.setattr(sweep_figures, "simulated_figures", doubtful)
    result = short_sweep()
    assert not result.holds
    assert [row["checks_hold"] for row in result.rows] == [True, True, False, False]


def test_jobs_must_be_positive() -> None:
    with pytest.raises(ConfigError, match="jobs: got 0; must be >= 1"):
        short_sweep(jobs=0)


# Processes.


def test_results_do_not_depend_on_the_number_of_processes_nor_on_their_death(
    whole: Path, tmp_path: Path
) -> None:
    killed = []

    def kill_one(done: int, total: int, unit: str, note: str = "") -> None:
        if done == 1 and not killed:
            child = multiprocessing.active_children()[0]
            child.kill()
            killed.append(child)

    result = short_sweep(out=tmp_path / "out", jobs=2, progress=kill_one)
    assert killed
    assert result.computed == 6
    assert tables(tmp_path / "out") == tables(whole)
    assert multiprocessing.active_children() == []


def test_a_failure_in_a_process_ends_all_of_them() -> None:
    def stop(done: int, total: int, unit: str, note: str = "") -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        short_sweep(jobs=2, progress=stop)
    assert multiprocessing.active_children() == []
