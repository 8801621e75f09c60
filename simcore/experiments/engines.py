"""The engines behind one interface, and which one a run takes.

All give the same bursts, sums and events, bit for bit; the tests hold them to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from simcore.config.scenario import ScenarioConfig
from simcore.engine.burst_table import BurstTable
from simcore.engine.fast import available
from simcore.engine.fast.engine import FastEngine
from simcore.engine.fast.templates import BurstTemplates
from simcore.engine.guest import ChipProcess
from simcore.engine.simulate import simulate_replication
from simcore.errors import ConfigError, Problem
from simcore.experiments.spending import Spending, SpendingRecorder
from simcore.program.arrivals import arrivals_ps
from simcore.program.burst import BurstProgram
from simcore.program.jitter import Jitter
from simcore.program.outcomes import OutcomeDraws, OutcomeTable
from simcore.trace.hold_sums import HoldSums
from simcore.trace.holds import EventBuffer, EventRows, HoldExpansion
from simcore.trace.recorder import NullRecorder

EngineName = Literal["simpy", "fast"]
TakeRows = Callable[[EventRows], None]


class Engine(Protocol):
    """Simulates replications of one scenario."""

    name: EngineName

    def run(
        self, replications: range, spending: Spending, take_rows: TakeRows | None
    ) -> BurstTable:
        """Simulate replications one after another.

        Parameters
        ----------
        replications : range
            Which; each has a chip of its own and a clock from 0.
        spending : Spending
            Takes sums and what single bursts spent.
        take_rows : callable, optional
            Takes event rows in the order of the file; without it none are made.
        """


@dataclass(frozen=True)
class EngineChoice:
    """The engine of a run, and why.

    Attributes
    ----------
    name : {"simpy", "fast"}
        Which engine.
    note : str
        What the user should know of the choice; empty when there is nothing.
    reuses_bursts : bool
        Whether equal bursts are simulated once.
    """

    name: EngineName
    note: str = ""
    reuses_bursts: bool = False


def choose_engine(
    scenario: ScenarioConfig, processes: Sequence[ChipProcess] = ()
) -> EngineChoice:
    """Which engine runs a scenario.

    Parameters
    ----------
    scenario : ScenarioConfig
        Its field `engine`, and what it makes of it.
    processes : sequence of callable
        Processes that users wrote.

    Raises
    ------
    ConfigError
        If the compiled engine is asked for and there are such processes.
    """
    if processes and scenario.engine == "fast":
        problem = Problem(
            path="engine",
            got="'fast'",
            allowed="auto or simpy with processes of your own",
            hint="Only the SimPy engine can run them.",
        )
        raise ConfigError([problem])
    if processes:
        return EngineChoice(
            "simpy",
            "A process of yours takes part, which only the SimPy engine can run.",
        )
    if scenario.engine == "simpy":
        return EngineChoice("simpy")
    if not available():
        return EngineChoice(
            "simpy",
            "The compiled engine needs numba, which is not installed: the SimPy engine "
            "runs instead, with the same results, much slower.",
        )
    if scenario.bursts_repeat:
        return EngineChoice(
            "fast",
            "Each burst has the chip to itself, so bursts of equal context length and "
            "outcome take equal times: each kind is simulated once and re-used.",
            reuses_bursts=True,
        )
    return EngineChoice("fast")


def engine_of(
    name: str,
    scenario: ScenarioConfig,
    program: BurstProgram,
    processes: Sequence[ChipProcess] = (),
) -> Engine:
    """The engine of this name, for one scenario."""
    if name == "simpy":
        return SimPyEngine(scenario, program, processes)
    if scenario.bursts_repeat and not program.times_transfers:
        return RepeatingEngine(scenario, program)
    return CompiledEngine(scenario, program)


class SimPyEngine:
    """The reference: SimPy processes, one event a hold.

    Parameters
    ----------
    scenario : ScenarioConfig
        Draws, arrivals and jitter.
    program : BurstProgram
        What every burst executes.
    processes : sequence of callable
        Processes that users wrote, started on every chip.
    """

    name: EngineName = "simpy"

    def __init__(
        self,
        scenario: ScenarioConfig,
        program: BurstProgram,
        processes: Sequence[ChipProcess] = (),
    ) -> None:
        self._scenario = scenario
        self._processes = processes
        self._program = program
        self._draws = OutcomeDraws(scenario)
        self._jitter = jitter_of(scenario)

    def run(
        self, replications: range, spending: Spending, take_rows: TakeRows | None
    ) -> BurstTable:
        """Simulate replications; see `Engine.run`."""
        rows = NullRecorder() if take_rows is None else self._buffer(take_rows)
        recorder = SpendingRecorder(spending, rows)
        bursts = []
        for replication in replications:
            requests = requests_of(self._scenario, replication)
            outcomes = self._draws.table(requests)
            spending.expect(outcomes)
            arrivals = arrivals_ps(self._scenario, replication)
            bursts += simulate_replication(
                self._program,
                outcomes.by_request(),
                recorder,
                replication=replication,
                arrivals_ps=dict(zip(requests, arrivals, strict=True)),
                jitter=self._jitter,
                processes=self._processes,
            )
        return BurstTable.of(bursts)

    def _buffer(self, take_rows: TakeRows) -> EventBuffer:
        return EventBuffer(HoldExpansion(*self._program.table.rows), take_rows)


class CompiledEngine:
    """Compiled code that follows every hold of every burst.

    Parameters
    ----------
    scenario : ScenarioConfig
        Draws, arrivals and jitter.
    program : BurstProgram
        What every burst executes.
    """

    name: EngineName = "fast"

    def __init__(self, scenario: ScenarioConfig, program: BurstProgram) -> None:
        self._scenario = scenario
        self._draws = OutcomeDraws(scenario)
        self._n_operations = len(program.table)
        self._engine = FastEngine(program, jitter=jitter_of(scenario))

    def run(
        self, replications: range, spending: Spending, take_rows: TakeRows | None
    ) -> BurstTable:
        """Simulate replications; see `Engine.run`."""
        tables = []
        sums = HoldSums.empty(self._n_operations)
        for replication in replications:
            requests = requests_of(self._scenario, replication)
            outcomes = self._draws.table(requests)
            spending.expect(outcomes)
            arrivals = arrivals_ps(self._scenario, replication)
            tables.append(
                self._engine.simulate(
                    outcomes,
                    replication=replication,
                    arrivals_ps=dict(zip(requests, arrivals, strict=True)),
                    sums=sums,
                    take_rows=take_rows,
                    on_partial=spending.add_partial,
                )
            )
        spending.sums.add_holds(sums)
        return BurstTable.concatenate(tables)


class RepeatingEngine:
    """Compiled code that follows the holds of every kind of burst once.

    For requests that have the chip to themselves, without jitter.

    Parameters
    ----------
    scenario : ScenarioConfig
        Draws and arrivals.
    program : BurstProgram
        What every burst executes.
    """

    name: EngineName = "fast"

    def __init__(self, scenario: ScenarioConfig, program: BurstProgram) -> None:
        self._scenario = scenario
        self._draws = OutcomeDraws(scenario)
        self._n_operations = len(program.table)
        self._templates = BurstTemplates(program)

    def run(
        self, replications: range, spending: Spending, take_rows: TakeRows | None
    ) -> BurstTable:
        """Simulate replications; see `Engine.run`."""
        # One request a replication: they have the same numbers.
        outcomes = self._draws.table(replications)
        arrivals = [arrivals_ps(self._scenario, r)[0] for r in replications]
        sums = HoldSums.empty(self._n_operations)
        bursts = self._templates.simulate(
            outcomes,
            first_replication=replications.start,
            arrivals_ps=np.array(arrivals, dtype=np.int64),
            sums=sums,
            take_rows=take_rows,
        )
        spending.sums.add_holds(sums)
        self._add_partial(outcomes, bursts, spending)
        return bursts

    def _add_partial(
        self, outcomes: OutcomeTable, bursts: BurstTable, spending: Spending
    ) -> None:
        """Tell of bursts of which not every hold ran."""
        partial = np.flatnonzero(bursts.holds != self._n_operations)
        if not partial.size:
            return
        spending.expect(outcomes)
        columns = (
            bursts.request,
            bursts.burst,
            bursts.context_length,
            bursts.accepted,
            bursts.committed,
            bursts.ahead_survives,
            bursts.drafted_ahead,
        )
        for request, burst, *kind in zip(
            *(column[partial].tolist() for column in columns), strict=True
        ):
            context, accepted, committed, survives, drafted = kind
            template = self._templates.of(
                context, accepted, committed, bool(survives), bool(drafted)
            )
            spending.add_partial(request, burst, template.executed, None)


def requests_of(scenario: ScenarioConfig, replication: int) -> range:
    """Numbers of the requests that share the chip of a replication."""
    streams = scenario.streams
    return range(replication * streams, (replication + 1) * streams)


def jitter_of(scenario: ScenarioConfig) -> Jitter | None:
    """Random durations of a scenario, if it has any."""
    cv = scenario.jitter_cv
    return Jitter(scenario.seed, cv) if cv else None
