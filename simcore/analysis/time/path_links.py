"""What each hold came after: one link back in time for every hold of a replication.

A hold that started when it was ready came after the predecessor that ended then. A
hold that waited for a hold of its own request came after that one; otherwise its wait
counts as waiting and it came after its predecessor as well. A gate is passed, not
followed: what stands behind it came after the gate was entered, and who waits at a
gate comes after the last operation inside the gate before.

Operations may be absent (cancelled or skipped): their predecessors stand for them,
and a hold that became ready when something was cancelled came after the hold of its
request that ended then.
"""

from __future__ import annotations

import numpy as np

from simcore.analysis.run_program import BoolArray, IntArray
from simcore.analysis.time.blockers import Blockers
from simcore.analysis.time.burst_structure import BurstStructure
from simcore.analysis.time.replication import HoldTimes, Replication
from simcore.errors import TraceError

_NONE = -1


class PathLinks:
    """The link of every hold, by hold number.

    Parameters
    ----------
    replication : Replication
        Event rows.
    holds : HoldTimes
        The same as holds.
    blockers : Blockers
        Who made each hold wait.
    across : bool
        Follow blockers of other requests as well, instead of counting the wait.

    Attributes
    ----------
    resume_ps : ndarray of int64
        Where the path goes on before a hold: its start when it did not wait or
        waited for its own request, otherwise when it was ready.
    before : ndarray of int64
        Hold number that the path goes on with; -1 at the start of a request.
    leaves_burst : ndarray of bool
        The hold is the first of its burst: `before` is in the burst before, and the
        waiting between the two is that of the burst.
    top_ps : ndarray of int64
        Until when a hold explains time: its end, for gates their start.
    """

    def __init__(
        self,
        replication: Replication,
        holds: HoldTimes,
        blockers: Blockers,
        *,
        across: bool = False,
    ) -> None:
        self._replication, self._holds = replication, holds
        self._structure: BurstStructure = replication.structure
        n_slots, n_ops = replication.n_slots, self._structure.n_ops
        self._is_gate = np.tile(self._structure.is_gate, n_slots)
        self.top_ps = np.where(self._is_gate, holds.start_ps, holds.end_ps)
        size = holds.present.size
        self.before = np.full(size, _NONE, dtype=np.int64)
        self.resume_ps = holds.ready_ps.copy()
        self._link_predecessors()
        request = np.repeat(replication.bursts["request"], n_ops)
        waited = np.flatnonzero(blockers.hold >= 0)
        theirs = blockers.hold[waited]
        if not across:
            own = request[waited] == request[theirs]
            waited, theirs = waited[own], theirs[own]
        self.resume_ps[waited] = holds.start_ps[waited]
        self.before[waited] = self._inside_gates(theirs)
        self._link_cancelled()
        self.leaves_burst = holds.present & (self.before == _NONE)
        self._link_bursts()
        self._check()

    # -- predecessors -----------------------------------------------------------

    def _link_predecessors(self) -> None:
        """The predecessor that ended last of those that ended by the ready time."""
        structure, holds = self._structure, self._holds
        n_slots, n_ops = self._replication.n_slots, structure.n_ops
        if not structure.after.size or not n_slots:
            return
        shape = (n_slots, n_ops)
        present = holds.present.reshape(shape)
        top = self.top_ps.reshape(shape).copy()
        stands_for = np.arange(n_slots * n_ops, dtype=np.int64).reshape(shape)
        if not present.all():
            stands_for, top = self._without_absent(present, stands_for, top)
        ready = holds.ready_ps.reshape(shape)
        after, before = structure.after, structure.before
        starts = np.flatnonzero(np.diff(after, prepend=-1))
        ops = after[starts]
        group = np.cumsum(np.diff(after, prepend=-1) != 0) - 1
        # Bursts one by one: a matrix of all edges of all bursts would be large.
        for slot in range(n_slots):
            ended = top[slot, before]
            usable = ended <= ready[slot, after]
            usable &= stands_for[slot, before] >= 0
            ended = np.where(usable, ended, _NONE)
            latest = np.maximum.reduceat(ended, starts)
            is_latest = usable & (ended == latest[group])
            # The first of equals: writing backwards lets it stand.
            edges = np.flatnonzero(is_latest)[::-1]
            chosen = np.full(ops.size, _NONE, dtype=np.int64)
            chosen[group[edges]] = stands_for[slot, before[edges]]
            self.before[slot * n_ops + ops] = chosen
        self.before[~holds.present] = _NONE

    def _without_absent(
        self, present: BoolArray, stands_for: IntArray, top: IntArray
    ) -> tuple[IntArray, IntArray]:
        """Let the latest predecessor of an absent operation stand for it."""
        stands_for = np.where(present, stands_for, _NONE)
        top = np.where(present, top, _NONE)
        predecessors = self._structure.predecessors
        partly: BoolArray = np.any(~present, axis=0)
        for op in self._structure.dependency_order.tolist():
            before = predecessors[op]
            if not partly[op] or not before.size:
                continue
            absent = np.flatnonzero(~present[:, op])
            choice = np.argmax(top[np.ix_(absent, before)], axis=1)
            stands_for[absent, op] = stands_for[absent, before[choice]]
            top[absent, op] = top[absent, before[choice]]
        return stands_for, top

    # -- gates, cancelled work, bursts -----------------------------------------

    def _inside_gates(self, numbers: IntArray) -> IntArray:
        """For gates the operation inside that ended with them; others themselves."""
        found = numbers.copy()
        n_ops = self._structure.n_ops
        for i in np.flatnonzero(self._is_gate[numbers]).tolist():
            gate = int(numbers[i])
            slot, op = divmod(gate, n_ops)
            members = slot * n_ops + self._structure.gate_members[op]
            members = members[self._holds.present[members]]
            if members.size:
                ended = self._holds.end_ps[members]
                # Ended after its gate: not what kept the gate closed.
                ended = np.where(ended <= self._holds.end_ps[gate], ended, _NONE)
                found[i] = members[int(np.argmax(ended))]
        return found

    def _link_cancelled(self) -> None:
        """Let what ended then stand before holds that no predecessor explains."""
        holds, n_ops = self._holds, self._structure.n_ops
        explained = np.where(self.before >= 0, self.top_ps[self.before], _NONE)
        start = np.repeat(self._replication.bursts["start_ps"], n_ops)
        explained = np.where(self.before >= 0, explained, start)
        gaps = holds.present & (explained != self.resume_ps)
        for slot in np.unique(np.flatnonzero(gaps) // n_ops).tolist():
            mine = slot * n_ops + np.flatnonzero(gaps[slot * n_ops :][:n_ops])
            candidates = self._lasting(slot)
            ends = holds.end_ps[candidates]
            if not ends.size:
                continue
            place = np.searchsorted(ends, self.resume_ps[mine], side="right") - 1
            inside = np.maximum(place, 0)
            exact = (place >= 0) & (ends[inside] == self.resume_ps[mine])
            # Without any predecessor in the trace the latest that ended must do.
            orphan = (self.before[mine] == _NONE) & (place >= 0)
            orphan &= ends[inside] > self._replication.bursts["start_ps"][slot]
            use = exact | orphan
            self.before[mine[use]] = candidates[inside[use]]

    def _lasting(self, slot: int) -> IntArray:
        """Holds of a burst and the one before that took time, by their end."""
        holds, n_ops = self._holds, self._structure.n_ops
        first = slot - 1 if self._follows(slot) else slot
        numbers = np.arange(first * n_ops, (slot + 1) * n_ops)
        numbers = numbers[
            holds.present[numbers]
            & ~self._is_gate[numbers]
            & (holds.end_ps[numbers] > holds.start_ps[numbers])
        ]
        return numbers[np.argsort(holds.end_ps[numbers], kind="stable")]

    def _follows(self, slot: int) -> bool:
        request = self._replication.bursts["request"]
        return slot > 0 and bool(request[slot] == request[slot - 1])

    def _link_bursts(self) -> None:
        n_ops = self._structure.n_ops
        for slot in range(self._replication.n_slots):
            if self._follows(slot):
                ready = int(self._replication.bursts["ready_ps"][slot])
                first = self.leaves_burst[slot * n_ops :][:n_ops]
                number = self.last_hold(slot - 1, ready)
                self.before[slot * n_ops + np.flatnonzero(first)] = number

    def last_hold(self, slot: int, by_ps: int) -> int:
        """The hold of a burst that ended last until a time; -1 if there is none.

        Of several the last in program order, but none that drafts ahead when there
        is another.
        """
        structure, n_ops = self._structure, self._structure.n_ops
        burst = slice(slot * n_ops, (slot + 1) * n_ops)
        end = self._holds.end_ps[burst]
        usable = self._holds.present[burst] & ~structure.is_gate & (end <= by_ps)
        if not usable.any():
            return _NONE
        latest = np.flatnonzero(usable & (end == end[usable].max()))
        settled = latest[~structure.is_ahead[latest]]
        op = settled[-1] if settled.size else latest[-1]
        return slot * n_ops + int(op)

    def _check(self) -> None:
        linked = np.flatnonzero(self._holds.present & (self.before >= 0))
        start = np.repeat(self._replication.bursts["start_ps"], self._structure.n_ops)
        ready = np.repeat(self._replication.bursts["ready_ps"], self._structure.n_ops)
        until = np.where(self.leaves_burst, ready, self.resume_ps)[linked]
        late = self.top_ps[self.before[linked]] > until
        early = self._holds.present & self.leaves_burst & (self.resume_ps < start)
        if late.any() or early.any() or np.any(start < ready):
            raise TraceError(
                f"events of replication {self._replication.number} contradict the "
                "order of the program; simcore validate tells more"
            )
