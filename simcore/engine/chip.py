"""The chip: its blocks, and the one rule by which waiting operations are granted.

Order at one instant: ending holds release their resources; their successors become
ready; then waiting operations are scanned by (ready, request, burst, op_id). Each
starts if all its resources are free, otherwise it reserves them against younger ones.
This repeats until nothing changes. SimPy's own order of events never matters.
"""

from __future__ import annotations

from operator import itemgetter

from simpy.events import Event

from simcore.engine.burst_run import BurstRun
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
)
from simcore.engine.hbm_channel import HbmChannel
from simcore.engine.sram_buffer import SramBuffer, SramPort
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

#: (ready_ps, request, burst, op_id, run); the first four order the queue.
Waiting = tuple[int, int, int, int, BurstRun]
_AGE = itemgetter(0, 1, 2, 3)


class Chip:
    """All blocks of one chip, shared by the bursts in flight.

    Parameters
    ----------
    clock : Clock
        The clock of the replication.
    program : BurstProgram
        What every burst executes.

    Attributes
    ----------
    blocks : list of HardwareBlock
        By resource number of the program's table.
    sram : SramBuffer
        Capacity for speculative KV.
    in_flight : list of BurstRun
        Bursts that have started and not ended.
    """

    def __init__(self, clock: Clock, program: BurstProgram) -> None:
        self.clock = clock
        self.table = program.table
        self.blocks = [
            _BLOCKS[name.partition("[")[0]](clock, name, self.end_hold)
            for name in self.table.resources
        ]
        memory = program.hardware.memory
        self.sram = SramBuffer(clock, memory.sram.capacity_bytes if memory else None)
        self.in_flight: list[BurstRun] = []
        self._held = tuple(
            tuple(self.blocks[r] for r in resources)
            for resources in self.table.op_resources
        )
        self._successors = self.table.successors
        self._closes_gate = self.table.closes_gate
        self._is_gate = [op.channel == "gate" for op in self.table.operations]
        self._roots = [
            op for op, before in enumerate(self.table.predecessors) if not before
        ]
        self._newly_ready: list[Waiting] = []
        self._waiting: list[Waiting] = []
        self._settling = False

    @property
    def waiting(self) -> list[Waiting]:
        """Operations that are ready and have not been granted, oldest first."""
        return sorted([*self._waiting, *self._newly_ready], key=_AGE)

    def launch(self, run: BurstRun) -> None:
        """Start a burst: its first operations become ready now."""
        self.in_flight.append(run)
        for op in self._roots:
            self._make_ready(run, op)
        self._settle()

    def end_hold(self, run: BurstRun, op: int) -> None:
        """Release what an ended hold occupied and make its successors ready."""
        for block in self._held[op]:
            block.holder = None
        gate = self._closes_gate[op]
        if gate >= 0:
            self._leave_gate(run, gate)
        missing = run.missing
        for successor in self._successors[op]:
            left = missing[successor] - 1
            missing[successor] = left
            if not left:
                self._make_ready(run, successor)
        run.remaining -= 1
        if not run.remaining:
            self.in_flight.remove(run)
            run.done.succeed()
        if self._newly_ready or self._waiting:
            self._settle()

    def _leave_gate(self, run: BurstRun, gate: int) -> None:
        run.open_legs[gate] -= 1
        if not run.open_legs[gate]:
            run.duration_ps[gate] = self.clock.now - run.start_ps[gate]
            run.remaining -= 1
            self._held[gate][0].holder = None

    def _make_ready(self, run: BurstRun, op: int) -> None:
        now = self.clock.now
        run.ready_ps[op] = now
        self._newly_ready.append((now, run.request, run.burst, op, run))

    def _settle(self) -> None:
        """Grant when the last event of this instant has been processed."""
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
        """Scan waiting operations by age until nothing changes."""
        while True:
            queue = self._newly_ready
            self._newly_ready = []
            if self._waiting:
                queue += self._waiting
            if len(queue) == 1:
                self._grant_only(queue)
            else:
                queue.sort(key=_AGE)
                self._scan(queue)
            if not self._newly_ready:
                return

    def _grant_only(self, queue: list[Waiting]) -> None:
        """Grant where nothing competes: most holds of a burst."""
        _, _, _, op, run = queue[0]
        blocks = self._held[op]
        for block in blocks:
            if block.holder is not None:
                self._waiting = queue
                return
        self._waiting = []
        self._start(run, op, blocks)

    def _scan(self, queue: list[Waiting]) -> None:
        reserved: set[HardwareBlock] = set()
        still_waiting: list[Waiting] = []
        for waiting in queue:
            op = waiting[3]
            blocks = self._held[op]
            for block in blocks:
                if block.holder is not None or (reserved and block in reserved):
                    reserved.update(blocks)
                    still_waiting.append(waiting)
                    break
            else:
                self._start(waiting[4], op, blocks)
        self._waiting = still_waiting

    def _start(self, run: BurstRun, op: int, blocks: tuple[HardwareBlock, ...]) -> None:
        hold = (run, op)
        for block in blocks:
            block.holder = hold
        run.start_ps[op] = self.clock.now
        if self._is_gate[op]:
            # A gate is a span: what it guards may start at once.
            for successor in self._successors[op]:
                run.missing[successor] -= 1
                if not run.missing[successor]:
                    self._make_ready(run, successor)
        else:
            blocks[0].begin(hold, run.duration_ps[op])
