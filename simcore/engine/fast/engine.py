"""The compiled engine for the requests of one replication."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np

from simcore.engine.burst_table import BurstTable
from simcore.engine.clock import DEFAULT_EVENT_BUDGET
from simcore.engine.fast import arrays as at
from simcore.engine.fast import kernel
from simcore.engine.fast.machine import Machine, drafted_ahead
from simcore.engine.fast.run import OnPartial, Run, Task
from simcore.engine.simulate import simulate_replication
from simcore.errors import SimulationError
from simcore.program.burst import BurstProgram
from simcore.program.jitter import Jitter
from simcore.program.outcomes import OutcomeTable
from simcore.program.table import IntArray
from simcore.trace.hold_sums import HoldSums
from simcore.trace.holds import EventRows
from simcore.trace.recorder import NullRecorder


class FastEngine:
    """Gives what `simulate_replication` gives, some hundred times as fast.

    Parameters
    ----------
    program : BurstProgram
        What every burst executes.
    jitter : Jitter, optional
        Random durations of holds.
    event_budget : int
        Most holds of a replication that may end.

    Attributes
    ----------
    compile_s : float
        Seconds that the kernel took to compile or to load, once a process.
    """

    def __init__(
        self,
        program: BurstProgram,
        *,
        jitter: Jitter | None = None,
        event_budget: int = DEFAULT_EVENT_BUDGET,
    ) -> None:
        self._machine = Machine(program, jitter)
        self._event_budget = event_budget
        self.compile_s = load_kernel(self._machine)

    def simulate(
        self,
        outcomes: OutcomeTable,
        *,
        replication: int = 0,
        arrivals_ps: Mapping[int, int] | None = None,
        sums: HoldSums | None = None,
        take_rows: Callable[[EventRows], None] | None = None,
        on_partial: OnPartial | None = None,
    ) -> BurstTable:
        """Run the requests of one replication to their end.

        Parameters
        ----------
        outcomes : OutcomeTable
            The bursts of each request.
        replication : int
            Number in the rows.
        arrivals_ps : mapping of int to int, optional
            When each request arrives; 0 for those not named.
        sums : HoldSums, optional
            The holds of all bursts are added to it.
        take_rows : callable, optional
            Takes the event rows, chunk by chunk in the order of the file.
        on_partial : callable, optional
            Called with (request, burst, executed, activates) at the end of a burst
            that had cancellations or whose row activations are counted; the arrays
            are those that `Recorder.record_burst` takes.

        Returns
        -------
        BurstTable
            By request, then burst.

        Raises
        ------
        SimulationError
            If work is left when no event is (a deadlock), a delay is impossible, or
            the budget is spent. Sums and rows are of no use then.
        """
        requests = range(
            outcomes.first_request, outcomes.first_request + len(outcomes.bursts)
        )
        arrivals = [(arrivals_ps or {}).get(request, 0) for request in requests]
        drafted = drafted_ahead(outcomes)
        run = Run(
            self._machine,
            Task(
                outcomes,
                drafted,
                np.array(arrivals, dtype=np.int64),
                self._event_budget,
                replication,
                take_rows=take_rows,
                on_partial=on_partial,
            ),
        )
        status = run.run()
        if status == kernel.BUDGET_SPENT:
            raise SimulationError(
                f"event budget of {self._event_budget} events spent at "
                f"t={run.now_ps} ps"
            )
        if status != kernel.OUT_OF_EVENTS or not run.is_complete or run.holds_sram:
            raise reference_error(self._machine, outcomes, replication, arrivals_ps)
        if sums is not None:
            run.add_to(sums)
        return burst_table(outcomes, drafted, run.found, replication)


def burst_table(
    outcomes: OutcomeTable, drafted: IntArray, found: IntArray, replication: int
) -> BurstTable:
    """What the kernel found of the bursts of one replication, as columns."""
    n_requests, n_bursts = len(outcomes.bursts), len(found)
    first = np.cumsum(outcomes.bursts) - outcomes.bursts
    return BurstTable(
        replication=np.full(n_bursts, replication, dtype=np.int64),
        request=np.repeat(
            outcomes.first_request + np.arange(n_requests), outcomes.bursts
        ),
        burst=np.arange(n_bursts) - np.repeat(first, outcomes.bursts),
        context_length=outcomes.context_length,
        accepted=outcomes.accepted,
        committed=outcomes.committed,
        ahead_survives=outcomes.ahead_survives,
        drafted_ahead=drafted,
        ready_ps=found[:, at.READY_PS].copy(),
        start_ps=found[:, at.START_PS].copy(),
        draft_end_ps=found[:, at.DRAFT_END_PS].copy(),
        verify_end_ps=found[:, at.VERIFY_END_PS].copy(),
        commit_end_ps=found[:, at.COMMIT_END_PS].copy(),
        end_ps=found[:, at.END_PS].copy(),
        sram_bytes=found[:, at.SRAM_BYTES].copy(),
        holds=found[:, at.HOLDS].copy(),
        wasted_verify_steps=found[:, at.WASTED].copy(),
    )


def reference_error(
    machine: Machine,
    outcomes: OutcomeTable,
    replication: int,
    arrivals_ps: Mapping[int, int] | None = None,
) -> SimulationError:
    """The error of a simulation that cannot go on, in the words of the reference.

    What the reference raises itself goes through as it is.
    """
    simulate_replication(
        machine.program,
        outcomes.by_request(),
        NullRecorder(),
        replication=replication,
        arrivals_ps=arrivals_ps,
        jitter=machine.jitter,
    )
    return SimulationError(
        f"the compiled engine stopped in replication {replication}, where the SimPy "
        "engine does not: a defect of simcore"
    )


_loaded_s: list[float] = []


def loaded_in_s() -> float | None:
    """Seconds that compiling or loading took in this process; None: not yet."""
    return _loaded_s[0] if _loaded_s else None


def load_kernel(machine: Machine) -> float:
    """Compile the kernel or load it from its cache; seconds that this took, once."""
    if not _loaded_s:
        before = time.perf_counter()
        nothing = OutcomeTable.of(0, [])
        none = np.zeros(0, dtype=np.int64)
        Run(machine, Task(nothing, none, none, 0)).run()
        _loaded_s.append(time.perf_counter() - before)
    return _loaded_s[0]
