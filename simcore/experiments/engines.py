"""The engines behind one interface, and which one a run takes.

All give the same bursts, sums and events, bit for bit; the tests hold them to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from simcore.config.scenario import ScenarioConfig
from simcore.engine.burst_table import BurstTable
from simcore.engine.simulate import simulate_replication
from simcore.experiments.spending import Spending, SpendingRecorder
from simcore.program.arrivals import arrivals_ps
from simcore.program.burst import BurstProgram
from simcore.program.jitter import Jitter
from simcore.program.outcomes import OutcomeDraws
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
        What the user should know of the choice; empty when it is what was asked for.
    """

    name: EngineName
    note: str = ""


def choose_engine(asked: str) -> EngineChoice:
    """Which engine runs.

    Parameters
    ----------
    asked : {"auto", "simpy", "fast"}
        Field `engine` of the scenario.
    """
    if asked == "simpy":
        return EngineChoice("simpy")
    return EngineChoice("simpy")


def engine_of(name: str, scenario: ScenarioConfig, program: BurstProgram) -> Engine:
    """The engine of this name, for one scenario."""
    return SimPyEngine(scenario, program)


class SimPyEngine:
    """The reference: SimPy processes, one event a hold.

    Parameters
    ----------
    scenario : ScenarioConfig
        Draws, arrivals and jitter.
    program : BurstProgram
        What every burst executes.
    """

    name: EngineName = "simpy"

    def __init__(self, scenario: ScenarioConfig, program: BurstProgram) -> None:
        self._scenario = scenario
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
            )
        return BurstTable.of(bursts)

    def _buffer(self, take_rows: TakeRows) -> EventBuffer:
        return EventBuffer(HoldExpansion(*self._program.table.rows), take_rows)


def requests_of(scenario: ScenarioConfig, replication: int) -> range:
    """Numbers of the requests that share the chip of a replication."""
    streams = scenario.streams
    return range(replication * streams, (replication + 1) * streams)


def jitter_of(scenario: ScenarioConfig) -> Jitter | None:
    """Random durations of a scenario, if it has any."""
    cv = scenario.jitter_cv
    return Jitter(scenario.seed, cv) if cv else None
