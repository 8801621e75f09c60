"""Processes that users write in SimPy, beside the requests on a chip.

A process is a generator function of the chip. It may wait (`chip.clock.timeout`), watch
(`chip.in_flight`, `chip.waiting`, `chip.sram`), and hold blocks (`chip.occupy`), for
example as other traffic on the HBM.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, NamedTuple

from simpy.events import Event

from simcore.engine.clock import Alarm
from simcore.engine.hardware_block import HardwareBlock

if TYPE_CHECKING:
    from simcore.engine.chip import Chip

#: Takes the chip of a replication; yields SimPy events.
ChipProcess = Callable[["Chip"], Generator[Event, Any, None]]


class GuestHold(NamedTuple):
    """A hold that a user's process has asked for.

    Attributes
    ----------
    block : HardwareBlock
        What it wants.
    duration_ps : int
        For how long.
    end : Alarm
        Goes off when the hold has ended.
    """

    block: HardwareBlock
    duration_ps: int
    end: Alarm
