"""The controller of one request: its bursts one after another on the chip."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from simpy.events import Event

from simcore.engine.burst_run import BurstRun, hold_durations_ps
from simcore.engine.chip import Chip
from simcore.program.burst import BurstProgram
from simcore.program.outcomes import BurstOutcome
from simcore.trace.recorder import Recorder


@dataclass(frozen=True, slots=True)
class BurstTimes:
    """When a burst ran, in picoseconds of its replication's clock."""

    replication: int
    request: int
    burst: int
    outcome: BurstOutcome
    start_ps: int
    draft_end_ps: int
    verify_end_ps: int
    end_ps: int


class BurstController:
    """Runs the bursts of one request and records their holds.

    Parameters
    ----------
    chip : Chip
        Shared with the other requests of the replication.
    program : BurstProgram
        What every burst executes.
    request : int
        Number of the request.
    outcomes : sequence of BurstOutcome
        One for each burst, drawn beforehand.
    recorder : Recorder
        Takes the holds.

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
    ) -> None:
        self.request = request
        self.outcomes = outcomes
        self.bursts: list[BurstTimes] = []
        self._chip = chip
        self._program = program
        self._replication = replication
        self._recorder = recorder
        chip.clock.process(self.run())

    @property
    def is_finished(self) -> bool:
        """Whether every burst has ended."""
        return len(self.bursts) == len(self.outcomes)

    def run(self) -> Generator[Event, object, None]:
        """Reserve SRAM, run a burst, record it, free the SRAM; then the next one."""
        chip, table = self._chip, self._program.table
        for burst, outcome in enumerate(self.outcomes):
            owner = (self.request, burst)
            needed = self._program.sram_bytes(outcome.context_length)
            granted = chip.sram.reserve(owner, needed)
            if granted is not None:
                yield granted
            run = BurstRun(
                chip.clock,
                table,
                self.request,
                burst,
                outcome,
                hold_durations_ps(table, outcome),
            )
            chip.launch(run)
            yield run.done
            chip.sram.release(owner)
            self._record(run)

    def _record(self, run: BurstRun) -> None:
        chip, table = self._chip, self._program.table
        ready, start, duration = run.arrays()
        self._recorder.record_burst(
            self._replication, run.request, run.burst, ready, start, duration
        )
        open_since = [other.launch_ps for other in chip.in_flight]
        now = int(chip.clock.now)
        self._recorder.flush_before(min(open_since, default=now))
        end = start + duration
        draft_end = int(end[table.is_draft].max(initial=run.launch_ps))
        verify_end = int(end[table.is_verify].max(initial=draft_end))
        self.bursts.append(
            BurstTimes(
                replication=self._replication,
                request=run.request,
                burst=run.burst,
                outcome=run.outcome,
                start_ps=run.launch_ps,
                draft_end_ps=draft_end,
                verify_end_ps=verify_end,
                end_ps=now,
            )
        )
