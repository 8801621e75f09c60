"""kill -9 during a whole run leaves nothing that reads as complete."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simcore.errors import TraceError
from simcore.trace.reader import read_trace

SEED = 20261121


def run_command(out: Path) -> list[str]:
    run = ["run", "tiny", "--requests", "150", "--out", str(out), "--quiet"]
    return [sys.executable, "-m", "simcore", *run]


@pytest.mark.slow
def test_a_run_killed_at_random_points_is_never_taken_for_complete(
    tmp_path: Path,
) -> None:
    before = time.perf_counter()
    subprocess.run(
        run_command(tmp_path / "whole"), check=True, stdout=subprocess.DEVNULL
    )
    whole_s = time.perf_counter() - before
    draws = random.Random(SEED)
    killed = 0
    for attempt in range(20):
        out = tmp_path / str(attempt)
        process = subprocess.Popen(run_command(out), stdout=subprocess.DEVNULL)
        time.sleep(draws.uniform(0.1, 1.0) * whole_s)
        process.send_signal(signal.SIGKILL)
        if process.wait() == 0:
            continue  # it was faster than the first one
        killed += 1
        with pytest.raises(TraceError):
            read_trace(out)
    assert killed >= 10, f"seed {SEED}: only {killed} of 20 runs were killed"
    assert read_trace(tmp_path / "whole").summary["counts"]["requests"] == 150
