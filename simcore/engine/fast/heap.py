"""The ends of holds in progress: a binary heap that leaves a hole where it took.

Most ends start a hold, whose end then fills the hole at the root: one walk down the
heap for both. Ends of one instant come in any order.
"""

from __future__ import annotations

from simcore.engine.fast.compiled import inlined
from simcore.engine.fast.state import HEAP, HOLE, NEVER, State


@inlined
def earliest_end(s: State) -> int:
    """When the next hold ends."""
    size = s.clock[HEAP]
    if not s.clock[HOLE]:
        return s.heap_ps[0] if size > 0 else NEVER
    if size < 2:
        return NEVER
    if size > 2 and s.heap_ps[2] < s.heap_ps[1]:
        return s.heap_ps[2]
    return s.heap_ps[1]


@inlined
def take_earliest(s: State) -> int:
    """Remove the hold that ends next; the heap holds one."""
    if s.clock[HOLE]:
        size = s.clock[HEAP] - 1
        s.clock[HEAP] = size
        _sink(s, s.heap_ps[size], s.heap_who[size], size)
    s.clock[HOLE] = 1
    return s.heap_who[0]


@inlined
def add_end(s: State, end_ps: int, who: int) -> None:
    """A hold ends at `end_ps`."""
    size = s.clock[HEAP]
    if s.clock[HOLE]:
        s.clock[HOLE] = 0
        _sink(s, end_ps, who, size)
        return
    s.clock[HEAP] = size + 1
    child = size
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
def _sink(s: State, end_ps: int, who: int, size: int) -> None:
    """Put an end into the hole at the root."""
    hole = 0
    child = 1
    while child < size:
        if child + 1 < size and s.heap_ps[child + 1] < s.heap_ps[child]:
            child += 1
        if end_ps <= s.heap_ps[child]:
            break
        s.heap_ps[hole] = s.heap_ps[child]
        s.heap_who[hole] = s.heap_who[child]
        hole = child
        child = 2 * hole + 1
    s.heap_ps[hole] = end_ps
    s.heap_who[hole] = who
