"""Who made a hold wait: the blocker, and what waits behind a reservation.

The blocker of a hold is whoever held one of its resources until it started. A hold
may also wait although all its resources are free, when an older waiting hold has
reserved them: that is head-of-line blocking.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simcore.analysis.run_program import IntArray
from simcore.analysis.time.busy_time import busy_of
from simcore.analysis.time.replication import HoldTimes, Replication


@dataclass(frozen=True)
class Blockers:
    """The blocker of every hold, by hold number.

    Attributes
    ----------
    hold : ndarray of int64
        Hold number of the blocker; -1 where nothing waits, or where what was waited
        for was only reserved (see the module).
    resource : ndarray of int64
        Resource that was waited for, by number; -1 where nothing waits.
    """

    hold: IntArray
    resource: IntArray


def find_blockers(replication: Replication, holds: HoldTimes) -> Blockers:
    """Blockers of all holds of a replication.

    Of several blockers that end at the same instant, one of the same request comes
    first, then the one on the first resource. Holds without duration never block.

    Parameters
    ----------
    replication : Replication
        Event rows.
    holds : HoldTimes
        The same as holds.
    """
    structure = replication.structure
    order = replication.by_resource
    start = replication.start_ps[order]
    waits = start > replication.ready_ps[order]
    lasting = np.flatnonzero(replication.end_ps[order] > start)
    # The last hold before each row that took time; the row itself does not count,
    # nor one of the same start, which a hold without duration may stand behind.
    rank = np.searchsorted(lasting, np.flatnonzero(waits)) - 1
    row = np.flatnonzero(waits)
    resource = replication.resource[order][row]
    previous = _place(lasting, rank)
    same_start = (previous >= 0) & (start[previous] == start[row])
    same_start &= replication.resource[order][previous] == resource
    previous = np.where(same_start, _place(lasting, rank - 1), previous)
    found = previous >= 0
    found &= replication.resource[order][previous] == resource
    found &= replication.end_ps[order][previous] == start[row]
    blocker_of = np.full(holds.present.size, -1, dtype=np.int64)
    resource_of = np.full(holds.present.size, -1, dtype=np.int64)
    waiting = holds.present & (holds.start_ps > holds.ready_ps)
    first = structure.first_resource
    resource_of[waiting] = np.tile(first, replication.n_slots)[waiting]
    row, previous, resource = row[found], previous[found], resource[found]
    mine, theirs = order[row], order[previous]
    request = replication.bursts["request"][replication.slot]
    own = request[mine] == request[theirs]
    index = structure.rows.index[replication.program_row[mine]]
    # The last assignment stands: own blockers last, first resources last.
    ranked = np.lexsort([-index, own])
    holder = replication.hold[mine[ranked]]
    blocker_of[holder] = replication.hold[theirs[ranked]]
    resource_of[holder] = resource[ranked]
    return Blockers(blocker_of, resource_of)


def _place(lasting: IntArray, rank: IntArray) -> IntArray:
    if not lasting.size:
        return np.full(rank.shape, -1, dtype=np.int64)
    found: IntArray = np.where(rank < 0, -1, lasting[np.maximum(rank, 0)])
    return found


def head_of_line_ps(replication: Replication) -> IntArray:
    """Time each event row's hold waits while all its resources are free.

    Parameters
    ----------
    replication : Replication
        Event rows.

    Returns
    -------
    ndarray of int64, shape (n_rows,)
        In ps; the same on all rows of a hold.
    """
    blocked = np.zeros(replication.op.size, dtype=np.int64)
    rows = np.flatnonzero(replication.start_ps > replication.ready_ps)
    number = replication.structure.set_of_op[replication.op[rows]]
    order = np.argsort(number, kind="stable")
    rows, number = rows[order], number[order]
    starts = np.flatnonzero(np.diff(number, prepend=-1))
    ends = np.append(starts, rows.size)[1:]
    for first, last in zip(starts, ends, strict=True):
        mine = rows[first:last]
        resources = replication.structure.resource_sets[number[first]]
        busy = busy_of(replication, resources)
        ready, start = replication.ready_ps[mine], replication.start_ps[mine]
        blocked[mine] = start - ready - (busy.until(start) - busy.until(ready))
    return blocked
