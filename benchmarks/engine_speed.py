"""Holds per second of the event engine, with and without trace, beside its floor.

Four things in turn, several rounds in one process, medians quoted:

* a bare ``env.timeout`` loop: one event for each hold and nothing else;
* a natural SimPy model of the same bursts: a process for each token, plain
  ``with resource.request()`` for each hold;
* the engine, holds forgotten;
* the engine, every hold written to a run folder.

Run it with ``python benchmarks/engine_speed.py``; see RESULTS.md for a recorded run.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import simpy

from simcore.config.load import load_scenario
from simcore.engine.simulate import simulate_replication
from simcore.experiments.plan import plan_run
from simcore.program.burst import BurstProgram
from simcore.program.operation import HBM, LayerStep
from simcore.program.outcomes import BurstOutcome, request_outcomes
from simcore.trace.program_tables import energy_columns, program_columns
from simcore.trace.recorder import NullRecorder
from simcore.trace.writer import RunWriter


def bare_timeouts(holds: int) -> None:
    """One process that waits `holds` times."""
    env = simpy.Environment()

    def loop() -> Generator[simpy.Event, Any, None]:
        for _ in range(holds):
            yield env.timeout(1)

    env.process(loop())
    env.run()


class NaturalModel:
    """The bursts of one request as one would first write them in SimPy."""

    def __init__(self, program: BurstProgram) -> None:
        self.env = simpy.Environment()
        self.program = program
        self.resources: dict[str, simpy.Resource] = {}

    def run(self, outcomes: list[BurstOutcome]) -> int:
        """Simulate all bursts; returns the end in ps."""
        self.env.process(self._request(outcomes))
        self.env.run()
        return int(self.env.now)

    def _request(self, outcomes: list[BurstOutcome]) -> Generator[Any, Any, None]:
        program, env = self.program, self.env
        for outcome in outcomes:
            start = outcome.context_length
            for step in program.draft:
                yield env.process(self._token(step, start))
            yield env.process(self._layer(program.setup, 0, 0, 0))
            if program.schedule == "serialized":
                for step in program.verify:
                    yield env.process(self._token(step, start))
            else:
                tokens = [env.process(self._token(s, start)) for s in program.verify]
                yield env.all_of(tokens)
            yield env.all_of(
                [
                    env.process(self._layer(part, layer, 0, outcome.committed))
                    for layer, part in enumerate(program.commit)
                ]
            )

    def _token(self, step: Any, start: int) -> Generator[Any, Any, None]:
        gated = self.program.schedule == "layer-pipelined"
        for layer, part in enumerate(step.layers):
            context = part.context(start + step.index)
            if not gated:
                yield from self._layer(part, layer, context, 0)
                continue
            with self._resource(f"layer[{layer}]").request() as gate:
                yield gate
                yield from self._layer(part, layer, context, 0)

    def _layer(
        self, part: LayerStep, layer: int, context: int, committed: int
    ) -> Generator[Any, Any, None]:
        for legs in part.positions:
            holds = [
                self._hold(
                    [r if r == HBM else f"{r}[{layer}]" for r in op.resources],
                    op.ps_at(context, committed),
                )
                for op in legs
            ]
            if len(holds) == 1:
                yield from holds[0]
            else:
                yield self.env.all_of([self.env.process(hold) for hold in holds])

    def _hold(self, names: list[str], duration: int) -> Generator[Any, Any, None]:
        requests = [self._resource(name).request() for name in names]
        for request in requests:
            yield request
        yield self.env.timeout(duration)
        for name, request in zip(names, requests, strict=True):
            self._resource(name).release(request)

    def _resource(self, name: str) -> simpy.Resource:
        if name not in self.resources:
            self.resources[name] = simpy.Resource(self.env, capacity=1)
        return self.resources[name]


def engine_with_trace(program: BurstProgram, outcomes: list[BurstOutcome]) -> None:
    """The engine into a run folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        writer = RunWriter(
            Path(folder) / "run",
            metadata={"simcore.config_sha256": "benchmark", "simcore.seed": "0"},
            replications_per_part=1,
        )
        with writer:
            table = program.table
            writer.write_program(program_columns(table), energy_columns(table))
            writer.events(*table.rows)
            simulate_replication(program, {0: outcomes}, writer)
            writer.finish({}, {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", default="qwen3-1.7b-k5")
    parser.add_argument("--bursts", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    plan = plan_run(load_scenario(arguments.scenario))
    program = plan.program
    outcomes = request_outcomes(plan.scenario, 0)[: arguments.bursts]
    holds = len(program.table) * len(outcomes)
    cases: dict[str, Callable[[], object]] = {
        "bare env.timeout": lambda: bare_timeouts(holds),
        "natural SimPy": lambda: NaturalModel(program).run(outcomes),
        "engine, no trace": lambda: simulate_replication(
            program, {0: outcomes}, NullRecorder()
        ),
        "engine, full trace": lambda: engine_with_trace(program, outcomes),
    }
    natural = NaturalModel(program).run(outcomes)
    ours = simulate_replication(program, {0: outcomes}, NullRecorder())[-1].end_ps
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(arguments.rounds):
        for name, case in cases.items():
            before = time.process_time()
            case()
            seconds[name].append(time.process_time() - before)
    floor = statistics.median(seconds["bare env.timeout"])
    print(f"{platform.machine()}, Python {platform.python_version()}")
    print(
        f"{arguments.scenario}: {len(outcomes)} bursts, {holds} holds a case, "
        f"{arguments.rounds} rounds, CPU time"
    )
    print(f"natural model and engine end at {natural} and {ours} ps")
    for name, values in seconds.items():
        median = statistics.median(values)
        print(
            f"{name:20s} {holds / median / 1e3:8.0f} k holds/s   "
            f"{floor / median:6.2f} of bare   "
            f"(min {min(values):.2f} s, max {max(values):.2f} s)"
        )


if __name__ == "__main__":
    main()
