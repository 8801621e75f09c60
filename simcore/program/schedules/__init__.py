"""Schedules: in which order the holds of a burst may run, one policy a file.

Inside a layer operations run one position after the other. A schedule links the layers
("cells") of setup, draft, verify, draft-ahead and commit; `schedule_named` finds one by
the name that a scenario gives. `register_schedule` adds one from outside.
"""

from __future__ import annotations

from simcore.program.schedules.layer_pipelined import LayerPipelined
from simcore.program.schedules.overlap import Overlap
from simcore.program.schedules.policy import (
    Layout,
    Predecessors,
    SchedulePolicy,
    entries,
    is_verify,
)
from simcore.program.schedules.prefetch import Prefetch
from simcore.program.schedules.registered import (
    checked_links,
    register_schedule,
    registered_named,
    unregister_schedule,
)
from simcore.program.schedules.serialized import Serialized

#: Every shipped schedule, in the order in which they build on each other.
SCHEDULES: tuple[SchedulePolicy, ...] = (
    Serialized(),
    LayerPipelined(),
    Prefetch(),
    Overlap(),
)

_BY_NAME = {schedule.name: schedule for schedule in SCHEDULES}


def schedule_named(name: str) -> SchedulePolicy:
    """The schedule of that name, shipped or registered.

    Raises
    ------
    ProgramError
        If there is none in this process.
    """
    return _BY_NAME.get(name) or registered_named(name)


def link(policy: SchedulePolicy, layout: Layout) -> Predecessors:
    """Predecessors of every operation; what is from outside is checked.

    Raises
    ------
    ProgramError
        If no engine could run them.
    """
    if _BY_NAME.get(policy.name) is policy:
        return policy.link(layout)
    return checked_links(policy, layout)


__all__ = [
    "SCHEDULES",
    "Layout",
    "Predecessors",
    "SchedulePolicy",
    "entries",
    "is_verify",
    "link",
    "register_schedule",
    "schedule_named",
    "unregister_schedule",
]
