"""The blocks of the chip that work on one hold at a time, each a SimPy process.

A block sleeps on one alarm. When the chip grants it a hold, the alarm is set to the
hold's end, so a hold costs one event and an idle block none.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from enum import Enum

from simpy.events import Event

from simcore.engine.burst_run import BurstRun
from simcore.engine.clock import Alarm, Clock

Hold = tuple[BurstRun, int]


class Guest(Enum):
    """Who holds a block without being an operation."""

    PROCESS = "a process of the user's"


#: The holder of a block that a user's process has.
GUEST = Guest.PROCESS

#: (1 for drafts ahead, ready_ps, request, burst, op_id, run): the order of a queue;
#: the first five differ always.
Waiting = tuple[int, int, int, int, int, BurstRun]


class HardwareBlock:
    """A unit that is busy with one hold or idle.

    Parameters
    ----------
    clock : Clock
        The clock of the replication.
    name : str
        The resource's name, for example `dpu[3]`.
    on_end : callable
        Called with (burst run, op_id) when a hold ends.

    Attributes
    ----------
    holder : tuple, GUEST or None
        The hold that occupies this block; `GUEST` for one of a user's process.
    queue : list of Waiting
        Operations that are ready and need this block, oldest first.
    begin : callable
        Called with (duration_ps, hold): work on `hold` from now on.
    """

    __slots__ = ("_end", "_on_end", "begin", "holder", "name", "queue")

    def __init__(
        self, clock: Clock, name: str, on_end: Callable[[BurstRun, int], None]
    ) -> None:
        self.name = name
        self.holder: Hold | Guest | None = None
        self.queue: list[Waiting] = []
        self._on_end = on_end
        self._end = Alarm(clock)
        self.begin: Callable[[int, Hold], None] = self._end.set
        clock.process(self.run())

    def run(self) -> Generator[Event, Hold, None]:
        """Serve holds for ever: sleep until one ends, then report it."""
        end, on_end = self._end, self._on_end
        while True:
            run, op = yield end
            # It has gone off and may be set again.
            end.callbacks = []
            on_end(run, op)


class DraftEngine(HardwareBlock):
    """Array 1 and the draft ADC bank of one layer (`A1`)."""

    __slots__ = ()


class VerifyEngine(HardwareBlock):
    """Arrays 2..4 and the residual ADC bank of one layer (`A2`)."""

    __slots__ = ()


class RowDrivers(HardwareBlock):
    """The one bank of row drivers of a layer, where array 1 and arrays 2..4 share it.

    Always held together with the engine that reads.
    """

    __slots__ = ()


class Dpu(HardwareBlock):
    """Digital unit of one layer: softmax and elementwise lanes."""

    __slots__ = ()


class AttentionUnit(HardwareBlock):
    """MAC lanes of one layer for the products with K and V."""

    __slots__ = ()


class FabricChannel(HardwareBlock):
    """One direction of the fabric of one layer."""

    __slots__ = ()


class ControlUnit(HardwareBlock):
    """Sequencer of one layer."""

    __slots__ = ()


class LayerGate(HardwareBlock):
    """Keeps a layer for one token from its first operation to its last.

    It serves no holds of its own: the chip opens and closes it.
    """

    __slots__ = ()
