"""The controller of one request: its bursts one after another on the chip."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from simpy.events import Event

from simcore.engine.burst_run import BurstRun, hold_durations_ps
from simcore.engine.chip import Chip
from simcore.engine.clock import Alarm
from simcore.program.burst import BurstProgram
from simcore.program.decisions import Decisions
from simcore.program.jitter import Jitter
from simcore.program.outcomes import BurstOutcome
from simcore.program.verification import verification_named
from simcore.trace.recorder import Recorder


@dataclass(frozen=True, slots=True)
class BurstTimes:
    """When a burst ran, in picoseconds of its replication's clock.

    Attributes
    ----------
    ready_ps : int
        When it could have started: the request arrived, or the burst before ended.
    start_ps : int
        When it had its SRAM room.
    draft_end_ps, verify_end_ps, commit_end_ps : int
        Ends of the phases; verification ends with the last step that is acted upon.
    end_ps : int
        When its last hold ended: after the commit where drafts ahead, or holds that
        had started before a mismatch showed, last longer.
    sram_bytes : int
        SRAM reserved from start to end.
    drafted_ahead : bool
        Whether the burst before drafted for it.
    holds : int
        Operations that ran; the others of the program were cancelled.
    wasted_verify_steps : int
        Verify steps behind the first mismatch that ran, in part or in whole.
    """

    replication: int
    request: int
    burst: int
    outcome: BurstOutcome
    ready_ps: int
    start_ps: int
    draft_end_ps: int
    verify_end_ps: int
    commit_end_ps: int
    end_ps: int
    sram_bytes: int
    drafted_ahead: bool
    holds: int
    wasted_verify_steps: int


class BurstController:
    """Runs the bursts of one request and records their holds.

    Parameters
    ----------
    chip : Chip
        Shared with the other requests of the replication.
    program : BurstProgram
        What every burst executes.
    replication, request : int
        Numbers in the trace.
    outcomes : sequence of BurstOutcome
        One for each burst, drawn beforehand.
    recorder : Recorder
        Takes the holds.
    decisions : Decisions
        What outcomes cancel.
    arrival_ps : int
        When the request arrives.
    jitter : Jitter, optional
        Random durations.

    Attributes
    ----------
    bursts : list of BurstTimes
        The bursts that have ended.
    """

    def __init__(
        self,
        chip: Chip,
        program: BurstProgram,
        replication: int,
        request: int,
        outcomes: Sequence[BurstOutcome],
        recorder: Recorder,
        decisions: Decisions,
        *,
        arrival_ps: int = 0,
        jitter: Jitter | None = None,
    ) -> None:
        self.request = request
        self.outcomes = outcomes
        self.bursts: list[BurstTimes] = []
        self._chip = chip
        self._program = program
        self._replication = replication
        self._recorder = recorder
        self._decisions = decisions
        self._arrival_ps = arrival_ps
        self._jitter = jitter
        #: The process of the request; ends with its last burst.
        self.process = chip.clock.process(self.run())

    @property
    def is_finished(self) -> bool:
        """Whether every burst has ended."""
        return len(self.bursts) == len(self.outcomes)

    def run(self) -> Generator[Event, object, None]:
        """Arrive; then for each burst: get SRAM, run, record, free the SRAM."""
        if self._arrival_ps:
            arrival = Alarm(self._chip.clock)
            arrival.set(self._arrival_ps)
            yield arrival
        drafted_ahead = False
        for burst, outcome in enumerate(self.outcomes):
            run = self._run_of(burst, outcome, drafted_ahead=drafted_ahead)
            ready_ps = self._chip.clock.now
            self._enter(run, inherits=drafted_ahead)
            yield run.done
            self._record(run, ready_ps, drafted_ahead=drafted_ahead)
            drafted_ahead = outcome.ahead_survives
            if not drafted_ahead:
                self._chip.release((self.request, burst))

    def _run_of(
        self, burst: int, outcome: BurstOutcome, *, drafted_ahead: bool
    ) -> BurstRun:
        table = self._program.table
        return BurstRun(
            self._chip.clock,
            table,
            self.request,
            burst,
            outcome,
            hold_durations_ps(table, outcome, self.request, burst, self._jitter),
            self._decisions.of(outcome, drafted_ahead=drafted_ahead),
        )

    def _enter(self, run: BurstRun, *, inherits: bool) -> None:
        """Launch a burst as soon as it has SRAM room."""
        chip, owner = self._chip, (run.request, run.burst)
        if inherits:
            # Its drafts are in place: the room stays with them.
            chip.sram.hand_over((run.request, run.burst - 1), owner)
            chip.launch(run)
            return
        needed = self._program.sram_bytes(run.outcome.context_length)
        chip.reserve(owner, needed, lambda: chip.launch(run))

    def _record(self, run: BurstRun, ready_ps: int, *, drafted_ahead: bool) -> None:
        chip, now = self._chip, self._chip.clock.now
        ready, start, duration = run.arrays()
        executed = run.executed()
        activates = None
        if chip.counts_activates:
            activates = np.zeros(len(chip.table), dtype=np.int32)
            for op, count in run.activates.items():
                activates[op] = count
        self._recorder.record_burst(
            self._replication,
            run.request,
            run.burst,
            ready,
            start,
            duration,
            activates,
            executed,
        )
        open_since = [other.launch_ps for other in chip.in_flight]
        self._recorder.flush_before(min(open_since, default=now))
        end = start + duration
        self.bursts.append(
            BurstTimes(
                replication=self._replication,
                request=run.request,
                burst=run.burst,
                outcome=run.outcome,
                ready_ps=ready_ps,
                start_ps=run.launch_ps,
                **self._phase_ends(run, end, executed),
                end_ps=now,
                sram_bytes=chip.sram.held[run.request, run.burst],
                drafted_ahead=drafted_ahead,
                holds=len(end) if executed is None else int(executed.sum()),
                wasted_verify_steps=self._wasted_steps(run, executed),
            )
        )

    def _phase_ends(
        self,
        run: BurstRun,
        end: npt.NDArray[np.int64],
        executed: npt.NDArray[np.bool_] | None,
    ) -> dict[str, int]:
        table, k = self._program.table, self._program.draft_length
        if executed is not None:
            end = np.where(executed, end, 0)
        steps = verification_named(self._program.verification).steps(
            run.outcome.accepted, k
        )
        needed = table.is_verify & (table.step < steps)
        draft = int(end[table.is_draft].max(initial=run.launch_ps))
        verify = int(end[needed].max(initial=draft))
        commit = int(end[table.is_commit].max(initial=verify))
        return {
            "draft_end_ps": draft,
            "verify_end_ps": verify,
            "commit_end_ps": commit,
        }

    def _wasted_steps(
        self, run: BurstRun, executed: npt.NDArray[np.bool_] | None
    ) -> int:
        k, accepted = self._program.draft_length, run.outcome.accepted
        if executed is None or accepted >= k:
            return k - accepted
        table = self._program.table
        ran = table.step[executed & table.is_verify]
        return int(np.unique(ran[ran > accepted]).size)
