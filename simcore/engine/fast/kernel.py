"""The loop of the compiled engine, which stops where it needs something from Python.

One instant is: all ends of holds and arrivals, the controllers of bursts that ended,
SRAM room, then rounds of grants until nothing becomes ready any more. Holds that last
no time end at the same instant, which then goes on from its beginning.
"""

from __future__ import annotations

from collections.abc import Callable

from simcore.engine.fast.arrays import (
    FIRST_RESOURCE,
    BurstArrays,
    Columns,
    ProgramArrays,
    VariantArrays,
)
from simcore.engine.fast.bursts import finish_burst, launch, reserve, serve_sram
from simcore.engine.fast.compiled import compiled, inlined, place, source_digest
from simcore.engine.fast.heap import add_end, earliest_end, take_earliest
from simcore.engine.fast.holds import end_hold, start_hold
from simcore.engine.fast.queues import (
    dequeue,
    enqueue,
    first_may_start,
    may_start,
    op_of_key,
    request_of_key,
)
from simcore.engine.fast.rows import end_instant
from simcore.engine.fast.state import (
    ARRIVED,
    BUSY_PS,
    CHANGED,
    CURRENT_SLOT,
    ENDED_HOLDS,
    EVENT_BUDGET,
    FINISHED,
    FINISHED_NEXT,
    GIVEN_DURATIONS,
    HEAD,
    HELD,
    IS_CHANGED,
    KEEPS_ROWS,
    LAUNCHING,
    N_BURSTS,
    NEVER,
    NEW_FROM,
    NEW_TO,
    NOW,
    PENDING_OP,
    PENDING_PS,
    PENDING_ROW,
    RECORD_SHIFT,
    ROWS,
    SLOT,
    SLOT_CANCELS,
    SRAM_CHANGED,
    STAGE,
    TELLS_ALL,
    TELLS_CUT,
    TOLD,
    State,
)

#: Why the kernel stopped.
(
    OUT_OF_EVENTS,
    BURST_ENDED,
    WANTS_SLOTS,
    WANTS_DURATIONS,
    WANTS_ROWS,
    WANTS_TRANSFER,
    BUDGET_SPENT,
    IMPOSSIBLE_TIME,
) = range(8)

#: Stages of an instant.
_NEXT, _ENDS, _BURSTS, _ROOM, _LAUNCH, _ROUND, _ROUND_END = range(7)


@inlined
def _tells(s: State, slot: int) -> bool:
    """Whether Python wants to know of the burst that ended in a slot."""
    if s.clock[TELLS_ALL]:
        return True
    return bool(s.clock[TELLS_CUT]) and bool(s.slot[slot, SLOT_CANCELS])


@inlined
def _end_all(
    p: ProgramArrays, v: VariantArrays, b: BurstArrays, s: State, rows: Columns
) -> None:
    """Everything that ends at this instant, and every arrival."""
    c = s.clock
    now = c[NOW]
    while earliest_end(s) == now:
        who = take_earliest(s)
        c[ENDED_HOLDS] += 1
        end_hold(p, v, b, s, rows, place(who >> 32), place(who))
    while c[ARRIVED] < len(s.arrival) and s.arrival[c[ARRIVED], 0] == now:
        request = s.arrival[c[ARRIVED], 1]
        if s.request[request, N_BURSTS] > 0:
            reserve(s, request)
        c[ARRIVED] += 1


@inlined
def _grant(p: ProgramArrays, s: State, rows: Columns) -> bool:
    """One scan of what became ready and of the queues that may go on."""
    c = s.clock
    first, last = c[NEW_FROM], c[NEW_TO]
    if last - first > 1:
        _sort_new(s, first, last)
    for i in range(first, last):
        key = s.newly[i]
        if not may_start(p, s, key):
            enqueue(p, s, key)
            continue
        slot = place(s.request[request_of_key(key), SLOT])
        if not start_hold(p, s, rows, slot, op_of_key(key), c[NOW]):
            return False
    for i in range(c[CHANGED]):
        resource = place(s.changed[i])
        s.unit[resource, IS_CHANGED] = 0
        if s.unit[resource, HEAD] < 0 or s.unit[resource, HELD]:
            continue
        record = place(s.unit[resource, HEAD] >> c[RECORD_SHIFT])
        if not first_may_start(p, s, record):
            continue
        key, ready = s.record_key[record], s.record_ready_ps[record]
        dequeue(p, s, record)
        op = op_of_key(key)
        s.wait_ps[op] += c[NOW] - ready
        slot = place(s.request[request_of_key(key), SLOT])
        if not start_hold(p, s, rows, slot, op, ready):
            return False
    c[CHANGED] = 0
    # What gates made ready comes in the next round.
    if c[NEW_TO] == last:
        c[NEW_FROM] = 0
        c[NEW_TO] = 0
    else:
        c[NEW_FROM] = last
    return True


@inlined
def _sort_new(s: State, first: int, last: int) -> None:
    """By age; all became ready at this instant."""
    gap = 1
    while 9 * gap < last - first:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(first + gap, last):
            key = s.newly[i]
            j = i
            while j - gap >= first and s.newly[j - gap] > key:
                s.newly[j] = s.newly[j - gap]
                j -= gap
            s.newly[j] = key
        gap //= 3


@inlined
def _begin_transfer(p: ProgramArrays, s: State, rows: Columns) -> bool:
    """Go on with a transfer that has been timed."""
    c = s.clock
    op, duration = c[PENDING_OP], c[PENDING_PS]
    c[PENDING_OP] = -1
    if not 0 <= duration <= NEVER - 1 - c[NOW]:
        return False
    s.sums[op, BUSY_PS] += duration
    add_end(s, c[NOW] + duration, (c[CURRENT_SLOT] << 32) | op)
    if c[KEEPS_ROWS]:
        n_rows = p.op[op + 1, FIRST_RESOURCE] - p.op[op, FIRST_RESOURCE]
        for row in range(c[PENDING_ROW], c[PENDING_ROW] + n_rows):
            rows.duration_ps[row] = duration
    return True


def _entry(digest: int) -> Callable[..., int]:
    """The kernel's one way in, with the sources it was compiled from in its key."""

    def advance(
        p: ProgramArrays, v: VariantArrays, b: BurstArrays, s: State, rows: Columns
    ) -> int:
        digest  # noqa: B018 - what a function encloses is part of its key in the cache
        c = s.clock
        stage = c[STAGE]
        while True:
            if stage == _NEXT:
                if c[KEEPS_ROWS]:
                    end_instant(p, s, rows)
                time = earliest_end(s)
                if c[ARRIVED] < len(s.arrival):
                    time = min(time, s.arrival[c[ARRIVED], 0])
                if time == NEVER:
                    c[STAGE] = stage
                    return OUT_OF_EVENTS
                if c[ENDED_HOLDS] > c[EVENT_BUDGET]:
                    return BUDGET_SPENT
                c[NOW] = time
                stage = _ENDS
            if stage == _ENDS:
                _end_all(p, v, b, s, rows)
                stage = _BURSTS if c[FINISHED] else _ROOM
            if stage == _BURSTS:
                while c[FINISHED_NEXT] < c[FINISHED]:
                    slot = place(s.finished[c[FINISHED_NEXT]])
                    tells = c[TELLS_ALL] or (
                        c[TELLS_CUT] and s.slot[slot, SLOT_CANCELS]
                    )
                    if tells and not c[TOLD]:
                        c[CURRENT_SLOT] = slot
                        c[TOLD] = 1
                        c[STAGE] = stage
                        return BURST_ENDED
                    c[TOLD] = 0
                    finish_burst(b, s, slot)
                    c[FINISHED_NEXT] += 1
                c[FINISHED_NEXT] = 0
                c[FINISHED] = 0
                stage = _ROOM
            if stage == _ROOM:
                if c[SRAM_CHANGED] and not serve_sram(b, s):
                    c[STAGE] = stage
                    return WANTS_SLOTS
                stage = _LAUNCH
                if c[LAUNCHING] and c[GIVEN_DURATIONS]:
                    c[STAGE] = stage
                    return WANTS_DURATIONS
            if stage == _LAUNCH:
                for i in range(c[LAUNCHING]):
                    if not launch(p, v, b, s, rows, place(s.launching[i])):
                        return IMPOSSIBLE_TIME
                c[LAUNCHING] = 0
                stage = _ROUND
            if stage == _ROUND:
                # A round starts at most one hold on every resource.
                if c[KEEPS_ROWS] and c[ROWS] + len(s.unit) > len(rows.op_id):
                    c[STAGE] = stage
                    return WANTS_ROWS
                if not _grant(p, s, rows):
                    return IMPOSSIBLE_TIME
                stage = _ROUND_END
                if c[PENDING_OP] >= 0:
                    c[STAGE] = stage
                    return WANTS_TRANSFER
            if c[PENDING_OP] >= 0 and not _begin_transfer(p, s, rows):
                return IMPOSSIBLE_TIME
            if c[NEW_TO] > 0:
                stage = _ROUND
            elif earliest_end(s) == c[NOW]:
                stage = _ENDS
            else:
                stage = _NEXT

    return compiled(advance)


advance = _entry(source_digest())
