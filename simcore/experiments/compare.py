"""Two runs side by side: what differs in their settings, results and events.

A run folder is taken as it is; a scenario is simulated first, with the seed and the
number of requests of the other side, so that both meet the same luck.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from simcore.analysis.divergence import (
    Divergence,
    SettingDifference,
    first_divergence,
    setting_differences,
)
from simcore.analysis.paired import ComparedRun, Comparison, compare_runs
from simcore.config.load import config_dict, load_scenario
from simcore.config.scenario import ScenarioConfig
from simcore.experiments.engines import choose_engine
from simcore.experiments.gather import Gathered
from simcore.experiments.how_to_run import HowToRun
from simcore.experiments.plan import RunPlan, ScenarioSource, plan_of
from simcore.experiments.run_shards import run_shards
from simcore.program.burst import BurstProgram, scenario_program
from simcore.trace.columns import to_numpy
from simcore.trace.reader import Trace, read_trace
from simcore.trace.schema import RUN_JSON


@dataclass(frozen=True)
class RunComparison:
    """What two runs have in common, and what not.

    Attributes
    ----------
    names : tuple of str
        How the sides are called.
    settings : list of SettingDifference
        Fields that differ and can change a result.
    comparison : Comparison
        Metrics with intervals of their differences.
    divergence : Divergence or None
        First event row that differs.
    events : str
        `equal`, `diverge`, or why they were not compared.
    """

    names: tuple[str, str]
    settings: list[SettingDifference]
    comparison: Comparison
    divergence: Divergence | None
    events: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "a": self.names[0],
            "b": self.names[1],
            "settings": [asdict(difference) for difference in self.settings],
            **self.comparison.as_dict(),
            "events": self.events,
            "first_divergence": (
                None if self.divergence is None else asdict(self.divergence)
            ),
        }


@dataclass(frozen=True)
class _Side:
    name: str
    scenario: ScenarioConfig
    program: BurstProgram
    bursts: Mapping[str, Any]
    requests: Mapping[str, Any]
    trace: Trace | None

    @property
    def compared(self) -> ComparedRun:
        return ComparedRun(self.program, self.bursts, self.requests)


def compare(
    a: ScenarioSource,
    b: ScenarioSource,
    *,
    seed: int | None = None,
    requests: int | None = None,
    how: HowToRun | None = None,
    confidence: float = 0.95,
) -> RunComparison:
    """Compare two runs or scenarios.

    Parameters
    ----------
    a, b : path, name, mapping or ScenarioConfig
        Run folders, or scenarios to be simulated.
    seed, requests : int, optional
        Of sides that are simulated; by default those of a side that is a run, else
        each scenario's own.
    how : HowToRun, optional
        Who simulates.
    confidence : float
        Coverage of the intervals.

    Raises
    ------
    ConfigError, ProgramError
        If a scenario cannot run.
    TraceError
        If a run folder is damaged, or kept no bursts.
    SimulationError
        If a simulation fails.
    """
    how = how or HowToRun()
    traces = [_trace(source) for source in (a, b)]
    for trace in traces:
        if trace is not None:
            seed = trace.run["seed"] if seed is None else seed
            if requests is None:
                requests = trace.run["counts"]["requests"]
    first, second = (
        _simulated(source, seed, requests, how) if trace is None else _read(trace)
        for source, trace in zip((a, b), traces, strict=True)
    )
    divergence, events = _events(first.trace, second.trace)
    return RunComparison(
        (first.name, second.name),
        setting_differences(config_dict(first.scenario), config_dict(second.scenario)),
        compare_runs(first.compared, second.compared, confidence),
        divergence,
        events,
    )


def _trace(source: ScenarioSource) -> Trace | None:
    if isinstance(source, str | Path) and (Path(source) / RUN_JSON).is_file():
        return read_trace(source)
    return None


def _read(trace: Trace) -> _Side:
    scenario = load_scenario(trace.run["config"])
    bursts, requests = (
        {name: to_numpy(table[name]) for name in table.column_names if name not in _NOT}
        for table in (trace.bursts(), trace.requests())
    )
    program = scenario_program(scenario, events=True)
    return _Side(str(trace.path), scenario, program, bursts, requests, trace)


#: Columns that are not one number a row.
_NOT = ("ttft_ps", "commit_gap_ps")


def _simulated(
    source: ScenarioSource, seed: int | None, requests: int | None, how: HowToRun
) -> _Side:
    changes = [
        *([] if seed is None else [f"seed={seed}"]),
        *([] if requests is None else [f"workload.requests={requests}"]),
    ]
    plan: RunPlan = plan_of(load_scenario(source, changes))
    gathered = Gathered(plan.program.table, keep_latency=False)
    run_shards(plan, how, choose_engine(plan.scenario), gathered, None)
    name = source if isinstance(source, str) else plan.scenario.name
    return _Side(
        str(name),
        plan.scenario,
        plan.program,
        gathered.bursts,
        gathered.requests,
        None,
    )


def _events(a: Trace | None, b: Trace | None) -> tuple[Divergence | None, str]:
    if a is None or b is None:
        return None, "not compared: a side was simulated without a trace"
    for trace in (a, b):
        if not trace.has_events:
            return None, f"not compared: {trace.path} kept no events"
    divergence = first_divergence(a, b)
    return divergence, "equal" if divergence is None else "diverge"
