"""kill -9 at any instant: nothing partial is a run, and `resume` completes it.

Holds C1, C2 and C7. Every case is drawn from one seed, which the name of the test
shows; the text of a failure names the case.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_runs import SHARDS, hashes, quick, small_plan

from simcore.errors import TraceError
from simcore.experiments.resume import resume
from simcore.experiments.run import execute
from simcore.experiments.shard_files import load_shard
from simcore.trace.folder import LOCK_NAME
from simcore.trace.reader import read_trace


def forked(mode: str, folder: Path, seed: int, cases: int) -> list[str]:
    """How the cases ended, in their own words."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("forked_runs.py")), mode,
         str(folder), str(seed), str(cases)],
        check=True,
        capture_output=True,
        text=True,
        timeout=1200,
    )  # fmt: skip
    ends: list[str] = json.loads(done.stdout)
    return ends


def complete(run: Path) -> int:
    """Complete a run that was killed; how many shards it had finished."""
    kept = [s for s in range(SHARDS) if load_shard(run, small_plan(), s) is not None]
    if (run / "run.json").exists():
        # Killed in its last steps: it is a run already.
        read_trace(run)
        assert resume(run, quick()).result is None
        return SHARDS
    with pytest.raises(TraceError):
        read_trace(run)
    if not (run / "shards" / "plan.json").exists():
        # Killed before it had said what it is going to be.
        with pytest.raises(TraceError, match=r"there is nothing to resume|no such"):
            resume(run, quick())
        execute(small_plan(), quick(), run, force=True)
        return 0
    assert resume(run, quick()).kept == len(kept)
    return len(kept)


def kill_and_resume(
    mode: str, folder: Path, whole: dict[str, str], seed: int, cases: int
) -> None:
    ends = forked(mode, folder, seed, cases)
    assert len(ends) == cases
    kept = []
    for case, end in enumerate(ends):
        run, told = folder / str(case), f"{mode}, seed {seed}, {end}"
        if not run.exists():
            assert "status 9" in end, told
            continue  # not even its folder
        for name, digest in hashes(run).items():
            if name in whole:
                assert digest == whole[name], (told, name)
        kept.append(complete(run))
        # Also: no temporary file and no shard is left.
        assert hashes(run) == whole, told
        assert {p.name for p in run.iterdir() if p.name.startswith(".")} == set(), told
    killed = [end for end in ends if end.endswith("status 9")]
    assert len(killed) >= cases // 2, f"{mode}, seed {seed}: few were killed: {ends}"
    # Kills came early and late.
    assert len(set(kept)) > 1, (mode, seed, kept)


@pytest.mark.parametrize("mode", ["kill-at-call", "kill-at-time"])
@pytest.mark.parametrize("seed", [7])
def test_a_killed_run_is_no_run_and_is_completed_to_the_byte(
    tmp_path: Path, no_sync: None, whole: dict[str, str], mode: str, seed: int
) -> None:
    kill_and_resume(mode, tmp_path, whole, seed, cases=10)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["kill-at-call", "kill-at-time"])
@pytest.mark.parametrize("seed", [8])
def test_many_killed_runs_are_completed_to_the_byte(
    tmp_path: Path, no_sync: None, whole: dict[str, str], mode: str, seed: int
) -> None:
    kill_and_resume(mode, tmp_path, whole, seed, cases=200)


def race(folder: Path, whole: dict[str, str], seed: int, cases: int) -> None:
    ends = forked("race", folder, seed, cases)
    assert ends == ["0 2"] * cases, f"seed {seed}"
    for case in range(cases):
        assert hashes(folder / str(case)) == whole
        (refusal,) = folder.glob(f"{case}-*.txt")
        text = refusal.read_text()
        # The one that comes late may meet the lock or what its holder has written.
        assert "is writing here" in text or "already holds a" in text
        assert text.startswith(f"{folder / str(case)}: ")


@pytest.mark.parametrize("seed", [9])
def test_of_two_runs_into_one_folder_one_refuses(
    tmp_path: Path, whole: dict[str, str], seed: int
) -> None:
    race(tmp_path, whole, seed, cases=3)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [10])
def test_of_many_races_every_one_has_one_winner(
    tmp_path: Path, whole: dict[str, str], seed: int
) -> None:
    race(tmp_path, whole, seed, cases=20)


def test_a_run_killed_between_its_manifest_and_its_last_word_is_tidied(
    tmp_path: Path,
    no_sync: None,
    whole: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import simcore.experiments.run

    monkeypatch.setattr(simcore.experiments.run, "remove_shards", lambda _: None)
    execute(small_plan(), quick(), tmp_path / "run")
    assert (tmp_path / "run" / "shards" / "plan.json").exists()
    assert read_trace(tmp_path / "run").n_events
    assert resume(tmp_path / "run", quick()).result is None
    assert hashes(tmp_path / "run") == whole


def test_a_run_killed_right_before_its_lock_is_removed_is_tidied(
    tmp_path: Path, no_sync: None, whole: dict[str, str]
) -> None:
    execute(small_plan(), quick(), tmp_path / "run")
    (tmp_path / "run" / LOCK_NAME).write_text("123456789")
    assert resume(tmp_path / "run", quick()).result is None
    assert hashes(tmp_path / "run") == whole


def test_a_race_is_lost_by_whoever_finds_the_lock(tmp_path: Path) -> None:
    """The text names the process that holds it."""
    from simcore.errors import ConfigError
    from simcore.trace.folder import claim_folder

    lock = claim_folder(tmp_path / "run")
    with pytest.raises(ConfigError, match=rf"process \(pid {os.getpid()}\) is writing"):
        resume_or_run(tmp_path / "run")
    lock.release()


def resume_or_run(folder: Path) -> None:
    execute(small_plan(), quick(), folder, resume=True)
