"""One run: plan, simulate every shard, put them together, check, summarise."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from simcore.analysis.check import Check
from simcore.analysis.invariants import check_trace
from simcore.analysis.ledger import Ledger
from simcore.analysis.metrics import summarize
from simcore.config.scenario import ScenarioConfig
from simcore.engine.fast.engine import FastEngine, loaded_in_s
from simcore.engine.guest import ChipProcess
from simcore.errors import ConfigError, Problem
from simcore.experiments.engines import choose_engine
from simcore.experiments.executors.choice import executor_of
from simcore.experiments.executors.job import Executor
from simcore.experiments.formula_checks import formula_checks
from simcore.experiments.gather import Gathered
from simcore.experiments.how_to_run import HowToRun, Progress
from simcore.experiments.plan import (
    DEFAULT_MAX_EVENTS,
    RunPlan,
    ScenarioSource,
    plan_run,
)
from simcore.experiments.run_record import resume_record, run_manifest, run_summary
from simcore.experiments.run_shards import run_shards
from simcore.experiments.shard import ShardResult
from simcore.experiments.shard_files import finished_shard
from simcore.experiments.until import requests_until
from simcore.notebook import html_table, metric_rows
from simcore.trace.folder import FileRecord, remove_shards
from simcore.trace.program_tables import energy_columns, program_columns
from simcore.trace.reader import Trace
from simcore.trace.schema import BURSTS, PLAN_SHA256, REQUESTS
from simcore.trace.sealed import seal
from simcore.trace.writer import RunWriter


@dataclass(frozen=True)
class RunResult:
    """What a run found.

    Attributes
    ----------
    scenario : ScenarioConfig
        With the overrides of the run.
    summary : dict
        As `summary.json`.
    path : Path or None
        The run folder, if one was written.
    wall_s : float
        Wall time in seconds, simulation, trace and checks.
    checks : list of Check
        The cross-check.
    engine : dict
        Which engine ran, why, whether it re-used bursts, and the seconds that this
        run took to compile or load it (None: it did not); as in `run.json`.
    """

    scenario: ScenarioConfig
    summary: dict[str, Any]
    path: Path | None
    wall_s: float
    checks: list[Check]
    engine: dict[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether every check holds."""
        return all(check.holds for check in self.checks)

    @property
    def metrics(self) -> dict[str, Any]:
        """Metrics with their confidence intervals, by name."""
        metrics: dict[str, Any] = self.summary["metrics"]
        return metrics

    def _repr_html_(self) -> str:
        """Metrics and checks, for a notebook."""
        counts, failed = self.summary["counts"], [c for c in self.checks if not c.holds]
        told = f"all {len(self.checks)} checks hold" if self.checks else "unchecked"
        if failed:
            told = f"these checks fail: {', '.join(check.name for check in failed)}"
        return html_table(
            f"{self.scenario.name}: simulated {counts['requests']:,} requests, "
            f"{counts['bursts']:,} bursts; {told}",
            ("metric", "value", "half of 95 % interval"),
            metric_rows(self.metrics),
        )


def simulate(
    scenario: ScenarioSource,
    *,
    seed: int | None = None,
    requests: int | None = None,
    bursts: int | None = None,
    until: float | None = None,
    out: str | Path | None = None,
    force: bool = False,
    cross_check: bool = True,
    max_events: int = DEFAULT_MAX_EVENTS,
    workers: int = 1,
    executor: Executor | None = None,
    shards_per_job: int = 1,
    processes: Sequence[ChipProcess] = (),
    progress: Progress | None = None,
    report: Callable[[str], None] | None = None,
) -> RunResult:
    """Simulate a scenario and, with `out`, write its run folder.

    Parameters
    ----------
    scenario : path, name, mapping or ScenarioConfig
        What to run.
    seed, requests, bursts : int, optional
        Instead of the scenario's; `bursts` runs at least so many, in whole requests.
    until : float, optional
        As many requests as give the latency per token to this relative half-width,
        instead of `requests` and `bursts`; see `simcore.experiments.until`.
    out : path, optional
        Run folder. Without it nothing is written and no event is kept.
    force : bool
        Replace a run that is already there.
    cross_check : bool
        Compare with the closed form, and the trace with its conservation laws.
    max_events : int
        Most event rows that the run may be expected to write.
    workers : int
        Processes that simulate; 1: this one, 0: one for each processor. Results never
        depend on it. With more than one, a script needs the usual
        ``if __name__ == "__main__":`` around what it does.
    executor : Executor, optional
        Who simulates instead, for example a `DaskExecutor`.
    shards_per_job : int
        How many shards a worker gets at a time.
    processes : sequence of callable
        SimPy processes of your own that take part on every chip, for example other
        traffic; see `simcore.engine.guest`. They need the SimPy engine.
    progress : callable, optional
        Called with (done, total, unit).
    report : callable, optional
        Told in words of a worker that died and is replaced.

    Returns
    -------
    RunResult
        Also when a check fails: ask `holds`.

    Raises
    ------
    ConfigError, ProgramError
        If the input is wrong or cannot run on this hardware, or the run would write
        more than it may.
    SimulationError
        If the simulation fails.
    OutputError
        If the system refuses to write.
    """
    how = HowToRun(
        executor=executor or executor_of(workers=workers),
        shards_per_job=shards_per_job,
        cross_check=cross_check,
        progress=progress,
        report=report or (lambda _: None),
    )
    plan = plan_run(
        scenario, seed=seed, requests=requests, bursts=bursts, processes=processes
    )
    if until is not None:
        if processes:
            raise ConfigError(
                [Problem(path="until", message="not with processes of your own")]
            )
        found = requests_until(plan.scenario, until, how)
        plan = plan_run(plan.scenario, requests=found.requests)
    if out is not None:
        require_room(plan, max_events)
    return execute(plan, how, None if out is None else Path(out), force=force)


def require_room(plan: RunPlan, max_events: int) -> None:
    """Refuse a run that would write more event rows than it may.

    Raises
    ------
    ConfigError
        Naming what would make it smaller, or the limit larger.
    """
    rows = plan.expected_trace_rows
    if rows > max_events:
        size = plan.expected_trace_bytes
        raise ConfigError(
            [
                Problem(
                    path="trace",
                    got=f"{plan.trace}: about {rows:,} event rows, {size / 1e9:.1f} GB",
                    allowed=f"at most {max_events:,} event rows",
                    hint=(
                        "Use --trace bursts, --trace sample, or "
                        f"--max-events {math.ceil(rows * 1.1)}."
                    ),
                )
            ]
        )


def execute(
    plan: RunPlan,
    how: HowToRun,
    out: Path | None = None,
    *,
    force: bool = False,
    resume: bool = False,
) -> RunResult:
    """Simulate a plan; see `simulate`.

    Parameters
    ----------
    plan : RunPlan
        What to simulate.
    how : HowToRun
        Settings that never change results.
    out : Path, optional
        Run folder.
    force, resume : bool
        Replace the run that is there, or complete it.
    """
    started = time.perf_counter()
    choice = choose_engine(plan.scenario, plan.processes)
    was_loaded = loaded_in_s() is not None
    writer = None
    if out is not None:
        writer = RunWriter(
            out,
            force=force,
            resume=resume,
            metadata=plan.metadata(),
            replications_per_part=plan.replications_per_shard,
            write_events=plan.traced_replications > 0,
            write_bursts=plan.trace != "none",
        )
    with writer or nullcontext():
        how.announce(plan)
        if writer is not None:
            writer.begin_shards(seal(resume_record(plan, how), PLAN_SHA256))
            table = plan.program.table
            writer.write_program(program_columns(table), energy_columns(table))
        gathered = Gathered(
            plan.program.table,
            keep_latency=plan.composes,
            expected_bursts=plan.expected_bursts,
        )
        if choice.name == "fast":
            # Compiled here once, workers find the result on disk.
            FastEngine(plan.program)
        run_shards(plan, how, choice, gathered, out and out.absolute())
        # Arrow keeps what it frees to itself, and is hardly needed any more.
        pa.default_memory_pool().release_unused()
        trace, run = None, run_manifest(plan, how, gathered, choice)
        if writer is not None:
            _write_tables(writer, plan)
            trace = Trace(writer.out, writer.close_tables(run))
        ledger = Ledger(plan.program)
        columns = gathered.bursts, gathered.requests
        results = summarize(plan.program, *columns, sums=gathered.sums, ledger=ledger)
        checks: list[Check] = []
        if how.cross_check:
            checks = formula_checks(plan, gathered, columns[1])
            if trace is not None and trace.has_bursts:
                checks += check_trace(trace, plan.program, results)
        summary = run_summary(plan, results, columns, checks)
        run["engine"]["load_s"] = None if was_loaded else loaded_in_s()
        wall_s = time.perf_counter() - started
        if writer is not None:
            writer.finish(run | {"wall_s": wall_s}, summary)
            remove_shards(writer.out)
    return RunResult(
        scenario=plan.scenario,
        summary=summary,
        path=out,
        wall_s=wall_s,
        checks=checks,
        engine=run["engine"],
    )


def _write_tables(writer: RunWriter, plan: RunPlan) -> None:
    """Bursts, requests and the list of parts, from the finished shards."""

    def shards() -> Iterator[ShardResult]:
        for shard in range(plan.shards):
            # The large part files have been read when they were put on the list.
            yield finished_shard(writer.out, plan, shard, check_events=False)

    traced = math.ceil(plan.traced_replications / plan.replications_per_shard)
    for shard in range(traced):
        part = finished_shard(writer.out, plan, shard).part
        if part is not None:
            record = FileRecord(part.sha256, part.n_bytes)
            writer.add_part(part.name, record, part.n_rows)
    if plan.trace != "none":
        writer.write_rows(BURSTS, (result.bursts for result in shards()))
        writer.write_rows(REQUESTS, (result.requests for result in shards()))
