"""Holds and rows a second of the engines beside a natural SimPy model, in one run.

Several requests contend for one chip (`--streams 1`: one has it to itself). Every case
runs bursts of the same program, as many as take a second or so; cases go in turn,
several rounds, medians quoted:

* a bare ``env.timeout`` loop: one event for each hold and nothing else, SimPy's floor;
* natural SimPy, the yardstick: see natural_simpy.py;
* the SimPy engine: holds forgotten, and every hold written to a run folder;
* the compiled engine: holds summed up, and event rows made and thrown away;
* whole runs with the compiled engine, from planned to manifest, without checks: nothing
  kept, bursts kept, full trace, full trace by two workers, who have to start first;
* raw pyarrow writing such event rows with the same options: the ceiling of a trace.

HBM transfers are timed by bandwidth: the natural model has no bank state machine.
Before anything is timed the engines must run the same number of holds and both end at
the same picosecond; with one request, at that of the natural model.

``--duckdb`` adds up the durations of 100 million event rows by stage and resource.

Run it with ``python benchmarks/side_by_side.py``; see RESULTS.md for a recorded run.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import simpy
from natural_simpy import NaturalModel

from simcore.config.load import load_scenario
from simcore.engine.fast.engine import FastEngine
from simcore.engine.simulate import simulate_replication
from simcore.experiments.executors.choice import executor_of
from simcore.experiments.how_to_run import HowToRun
from simcore.experiments.plan import RunPlan, plan_run
from simcore.experiments.run import execute
from simcore.program.outcomes import OutcomeDraws, OutcomeTable
from simcore.trace.duck import connect
from simcore.trace.hold_sums import HoldSums
from simcore.trace.holds import EventRows
from simcore.trace.program_tables import energy_columns, program_columns
from simcore.trace.reader import read_trace
from simcore.trace.recorder import NullRecorder, Recorder
from simcore.trace.schema import EVENTS_SCHEMA
from simcore.trace.tables import ParquetFile, events_batch
from simcore.trace.writer import RunWriter

YARDSTICK = "natural SimPy"

_DUCKDB_ROWS = 100_000_000

_DUCKDB_QUERY = """
    SELECT stage, resource, sum(duration_ps) FROM events
    JOIN program USING (op_id, resource_index) GROUP BY stage, resource
"""


class Done(NamedTuple):
    """What a case has done: holds, event rows that were made, and the end."""

    holds: int
    rows: int = 0
    end_ps: int | None = None


class Spent(NamedTuple):
    """Seconds of one run of a case; CPU of this process and of its workers."""

    wall_s: float
    cpu_s: float


@dataclass(frozen=True)
class Work:
    """Bursts of one program for all cases.

    Attributes
    ----------
    scenario : str
        Name of a scenario.
    streams : int
        Requests on one chip.
    bursts : int
        Bursts of each request that SimPy simulates.
    replications : int
        Chips of a whole run that keeps events; one that keeps none has three times as
        many.
    """

    scenario: str
    streams: int
    bursts: int
    replications: int

    def plan(self, trace: str, chips: int = 1) -> RunPlan:
        """A run of so many chips for each replication."""
        requests = self.streams * self.replications * chips
        changes = {
            "hardware.memory.hbm.model": "bandwidth",
            "schedule": "layer-pipelined",
            "streams": self.streams,
            "workload.requests": requests,
            "workload.max_tokens": 64,
            "trace": trace,
        }
        return plan_run(
            load_scenario(self.scenario, [f"{k}={v}" for k, v in changes.items()])
        )

    @cached_property
    def one(self) -> RunPlan:
        """The plan of everything; the program is that of all."""
        return self.plan("none")

    @cached_property
    def engine(self) -> FastEngine:
        """The compiled engine."""
        return FastEngine(self.one.program)

    @cached_property
    def few(self) -> OutcomeTable:
        """Bursts of one chip for SimPy."""
        all_bursts = OutcomeDraws(self.one.scenario).table(range(self.streams))
        requests = all_bursts.by_request().values()
        return OutcomeTable.of(0, [bursts[: self.bursts] for bursts in requests])

    @cached_property
    def many(self) -> OutcomeTable:
        """All bursts of one chip for the compiled engine."""
        return OutcomeDraws(self.one.scenario).table(range(self.streams))

    @property
    def rows_a_hold(self) -> float:
        """Event rows for each hold: a hold of several resources has several."""
        return self.one.rows_per_burst / self.one.holds_per_burst

    def holds(self, outcomes: OutcomeTable) -> int:
        """Holds of some bursts."""
        return self.one.holds_per_burst * len(outcomes.context_length)


def bare_timeouts(work: Work) -> Done:
    """One process that waits as often as there are holds."""
    env, holds = simpy.Environment(), work.holds(work.few)

    def loop() -> Generator[simpy.Event, Any, None]:
        for _ in range(holds):
            yield env.timeout(1)

    env.process(loop())
    env.run()
    return Done(holds)


def natural(work: Work) -> Done:
    """The yardstick."""
    model = NaturalModel(work.one.program)
    end_ps = model.run(work.few.by_request())
    return Done(model.holds, end_ps=end_ps)


def simpy_engine(work: Work, recorder: Recorder | None = None) -> Done:
    """The SimPy engine into a recorder, or into none."""
    bursts = simulate_replication(
        work.one.program, work.few.by_request(), recorder or NullRecorder()
    )
    return Done(
        sum(burst.holds for burst in bursts),
        end_ps=max(burst.end_ps for burst in bursts),
    )


def simpy_traced(work: Work) -> Done:
    """The SimPy engine into a run folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        writer = RunWriter(
            Path(folder) / "run",
            metadata={"simcore.config_sha256": "benchmark", "simcore.seed": "0"},
            replications_per_part=1,
        )
        with writer:
            table = work.one.program.table
            writer.write_program(program_columns(table), energy_columns(table))
            writer.events(*table.rows)
            done = simpy_engine(work, writer)
            writer.finish({}, {})
        rows = read_trace(writer.out, verify=False).n_events
    return done._replace(rows=rows)


def fast_engine(work: Work, *, few: bool = False) -> Done:
    """The compiled engine, holds summed up and forgotten."""
    outcomes = work.few if few else work.many
    sums = HoldSums.empty(work.one.holds_per_burst)
    bursts = work.engine.simulate(outcomes, sums=sums)
    return Done(int(bursts.holds.sum()), end_ps=int(bursts.end_ps.max()))


def fast_with_rows(work: Work) -> Done:
    """The compiled engine, event rows made and thrown away."""
    rows = 0

    def forget(chunk: EventRows) -> None:
        nonlocal rows
        rows += chunk.op_id.size

    sums = HoldSums.empty(work.one.holds_per_burst)
    bursts = work.engine.simulate(work.many, sums=sums, take_rows=forget)
    return Done(int(bursts.holds.sum()), rows)


def whole_run(work: Work, plan: RunPlan, workers: int = 1) -> Done:
    """What is planned, into a run folder that is thrown away."""
    how = HowToRun(executor=executor_of(workers=workers), cross_check=False)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        result = execute(plan, how, out)
        rows = read_trace(out, verify=False).n_events
    return Done(result.summary["counts"]["bursts"] * work.one.holds_per_burst, rows)


def raw_pyarrow(rows: list[EventRows]) -> Done:
    """Write rows that are in memory, and nothing else."""
    table = events_batch(rows)
    with tempfile.TemporaryDirectory() as folder:
        file = ParquetFile(Path(folder) / "events.parquet", EVENTS_SCHEMA)
        file.write(table)
        file.commit()
    return Done(0, table.num_rows)


def cases(work: Work) -> dict[str, Callable[[], Done]]:
    """What is timed, by name; add an engine here."""
    rows: list[EventRows] = []
    work.engine.simulate(work.many, take_rows=rows.append)
    return {
        "bare env.timeout": partial(bare_timeouts, work),
        YARDSTICK: partial(natural, work),
        "SimPy engine": partial(simpy_engine, work),
        "SimPy engine, full trace": partial(simpy_traced, work),
        "fast engine": partial(fast_engine, work),
        "fast engine, rows forgotten": partial(fast_with_rows, work),
        "fast run, trace none": partial(whole_run, work, work.plan("none", 3)),
        "fast run, bursts": partial(whole_run, work, work.plan("bursts", 3)),
        "fast run, full trace": partial(whole_run, work, work.plan("full")),
        "the same, 2 workers": partial(whole_run, work, work.plan("full", 3), 2),
        "raw pyarrow": partial(raw_pyarrow, rows),
    }


def check(work: Work) -> None:
    """Refuse to time what does not do the same work."""
    yardstick, reference = natural(work), simpy_engine(work)
    compiled = fast_engine(work, few=True)
    holds = {yardstick.holds, reference.holds, compiled.holds}
    assert holds == {work.holds(work.few)}, f"not the same holds: {holds}"
    assert reference.end_ps == compiled.end_ps, "engines end at another time"
    same = yardstick.end_ps == reference.end_ps
    assert same or work.streams > 1, "the natural model ends at another time"
    also = " and the natural model" if same else ""
    print(f"SimPy engine, fast engine{also} end at {compiled.end_ps} ps")


def cpu_s() -> float:
    """CPU seconds of this process and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def timed(case: Callable[[], Done]) -> tuple[Spent, Done]:
    """One run of a case, without the garbage of the one before."""
    gc.collect()
    wall, cpu = time.perf_counter(), cpu_s()
    done = case()
    return Spent(time.perf_counter() - wall, cpu_s() - cpu), done


def duckdb_query(work: Work, rounds: int) -> None:
    """Add up the durations of many event rows by stage and resource."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        execute(work.plan("full"), HowToRun(cross_check=False), out)
        trace = read_trace(out)
        # Links: the same bytes are read again and again from the page cache.
        copies = -(-_DUCKDB_ROWS // trace.n_events)
        parts = []
        for number, part in enumerate(trace.parts * copies):
            parts.append(Path(folder) / f"part-{number}.parquet")
            os.link(part, parts[-1])
        tables = {"program": trace.program(), "program_energy": trace.program_energy()}
        connection = connect({**tables, "bursts": trace.bursts()}, parts)
        spent, groups = [], 0
        for _ in range(rounds):
            one, groups = _query(connection)
            spent.append(one)
        rows = trace.n_events * copies
    wall, cpu = _medians(spent)
    print(
        f"DuckDB, {rows:,} event rows into {groups} sums by stage and resource: "
        f"{wall:.2f} s wall, {cpu:.2f} s CPU, {rows / wall / 1e6:.0f} M rows/s wall"
    )


def _query(connection: Any) -> tuple[Spent, int]:
    wall, cpu = time.perf_counter(), cpu_s()
    groups = connection.execute(_DUCKDB_QUERY).fetchall()
    return Spent(time.perf_counter() - wall, cpu_s() - cpu), len(groups)


def _medians(spent: Iterable[Spent]) -> Spent:
    return Spent(*(statistics.median(part) for part in zip(*spent, strict=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", default="qwen3-1.7b-k5")
    parser.add_argument("--streams", type=int, default=8, help="requests on the chip")
    parser.add_argument("--bursts", type=int, default=2, help="of a request, for SimPy")
    parser.add_argument("--replications", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--duckdb", action="store_true", help="needs 300 MB of disk")
    arguments = parser.parse_args()
    work = Work(
        arguments.scenario,
        arguments.streams,
        arguments.bursts,
        arguments.replications,
    )
    print(
        f"{platform.machine()}, Python {platform.python_version()}, load "
        f"{os.getloadavg()[0]:.1f}"
    )
    check(work)
    print(
        f"{work.scenario}, streams {work.streams}: {arguments.rounds} rounds, medians; "
        f"{work.rows_a_hold:.3f} rows a hold; kernel loaded in "
        f"{work.engine.compile_s:.2f} s"
    )
    spent: dict[str, list[Spent]] = {}
    found: dict[str, Done] = {}
    all_cases = cases(work)
    for _ in range(arguments.rounds):
        for name, case in all_cases.items():
            one, found[name] = timed(case)
            spent.setdefault(name, []).append(one)
    base = _medians(spent[YARDSTICK])
    base_holds = found[YARDSTICK].holds
    print(
        f"{'case':28s} {'M holds':>8s} {'wall s':>7s} {'CPU s':>6s} {'M holds/s':>10s}"
        f" {'of natural':>11s} {'by CPU':>7s} {'M rows/s':>9s}   CPU, min .. max"
    )
    for name, values in spent.items():
        wall, cpu = _medians(values)
        holds, rows, _ = found[name]
        least, most = (f(s.cpu_s for s in values) for f in (min, max))
        speed = holds / wall / base_holds * base.wall_s
        by_cpu = holds / cpu / base_holds * base.cpu_s
        print(
            f"{name:28s} {holds / 1e6:8.2f} {wall:7.2f} {cpu:6.2f} "
            f"{holds / wall / 1e6:10.3f} {speed:11.2f} {by_cpu:7.2f} "
            f"{rows / wall / 1e6:9.2f}   {least:.2f} .. {most:.2f}"
        )
    if arguments.duckdb:
        duckdb_query(work, arguments.rounds)
    print(f"load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
