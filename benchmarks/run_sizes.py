"""How long whole runs take, how large they are, and how the engine scales.

Three tables, each on its own when it is named:

* ``trace``: a full trace of more and more bursts, one request at a time, by one and by
  two workers: rows a second, bytes a row, and memory, which must not grow;
* ``totals``: ``--trace none`` of more and more bursts up to a million, with and without
  checks: wall time, memory, bursts a second;
* ``engine``: nanoseconds a hold of the compiled engine against layers, draft length and
  requests on the chip, all of whose holds are followed.

Runs are `simcore run` in a process of their own, with its start: their memory is the
most that any of their processes had at a time.

Run it with ``python benchmarks/run_sizes.py``; see RESULTS.md for a recorded run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from simcore.config.load import load_scenario
from simcore.engine.fast.engine import FastEngine
from simcore.experiments.plan import plan_run
from simcore.program.outcomes import OutcomeDraws
from simcore.trace.hold_sums import HoldSums

SCENARIO = "qwen3-1.7b-k5"

_TABLES = ("trace", "totals", "engine")

_ROUNDS = 5


class Measured(NamedTuple):
    """One run of `simcore run`.

    Attributes
    ----------
    wall_s, cpu_s : float
        Of the process and its workers, start included.
    peak_mib : float
        Memory of the largest of them.
    rows : int
        Event rows in its folder.
    row_bytes : int
        Their size.
    """

    wall_s: float
    cpu_s: float
    peak_mib: float
    rows: int
    row_bytes: int


def measure(bursts: int, *options: str) -> Measured:
    """Run so many bursts into a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [sys.executable, "-m", "simcore", "run", SCENARIO]
        command += ["--bursts", str(bursts), "--out", str(out), *options]
        started = time.perf_counter()
        child = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        assert child.stderr is not None
        told = child.stderr.read().decode()
        _, status, usage = os.wait4(child.pid, 0)
        wall_s = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            sys.exit(told)
        files = json.loads((out / "run.json").read_bytes())["files"]
        events = [entry for name, entry in files.items() if name.startswith("events/")]
        return Measured(
            wall_s,
            usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss / 1024,
            sum(entry["rows"] for entry in events),
            sum(entry["bytes"] for entry in events),
        )


def trace_table(sizes: Sequence[int]) -> None:
    """Full traces of more and more bursts."""
    print("\nfull trace, one request at a time, no checks")
    print(
        f"{'bursts':>8s} {'workers':>7s} {'M rows':>7s} {'wall s':>7s} {'CPU s':>6s} "
        f"{'M rows/s':>9s} {'bytes/row':>9s} {'peak MiB':>8s} {'load':>5s}"
    )
    for workers in (1, 2):
        for bursts in sizes:
            options = ["--trace", "full", "--max-events", "1000000000", "--no-check"]
            found = measure(bursts, *options, "--workers", str(workers))
            print(
                f"{bursts:8d} {workers:7d} {found.rows / 1e6:7.1f} {found.wall_s:7.1f} "
                f"{found.cpu_s:6.1f} {found.rows / found.wall_s / 1e6:9.2f} "
                f"{found.row_bytes / found.rows:9.3f} {found.peak_mib:8.0f} "
                f"{os.getloadavg()[0]:5.1f}",
                flush=True,
            )


def totals_table(sizes: Sequence[int]) -> None:
    """Runs that keep totals only."""
    print("\n--trace none, one worker, every kind of burst simulated once")
    print(
        f"{'bursts':>8s} {'checks':>6s} {'wall s':>7s} {'CPU s':>6s} "
        f"{'bursts/s':>9s} {'peak MiB':>8s} {'load':>5s}"
    )
    for bursts in sizes:
        for checks in ("yes", "no"):
            options = ["--no-check"] if checks == "no" else []
            found = measure(bursts, "--trace", "none", *options)
            print(
                f"{bursts:8d} {checks:>6s} {found.wall_s:7.1f} {found.cpu_s:6.1f} "
                f"{bursts / found.wall_s:9.0f} {found.peak_mib:8.0f} "
                f"{os.getloadavg()[0]:5.1f}",
                flush=True,
            )


def ns_a_hold(layers: int, draft_length: int, streams: int) -> tuple[int, float]:
    """Holds of one chip, and the median CPU time of each."""
    scenario = load_scenario(
        {
            "name": "benchmark",
            "model": "qwen3-1.7b",
            "hardware": "residual-analog-22nm",
            # Any draft length: a recorded histogram ends at one.
            "acceptance": {"kind": "geometric", "rate": 0.7},
            "workload": {
                "mode": "generation",
                "prompt_length": 128,
                "max_tokens": 32,
                "draft_length": draft_length,
                "requests": streams,
            },
            "streams": streams,
            "schedule": "layer-pipelined",
        },
        ["hardware.memory.hbm.model=bandwidth", f"model.n_layers={layers}"],
    )
    plan = plan_run(scenario)
    engine = FastEngine(plan.program)
    outcomes = OutcomeDraws(plan.scenario).table(range(streams))
    sums = HoldSums.empty(plan.holds_per_burst)
    holds = int(engine.simulate(outcomes, sums=sums).holds.sum())
    found = []
    for _ in range(_ROUNDS):
        before = time.process_time()
        engine.simulate(outcomes, sums=sums)
        found.append(time.process_time() - before)
    return holds, 1e9 * statistics.median(found) / holds


def engine_table() -> None:
    """The compiled engine against the size of the model and of the load."""
    print("\ncompiled engine, every hold followed, 32 tokens a request")
    print(f"{'layers':>7s} {'K':>3s} {'requests':>8s} {'holds':>10s} {'ns a hold':>9s}")
    points = [(layers, 5, 8) for layers in (7, 14, 28, 56)]
    points += [(28, k, 8) for k in (1, 2, 10)]
    points += [(28, 5, streams) for streams in (1, 2, 4, 16, 32)]
    for layers, k, streams in points:
        holds, ns = ns_a_hold(layers, k, streams)
        print(f"{layers:7d} {k:3d} {streams:8d} {holds:10d} {ns:9.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "tables", nargs="*", metavar="table", help="trace, totals, engine"
    )
    tables = parser.parse_args().tables or _TABLES
    if set(tables) - set(_TABLES):
        parser.error(f"tables are {', '.join(_TABLES)}")
    if "trace" in tables:
        trace_table([1_000, 5_000, 20_000])
    if "totals" in tables:
        totals_table([1_000, 10_000, 100_000, 1_000_000])
    if "engine" in tables:
        engine_table()


if __name__ == "__main__":
    main()
