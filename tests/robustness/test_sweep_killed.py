"""kill -9 during a sweep loses no finished point and leaves no process behind."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

SEED = 20261127


def sweep_command(out: Path) -> list[str]:
    grid = ["--grid", "workload.draft_length=0:5", "--grid", "seed=1:4"]
    more = ["--jobs", "2", "--requests", "8", "--out", str(out), "--quiet"]
    return [sys.executable, "-m", "simcore", "sweep", "tiny", *grid, *more]


def children_of(pid: int) -> list[int]:
    """Processes that a process has started (Linux)."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def points(out: Path) -> list[Path]:
    return list((out / "points").glob("*.json"))


def tables(out: Path) -> list[bytes]:
    return [(out / f"sweep.{kind}").read_bytes() for kind in ("parquet", "csv")]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc")
def test_a_sweep_killed_again_and_again_ends_with_the_same_tables(
    tmp_path: Path,
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    subprocess.run(sweep_command(whole), check=True, stdout=subprocess.DEVNULL)
    draws = random.Random(SEED)
    killed, orphans = 0, []
    for _ in range(5):
        # Not after some time: how long the start takes depends on the machine.
        wanted = len(points(out)) + draws.randint(1, 4)
        process = subprocess.Popen(sweep_command(out), stdout=subprocess.DEVNULL)
        while len(points(out)) < wanted and process.poll() is None:
            time.sleep(0.01)
        orphans += children_of(process.pid)
        process.kill()
        if process.wait() == 0:
            continue  # everything was there already
        killed += 1
        assert json.loads((out / "sweep.json").read_text())["state"] == "partial"
    assert killed >= 2, f"seed {SEED}: only {killed} of 5 sweeps were killed"
    subprocess.run(sweep_command(out), check=True, stdout=subprocess.DEVNULL)
    assert tables(out) == tables(whole)
    assert json.loads((out / "sweep.json").read_text())["resumed"] > 0
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in orphans):
        assert time.monotonic() < deadline, "workers outlive the process they serve"
        time.sleep(0.2)
