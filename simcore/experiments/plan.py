"""What a run will do: scenario with overrides, replications, sizes, metadata."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from simcore.analysis.expectation import ExpectedBursts, expected_bursts
from simcore.config.load import config_sha256, load_scenario
from simcore.config.scenario import ScenarioConfig
from simcore.config.schedule_names import SHIPPED_SCHEDULES
from simcore.errors import ConfigError, Problem, ProgramError
from simcore.program.burst import BurstProgram, longest_context, scenario_program
from simcore.program.outcomes import requests_for_bursts
from simcore.units import MAX_TIME_PS, PS_PER_NS

if TYPE_CHECKING:
    from simcore.engine.guest import ChipProcess

ScenarioSource = str | Path | Mapping[str, Any] | ScenarioConfig

TraceMode = Literal["none", "bursts", "sample", "full"]

#: Event rows that a run writes without being told that it may write more.
DEFAULT_MAX_EVENTS = 50_000_000

#: Event rows of one shard, where all are kept; else bursts of one shard.
_ROWS_PER_PART = 4_000_000
_BURSTS_REUSED = 50_000
_BURSTS_SIMULATED = 1_000

#: Compressed bytes, measured on runs of the shipped scenarios: an event row; one of a
#: chip that does one thing at a time, whose times follow each other; one where requests
#: meet at random; one with random durations; a row of the program, a burst with its
#: share of a request, and the manifest, the summary and the headers of the tables.
BYTES_PER_ROW = 2.7
BYTES_PER_ROW_SERIALIZED = 0.5
BYTES_PER_ROW_SHARED = 5.0
BYTES_PER_ROW_JITTER = 12.0
BYTES_PER_PROGRAM_ROW = 2.0
BYTES_PER_BURST = 65.0
BYTES_PER_RUN = 80_000

#: Memory, measured likewise: an idle process with its libraries, and each burst.
PROCESS_BYTES = 300_000_000
MEMORY_BYTES_PER_BURST = 150.0


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
    processes : tuple of callable
        Processes that users wrote, which take part on every chip.
    """

    scenario: ScenarioConfig
    program: BurstProgram
    expected: ExpectedBursts
    processes: tuple[ChipProcess, ...] = ()

    @property
    def process_names(self) -> list[str]:
        """What the processes of the user are called."""
        return [f"{p.__module__}.{p.__qualname__}" for p in self.processes]

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
        """Event rows of the whole run, in expectation, written or not."""
        return round(self.expected_bursts * self.rows_per_burst)

    # -- what is kept -------------------------------------------------------------

    @property
    def trace(self) -> TraceMode:
        """What the run folder keeps; `auto` is decided here, by the estimated size."""
        asked = self.scenario.trace
        if asked != "auto":
            return asked
        return "full" if self.expected_rows <= DEFAULT_MAX_EVENTS else "bursts"

    @property
    def traced_replications(self) -> int:
        """Replications whose events are kept: the first ones."""
        if self.trace == "full":
            return self.replications
        if self.trace == "sample":
            wanted = self.scenario.trace_requests or 0
            return min(math.ceil(wanted / self.scenario.streams), self.replications)
        return 0

    @property
    def expected_trace_rows(self) -> int:
        """Event rows that are written, in expectation."""
        share = self.traced_replications / self.replications
        return round(self.expected_rows * share)

    @property
    def expected_trace_bytes(self) -> int:
        """Size of the run folder, in expectation."""
        bursts = 0 if self.trace == "none" else self.expected_bursts
        return round(
            BYTES_PER_RUN
            + self.expected_trace_rows * self._bytes_per_row
            + self.rows_per_burst * BYTES_PER_PROGRAM_ROW
            + bursts * BYTES_PER_BURST
        )

    @property
    def _bytes_per_row(self) -> float:
        if self.scenario.jitter_cv:
            return BYTES_PER_ROW_JITTER
        if self.scenario.streams > 1:
            return BYTES_PER_ROW_SHARED
        pipelined = self.program.policy.pipelined
        return BYTES_PER_ROW if pipelined else BYTES_PER_ROW_SERIALIZED

    @property
    def expected_memory_bytes(self) -> int:
        """Memory of the main process, in expectation."""
        return PROCESS_BYTES + round(self.expected_bursts * MEMORY_BYTES_PER_BURST)

    # -- shards -------------------------------------------------------------------

    @property
    def replications_per_shard(self) -> int:
        """Replications in one shard: fixed by the scenario, not by who runs it.

        A shard is what one worker does at a time and what an interrupted run keeps;
        its events are one part file.
        """
        if self.scenario.shard_replications is not None:
            return self.scenario.shard_replications
        bursts = self.expected.bursts * self.scenario.streams
        if self.trace == "full":
            return max(1, math.ceil(_ROWS_PER_PART / (bursts * self.rows_per_burst)))
        per_shard = _BURSTS_REUSED if self.scenario.bursts_repeat else _BURSTS_SIMULATED
        return max(1, math.ceil(per_shard / bursts))

    @property
    def shards(self) -> int:
        """How many shards the run has."""
        return math.ceil(self.replications / self.replications_per_shard)

    def replications_of(self, shard: int) -> range:
        """Which replications a shard simulates."""
        size = self.replications_per_shard
        return range(shard * size, min((shard + 1) * size, self.replications))

    @property
    def composes(self) -> bool:
        """Whether the latency of every burst follows from a formula, exactly."""
        scenario = self.scenario
        if scenario.streams > 1 or scenario.jitter_cv or self.program.ahead:
            return False
        if self.processes or scenario.schedule not in SHIPPED_SCHEDULES:
            return False
        whole = scenario.verification == "full_burst" or not self.program.draft_length
        one_by_one = not self.program.policy.pipelined
        return whole or (one_by_one and not self.program.policy.kv_buffers)

    @property
    def skipped(self) -> list[str]:
        """Comparisons with the closed form that do not apply, and why."""
        own = [f"your processes {', '.join(self.process_names)}"]
        causes = [*self.scenario.event_only, *(own if self.processes else [])]
        reasons = "; ".join(causes)
        if not reasons:
            return []
        found = [f"means against the closed form: it does not follow {reasons}"]
        if not self.composes:
            found.insert(0, f"burst latency by formula: none follows {reasons}")
        return found

    def metadata(self) -> dict[str, str]:
        """What every Parquet file of the run says about its origin."""
        found = {
            "simcore.config_sha256": config_sha256(self.scenario),
            "simcore.seed": str(self.scenario.seed),
        }
        if self.processes:
            found["simcore.processes"] = ", ".join(self.process_names)
        return found


def plan_run(
    source: ScenarioSource,
    *,
    seed: int | None = None,
    requests: int | None = None,
    bursts: int | None = None,
    processes: Sequence[ChipProcess] = (),
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
    processes : sequence of callable
        As `plan_of`.

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
    return plan_of(scenario, processes)


def plan_of(scenario: ScenarioConfig, processes: Sequence[ChipProcess] = ()) -> RunPlan:
    """Plan of a scenario that has all overrides of its run.

    Parameters
    ----------
    scenario : ScenarioConfig
        What to run.
    processes : sequence of callable
        Processes that users wrote; see `simcore.engine.guest`.

    Raises
    ------
    ProgramError
        If it cannot run on its hardware, or could outrun the clock.
    """
    program = scenario_program(scenario, events=True)
    _check_time(scenario, program)
    return RunPlan(scenario, program, expected_bursts(scenario), tuple(processes))


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
