"""What a run will do: scenario with overrides, replications, sizes, metadata."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from simcore.analysis.expectation import ExpectedBursts, expected_bursts
from simcore.config.load import config_sha256, load_scenario
from simcore.config.scenario import ScenarioConfig
from simcore.errors import ConfigError, Problem, ProgramError
from simcore.program.burst import BurstProgram, longest_context, scenario_program
from simcore.program.outcomes import requests_for_bursts
from simcore.units import MAX_TIME_PS, PS_PER_NS

ScenarioSource = str | Path | Mapping[str, Any] | ScenarioConfig

#: Event rows that one part file should hold at least, before it is closed.
_ROWS_PER_PART = 4_000_000


@dataclass(frozen=True)
class RunPlan:
    """A scenario ready to run, and how large the run will be.

    Attributes
    ----------
    scenario : ScenarioConfig
        With the overrides of the run.
    program : BurstProgram
        What every burst executes, under switches that events can follow.
    expected : ExpectedBursts
        Bursts of one request, in expectation.
    """

    scenario: ScenarioConfig
    program: BurstProgram
    expected: ExpectedBursts

    @property
    def replications(self) -> int:
        """Independent chips, each shared by `streams` requests."""
        return self.scenario.workload.requests // self.scenario.streams

    @property
    def expected_bursts(self) -> float:
        """Bursts of the whole run, in expectation."""
        return self.expected.bursts * self.scenario.workload.requests

    @property
    def holds_per_burst(self) -> int:
        """Operations of one burst."""
        return len(self.program.table)

    @property
    def rows_per_burst(self) -> int:
        """Event rows of one burst: one for each resource held."""
        return len(self.program.table.rows[0])

    @property
    def expected_rows(self) -> int:
        """Event rows of the whole run, in expectation."""
        return round(self.expected_bursts * self.rows_per_burst)

    @property
    def replications_per_part(self) -> int:
        """Replications in one part file: fixed by the scenario, not by who runs it."""
        rows = self.expected.bursts * self.rows_per_burst * self.scenario.streams
        return max(1, math.ceil(_ROWS_PER_PART / max(rows, 1)))

    @property
    def composes(self) -> bool:
        """Whether the latency of every burst follows from a formula, exactly."""
        scenario = self.scenario
        if scenario.streams > 1 or scenario.jitter_cv or self.program.ahead:
            return False
        whole = scenario.verification == "full_burst" or not self.program.draft_length
        one_by_one = not self.program.policy.pipelined
        return whole or (one_by_one and not self.program.policy.kv_buffers)

    @property
    def skipped(self) -> list[str]:
        """Comparisons with the closed form that do not apply, and why."""
        reasons = "; ".join(self.scenario.event_only)
        if not reasons:
            return []
        found = [f"means against the closed form: it does not follow {reasons}"]
        if not self.composes:
            found.insert(0, f"burst latency by formula: none follows {reasons}")
        return found

    def metadata(self) -> dict[str, str]:
        """What every Parquet file of the run says about its origin."""
        return {
            "simcore.config_sha256": config_sha256(self.scenario),
            "simcore.seed": str(self.scenario.seed),
        }


def plan_run(
    source: ScenarioSource,
    *,
    seed: int | None = None,
    requests: int | None = None,
    bursts: int | None = None,
) -> RunPlan:
    """Resolve a scenario and the overrides of one run.

    Parameters
    ----------
    source : path, name, mapping or ScenarioConfig
        The scenario.
    seed : int, optional
        Instead of the scenario's.
    requests : int, optional
        Instead of `workload.requests`.
    bursts : int, optional
        At least so many bursts, in whole requests; excludes `requests`.

    Raises
    ------
    ConfigError, ProgramError
        If the input is wrong or cannot run.
    """
    problems = [
        Problem(path=name, got=str(value), allowed=f"must be >= {least}")
        for name, value, least in (
            ("seed", seed, 0),
            ("requests", requests, 1),
            ("bursts", bursts, 1),
        )
        if value is not None and value < least
    ]
    if requests is not None and bursts is not None:
        problems.append(Problem(path="bursts", message="give requests or bursts"))
    if problems:
        raise ConfigError(problems)
    changes = [] if seed is None else [f"seed={seed}"]
    if requests is not None:
        changes.append(f"workload.requests={requests}")
    scenario = load_scenario(source, changes)
    if bursts is not None:
        needed = requests_for_bursts(scenario, bursts)
        scenario = load_scenario(scenario, [f"workload.requests={needed}"])
    program = scenario_program(scenario, events=True)
    _check_time(scenario, program)
    return RunPlan(scenario, program, expected_bursts(scenario))


def _check_time(scenario: ScenarioConfig, program: BurstProgram) -> None:
    """Refuse what could outrun the clock: every hold one after another is a bound."""
    table = program.table
    base, per_token, per_committed = table.duration
    context = table.context(longest_context(scenario))
    committed = program.draft_length + 1
    burst_ns = float(np.sum(base + per_token * context + per_committed * committed))
    bursts = (scenario.workload.max_tokens or 1) * scenario.streams
    if not burst_ns * PS_PER_NS * bursts < MAX_TIME_PS:
        raise ProgramError(
            f"a replication could take {burst_ns * bursts:.3g} ns, more than the "
            "clock of 2^62 ps (53 days) counts; a latency of the hardware is far too "
            "long"
        )
