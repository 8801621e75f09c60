"""Flipped bits and cut files: nothing damaged is accepted, and `resume` repairs.

Holds C2 and C3. The seed of the random cases is in the name of the test.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from small_runs import SHARDS, change_plan, hashes, quick, small_plan, unfinished

import simcore
from simcore.errors import TraceError
from simcore.experiments.mend import mend
from simcore.experiments.plan import plan_of
from simcore.experiments.resume import rerun, resume
from simcore.experiments.run import execute
from simcore.experiments.shard_files import load_shard, read_receipt
from simcore.trace.reader import read_trace
from simcore.trace.schema import RUN_PLAN

pytestmark = pytest.mark.usefixtures("no_sync")

#: Shards that are finished in the unfinished run.
FINISHED = SHARDS - 1


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("begun") / "run"
    unfinished(folder, FINISHED)
    return folder


def damage(path: Path, draw: np.random.Generator) -> str:
    """Cut a file or flip one of its bits; what was done."""
    data = bytearray(path.read_bytes())
    place = int(draw.integers(len(data)))
    if draw.integers(2):
        path.write_bytes(data[:place])
        return f"{path.name} cut at {place}"
    bit = int(draw.integers(8))
    data[place] ^= 1 << bit
    path.write_bytes(data)
    return f"{path.name} bit {bit} of byte {place}"


def shard_of(name: str) -> int | None:
    """Which shard a file belongs to: `shards/sums-00003.parquet`."""
    number = name.partition(".")[0].rpartition("-")[2]
    return int(number) if number.isdigit() else None


@pytest.mark.parametrize("seed", [21, pytest.param(22, marks=pytest.mark.slow)])
def test_a_damaged_shard_is_never_taken_for_finished(begun: Path, seed: int) -> None:
    plan, draw = small_plan(), np.random.default_rng(seed)
    # Of the part that was being written when the run ended there is nothing.
    names = [n for n in hashes(begun) if shard_of(n) is not None]
    assert len(names) == FINISHED * 5  # receipt, bursts, requests, sums, part
    for case in range(200):
        name = names[case % len(names)]
        path, shard = begun / name, shard_of(name)
        assert shard is not None
        before = path.read_bytes()
        told = damage(path, draw)
        assert load_shard(begun, plan, shard) is None, (seed, case, told)
        path.write_bytes(before)
        assert load_shard(begun, plan, shard) is not None, (seed, case, told)


@pytest.mark.parametrize(
    ("seed", "cases"), [(23, 5), pytest.param(24, 50, marks=pytest.mark.slow)]
)
def test_an_unfinished_run_with_damage_is_completed_to_the_byte(
    tmp_path: Path, begun: Path, whole: dict[str, str], seed: int, cases: int
) -> None:
    draw = np.random.default_rng(seed)
    names = [name for name in hashes(begun) if name != RUN_PLAN]
    for case in range(cases):
        run = tmp_path / str(case)
        shutil.copytree(begun, run)
        name = names[int(draw.integers(len(names)))]
        told = damage(run / name, draw)
        done = resume(run, quick())
        expected = FINISHED - 1 if shard_of(name) is not None else FINISHED
        assert done.kept == expected, (seed, case, told)
        assert hashes(run) == whole, (seed, case, told)


@pytest.mark.parametrize("seed", [25])
def test_a_damaged_plan_is_refused_and_nothing_touched(begun: Path, seed: int) -> None:
    draw = np.random.default_rng(seed)
    path = begun / RUN_PLAN
    original = path.read_bytes()
    before = hashes(begun)
    for case in range(60):
        told = damage(path, draw)
        with pytest.raises(TraceError) as caught:
            resume(begun, quick())
        assert str(caught.value).startswith(f"{path}: the file is damaged: "), told
        assert "\n" not in str(caught.value), (case, told)
        assert str(caught.value).endswith("Run the scenario again with --force")
        path.write_bytes(original)
    assert hashes(begun) == before


def test_a_receipt_that_lies_about_its_part_is_not_believed(
    tmp_path: Path, begun: Path
) -> None:
    """Its number of rows would have gone into the manifest."""
    run = tmp_path / "run"
    shutil.copytree(begun, run)
    path = run / "shards" / "receipt-00001.json"
    receipt = json.loads(path.read_bytes())
    receipt["files"]["events/part-00001.parquet"]["rows"] += 1
    path.write_text(json.dumps(receipt))
    assert load_shard(run, small_plan(), 1) is None


def test_a_receipt_under_the_name_of_another_is_not_believed(
    tmp_path: Path, begun: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(begun, run)
    receipts = run / "shards"
    shutil.copy(receipts / "receipt-00001.json", receipts / "receipt-00002.json")
    assert read_receipt(run, 1) is not None
    assert read_receipt(run, 2) is None


def test_a_changed_configuration_is_refused_with_both_hashes(
    tmp_path: Path, begun: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(begun, run)
    config = json.loads((run / RUN_PLAN).read_bytes())["config"]
    change_plan(run, config={**config, "seed": 2})
    with pytest.raises(TraceError) as caught:
        resume(run, quick())
    was, now = (
        plan.metadata()["simcore.config_sha256"][:12]
        for plan in (small_plan(), small_plan("seed=2"))
    )
    assert str(caught.value) == (
        f"{run}/shards/plan.json: its configuration is damaged: it hashes to {now}, "
        f"the file says '{was}'"
    )


def test_shards_of_another_run_are_refused_with_both_hashes(
    tmp_path: Path, begun: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(begun, run)
    unfinished(tmp_path / "other", 1, small_plan("seed=2"))
    shutil.copy(tmp_path / "other" / RUN_PLAN, run / RUN_PLAN)
    before = hashes(run)
    with pytest.raises(TraceError) as caught:
        resume(run, quick())
    was, now = (
        plan.metadata()["simcore.config_sha256"][:12]
        for plan in (small_plan(), small_plan("seed=2"))
    )
    assert str(caught.value) == (
        f"{run}: shard 0 is of another run: simcore.config_sha256 {was} instead of "
        f"{now}. Run the scenario again with --force"
    )
    assert hashes(run) == before


def test_a_run_begun_by_another_version_is_refused(tmp_path: Path, begun: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(begun, run)
    change_plan(run, simcore_version="0.0.9")
    with pytest.raises(TraceError) as caught:
        resume(run, quick())
    assert str(caught.value) == (
        f"{run}: the run was begun by simcore '0.0.9', this is {simcore.__version__}; "
        "shards of two versions are never mixed"
    )


@pytest.mark.parametrize("folder", ["empty", "missing"])
def test_where_nothing_was_begun_there_is_nothing_to_resume(
    tmp_path: Path, folder: str
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(TraceError) as caught:
        resume(tmp_path / folder)
    assert str(caught.value) == (
        f"{tmp_path / folder}: there is nothing to resume; the folder holds no run "
        "that was begun"
    )
    assert not (tmp_path / "missing").exists()


# Complete runs.


@pytest.fixture
def run(tmp_path: Path, whole_run: Path) -> Path:
    shutil.copytree(whole_run, tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.parametrize("seed", [31, pytest.param(32, marks=pytest.mark.slow)])
def test_a_damaged_complete_run_is_never_read(run: Path, seed: int) -> None:
    draw = np.random.default_rng(seed)
    names = [*hashes(run), "run.json"]
    for case in range(200):
        path = run / names[case % len(names)]
        original = path.read_bytes()
        told = damage(path, draw)
        with pytest.raises(TraceError) as caught:
            read_trace(run)
        assert str(path) in str(caught.value), (seed, case, told)
        path.write_bytes(original)
    assert read_trace(run).has_bursts


@pytest.mark.parametrize(
    ("seed", "cases"), [(33, 4), pytest.param(34, 50, marks=pytest.mark.slow)]
)
def test_a_damaged_complete_run_is_mended_to_the_byte(
    run: Path, whole: dict[str, str], seed: int, cases: int
) -> None:
    draw = np.random.default_rng(seed)
    names = sorted(whole)
    manifest = (run / "run.json").read_bytes()
    for case in range(cases):
        name = names[int(draw.integers(len(names)))]
        told = damage(run / name, draw)
        done = resume(run, quick(cross_check=True))
        assert done.mended == (name,), (seed, case, told)
        assert hashes(run) == whole, (seed, case, told)
        # Not even the manifest is another.
        assert (run / "run.json").read_bytes() == manifest
    assert [path.name for path in run.parent.iterdir()] == ["run"]


@pytest.mark.parametrize("loss", ["a part", "all events", "a table and the summary"])
def test_lost_files_of_a_complete_run_are_mended(
    run: Path, whole: dict[str, str], loss: str
) -> None:
    lost = {
        "a part": [run / "events" / "part-00002.parquet"],
        "all events": sorted((run / "events").iterdir()),
        "a table and the summary": [run / "bursts.parquet", run / "summary.json"],
    }[loss]
    for path in lost:
        path.unlink()
    if loss == "all events":
        (run / "events").rmdir()
    done = resume(run, quick())
    assert set(done.mended) == {str(path.relative_to(run)) for path in lost}
    assert hashes(run) == whole
    assert resume(run, quick()).result is None


@pytest.mark.parametrize(
    ("old", "new", "mended"),
    [
        ('"wall_s": ', '"wall_s": 1', True),
        ('"rows": ', '"rows": 1', True),
        ('"sha256": "', '"sha256": "0', True),
        ('"state": "complete"', '"state": "compl3te"', True),
        ('"files": {', '"filos": {', True),
        # Without these it is not known whose bytes they are.
        ('"config_sha256": "', '"config_sha256": "0', False),
        ('"schema_version": "', '"schema_version": "1', False),
        ('"seed": ', '"seed": x', False),
    ],
)
def test_a_damaged_manifest_is_written_anew_if_the_files_vouch_for_it(
    run: Path, whole: dict[str, str], old: str, new: str, mended: bool
) -> None:
    path = run / "run.json"
    original = path.read_text()
    assert old in original
    path.write_text(original.replace(old, new, 1))
    with pytest.raises(TraceError):
        read_trace(run)
    if mended:
        assert resume(run, quick()).mended == ("run.json",)
        assert read_trace(run).run["files"] == json.loads(original)["files"]
    else:
        with pytest.raises(TraceError):
            resume(run, quick())
        assert path.read_text() == original.replace(old, new, 1)
    assert hashes(run) == whole


def test_a_run_that_comes_out_otherwise_is_left_as_it_is(run: Path) -> None:
    """What another simcore has written is never lost in the attempt to mend it."""
    path = run / "bursts.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    before = hashes(run)
    other = plan_of(small_plan("seed=2").scenario)
    with pytest.raises(TraceError) as caught:
        mend(run, other, quick())
    text = str(caught.value)
    assert text.startswith(f"{run}: the run was simulated again, but ")
    assert "Nothing was changed; `simcore rerun` writes the run into another" in text
    assert hashes(run) == before
    assert [path.name for path in run.parent.iterdir()] == ["run"]


def test_a_damaged_run_of_another_version_is_left_as_it_is(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = run / "bursts.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    before = hashes(run)
    monkeypatch.setattr("simcore.__version__", "9.9.9")
    with pytest.raises(TraceError) as caught:
        resume(run, quick())
    text = str(caught.value)
    assert text.startswith(f"{path}: the file is damaged: ")
    assert "Only the simcore that wrote it can mend it: '" in text
    assert text.endswith("this is 9.9.9, schema 2.1")
    assert hashes(run) == before


def test_the_cross_check_of_a_run_is_its_own_choice(tmp_path: Path) -> None:
    """It is part of the summary: `resume` and `rerun` must do as the run did."""
    plan = small_plan("workload.requests=2")
    execute(plan, quick(cross_check=True), tmp_path / "checked")
    execute(plan, quick(cross_check=False), tmp_path / "not")
    for name, checked in (("checked", True), ("not", False)):
        summary = json.loads((tmp_path / name / "summary.json").read_text())
        assert bool(summary["cross_check"]) == checked
        expected = hashes(tmp_path / name)
        rerun(tmp_path / name, tmp_path / f"{name}-again", quick(cross_check=True))
        assert hashes(tmp_path / f"{name}-again") == expected
        (tmp_path / name / "summary.json").unlink()
        assert resume(tmp_path / name, quick()).mended == ("summary.json",)
        assert hashes(tmp_path / name) == expected
