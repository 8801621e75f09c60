"""One run: plan, simulate every replication, record, check, summarise."""

from __future__ import annotations

import platform
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import simcore
from simcore.analysis.check import Check
from simcore.analysis.closed_form import request_expectation
from simcore.analysis.composition import Composition
from simcore.analysis.crosscheck import (
    conditional_checks,
    conditional_row,
    energy_check,
    expected_checks,
    outcome_values,
)
from simcore.analysis.estimate import Estimate, estimate_scenario
from simcore.analysis.invariants import check_trace
from simcore.analysis.ledger import Ledger
from simcore.analysis.metrics import summarize
from simcore.config.load import config_dict, config_sha256
from simcore.config.scenario import ScenarioConfig
from simcore.engine.burst_controller import BurstTimes
from simcore.engine.simulate import simulate_replication
from simcore.experiments.plan import RunPlan, ScenarioSource, plan_run
from simcore.experiments.rows import Columns, burst_columns, request_columns
from simcore.experiments.spending import SpendingRecorder
from simcore.program.arrivals import arrivals_ps
from simcore.program.jitter import Jitter
from simcore.program.outcomes import OutcomeDraws
from simcore.trace.program_tables import energy_columns, program_columns
from simcore.trace.reader import Trace
from simcore.trace.recorder import NullRecorder
from simcore.trace.writer import RunWriter

Progress = Callable[[int, int, str], None]


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
    """

    scenario: ScenarioConfig
    summary: dict[str, Any]
    path: Path | None
    wall_s: float
    checks: list[Check]

    @property
    def holds(self) -> bool:
        """Whether every check holds."""
        return all(check.holds for check in self.checks)

    @property
    def metrics(self) -> dict[str, Any]:
        """Metrics with their confidence intervals, by name."""
        metrics: dict[str, Any] = self.summary["metrics"]
        return metrics


def simulate(
    scenario: ScenarioSource,
    *,
    seed: int | None = None,
    requests: int | None = None,
    bursts: int | None = None,
    out: str | Path | None = None,
    force: bool = False,
    cross_check: bool = True,
    progress: Progress | None = None,
) -> RunResult:
    """Simulate a scenario and, with `out`, write its run folder.

    Parameters
    ----------
    scenario : path, name, mapping or ScenarioConfig
        What to run.
    seed, requests, bursts : int, optional
        Instead of the scenario's; `bursts` runs at least so many, in whole requests.
    out : path, optional
        Run folder. Without it nothing is written and no event is kept.
    force : bool
        Replace a run that is already there.
    cross_check : bool
        Compare with the closed form, and the trace with its conservation laws.
    progress : callable, optional
        Called with (done, total, unit).

    Returns
    -------
    RunResult
        Also when a check fails: ask `holds`.

    Raises
    ------
    ConfigError, ProgramError
        If the input is wrong or cannot run on this hardware.
    SimulationError
        If the simulation fails.
    OutputError
        If the system refuses to write.
    """
    started = time.perf_counter()
    plan = plan_run(scenario, seed=seed, requests=requests, bursts=bursts)
    writer = None
    if out is not None:
        writer = RunWriter(
            Path(out),
            force=force,
            metadata=plan.metadata(),
            replications_per_part=plan.replications_per_part,
            write_events=plan.scenario.trace == "full",
        )
    with writer or nullcontext():
        if writer is not None:
            table = plan.program.table
            writer.write_program(program_columns(table), energy_columns(table))
            writer.events(*table.rows)
        ledger = Ledger(plan.program)
        recorder = SpendingRecorder(ledger, writer or NullRecorder())
        times = _replications(plan, recorder, progress)
        tables = _tables(plan, times, recorder, ledger)
        if writer is not None:
            writer.add_bursts(tables["bursts"])
            writer.add_requests(tables["requests"])
        run = _manifest(plan, times)
        trace = None if writer is None else Trace(writer.out, writer.close_tables(run))
        results = summarize(
            plan.program,
            tables["bursts"],
            tables["requests"],
            sums=recorder.sums,
            ledger=ledger,
        )
        estimate = estimate_scenario(plan.scenario)
        checks: list[Check] = []
        if cross_check:
            checks = _formula_checks(plan, times, tables)
            if trace is not None:
                checks += check_trace(trace, plan.program, results)
        summary = results | _context(estimate, checks) | {"skipped": plan.skipped}
        wall_s = time.perf_counter() - started
        if writer is not None:
            writer.finish(run | {"wall_s": wall_s}, summary)
    return RunResult(
        scenario=plan.scenario,
        summary=summary,
        path=None if writer is None else writer.out,
        wall_s=wall_s,
        checks=checks,
    )


def _replications(
    plan: RunPlan, recorder: SpendingRecorder, progress: Progress | None
) -> list[list[BurstTimes]]:
    """Simulate one replication after another, each on a chip of its own.

    Returns
    -------
    list of list of BurstTimes
        One list for each request.
    """
    scenario = plan.scenario
    draws = OutcomeDraws(scenario)
    jitter = Jitter(scenario.seed, scenario.jitter_cv) if scenario.jitter_cv else None
    times: list[list[BurstTimes]] = []
    for replication in range(plan.replications):
        if progress is not None:
            progress(len(times), scenario.workload.requests, "requests")
        requests = range(
            replication * scenario.streams, (replication + 1) * scenario.streams
        )
        outcomes = {request: draws.request(request) for request in requests}
        recorder.expect(outcomes)
        arrivals = arrivals_ps(scenario, replication)
        bursts = simulate_replication(
            plan.program,
            outcomes,
            recorder,
            replication=replication,
            arrivals_ps=dict(zip(requests, arrivals, strict=True)),
            jitter=jitter,
        )
        by_request: dict[int, list[BurstTimes]] = {request: [] for request in requests}
        for burst in bursts:
            by_request[burst.request].append(burst)
        times += by_request.values()
    if progress is not None:
        progress(len(times), scenario.workload.requests, "requests")
    return times


def _tables(
    plan: RunPlan,
    times: Sequence[Sequence[BurstTimes]],
    recorder: SpendingRecorder,
    ledger: Ledger,
) -> dict[str, Columns]:
    bursts = burst_columns(
        plan.program, ledger, [b for r in times for b in r], recorder.spent
    )
    prompt_length = plan.scenario.workload.prompt_length
    return {
        "bursts": bursts,
        "requests": request_columns(prompt_length, times, bursts),
    }


def _manifest(plan: RunPlan, times: Sequence[Sequence[BurstTimes]]) -> dict[str, Any]:
    """Everything a reader needs to know of the run; host and versions only here."""
    packages = ("simpy", "numpy", "scipy", "pyarrow", "pydantic", "duckdb")
    return {
        "scenario": plan.scenario.name,
        "config": config_dict(plan.scenario),
        "config_sha256": config_sha256(plan.scenario),
        "seed": plan.scenario.seed,
        "timed_transfers": plan.program.times_transfers,
        "counts": {
            "replications": plan.replications,
            "requests": len(times),
            "bursts": sum(len(bursts) for bursts in times),
            "operations_per_burst": plan.holds_per_burst,
            "rows_per_burst": plan.rows_per_burst,
        },
        "versions": {
            "simcore": simcore.__version__,
            "python": platform.python_version(),
            **{name: version(name) for name in packages},
        },
        "host": platform.node(),
        "platform": platform.platform(),
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _context(estimate: Estimate, checks: Sequence[Check]) -> dict[str, Any]:
    """What stands beside the results: closed form, checks, switches, coverage."""
    closed_form = estimate.to_dict()
    differences = estimate.scenario.accounting.event_differences()
    return {
        "accounting": closed_form.pop("accounting"),
        "coverage": closed_form.pop("coverage"),
        "warnings": [*closed_form.pop("warnings"), *differences],
        "closed_form": closed_form,
        "cross_check": [asdict(check) for check in checks],
    }


def _formula_checks(
    plan: RunPlan,
    times: Sequence[Sequence[BurstTimes]],
    tables: Mapping[str, Columns],
) -> list[Check]:
    if not plan.composes:
        return []
    composition = Composition(plan.program)
    bursts = [b for request in times for b in request]
    rows = [
        conditional_row(composition, b.outcome, b.end_ps - b.start_ps) for b in bursts
    ]
    checks = conditional_checks(rows)[:2]
    if plan.scenario.event_only:
        return checks
    energy = energy_check(
        plan.program,
        composition,
        Counter(b.outcome for b in bursts),
        float(np.sum(tables["bursts"]["energy_pj"])),
    )
    expected = expected_checks(
        request_expectation(plan.program, plan.expected, composition),
        plan.expected,
        outcome_values(plan.program, composition, Ledger(plan.program)),
        _per_request(tables["bursts"], tables["requests"]),
    )
    return [*checks, energy, *expected]


def _per_request(bursts: Columns, requests: Columns) -> dict[str, Any]:
    """Totals of every request, in the units of the expectation."""
    request = np.array(bursts["request"])
    position = np.searchsorted(np.array(requests["request"]), request)

    def total(name: str) -> Any:
        return np.bincount(position, weights=np.array(bursts[name], dtype=float))

    return {
        "latency_ns": np.array(requests["latency_ps"]) / 1000,
        "energy_pj": np.array(requests["energy_pj"]),
        "committed_tokens": np.array(requests["tokens"]),
        "bursts": np.array(requests["bursts"]),
        "wasted_verify_steps": total("wasted_verify_steps"),
        "hbm_read_bytes": total("hbm_read_bytes"),
        "hbm_write_bytes": total("hbm_write_bytes"),
    }
