"""A point in time on the longest path, with what orders points of one instant."""

from __future__ import annotations

from typing import NamedTuple


class Moment(NamedTuple):
    """When something happens, and how many holds lie on the longest path to it.

    `settled` counts the holds of no duration that ended at this same instant before:
    the engine lets what they free or make ready compete only after them.
    """

    time: float
    settled: int
    holds: int

    def after(self, duration: float, holds: int, idle: int) -> Moment:
        """Later by `duration`; the last `idle` holds took no time."""
        settled = idle if duration else self.settled + idle
        return Moment(self.time + duration, settled, self.holds + holds)


#: The start of what is composed.
START = Moment(0, 0, 0)


def later(a: Moment, b: Moment) -> Moment:
    """The later of two, on a path as long as the longer one."""
    last = a if a[:2] >= b[:2] else b
    return last._replace(holds=max(a.holds, b.holds))
