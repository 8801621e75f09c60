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
from collections.abc import Callable
from typing import Protocol

from simpy.events import Event

from simcore.engine.burst_run import CANCELLED, ENDED, PENDING, STARTED, BurstRun
from simcore.engine.clock import LAST_IN_INSTANT, Alarm, Clock
from simcore.engine.hardware_block import (
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
        self._held = tuple(
            tuple(self.blocks[r] for r in resources)
            for resources in self.table.op_resources
        )
        self._successors = self.table.successors
        self._closes_gate = self.table.closes_gate
        self._is_gate = [op.channel == "gate" for op in self.table.operations]
        self._gate_of = self.table.gate_of
        self._is_ahead = self.table.is_ahead.astype(int).tolist()
        self._transfers = transfers
        self._is_timed = [
            transfers is not None and transfers.is_timed(op)
            for op in range(len(self.table))
        ]
        self._roots = [
            op for op, before in enumerate(self.table.predecessors) if not before
        ]
        self._newly_ready: list[Waiting] = []
        # Blocks with a queue whose first operation may be able to start now.
        self._reopened: list[HardwareBlock] = []
        self._settling = False
        self._granting = False

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
        self.sram.request(Reservation(self.clock.now, *owner, n_bytes, granted))
        self._settle()

    def release(self, owner: tuple[int, int]) -> None:
        """Free the SRAM room of `owner`; who waits may get it at this instant."""
        self.sram.release(owner)
        if self.sram.has_waiting:
            self._settle()

    def launch(self, run: BurstRun) -> None:
        """Start a burst that has its SRAM room: its first operations become ready."""
        run.launch_ps = self.clock.now
        self.in_flight.append(run)
        for cancellation in run.cancellations:
            if not cancellation.after:
                self._cancel(run, cancellation.operations)
        for op in self._roots:
            if run.state[op] == PENDING:
                self._make_ready(run, op)
        self._settle()

    def _cancel(self, run: BurstRun, operations: tuple[int, ...]) -> None:
        """Keep what has not started from starting; let what has started end."""
        state, missing = run.state, run.missing
        cancelled = [op for op in operations if state[op] == PENDING]
        for op in cancelled:
            state[op] = CANCELLED
        run.remaining -= len(cancelled)
        self._withdraw(run, [op for op in cancelled if not missing[op]])
        for gate in sorted({self._gate_of[op] for op in operations}):
            if gate >= 0 and state[gate] == STARTED:
                self._close_early(run, gate)
        for op in cancelled:
            for successor in self._successors[op]:
                missing[successor] -= 1
                if not missing[successor] and state[successor] == PENDING:
                    self._make_ready(run, successor)

    def _withdraw(self, run: BurstRun, operations: list[int]) -> None:
        """Take what was ready out of the queues that it stands in."""
        for op in operations:
            for block in self._held[op]:
                block.queue[:] = _others(block.queue, run, op)
                self._reopened.append(block)
            self._newly_ready[:] = _others(self._newly_ready, run, op)

    def _close_early(self, run: BurstRun, gate: int) -> None:
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
            self._close_gate(run, gate)

    # -- holds ------------------------------------------------------------------

    def end_hold(self, run: BurstRun, op: int) -> None:
        """Release what an ended hold occupied and make its successors ready."""
        self._release(op)
        state = run.state
        state[op] = ENDED
        gate = self._closes_gate[op]
        if run.closing:
            gate = run.closing.pop(op, gate)
        if gate >= 0:
            run.open_legs[gate] -= 1
            if not run.open_legs[gate]:
                self._close_gate(run, gate)
        if op in run.undecided:
            self._decide(run, op)
        missing = run.missing
        for successor in self._successors[op]:
            left = missing[successor] - 1
            missing[successor] = left
            if not left and state[successor] == PENDING:
                self._make_ready(run, successor)
        run.remaining -= 1
        if not run.remaining:
            self.in_flight.remove(run)
            run.done.succeed()
        if self._newly_ready or self._reopened:
            self._settle()

    def _release(self, op: int) -> None:
        for block in self._held[op]:
            block.holder = None
            if block.queue:
                self._reopened.append(block)

    def _close_gate(self, run: BurstRun, gate: int) -> None:
        run.duration_ps[gate] = self.clock.now - run.start_ps[gate]
        run.state[gate] = ENDED
        run.remaining -= 1
        self._release(gate)

    def _decide(self, run: BurstRun, op: int) -> None:
        for decision in run.undecided.pop(op):
            decision[1] -= 1
            if not decision[1]:
                self._cancel(run, run.cancellations[decision[0]].operations)

    def _make_ready(self, run: BurstRun, op: int) -> None:
        now = self.clock.now
        run.ready_ps[op] = now
        self._newly_ready.append(
            (self._is_ahead[op], now, run.request, run.burst, op, run)
        )

    # -- grants -----------------------------------------------------------------

    def _settle(self) -> None:
        """Grant when the last event of this instant has been processed."""
        if self._granting:
            # A burst that got its room starts while grants go on: they see it next.
            return
        if self.clock.peek() > self.clock.now:
            self._grant()
        elif not self._settling:
            self._settling = True
            alarm = Alarm(self.clock)
            alarm.callbacks.append(self._settled)
            alarm.set(0, priority=LAST_IN_INSTANT)

    def _settled(self, _: Event) -> None:
        self._settling = False
        self._grant()

    def _grant(self) -> None:
        """Grant SRAM room, then operations, until nothing changes."""
        self._granting = True
        if self.sram.has_changed:
            self.sram.serve()
        while self._newly_ready or self._reopened:
            self._grant_round()
        self._granting = False

    def _grant_round(self) -> None:
        """Start what can start; what a gate lets in is seen in the next round."""
        ready, self._newly_ready = self._newly_ready, []
        reopened, self._reopened = self._reopened, []
        if len(ready) == 1 and self._start_unopposed(ready[0]):
            ready = []
        # All of them queue before any starts, so that age alone decides.
        for waiting in ready:
            for block in self._held[waiting[4]]:
                insort(block.queue, waiting)
        for block in reopened:
            if block.queue:
                self._start_if_first(block.queue[0])
        for waiting in ready:
            if waiting[5].state[waiting[4]] == PENDING:
                self._start_if_first(waiting)

    def _start_unopposed(self, waiting: Waiting) -> bool:
        """Start the only newly ready operation where nothing competes, unqueued."""
        op = waiting[4]
        blocks = self._held[op]
        for block in blocks:
            if block.holder is not None or block.queue:
                return False
        self._start(waiting[5], op, blocks)
        return True

    def _start_if_first(self, waiting: Waiting) -> None:
        """Start an operation if it is first at all its blocks and they are free."""
        op = waiting[4]
        blocks = self._held[op]
        for block in blocks:
            if block.holder is not None or block.queue[0] is not waiting:
                return
        for block in blocks:
            del block.queue[0]
        self._start(waiting[5], op, blocks)

    def _start(self, run: BurstRun, op: int, blocks: tuple[HardwareBlock, ...]) -> None:
        hold = (run, op)
        for block in blocks:
            block.holder = hold
        run.start_ps[op] = self.clock.now
        run.state[op] = STARTED
        if self._is_gate[op]:
            # A gate is a span: what it guards may start at once.
            for successor in self._successors[op]:
                run.missing[successor] -= 1
                if not run.missing[successor]:
                    self._make_ready(run, successor)
            return
        if self._is_timed[op]:
            assert self._transfers is not None
            duration, activates = self._transfers.start(self.clock.now, run, op)
            run.duration_ps[op] = duration
            run.activates[op] = activates
        blocks[0].begin(hold, run.duration_ps[op])


def _others(queue: list[Waiting], run: BurstRun, op: int) -> list[Waiting]:
    """A queue without operation `op` of `run`."""
    return [w for w in queue if w[4] != op or w[5] is not run]
