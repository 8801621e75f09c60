"""Nanoseconds a hold of the compiled engine, shared chip and requests alone.

Several requests contend for one chip, without and with event rows (thrown away); then
the requests of a scenario run alone, each kind of burst simulated once. CPU time of one
thread, least and median of some rounds.

Run it with ``python benchmarks/fast_engine_speed.py``; see RESULTS.md.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

from simcore.config.load import load_scenario
from simcore.engine.fast.engine import FastEngine
from simcore.engine.fast.templates import BurstTemplates
from simcore.experiments.plan import plan_run
from simcore.program.outcomes import OutcomeDraws
from simcore.trace.hold_sums import HoldSums
from simcore.trace.holds import EventRows


def forget(rows: EventRows) -> None:
    """Take rows and let them go."""


def seconds(case: Callable[[], object], rounds: int) -> list[float]:
    """CPU time of each round."""
    found = []
    for _ in range(rounds):
        before = time.process_time()
        case()
        found.append(time.process_time() - before)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", default="qwen3-1.7b-k5")
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    streams = arguments.streams
    shared = plan_run(
        load_scenario(
            arguments.scenario,
            [
                f"streams={streams}",
                f"workload.requests={streams}",
                "schedule=layer-pipelined",
                "hardware.memory.hbm.model=bandwidth",
                "workload.max_tokens=64",
            ],
        )
    )
    engine = FastEngine(shared.program)
    print(f"kernel compiled or loaded in {engine.compile_s:.2f} s")
    outcomes = OutcomeDraws(shared.scenario).table(range(streams))
    sums = HoldSums.empty(len(shared.program.table))
    holds = int(engine.simulate(outcomes).holds.sum())
    alone = plan_run(load_scenario(arguments.scenario))
    requests = range(alone.scenario.workload.requests)
    outcomes_alone = OutcomeDraws(alone.scenario).table(requests)
    bursts_alone = len(outcomes_alone.context_length)
    holds_alone = len(alone.program.table) * bursts_alone
    warm = BurstTemplates(alone.program)
    warm.simulate(outcomes_alone)
    cases: list[tuple[str, int, Callable[[], object]]] = [
        (
            f"{streams} on one chip",
            holds,
            lambda: engine.simulate(outcomes, sums=sums),
        ),
        (
            f"{streams} on one chip, event rows",
            holds,
            lambda: engine.simulate(outcomes, sums=sums, take_rows=forget),
        ),
        (
            "alone, every kind anew",
            holds_alone,
            lambda: BurstTemplates(alone.program).simulate(outcomes_alone),
        ),
        (
            "alone, every kind known",
            holds_alone,
            lambda: warm.simulate(outcomes_alone),
        ),
    ]
    print(f"{holds} holds shared, {holds_alone} in {bursts_alone} bursts alone")
    for name, n, case in cases:
        found = [1e9 * s / n for s in seconds(case, arguments.rounds)]
        median = statistics.median(found)
        print(
            f"{name:32s} {median:7.2f} ns a hold (least {min(found):.2f}), "
            f"{1e3 / median:8.1f} M holds/s"
        )


if __name__ == "__main__":
    main()
