"""Validate a scenario: every accepted length at several contexts, then a study.

The event engine and the formulas share the costs of operations and nothing else, so
agreement here says that the engine composes them as the rules do.
"""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from simcore.analysis.check import Check
from simcore.analysis.closed_form import request_expectation
from simcore.analysis.composition import Composition
from simcore.analysis.crosscheck import (
    ConditionalRow,
    conditional_checks,
    conditional_row,
    energy_check,
    expected_checks,
    outcome_values,
)
from simcore.analysis.expectation import expected_bursts
from simcore.analysis.invariants import check_trace
from simcore.analysis.ledger import Ledger
from simcore.config.load import load_scenario
from simcore.engine.simulate import simulate_replication
from simcore.experiments.plan import RunPlan, ScenarioSource, plan_run
from simcore.experiments.run import simulate
from simcore.program.outcomes import BurstOutcome, OutcomeDraws
from simcore.trace.reader import read_trace
from simcore.trace.recorder import NullRecorder
from simcore.units import PS_PER_NS

Progress = Callable[[int, int, str], None]

#: Requests of the expected-value study; identical bursts are simulated once.
_STUDY_REQUESTS = 1000

_THEORY_SKIPPED = (
    "queueing theory: depends on no scenario and takes a minute; "
    "see `simcore validate --theory`"
)

#: Bursts of the traced run whose conservation laws are checked.
_TRACED_BURSTS = 12


@dataclass(frozen=True)
class ValidationReport:
    """Everything `simcore validate` found.

    Attributes
    ----------
    conditional : list of ConditionalRow
        One for each accepted length and context.
    checks : list of Check
        Conditional, expected and conservation checks.
    skipped : list of str
        Checks that do not apply, and why.
    """

    scenario: str
    seed: int
    conditional: list[ConditionalRow]
    checks: list[Check]
    skipped: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether every check holds."""
        return all(check.holds for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "scenario": self.scenario,
            "seed": self.seed,
            "holds": self.holds,
            "conditional": [row.to_dict() for row in self.conditional],
            "checks": [asdict(check) for check in self.checks],
            "skipped": self.skipped,
        }


def validate(
    source: ScenarioSource,
    *,
    seed: int | None = None,
    theory: bool = False,
    progress: Progress | None = None,
) -> ValidationReport:
    """Check the simulation of a scenario against formula, theory and conservation.

    Parameters
    ----------
    source : path, name, mapping or ScenarioConfig
        The scenario.
    seed : int, optional
        Instead of the scenario's.
    theory : bool
        Whether the engine is compared with queueing theory besides; if not, the report
        says so. See `simcore.experiments.theory`.
    progress : callable, optional
        Called with (done, total, unit).

    Raises
    ------
    ConfigError, ProgramError
        If the scenario cannot run.
    SimulationError
        If the simulation fails.
    """
    plan = plan_run(source, seed=seed)
    bench = _Bench(plan, progress)
    rows: list[ConditionalRow] = []
    checks: list[Check] = []
    if plan.composes:
        rows = [bench.row(outcome) for outcome in _conditions(plan)]
    if not plan.scenario.event_only:
        study, energy = _study(plan, bench)
        checks = [energy, *study]
    if rows:
        checks = [*conditional_checks([*rows, *bench.rows]), *checks]
    return ValidationReport(
        scenario=plan.scenario.name,
        seed=plan.scenario.seed,
        conditional=rows,
        checks=[*checks, *_traced(plan)],
        skipped=[*plan.skipped, *([] if theory else [_THEORY_SKIPPED])],
    )


class _Bench:
    """Simulates single bursts, each distinct (L, committed) once."""

    def __init__(self, plan: RunPlan, progress: Progress | None) -> None:
        self.plan = plan
        self.composition = Composition(plan.program)
        self.rows: list[ConditionalRow] = []
        self._latency_ps: dict[tuple[int, int], int] = {}
        self._progress = progress

    def row(self, outcome: BurstOutcome) -> ConditionalRow:
        """Simulate one burst alone on the chip and compare it."""
        recorder = _Durations()
        times = simulate_replication(self.plan.program, {0: [outcome]}, recorder)[0]
        simulated = times.end_ps - times.start_ps
        self._latency_ps[outcome.context_length, outcome.committed] = simulated
        return conditional_row(
            self.composition, outcome, simulated, recorder.duration_ps
        )

    def latency_ps(self, outcome: BurstOutcome) -> int:
        """Latency of a burst; one request at a time makes equal bursts identical."""
        key = (outcome.context_length, outcome.committed)
        if key not in self._latency_ps:
            self.rows.append(self.row(outcome))
        return self._latency_ps[key]

    def latency_ns(self, outcome: BurstOutcome) -> float:
        """As `latency_ps`, in ns."""
        return self.latency_ps(outcome) / PS_PER_NS

    def tell(self, done: int, total: int, unit: str) -> None:
        """Report progress."""
        if self._progress is not None:
            self._progress(done, total, unit)


class _Durations(NullRecorder):
    """Keeps the durations of the one burst it sees."""

    duration_ps: Any = None

    def record_burst(self, *burst: Any, **more: Any) -> None:
        """Keep the durations of the burst."""
        _, _, _, _, _, self.duration_ps = burst[:6]


def _conditions(plan: RunPlan) -> list[BurstOutcome]:
    """Every accepted length 0..K at the first, a middle and the last context."""
    workload = plan.scenario.workload
    first = workload.prompt_length
    if workload.max_tokens is None:
        # Contexts beside the prompt's show that costs follow the context.
        contexts = [first, first + 1, 2 * first]
    else:
        last = first + workload.max_tokens - 1
        contexts = [first, (first + last) // 2, last]
    return [
        BurstOutcome(context, accepted, accepted + 1)
        for context in sorted({*contexts})
        for accepted in range(workload.draft_length + 1)
    ]


def _study(plan: RunPlan, bench: _Bench) -> tuple[list[Check], Check]:
    """Means over many requests against the expectation."""
    scenario = load_scenario(plan.scenario, [f"workload.requests={_STUDY_REQUESTS}"])
    draws = OutcomeDraws(scenario)
    requests = [draws.request(r) for r in range(_STUDY_REQUESTS)]
    occurred = Counter(outcome for request in requests for outcome in request)
    distinct = sorted({(o.context_length, o.committed, o.accepted) for o in occurred})
    for done, (context_length, committed, accepted) in enumerate(distinct):
        bench.tell(done, len(distinct), "bursts")
        bench.latency_ps(BurstOutcome(context_length, accepted, committed))
    bench.tell(len(distinct), len(distinct), "bursts")
    ledger = Ledger(plan.program)
    values = outcome_values(plan.program, bench.composition, ledger)
    simulated = values | {"latency_ns": bench.latency_ns}
    each = {name: {o: of(o) for o in occurred} for name, of in simulated.items()}
    totals = {
        name: np.array([math.fsum(of[o] for o in request) for request in requests])
        for name, of in each.items()
    }
    expected = expected_bursts(scenario)
    expectation = request_expectation(plan.program, expected, bench.composition)
    energy = math.fsum(each["energy_pj"][o] * n for o, n in occurred.items())
    return (
        expected_checks(expectation, expected, values, totals),
        energy_check(plan.program, bench.composition, occurred, energy),
    )


def _traced(plan: RunPlan) -> list[Check]:
    """Conservation laws over the trace of a short run."""
    with tempfile.TemporaryDirectory(prefix="simcore-validate-") as folder:
        result = simulate(
            load_scenario(plan.scenario, ["trace=full"]),
            bursts=_TRACED_BURSTS,
            out=Path(folder) / "run",
            cross_check=False,
        )
        assert result.path is not None
        trace = read_trace(result.path)
        return check_trace(trace, plan.program, result.summary)
