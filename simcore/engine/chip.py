"""The chip: its blocks, and the one rule by which waiting operations are granted.

Order at one instant: ending holds release their resources; what their ends decide is
cancelled; their successors become ready; waiting bursts get SRAM room by age; then
waiting operations are granted by (drafts ahead last, ready, request, burst, op_id).
Each starts if all its resources are free, otherwise it reserves them against younger
ones. This repeats until nothing changes. SimPy's own order of events never matters.

Nothing is scanned: an operation queues, by age, at every block that it needs, and
starts when all of them are free and it is first at each. That is the same rule. An
older operation in one of its queues has either just started, and holds the block, or
waits, and has reserved it; one that is in none of its queues never concerns it. So a
look is due only at operations that have just become ready, and at the first of a queue
whose block was released or whose first was cancelled.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from simpy.events import Event

from simcore.engine.burst_run import CANCELLED, ENDED, NEVER, PENDING, STARTED, BurstRun
from simcore.engine.clock import LAST_IN_INSTANT, Alarm, Clock
from simcore.engine.guest import GuestHold
from simcore.engine.hardware_block import (
    GUEST,
    AttentionUnit,
    ControlUnit,
    Dpu,
    DraftEngine,
    FabricChannel,
    HardwareBlock,
    LayerGate,
    RowDrivers,
    VerifyEngine,
    Waiting,
)
from simcore.engine.hbm_channel import HbmChannel
from simcore.engine.sram_buffer import Reservation, SramBuffer, SramPort
from simcore.errors import SimulationError, printable
from simcore.program.burst import BurstProgram

_BLOCKS: dict[str, type[HardwareBlock]] = {
    "A1": DraftEngine,
    "A2": VerifyEngine,
    "dac": RowDrivers,
    "dpu": Dpu,
    "attention": AttentionUnit,
    "sram": SramPort,
    "fabric_read": FabricChannel,
    "fabric_write": FabricChannel,
    "control": ControlUnit,
    "hbm": HbmChannel,
    "layer": LayerGate,
}


class TransferTiming(Protocol):
    """Times transfers by the state that the memory is in when they start."""

    def is_timed(self, op: int) -> bool:
        """Whether the duration of operation `op` depends on that state."""
        ...

    def start(self, now_ps: int, run: BurstRun, op: int) -> tuple[int, int]:
        """Duration in ps of a transfer that starts now, and its row activations."""
        ...


class Chip:
    """All blocks of one chip, shared by the bursts in flight.

    Parameters
    ----------
    clock : Clock
        The clock of the replication.
    program : BurstProgram
        What every burst executes.
    transfers : TransferTiming, optional
        Times HBM transfers as they start; without it they last as programmed.

    Attributes
    ----------
    blocks : list of HardwareBlock
        By resource number of the program's table.
    sram : SramBuffer
        Capacity in bytes, shared by the bursts.
    in_flight : list of BurstRun
        Bursts that have started and not ended.
    """

    def __init__(
        self,
        clock: Clock,
        program: BurstProgram,
        transfers: TransferTiming | None = None,
    ) -> None:
        self.clock = clock
        self.table = program.table
        self.blocks = [
            _BLOCKS[name.partition("[")[0]](clock, name, self.end_hold)
            for name in self.table.resources
        ]
        memory = program.hardware.memory
        self.sram = SramBuffer(memory.sram.capacity_bytes if memory else None)
        self.in_flight: list[BurstRun] = []
        together = {
            resources: tuple(self.blocks[r] for r in resources)
            for resources in set(self.table.op_resources)
        }
        self._held = [together[resources] for resources in self.table.op_resources]
        self._successors = self.table.successors
        self._closes_gate = self.table.closes_gate
        self._is_gate = self.table.is_gate
        self._gate_of = self.table.gate_of
        self._is_ahead = self.table.is_ahead.astype(int).tolist()
        self._transfers = transfers
        self._is_timed = bytes(len(self.table))
        if transfers is not None:
            self._is_timed = bytes(map(transfers.is_timed, range(len(self.table))))
        self._roots = [
            op for op, before in enumerate(self.table.predecessors) if not before
        ]
        self._newly_ready: list[Waiting] = []
        # Blocks with a queue whose first operation may be able to start now.
        self._reopened: list[HardwareBlock] = []
        self._settling = False
        self._serving = False
        self._guests: list[GuestHold] = []

    @property
    def waiting(self) -> list[Waiting]:
        """Operations that are ready and have not been granted, oldest first."""
        queued = {waiting for block in self.blocks for waiting in block.queue}
        return sorted(queued.union(self._newly_ready))

    @property
    def counts_activates(self) -> bool:
        """Whether row activations of HBM are counted."""
        return self._transfers is not None

    # -- bursts -----------------------------------------------------------------

    def reserve(
        self, owner: tuple[int, int], n_bytes: int, granted: Callable[[], None]
    ) -> None:
        """Queue for SRAM room; `granted` is called at the instant there is some."""
        now = self.clock.now
        self.sram.request(Reservation(now, *owner, n_bytes, granted))
        self._settle(now)

    def release(self, owner: tuple[int, int]) -> None:
        """Free the SRAM room of `owner`; who waits may get it at this instant."""
        self.sram.release(owner)
        if self.sram.has_waiting:
            # Not now, even if nothing else is due: whoever releases may ask again.
            self._grant_later(self.clock.now)

    def launch(self, run: BurstRun) -> None:
        """Start a burst that has its SRAM room: its first operations become ready."""
        run.launch_ps = now = self.clock.now
        self.in_flight.append(run)
        for cancellation in run.cancellations:
            if not cancellation.after:
                self._cancel(run, cancellation.operations, now)
        self._make_ready(run, self._roots, now)
        self._settle(now)

    def _cancel(self, run: BurstRun, operations: tuple[int, ...], now: int) -> None:
        """Keep what has not started from starting; let what has started end."""
        state = run.state
        cancelled = [op for op in operations if state[op] == PENDING]
        self._withdraw(run, [op for op in cancelled if not run.missing[op]])
        for op in cancelled:
            state[op] = CANCELLED
            run.missing[op] += NEVER
        run.remaining -= len(cancelled)
        for gate in sorted({self._gate_of[op] for op in operations}):
            if gate >= 0 and state[gate] == STARTED:
                self._close_early(run, gate, now)
        for op in cancelled:
            self._make_ready(run, self._successors[op], now)

    def _withdraw(self, run: BurstRun, operations: list[int]) -> None:
        """Take what was ready out of the queues that it stands in."""
        for op in operations:
            for block in self._held[op]:
                block.queue[:] = _others(block.queue, run, op)
                self._reopened.append(block)
            self._newly_ready[:] = _others(self._newly_ready, run, op)

    def _close_early(self, run: BurstRun, gate: int, now: int) -> None:
        """A gate whose layer was cut short opens when what is in progress has ended."""
        in_progress = [
            op
            for op in self.table.behind_gate[gate]
            if run.state[op] == STARTED and op != gate
        ]
        run.open_legs[gate] = len(in_progress)
        for op in in_progress:
            run.closing[op] = gate
        if not in_progress:
            self._close_gate(run, gate, now)

    # -- holds of users' processes ------------------------------------------------

    def occupy(self, resource: str, duration_ps: int) -> Event:
        """Hold a block for a process that a user wrote.

        Such a hold gets a free block before any operation, and is in no trace.

        Parameters
        ----------
        resource : str
            Full name, for example `hbm` or `dpu[3]`.
        duration_ps : int
            How long to hold it once it is free.

        Returns
        -------
        Event
            Succeeds when the hold has ended.

        Raises
        ------
        SimulationError
            If the chip has no such block.
        """
        block = next((block for block in self.blocks if block.name == resource), None)
        if block is None:
            raise SimulationError(
                f"a process asks for {printable(resource)}; the blocks in use are "
                f"{', '.join(block.name for block in self.blocks)}"
            )
        now = self.clock.now
        end = Alarm(self.clock)
        self._guests.append(GuestHold(block, duration_ps, end))
        self._settle(now)
        return end

    def _serve_guests(self) -> None:
        waiting, self._guests = self._guests, []
        for guest in waiting:
            block = guest.block
            if block.holder is not None:
                self._guests.append(guest)
                continue
            block.holder = GUEST
            # Before whoever waits for it: the block is free by then.
            guest.end.callbacks.insert(0, partial(self._leave, block))
            guest.end.set(guest.duration_ps)

    def _leave(self, block: HardwareBlock, _: Event) -> None:
        block.holder = None
        if block.queue:
            self._reopened.append(block)
        self._settle(self.clock.now)

    # -- holds ------------------------------------------------------------------

    def end_hold(self, run: BurstRun, op: int) -> None:
        """Release what an ended hold occupied and make its successors ready."""
        now = self.clock.now
        run.state[op] = ENDED
        # As `_release` does; once a hold, so without a call.
        for block in self._held[op]:
            block.holder = None
            if block.queue:
                self._reopened.append(block)
        gate = self._closes_gate[op]
        if run.closing:
            gate = run.closing.pop(op, gate)
        if gate >= 0:
            run.open_legs[gate] -= 1
            if not run.open_legs[gate]:
                self._close_gate(run, gate, now)
        if op in run.undecided:
            self._decide(run, op, now)
        self._make_ready(run, self._successors[op], now)
        run.remaining -= 1
        if not run.remaining:
            self.in_flight.remove(run)
            run.done.succeed()
        if self._newly_ready or self._reopened or self._guests:
            if self.clock.is_over(now):
                self._grant(now)
            else:
                self._grant_later(now)

    def _release(self, op: int) -> None:
        for block in self._held[op]:
            block.holder = None
            if block.queue:
                self._reopened.append(block)

    def _close_gate(self, run: BurstRun, gate: int, now: int) -> None:
        run.duration_ps[gate] = now - run.start_ps[gate]
        run.state[gate] = ENDED
        run.remaining -= 1
        self._release(gate)

    def _decide(self, run: BurstRun, op: int, now: int) -> None:
        for decision in run.undecided.pop(op):
            decision[1] -= 1
            if not decision[1]:
                self._cancel(run, run.cancellations[decision[0]].operations, now)

    def _make_ready(self, run: BurstRun, operations: Sequence[int], now: int) -> None:
        """Operations that have waited for one thing more: those that had no other."""
        missing = run.missing
        for op in operations:
            missing[op] -= 1
            if not missing[op]:
                run.ready_ps[op] = now
                self._newly_ready.append(
                    (self._is_ahead[op], now, run.request, run.burst, op, run)
                )

    # -- grants -----------------------------------------------------------------

    def _settle(self, now: int) -> None:
        """Grant when the last event of this instant has been processed."""
        if self._serving:
            # A burst that gets its room starts: its operations come next.
            return
        if self.clock.is_over(now):
            self._grant(now)
        else:
            self._grant_later(now)

    def _grant_later(self, now: int) -> None:
        if not self._settling:
            self._settling = True
            alarm = Alarm(self.clock)
            alarm.callbacks.append(self._settled)
            alarm.set(0, now, priority=LAST_IN_INSTANT)

    def _settled(self, alarm: Event) -> None:
        self._settling = False
        assert alarm.value is not None
        self._grant(alarm.value)

    def _grant(self, now: int) -> None:
        """Grant SRAM room, then operations, until nothing changes."""
        if self.sram.has_changed:
            self._serving = True
            self.sram.serve()
            self._serving = False
        if self._guests:
            self._serve_guests()
        while True:
            ready, reopened = self._newly_ready, self._reopened
            self._newly_ready = []
            if len(ready) == 1:
                # One that nothing competes with, as most, need not queue.
                _, _, _, _, op, run = ready[0]
                for block in self._held[op]:
                    if block.holder is not None or block.queue:
                        break
                else:
                    ready = []
                    self._start(run, op, now)
            # All of them queue before any starts, so that age alone decides.
            for waiting in ready:
                for block in self._held[waiting[4]]:
                    insort(block.queue, waiting)
            if reopened:
                self._reopened = []
                for block in reopened:
                    if block.queue:
                        self._start_if_first(block.queue[0], now)
            for waiting in ready:
                if waiting[5].state[waiting[4]] == PENDING:
                    self._start_if_first(waiting, now)
            # What a gate has let in is seen in the next round.
            if not self._newly_ready:
                return

    def _start_if_first(self, waiting: Waiting, now: int) -> None:
        """Start an operation if it is first at all its blocks and they are free."""
        op = waiting[4]
        blocks = self._held[op]
        for block in blocks:
            if block.holder is not None or block.queue[0] is not waiting:
                return
        for block in blocks:
            del block.queue[0]
        self._start(waiting[5], op, now)

    def _start(self, run: BurstRun, op: int, now: int) -> None:
        hold = (run, op)
        blocks = self._held[op]
        for block in blocks:
            block.holder = hold
        run.start_ps[op] = now
        run.state[op] = STARTED
        if self._is_gate[op]:
            # A gate is a span: what it guards may start at once.
            self._make_ready(run, self._successors[op], now)
            return
        if self._is_timed[op]:
            assert self._transfers is not None
            duration, activates = self._transfers.start(now, run, op)
            run.duration_ps[op] = duration
            run.activates[op] = activates
        blocks[0].begin(run.duration_ps[op], hold)


def _others(queue: list[Waiting], run: BurstRun, op: int) -> list[Waiting]:
    """A queue without operation `op` of `run`."""
    return [w for w in queue if w[4] != op or w[5] is not run]
