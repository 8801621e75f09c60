"""Holds per second of the engines beside a natural SimPy model, in one run.

Several requests share one chip (`--streams 1`: one has it to itself). Every case runs
the same bursts; cases go in turn, several rounds in one process, medians quoted:

* a bare ``env.timeout`` loop: one event for each hold and nothing else, SimPy's floor;
* natural SimPy, the yardstick: see natural_simpy.py;
* the SimPy engine, holds forgotten;
* the SimPy engine, every hold written to a run folder.

HBM transfers are timed by bandwidth: the natural model has no bank state machine. All
cases must run the same number of holds, and with one stream end at the same picosecond.

Run it with ``python benchmarks/engine_speed.py``; see RESULTS.md for a recorded run.
"""

from __future__ import annotations

import argparse
import gc
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import simpy
from natural_simpy import NaturalModel

from simcore.config.load import load_scenario
from simcore.engine.simulate import simulate_replication
from simcore.program.burst import BurstProgram, scenario_program
from simcore.program.outcomes import BurstOutcome, request_outcomes
from simcore.trace.program_tables import energy_columns, program_columns
from simcore.trace.recorder import NullRecorder, Recorder
from simcore.trace.writer import RunWriter

YARDSTICK = "natural SimPy"


class Finished(NamedTuple):
    """What a case has done: holds, and when the last of them ended."""

    holds: int
    end_ps: int


@dataclass(frozen=True)
class Work:
    """What every case simulates: the bursts of some requests on one chip."""

    program: BurstProgram
    requests: Mapping[int, Sequence[BurstOutcome]]

    @classmethod
    def of(cls, scenario_name: str, streams: int, bursts: int) -> Work:
        """The first `bursts` bursts of each of `streams` requests."""
        scenario = load_scenario(
            scenario_name,
            [
                "hardware.memory.hbm.model=bandwidth",
                f"streams={streams}",
                f"workload.requests={streams}",
            ],
        )
        requests = {
            request: request_outcomes(scenario, request)[:bursts]
            for request in range(streams)
        }
        return cls(scenario_program(scenario, events=True), requests)

    @property
    def holds(self) -> int:
        """Holds of all bursts."""
        return len(self.program.table) * sum(map(len, self.requests.values()))


def bare_timeouts(work: Work) -> None:
    """One process that waits as often as there are holds."""
    env = simpy.Environment()

    def loop() -> Generator[simpy.Event, Any, None]:
        for _ in range(work.holds):
            yield env.timeout(1)

    env.process(loop())
    env.run()


def natural(work: Work) -> Finished:
    """The yardstick."""
    model = NaturalModel(work.program)
    end_ps = model.run(work.requests)
    return Finished(model.holds, end_ps)


def engine(work: Work, recorder: Recorder | None = None) -> Finished:
    """The SimPy engine into a recorder, or into none."""
    bursts = simulate_replication(
        work.program, work.requests, recorder or NullRecorder()
    )
    return Finished(
        sum(burst.holds for burst in bursts), max(burst.end_ps for burst in bursts)
    )


def engine_with_trace(work: Work) -> Finished:
    """The SimPy engine into a run folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        writer = RunWriter(
            Path(folder) / "run",
            metadata={"simcore.config_sha256": "benchmark", "simcore.seed": "0"},
            replications_per_part=1,
        )
        with writer:
            table = work.program.table
            writer.write_program(program_columns(table), energy_columns(table))
            writer.events(*table.rows)
            finished = engine(work, writer)
            writer.finish({}, {})
    return finished


#: Add an engine here: what it does with the work, None where it ends no holds.
CASES: dict[str, Callable[[Work], Finished | None]] = {
    "bare env.timeout": bare_timeouts,
    YARDSTICK: natural,
    "SimPy engine": engine,
    "SimPy engine, traced": engine_with_trace,
}


def check(work: Work, name: str, finished: Finished, yardstick: Finished) -> None:
    """Refuse to time what has not done the work."""
    assert finished.holds == work.holds, f"{name} ended {finished.holds} holds"
    if len(work.requests) == 1:
        assert finished.end_ps == yardstick.end_ps, f"{name} ends at another time"


def seconds_of(case: Callable[[], Finished | None]) -> tuple[float, Finished | None]:
    """CPU seconds of one run, without the garbage of the one before."""
    gc.collect()
    before = time.process_time()
    finished = case()
    return time.process_time() - before, finished


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", default="qwen3-1.7b-k5")
    parser.add_argument("--streams", type=int, default=8, help="requests on the chip")
    parser.add_argument("--bursts", type=int, default=2, help="bursts of each request")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    work = Work.of(arguments.scenario, arguments.streams, arguments.bursts)
    seconds: dict[str, list[float]] = {name: [] for name in CASES}
    ends: dict[str, int] = {}
    yardstick = natural(work)
    for _ in range(arguments.rounds):
        for name, case in CASES.items():
            spent, finished = seconds_of(partial(case, work))
            seconds[name].append(spent)
            if finished is not None:
                check(work, name, finished, yardstick)
                ends[name] = finished.end_ps
    print(f"{platform.machine()}, Python {platform.python_version()}")
    print(
        f"{arguments.scenario}, streams {arguments.streams}: {work.holds} holds a "
        f"case, {arguments.rounds} rounds, CPU time"
    )
    base = statistics.median(seconds[YARDSTICK])
    for name, values in seconds.items():
        median = statistics.median(values)
        end = f"ends at {ends[name]} ps" if name in ends else ""
        print(
            f"{name:22s} {work.holds / median / 1e3:8.0f} k holds/s   "
            f"{base / median:6.2f} of natural   "
            f"(min {min(values):.2f} s, max {max(values):.2f} s)   {end}"
        )


if __name__ == "__main__":
    main()
