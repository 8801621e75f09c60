"""Schedules: in which order the holds of a burst may run, one policy a file.

Inside a layer operations run one position after the other. A schedule links the layers
("cells") of setup, draft, verify, draft-ahead and commit; `schedule_named` finds one by
the name that a scenario gives.
"""

from __future__ import annotations

from simcore.program.schedules.layer_pipelined import LayerPipelined
from simcore.program.schedules.overlap import Overlap
from simcore.program.schedules.policy import Layout, Predecessors, SchedulePolicy
from simcore.program.schedules.prefetch import Prefetch
from simcore.program.schedules.serialized import Serialized

#: Every schedule, in the order in which they build on each other.
SCHEDULES: tuple[SchedulePolicy, ...] = (
    Serialized(),
    LayerPipelined(),
    Prefetch(),
    Overlap(),
)

_BY_NAME = {schedule.name: schedule for schedule in SCHEDULES}


def schedule_named(name: str) -> SchedulePolicy:
    """The schedule of that name.

    Raises
    ------
    KeyError
        If there is none; a configuration that loads names none such.
    """
    return _BY_NAME[name]


__all__ = [
    "SCHEDULES",
    "Layout",
    "Predecessors",
    "SchedulePolicy",
    "schedule_named",
]
