"""Runs the kernel over some requests and serves what it asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simcore.engine.burst_run import duration_array_ps
from simcore.engine.fast import arrays as at
from simcore.engine.fast import kernel
from simcore.engine.fast import state as st
from simcore.engine.fast.arrays import BurstArrays
from simcore.engine.fast.holds import ENDED
from simcore.engine.fast.machine import NO_LIMIT, Machine
from simcore.engine.fast.row_buffer import RowBuffer
from simcore.engine.hbm_channel import stack_transfers
from simcore.program.outcomes import BurstOutcome, OutcomeTable
from simcore.program.table import IntArray
from simcore.trace.hold_sums import HoldSums
from simcore.trace.holds import EventRows
from simcore.trace.recorder import BoolArray, Int32Array

OnPartial = Callable[[int, int, BoolArray | None, Int32Array | None], None]

#: Bursts in flight for which there is room at first.
_FIRST_SLOTS = 8


@dataclass(frozen=True)
class Task:
    """Requests on one chip, and who wants to know what of them.

    Attributes
    ----------
    outcomes : OutcomeTable
        What their bursts accept.
    drafted_ahead : ndarray of int64, shape (n_bursts,)
        Whether there are drafts for each burst when it starts.
    arrival_ps : ndarray of int64, shape (n_requests,)
        When each request arrives.
    event_budget : int
        Most holds that may end.
    replication : int
        Number in the rows.
    has_sram_limit : bool
        Whether bursts may have to wait for SRAM room.
    take_rows, on_partial : callable, optional
        As in `FastEngine.simulate`.
    """

    outcomes: OutcomeTable
    drafted_ahead: IntArray
    arrival_ps: IntArray
    event_budget: int
    replication: int = 0
    has_sram_limit: bool = True
    take_rows: Callable[[EventRows], None] | None = None
    on_partial: OnPartial | None = None


@dataclass(frozen=True)
class _Burst:
    """A burst as the timing of durations and transfers wants to see it."""

    request: int
    burst: int
    outcome: BurstOutcome


class Run:
    """One task on the kernel.

    Attributes
    ----------
    found : ndarray of int64, shape (n_bursts, 9)
        Columns of `BurstArrays.found`; complete when `run` says so.
    """

    def __init__(self, machine: Machine, task: Task) -> None:
        self._machine = machine
        self._task = task
        outcomes = task.outcomes
        n_bursts = len(outcomes.context_length)
        self.found = np.zeros((n_bursts, 9), dtype=np.int64)
        self._bursts = BurstArrays(
            machine.given(outcomes, task.drafted_ahead), self.found
        )
        n_requests = len(outcomes.bursts)
        self._n_requests = n_requests
        self._state = st.new_state(
            machine.arrays,
            len(machine.program.table.resources),
            machine.commit_level + 2,
            outcomes.bursts,
            task.arrival_ps,
            max(1, min(_FIRST_SLOTS, n_requests)),
        )
        clock = self._state.clock
        clock[st.FIRST_REQUEST] = outcomes.first_request
        clock[st.EVENT_BUDGET] = task.event_budget
        clock[st.SRAM_CAPACITY] = (
            machine.sram_capacity_bytes if task.has_sram_limit else NO_LIMIT
        )
        clock[st.KEEPS_ROWS] = task.take_rows is not None
        clock[st.TELLS_ALL] = task.on_partial is not None and machine.times_transfers
        clock[st.TELLS_CUT] = task.on_partial is not None
        clock[st.GIVEN_DURATIONS] = machine.given_durations
        clock[st.COMMIT_LEVEL] = machine.commit_level
        clock[st.DRAFT_LENGTH] = machine.program.draft_length
        self._transfers = stack_transfers(machine.program, machine.jitter)
        self._activates = np.zeros(len(machine.arrays.missing), dtype=np.int64)
        #: Row activations of bursts in flight, by request.
        self._opened: dict[int, dict[int, int]] = {}
        self._rows = RowBuffer(
            task.take_rows,
            counts_activates=machine.times_transfers,
            n_resources=len(machine.program.table.resources),
        )

    @property
    def now_ps(self) -> int:
        """The time of the last event."""
        return int(self._state.clock[st.NOW])

    @property
    def is_complete(self) -> bool:
        """Whether every burst has ended."""
        return int(self._state.clock[st.BURSTS_DONE]) == len(self.found)

    @property
    def holds_sram(self) -> bool:
        """Whether a burst has left drafts in SRAM."""
        return bool(self._state.clock[st.SRAM_HOLDERS])

    def run(self) -> int:
        """Run until nothing is left to happen or something is wrong.

        Returns
        -------
        int
            `OUT_OF_EVENTS`, `BUDGET_SPENT` or `IMPOSSIBLE_TIME` of the kernel.
        """
        serve = {
            kernel.BURST_ENDED: self._tell_burst,
            kernel.WANTS_SLOTS: self._add_slots,
            kernel.WANTS_DURATIONS: self._give_durations,
            kernel.WANTS_ROWS: self._hand_on_rows,
            kernel.WANTS_TRANSFER: self._time_transfer,
        }
        machine = self._machine
        while True:
            status = kernel.advance(
                machine.arrays,
                machine.variants.arrays,
                self._bursts,
                self._state,
                self._rows.columns,
            )
            if status not in serve:
                break
            serve[status]()
        if status == kernel.OUT_OF_EVENTS and self.is_complete:
            self._rows.hand_on(self._state.clock, self._task.replication, all_rows=True)
        return status

    def add_to(self, sums: HoldSums) -> None:
        """Add what the holds of all bursts have summed up to."""
        s, outcomes = self._state, self._task.outcomes
        n_bursts = len(self.found)
        of_op = self._machine.arrays.op[:-1, at.CLASS]
        sums.bursts += n_bursts
        sums.count += n_bursts + s.sums[:, st.COUNT]
        sums.context += s.class_context[of_op] + s.sums[:, st.SUM_CONTEXT]
        sums.committed += int(outcomes.committed.sum()) + s.sums[:, st.SUM_COMMITTED]
        sums.busy_ps += s.class_busy_ps[of_op] + s.sums[:, st.BUSY_PS]
        sums.wait_ps += s.wait_ps
        sums.activates += self._activates

    # -- what the kernel asks for ----------------------------------------------------

    def _burst_in(self, slot: int) -> _Burst:
        """The burst in a slot, or the next of its request when it has not started."""
        outcomes = self._task.outcomes
        request = int(self._state.slot[slot, st.REQUEST])
        first, _, burst = self._state.request[request, :3].tolist()
        row = first + burst
        outcome = BurstOutcome(
            int(outcomes.context_length[row]),
            int(outcomes.accepted[row]),
            int(outcomes.committed[row]),
            bool(outcomes.ahead_survives[row]),
        )
        return _Burst(outcomes.first_request + request, burst, outcome)

    def _tell_burst(self) -> None:
        slot = int(self._state.clock[st.CURRENT_SLOT])
        burst = self._burst_in(slot)
        executed = activates = None
        if self._state.slot[slot, st.SLOT_CANCELS]:
            executed = self._state.code[slot] == ENDED
        if self._machine.times_transfers:
            activates = np.zeros(len(self._activates), dtype=np.int32)
            opened = self._opened.pop(burst.request, {})
            activates[list(opened)] = list(opened.values())
        assert self._task.on_partial is not None
        self._task.on_partial(burst.request, burst.burst, executed, activates)

    def _add_slots(self) -> None:
        n_slots = min(2 * len(self._state.slot), self._n_requests)
        self._state = st.with_more_slots(self._state, self._machine.arrays, n_slots)

    def _give_durations(self) -> None:
        machine, s = self._machine, self._state
        for slot in s.launching[: int(s.clock[st.LAUNCHING])].tolist():
            burst = self._burst_in(slot)
            s.duration_ps[slot] = duration_array_ps(
                machine.program.table,
                burst.outcome,
                burst.request,
                burst.burst,
                machine.jitter,
            )
            s.duration_ps[slot, machine.timed] = 0

    def _hand_on_rows(self) -> None:
        self._rows.hand_on(self._state.clock, self._task.replication, all_rows=False)

    def _time_transfer(self) -> None:
        clock = self._state.clock
        burst = self._burst_in(int(clock[st.CURRENT_SLOT]))
        now, op = self.now_ps, int(clock[st.PENDING_OP])
        assert self._transfers is not None
        duration, activates = self._transfers.start(now, burst, op)
        clock[st.PENDING_PS] = duration
        self._activates[op] += activates
        if self._task.on_partial is not None:
            self._opened.setdefault(burst.request, {})[op] = activates
        if self._task.take_rows is not None:
            # Counted once a hold: on the owner's row.
            self._rows.columns.activates[clock[st.PENDING_ROW]] = activates
