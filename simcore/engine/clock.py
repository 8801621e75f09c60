"""The simulation clock: SimPy's environment on integer picoseconds, without its traps.

SimPy accepts a delay of NaN and then misorders events; here every delay must be a
whole number of picoseconds that is not negative.
"""

from __future__ import annotations

from heapq import heappush
from typing import TYPE_CHECKING, Any

import simpy
from simpy.events import NORMAL, Event, EventPriority

from simcore.errors import SimulationError
from simcore.units import MAX_TIME_PS

if TYPE_CHECKING:
    from simpy.core import SimTime

#: Priority of an event that comes after every other event of its instant.
LAST_IN_INSTANT = EventPriority(2)

#: Events of one replication after which a run is taken for endless.
DEFAULT_EVENT_BUDGET = 500_000_000


class Clock(simpy.Environment):
    """Integer picoseconds from 0; counts events and refuses impossible delays.

    Parameters
    ----------
    event_budget : int
        Most events that may be scheduled.
    """

    def __init__(self, event_budget: int = DEFAULT_EVENT_BUDGET) -> None:
        super().__init__(initial_time=0)
        self.event_budget = event_budget

    @property
    def now(self) -> int:
        """Picoseconds since the replication began."""
        return self._now  # type: ignore[return-value]

    def is_over(self, instant_ps: int) -> bool:
        """Whether no other event is due at `instant_ps` or before."""
        return not self._queue or self._queue[0][0] > instant_ps

    def schedule(
        self,
        event: Event,
        priority: EventPriority = NORMAL,
        delay: SimTime = 0,
    ) -> None:
        """Schedule `event` after `delay` picoseconds.

        Raises
        ------
        SimulationError
            If the delay is not a whole number, negative or absurdly long, or the
            event budget is spent.
        """
        if type(delay) is not int or not 0 <= delay <= MAX_TIME_PS:
            raise SimulationError(
                f"impossible delay {delay!r} at t={self.now} ps; a delay is a whole "
                "number of picoseconds, >= 0"
            )
        number = next(self._eid)
        if number >= self.event_budget:
            raise SimulationError(
                f"event budget of {self.event_budget} events spent at t={self.now} ps"
            )
        # As SimPy's own schedule does; called once a hold, so without a super() call.
        heappush(self._queue, (self._now + delay, priority, number, event))


class Alarm(Event):
    """An event that is set to go off later, with a value: a timeout set by another."""

    #: It never fails.
    _ok = True

    def set(
        self, delay_ps: int, value: Any = None, priority: EventPriority = NORMAL
    ) -> None:
        """Go off `delay_ps` from now and hand `value` to whoever waits."""
        self._value = value
        self.env.schedule(self, priority, delay_ps)
