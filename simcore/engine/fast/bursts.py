"""Bursts wait for SRAM room, start and end, as `simcore.engine.burst_controller`."""

from __future__ import annotations

from simcore.engine.fast.arrays import (
    ACCEPTED,
    BASE,
    BYTES,
    CANCELS,
    COMMIT_END_PS,
    COMMITTED,
    CONTEXT,
    CONTEXT_CAP,
    DRAFT_END_PS,
    END_PS,
    FIRST_AFTER,
    FIRST_AT_START,
    FIRST_GATE,
    HOLDS,
    LAST_AFTER,
    LAST_AT_START,
    LEGS,
    PER_COMMITTED,
    PER_TOKEN,
    PERIOD_PS,
    READY_PS,
    SRAM_BYTES,
    STALL_PS,
    START_PS,
    STEP,
    STEPS,
    SURVIVES,
    VARIANT,
    VERIFY_END_PS,
    WASTED,
    BurstArrays,
    Columns,
    ProgramArrays,
    VariantArrays,
)
from simcore.engine.fast.compiled import inlined
from simcore.engine.fast.holds import cancel
from simcore.engine.fast.queues import key_of
from simcore.engine.fast.state import (
    BURST_NUMBER,
    BURST_ROW,
    BURSTS_DONE,
    CANCELLED_OPS,
    COMMIT_LEVEL,
    DRAFT_LENGTH,
    FIRST_BURST,
    FREE_SLOTS,
    GIVEN_DURATIONS,
    HELD_BYTES,
    LAUNCH_PS,
    LAUNCHING,
    N_BURSTS,
    NEW_TO,
    NEXT_BURST,
    NEXT_READY_PS,
    NOW,
    OPEN_LEGS,
    REMAINING,
    REQUEST,
    SLOT,
    SLOT_CANCELS,
    SLOT_VARIANT,
    SRAM_CAPACITY,
    SRAM_CHANGED,
    SRAM_FIRST,
    SRAM_HOLDERS,
    SRAM_OCCUPIED,
    SRAM_WAITING,
    UNDECIDED,
    State,
)
from simcore.units import MAX_TIME_PS, PS_PER_NS


@inlined
def reserve(s: State, request: int) -> None:
    """The next burst of a request is ready and waits for SRAM room."""
    c = s.clock
    s.request[request, NEXT_READY_PS] = c[NOW]
    # In the order of age: all that wait are at least as old, or of this instant.
    n = len(s.sram_queue)
    last = c[SRAM_FIRST] + c[SRAM_WAITING]
    while last > c[SRAM_FIRST]:
        other = s.sram_queue[(last - 1) % n]
        if s.request[other, NEXT_READY_PS] < c[NOW] or other < request:
            break
        s.sram_queue[last % n] = other
        last -= 1
    s.sram_queue[last % n] = request
    c[SRAM_WAITING] += 1
    c[SRAM_CHANGED] = 1


@inlined
def serve_sram(b: BurstArrays, s: State) -> bool:
    """Grant the oldest reservations that fit; False where slots are missing."""
    c = s.clock
    while c[SRAM_WAITING] > 0:
        request = s.sram_queue[c[SRAM_FIRST] % len(s.sram_queue)]
        r = s.request[request]
        needed = b.given[r[FIRST_BURST] + r[NEXT_BURST], BYTES]
        if needed > c[SRAM_CAPACITY] - c[SRAM_OCCUPIED]:
            break
        if c[FREE_SLOTS] == 0:
            return False
        c[FREE_SLOTS] -= 1
        slot = s.free_slots[c[FREE_SLOTS]]
        c[SRAM_FIRST] = (c[SRAM_FIRST] + 1) % len(s.sram_queue)
        c[SRAM_WAITING] -= 1
        c[SRAM_OCCUPIED] += needed
        c[SRAM_HOLDERS] += 1
        r[HELD_BYTES] = needed
        r[SLOT] = slot
        s.slot[slot, REQUEST] = request
        s.launching[c[LAUNCHING]] = slot
        c[LAUNCHING] += 1
    c[SRAM_CHANGED] = 0
    return True


@inlined
def launch(
    p: ProgramArrays,
    v: VariantArrays,
    b: BurstArrays,
    s: State,
    rows: Columns,
    slot: int,
) -> bool:
    """Start a burst that has its room; False if a duration of it is impossible."""
    c, q = s.clock, s.slot[slot]
    r = s.request[q[REQUEST]]
    q[BURST_NUMBER] = r[NEXT_BURST]
    q[BURST_ROW] = r[FIRST_BURST] + r[NEXT_BURST]
    given = b.given[q[BURST_ROW]]
    q[REMAINING] = len(p.missing)
    q[CANCELLED_OPS] = 0
    q[LAUNCH_PS] = c[NOW]
    ranges = v.ranges[given[VARIANT]]
    q[SLOT_VARIANT] = given[VARIANT]
    q[SLOT_CANCELS] = ranges[CANCELS]
    q[UNDECIDED] = ranges[LAST_AFTER] - ranges[FIRST_AFTER]
    for op in range(len(p.missing)):
        s.code[slot, op] = p.missing[op]
    for level in range(s.level_end_ps.shape[1]):
        s.level_end_ps[slot, level] = -1
    for number in range(len(p.gate)):
        s.gate[slot, number, OPEN_LEGS] = p.gate[number, LEGS]
    if not _set_durations(p, b, s, slot):
        return False
    if ranges[LAST_AT_START] > ranges[FIRST_AT_START]:
        at_start = (ranges[FIRST_AT_START], ranges[LAST_AT_START])
        no_gates = (ranges[FIRST_GATE], ranges[FIRST_GATE])
        cancel(p, v, b, s, rows, slot, at_start, no_gates)
    for i in range(len(p.roots)):
        op = p.roots[i]
        if s.code[slot, op] == 0:
            s.newly[c[NEW_TO]] = key_of(p, s, slot, op)
            c[NEW_TO] += 1
    return True


@inlined
def _set_durations(p: ProgramArrays, b: BurstArrays, s: State, slot: int) -> bool:
    """How long the holds of a burst last, and their part in the sums.

    With the arithmetic of `OperationTable.durations_ps`, so that both round alike.
    """
    given = b.given[s.slot[slot, BURST_ROW]]
    for i in range(len(p.class_ns)):
        context = min(
            given[CONTEXT] + p.class_whole[i, STEP], p.class_whole[i, CONTEXT_CAP]
        )
        if not s.clock[GIVEN_DURATIONS]:
            linear_ns = (
                p.class_ns[i, BASE]
                + p.class_ns[i, PER_TOKEN] * context
                + p.class_ns[i, PER_COMMITTED] * given[COMMITTED]
            )
            scaled = linear_ns * PS_PER_NS
            if not 0 <= scaled < MAX_TIME_PS:
                return False
            linear = round(scaled)
            stall = p.class_whole[i, STALL_PS]
            beyond = linear - stall
            met = beyond // p.class_whole[i, PERIOD_PS] if beyond > 0 else 0
            s.duration_ps[slot, i] = linear + stall * met
        if not 0 <= s.duration_ps[slot, i] <= MAX_TIME_PS:
            return False
        s.class_busy_ps[i] += s.duration_ps[slot, i]
        s.class_context[i] += context
    return True


@inlined
def finish_burst(b: BurstArrays, s: State, slot: int) -> None:
    """Write down a burst that has ended, free its SRAM, and go on to the next."""
    c, q = s.clock, s.slot[slot]
    request = q[REQUEST]
    r = s.request[request]
    given, found = b.given[q[BURST_ROW]], b.found[q[BURST_ROW]]
    levels = s.level_end_ps[slot]
    draft = max(q[LAUNCH_PS], levels[0])
    verify = draft
    # Level 1 is the setup of verification; step j stands at level j + 2.
    for level in range(1, min(given[STEPS] + 2, c[COMMIT_LEVEL])):
        verify = max(verify, levels[level])
    found[READY_PS] = r[NEXT_READY_PS]
    found[START_PS] = q[LAUNCH_PS]
    found[DRAFT_END_PS] = draft
    found[VERIFY_END_PS] = verify
    found[COMMIT_END_PS] = max(verify, levels[c[COMMIT_LEVEL]])
    found[END_PS] = c[NOW]
    found[SRAM_BYTES] = r[HELD_BYTES]
    found[HOLDS] = len(s.code[slot]) - q[CANCELLED_OPS]
    wasted = c[DRAFT_LENGTH] - given[ACCEPTED]
    if q[SLOT_CANCELS] and wasted > 0:
        wasted = 0
        for level in range(given[ACCEPTED] + 3, c[COMMIT_LEVEL]):
            if levels[level] >= 0:
                wasted += 1
    found[WASTED] = wasted
    c[BURSTS_DONE] += 1
    r[NEXT_BURST] += 1
    goes_on = r[NEXT_BURST] < r[N_BURSTS]
    if given[SURVIVES]:
        # The room stays with the drafts that are in place.
        if goes_on:
            r[NEXT_READY_PS] = c[NOW]
            s.launching[c[LAUNCHING]] = slot
            c[LAUNCHING] += 1
        return
    c[SRAM_CHANGED] = 1
    c[SRAM_OCCUPIED] -= r[HELD_BYTES]
    c[SRAM_HOLDERS] -= 1
    s.free_slots[c[FREE_SLOTS]] = slot
    c[FREE_SLOTS] += 1
    if goes_on:
        reserve(s, request)
