"""The ends of holds in progress: a binary heap that leaves a hole where it took.

Most ends start a hold, whose end then fills the hole at the root: one walk down the
heap for both. Places without an end, the hole too, hold a time that never comes, so
that a walk needs no look at the size. Ends of one instant come in any order.
"""

from __future__ import annotations

from simcore.engine.fast.compiled import inlined
from simcore.engine.fast.state import HEAP_SIZE, HOLE, NEVER, State


@inlined
def earliest_end(s: State) -> int:
    """When the next hold ends."""
    end: int = min(s.heap_ps[0], min(s.heap_ps[1], s.heap_ps[2]))
    return end


@inlined
def take_earliest(s: State) -> int:
    """Remove the hold that ends next; the heap holds one."""
    if s.clock[HOLE]:
        last = s.clock[HEAP_SIZE] - 1
        s.clock[HEAP_SIZE] = last
        end, who = s.heap_ps[last], s.heap_who[last]
        s.heap_ps[last] = NEVER
        _sink(s, end, who)
    s.clock[HOLE] = 1
    s.heap_ps[0] = NEVER
    first: int = s.heap_who[0]
    return first


@inlined
def add_end(s: State, end_ps: int, who: int) -> None:
    """A hold ends at `end_ps`."""
    if s.clock[HOLE]:
        s.clock[HOLE] = 0
        _sink(s, end_ps, who)
        return
    child = s.clock[HEAP_SIZE]
    s.clock[HEAP_SIZE] = child + 1
    while child > 0:
        parent = (child - 1) >> 1
        if s.heap_ps[parent] <= end_ps:
            break
        s.heap_ps[child] = s.heap_ps[parent]
        s.heap_who[child] = s.heap_who[parent]
        child = parent
    s.heap_ps[child] = end_ps
    s.heap_who[child] = who


@inlined
def _sink(s: State, end_ps: int, who: int) -> None:
    """Put an end into the hole at the root."""
    hole = 0
    while True:
        child = 2 * hole + 1
        first, second = s.heap_ps[child], s.heap_ps[child + 1]
        # Which of the two is chance: chosen without a branch.
        child += int(second < first)
        earlier = min(first, second)
        if end_ps <= earlier:
            break
        s.heap_ps[hole] = earlier
        s.heap_who[hole] = s.heap_who[child]
        hole = child
    s.heap_ps[hole] = end_ps
    s.heap_who[hole] = who
